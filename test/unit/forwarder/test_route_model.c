/* SPDX-License-Identifier: BSD-3-Clause */
/* Random operations against a model, for every form that this CPU can run; and keys chosen by an enemy. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/route_model.h"

/* xorshift64* (Vigna 2014): the same run every time. */
static uint64_t random_state;

static uint32_t random_below(uint32_t n)
{
	random_state ^= random_state >> 12;
	random_state ^= random_state << 25;
	random_state ^= random_state >> 27;
	return (uint32_t)((random_state * 0x2545f4914f6cdd1dull >> 32) * n >> 32);
}

static struct route_table_params params(uint8_t family, uint32_t capacity, uint8_t seed)
{
	struct route_table_params p = {
		.family = family, .capacity = capacity, .n_banks = seed % 9, .reserved_port = 7471
	};

	for (unsigned i = 0; i < sizeof p.hash_key; i++)
		p.hash_key[i] = (uint8_t)(i * 37 + seed * 101 + 11);
	return p;
}

static void model_new(struct route_model *m, const struct route_form *form, const struct route_table_params *p,
		      uint32_t n_keys)
{
	struct route_table *t = route_table_new_form(p, form);

	assert_non_null(t);
	assert_int_equal(route_model_init(m, t, p->reserved_port, n_keys), 0);
}

static const char *random_step(struct route_model *m, uint32_t *cursor)
{
	uint32_t op = random_below(100), n = random_below(m->n_keys);

	if (op < 42)
		return route_model_add(m, n, (uint16_t)random_below(100));
	if (op < 47)
		return route_model_set_compact(m, n, random_below(4) != 0);
	if (op < 70)
		return route_model_del(m, n);
	if (op < 90)
		return route_model_find(m, n);
	if (op < 95)
		return route_model_find_bulk(m, n, random_below(7) + 1, random_below(ROUTE_BURST + 1));
	if (op < 99)
		return route_model_find_flow(m, random_below(ROUTE_MAX_BANKS),
					     baton_flow_id((uint8_t)random_below(256), random_below(1u << 15)));
	return route_model_scan(m, cursor, random_below(4), random_below(8) == 0);
}

static void run(const struct route_form *form, uint8_t family, uint32_t capacity, uint32_t n_keys, unsigned n_steps)
{
	struct route_table_params p = params(family, capacity, (uint8_t)capacity);
	const char *wrong = NULL;
	struct route_model m;
	uint32_t cursor = 0;
	unsigned i;

	random_state = 0x9e3779b97f4a7c15ull + capacity;
	model_new(&m, form, &p, n_keys);
	for (i = 0; i < n_steps && !wrong; i++) {
		wrong = random_step(&m, &cursor);
		if (!wrong && i % (n_steps / 8) == 0)
			wrong = route_model_check(&m);
	}
	if (!wrong)
		wrong = route_model_check(&m);
	if (wrong)
		fail_msg("%s, IPv%u, capacity %u, step %u: %s", form->name, family, capacity, i, wrong);
	route_model_fini(&m);
}

static void random_operations_do_what_the_model_does(void **state)
{
	for (unsigned f = 0; route_forms[f]; f++) {
		if (!route_forms[f]->supported())
			continue;
		for (uint8_t family = 4; family <= 6; family += 2) {
			run(route_forms[f], family, 1, 8, 20000);
			run(route_forms[f], family, 24, 40, 50000);
			run(route_forms[f], family, 200, 300, 50000);
			run(route_forms[f], family, 2000, 5000, 100000);
			run(route_forms[f], family, 60000, 100000, 100000);
		}
	}
}

/* With as many keys as 2.5 tables hold, the table is full nearly always. */
static void full_tables_stay_right_under_churn(void **state)
{
	const struct route_form *form = route_forms[0];
	struct route_table_params p = params(BATON_IPV4, 1240, 3);
	const char *wrong = NULL;
	struct route_model m;

	random_state = 42;
	model_new(&m, form, &p, 3100);
	for (uint32_t n = 0; n < 1240 && !wrong; n++)
		wrong = route_model_add(&m, n, 0);
	for (unsigned i = 0; i < 200000 && !wrong; i++) {
		wrong = route_model_add(&m, random_below(3100), (uint16_t)random_below(6));
		if (!wrong && i % 2)
			wrong = route_model_del(&m, random_below(3100));
		if (!wrong && i % 3 == 0)
			wrong = route_model_set_compact(&m, random_below(3100), random_below(4) != 0);
	}
	if (!wrong)
		wrong = route_model_check(&m);
	assert_string_equal(wrong ? wrong : "", "");
	route_model_fini(&m);
}

