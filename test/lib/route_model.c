/* SPDX-License-Identifier: BSD-3-Clause */
#include "lib/route_model.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

static uint32_t n_places(const struct route_model *m)
{
	return m->table->n_buckets * ROUTE_PLACES;
}

int route_model_init(struct route_model *m, struct route_table *table, uint16_t reserved_port, uint32_t n_keys)
{
	*m = (struct route_model){ .table = table, .family = table->family, .n_keys = n_keys };
	m->reserved_port = reserved_port;
	m->index = malloc(n_keys * sizeof *m->index);
	m->endpoint = calloc(n_keys, sizeof *m->endpoint);
	m->compact = calloc(n_keys, sizeof *m->compact);
	m->owner = malloc(n_places(m) * sizeof *m->owner);
	m->last = calloc(n_places(m), 1);
	if (!m->index || !m->endpoint || !m->compact || !m->owner || !m->last) {
		route_model_fini(m);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < n_keys; i++)
		m->index[i] = -1;
	for (uint32_t i = 0; i < n_places(m); i++)
		m->owner[i] = UINT32_MAX;
	return 0;
}

void route_model_fini(struct route_model *m)
{
	route_table_free(m->table);
	free(m->index);
	free(m->endpoint);
	free(m->compact);
	free(m->owner);
	free(m->last);
}

/* Neighbours differ in as little as keys can: the hash has to do the rest. */
struct plumb_route route_model_key(uint8_t family, uint32_t n)
{
	struct plumb_route r = { .key = { .family = family, .proto = n & 1 ? IPPROTO_UDP : IPPROTO_TCP } };
	size_t last = family == BATON_IPV6 ? 15 : 3;

	r.key.saddr[0] = 0x20;
	r.key.saddr[last] = (uint8_t)(n >> 1);
	r.key.saddr[last - 1] = (uint8_t)(n >> 9);
	r.key.daddr[last] = (uint8_t)(n >> 17);
	r.key.sport_be = (uint16_t)(n >> 25);
	r.key.dport_be = 80;
	return r;
}

/* Mostly tunnels; each action with even endpoints and odd ones, which scans delete. */
static struct plumb_route model_route(const struct route_model *m, uint32_t n, uint16_t endpoint)
{
	static const uint8_t actions[] = { PLUMB_ACTION_TUNNEL, PLUMB_ACTION_TUNNEL, PLUMB_ACTION_NAT,
					   PLUMB_ACTION_TUNNEL, PLUMB_ACTION_RETURN, PLUMB_ACTION_DROP,
					   PLUMB_ACTION_TUNNEL };
	struct plumb_route r = route_model_key(m->family, n);

	r.endpoint = endpoint;
	r.vip = (uint16_t)(n ^ 0x5a5a);
	r.action = actions[endpoint % sizeof actions];
	r.state = n % BATON_N_CONN_STATES;
	r.nat = r.key;
	r.nat.saddr[1] = (uint8_t)endpoint;
	r.nat.dport_be = (uint16_t)~n;
	r.nexthop = (uint16_t)(n + 1);
	r.port = (uint16_t)(n + 2);
	memset(r.mac, (uint8_t)(n + 3), sizeof r.mac);
	return r;
}

static bool model_has_cold_half(const struct route_model *m, uint32_t n)
{
	uint8_t action = model_route(m, n, m->endpoint[n]).action;

	return action == PLUMB_ACTION_NAT || action == PLUMB_ACTION_RETURN;
}

/* The entry of key n is as it was added and marked. */
static const char *check_entry(const struct route_model *m, uint32_t n)
{
	struct plumb_route r = model_route(m, n, m->endpoint[n]);
	uint32_t index = (uint32_t)m->index[n];
	const struct route *e = route_at(m->table, index);
	const struct route_nat *nat;

	if (e->endpoint != r.endpoint || e->vip != r.vip || e->action != r.action || e->state != r.state ||
	    e->proto != r.key.proto || e->flags != (m->compact[n] ? ROUTE_FLAG_COMPACT : 0))
		return "entry changed";
	if (!model_has_cold_half(m, n))
		return NULL;
	nat = route_nat_at(m->table, index);
	if (memcmp(&nat->to, &r.nat, sizeof r.nat) || nat->nexthop != r.nexthop || nat->port != r.port ||
	    memcmp(nat->mac, r.mac, sizeof r.mac))
		return "a cold half changed";
	return NULL;
}

static const char *check_cold(const struct route_model *m)
{
	return m->table->n_cold == m->n_cold ? NULL : "number of cold halves is wrong";
}

static const char *check_new(struct route_model *m, uint32_t index)
{
	uint8_t generation;

	if (index >= n_places(m) || index % ROUTE_PLACES >= ROUTE_SLOTS)
		return "added at a place that does not exist";
	if (m->owner[index] != UINT32_MAX)
		return "added at a place in use";
	if (!(index & 0xffff) || (index & 0xffff) == m->reserved_port)
		return "added at a barred place";
	generation = route_at(m->table, index)->generation;
	if (!generation || (m->last[index] && generation != m->last[index] % 255 + 1))
		return "generation did not move on by one";
	m->last[index] = generation;
	return NULL;
}

const char *route_model_add(struct route_model *m, uint32_t n, uint16_t endpoint)
{
	struct plumb_route r = model_route(m, n, endpoint);
	uint32_t index = UINT32_MAX;
	const char *wrong;
	int err;

	err = route_add(m->table, &r, 0, &index);
	if (m->index[n] >= 0)
		return err == -EEXIST && index == m->index[n] ? NULL : "a key was not refused the second time";
	if (m->count == route_table_capacity(m->table))
		return err == -ENOSPC && index == UINT32_MAX ? NULL : "a full table did not refuse";
	if (err)
		return "a key was refused though there was room";
	wrong = check_new(m, index);
	m->index[n] = index;
	m->endpoint[n] = endpoint;
	m->compact[n] = false;
	m->owner[index] = n;
	m->count++;
	m->n_cold += model_has_cold_half(m, n);
	return wrong ? wrong : check_cold(m);
}

