/* SPDX-License-Identifier: BSD-3-Clause */
/* Banks of the route table: which places each has, and that flow ids name one place within one bank. */
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

#define PER_BANK 13002342u /* routes at 80 % load: 2^24 / 32 * 24.8 */

/* A table of that size without any memory: good for arithmetic. */
static struct route_table hollow(uint32_t n_banks, uint32_t n_buckets)
{
	return (struct route_table){ .n_buckets = n_buckets, .bank_share = route_bank_share(n_banks, n_buckets) };
}

static void expect_named(const struct route_table *t, uint32_t n_banks, uint64_t place)
{
	uint32_t bank = route_bank_of(t, (uint32_t)place);

	if (place >= (uint64_t)t->n_buckets * ROUTE_PLACES)
		return;
	assert_true(bank < n_banks);
	for (uint32_t b = 0; b < n_banks; b++) {
		uint32_t found = route_place_in(t, b, baton_flow_index((uint32_t)place));

		if (b == bank)
			assert_int_equal(found, place);
		else if (found != UINT32_MAX) /* another one, of that bank */
			assert_int_equal(route_bank_of(t, found), b);
	}
}

/* The first place of each bank but the first, found without knowing how banks are made. */
static uint64_t first_of(const struct route_table *t, uint32_t bank)
{
	uint64_t low = 0, high = (uint64_t)t->n_buckets * ROUTE_PLACES;

	while (low < high) {
		uint64_t middle = (low + high) / 2;

		if (route_bank_of(t, (uint32_t)middle) < bank)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static void expect_banks(uint32_t n_banks, uint32_t n_buckets)
{
	struct route_table t = hollow(n_banks, n_buckets);
	uint64_t places = (uint64_t)n_buckets * ROUTE_PLACES, random = n_banks * 0x9e3779b97f4a7c15ull + n_buckets;

	for (uint32_t bank = 0; bank < n_banks; bank++) {
		uint64_t first = first_of(&t, bank), next = bank + 1 < n_banks ? first_of(&t, bank + 1) : places;

		assert_true(next > first);
		assert_true(next - first <= 1u << BATON_FLOW_INDEX_BITS);
		/* equal parts, as near as the arithmetic of 32 bits comes */
		assert_true(next - first > places / n_banks - places / n_banks / 25 - 2);
		expect_named(&t, n_banks, first);
		expect_named(&t, n_banks, next - 1);
	}
	for (unsigned i = 0; i < 1000; i++) {
		random ^= random << 13;
		random ^= random >> 7;
		random ^= random << 17;
		expect_named(&t, n_banks, random % places);
	}
}

static void every_place_has_one_name_in_tables_of_every_size(void **state)
{
	for (uint32_t n = 1; n <= ROUTE_MAX_BANKS; n++) {
		expect_banks(n, n * ROUTE_BANK_BUCKETS);
		expect_banks(n, n * ROUTE_BANK_BUCKETS - 1);
		expect_banks(n, n * ROUTE_BANK_BUCKETS / 2 + 1);
		for (uint32_t buckets = 1; buckets < n * ROUTE_BANK_BUCKETS; buckets += buckets / 3 + 1)
			expect_banks(n, buckets);
	}
}

static void names_of_nothing_are_of_nothing(void **state)
{
	struct route_table t = hollow(3, 100), one = hollow(1, 100);

	assert_int_equal(route_place_in(&t, 3, 0), UINT32_MAX);
	assert_int_equal(route_place_in(&t, 7, 3199), UINT32_MAX);
	assert_int_equal(route_place_in(&t, 2, 3200), UINT32_MAX);
	assert_int_equal(route_place_in(&t, 0, 3199), UINT32_MAX);
	assert_int_equal(route_place_in(&t, 2, 3199), 3199);
	assert_int_equal(route_place_in(&one, 0, 3199), 3199);
	assert_int_equal(route_place_in(&one, 0, 3200), UINT32_MAX);
	assert_int_equal(route_place_in(&one, 1, 5), UINT32_MAX);
}

static struct route_table_params params(uint32_t capacity, uint8_t n_banks)
{
	return (struct route_table_params){
		.family = BATON_IPV4, .capacity = capacity, .n_banks = n_banks, .hash_key = { 1, 2, 3 }
	};
}

static void *no_memory(size_t size, void *arg)
{
	*(size_t *)arg += size;
	return NULL;
}

static void no_free(void *p, void *arg)
{
}

/* How much memory is asked for; 0: it was refused before. */
static size_t asked(uint8_t family, uint32_t capacity, uint8_t n_banks)
{
	struct route_table_params p = params(capacity, n_banks);
	size_t sum = 0;

	p.family = family;
	p.alloc = no_memory;
	p.free = no_free;
	p.arg = &sum;
	assert_null(route_table_new(&p));
	return sum;
}

static void each_bank_is_room_for_so_many_routes(void **state)
{
	for (uint8_t n = 1; n <= ROUTE_MAX_BANKS; n++) {
		assert_int_not_equal(asked(BATON_IPV4, n * PER_BANK, n), 0);
		assert_int_equal(asked(BATON_IPV4, n * PER_BANK + 25, n), 0);
	}
	assert_int_equal(asked(BATON_IPV4, 1000, ROUTE_MAX_BANKS + 1), 0);
	/* without flow ids as many as with all banks */
	assert_int_not_equal(asked(BATON_IPV4, ROUTE_MAX_BANKS * PER_BANK, 0), 0);
	assert_int_equal(asked(BATON_IPV4, ROUTE_MAX_BANKS * PER_BANK + 25, 0), 0);
	assert_int_equal(asked(BATON_IPV4, UINT32_MAX, 0), 0);
}

/* More than 32 bits hold. */
static void sizes_of_large_tables_are_right(void **state)
{
	size_t buckets = (100000000ull * 10 + 247) / 248;

	assert_int_equal(asked(BATON_IPV4, 100000000, 8), buckets * (64 + 32 * 32));
	assert_int_equal(asked(BATON_IPV6, 100000000, 8), buckets * (64 + 32 * 64));
	assert_int_equal(route_table_memory(BATON_IPV6, 100000000), buckets * (64 + 32 * 64));
}

static struct plumb_route nth(uint32_t n)
{
	struct plumb_route r = { .key = { .family = BATON_IPV4, .proto = IPPROTO_TCP }, .action = PLUMB_ACTION_TUNNEL };

	r.key.saddr[0] = 10;
	r.key.daddr[0] = 192;
	r.key.sport_be = htons((uint16_t)n);
	r.key.dport_be = htons(443);
	return r;
}

static void a_small_table_uses_all_banks(void **state)
{
	enum { N = 20000, BANKS = 5 };
	struct route_table_params p = params(N, BANKS);
	struct route_table *t = route_table_new(&p);
	uint32_t in[BANKS] = { 0 }, elsewhere = 0;

	assert_non_null(t);
	for (uint32_t i = 0; i < N; i++) {
		struct plumb_route r = nth(i);
		uint32_t index, bank, id;

		assert_int_equal(route_add(t, &r, 0, &index), 0);
		bank = route_bank(t, index);
		id = route_flow_id(t, index);
		assert_true(bank < BANKS);
		in[bank]++;
		elsewhere += route_key_bank(t, &r.key) != bank;
		for (uint32_t b = 0; b < BANKS; b++)
			assert_int_equal(route_find_flow(t, b, id), b == bank ? (int64_t)index : -ENOENT);
	}
	for (uint32_t b = 0; b < BANKS; b++)
		assert_in_range(in[b], N / BANKS - N / BANKS / 10, N / BANKS + N / BANKS / 10);
	assert_in_range(elsewhere, 0, N / 100);
	route_table_free(t);
}

/* Neither port of a flow id is ever 0 or the shim's, in no bank. */
static void reserved_places_are_barred_in_every_bank(void **state)
{
	enum { N = 400000, BANKS = 3, PORT = 7471 };
	struct route_table_params p = params(N, BANKS);
	uint32_t barred[BANKS] = { 0 };
	struct route_table *t;

	p.reserved_port = PORT;
	t = route_table_new(&p);
	assert_non_null(t);
	for (uint32_t place = 0; place < t->n_buckets * ROUTE_PLACES; place++) {
		bool must = (uint16_t)place == 0 || (uint16_t)place == PORT;

		if (place % ROUTE_PLACES == ROUTE_SLOTS)
			continue;
		assert_int_equal(t->buckets[place / ROUTE_PLACES].tag[place % ROUTE_PLACES] == ROUTE_TAG_BARRED, must);
		barred[route_bank(t, place)] += must;
	}
	for (uint32_t b = 0; b < BANKS; b++)
		assert_int_not_equal(barred[b], 0);
	route_table_free(t);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_place_has_one_name_in_tables_of_every_size),
		cmocka_unit_test(names_of_nothing_are_of_nothing),
		cmocka_unit_test(each_bank_is_room_for_so_many_routes),
		cmocka_unit_test(sizes_of_large_tables_are_right),
		cmocka_unit_test(a_small_table_uses_all_banks),
		cmocka_unit_test(reserved_places_are_barred_in_every_bank),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
