/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routes end by idle time. The tables are swept a few buckets a turn, so that
 * no turn takes long however many routes there are.
 */
#include "forwarder/stages.h"

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
	plumbing_forget(w, r);
	w->counters.routes_aged++;
	return true;
}

void ageing_poll(struct forwarder_worker *w)
{
	if (w->now_tsc >= w->sweep4_tsc) {
		w->sweep4_tsc = w->now_tsc + w->tsc_per_sweep4;
		route_scan(w->routes4, &w->sweep4_cursor, AGEING_BUCKETS, ageing_visit, w);
		w->n_routes4 = route_table_count(w->routes4);
	}
	if (w->now_tsc >= w->sweep6_tsc) {
		w->sweep6_tsc = w->now_tsc + w->tsc_per_sweep6;
		route_scan(w->routes6, &w->sweep6_cursor, AGEING_BUCKETS, ageing_visit, w);
		w->n_routes6 = route_table_count(w->routes6);
	}
}
