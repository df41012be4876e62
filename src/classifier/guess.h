/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Guess: where a connection that nobody remembers may live (requirement C4,
 * policy "hash"). Weighted rendezvous hashing (Thaler, Ravishankar 1998; the
 * weighted form -w/ln(u) after Schindler, Schomaker 2005): every key has its own
 * order of the endpoints, so that one which goes away moves only its own keys.
 *
 * The hash is public and the endpoints count by address and port, so that every
 * device, and a device after its restart, makes the same guess.
 */
#ifndef BATON_CLASSIFIER_GUESS_H
#define BATON_CLASSIFIER_GUESS_H

#include "baton/view.h"

/* Usable endpoint of the VIP for this key, weighted by capacity, or VIEW_NONE. */
uint16_t guess_endpoint(const struct view *v, uint16_t vip, const struct baton_tuple *key);

#endif
