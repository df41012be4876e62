/* SPDX-License-Identifier: BSD-3-Clause */
#include "classifier/classifier.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "classifier/state.h"

#define TCP_FIN 0x01
#define TCP_RST 0x04

/* A PLUMB_ADD younger than this may still be on its way. Seconds. */
#define ADD_UNDER_WAY_S 2

static bool params_valid(const struct classifier_params *p)
{
	if (p->n_classifiers == 0 || p->index >= p->n_classifiers)
		return false;
	if (p->n_forwarders == 0 || p->n_forwarders > VIEW_MAX_FORWARDERS)
		return false;
	for (unsigned i = 0; i < p->n_forwarders; i++)
		if (p->snat[i].n_addrs > CLASSIFIER_MAX_SNAT)
			return false;
	return true;
}

struct classifier *classifier_new(const struct classifier_params *p)
{
	struct classifier *c;

	if (!params_valid(p))
		return NULL;
	c = aligned_alloc(alignof(struct classifier), sizeof(*c));
	if (!c)
		return NULL;
	memset(c, 0, sizeof(*c));
	c->params = *p;
	c->endpoints = calloc(VIEW_NONE, sizeof(*c->endpoints));
	if (!c->endpoints || inventory_init(&c->inventory, p->max_connections, p->nat, p->hash_key) ||
	    tokens_init(&c->tokens, p->max_vips ? p->max_vips : CLASSIFIER_MAX_VIPS_DEFAULT, p->index, &c->counters) ||
	    snat_init(&c->snat, p)) {
		classifier_free(c);
		return NULL;
	}
	return c;
}

void classifier_free(struct classifier *c)
{
	if (!c)
		return;
	snat_fini(&c->snat);
	tokens_fini(&c->tokens);
	inventory_fini(&c->inventory);
	free(c->endpoints);
	free(c);
}

void classifier_end(struct classifier *c, struct conn *k, uint64_t *counter, uint64_t now_ns)
{
	if (k->mode == BATON_MODE_FULL_NAT) {
		const struct conn_nat *nat = inventory_nat(&c->inventory, k);

		snat_put(&c->snat, nat->pool, ntohs(nat->key.dport_be), now_ns);
	}
	if (k->endpoint == VIEW_NONE)
		c->n_refused--;
	else
		c->endpoints[k->endpoint].live--;
	(*counter)++;
	inventory_del(&c->inventory, k);
}

void classifier_count(struct classifier *c, uint16_t endpoint)
{
	if (endpoint == VIEW_NONE) {
		c->n_refused++;
		return;
	}
	c->endpoints[endpoint].live++;
	c->endpoints[endpoint].total++;
}

static const struct baton_tuple *side_key(const struct classifier *c, const struct conn *k, unsigned side)
{
	return side == CONN_CLIENT ? &k->key : &inventory_nat(&c->inventory, k)->key;
}

unsigned classifier_deletes(const struct classifier *c, const struct conn *k, struct classifier_delete ret[2])
{
	unsigned n = 0;

	for (unsigned side = CONN_CLIENT; side <= CONN_HOST; side++)
		if (k->holders[side])
			ret[n++] = (struct classifier_delete){ *side_key(c, k, side), k->holders[side] };
	return n;
}

unsigned classifier_changes(const struct classifier *c, const struct conn *k, struct classifier_state_change ret[2])
{
	unsigned n = 0;

	for (unsigned side = CONN_CLIENT; side <= CONN_HOST; side++)
		if (k->holders[side])
			ret[n++] =
				(struct classifier_state_change){ *side_key(c, k, side), k->holders[side], k->state };
	return n;
}

bool classifier_note_flags(struct conn *k, enum conn_side side, uint8_t tcp_flags)
{
	const uint8_t both = CONN_SEEN_FIN_CLIENT | CONN_SEEN_FIN_HOST;
	uint8_t before = k->state;

	if (k->state == BATON_CONN_UDP)
		return false;
	if (tcp_flags & TCP_FIN)
		k->seen |= 1u << side;
	if (tcp_flags & TCP_RST)
		k->seen |= CONN_SEEN_RST;
	if (k->seen & CONN_SEEN_RST || (k->seen & both) == both)
		k->state = BATON_CONN_CLOSED;
	else if (k->seen & both)
		k->state = BATON_CONN_FIN;
	return k->state != before;
}

void classifier_ahead(const struct classifier *c, const struct baton_tuple *const keys[], unsigned n)
{
	uint32_t hashes[CLASSIFIER_AHEAD];

	for (unsigned i = 0; i < n; i++) {
		hashes[i] = inventory_hash(&c->inventory, keys[i]);
		inventory_prefetch(&c->inventory, hashes[i]);
	}
	for (unsigned i = 0; i < n; i++)
		inventory_prefetch_place(&c->inventory, hashes[i]);
}