const char *route_model_set_compact(struct route_model *m, uint32_t n, bool compact)
{
	if (m->index[n] < 0 || !model_has_cold_half(m, n))
		return NULL;
	route_set_compact(m->table, (uint32_t)m->index[n], compact);
	m->n_cold = m->n_cold + m->compact[n] - compact;
	m->compact[n] = compact;
	return check_cold(m);
}

static void model_forget(struct route_model *m, uint32_t n)
{
	m->n_cold -= model_has_cold_half(m, n) && !m->compact[n];
	m->owner[m->index[n]] = UINT32_MAX;
	m->index[n] = -1;
	m->count--;
}

const char *route_model_del(struct route_model *m, uint32_t n)
{
	const char *wrong;

	if (m->index[n] < 0)
		return NULL;
	route_del(m->table, (uint32_t)m->index[n]);
	model_forget(m, n);
	wrong = check_cold(m);
	return wrong ? wrong : route_model_find(m, n);
}

static const char *check_found(const struct route_model *m, uint32_t n, int64_t index)
{
	if (m->index[n] < 0)
		return index == -ENOENT ? NULL : "found what is not there";
	return index == m->index[n] ? NULL : "did not find what is there";
}

const char *route_model_find(struct route_model *m, uint32_t n)
{
	struct plumb_route r = route_model_key(m->family, n);
	int64_t index = route_find(m->table, &r.key);
	const char *wrong = check_found(m, n, index);

	return wrong || index < 0 ? wrong : check_entry(m, n);
}

const char *route_model_find_bulk(struct route_model *m, uint32_t first, uint32_t step, unsigned n_keys)
{
	struct plumb_route r[ROUTE_BURST];
	const struct baton_tuple *keys[ROUTE_BURST] = { NULL };
	int64_t index[ROUTE_BURST];
	const char *wrong = NULL;

	for (unsigned i = 0; i < n_keys; i++) {
		r[i] = route_model_key(m->family, (first + i * step) % m->n_keys);
		keys[i] = &r[i].key;
	}
	route_find_bulk(m->table, keys, n_keys, index);
	for (unsigned i = 0; i < n_keys && !wrong; i++)
		wrong = check_found(m, (first + i * step) % m->n_keys, index[i]);
	return wrong;
}

const char *route_model_find_flow(struct route_model *m, uint32_t bank, uint32_t flow_id)
{
	uint32_t place = baton_flow_index(flow_id); /* the model's tables have no more places than that */
	int64_t index = route_find_flow(m->table, bank, flow_id);
	bool live = place < n_places(m) && m->owner[place] != UINT32_MAX &&
		    m->last[place] == baton_flow_generation(flow_id) && route_bank(m->table, place) == bank;

	if (!live)
		return index == -ENOENT ? NULL : "found a flow that is not there";
	return index == place ? NULL : "did not find a flow";
}

struct scan {
	struct route_model *m;
	bool delete_odd;
	const char *wrong;
};

static bool scan_visit(struct route_table *t, uint32_t index, void *arg)
{
	struct scan *s = arg;
	uint32_t n = s->m->owner[index];

	if (n == UINT32_MAX) {
		s->wrong = "visited an entry that is not there";
		return false;
	}
	if (!s->delete_odd || s->m->endpoint[n] % 2 == 0)
		return false;
	model_forget(s->m, n);
	return true;
}

const char *route_model_scan(struct route_model *m, uint32_t *cursor, uint32_t n_buckets, bool delete_odd)
{
	struct scan s = { .m = m, .delete_odd = delete_odd };

	route_scan(m->table, cursor, n_buckets, scan_visit, &s);
	return s.wrong ? s.wrong : check_cold(m);
}

/* What each bucket's overflow count must be, from the entries alone. */
static const char *check_overflow(struct route_model *m)
{
	const struct route_table *t = m->table;
	uint32_t *expected = calloc(t->n_buckets, sizeof *expected);
	const char *wrong = expected ? NULL : "out of memory";

	for (uint32_t n = 0; n < m->n_keys && !wrong; n++) {
		struct plumb_route r = route_model_key(m->family, n);
		uint32_t b = route_home(t, t->form->hash(t, &r.key));

		for (; m->index[n] >= 0 && b != m->index[n] / ROUTE_PLACES; b = (b + 1) % t->n_buckets)
			expected[b]++;
	}
	for (uint32_t b = 0; b < t->n_buckets && !wrong; b++)
		if (t->buckets[b].overflow != expected[b])
			wrong = "an overflow count is wrong";
	free(expected);
	return wrong;
}

const char *route_model_check(struct route_model *m)
{
	const char *wrong = NULL;
	struct baton_tuple key;

	if (route_table_count(m->table) != m->count)
		return "count is wrong";
	for (uint32_t n = 0; n < m->n_keys && !wrong; n++) {
		struct plumb_route r = route_model_key(m->family, n);

		wrong = route_model_find(m, n);
		if (wrong || m->index[n] < 0)
			continue;
		route_key_at(m->table, (uint32_t)m->index[n], &key);
		if (memcmp(&key, &r.key, sizeof key))
			wrong = "an entry's key is wrong";
		else
			wrong = route_model_find_flow(m, route_bank(m->table, (uint32_t)m->index[n]),
						      route_flow_id(m->table, (uint32_t)m->index[n]));
	}
	if (!wrong)
		wrong = check_cold(m);
	return wrong ? wrong : check_overflow(m);
}
