/* SPDX-License-Identifier: BSD-3-Clause */
#include "classifier/guess.h"
#include "fixture.h"

#include <arpa/inet.h>
#include <string.h>

#define KEYS 20000

static uint16_t guess(const struct view *v, uint32_t client)
{
	const struct classifier_packet p = fixture_packet(v, client, ACK, 0);

	return guess_endpoint(v, 0, &p.key);
}

static void only_the_keys_of_an_endpoint_that_goes_away_move(void **state)
{
	struct view *v = fixture_view(IPPROTO_TCP, BATON_MODE_TUNNEL, 5);
	static uint16_t before[KEYS];

	for (uint32_t i = 0; i < KEYS; i++)
		before[i] = guess(v, i);
	v->endpoints[2].usable = 0;
	for (uint32_t i = 0; i < KEYS; i++) {
		uint16_t now = guess(v, i);

		assert_int_not_equal(now, 2);
		if (before[i] != 2)
			assert_int_equal(now, before[i]);
	}
	view_free(v);
}

static void shares_follow_the_capacities(void **state)
{
	struct view *v = fixture_view(IPPROTO_TCP, BATON_MODE_TUNNEL, 4);
	unsigned got[4] = { 0 };

	v->endpoints[0].capacity = 0;
	v->endpoints[1].capacity = 10;
	v->endpoints[2].capacity = 20;
	v->endpoints[3].capacity = 70;
	for (uint32_t i = 0; i < KEYS; i++)
		got[guess(v, i)]++;
	/* the draw is fixed; five standard deviations are 300 at most */
	assert_int_equal(got[0], 0);
	assert_in_range(got[1], KEYS / 10 - 300, KEYS / 10 + 300);
	assert_in_range(got[2], KEYS / 5 - 300, KEYS / 5 + 300);
	assert_in_range(got[3], KEYS * 7 / 10 - 300, KEYS * 7 / 10 + 300);
	view_free(v);
}

/* Another device may know the same hosts by other ids. */
static void ids_do_not_matter(void **state)
{
	struct view *v = fixture_view(IPPROTO_TCP, BATON_MODE_TUNNEL, 3);
	struct view_endpoint x;
	static uint16_t before[KEYS];

	for (uint32_t i = 0; i < KEYS; i++)
		before[i] = guess(v, i);
	x = v->endpoints[0];
	v->endpoints[0] = v->endpoints[2];
	v->endpoints[2] = x;
	for (uint32_t i = 0; i < KEYS; i++)
		assert_int_equal(guess(v, i), 2 - before[i]);
	view_free(v);
}

static void no_endpoint_is_no_guess(void **state)
{
	struct view *v = fixture_view(IPPROTO_TCP, BATON_MODE_TUNNEL, 1);

	assert_int_equal(guess(v, 1), 0);
	v->endpoints[0].usable = 0;
	assert_int_equal(guess(v, 1), VIEW_NONE);
	view_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(only_the_keys_of_an_endpoint_that_goes_away_move),
		cmocka_unit_test(shares_follow_the_capacities),
		cmocka_unit_test(ids_do_not_matter),
		cmocka_unit_test(no_endpoint_is_no_guess),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
