/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarder/compact.h"

#include <string.h>

static bool same_source(const struct baton_tuple *a, const struct baton_tuple *b)
{
	return a->sport_be == b->sport_be && !memcmp(a->saddr, b->saddr, sizeof a->saddr);
}

static bool same_destination(const struct baton_tuple *a, const struct baton_tuple *b)
{
	return a->dport_be == b->dport_be && !memcmp(a->daddr, b->daddr, sizeof a->daddr);
}

/* Is this the worker's own source address? The first one becomes it. */
static bool own_source(struct baton_addr *own, const struct baton_tuple *to)
{
	if (!own->family) {
		own->family = to->family;
		memcpy(own->b, to->saddr, sizeof own->b);
	}
	return own->family == to->family && !memcmp(own->b, to->saddr, sizeof own->b);
}

static bool compact_nat(struct forwarder_worker *w, struct route *route, const struct plumb_route *r)
{
	const struct view_endpoint *ep = &w->view->endpoints[r->endpoint];

	if (r->endpoint >= w->view->n_endpoints || ep->family != r->nat.family || ep->port_be != r->nat.dport_be ||
	    memcmp(ep->addr, r->nat.daddr, sizeof ep->addr))
		return false;
	if (same_source(&r->nat, &r->key))
		return true;
	if (!own_source(r->nat.family == BATON_IPV4 ? &w->source4 : &w->source6, &r->nat))
		return false;
	route->flags |= ROUTE_FLAG_SOURCE;
	route->hot = r->nat.sport_be;
	return true;
}

static bool compact_return(const struct forwarder_worker *w, struct route *route, const struct plumb_route *r)
{
	const struct view_vip *vip = &w->view->vips[r->vip];

	if (r->vip >= w->view->n_vips || r->nexthop == VIEW_NONE || !same_destination(&r->nat, &r->key) ||
	    vip->addr.family != r->nat.family || vip->port_be != r->nat.sport_be ||
	    memcmp(vip->addr.b, r->nat.saddr, sizeof vip->addr.b))
		return false;
	route->hot = r->nexthop;
	return true;
}

void compact_mark(struct forwarder_worker *w, struct route_table *t, uint32_t index, const struct plumb_route *r)
{
	struct route *route = route_at(t, index);
	bool compact = false;

	if (r->action == PLUMB_ACTION_NAT)
		compact = compact_nat(w, route, r);
	else if (r->action == PLUMB_ACTION_RETURN)
		compact = compact_return(w, route, r);
	route_set_compact(t, index, compact);
}
