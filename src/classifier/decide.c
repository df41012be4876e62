/* SPDX-License-Identifier: BSD-3-Clause */
/* What happens to a packet that missed: the rules stand at classifier_decide() in classifier.h. */
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "classifier/choice.h"
#include "classifier/guess.h"
#include "classifier/state.h"

#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* All that the steps of one decision need. */
struct decision {
	struct classifier *c;
	const struct view *v;
	const struct classifier_packet *p;
	uint64_t now_ns;
	uint32_t hash; /* of the packet's key */
	struct classifier_decision *ret;
};

/* SYN with FIN or RST: no connection has that. */
static bool absurd(const struct classifier_packet *p)
{
	return p->key.proto == IPPROTO_TCP && p->tcp_flags & TCP_SYN && p->tcp_flags & (TCP_FIN | TCP_RST);
}

static bool opens(const struct classifier_packet *p)
{
	return p->key.proto != IPPROTO_TCP || (p->tcp_flags & (TCP_SYN | TCP_ACK)) == TCP_SYN;
}

void classifier_route(const struct classifier *c, const struct conn *k, enum conn_side side, struct plumb_route *ret)
{
	const struct conn_nat *nat = inventory_nat(&c->inventory, k);

	memset(ret, 0, sizeof(*ret));
	ret->key = side == CONN_CLIENT ? k->key : nat->key;
	ret->vip = k->vip;
	ret->endpoint = k->endpoint;
	ret->state = k->state;
	ret->nexthop = VIEW_NONE;
	ret->action = k->endpoint == VIEW_NONE ? PLUMB_ACTION_DROP : PLUMB_ACTION_TUNNEL;
	if (k->mode == BATON_MODE_TUNNEL)
		return;

	/* each direction leaves as the other one's answer would come in */
	const struct baton_tuple *other = side == CONN_CLIENT ? &nat->key : &k->key;

	memcpy(ret->nat.saddr, other->daddr, sizeof(ret->nat.saddr));
	memcpy(ret->nat.daddr, other->saddr, sizeof(ret->nat.daddr));
	ret->nat.sport_be = other->dport_be;
	ret->nat.dport_be = other->sport_be;
	ret->nat.family = other->family;
	ret->nat.proto = other->proto;
	ret->action = PLUMB_ACTION_NAT;
	if (side == CONN_HOST) {
		ret->action = PLUMB_ACTION_RETURN;
		ret->nexthop = nat->nexthop;
		ret->port = nat->port;
		memcpy(ret->mac, nat->mac, sizeof(ret->mac));
	}
}

static void plumb(struct decision *d, struct conn *k, enum conn_side side)
{
	classifier_route(d->c, k, side, &d->ret->routes[d->ret->n_routes++]);
	k->holders[side] |= 1u << d->p->forwarder;
	k->plumbed_s = (uint8_t)(d->now_ns / CLOCK_NS_PER_S);
	d->ret->verdict = CLASSIFIER_PLUMB;
}

/* Where the client's packets come from now is where replies go. */
static void learn_way_back(struct decision *d, struct conn *k)
{
	struct conn_nat *nat = inventory_nat(&d->c->inventory, k);

	if (k->mode == BATON_MODE_TUNNEL)
		return;
	nat->nexthop = d->p->return_nexthop;
	nat->port = d->p->port;
	memcpy(nat->mac, d->p->src_mac, sizeof(nat->mac));
}

static void decide_known(struct decision *d, struct conn *k, enum conn_side side)
{
	uint8_t before = k->state;

	if (classifier_closing(k) && opens(d->p)) {
		/*
		 * A SYN from the host, which no client waits for; the client's own SYN begins anew. With the
		 * route as it is the forwarder would hand the packet over again, and without end.
		 */
		d->c->counters.reply_unmatched++;
		return;
	}
	if (side == CONN_CLIENT)
		learn_way_back(d, k);
	if (k->state == BATON_CONN_SYN && !(d->p->tcp_flags & TCP_SYN))
		k->state = BATON_CONN_ESTABLISHED;
	classifier_note_flags(k, side, d->p->tcp_flags);
	if (k->state != before)
		d->ret->n_changes = (uint8_t)classifier_changes(d->c, k, d->ret->changes);
	plumb(d, k, side);
	d->c->counters.replumbed++;
}

/* Does the host fail to answer, while the VIP wants such hosts avoided? Drained endpoints do answer. */
static bool host_silent(const struct view *v, const struct conn *k)
{
	const struct view_endpoint *e;

	if (k->endpoint >= v->n_endpoints || k->vip >= v->n_vips)
		return false;
	e = &v->endpoints[k->endpoint];
	return e->family && !e->retired && e->capacity > 0 && !e->usable &&
	       v->vips[k->vip].unreachable == BATON_UNREACHABLE_AVOID;
}

