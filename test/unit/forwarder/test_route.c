/* SPDX-License-Identifier: BSD-3-Clause */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "forwarder/route_table.h"

static struct route_table_params params(uint8_t family, uint32_t capacity)
{
	struct route_table_params p = { .family = family, .capacity = capacity };

	for (unsigned i = 0; i < sizeof p.hash_key; i++)
		p.hash_key[i] = (uint8_t)(i * 29 + 7);
	return p;
}

static struct route_table *table(uint8_t family, uint32_t capacity)
{
	struct route_table_params p = params(family, capacity);
	struct route_table *t = route_table_new(&p);

	assert_non_null(t);
	return t;
}

/* The n-th key of a family: neighbouring n differ in one byte or two. */
static struct plumb_route nth(uint8_t family, uint32_t n)
{
	struct plumb_route r = { .key = { .family = family, .proto = IPPROTO_TCP }, .endpoint = (uint16_t)n };

	r.action = PLUMB_ACTION_TUNNEL;
	r.key.saddr[0] = 10;
	r.key.saddr[3] = (uint8_t)(n >> 16);
	r.key.daddr[0] = 192;
	r.key.sport_be = htons((uint16_t)n);
	r.key.dport_be = htons(443);
	return r;
}

static uint32_t add(struct route_table *t, const struct plumb_route *r)
{
	uint32_t index = UINT32_MAX;

	assert_int_equal(route_add(t, r, 0, &index), 0);
	assert_int_not_equal(index, UINT32_MAX);
	return index;
}

static void an_added_route_is_found_and_holds_what_was_plumbed(void **state)
{
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct route_table *t = table(family, 100);
		struct plumb_route r = nth(family, 1);
		struct baton_tuple key;
		struct route *e;
		uint32_t index;

		r.vip = 5;
		r.state = BATON_CONN_SYN;
		assert_int_equal(route_add(t, &r, 77, &index), 0);
		assert_int_equal(route_find(t, &r.key), index);
		assert_int_equal(route_table_count(t), 1);
		e = route_at(t, index);
		assert_int_equal(e->proto, IPPROTO_TCP);
		assert_int_equal(e->action, PLUMB_ACTION_TUNNEL);
		assert_int_equal(e->state, BATON_CONN_SYN);
		assert_int_equal(e->endpoint, 1);
		assert_int_equal(e->vip, 5);
		assert_int_equal(e->last_used_s, 77);
		assert_int_equal(e->packets | e->flags | e->l3_delta | e->l4_delta, 0);
		route_key_at(t, index, &key);
		assert_memory_equal(&key, &r.key, sizeof key);
		route_table_free(t);
	}
}

/* Each field of the key counts: no two of these are the same connection. */
static void every_field_of_the_key_counts(void **state)
{
	for (uint8_t family = 4; family <= 6; family += 2) {
		size_t len = family == BATON_IPV4 ? 4 : 16;
		struct route_table *t = table(family, 200);
		struct plumb_route r = nth(family, 1);
		uint32_t index = add(t, &r);
		struct baton_tuple key;

		for (size_t i = 0; i < sizeof key; i++) {
			bool addr = (i < len) || (i >= 16 && i < 16 + len);

			if (!addr && !(i >= 32 && i < 36) && i != offsetof(struct baton_tuple, proto))
				continue;
			key = r.key;
			((uint8_t *)&key)[i] ^= 0x10;
			assert_int_equal(route_find(t, &key), -ENOENT);
		}
		assert_int_equal(route_find(t, &r.key), index);
		route_table_free(t);
	}
}

static void adding_a_key_twice_gives_the_first_entry(void **state)
{
	struct route_table *t = table(BATON_IPV4, 10);
	struct plumb_route r = nth(BATON_IPV4, 1);
	uint32_t first = add(t, &r), second = UINT32_MAX;

	r.endpoint = 99;
	assert_int_equal(route_add(t, &r, 0, &second), -EEXIST);
	assert_int_equal(second, first);
	assert_int_equal(route_at(t, first)->endpoint, 1);
	assert_int_equal(route_table_count(t), 1);
	route_table_free(t);
}

static void keys_of_the_other_family_are_refused(void **state)
{
	struct route_table *t = table(BATON_IPV4, 10);
	struct plumb_route r = nth(BATON_IPV6, 1);
	uint32_t index;

	assert_int_equal(route_add(t, &r, 0, &index), -EINVAL);
	route_table_free(t);
}

