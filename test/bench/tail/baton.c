/* SPDX-License-Identifier: BSD-3-Clause */
/* baton's own choice: the product's source of allotments and its use of them, one of each per balancer. */
#include <stdlib.h>

#include "classifier/classifier.h"
#include "classifier/tokens.h"
#include "health/live_source.h"
#include "tail.h"

struct balancer {
	struct live_source *source;
	struct tokens tokens;
	struct classifier_counters counters;
};

struct own {
	struct view *view;
	struct live_endpoint endpoints[TAIL_MAX_HOSTS];
	uint16_t ids[TAIL_MAX_HOSTS];
	struct allotment allotment;
	struct balancer balancers[TAIL_MAX_BALANCERS];
};

/* The project's code takes 0 for never. */
#define T0 1000000000ull

static void own_free(void *own)
{
	struct own *o = own;

	if (!o)
		return;
	for (unsigned b = 0; b < TAIL_MAX_BALANCERS; b++) {
		live_source_free(o->balancers[b].source);
		tokens_fini(&o->balancers[b].tokens);
	}
	view_free(o->view);
	free(o);
}

static int view_fill(struct tail *w, struct own *o, uint8_t consume)
{
	o->view->vips[0].addr.family = BATON_IPV4;
	o->view->vips[0].consume = consume;
	for (unsigned i = 0; i < w->p.n_hosts; i++) {
		o->ids[i] = (uint16_t)i;
		o->view->endpoints[i] = (struct view_endpoint){ .family = BATON_IPV4,
								.usable = 1,
								.capacity = tail_capacity(&w->hosts[i]) };
	}
	return view_vip_set_endpoints(o->view, 0, o->ids, (uint16_t)w->p.n_hosts);
}

static void *own_new(struct tail *w, uint8_t kind, uint8_t consume)
{
	struct own *o = calloc(1, sizeof(*o));
	const struct live_params p = {
		.kind = kind,
		.n_classifiers = 1,
		.n_balancers = (uint16_t)w->p.n_balancers,
		.refresh_ns = (uint64_t)(w->p.refresh_ms * 1e6),
		.service_ns = (uint64_t)(w->p.service_ms * w->p.service_hint * 1e6),
		.stale_ns = 10 * T0,
	};
	int status;

	if (!o)
		return NULL;
	o->view = view_new(1, (uint16_t)w->p.n_hosts, 0, 0);
	status = o->view ? view_fill(w, o, consume) : -1;
	for (unsigned b = 0; b < w->p.n_balancers && status == 0; b++) {
		o->balancers[b].source = live_source_new(&p);
		status = o->balancers[b].source ? tokens_init(&o->balancers[b].tokens, 1, 0, &o->balancers[b].counters)
						: -1;
	}
	if (status == 0)
		return o;
	own_free(o);
	return NULL;
}

static void allot(struct tail *w, struct own *o, struct balancer *b, const struct allotment_request *request)
{
	uint64_t now_ns = w->now_ns + T0;

	for (unsigned i = 0; i < w->p.n_hosts; i++) {
		unsigned load = w->reports[i].n * HEALTH_LOAD_FULL / w->p.n_cores;

		o->endpoints[i] = (struct live_endpoint){
			.endpoint = (uint16_t)i,
			.capacity = w->reports[i].capacity,
			.configured = tail_capacity(&w->hosts[i]),
			.load = (uint16_t)(load < HEALTH_LOAD_MAX ? load : HEALTH_LOAD_MAX),
			.state = HEALTH_HEALTHY,
			.target = HEALTH_ACTIVE,
			.current = HEALTH_ACTIVE,
			.reported_ns = w->reports[i].at_ns ? w->reports[i].at_ns + T0 : 0,
		};
	}
	live_source_answer(b->source, request, o->endpoints, (uint16_t)w->p.n_hosts, now_ns, &o->allotment);
	tokens_allot(&b->tokens, &o->allotment, now_ns);
}

static unsigned choose(struct tail *w, unsigned balancer)
{
	struct own *o = w->own;
	struct balancer *b = &o->balancers[balancer];
	uint64_t now_ns = w->now_ns + T0;
	struct allotment_request request;

	if (tokens_wants(&b->tokens, o->view, now_ns, &request))
		allot(w, o, b, &request);
	return tokens_choose(&b->tokens, o->view, 0, NULL, now_ns);
}

static void *new_greatest(struct tail *w)
{
	return own_new(w, ALLOTMENT_TOKENS, BATON_CONSUME_GREATEST);
}

static void *new_round_robin(struct tail *w)
{
	return own_new(w, ALLOTMENT_TOKENS, BATON_CONSUME_ROUND_ROBIN);
}

static void *new_percent(struct tail *w)
{
	return own_new(w, ALLOTMENT_PERCENT, BATON_CONSUME_ROUND_ROBIN);
}

#define BATON(text, make)                                                                           \
	{                                                                                           \
		.name = text, .uses_reports = true, .new = make, .free = own_free, .choose = choose \
	}

const struct tail_policy tail_baton = BATON("baton", new_percent);
const struct tail_policy tail_baton_greatest = BATON("baton, tokens: greatest", new_greatest);
const struct tail_policy tail_baton_round_robin = BATON("baton, tokens: round robin", new_round_robin);