/* The counter to retire a known connection under, because this packet begins another; or NULL. */
static uint64_t *begins_anew(struct decision *d, const struct conn *k, enum conn_side side)
{
	if (side != CONN_CLIENT || !opens(d->p))
		return NULL;
	if (classifier_closing(k))
		return &d->c->counters.ended_final;
	if ((k->state == BATON_CONN_SYN || k->state == BATON_CONN_UDP) && host_silent(d->v, k))
		return &d->c->counters.placed_anew;
	return NULL;
}

/* What is plumbed again under the same key replaces the old route on this forwarder: no delete. */
static void spare_replaced(struct decision *d)
{
	struct classifier_decision *r = d->ret;
	uint8_t n = 0;

	for (uint8_t i = 0; i < r->n_deletes; i++) {
		for (uint8_t j = 0; j < r->n_routes; j++)
			if (memcmp(&r->deletes[i].key, &r->routes[j].key, sizeof(struct baton_tuple)) == 0)
				r->deletes[i].forwarders &= ~(1u << d->p->forwarder);
		if (r->deletes[i].forwarders)
			r->deletes[n++] = r->deletes[i];
	}
	r->n_deletes = n;
}

/* Key of the host's answers. Takes a source port in full NAT; returns its source, 0 in half NAT, or -EAGAIN. */
static int host_key_make(struct decision *d, uint16_t endpoint, uint8_t mode, struct baton_tuple *ret)
{
	const struct view_endpoint *e = &d->v->endpoints[endpoint];
	const struct baton_tuple *key = &d->p->key;
	struct snat *snat = &d->c->snat;
	uint16_t port;
	int source;

	memset(ret, 0, sizeof(*ret));
	memcpy(ret->saddr, e->addr, sizeof(ret->saddr));
	memcpy(ret->daddr, key->saddr, sizeof(ret->daddr));
	ret->sport_be = e->port_be;
	ret->dport_be = key->sport_be;
	ret->family = key->family;
	ret->proto = key->proto;
	if (mode == BATON_MODE_HALF_NAT)
		return 0;

	source = snat_get(snat, d->p->forwarder, key->family, key->proto, d->now_ns, &port);
	if (source < 0)
		return source;
	memcpy(ret->daddr, snat->sources[source].addr.b, sizeof(ret->daddr));
	ret->dport_be = htons(port);
	return source;
}

static int conn_add(struct decision *d, uint16_t endpoint, uint8_t mode, struct conn **ret)
{
	struct inventory *inv = &d->c->inventory;
	struct baton_tuple host_key;
	int source, err;

	if (mode == BATON_MODE_TUNNEL)
		return inventory_add(inv, &d->p->key, d->hash, NULL, ret);

	source = host_key_make(d, endpoint, mode, &host_key);
	if (source < 0)
		return source;
	err = inventory_add(inv, &d->p->key, d->hash, &host_key, ret);
	if (err) {
		if (mode == BATON_MODE_FULL_NAT)
			snat_put(&d->c->snat, (uint16_t)source, ntohs(host_key.dport_be), d->now_ns);
		return err;
	}
	(*ret)->mode = mode;
	inventory_nat(inv, *ret)->pool = (uint16_t)source;
	return 0;
}

static uint8_t state_first(const struct classifier_packet *p)
{
	if (p->key.proto != IPPROTO_TCP)
		return BATON_CONN_UDP;
	return opens(p) ? BATON_CONN_SYN : BATON_CONN_ESTABLISHED;
}

/* Give the connection to the endpoint. counter: what it counts as. */
static void place(struct decision *d, uint16_t endpoint, uint64_t *counter)
{
	struct classifier *c = d->c;
	uint8_t mode = d->v->vips[d->p->vip].mode;
	struct conn *k;
	int err = conn_add(d, endpoint, mode, &k);

	if (err) {
		*(err == -EAGAIN ? &c->counters.refused_ports_exhausted : &c->counters.refused_key_collision) += 1;
		return;
	}
	k->vip = d->p->vip;
	k->endpoint = endpoint;
	k->state = state_first(d->p);
	classifier_note_flags(k, CONN_CLIENT, d->p->tcp_flags);
	learn_way_back(d, k);
	plumb(d, k, CONN_CLIENT);
	if (mode != BATON_MODE_TUNNEL)
		plumb(d, k, CONN_HOST);
	classifier_count(c, endpoint);
	(*counter)++;
}

