/* SPDX-License-Identifier: BSD-3-Clause */
#include "classifier/choice.h"

#include <string.h>

#include "base/clock.h"
#include "classifier/lag.h"

/* The VIP whose affinities hold for a service. */
static const struct view_vip *vip_of(const struct view *v, uint16_t service)
{
	const struct view_vip *w = &v->vips[service];

	return w->pool && w->pool_of < v->n_vips ? &v->vips[w->pool_of] : w;
}

/* The same for one service of the VIP. The digest is keyed, so any change makes it another one's. */
static struct session_key key_in(const struct session_key *k, uint16_t service)
{
	struct session_key x = *k;

	x.h[0] ^= (service + 1ull) * 0x9e3779b97f4a7c15ull;
	return x;
}

static bool was_tried(uint16_t endpoint, const struct tokens_except *except)
{
	for (unsigned i = 0; except && i < except->n; i++)
		if (except->ids[i] == endpoint)
			return true;
	return false;
}

/* Health comes before affinity: may a session lead to this endpoint? */
static bool follows(const struct classifier *c, const struct view *v, uint16_t service, uint16_t endpoint,
		    const struct tokens_except *except, uint64_t now_ns)
{
	const struct view_endpoint *e;

	if (was_tried(endpoint, except) || !lag_endpoint_takes(v, service, endpoint, false))
		return false;
	e = &v->endpoints[endpoint];
	return e->capacity > 0 && !e->stop && !tokens_overloaded(&c->tokens, service, endpoint, now_ns);
}

/* The endpoint of a service on the same host and port as one of the VIP or of another pool; VIEW_NONE: there is none.
 */
static uint16_t counterpart(const struct view *v, uint16_t service, uint16_t endpoint)
{
	const struct view_vip *w = &v->vips[service];
	const struct view_endpoint *named;

	if (endpoint >= v->n_endpoints)
		return VIEW_NONE;
	named = &v->endpoints[endpoint];
	for (unsigned i = 0; i < w->n_endpoints; i++) {
		const struct view_endpoint *e = &v->endpoints[w->endpoints[i]];

		if (e->family == named->family && e->port_be == named->port_be &&
		    !memcmp(e->addr, named->addr, sizeof e->addr))
			return w->endpoints[i];
	}
	return VIEW_NONE;
}

static uint16_t remembered(struct classifier *c, const struct view *v, uint16_t service, const struct baton_affinity *a,
			   const struct session_key *k, uint64_t now_ns)
{
	struct session_key in = key_in(k, service);
	uint16_t endpoint;

	if (a->kind == BATON_AFFINITY_SERVER)
		return counterpart(v, service, k->endpoint);
	if (!c->params.sessions ||
	    !sessions_find(c->params.sessions, &in, (uint32_t)(now_ns / CLOCK_NS_PER_S), &endpoint))
		return VIEW_NONE;
	return endpoint;
}

static uint16_t by_session(struct classifier *c, const struct view *v, uint16_t service,
			   const struct classifier_keys *keys, const struct tokens_except *except, uint64_t now_ns)
{
	const struct view_vip *vip = vip_of(v, service);
	bool unfit = false;

	for (unsigned i = 0; i < vip->n_affinities; i++) {
		uint16_t endpoint;

		if (!(keys->present & 1u << i))
			continue;
		endpoint = remembered(c, v, service, &vip->affinities[i], &keys->key[i], now_ns);
		if (endpoint == VIEW_NONE)
			continue;
		if (follows(c, v, service, endpoint, except, now_ns)) {
			c->session_counters.session_hits++;
			return endpoint;
		}
		unfit = true;
	}
	if (unfit)
		c->session_counters.session_unfit++;
	else if (keys->present)
		c->session_counters.session_misses++;
	return VIEW_NONE;
}

/* Others have refused the connection: whoever has the fewest of ours by its capacity, with a share or without. */
static uint16_t least_used(const struct classifier *c, const struct view *v, uint16_t service,
			   const struct tokens_except *except)
{
	const struct view_vip *w = &v->vips[service];
	uint64_t least = UINT64_MAX;
	uint16_t best = VIEW_NONE;

	for (unsigned i = 0; i < w->n_endpoints; i++) {
		uint16_t id = w->endpoints[i];
		uint64_t used;

		if (was_tried(id, except) || !lag_endpoint_takes(v, service, id, false) || !v->endpoints[id].capacity)
			continue;
		used = ((uint64_t)c->endpoints[id].live + 1) * 1000 / v->endpoints[id].capacity;
		if (used < least) {
			least = used;
			best = id;
		}
	}
	return best;
}

