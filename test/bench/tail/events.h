/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens next: a binary heap by time; equal times in the order they were added. */
#ifndef TAIL_EVENTS_H
#define TAIL_EVENTS_H

#include <stddef.h>
#include <stdint.h>

enum event_kind { EVENT_ARRIVAL, EVENT_DONE, EVENT_BURST, EVENT_REPORT, EVENT_REPORTED };

struct event {
	uint64_t at_ns;
	uint64_t order;
	enum event_kind kind;
	uint32_t host;
	uint32_t value;   /* DONE: version; REPORTED: requests in the host */
	uint8_t capacity; /* REPORTED */
};

struct events {
	struct event *heap;
	size_t n, room;
	uint64_t order;
};

/* 0 or -ENOMEM. */
int events_add(struct events *e, struct event x);
/* The first; there is one. */
struct event events_take(struct events *e);
void events_fini(struct events *e);

#endif
