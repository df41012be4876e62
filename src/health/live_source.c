/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/live_source.h"

#include <errno.h>
#include <math.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "health/live_flow.h"

#define PERCENT_SUM 10000u
/* A host's word on its capacity is taken within these limits of the configured one. */
#define PACE_MIN 0.05
#define PACE_MAX 4.0
/*
 * Fewer tokens than this for each endpoint, on average, say too little of its
 * share: an allotment that is used for a few connections would send them to
 * whoever rounding favours. Percentages are followed exactly instead.
 */
#define TOKENS_EACH 4
/* Halvings in the search for the level: 2^-40 of the range. */
#define LEVEL_STEPS 40

struct live_source {
	double turn; /* 0-1: where rounding begins, another place each time */
	struct live_flow flow;
};

struct live_source *live_source_new(const struct live_params *p)
{
	struct live_source *s;

	if (p->n_classifiers == 0 || p->n_balancers == 0 || p->refresh_ns == 0 || p->kind > ALLOTMENT_PERCENT)
		return NULL;
	s = calloc(1, sizeof(*s) + p->n_classifiers * sizeof(s->flow.askers[0]));
	if (s)
		s->flow.p = *p;
	return s;
}

void live_source_free(struct live_source *s)
{
	free(s);
}

static bool fresh(const struct live_params *p, const struct live_endpoint *e, uint64_t now_ns)
{
	uint64_t then_ns = e->confirmed_ns > e->reported_ns ? e->confirmed_ns : e->reported_ns;

	return e->reported_ns && (now_ns < then_ns || now_ns - then_ns <= p->stale_ns);
}

static bool takes_part(const struct live_endpoint *e, bool is_fresh)
{
	return e->configured > 0 && e->state != HEALTH_FAILING && e->target == HEALTH_ACTIVE &&
	       e->current == HEALTH_ACTIVE && (!is_fresh || e->capacity > 0);
}

static double warmth(const struct live_params *p, const struct live_endpoint *e, uint64_t now_ns)
{
	double t;

	if (e->active_ns == 0 || p->warmup_ns == 0)
		return 1;
	t = now_ns > e->active_ns ? (double)(now_ns - e->active_ns) / (double)p->warmup_ns : 0;
	return fmin(fmax(t, LIVE_WARM_FIRST), 1);
}

static struct live_part part_of(const struct live_params *p, const struct live_endpoint *e, uint64_t now_ns)
{
	bool is_fresh = fresh(p, e, now_ns);
	struct live_part part = { .capacity = e->configured, .pace = 1, .warmth = warmth(p, e, now_ns) };

	if (!takes_part(e, is_fresh))
		return (struct live_part){ 0 };
	if (is_fresh) {
		part.pace = fmin(fmax((double)e->capacity / e->configured, PACE_MIN), PACE_MAX);
		part.load = (double)e->load / HEALTH_LOAD_FULL;
		if (e->load >= HEALTH_LOAD_FULL)
			part.flags |= ALLOTMENT_FULL;
	} else {
		part.flags |= ALLOTMENT_STALE;
	}
	if (part.warmth < 1)
		part.flags |= ALLOTMENT_WARMING;
	return part;
}

/* Of whom nothing is known is taken to be loaded like the others. */
static void fill_in_loads(struct live_part *parts, uint16_t n)
{
	double capacity = 0, load = 0;

	for (unsigned i = 0; i < n; i++) {
		if (parts[i].flags & ALLOTMENT_STALE)
			continue;
		capacity += parts[i].capacity;
		load += parts[i].capacity * parts[i].load;
	}
	for (unsigned i = 0; i < n; i++)
		if (parts[i].flags & ALLOTMENT_STALE)
			parts[i].load = capacity > 0 ? load / capacity : 0;
}

/* Sum of capacities that take part; 0: nobody. */
static double parts_fill(const struct live_params *p, const struct live_endpoint *e, uint16_t n, uint64_t now_ns,
			 struct live_part *parts)
{
	double sum = 0;

	for (unsigned i = 0; i < n; i++) {
		parts[i] = part_of(p, &e[i], now_ns);
		sum += parts[i].capacity;
	}
	fill_in_loads(parts, n);
	return sum;
}

