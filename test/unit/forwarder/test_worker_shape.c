/* SPDX-License-Identifier: BSD-3-Clause */
/* What the sweep finds of a table's shape: buckets that overflowed, and the longest search. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "forwarder/route_table.h"
#include "lcore.h"

#define N_ROUTES 1000 /* a full table of 41 buckets */

static struct route_table *table_of(struct lcore *l, uint8_t family)
{
	return family == BATON_IPV4 ? l->w->routes4 : l->w->routes6;
}

/* Turns until every bucket has been visited; nothing is told before that. */
static struct worker_shape sweep(struct lcore *l, uint8_t family)
{
	struct worker_sweep *s = family == BATON_IPV4 ? &l->w->sweep4 : &l->w->sweep6;
	uint32_t last;

	l->w->tsc_per_sweep4 = l->w->tsc_per_sweep6 = 0;
	s->cursor = s->run = s->head = s->overflowed = s->longest = 0;
	s->shape = (struct worker_shape){ .overflowed = UINT32_MAX };
	do {
		last = s->cursor;
		lcore_turn(l);
	} while (s->shape.overflowed == UINT32_MAX);
	assert_true(s->cursor < last + !last);
	return s->shape;
}

/* A worker with empty tables that knows what time it is. */
static void begin(struct lcore *l)
{
	lcore_resize(l, N_ROUTES);
	lcore_poll(l);
}

/* The connection with number n, in the state of which idle routes stay for a while. */
static struct plumb_route route_make(uint8_t family, uint32_t n)
{
	struct plumb_route r = { .key = { .family = family, .proto = IPPROTO_TCP, .dport_be = htons(443) },
				 .vip = family == BATON_IPV4 ? VIP_TCP4 : VIP_TCP6,
				 .endpoint = family == BATON_IPV4 ? EP_TCP4 : EP_TCP6,
				 .action = PLUMB_ACTION_TUNNEL,
				 .state = BATON_CONN_ESTABLISHED };

	r.key.saddr[0] = 10;
	memcpy(r.key.saddr + 2, &(uint16_t){ htons((uint16_t)n) }, 2);
	return r;
}

static uint32_t home_of(const struct route_table *t, const struct baton_tuple *key)
{
	return route_home(t, t->form->hash(t, key));
}

/* From where the entries stand and where they belong. */
static struct worker_shape shape_of(struct route_table *t)
{
	bool passed[64] = { false };
	struct worker_shape s = { .longest_search = 1 };

	assert_true(t->n_buckets <= sizeof passed);
	for (uint32_t i = 0; i < t->n_buckets * ROUTE_PLACES; i++) {
		struct baton_tuple key;

		if (i % ROUTE_PLACES >= ROUTE_SLOTS || route_find_flow(t, route_bank(t, i), route_flow_id(t, i)) < 0)
			continue;
		route_key_at(t, i, &key);
		for (uint32_t b = home_of(t, &key); b != i / ROUTE_PLACES; b = (b + 1) % t->n_buckets)
			passed[b] = true;
	}
	for (uint32_t first = 0; first < t->n_buckets; first++) {
		uint32_t n = 1;

		while (n < t->n_buckets && passed[(first + n - 1) % t->n_buckets])
			n++;
		s.overflowed += passed[first];
		s.longest_search = n > s.longest_search ? n : s.longest_search;
	}
	return s;
}

/* Routes beyond bucket b's places, which is their own. */
static void crowd(struct lcore *l, struct route_table *t, uint32_t b, unsigned n)
{
	uint32_t index;

	for (uint32_t i = 0; n; i++) {
		struct plumb_route r = route_make(t->family, i);

		assert_true(i < 65536);
		if (home_of(t, &r.key) != b)
			continue;
		assert_int_equal(route_add(t, &r, l->w->now_s, &index), 0);
		n--;
	}
}

/* Places of bucket b; the very first one of a table is barred. */
static unsigned places_of(const struct route_table *t, uint32_t b)
{
	unsigned n = 0;

	for (unsigned i = 0; i < ROUTE_SLOTS; i++)
		n += t->buckets[b].tag[i] != ROUTE_TAG_BARRED;
	return n;
}

static void check(struct lcore *l, uint8_t family, uint32_t overflowed, uint32_t longest_search)
{
	struct worker_shape s = sweep(l, family);

	assert_int_equal(s.overflowed, overflowed);
	assert_int_equal(s.longest_search, longest_search);
}

static void an_empty_table_is_even(void **state)
{
	assert_int_equal(((struct lcore *)*state)->w->sweep4.shape.longest_search, 0); /* none is over */
	for (uint8_t family = 4; family <= 6; family += 2)
		check(*state, family, 0, 1);
}

static void crowds_are_seen_wherever_they_stand(void **state)
{
	struct lcore *l = *state;

	for (uint8_t family = 4; family <= 6; family += 2) {
		for (uint32_t first = 0; first < 6; first++) {
			struct route_table *t;
			uint32_t b, c, d;

			begin(l);
			t = table_of(l, family);
			b = (t->n_buckets - 3 + first) %
			    t->n_buckets; /* some go on from the last bucket to the first */
			c = (b + 1) % t->n_buckets;
			d = (b + 9) % t->n_buckets;
			crowd(l, t, b, places_of(t, b));
			check(l, family, 0, 1);
			crowd(l, t, d, places_of(t, d) + 1);
			check(l, family, 1, 2);
			crowd(l, t, c, places_of(t, c) + places_of(t, (c + 1) % t->n_buckets) + 1);
			check(l, family, 3, 3);
		}
	}
}

static void full_tables_are_described_as_they_are(void **state)
{
	struct lcore *l = *state;
	struct worker_shape wanted;
	uint32_t index;

	begin(l);
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct route_table *t = table_of(l, family);

		for (uint32_t n = 0; n < N_ROUTES; n++) {
			struct plumb_route r = route_make(family, n);

			assert_int_equal(route_add(t, &r, l->w->now_s, &index), 0);
		}
		wanted = shape_of(t);
		assert_true(wanted.overflowed);
		check(l, family, wanted.overflowed, wanted.longest_search);
		for (uint32_t n = 0; n < N_ROUTES; n++) {
			struct plumb_route r = route_make(family, n);

			route_del(t, (uint32_t)route_find(t, &r.key));
		}
		check(l, family, 0, 1);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, lcore_setup, lcore_teardown)
		T(an_empty_table_is_even),
		T(crowds_are_seen_wherever_they_stand),
		T(full_tables_are_described_as_they_are),
#undef T
	};

	return cmocka_run_group_tests(tests, lcore_group_setup, NULL);
}