/* A bucket shows the same slots to every form. */
static void all_forms_compare_tags_alike(void **state)
{
	struct route_bucket b;

	random_state = 7;
	for (unsigned n = 0; n < 20000; n++) {
		uint16_t tag = (uint16_t)random_below(5);

		for (unsigned i = 0; i < ROUTE_SLOTS; i++)
			b.tag[i] = (uint16_t)(random_below(5) * (random_below(2) ? 1 : 0x101));
		b.overflow = tag; /* must not count as a slot */
		for (unsigned f = 1; route_forms[f]; f++)
			if (route_forms[f]->supported())
				assert_int_equal(route_forms[f]->match(&b, tag), route_forms[0]->match(&b, tag));
	}
}

/* The same hash in the same table, whatever the width of the tag comparison. */
static void forms_with_one_hash_agree_on_places(void **state)
{
	struct route_table_params p = params(BATON_IPV6, 1000, 1);
	const struct route_form *first = NULL;
	uint64_t hashes[100];

	for (unsigned f = 0; route_forms[f]; f++) {
		struct route_table *t;

		if (!strstr(route_forms[f]->name, "aes") || !route_forms[f]->supported())
			continue;
		t = route_table_new_form(&p, route_forms[f]);
		for (uint32_t n = 0; n < 100; n++) {
			struct plumb_route r = route_model_key(BATON_IPV6, n);
			uint64_t hash = t->form->hash(t, &r.key);

			if (first)
				assert_true(hash == hashes[n]);
			hashes[n] = hash;
		}
		first = route_forms[f];
		route_table_free(t);
	}
}

/* Two tables with other keys put the same connections elsewhere. */
static void the_hash_is_keyed(void **state)
{
	for (unsigned f = 0; route_forms[f]; f++) {
		struct route_table_params p1 = params(BATON_IPV4, 50000, 1), p2 = p1;
		struct route_table *t1, *t2;
		unsigned same = 0;

		if (!route_forms[f]->supported())
			continue;
		p2.hash_key[31] ^= 1;
		t1 = route_table_new_form(&p1, route_forms[f]);
		t2 = route_table_new_form(&p2, route_forms[f]);
		for (uint32_t n = 0; n < 10000; n++) {
			struct plumb_route r = route_model_key(BATON_IPV4, n);

			same += route_home(t1, t1->form->hash(t1, &r.key)) ==
				route_home(t2, t2->form->hash(t2, &r.key));
		}
		assert_in_range(same, 0, 50);
		route_table_free(t1);
		route_table_free(t2);
	}
}

/* CRC-32C, bit by bit: the hash that many load balancers use, which is linear. */
static uint32_t crc32c(const uint8_t *p, size_t len)
{
	uint32_t crc = ~0u;

	for (size_t i = 0; i < len; i++) {
		crc ^= p[i];
		for (unsigned bit = 0; bit < 8; bit++)
			crc = crc >> 1 ^ (crc & 1 ? 0x82f63b78 : 0);
	}
	return ~crc;
}

/* A client that owns a /64 picks sources so that the low bits of a CRC of the key stay the same. */
static struct plumb_route enemy_key(uint32_t n)
{
	struct plumb_route r = route_model_key(BATON_IPV6, 0);

	memcpy(&r.key.saddr[8], &n, sizeof n);
	for (uint32_t i = 0; crc32c((const uint8_t *)&r.key, sizeof r.key) & 0x3ff; i++)
		memcpy(&r.key.saddr[12], &i, sizeof i);
	return r;
}

static void keys_chosen_by_an_enemy_still_spread(void **state)
{
	enum { N = 4000 };
	static struct plumb_route keys[N];

	for (uint32_t n = 0; n < N; n++)
		keys[n] = enemy_key(n);
	for (unsigned f = 0; route_forms[f]; f++) {
		struct route_table_params p = params(BATON_IPV6, N, 9);
		struct route_table *t;
		uint32_t index, passed = 0, beyond = 0;

		if (!route_forms[f]->supported())
			continue;
		t = route_table_new_form(&p, route_forms[f]);
		for (uint32_t n = 0; n < N; n++)
			assert_int_equal(route_add(t, &keys[n], 0, &index), 0);
		for (uint32_t b = 0; b < t->n_buckets; b++) {
			passed += t->buckets[b].overflow;
			beyond = t->buckets[b].overflow > beyond ? t->buckets[b].overflow : beyond;
		}
		/* plain keys under 300 random hash keys each: 15 to 163 passed, at most 23 by one bucket */
		assert_in_range(passed, 0, N / 10);
		assert_in_range(beyond, 0, 4 * ROUTE_SLOTS);
		route_table_free(t);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(random_operations_do_what_the_model_does),
		cmocka_unit_test(full_tables_stay_right_under_churn),
		cmocka_unit_test(all_forms_compare_tags_alike),
		cmocka_unit_test(forms_with_one_hash_agree_on_places),
		cmocka_unit_test(the_hash_is_keyed),
		cmocka_unit_test(keys_chosen_by_an_enemy_still_spread),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
