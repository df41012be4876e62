/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routes end by idle time. The tables are swept a few buckets a turn, so that
 * no turn takes long however many routes there are.
 */
#include "forwarder/stages.h"

/* Buckets a turn, if so many are due: more than one only after a turn that took long, or a sleep. */
#define AGEING_BUCKETS 4

static bool ageing_visit(struct route_table *t, uint32_t index, void *arg)
{
	struct forwarder_worker *w = arg;
	const struct route *r = route_at(t, index);
	uint16_t idle_s = (uint16_t)(w->now_s - r->last_used_s);
	uint16_t timeout_s = r->vip < w->view->n_vips ? w->view->vips[r->vip].timeout_s[r->state] : 0;

	/* a VIP that is gone has all its timeouts 0: its routes end even if they are in use */
	if (timeout_s && idle_s <= timeout_s)
		return false;
	if (!plumbing_report(w, PLUMB_AGED, t, index, 0))
		return false; /* the classifier must know: next time */
	stage_trace_route(w, t, index, TRACE_ROUTE_AGED, idle_s, r->state);
	plumbing_forget(w, r);
	w->counters.routes_aged++;
	return true;
}

/* The memory of each step comes during the turns between it and the one before. */
static void ageing_sweep(struct forwarder_worker *w, struct route_table *t, uint64_t *due_tsc, uint64_t tsc_per_step,
			 uint32_t *cursor)
{
	for (unsigned i = 0; i < AGEING_BUCKETS && w->now_tsc >= *due_tsc; i++) {
		route_scan(t, cursor, 1, ageing_visit, w);
		*due_tsc += tsc_per_step;
	}
	if (w->now_tsc >= *due_tsc)
		*due_tsc = w->now_tsc; /* never mind what was not done in time */
	route_prefetch_scan(t, *cursor);
}

void ageing_poll(struct forwarder_worker *w)
{
	if (w->now_tsc >= w->sweep4_tsc) {
		ageing_sweep(w, w->routes4, &w->sweep4_tsc, w->tsc_per_sweep4, &w->sweep4_cursor);
		w->n_routes4 = route_table_count(w->routes4);
	}
	if (w->now_tsc >= w->sweep6_tsc) {
		ageing_sweep(w, w->routes6, &w->sweep6_tsc, w->tsc_per_sweep6, &w->sweep6_cursor);
		w->n_routes6 = route_table_count(w->routes6);
	}
}
