/* SPDX-License-Identifier: BSD-3-Clause */
/* What must hold whatever happens in whatever order. */
#include "world.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#define SEEDS 1500
#define STEPS 400

/* The connections that the buckets lead to, each once; returns how many. */
static unsigned conns_walk(const struct inventory *inv, const struct conn *ret[WORLD_CONNECTIONS])
{
	unsigned n = 0;

	for (uint32_t b = 0; b <= inv->mask; b++) {
		uint32_t link = inv->buckets[b];

		while (link != INVENTORY_NONE) {
			const struct conn *k = &inv->conns[link >> 1];

			if (link & 1) {
				link = inv->nats[link >> 1].next;
				continue;
			}
			assert_true(n < WORLD_CONNECTIONS);
			ret[n++] = k;
			link = k->next;
		}
	}
	return n;
}

static void assert_counts(const struct world *w, const struct conn *const conns[], unsigned n)
{
	unsigned live[WORLD_ENDPOINTS] = { 0 };

	assert_int_equal(n, classifier_n_connections(w->c));
	for (unsigned i = 0; i < n; i++) {
		assert_true(conns[i]->holders[0] || conns[i]->holders[1]);
		live[conns[i]->endpoint]++;
	}
	for (uint16_t e = 0; e < WORLD_ENDPOINTS; e++)
		assert_int_equal(classifier_endpoint_connections(w->c, e), live[e]);
}

static void assert_ports(struct world *w, const struct conn *const conns[], unsigned n)
{
	bool live[WORLD_FORWARDERS][WORLD_PORTS] = { 0 };

	for (unsigned i = 0; i < n; i++) {
		const struct conn_nat *nat = inventory_nat(&w->c->inventory, conns[i]);
		unsigned f, port;

		if (conns[i]->mode != BATON_MODE_FULL_NAT)
			continue;
		f = nat->key.daddr[3] - 1u;
		port = ntohs(nat->key.dport_be) - (unsigned)WORLD_PORT_FIRST;
		assert_true(f < WORLD_FORWARDERS && port < WORLD_PORTS);
		assert_false(live[f][port]);
		live[f][port] = true;
	}
	for (unsigned f = 0; f < WORLD_FORWARDERS; f++) {
		for (unsigned port = 0; port < WORLD_PORTS; port++) {
			if (live[f][port] && !w->port_live[f][port] && w->port_freed_ns[f][port])
				assert_true(w->now_ns - w->port_freed_ns[f][port] >= SECONDS(WORLD_QUARANTINE_S));
			if (!live[f][port] && w->port_live[f][port])
				w->port_freed_ns[f][port] = w->now_ns;
			w->port_live[f][port] = live[f][port];
		}
	}
}

static void assert_invariants(struct world *w)
{
	const struct conn *conns[WORLD_CONNECTIONS];
	unsigned n = conns_walk(&w->c->inventory, conns);

	assert_counts(w, conns, n);
	assert_ports(w, conns, n);
}

/* With nothing on the rings the inventory knows exactly the routes that there are, and where they lead. */
static void assert_agreement(struct world *w)
{
	const struct conn *conns[WORLD_CONNECTIONS];
	unsigned n = conns_walk(&w->c->inventory, conns), held = 0, there = 0;

	for (unsigned i = 0; i < n; i++)
		held += (unsigned)__builtin_popcount(conns[i]->holders[0]) +
			(unsigned)__builtin_popcount(conns[i]->holders[1]);
	for (unsigned f = 0; f < WORLD_FORWARDERS; f++) {
		there += w->forwarders[f].n_routes;
		for (unsigned i = 0; i < w->forwarders[f].n_routes; i++) {
			const struct plumb_route *r = &w->forwarders[f].routes[i].r;
			struct inventory *inv = &w->c->inventory;
			enum conn_side side;
			const struct conn *k = inventory_find(inv, &r->key, inventory_hash(inv, &r->key), &side);
			struct plumb_route expected;

			assert_non_null(k);
			assert_true(k->holders[side] & 1u << f);
			classifier_route(w->c, k, side, &expected);
			assert_int_equal(r->endpoint, expected.endpoint);
			assert_int_equal(r->action, expected.action);
			assert_memory_equal(&r->nat, &expected.nat, sizeof(r->nat));
		}
	}
	assert_int_equal(held, there);
}

static uint64_t ended(const struct classifier_counters *n)
{
	return n->ended_final + n->ended_idle + n->placed_anew + n->refused_table_full;
}

static void add_up(struct classifier_counters *sum, const struct classifier_counters *n)
{
#define X(name, text) sum->name += n->name;
	CLASSIFIER_COUNTERS(X)
#undef X
}

static void live(uint64_t seed, uint8_t proto, struct classifier_counters *sum)
{
	struct world *w = world_new(seed, proto);
	const struct classifier_counters *n = classifier_counters_get(w->c);

	for (unsigned i = 0; i < STEPS; i++) {
		world_step(w);
		assert_invariants(w);
		assert_int_equal(n->new_connections + n->guessed, ended(n) + classifier_n_connections(w->c));
		if (i % 50 == 49) {
			world_settle(w);
			assert_invariants(w);
			assert_agreement(w);
		}
	}
	world_wait(w, WORLD_TIMEOUT_NS);
	world_settle(w);
	assert_agreement(w);
	assert_int_equal(classifier_n_connections(w->c), 0);
	assert_int_equal(n->new_connections + n->guessed, ended(n));
	add_up(sum, n);
	world_free(w);
}

/* The worlds must be wild enough to mean something. */
static void assert_all_happened(const struct classifier_counters *sum)
{
	assert_true(sum->new_connections > 1000 && sum->replumbed > 1000 && sum->guessed > 100);
	assert_true(sum->ended_final > 100 && sum->ended_idle > 100 && sum->placed_anew > 100);
	assert_true(sum->refused_inventory_full > 100 && sum->refused_ports_exhausted > 100);
	assert_true(sum->refused_no_endpoint > 100 && sum->refused_no_vip > 100);
	assert_true(sum->refused_table_full > 100 && sum->replumb_failed > 100);
	assert_true(sum->reply_unmatched > 100 && sum->unknown_reset > 100 && sum->unknown_dropped > 100);
	assert_true(sum->allotments_received > 100 && sum->allotments_stale > 100);
}

static void nothing_leaks_or_disagrees(void **state)
{
	struct classifier_counters sum = { 0 };

	for (uint64_t seed = 0; seed < SEEDS; seed++)
		live(seed, seed & 4 ? IPPROTO_UDP : IPPROTO_TCP, &sum);
	assert_all_happened(&sum);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_leaks_or_disagrees),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
