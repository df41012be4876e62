/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "baton/view.h"
#include "dam/session.h"

#define N 1000

static const uint8_t hash_key[16] = "sixteen bytes k";
static const struct baton_affinity by_cookie = { .kind = BATON_AFFINITY_COOKIE, .name = "sid" };

static int setup(void **state)
{
	*state = sessions_new(N, hash_key);
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	sessions_free(*state);
	return 0;
}

static struct session_key key_of(const struct sessions *s, uint16_t vip, const struct baton_affinity *a,
				 const char *bytes, size_t len)
{
	struct session_key k;

	memset(&k, 0xaa, sizeof k);
	sessions_key(s, vip, a, (const uint8_t *)bytes, len, &k);
	return k;
}

static struct session_key numbered(const struct sessions *s, unsigned i)
{
	char text[16];

	return key_of(s, 3, &by_cookie, text, (size_t)snprintf(text, sizeof text, "value-%u", i));
}

static bool same(const struct session_key *a, const struct session_key *b)
{
	return a->h[0] == b->h[0] && a->h[1] == b->h[1];
}

static void what_was_noted_is_found(void **state)
{
	struct sessions *s = *state;
	struct session_key k = numbered(s, 1), other = numbered(s, 2);
	uint16_t endpoint = 77;
	bool evicted = true;

	assert_false(sessions_find(s, &k, 1000, &endpoint));
	assert_int_equal(endpoint, 77);
	assert_true(sessions_add(s, &k, 5, 100, 1000, &evicted));
	assert_false(evicted);
	assert_true(sessions_find(s, &k, 1000, &endpoint));
	assert_int_equal(endpoint, 5);
	assert_false(sessions_find(s, &other, 1000, &endpoint));
	assert_int_equal(sessions_count(s, 1000), 1);
	sessions_del(s, &k);
	assert_false(sessions_find(s, &k, 1000, &endpoint));
	assert_int_equal(sessions_count(s, 1000), 0);
}

static void a_session_noted_again_moves(void **state)
{
	struct sessions *s = *state;
	struct session_key k = numbered(s, 1);
	uint16_t endpoint;
	bool evicted;

	sessions_add(s, &k, 5, 100, 1000, &evicted);
	assert_false(sessions_add(s, &k, UINT16_MAX - 1, 100, 1000, &evicted));
	assert_true(sessions_find(s, &k, 1000, &endpoint));
	assert_int_equal(endpoint, UINT16_MAX - 1);
	assert_int_equal(sessions_count(s, 1000), 1);
}

static void it_is_forgotten_after_its_timeout_and_every_use_counts(void **state)
{
	struct sessions *s = *state;
	struct session_key k = numbered(s, 1);
	uint16_t endpoint;
	bool evicted;

	sessions_add(s, &k, 5, 100, 1000, &evicted);
	assert_true(sessions_find(s, &k, 1100, &endpoint));
	assert_true(sessions_find(s, &k, 1200, &endpoint));
	assert_int_equal(sessions_count(s, 1300), 1);
	assert_int_equal(sessions_count(s, 1301), 0);
	assert_false(sessions_find(s, &k, 1301, &endpoint));
	/* and is there again when it is noted again, with the timeout that holds then */
	sessions_add(s, &k, 6, 7, 1400, &evicted);
	assert_true(sessions_find(s, &k, 1407, &endpoint));
	assert_int_equal(endpoint, 6);
	assert_false(sessions_find(s, &k, 1415, &endpoint));
}

static void a_clock_that_is_a_moment_behind_changes_nothing(void **state)
{
	struct sessions *s = *state;
	struct session_key k = numbered(s, 1);
	uint16_t endpoint;
	bool evicted;

	sessions_add(s, &k, 5, 100, 1001, &evicted);
	assert_true(sessions_find(s, &k, 1000, &endpoint));
	assert_true(sessions_find(s, &k, 1101, &endpoint)); /* the use was not set back */
}

static void each_key_hangs_on_all_that_makes_it(void **state)
{
	struct sessions *s = *state;
	struct baton_affinity header = by_cookie, longer = by_cookie, named = by_cookie;
	struct session_key keys[9];
	struct sessions *other;

	header.kind = BATON_AFFINITY_HEADER;
	memcpy(longer.name, "sida", 5);
	memcpy(named.name, "sidsidsid", 10);
	keys[0] = key_of(s, 3, &by_cookie, "abcdefgh", 8);
	keys[1] = key_of(s, 4, &by_cookie, "abcdefgh", 8);
	keys[2] = key_of(s, 3, &header, "abcdefgh", 8);
	keys[3] = key_of(s, 3, &longer, "abcdefgh", 8);
	keys[4] = key_of(s, 3, &longer, "bcdefgh", 7);
	keys[5] = key_of(s, 3, &by_cookie, "abcdefgh\0", 9);
	keys[6] = key_of(s, 3, &by_cookie, "abcdefg", 7);
	keys[7] = key_of(s, 3, &by_cookie, "", 0);
	keys[8] = key_of(s, 3, &named, "abcdefgh", 8);
	for (unsigned i = 0; i < 9; i++) {
		assert_int_equal(keys[i].endpoint, VIEW_NONE);
		for (unsigned j = 0; j < i; j++) {
			assert_true(keys[i].h[0] != keys[j].h[0]);
			assert_true(keys[i].h[1] != keys[j].h[1]);
		}
	}
	keys[1] = key_of(s, 3, &by_cookie, "abcdefgh", 8);
	assert_true(same(&keys[0], &keys[1]));
	/* nobody who lacks the table's key can make two clients meet */
	other = sessions_new(N, (const uint8_t *)"another 16 bytes");
	keys[1] = key_of(other, 3, &by_cookie, "abcdefgh", 8);
	assert_true(keys[0].h[0] != keys[1].h[0] && keys[0].h[1] != keys[1].h[1]);
	sessions_free(other);
}

