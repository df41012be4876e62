/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps of traced connections; nothing happens here while nobody is traced. */
#include <string.h>

#include "forwarder/stages.h"

void stage_trace_drop(struct forwarder_worker *w, enum forwarder_drop reason)
{
	const char *text = forwarder_drop_text(reason);

	stage_trace(w, w->subject,
		    &(struct trace_step){ .event = TRACE_DROPPED,
					  .endpoint = VIEW_NONE,
					  .text = text,
					  .text_len = (uint32_t)strlen(text) });
}

void stage_trace_plumb(struct forwarder_worker *w, const struct plumb_route *r, enum trace_event event)
{
	/* a return route's packets come from the host; where they go in the end is the client */
	const struct baton_tuple *t = r->action == PLUMB_ACTION_RETURN ? &r->nat : &r->key;

	stage_trace(w, t,
		    &(struct trace_step){
			    .event = (uint16_t)event, .endpoint = r->endpoint, .a = r->action, .b = r->state });
}

void stage_trace_route(struct forwarder_worker *w, struct route_table *t, uint32_t index, enum trace_event event,
		       uint32_t a, uint32_t b)
{
	const struct route *r = route_at(t, index);
	struct baton_tuple key;

	if (likely(!w->view->trace))
		return;
	if (r->action == PLUMB_ACTION_RETURN)
		key = route_nat_at(t, index)->to;
	else
		route_key_at(t, index, &key);
	stage_trace(w, &key, &(struct trace_step){ .event = (uint16_t)event, .endpoint = r->endpoint, .a = a, .b = b });
}