/* The connection whose route of this key is on the forwarder, or NULL: news of one that was replaced since. */
static struct conn *find_held(struct classifier *c, const struct baton_tuple *key, uint8_t forwarder,
			      enum conn_side *ret_side)
{
	struct conn *k = inventory_find(&c->inventory, key, inventory_hash(&c->inventory, key), ret_side);

	return k && forwarder < c->params.n_forwarders && k->holders[*ret_side] & 1u << forwarder ? k : NULL;
}

unsigned classifier_final(struct classifier *c, const struct baton_tuple *key, uint8_t forwarder, uint8_t tcp_flags,
			  struct classifier_state_change ret[2])
{
	enum conn_side side;
	struct conn *k = find_held(c, key, forwarder, &side);

	if (!k || !classifier_note_flags(k, side, tcp_flags))
		return 0;
	return classifier_changes(c, k, ret);
}

static bool add_under_way(const struct conn *k, uint64_t now_ns)
{
	return (uint8_t)((uint8_t)(now_ns / CLOCK_NS_PER_S) - k->plumbed_s) < ADD_UNDER_WAY_S;
}

/* Was this the only forwarder, and the connection just begun? */
static bool never_started(const struct conn *k, uint8_t forwarder)
{
	uint32_t others = (k->holders[CONN_CLIENT] | k->holders[CONN_HOST]) & ~(1u << forwarder);

	return !others && (k->state == BATON_CONN_SYN || k->state == BATON_CONN_UDP);
}

static unsigned add_failed_on(struct classifier *c, struct conn *k, uint8_t forwarder, enum conn_side side,
			      uint64_t now_ns, struct classifier_delete ret[2])
{
	/* first of all the failed key, of which one more PLUMB_ADD may be on its way */
	unsigned n = 1;

	if (add_under_way(k, now_ns) && never_started(k, forwarder)) {
		n = classifier_deletes(c, k, ret);
		classifier_end(c, k, &c->counters.refused_table_full, now_ns);
		return n;
	}
	ret[0] = (struct classifier_delete){ *side_key(c, k, side), 1u << forwarder };
	k->holders[side] &= ~(1u << forwarder);
	c->counters.replumb_failed++;
	if (!k->holders[CONN_CLIENT] && !k->holders[CONN_HOST])
		classifier_end(c, k, &c->counters.refused_table_full, now_ns);
	return n;
}

unsigned classifier_aged(struct classifier *c, const struct baton_tuple *key, uint8_t forwarder, bool add_failed,
			 uint64_t now_ns, struct classifier_delete ret[2])
{
	enum conn_side side;
	struct conn *k = find_held(c, key, forwarder, &side);
	unsigned n = 0;

	if (!k)
		return 0;
	if (add_failed)
		return add_failed_on(c, k, forwarder, side, now_ns, ret);

	k->holders[side] &= ~(1u << forwarder);
	if (add_under_way(k, now_ns))
		ret[n++] = (struct classifier_delete){ *key, 1u << forwarder };
	if (!k->holders[CONN_CLIENT] && !k->holders[CONN_HOST])
		classifier_end(c, k, classifier_closing(k) ? &c->counters.ended_final : &c->counters.ended_idle,
			       now_ns);
	return n;
}

bool classifier_wants(struct classifier *c, const struct view *v, uint64_t now_ns, struct allotment_request *ret)
{
	return tokens_wants(&c->tokens, v, now_ns, ret);
}

void classifier_allot(struct classifier *c, const struct allotment *a, uint64_t now_ns)
{
	tokens_allot(&c->tokens, a, now_ns);
}

const struct classifier_counters *classifier_counters_get(const struct classifier *c)
{
	return &c->counters;
}

const struct session_counters *classifier_session_counters_get(const struct classifier *c)
{
	return &c->session_counters;
}

uint32_t classifier_n_connections(const struct classifier *c)
{
	return c->inventory.n;
}

uint32_t classifier_endpoint_connections(const struct classifier *c, uint16_t endpoint)
{
	return endpoint < VIEW_NONE ? c->endpoints[endpoint].live : 0;
}

uint64_t classifier_endpoint_total(const struct classifier *c, uint16_t endpoint)
{
	return endpoint < VIEW_NONE ? c->endpoints[endpoint].total : 0;
}

unsigned classifier_stop(struct classifier *c, const struct view *v, uint64_t now_ns, uint32_t n_places,
			 struct classifier_delete ret[], unsigned max)
{
	unsigned n = 0;

	for (uint32_t i = 0; i < n_places && i < c->inventory.n_used && n + 2 <= max; i++) {
		struct conn *k;

		if (c->stop_cursor >= c->inventory.n_used)
			c->stop_cursor = 0;
		k = &c->inventory.conns[c->stop_cursor++];
		if (!k->key.family || k->endpoint >= v->n_endpoints || !v->endpoints[k->endpoint].stop)
			continue;
		n += classifier_deletes(c, k, ret + n);
		classifier_end(c, k, &c->counters.ended_stopped, now_ns);
	}
	return n;
}