static void decide_new(struct decision *d)
{
	const struct view_vip *vip = &d->v->vips[d->p->vip];
	struct classifier_counters *n = &d->c->counters;
	struct session_key key[BATON_MAX_AFFINITIES];
	struct classifier_keys keys = { 0, key };
	uint16_t endpoint;

	/* before a token or a port is spent */
	if (inventory_full(&d->c->inventory)) {
		n->refused_inventory_full++;
		return;
	}
	if (vip->n_affinities)
		choice_client_keys(d->c, d->v, d->p->vip, &d->p->key, key, &keys.present);
	endpoint = classifier_choose(d->c, d->v, d->p->vip, &keys, NULL, 0, d->now_ns);
	if (endpoint == VIEW_NONE) {
		n->refused_no_endpoint++;
		return;
	}
	place(d, endpoint, &n->new_connections);
	if (d->ret->n_routes)
		choice_note(d->c, d->v, endpoint, &keys, d->now_ns);
}

static void decide_guess(struct decision *d)
{
	struct classifier_counters *n = &d->c->counters;
	uint16_t endpoint = guess_endpoint(d->v, d->p->vip, &d->p->key);

	if (endpoint == VIEW_NONE)
		n->refused_no_endpoint++;
	else if (inventory_full(&d->c->inventory))
		n->refused_inventory_full++;
	else
		place(d, endpoint, &n->guessed);
}

/* TCP, in the middle of a connection that is not in the inventory: the VIP's policy. */
static void decide_unknown(struct decision *d)
{
	const struct view_vip *vip = &d->v->vips[d->p->vip];

	/* full NAT: the source port is lost, so no host could know the packet */
	if (vip->unknown == BATON_UNKNOWN_HASH && vip->mode != BATON_MODE_FULL_NAT) {
		decide_guess(d);
	} else if (vip->unknown == BATON_UNKNOWN_DROP || d->p->tcp_flags & TCP_RST) {
		/* a reset is never answered with a reset */
		d->c->counters.unknown_dropped++;
	} else {
		d->ret->verdict = CLASSIFIER_RESET;
		d->c->counters.unknown_reset++;
	}
}

static bool has_vip(const struct decision *d)
{
	return d->p->vip < d->v->n_vips && d->v->vips[d->p->vip].addr.family;
}

static void decide_absent(struct decision *d)
{
	if (d->p->vip == VIEW_NONE)
		d->c->counters.reply_unmatched++;
	else if (!has_vip(d))
		d->c->counters.refused_no_vip++;
	else if (d->v->vips[d->p->vip].application && d->p->key.proto == IPPROTO_TCP)
		d->ret->verdict = CLASSIFIER_ACCEPT;
	else if (opens(d->p))
		decide_new(d);
	else
		decide_unknown(d);
}

void classifier_unknown(struct classifier *c, const struct view *v, const struct classifier_packet *p, uint64_t now_ns,
			struct classifier_decision *ret)
{
	struct decision d = { .c = c, .v = v, .p = p, .now_ns = now_ns, .ret = ret };

	ret->verdict = CLASSIFIER_DROP;
	ret->n_routes = ret->n_deletes = ret->n_changes = 0;
	d.hash = inventory_hash(&c->inventory, &p->key);
	if (!has_vip(&d))
		c->counters.refused_no_vip++;
	else if (opens(p))
		c->counters.unknown_dropped++; /* no host knows a connection that has not begun */
	else
		decide_unknown(&d);
}

void classifier_decide(struct classifier *c, const struct view *v, const struct classifier_packet *p, uint64_t now_ns,
		       struct classifier_decision *ret)
{
	struct decision d = { .c = c, .v = v, .p = p, .now_ns = now_ns, .ret = ret };
	enum conn_side side;
	uint64_t *retired;
	struct conn *k;

	assert(p->forwarder < c->params.n_forwarders);
	ret->verdict = CLASSIFIER_DROP;
	ret->n_routes = ret->n_deletes = ret->n_changes = 0;
	if (absurd(p)) {
		c->counters.unknown_dropped++;
		return;
	}
	d.hash = inventory_hash(&c->inventory, &p->key);
	k = inventory_find(&c->inventory, &p->key, d.hash, &side);
	if (!k) {
		decide_absent(&d);
		return;
	}
	retired = begins_anew(&d, k, side);
	if (!retired) {
		decide_known(&d, k, side);
		return;
	}
	ret->n_deletes = (uint8_t)classifier_deletes(c, k, ret->deletes);
	classifier_end(c, k, retired, now_ns);
	decide_absent(&d);
	spare_replaced(&d);
}
