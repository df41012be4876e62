/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The agent's event loop: descriptors by epoll, timers on the monotonic clock.
 * One thread. Watches and timers live in their owners' structs; the loop
 * allocates nothing but itself. Any callback may add, change or delete any
 * watch or timer, also its own, and free what they stand in.
 */
#ifndef BATON_AGENT_LOOP_H
#define BATON_AGENT_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;

/* A descriptor somebody waits for. Zeroed before its first use. */
struct loop_watch {
	int fd;
	/* events: EPOLLIN and so on, as they are; level-triggered. */
	void (*ready)(struct loop_watch *w, uint32_t events);
	bool watched; /* the loop's */
};

/* A moment somebody waits for. Zeroed before its first use. */
struct loop_timer {
	void (*due)(struct loop_timer *t, uint64_t now_ns);
	uint64_t at_ns; /* the loop's, as is the rest */
	struct loop_timer *next;
	bool set;
};

/* 0 and *ret, or -errno. */
int loop_new(struct loop **ret);
/* Takes NULL. Watches and timers need not be deleted before. */
void loop_free(struct loop *l);

/* Wait for these events (EPOLLIN, EPOLLOUT; 0: errors only), whether watched before or not. 0 or -errno. */
int loop_watch(struct loop *l, struct loop_watch *w, uint32_t events);
/* To be called before the descriptor is closed. Of one that is not watched: nothing. */
void loop_unwatch(struct loop *l, struct loop_watch *w);

/* Call once at this moment (clock_monotonic_ns()), no longer at the one before. */
void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t at_ns);
void loop_timer_del(struct loop *l, struct loop_timer *t);

/* Until loop_stop() is called: wait and call. 0 or -errno. */
int loop_run(struct loop *l);
/* One turn of the same, waiting at most so long (-1: for ever). 0 or -errno. */
int loop_turn(struct loop *l, int wait_ms);
/* From a callback. */
void loop_stop(struct loop *l);

#endif
