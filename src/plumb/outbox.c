/* SPDX-License-Identifier: BSD-3-Clause */
#include "plumb/outbox.h"

#include <string.h>

#include <rte_ring.h>

#include "plumb/channel.h"

void outbox_hand_over(struct outbox *o)
{
	unsigned n = rte_ring_enqueue_burst(o->ring, (void *const *)o->messages, o->n, NULL);

	o->n -= (uint16_t)n;
	if (o->n)
		memmove(o->messages, o->messages + n, o->n * sizeof *o->messages);
	o->room = 0;
}

bool outbox_make_room(struct outbox *o)
{
	unsigned room;

	if (o->n == OUTBOX_MAX)
		outbox_hand_over(o);
	room = rte_ring_free_count(o->ring);
	o->room = (uint16_t)(room < OUTBOX_MAX ? room : OUTBOX_MAX);
	return o->n < o->room;
}

unsigned outbox_fill(const struct outbox *o)
{
	return (rte_ring_count(o->ring) + o->n) * 256 / rte_ring_get_capacity(o->ring);
}

void outbox_fini(struct outbox *o, struct channel *c)
{
	for (unsigned i = 0; i < o->n; i++)
		channel_message_put(c, o->messages[i]);
	o->n = 0;
}
