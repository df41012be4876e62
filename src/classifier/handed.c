/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections that hosts took over, those that were refused, and what hosts say of their ends. */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "classifier/choice.h"

/* Refused connections may fill this part of the inventory, so that they push out nobody. */
#define REFUSED_PART 8

int classifier_add(struct classifier *c, const struct baton_tuple *key, uint16_t vip, uint16_t endpoint, uint8_t state,
		   uint8_t forwarder, uint64_t now_ns, struct plumb_route *ret)
{
	struct conn *k;
	int err = inventory_add(&c->inventory, key, inventory_hash(&c->inventory, key), NULL, &k);

	if (err)
		return err;
	k->vip = vip;
	k->endpoint = endpoint;
	k->state = state;
	if (state == BATON_CONN_FIN)
		k->seen = CONN_SEEN_FIN_CLIENT;
	else if (state == BATON_CONN_CLOSED)
		k->seen = CONN_SEEN_FIN_CLIENT | CONN_SEEN_FIN_HOST;
	k->holders[CONN_CLIENT] = 1u << forwarder;
	k->plumbed_s = (uint8_t)(now_ns / CLOCK_NS_PER_S);
	classifier_count(c, endpoint);
	classifier_route(c, k, CONN_CLIENT, ret);
	return 0;
}

static bool has_vip(const struct view *v, uint16_t vip)
{
	return vip < v->n_vips && v->vips[vip].addr.family;
}

/* Is it an endpoint of the VIP or of one of its pools? Its id may have been given to another one meanwhile. */
static bool serves(const struct view *v, uint16_t endpoint, uint16_t vip)
{
	const struct view_endpoint *e = endpoint < v->n_endpoints ? &v->endpoints[endpoint] : NULL;

	if (!e || !e->family || e->vip >= v->n_vips)
		return false;
	return e->vip == vip || (v->vips[e->vip].pool && v->vips[e->vip].pool_of == vip);
}

int classifier_place(struct classifier *c, const struct view *v, const struct classifier_handed *h, uint64_t now_ns,
		     struct plumb_route *ret)
{
	int err;

	if (!has_vip(v, h->vip) || !serves(v, h->endpoint, h->vip))
		return -ENOENT;
	err = classifier_add(c, &h->key, h->vip, h->endpoint, h->state, h->forwarder, now_ns, ret);
	if (err) {
		c->counters.refused_inventory_full += err == -ENOSPC;
		return err;
	}
	c->counters.handed_over++;
	choice_note(c, v, h->endpoint, &h->keys, now_ns);
	return 0;
}

int classifier_refuse(struct classifier *c, const struct view *v, const struct baton_tuple *key, uint8_t forwarder,
		      uint16_t vip, uint64_t now_ns, struct plumb_route *ret)
{
	int err = -ENOSPC;

	if (!has_vip(v, vip))
		return -ENOENT;
	/* CLOSED: the client's next SYN begins anew */
	if (c->n_refused < c->params.max_connections / REFUSED_PART)
		err = classifier_add(c, key, vip, VIEW_NONE, BATON_CONN_CLOSED, forwarder, now_ns, ret);
	c->counters.drop_routes += err == 0;
	c->counters.drop_routes_full += err == -ENOSPC;
	return err;
}

void classifier_ended(struct classifier *c, const struct view *v, const struct plumb_host *m, uint8_t forwarder,
		      uint64_t now_ns, struct classifier_ended *ret)
{
	enum conn_side side;
	struct conn *k = inventory_find(&c->inventory, &m->key, inventory_hash(&c->inventory, &m->key), &side);

	ret->n_deletes = ret->n_changes = 0;
	if (!k || side != CONN_CLIENT) {
		c->counters.reports_strange++;
		return;
	}
	/* an endpoint that has connections is in every view */
	if (k->endpoint >= v->n_endpoints || v->endpoints[k->endpoint].family != m->key.family ||
	    memcmp(v->endpoints[k->endpoint].addr, m->from, sizeof m->from) != 0) {
		c->counters.reports_foreign++;
		return;
	}
	if (!m->routed || !(k->holders[CONN_CLIENT] & 1u << forwarder)) {
		c->counters.reports_late++;
		return;
	}
	if (m->state == BATON_SHIM_CONN_LINGERS) {
		k->seen |= CONN_SEEN_FIN_CLIENT | CONN_SEEN_FIN_HOST;
		k->state = BATON_CONN_CLOSED;
		ret->n_changes = (uint8_t)classifier_changes(c, k, ret->changes);
	} else if (m->state == BATON_SHIM_CONN_ENDED) {
		ret->n_deletes = (uint8_t)classifier_deletes(c, k, ret->deletes);
		classifier_end(c, k, &c->counters.ended_by_host, now_ns);
	}
}
