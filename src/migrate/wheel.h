/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Timers of things with numbers, one each: a hashed wheel (Varghese, Lauck
 * 1987). Setting and clearing take constant time; a timer beyond the wheel's
 * turn is looked at once a turn. Timers are late by two ticks at most. Pure.
 */
#ifndef BATON_MIGRATE_WHEEL_H
#define BATON_MIGRATE_WHEEL_H

#include <stdbool.h>
#include <stdint.h>

#define WHEEL_TICK_SHIFT 17 /* 131 us */
#define WHEEL_SLOTS 8192u   /* 1.07 s */
#define WHEEL_NONE UINT32_MAX

struct wheel_node {
	uint64_t due_ns;
	uint32_t next, prev; /* WHEEL_NONE: at the end */
	uint32_t slot;       /* WHEEL_NONE: not set */
};

struct wheel {
	uint64_t tick; /* all up to here are done */
	uint32_t *slots;
	struct wheel_node *nodes;
};

/* For the numbers below n. 0 or -ENOMEM. */
int wheel_init(struct wheel *w, uint32_t n);
/* Takes a zeroed one. */
void wheel_fini(struct wheel *w);
/* Set anew, wherever it stood. */
void wheel_set(struct wheel *w, uint32_t id, uint64_t due_ns);
void wheel_clear(struct wheel *w, uint32_t id);
/* A number that is due, its timer cleared; WHEEL_NONE: none, or *budget of looks is used up. */
uint32_t wheel_pop(struct wheel *w, uint64_t now_ns, unsigned *budget);

#endif
