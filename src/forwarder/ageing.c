/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Routes end by idle time. The tables are swept a few buckets a turn, and few
 * routes end in one turn, so that no turn takes long however many routes there
 * are and however many of them end at once.
 */
#include "forwarder/route_table.h"
#include "forwarder/stages.h"

/* Buckets a turn, if so many are due: more than one only after a turn that took long, or a sleep. */
#define AGEING_BUCKETS 4

/* Routes whose classifier is told a turn: together they cost about as much as a burst of packets. */
#define AGEING_ENDS 8

static bool ageing_visit(struct route_table *t, uint32_t index, void *arg)
{
	struct forwarder_worker *w = arg;
	const struct route *r = route_at(t, index);
	uint16_t idle_s = (uint16_t)(w->now_s - r->last_used_s);
	uint16_t timeout_s = r->vip < w->view->n_vips ? w->view->vips[r->vip].timeout_s[r->state] : 0;

	/* a VIP that is gone has all its timeouts 0: its routes end even if they are in use */
	if (timeout_s && idle_s <= timeout_s)
		return false;
	if (w->n_ends++ >= AGEING_ENDS)
		return false; /* this bucket comes once more */
	if (!plumbing_report(w, PLUMB_AGED, t, index, 0))
		return false; /* the classifier must know: next time */
	stage_trace_route(w, t, index, TRACE_ROUTE_AGED, idle_s, r->state);
	plumbing_forget(w, r);
	w->counters.routes_aged++;
	return true;
}

/* What a whole sweep has seen of the table's shape is published at its end. Behind the last bucket comes the first. */
static void ageing_shape(struct worker_sweep *s, const struct route_table *t, uint32_t bucket)
{
	bool overflowed = t->buckets[bucket].overflow;

	s->run = overflowed ? s->run + 1 : 0;
	s->overflowed += overflowed;
	s->longest = s->run > s->longest ? s->run : s->longest;
	if (s->run == bucket + 1)
		s->head = s->run;
	if (bucket + 1 < t->n_buckets)
		return;
	if (s->run + s->head > s->longest)
		s->longest = s->run + s->head < t->n_buckets ? s->run + s->head : t->n_buckets - 1;
	s->shape = (struct worker_shape){ .overflowed = s->overflowed, .longest_search = s->longest + 1 };
	s->run = s->head = s->overflowed = s->longest = 0;
}

/* The memory of each step comes during the turns between it and the one before. */
static void ageing_sweep(struct forwarder_worker *w, struct route_table *t, struct worker_sweep *s,
			 uint64_t tsc_per_step)
{
	for (unsigned i = 0; i < AGEING_BUCKETS && w->now_tsc >= s->due_tsc; i++) {
		uint32_t bucket = s->cursor;

		route_scan(t, &s->cursor, 1, ageing_visit, w);
		if (w->n_ends > AGEING_ENDS) {
			s->cursor = bucket;
			return;
		}
		ageing_shape(s, t, bucket);
		s->due_tsc += tsc_per_step;
	}
	if (w->now_tsc >= s->due_tsc)
		s->due_tsc = w->now_tsc; /* never mind what was not done in time */
	route_prefetch_scan(t, s->cursor);
}

unsigned ageing_poll(struct forwarder_worker *w)
{
	w->n_ends = 0;
	if (w->now_tsc >= w->sweep4.due_tsc) {
		ageing_sweep(w, w->routes4, &w->sweep4, w->tsc_per_sweep4);
		w->n_routes4 = route_table_count(w->routes4);
	}
	if (w->now_tsc >= w->sweep6.due_tsc) {
		ageing_sweep(w, w->routes6, &w->sweep6, w->tsc_per_sweep6);
		w->n_routes6 = route_table_count(w->routes6);
	}
	return w->n_ends;
}