static void nat_routes_have_a_cold_half(void **state)
{
	struct route_table *t = table(BATON_IPV6, 10);
	struct plumb_route r = nth(BATON_IPV6, 1);
	struct route_nat *n;

	r.action = PLUMB_ACTION_RETURN;
	r.nat = nth(BATON_IPV6, 2).key;
	r.nexthop = 3;
	r.port = 4;
	memcpy(r.mac, "\2\3\4\5\6\7", 6);
	n = route_nat_at(t, add(t, &r));
	assert_memory_equal(&n->to, &r.nat, sizeof n->to);
	assert_int_equal(n->nexthop, 3);
	assert_int_equal(n->port, 4);
	assert_memory_equal(n->mac, r.mac, 6);
	route_table_free(t);
}

static void the_table_refuses_exactly_beyond_its_capacity(void **state)
{
	static const uint32_t capacities[] = { 1, 2, 24, 25, 31, 1000, 50000 };

	for (unsigned c = 0; c < sizeof capacities / sizeof *capacities; c++) {
		struct route_table *t = table(BATON_IPV4, capacities[c]);
		struct plumb_route r = nth(BATON_IPV4, capacities[c]);
		uint32_t index = 0;

		for (uint32_t i = 0; i < capacities[c]; i++) {
			struct plumb_route one = nth(BATON_IPV4, i);

			index = add(t, &one);
		}
		assert_int_equal(route_add(t, &r, 0, &index), -ENOSPC);
		for (uint32_t i = 0; i < capacities[c]; i++) {
			struct plumb_route one = nth(BATON_IPV4, i);

			assert_true(route_find(t, &one.key) >= 0);
		}
		route_del(t, index);
		assert_int_equal(route_table_count(t), capacities[c] - 1);
		add(t, &r);
		route_table_free(t);
	}
}

static void sizes_out_of_range_are_refused(void **state)
{
	struct route_table_params p = params(BATON_IPV4, 0);

	assert_null(route_table_new(&p));
	p.capacity = UINT32_MAX;
	assert_null(route_table_new(&p));
	p = params(5, 10);
	assert_null(route_table_new(&p));
	route_table_free(NULL);
}

static void a_place_used_again_has_another_flow_id(void **state)
{
	struct route_table *t = table(BATON_IPV4, 1);
	struct plumb_route r = nth(BATON_IPV4, 1);
	uint32_t last[ROUTE_PLACES] = { 0 };

	for (unsigned i = 0; i < 20000; i++) {
		uint32_t index = add(t, &r), id = route_flow_id(t, index);
		unsigned used = baton_flow_generation(last[index]);

		assert_int_equal(baton_flow_index(id), index);
		assert_int_equal(route_find_flow(t, 0, id), index);
		assert_int_not_equal(baton_flow_generation(id), 0);
		if (used)
			assert_int_equal(baton_flow_generation(id), used == 255 ? 1 : used + 1);
		last[index] = id;
		route_del(t, index);
		assert_int_equal(route_find_flow(t, 0, id), -ENOENT);
		r.key.sport_be++;
	}
	route_table_free(t);
}

static void a_freed_place_rests(void **state)
{
	struct route_table *t = table(BATON_IPV4, 10);
	struct plumb_route r = nth(BATON_IPV4, 1);
	uint32_t first = add(t, &r);

	route_del(t, first);
	for (unsigned i = 0; i < 20; i++) {
		uint32_t index = add(t, &r);

		assert_int_not_equal(index, first);
		route_del(t, index);
	}
	route_table_free(t);
}

static void flow_ids_from_outside_are_harmless(void **state)
{
	struct route_table *t = table(BATON_IPV6, 30);

	for (uint32_t i = 0; i < 4096; i++) {
		assert_int_equal(route_find_flow(t, 0, baton_flow_id((uint8_t)i, i)), -ENOENT);
		route_del(t, i);
	}
	assert_int_equal(route_find_flow(t, 0, UINT32_MAX), -ENOENT);
	route_del(t, UINT32_MAX);
	assert_int_equal(route_table_count(t), 0);
	route_table_free(t);
}

static void reserved_ports_never_come_out(void **state)
{
	enum { PORT = 7471, CAPACITY = 100000 };
	struct route_table_params p = params(BATON_IPV4, CAPACITY);
	struct route_table *t;
	uint32_t n_near = 0;

	p.reserved_port = PORT;
	t = route_table_new(&p);
	for (uint32_t i = 0; i < 4 * CAPACITY; i++) {
		struct plumb_route r = nth(BATON_IPV4, i);
		uint32_t index;

		if (route_table_count(t) == CAPACITY)
			break;
		index = add(t, &r);
		assert_int_not_equal(index & 0xffff, PORT);
		assert_int_not_equal(index & 0xffff, 0);
		n_near += index / ROUTE_PLACES == PORT / ROUTE_PLACES;
	}
	assert_true(n_near > 0);
	route_table_free(t);
}

