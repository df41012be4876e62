/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Deadlines of next hops, earliest first: a binary heap of ids that knows the
 * place of each, so that a deadline can be moved. Allocated once.
 */
#ifndef BATON_NEIGH_DUE_H
#define BATON_NEIGH_DUE_H

#include <stdint.h>

#define DUE_NEVER UINT64_MAX

struct due_item {
	uint64_t at_ns;
	uint16_t id;
};

struct due {
	struct due_item *heap;
	uint32_t *place; /* by id: index in heap + 1, or 0 */
	uint32_t n;
};

/* Room for ids below capacity. 0 or -ENOMEM. */
int due_init(struct due *d, uint16_t capacity);
void due_fini(struct due *d);
/* Set or move the deadline of an id. */
void due_set(struct due *d, uint16_t id, uint64_t at_ns);
/* Forget it, if it has one. */
void due_clear(struct due *d, uint16_t id);
/* The earliest deadline and its id, or DUE_NEVER with *ret_id untouched. */
uint64_t due_first(const struct due *d, uint16_t *ret_id);

#endif
