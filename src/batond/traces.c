/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "base/clock.h"
#include "base/trace_log.h"
#include "batond/batond.h"

#define TRACES_STEPS 8192 /* kept, of all traces together */
#define TRACES_BURST 1024 /* taken in a turn */

int traces_start(struct batond *b)
{
	b->traces = trace_log_new(TRACES_STEPS);
	return b->traces ? 0 : -ENOMEM;
}

void traces_stop(struct batond *b)
{
	trace_log_free(b->traces);
	b->traces = NULL;
}

static void lost_note(struct batond *b)
{
	uint64_t lost = atomic_load_explicit(&b->channel.traces_lost, memory_order_relaxed);
	struct trace_record r = { .event = TRACE_LOST, .who = TRACE_CONTROL, .time_ns = clock_wall_ns() };

	if (lost == b->traces_lost)
		return;
	r.a = (uint32_t)(lost - b->traces_lost);
	b->traces_lost = lost;
	trace_log_add(b->traces, &r);
}

bool traces_poll(struct batond *b, uint64_t now_ns)
{
	struct trace_record r;

	for (unsigned i = 0; i < TRACES_BURST && rte_ring_dequeue_elem(b->channel.traces, &r, sizeof r) == 0; i++)
		trace_log_add(b->traces, &r);
	lost_note(b);
	return trace_log_expire(b->traces, now_ns, clock_wall_ns()) > 0;
}

struct trace_filters *traces_wanted(const struct batond *b)
{
	struct trace_filters *f = malloc(sizeof *f);

	if (!f)
		return NULL;
	trace_log_filters(b->traces, f);
	if (f->n)
		return f;
	free(f);
	return NULL;
}

void traces_in_force(struct batond *b)
{
	if (b->view->trace)
		trace_log_in_force(b->traces, b->view->trace, clock_wall_ns());
}