/* Every endpoint looks dead: over all of them, so that whoever only looks dead can serve. */
static double parts_panic(const struct live_endpoint *e, uint16_t n, struct live_part *parts)
{
	double sum = 0;

	for (unsigned i = 0; i < n; i++) {
		parts[i] = (struct live_part){ .capacity = e[i].configured, .pace = 1, .warmth = 1 };
		parts[i].weight = parts[i].capacity;
		sum += parts[i].capacity;
	}
	return sum;
}

/* No less than the trickle; sum 1. */
static void weights_end(struct live_part *parts, uint16_t n, double capacities)
{
	double sum = 0, least, total = 0;

	for (unsigned i = 0; i < n; i++)
		sum += parts[i].weight;
	for (unsigned i = 0; i < n; i++) {
		least = LIVE_TRICKLE * parts[i].capacity / capacities * parts[i].warmth;
		parts[i].weight = fmax(sum > 0 ? parts[i].weight / sum : 0, least);
		total += parts[i].weight;
	}
	for (unsigned i = 0; i < n; i++)
		parts[i].weight /= total;
}

static void weigh_free_capacity(struct live_part *parts, uint16_t n)
{
	for (unsigned i = 0; i < n; i++) {
		struct live_part *x = &parts[i];

		x->weight = x->capacity * x->pace * x->warmth * fmax(1 - x->load, 0);
	}
}

/* Connections for one endpoint, if all are brought to this level. */
static double planned(const struct live_part *x, double finishing, double slots, double load, double level)
{
	double part = x->pace * x->warmth;

	return fmax(finishing * x->capacity * part + slots * (level * part - load), 0);
}

/* The range of levels: nobody gets anything; each alone would get all. */
static void level_range(const struct live_part *parts, const double *slots, const double *loads, uint16_t n,
			double n_due, double finishing, double *ret_low, double *ret_high)
{
	*ret_low = *ret_high = 0;
	for (unsigned i = 0; i < n; i++) {
		if (slots[i] <= 0)
			continue;
		*ret_low = fmin(*ret_low, -finishing * parts[i].capacity / slots[i]);
		*ret_high = fmax(*ret_high, (loads[i] + n_due / slots[i]) / (parts[i].pace * parts[i].warmth));
	}
}

/*
 * All balancers together have n_due connections to place within the horizon. Several of them know of each other's
 * connections only by reports and on average, so that each corrects less eagerly than one alone.
 */
static void weigh_level(const struct live_flow *f, struct live_part *parts, uint16_t n, double n_due, uint64_t now_ns)
{
	double gain = 0.4 + 0.6 / f->p.n_balancers, pace = 0, finishing, low, high;
	double slots[ALLOTMENT_MAX_ENDPOINTS], loads[ALLOTMENT_MAX_ENDPOINTS];

	for (unsigned i = 0; i < n; i++) {
		pace += parts[i].capacity * parts[i].pace * parts[i].warmth;
		slots[i] = gain * live_flow_slots(f, &parts[i]);
		loads[i] = live_flow_load(f, &parts[i], (uint16_t)i, now_ns);
	}
	finishing = n_due / pace;
	level_range(parts, slots, loads, n, n_due, finishing, &low, &high);
	for (unsigned step = 0; step < LEVEL_STEPS; step++) {
		double level = (low + high) / 2, sum = 0;

		for (unsigned i = 0; i < n; i++)
			sum += planned(&parts[i], finishing, slots[i], loads[i], level);
		if (sum > n_due)
			high = level;
		else
			low = level;
	}
	for (unsigned i = 0; i < n; i++)
		parts[i].weight = planned(&parts[i], finishing, slots[i], loads[i], high);
}

static uint32_t parts_count(const struct live_part *parts, uint16_t n)
{
	uint32_t count = 0;

	for (unsigned i = 0; i < n; i++)
		count += parts[i].capacity > 0;
	return count;
}

/*
 * Whether tokens would say too little: few are wanted, or few of them will be
 * used before the next allotment, which begins anew. Classifiers want some in
 * reserve, twice what they use at the least.
 */