static void there_is_room_for_as_many_as_were_asked_for(void **state)
{
	struct sessions *s = *state;
	uint16_t endpoint;
	bool evicted;

	for (unsigned i = 0; i < N; i++) {
		struct session_key k = numbered(s, i);

		assert_true(sessions_add(s, &k, (uint16_t)i, 100, 1000, &evicted));
		assert_false(evicted);
	}
	assert_int_equal(sessions_count(s, 1000), N);
	for (unsigned i = 0; i < N; i++) {
		struct session_key k = numbered(s, i);

		assert_true(sessions_find(s, &k, 1000, &endpoint));
		assert_int_equal(endpoint, i);
	}
}

/* Sessions in use outlive any number of those that are made up and never used again. */
static void a_flood_pushes_out_what_is_not_used(void **state)
{
	struct sessions *s = *state;
	unsigned n_evicted = 0, kept = 0;
	uint32_t now_s = 1000;
	uint16_t endpoint;
	bool evicted;

	for (unsigned i = 0; i < 100; i++) {
		struct session_key k = numbered(s, i);

		sessions_add(s, &k, (uint16_t)i, 100, now_s, &evicted);
	}
	for (unsigned i = 0; i < 20 * N; i++) {
		struct session_key k = numbered(s, 100000 + i);

		if (i % 200 == 0)
			now_s++;
		for (unsigned u = 0; i % 200 == 0 && u < 100; u++) {
			struct session_key used = numbered(s, u);

			sessions_find(s, &used, now_s, &endpoint);
		}
		assert_true(sessions_add(s, &k, 9, 100, now_s, &evicted));
		n_evicted += evicted;
	}
	for (unsigned i = 0; i < 100; i++) {
		struct session_key k = numbered(s, i);

		kept += sessions_find(s, &k, now_s, &endpoint) && endpoint == i;
	}
	assert_int_equal(kept, 100);
	assert_true(n_evicted > 10 * N);
}

/* Digests that agree in one half, or that look like the marks of free places. */
static void both_halves_of_the_digest_count(void **state)
{
	static const uint64_t halves[] = { 0, 1, 2, 3, UINT64_MAX };
	struct sessions *s = *state;
	struct session_key keys[25];
	uint16_t endpoint;
	bool evicted;

	for (unsigned i = 0; i < 25; i++) {
		keys[i] = numbered(s, 1);
		keys[i].h[0] = halves[i / 5];
		keys[i].h[1] = halves[i % 5] << 16;
	}
	for (unsigned i = 0; i < 25; i++)
		assert_false(sessions_find(s, &keys[i], 1000, &endpoint));
	for (unsigned i = 15; i < 25; i++)
		assert_true(sessions_add(s, &keys[i], (uint16_t)i, 100, 1000, &evicted));
	for (unsigned i = 15; i < 25; i++) {
		assert_true(sessions_find(s, &keys[i], 1000, &endpoint));
		assert_int_equal(endpoint, i);
	}
	sessions_del(s, &keys[15]);
	assert_false(sessions_find(s, &keys[15], 1000, &endpoint));
	assert_true(sessions_find(s, &keys[16], 1000, &endpoint));
	for (unsigned i = 0; i < 5; i++) {
		assert_false(sessions_find(s, &keys[i], 1000, &endpoint));
		assert_true(sessions_add(s, &keys[i], (uint16_t)i, 100, 1000, &evicted));
		assert_true(sessions_find(s, &keys[i], 1000, &endpoint));
		assert_int_equal(endpoint, i);
	}
}

static void no_room_is_refused(void **state)
{
	(void)state;
	assert_null(sessions_new(0, hash_key));
	sessions_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(what_was_noted_is_found),
		T(a_session_noted_again_moves),
		T(it_is_forgotten_after_its_timeout_and_every_use_counts),
		T(a_clock_that_is_a_moment_behind_changes_nothing),
		T(each_key_hangs_on_all_that_makes_it),
		T(there_is_room_for_as_many_as_were_asked_for),
		T(a_flood_pushes_out_what_is_not_used),
		T(both_halves_of_the_digest_count),
		T(no_room_is_refused),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
