/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Keys chosen by somebody who knows everything but the hash's key: no family of
 * them fills a table worse than keys at random do. Somebody who knows the key
 * can; so could these tests fail.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "forwarder/route_table.h"

#define N 20000 /* a full table */
#define N_KEYS 3
#define SAMPLES 4000

/* splitmix64 (Steele, Lea, Flood 2014), of a number */
static uint64_t mix(uint64_t x)
{
	x += 0x9e3779b97f4a7c15ull;
	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

typedef void (*family_fn)(uint32_t n, uint32_t *ret_client, uint16_t *ret_port);

static void random_keys(uint32_t n, uint32_t *ret_client, uint16_t *ret_port)
{
	*ret_client = (uint32_t)mix(n);
	*ret_port = (uint16_t)(mix(n) >> 32);
}

static void ports_in_order(uint32_t n, uint32_t *ret_client, uint16_t *ret_port)
{
	*ret_client = 0x0a000001;
	*ret_port = (uint16_t)n;
}

static void clients_in_order(uint32_t n, uint32_t *ret_client, uint16_t *ret_port)
{
	*ret_client = 0x0a000000 + n;
	*ret_port = 1024;
}

static void same_low_bits(uint32_t n, uint32_t *ret_client, uint16_t *ret_port)
{
	*ret_client = n << 16 | 1;
	*ret_port = (uint16_t)(n >> 16 << 12);
}

/* What an exclusive or of addresses and ports would take for one. */
static void same_sum(uint32_t n, uint32_t *ret_client, uint16_t *ret_port)
{
	*ret_client = 0x0a000000 | (n & 0xffff);
	*ret_port = (uint16_t)(n & 0xffff);
}

static void gray_code(uint32_t n, uint32_t *ret_client, uint16_t *ret_port)
{
	*ret_client = (n ^ n >> 1) << 8;
	*ret_port = 80;
}

static const struct {
	const char *name;
	family_fn key;
} families[] = { { "random", random_keys },     { "ports", ports_in_order }, { "clients", clients_in_order },
		 { "low bits", same_low_bits }, { "sum", same_sum },         { "gray", gray_code } };

static struct plumb_route route_make(uint8_t family, uint32_t client, uint16_t port)
{
	struct plumb_route r = { .key = { .family = family, .proto = IPPROTO_TCP }, .action = PLUMB_ACTION_TUNNEL };
	uint32_t client_be = htonl(client);

	memcpy(r.key.saddr + (family == BATON_IPV6 ? 12 : 0), &client_be, 4);
	r.key.daddr[0] = 198;
	r.key.sport_be = htons(port);
	r.key.dport_be = htons(443);
	return r;
}

static struct route_table *table_make(const struct route_form *form, uint8_t family, uint8_t seed)
{
	struct route_table_params p = { .family = family, .capacity = N };
	struct route_table *t;

	for (unsigned i = 0; i < sizeof p.hash_key; i++)
		p.hash_key[i] = (uint8_t)mix(seed * 64u + i);
	t = route_table_new_form(&p, form);
	assert_non_null(t);
	return t;
}

struct spread {
	uint32_t overflowed, longest, passed;
};

static struct spread spread_of(const struct route_table *t)
{
	struct spread s = { 0 };
	uint32_t run = 0;

	for (uint32_t b = 0; b < t->n_buckets; b++) {
		run = t->buckets[b].overflow ? run + 1 : 0;
		s.overflowed += !!t->buckets[b].overflow;
		s.passed += t->buckets[b].overflow;
		s.longest = run > s.longest ? run : s.longest;
	}
	return s;
}

static struct spread fill(const struct route_form *form, uint8_t family, uint8_t seed, family_fn key)
{
	struct route_table *t = table_make(form, family, seed);
	struct spread s;
	uint32_t index;

	for (uint32_t n = 0; n < N; n++) {
		uint32_t client;
		uint16_t port;
		struct plumb_route r;

		key(n, &client, &port);
		r = route_make(family, client, port);
		assert_int_equal(route_add(t, &r, 0, &index), 0);
	}
	s = spread_of(t);
	route_table_free(t);
	return s;
}

/*
 * 807 buckets, 24.8 keys each on average: a Poisson variable is beyond 31 with a probability of 9 %.
 * The bounds leave room above random keys' own spread, which stands first in the list.
 */
static void no_family_of_keys_is_worse_than_random(void **state)
{
	for (unsigned f = 0; route_forms[f]; f++) {
		if (!route_forms[f]->supported())
			continue;
		for (uint8_t seed = 0; seed < N_KEYS; seed++)
			for (unsigned k = 0; k < sizeof families / sizeof *families; k++)
				for (uint8_t family = 4; family <= 6; family += 2) {
					struct spread s = fill(route_forms[f], family, seed, families[k].key);

					if (s.overflowed > 180 || s.longest > 16 || s.passed > N / 20)
						fail_msg("%s, %s, IPv%u: %u overflowed, %u in a row, %u passed",
							 route_forms[f]->name, families[k].name, family, s.overflowed,
							 s.longest, s.passed);
				}
	}
}

/* Chi-square over buckets and over tags, with 255 degrees of freedom: mean 255, deviation 23. */
static double chi_square(const uint32_t counts[256], double expected)
{
	double sum = 0;

	for (unsigned i = 0; i < 256; i++)
		sum += (counts[i] - expected) * (counts[i] - expected) / expected;
	return sum;
}

static void hashes_of_every_family_are_even(void **state)
{
	for (unsigned f = 0; route_forms[f]; f++) {
		struct route_table *t;

		if (!route_forms[f]->supported())
			continue;
		t = table_make(route_forms[f], BATON_IPV4, 7);
		for (unsigned k = 0; k < sizeof families / sizeof *families; k++) {
			uint32_t low[256] = { 0 }, high[256] = { 0 };

			for (uint32_t n = 0; n < N; n++) {
				uint32_t client;
				uint16_t port;
				struct plumb_route r;
				uint64_t hash;

				families[k].key(n, &client, &port);
				r = route_make(BATON_IPV4, client, port);
				hash = t->form->hash(t, &r.key);
				low[(uint32_t)hash >> 24]++;
				high[hash >> 56]++;
			}
			/* six deviations: the seeds are fixed, so it is always the same run */
			assert_true(chi_square(low, N / 256.0) < 255 + 6 * 23);
			assert_true(chi_square(high, N / 256.0) < 255 + 6 * 23);
		}
		route_table_free(t);
	}
}

/* Keys that all belong to one bucket, found by somebody who knows the hash's key. */
static void collide(const struct route_table *known, struct route_table *t)
{
	uint32_t n_added = 0, index;

	for (uint32_t n = 0; n_added < SAMPLES / 40; n++) {
		struct plumb_route r = route_make(BATON_IPV4, (uint32_t)mix(n), (uint16_t)n);

		assert_true(n < 1u << 24); /* else no key leads there, and the hash is none */
		if (route_home(known, known->form->hash(known, &r.key)) != 5)
			continue;
		assert_int_equal(route_add(t, &r, 0, &index), 0);
		n_added++;
	}
}

static void who_knows_the_key_makes_long_searches(void **state)
{
	for (unsigned f = 0; route_forms[f]; f++) {
		struct route_table *known, *other;

		if (!route_forms[f]->supported())
			continue;
		known = table_make(route_forms[f], BATON_IPV4, 1);
		other = table_make(route_forms[f], BATON_IPV4, 2);
		collide(known, known);
		collide(known, other);
		assert_int_equal(spread_of(known).longest, (SAMPLES / 40 - 1) / ROUTE_SLOTS);
		assert_int_equal(spread_of(other).longest, 0);
		route_table_free(known);
		route_table_free(other);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(no_family_of_keys_is_worse_than_random),
		cmocka_unit_test(hashes_of_every_family_are_even),
		cmocka_unit_test(who_knows_the_key_makes_long_searches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