static bool tokens_too_few(const struct live_flow *f, const struct allotment_request *r, uint32_t n_parts)
{
	double rate = f->askers[r->classifier].rate, used = 2 * rate * (double)f->p.refresh_ns;

	return (rate > 0 ? fmin(r->wanted, used) : r->wanted) < TOKENS_EACH * n_parts;
}

/*
 * Whole numbers with the exact sum: each gets what the rounded running sum
 * grows by. Rounding begins at another place each time (steps of the golden
 * ratio), so that a share below one comes to its right in the long run.
 */
static void share_out(struct live_source *s, const struct live_endpoint *e, const struct live_part *parts, uint16_t n,
		      const struct allotment_request *request, struct allotment *ret)
{
	uint32_t n_parts = parts_count(parts, n);
	/* of percentages nobody's is nothing */
	uint32_t least = ret->kind == ALLOTMENT_PERCENT || tokens_too_few(&s->flow, request, n_parts);
	uint32_t sum = least ? PERCENT_SUM - n_parts : request->wanted;
	double run;
	uint32_t before = 0;

	s->turn += 0.6180339887498949;
	s->turn -= floor(s->turn);
	run = s->turn;
	ret->kind = least ? ALLOTMENT_PERCENT : ALLOTMENT_TOKENS;
	for (unsigned i = 0; i < n; i++) {
		uint32_t upto, share;

		if (parts[i].capacity <= 0)
			continue;
		run += parts[i].weight * sum;
		/* the last bits of the weights' sum do not count; nor may they make it go down */
		upto = fmin(run + 1e-6, sum) < before ? before : (uint32_t)fmin(run + 1e-6, sum);
		share = upto - before + least;
		before = upto;
		if (share > 0 || parts[i].flags & ALLOTMENT_FULL)
			ret->shares[ret->n_shares++] = (struct allotment_share){ .endpoint = e[i].endpoint,
										 .flags = parts[i].flags,
										 .share = share };
	}
}

/*
 * Shares are made for this long, however soon the next allotment comes. Not
 * less than a service time, for who fills the emptiest host within a few
 * milliseconds does it together with all the others; and not less than reports
 * are apart, for nothing is learned sooner of what a share did.
 */
static double horizon_ns(const struct live_flow *f)
{
	return fmax(fmax((double)f->p.refresh_ns, (double)f->p.service_ns), f->report_ns);
}

int live_source_answer(struct live_source *s, const struct allotment_request *request,
		       const struct live_endpoint *endpoints, uint16_t n, uint64_t now_ns, struct allotment *ret)
{
	struct live_flow *f = &s->flow;
	struct live_part parts[ALLOTMENT_MAX_ENDPOINTS] = { 0 };
	double capacities, n_due;
	bool panic = false;

	if (request->classifier >= f->p.n_classifiers)
		return -EINVAL;
	if (n > ALLOTMENT_MAX_ENDPOINTS)
		return -E2BIG;

	capacities = parts_fill(&f->p, endpoints, n, now_ns, parts);
	if (capacities <= 0) {
		capacities = parts_panic(endpoints, n, parts);
		panic = capacities > 0;
	}
	live_flow_count(f, request, endpoints, parts, n, now_ns);
	n_due = live_flow_demand(f) * horizon_ns(f);
	if (!panic && n_due > 0 && f->per_capacity > 0 && f->p.service_ns > 0)
		weigh_level(f, parts, n, n_due, now_ns);
	else if (!panic)
		weigh_free_capacity(parts, n);
	if (capacities > 0)
		weights_end(parts, n, capacities);
	for (unsigned i = 0; i < n; i++)
		f->askers[request->classifier].weights[i] = parts[i].weight;

	*ret = (struct allotment){ .vip = request->vip,
				   .classifier = request->classifier,
				   .kind = f->p.kind,
				   .panic = panic,
				   .made_ns = now_ns,
				   .valid_ns = f->p.refresh_ns + f->p.refresh_ns / 3 };
	if (capacities > 0)
		share_out(s, endpoints, parts, n, request, ret);
	return 0;
}
