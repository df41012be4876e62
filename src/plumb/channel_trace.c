/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdatomic.h>
#include <string.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "base/clock.h"
#include "plumb/channel.h"

void channel_trace(struct channel *c, const struct view *v, enum trace_who who, uint16_t index,
		   const struct baton_tuple *t, const struct trace_step *step)
{
	struct trace_record r;

	if (!trace_wants(v->trace, t, &r.key))
		return;
	r.time_ns = clock_wall_ns();
	r.seq = 0;
	r.event = step->event;
	r.who = (uint8_t)who;
	r.index = (uint8_t)index;
	r.a = step->a;
	r.b = step->b;
	memset(r.zero, 0, sizeof r.zero);
	memset(r.peer, 0, sizeof r.peer);
	r.peer_port_be = 0;
	if (step->endpoint < v->n_endpoints) {
		memcpy(r.peer, v->endpoints[step->endpoint].addr, sizeof r.peer);
		r.peer_port_be = v->endpoints[step->endpoint].port_be;
	}
	trace_text_set(&r, step->text ? step->text : "", step->text_len);
	if (rte_ring_enqueue_elem(c->traces, &r, sizeof r) < 0)
		atomic_fetch_add_explicit(&c->traces_lost, 1, memory_order_relaxed);
}
