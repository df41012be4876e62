/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Outbox: messages of one lcore to one ring, handed over many at a time, so that
 * the ring's shared ends are touched once for all of them. They leave in the
 * order they were put in. Whoever has one sends to its ring by nothing else.
 */
#ifndef BATON_PLUMB_OUTBOX_H
#define BATON_PLUMB_OUTBOX_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/plumb.h"

struct channel;
struct rte_ring;

#define OUTBOX_MAX 64

/* All zero but .ring: empty. */
struct outbox {
	struct rte_ring *ring; /* borrowed */
	uint16_t n;
	uint16_t room; /* messages that it takes before it looks at the ring again */
	struct plumb_message *messages[OUTBOX_MAX];
};

/* Hand over what the ring has room for. The rest stays: producers beside this one may have taken its room. */
void outbox_hand_over(struct outbox *o);

/* Is there room for one more message? Looks at the ring, and hands over if the outbox is full. */
bool outbox_make_room(struct outbox *o);

/* False if the ring is full: m is still the caller's then. */
static inline bool outbox_put(struct outbox *o, struct plumb_message *m)
{
	if (o->n >= o->room && !outbox_make_room(o))
		return false;
	o->messages[o->n++] = m;
	return true;
}

static inline void outbox_flush(struct outbox *o)
{
	if (o->n)
		outbox_hand_over(o);
}

/* How full the ring is with what waits here, in 256ths; soon out of date. */
unsigned outbox_fill(const struct outbox *o);

/* Gives the messages back to the channel's pool. The outbox is of no use then. */
void outbox_fini(struct outbox *o, struct channel *c);

#endif
