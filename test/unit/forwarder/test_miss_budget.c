/* SPDX-License-Identifier: BSD-3-Clause */
/* What misses may take from hits: nothing is refused while there is time, and little is served while there is none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#include "forwarder/miss_budget.h"

#define BURST 32

/* A turn of one burst with n_hits hits and n_misses misses of a kind. Returns how many were served. */
static unsigned turn(struct miss_budget *b, bool full, uint32_t n_hits, unsigned n_misses, enum miss_kind kind)
{
	unsigned n = 0;

	miss_budget_burst(b, full);
	for (unsigned i = 0; i < n_misses; i++)
		n += miss_budget_take(b, kind);
	miss_budget_turn(b, n_hits);
	return n;
}

static void nothing_is_refused_while_bursts_are_not_full(void **state)
{
	struct miss_budget b;

	miss_budget_init(&b, MISS_PRICE);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(turn(&b, false, 0, BURST - 1, MISS_OPENING), BURST - 1);
}

static void without_a_price_nothing_is_refused(void **state)
{
	struct miss_budget b;

	miss_budget_init(&b, 0);
	for (unsigned i = 0; i < 100000; i++)
		assert_int_equal(turn(&b, true, 0, BURST, MISS_UNDERWAY), BURST);
}

/* A pause, or the connections of a device that failed: a full receive ring of misses. */
static void a_backlog_is_no_flood(void **state)
{
	struct miss_budget b;

	miss_budget_init(&b, MISS_PRICE);
	for (unsigned i = 0; i < MISS_BACKLOG / BURST; i++)
		assert_int_equal(turn(&b, true, 0, BURST, MISS_UNDERWAY), BURST);
	assert_int_equal(turn(&b, true, 0, BURST, MISS_UNDERWAY), 0);
}

static void drain(struct miss_budget *b)
{
	miss_budget_init(b, MISS_PRICE);
	for (unsigned k = 0; k < MISS_N_KINDS; k++)
		while (turn(b, true, 0, BURST, k))
			;
}

static void in_a_flood_hits_pay_for_each_kind(void **state)
{
	unsigned n_turns = 100 * MISS_PRICE, served[MISS_N_KINDS] = { 0 };
	struct miss_budget b;

	drain(&b);
	for (unsigned i = 0; i < n_turns; i++) {
		miss_budget_burst(&b, true);
		for (unsigned k = 0; k < MISS_N_KINDS; k++)
			for (unsigned n = 0; n < BURST / 2; n++)
				served[k] += miss_budget_take(&b, k);
		miss_budget_turn(&b, BURST / 2);
	}
	for (unsigned k = 0; k < MISS_N_KINDS; k++)
		assert_in_range(served[k], n_turns / MISS_PRICE * (BURST / 2) - 1, n_turns / MISS_PRICE * (BURST / 2));
}

static void a_flood_of_one_kind_leaves_the_others_alone(void **state)
{
	struct miss_budget b;

	miss_budget_init(&b, MISS_PRICE);
	while (turn(&b, true, 0, BURST, MISS_OPENING))
		;
	assert_int_equal(turn(&b, true, 0, BURST, MISS_UNDERWAY), BURST);
	assert_int_equal(turn(&b, true, 0, BURST, MISS_OWN), BURST);
	assert_int_equal(turn(&b, true, 0, BURST, MISS_OPENING), 0);
}

static void time_left_over_is_put_on_account(void **state)
{
	unsigned served = 0;
	struct miss_budget b;

	drain(&b);
	turn(&b, false, 0, 0, MISS_OPENING);
	turn(&b, true, 0, 0, MISS_OPENING);
	for (unsigned i = 0; i < 10; i++)
		served += turn(&b, true, 0, BURST, MISS_OPENING);
	assert_int_equal(served, MISS_SPARE);
}

static void accounts_hold_no_more_than_a_backlog(void **state)
{
	struct miss_budget b;
	unsigned served = 0, n;

	drain(&b);
	for (unsigned i = 0; i < 1000000; i++)
		turn(&b, i % 2, UINT32_MAX, 0, MISS_OPENING);
	turn(&b, true, 0, 0, MISS_OPENING);
	while ((n = turn(&b, true, 0, BURST, MISS_OPENING)) > 0)
		served += n;
	assert_int_equal(served, MISS_BACKLOG);
}

/* The turn after a full burst pays as well: what came while that was handled waits at another port. */
static void a_short_burst_beside_a_full_one_pays(void **state)
{
	struct miss_budget b;

	drain(&b);
	miss_budget_burst(&b, true);
	miss_budget_burst(&b, false);
	assert_false(miss_budget_take(&b, MISS_UNDERWAY));
	miss_budget_turn(&b, 0);
	miss_budget_burst(&b, false);
	assert_false(miss_budget_take(&b, MISS_UNDERWAY));
	miss_budget_turn(&b, 0);
	miss_budget_burst(&b, false);
	assert_true(miss_budget_take(&b, MISS_UNDERWAY));
	miss_budget_turn(&b, 0);
}

/* Packets that classifiers send back, between turns. */
static void what_comes_by_no_port_does_not_pay(void **state)
{
	struct miss_budget b;

	drain(&b);
	miss_budget_burst(&b, true);
	miss_budget_turn(&b, 0);
	assert_true(miss_budget_take(&b, MISS_OPENING));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_is_refused_while_bursts_are_not_full),
		cmocka_unit_test(without_a_price_nothing_is_refused),
		cmocka_unit_test(a_backlog_is_no_flood),
		cmocka_unit_test(in_a_flood_hits_pay_for_each_kind),
		cmocka_unit_test(a_flood_of_one_kind_leaves_the_others_alone),
		cmocka_unit_test(time_left_over_is_put_on_account),
		cmocka_unit_test(accounts_hold_no_more_than_a_backlog),
		cmocka_unit_test(a_short_burst_beside_a_full_one_pays),
		cmocka_unit_test(what_comes_by_no_port_does_not_pay),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
