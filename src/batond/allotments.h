/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Answers the classifiers' requests for allotments: from configured capacities,
 * or from what the hosts say, as each VIP is configured. Control thread.
 */
#ifndef BATON_BATOND_ALLOTMENTS_H
#define BATON_BATOND_ALLOTMENTS_H

#include <stdint.h>

#include "baton/allotment.h"

struct batond;

int allotments_start(struct batond *b);
void allotments_stop(struct batond *b);
/* Answer the requests that wait. */
void allotments_poll(struct batond *b, uint64_t now_ns);
/* The last one made for a VIP, or NULL; borrowed. */
const struct allotment *allotments_last(const struct batond *b, uint16_t vip);

#endif
