/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps of traced connections at a classifier. */
#include <string.h>

#include "classifier/service_internal.h"

void service_reasons_begin(const struct classifier_service *s, const struct baton_tuple *t, struct service_reasons *ret)
{
	struct baton_tuple client;

	ret->traced = s->view->trace && trace_wants(s->view->trace, t, &client);
	if (!ret->traced)
		return;
	ret->before = *classifier_counters_get(s->classifier);
	ret->session_hits = classifier_session_counters_get(s->classifier)->session_hits;
}

static void reason_tell(struct classifier_service *s, const struct baton_tuple *t, uint64_t before, uint64_t after,
			const char *name)
{
	if (before != after)
		service_trace(s, t,
			      &(struct trace_step){ .event = TRACE_DECIDED,
						    .endpoint = VIEW_NONE,
						    .text = name,
						    .text_len = (uint32_t)strlen(name) });
}

static void chosen_tell(struct classifier_service *s, const struct baton_tuple *t, uint16_t endpoint, bool by_session)
{
	const char *how = by_session ? "by its session" : "by shares of load";

	service_trace(
		s, t,
		&(struct trace_step){
			.event = TRACE_CHOSEN, .endpoint = endpoint, .text = how, .text_len = (uint32_t)strlen(how) });
}

void service_reasons_tell(struct classifier_service *s, const struct baton_tuple *t, struct service_reasons *r,
			  const struct classifier_decision *d)
{
	const struct classifier_counters *now = classifier_counters_get(s->classifier);

	if (!r->traced)
		return;
	if (d && d->n_routes && now->new_connections != r->before.new_connections)
		chosen_tell(s, t, d->routes[0].endpoint,
			    classifier_session_counters_get(s->classifier)->session_hits != r->session_hits);
#define X(name, text) reason_tell(s, t, r->before.name, now->name, #name);
	CLASSIFIER_COUNTERS(X)
#undef X
	r->before = *now;
}

void service_trace_step(void *arg, const struct baton_tuple *key, const struct trace_step *step)
{
	struct classifier_service *s = arg;

	if (step->event == TRACE_CHOSEN)
		chosen_tell(s, key, step->endpoint, s->by_session);
	else
		service_trace(s, key, step);
}
