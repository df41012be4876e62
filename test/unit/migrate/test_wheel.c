/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>

#include "frames.h"
#include "migrate/wheel.h"

#define N 50
#define US 1000ull
#define LATE_NS (3ull << WHEEL_TICK_SHIFT)

/* Against an array of due times: never early, late by no more than it says, whatever is set, cleared or set again. */
static void timers_fire_in_time(void **state)
{
	uint64_t due[N] = { 0 }, now = 77777, seed = 11;
	struct wheel w = { 0 };
	unsigned fired = 0;

	assert_int_equal(wheel_init(&w, N), 0);
	for (unsigned turn = 0; turn < 200000; turn++) {
		uint32_t id = (uint32_t)(frame_random(&seed) % N), got;
		unsigned budget = 1000;

		if (turn % 3 == 0) {
			/* within a tick, within a turn of the wheel, beyond it */
			due[id] = now + frame_random(&seed) % (turn % 2   ? 300 * US
							       : turn % 5 ? 900000 * US
									  : 5000000 * US);
			wheel_set(&w, id, due[id]);
		} else if (turn % 17 == 0) {
			due[id] = 0;
			wheel_clear(&w, id);
		}
		now += frame_random(&seed) % (60 * US);
		while ((got = wheel_pop(&w, now, &budget)) != WHEEL_NONE) {
			assert_true(due[got] && due[got] <= now);
			due[got] = 0;
			fired++;
			if (fired % 2) {
				due[got] = now + 1; /* set again from its own expiry: not in this turn for ever */
				wheel_set(&w, got, due[got]);
			}
		}
		assert_true(budget > 800);
		for (unsigned i = 0; i < N; i++)
			assert_true(!due[i] || due[i] + LATE_NS > now);
	}
	assert_true(fired > 10000);
	wheel_fini(&w);
}

/* What is due already comes with the next tick but one, not a turn of the wheel later. */
static void the_past_comes_soon(void **state)
{
	struct wheel w = { 0 };
	uint64_t now = 10000000 * US;
	unsigned budget = 100;

	assert_int_equal(wheel_init(&w, N), 0);
	assert_int_equal(wheel_pop(&w, now, &budget), WHEEL_NONE);
	wheel_set(&w, 7, now - 500000 * US);
	assert_int_equal(wheel_pop(&w, now + LATE_NS, &budget), 7);
	assert_int_equal(wheel_pop(&w, now + LATE_NS, &budget), WHEEL_NONE);
	wheel_fini(&w);
}

static void looks_are_bounded_and_nothing_is_skipped(void **state)
{
	struct wheel w = { 0 };
	unsigned n = 0;

	assert_int_equal(wheel_init(&w, N), 0);
	for (uint32_t i = 0; i < N; i++)
		wheel_set(&w, i, 1000 * US);
	for (unsigned turn = 0; turn < N / 5; turn++) {
		unsigned budget = 5;

		while (wheel_pop(&w, 3600000000 * US, &budget) != WHEEL_NONE) /* an hour late */
			n++;
		assert_int_equal(n, 5 * (turn + 1));
	}
	wheel_fini(&w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(timers_fire_in_time),
		cmocka_unit_test(the_past_comes_soon),
		cmocka_unit_test(looks_are_bounded_and_nothing_is_skipped),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