static void *limited_alloc(size_t size, void *arg)
{
	int *left = arg;
	void *p;

	if (!(*left)--)
		return NULL;
	p = aligned_alloc(64, size);
	memset(p, 0, size);
	return p;
}

static void limited_free(void *p, void *arg)
{
	free(p);
}

static void short_memory_is_reported(void **state)
{
	struct route_table_params p = params(BATON_IPV6, 1000);

	p.alloc = limited_alloc;
	p.free = limited_free;
	for (int n = 0; n < 3; n++) {
		int left = n;
		struct route_table *t;

		p.arg = &left;
		t = route_table_new(&p);
		assert_int_equal(t != NULL, n == 2);
		route_table_free(t);
	}
}

struct walk {
	uint32_t seen, deleted;
	bool all;
};

static bool visit_even(struct route_table *t, uint32_t index, void *arg)
{
	struct walk *w = arg;
	bool delete = w->all || route_at(t, index)->endpoint % 2 == 0;

	w->seen++;
	w->deleted += delete;
	return delete;
}

static void scanning_visits_all_in_bounded_steps(void **state)
{
	enum { N = 1000 };
	struct route_table *t = table(BATON_IPV6, N);
	struct walk w = { 0 };
	uint32_t cursor = 0, steps = 0;

	for (uint32_t i = 0; i < N; i++) {
		struct plumb_route r = nth(BATON_IPV6, i);

		add(t, &r);
	}
	do {
		uint32_t before = w.seen;

		route_scan(t, &cursor, 2, visit_even, &w);
		assert_true(w.seen - before <= 2 * ROUTE_SLOTS);
		steps++;
	} while (cursor);
	assert_int_equal(w.seen, N);
	assert_int_equal(w.deleted, N / 2);
	assert_int_equal(steps, (route_table_buckets(t) + 1) / 2);
	for (uint32_t i = 0; i < N; i++) {
		struct plumb_route r = nth(BATON_IPV6, i);

		assert_int_equal(route_find(t, &r.key) >= 0, i % 2);
	}
	w = (struct walk){ .all = true };
	cursor = UINT32_MAX;
	route_scan(t, &cursor, UINT32_MAX, visit_even, &w);
	assert_int_equal(w.seen, N / 2);
	assert_int_equal(cursor, 0);
	assert_int_equal(route_table_count(t), 0);
	route_table_free(t);
}

/* Deletes its neighbours, which the walk has not reached yet. */
static bool visit_and_delete_next(struct route_table *t, uint32_t index, void *arg)
{
	(*(uint32_t *)arg)++;
	for (uint32_t i = index + 1; i < index + 2 * ROUTE_PLACES; i++)
		route_del(t, i);
	return true;
}

static void visiting_may_delete_others(void **state)
{
	struct route_table *t = table(BATON_IPV4, 500);
	uint32_t cursor = 0, n = 0;

	for (uint32_t i = 0; i < 500; i++) {
		struct plumb_route r = nth(BATON_IPV4, i);

		add(t, &r);
	}
	route_scan(t, &cursor, UINT32_MAX, visit_and_delete_next, &n);
	assert_int_equal(route_table_count(t), 0);
	assert_in_range(n, 1, route_table_buckets(t));
	route_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_added_route_is_found_and_holds_what_was_plumbed),
		cmocka_unit_test(every_field_of_the_key_counts),
		cmocka_unit_test(adding_a_key_twice_gives_the_first_entry),
		cmocka_unit_test(keys_of_the_other_family_are_refused),
		cmocka_unit_test(nat_routes_have_a_cold_half),
		cmocka_unit_test(the_table_refuses_exactly_beyond_its_capacity),
		cmocka_unit_test(sizes_out_of_range_are_refused),
		cmocka_unit_test(a_place_used_again_has_another_flow_id),
		cmocka_unit_test(a_freed_place_rests),
		cmocka_unit_test(flow_ids_from_outside_are_harmless),
		cmocka_unit_test(reserved_ports_never_come_out),
		cmocka_unit_test(short_memory_is_reported),
		cmocka_unit_test(scanning_visits_all_in_bounded_steps),
		cmocka_unit_test(visiting_may_delete_others),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