uint16_t classifier_choose(struct classifier *c, const struct view *v, uint16_t service,
			   const struct classifier_keys *keys, const uint16_t *tried, unsigned n_tried, uint64_t now_ns)
{
	const struct tokens_except tried_ones = { tried, n_tried }, *except = n_tried ? &tried_ones : NULL;
	uint16_t endpoint;

	if (service >= v->n_vips || v->vips[service].addr.family == 0)
		return VIEW_NONE;
	endpoint = by_session(c, v, service, keys, except, now_ns);
	if (endpoint != VIEW_NONE) {
		tokens_spend(&c->tokens, service, endpoint);
		return endpoint;
	}
	endpoint = tokens_choose(&c->tokens, v, service, except, now_ns);
	return endpoint == VIEW_NONE && except ? least_used(c, v, service, except) : endpoint;
}

void choice_note(struct classifier *c, const struct view *v, uint16_t endpoint, const struct classifier_keys *keys,
		 uint64_t now_ns)
{
	uint16_t service = v->endpoints[endpoint].vip;
	const struct view_vip *vip = vip_of(v, service);

	for (unsigned i = 0; c->params.sessions && i < vip->n_affinities; i++) {
		const struct baton_affinity *a = &vip->affinities[i];
		struct session_key in;
		bool evicted;

		if (!(keys->present & 1u << i) || a->kind == BATON_AFFINITY_SERVER)
			continue;
		in = key_in(&keys->key[i], service);
		c->session_counters.session_added += sessions_add(c->params.sessions, &in, endpoint, a->timeout_s,
								  (uint32_t)(now_ns / CLOCK_NS_PER_S), &evicted);
		c->session_counters.session_evicted += evicted;
	}
}

/* Does the value end in this name, alone or after a dot? */
static bool ends_in(const uint8_t *bytes, uint32_t len, const char *name, size_t name_len)
{
	if (name_len == 0 || len < name_len || memcmp(bytes + len - name_len, name, name_len) != 0)
		return false;
	return len == name_len || bytes[len - name_len - 1] == '.';
}

/* By the longest name that fits: one may be the end of another. */
static void find_named(const struct view *v, const struct view_vip *w, const uint8_t *bytes, uint32_t len,
		       size_t *longest, uint16_t *ret)
{
	for (unsigned i = 0; i < w->n_endpoints; i++) {
		const struct view_endpoint *e = &v->endpoints[w->endpoints[i]];
		struct baton_addr addr = { .family = e->family };
		const char *name = v->endpoint_names[w->endpoints[i]];
		char text[BATON_ADDR_TEXT_MAX];
		size_t name_len;

		if (!name[0]) {
			memcpy(addr.b, e->addr, sizeof addr.b);
			name = baton_addr_format(&addr, text, sizeof text);
		}
		name_len = strlen(name);
		if (name_len > *longest && ends_in(bytes, len, name, name_len)) {
			*longest = name_len;
			*ret = w->endpoints[i];
		}
	}
}

static uint16_t named(const struct view *v, uint16_t vip, const uint8_t *bytes, uint32_t len)
{
	const struct application *a = v->vips[vip].application;
	uint16_t ret = VIEW_NONE;
	size_t longest = 0;

	find_named(v, &v->vips[vip], bytes, len, &longest, &ret);
	for (unsigned i = 0; a && i < a->n_pools; i++)
		if (a->pools[i] < v->n_vips)
			find_named(v, &v->vips[a->pools[i]], bytes, len, &longest, &ret);
	return ret;
}

void classifier_key(const struct classifier *c, const struct view *v, uint16_t vip, const struct baton_affinity *a,
		    const uint8_t *bytes, uint32_t len, struct session_key *ret)
{
	*ret = (struct session_key){ .endpoint = VIEW_NONE };
	if (a->kind == BATON_AFFINITY_SERVER)
		ret->endpoint = vip < v->n_vips ? named(v, vip, bytes, len) : VIEW_NONE;
	else if (c->params.sessions)
		sessions_key(c->params.sessions, vip, a, bytes, len, ret);
}

void choice_client_keys(const struct classifier *c, const struct view *v, uint16_t vip, const struct baton_tuple *key,
			struct session_key ret[BATON_MAX_AFFINITIES], uint32_t *ret_present)
{
	const struct view_vip *w = &v->vips[vip];

	*ret_present = 0;
	for (unsigned i = 0; i < w->n_affinities; i++) {
		if (w->affinities[i].kind != BATON_AFFINITY_CLIENT)
			continue;
		classifier_key(c, v, vip, &w->affinities[i], key->saddr, key->family == BATON_IPV4 ? 4 : 16, &ret[i]);
		*ret_present |= 1u << i;
	}
}
