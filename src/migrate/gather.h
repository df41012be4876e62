/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Bytes of a stream that come in pieces, out of order or more than once. A byte
 * that is there never changes: what was decided on is what is handed over. Pure.
 */
#ifndef BATON_MIGRATE_GATHER_H
#define BATON_MIGRATE_GATHER_H

#include <stdbool.h>
#include <stdint.h>

#define GATHER_RANGES 6 /* the first flight of ten segments with every second one lost leaves five */

struct gather_range {
	uint32_t from, to; /* [from, to) */
};

/* Zeroed at first. */
struct gather {
	uint32_t n;
	struct gather_range ranges[GATHER_RANGES]; /* in order; neither overlap nor touch */
};

/* How many bytes are there from the very first one on. */
uint32_t gather_have(const struct gather *g);
/*
 * Put len bytes at an offset into buf, which has room for them. False, and
 * nothing is put, if there would be too many gaps.
 */
bool gather_put(struct gather *g, uint8_t *buf, uint32_t offset, const uint8_t *data, uint32_t len);

#endif
