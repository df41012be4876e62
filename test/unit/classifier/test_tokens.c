/* SPDX-License-Identifier: BSD-3-Clause */
#include "classifier/tokens.h"
#include "fixture.h"

#include <stdlib.h>
#include <string.h>

#define T0 SECONDS(100)

struct bench {
	struct view *v;
	struct tokens t;
	struct classifier_counters n;
	unsigned got[ALLOTMENT_MAX_ENDPOINTS];
};

static struct bench *bench_new(uint16_t n_endpoints, uint8_t consume)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->v = fixture_view(IPPROTO_TCP, BATON_MODE_TUNNEL, n_endpoints);
	b->v->vips[0].consume = consume;
	assert_int_equal(tokens_init(&b->t, 4, 0, &b->n), 0);
	return b;
}

static void bench_free(struct bench *b)
{
	tokens_fini(&b->t);
	view_free(b->v);
	free(b);
}

static void allot(struct bench *b, uint8_t kind, const uint32_t *shares, uint16_t n, uint64_t now_ns)
{
	struct allotment a = fixture_allotment(kind, shares, n, now_ns);

	tokens_allot(&b->t, &a, now_ns);
}

static uint16_t choose(struct bench *b, uint64_t now_ns)
{
	uint16_t e = tokens_choose(&b->t, b->v, 0, NULL, now_ns);

	if (e != VIEW_NONE)
		b->got[e]++;
	return e;
}

static void expect_order(struct bench *b, const char *endpoints)
{
	for (const char *p = endpoints; *p; p++)
		assert_int_equal(choose(b, T0), *p - '0');
}

static void round_robin_takes_one_of_each_in_turn(void **state)
{
	const uint32_t shares[] = { 3, 1, 2 };
	struct bench *b = bench_new(3, BATON_CONSUME_ROUND_ROBIN);

	allot(b, ALLOTMENT_TOKENS, shares, 3, T0);
	expect_order(b, "012020");
	assert_int_equal(b->n.allotments_overdrawn, 0);
	choose(b, T0);
	assert_int_equal(b->n.allotments_overdrawn, 1);
	bench_free(b);
}

static void linear_takes_all_of_one_and_then_the_next(void **state)
{
	const uint32_t shares[] = { 3, 1, 2 };
	struct bench *b = bench_new(3, BATON_CONSUME_LINEAR);

	allot(b, ALLOTMENT_TOKENS, shares, 3, T0);
	expect_order(b, "000122");
	assert_int_equal(b->n.allotments_overdrawn, 0);
	bench_free(b);
}

static void greatest_takes_where_most_are_left(void **state)
{
	const uint32_t shares[] = { 1, 9, 5, 2 };
	struct bench *b = bench_new(4, BATON_CONSUME_GREATEST);
	uint32_t left[4];

	memcpy(left, shares, sizeof(left));
	allot(b, ALLOTMENT_TOKENS, shares, 4, T0);
	for (unsigned i = 0; i < 17; i++) {
		uint16_t e = choose(b, T0);

		for (unsigned j = 0; j < 4; j++)
			assert_true(left[e] >= left[j]);
		left[e]--;
	}
	assert_int_equal(b->n.allotments_overdrawn, 0);
	bench_free(b);
}

static void every_order_uses_every_token_exactly_once(void **state)
{
	for (uint8_t order = 0; order < BATON_N_CONSUMES; order++) {
		struct bench *b = bench_new(100, order);
		uint32_t shares[100], sum = 0;

		for (unsigned i = 0; i < 100; i++)
			sum += shares[i] = (i * 7919) % 50;
		allot(b, ALLOTMENT_TOKENS, shares, 100, T0);
		for (unsigned i = 0; i < sum; i++) {
			/* a reload may change the order at any time */
			if (i == sum / 2)
				b->v->vips[0].consume = (order + 1) % BATON_N_CONSUMES;
			choose(b, T0);
		}
		for (unsigned i = 0; i < 100; i++)
			assert_int_equal(b->got[i], shares[i]);
		assert_int_equal(b->n.allotments_overdrawn, 0);
		bench_free(b);
	}
}

static void tokens_of_endpoints_that_went_away_are_void(void **state)
{
	const uint32_t shares[] = { 5, 5, 5, 5 };
	struct bench *b = bench_new(4, BATON_CONSUME_ROUND_ROBIN);

	allot(b, ALLOTMENT_TOKENS, shares, 4, T0);
	b->v->endpoints[0].usable = 0;
	b->v->endpoints[1].retired = 1;
	b->v->endpoints[2].vip = 3; /* the id is another VIP's now */
	for (unsigned i = 0; i < 5; i++)
		assert_int_equal(choose(b, T0), 3);
	assert_int_equal(b->n.allotments_overdrawn, 0);
	bench_free(b);
}

static void unknown_endpoint_ids_are_skipped(void **state)
{
	struct bench *b = bench_new(1, BATON_CONSUME_GREATEST);
	struct allotment a = { .n_shares = 3, .made_ns = T0, .valid_ns = SECONDS(1) };

	a.shares[0] = (struct allotment_share){ .endpoint = 9999, .share = 7 };
	a.shares[1] = (struct allotment_share){ .endpoint = VIEW_NONE, .share = 7 };
	a.shares[2] = (struct allotment_share){ .endpoint = 0, .share = 1 };
	tokens_allot(&b->t, &a, T0);
	assert_int_equal(choose(b, T0), 0);
	assert_int_equal(b->n.allotments_overdrawn, 0);
	assert_int_equal(choose(b, T0), 0);
	assert_int_equal(b->n.allotments_overdrawn, 1);
	bench_free(b);
}

/* Any number of connections into the timer, no endpoint is a whole connection off its share. */
static void percentages_hold_all_the_time(void **state)
{
	const uint32_t shares[] = { 3333, 1, 66, 4100, 2500, 0 };
	struct bench *b = bench_new(6, BATON_CONSUME_ROUND_ROBIN);

	allot(b, ALLOTMENT_PERCENT, shares, 6, T0);
	for (unsigned i = 1; i <= 30000; i++) {
		choose(b, T0 + SECONDS(1) - 1);
		for (unsigned j = 0; j < 6; j++)
			assert_true(labs((long)b->got[j] * 10000 - (long)shares[j] * i) < 10000);
	}
	assert_int_equal(b->n.allotments_overdrawn, 0);
	bench_free(b);
}

static void percentages_hold_over_many_endpoints(void **state)
{
	struct bench *b = bench_new(256, BATON_CONSUME_ROUND_ROBIN);
	uint32_t shares[256];
	long sum = 0;

	for (unsigned i = 0; i < 256; i++)
		sum += shares[i] = 1 + i * i % 97;
	allot(b, ALLOTMENT_PERCENT, shares, 256, T0);
	for (unsigned i = 1; i <= 20000; i++) {
		uint16_t e = choose(b, T0);

		assert_true(labs((long)b->got[e] * sum - (long)shares[e] * i) < sum);
	}
	for (unsigned j = 0; j < 256; j++)
		assert_true(labs((long)b->got[j] * sum - (long)shares[j] * 20000) < sum);
	bench_free(b);
}

static void used_up_tokens_leave_the_weights(void **state)
{
	const uint32_t shares[] = { 10, 20, 70 };
	struct bench *b = bench_new(3, BATON_CONSUME_LINEAR);

	allot(b, ALLOTMENT_TOKENS, shares, 3, T0);
	for (unsigned i = 0; i < 1000; i++)
		choose(b, T0);
	assert_int_equal(b->n.allotments_overdrawn, 900);
	assert_in_range(b->got[0], 99, 101);
	assert_in_range(b->got[1], 199, 201);
	assert_in_range(b->got[2], 699, 701);
	bench_free(b);
}

static void stale_allotments_are_thrown_away(void **state)
{
	const uint32_t shares[] = { 10, 30 };
	struct bench *b = bench_new(2, BATON_CONSUME_LINEAR);
	struct allotment a = fixture_allotment(ALLOTMENT_TOKENS, shares, 2, T0 - SECONDS(1));

	tokens_allot(&b->t, &a, T0);
	assert_int_equal(b->n.allotments_stale, 1);
	assert_int_equal(b->n.allotments_received, 0);
	allot(b, ALLOTMENT_TOKENS, shares, 2, T0);
	choose(b, T0 + SECONDS(1) - 1);
	assert_int_equal(b->n.allotments_overdrawn, 0);
	for (unsigned i = 0; i < 39; i++)
		choose(b, T0 + SECONDS(1));
	assert_int_equal(b->n.allotments_stale, 2);
	assert_int_equal(b->n.allotments_overdrawn, 39);
	assert_int_equal(b->got[0], 10);
	assert_int_equal(b->got[1], 30);
	/* an older one that overtook nothing is not taken back */
	a.made_ns = T0 - 1;
	tokens_allot(&b->t, &a, T0);
	assert_int_equal(b->n.allotments_stale, 3);
	bench_free(b);
}

static void malformed_allotments_are_refused(void **state)
{
	const uint32_t shares[] = { 10 };
	struct bench *b = bench_new(1, BATON_CONSUME_LINEAR);
	struct allotment a = fixture_allotment(ALLOTMENT_TOKENS, shares, 1, T0);

	a.vip = 4;
	tokens_allot(&b->t, &a, T0);
	a.vip = 0;
	a.classifier = 1;
	tokens_allot(&b->t, &a, T0);
	a.classifier = 0;
	a.n_shares = ALLOTMENT_MAX_ENDPOINTS + 1;
	tokens_allot(&b->t, &a, T0);
	a.n_shares = 1;
	a.kind = 2;
	tokens_allot(&b->t, &a, T0);
	assert_int_equal(b->n.allotments_refused, 4);
	assert_int_equal(b->n.allotments_received, 0);
	bench_free(b);
}

static void without_an_allotment_capacities_decide(void **state)
{
	struct bench *b = bench_new(3, BATON_CONSUME_ROUND_ROBIN);

	b->v->endpoints[0].capacity = 30;
	b->v->endpoints[2].capacity = 0;
	for (unsigned i = 0; i < 40; i++)
		choose(b, T0);
	assert_int_equal(b->got[0], 30);
	assert_int_equal(b->got[1], 10);
	assert_int_equal(b->n.allotments_overdrawn, 40);
	bench_free(b);
}

static void panic_reaches_endpoints_that_look_dead(void **state)
{
	const uint32_t shares[] = { 4, 4, 4 };
	struct bench *b = bench_new(3, BATON_CONSUME_ROUND_ROBIN);
	struct allotment a = fixture_allotment(ALLOTMENT_TOKENS, shares, 3, T0);

	for (unsigned i = 0; i < 3; i++)
		b->v->endpoints[i].usable = 0;
	assert_int_equal(choose(b, T0), VIEW_NONE);
	b->v->endpoints[1].retired = 1;
	a.panic = 1;
	tokens_allot(&b->t, &a, T0);
	for (unsigned i = 0; i < 20; i++)
		choose(b, T0);
	assert_int_equal(b->got[0], 10);
	assert_int_equal(b->got[1], 0);
	assert_int_equal(b->got[2], 10);
	bench_free(b);
}

/* One connection per allotment: without a memory the first endpoint would get all of them. */
static void shares_hold_across_allotments_that_are_hardly_used(void **state)
{
	const uint32_t shares[] = { 48, 16 };

	for (uint8_t order = 0; order < BATON_N_CONSUMES; order++) {
		struct bench *b = bench_new(2, order);

		for (unsigned i = 0; i < 4000; i++) {
			uint64_t now = T0 + i * SECONDS(2);

			allot(b, ALLOTMENT_TOKENS, shares, 2, now);
			choose(b, now);
		}
		/* at most one allotment off */
		assert_in_range(b->got[0], 3000 - 64, 3000 + 64);
		assert_int_equal(b->n.allotments_overdrawn, 0);
		bench_free(b);
	}
}

/* Each allotment grants more than is used before the next comes, as it does on a device with steady load. */
static void shares_hold_across_allotments_that_are_partly_used(void **state)
{
	const uint32_t shares[] = { 10, 20, 60 };
	const unsigned used[] = { 10, 23, 45, 68, 90 };

	for (unsigned i = 0; i < 5 * BATON_N_CONSUMES; i++) {
		struct bench *b = bench_new(3, (uint8_t)(i % BATON_N_CONSUMES));
		unsigned n = 0;

		for (unsigned k = 0; k < 200; k++) {
			allot(b, ALLOTMENT_TOKENS, shares, 3, T0 + k);
			for (unsigned j = 0; j < used[i / BATON_N_CONSUMES]; j++, n++)
				choose(b, T0 + k);
		}
		/* at most one allotment off, however many there were */
		assert_in_range(b->got[0] + 90, n / 9, n / 9 + 180);
		assert_in_range(b->got[1] + 90, n * 2 / 9, n * 2 / 9 + 180);
		bench_free(b);
	}
}

static bool wants(struct bench *b, uint64_t now_ns, uint32_t *ret_wanted)
{
	struct allotment_request r;

	if (!tokens_wants(&b->t, b->v, now_ns, &r))
		return false;
	assert_int_equal(r.vip, 0);
	assert_int_equal(r.classifier, 0);
	*ret_wanted = r.wanted;
	return true;
}

static void one_request_at_a_time_with_a_timeout(void **state)
{
	struct bench *b = bench_new(2, BATON_CONSUME_LINEAR);
	uint32_t n;

	assert_true(wants(b, T0, &n));
	assert_false(wants(b, T0, &n));
	assert_false(wants(b, T0 + 99 * CLOCK_NS_PER_MS, &n));
	assert_true(wants(b, T0 + 101 * CLOCK_NS_PER_MS, &n));
	assert_false(wants(b, T0 + 102 * CLOCK_NS_PER_MS, &n));
	assert_int_equal(b->n.allotments_asked, 2);
	bench_free(b);
}

static void asks_before_tokens_or_time_run_out(void **state)
{
	const uint32_t shares[] = { 50, 50 };
	struct bench *b = bench_new(2, BATON_CONSUME_LINEAR);
	struct allotment_request r;
	uint32_t n = 0;

	assert_true(wants(b, T0, &n));
	allot(b, ALLOTMENT_TOKENS, shares, 2, T0);
	assert_false(wants(b, T0 + 740 * CLOCK_NS_PER_MS, &n));
	assert_true(wants(b, T0 + 760 * CLOCK_NS_PER_MS, &n));
	assert_int_equal(n, 64);
	allot(b, ALLOTMENT_TOKENS, shares, 2, T0 + 770 * CLOCK_NS_PER_MS);
	for (unsigned i = 0; i < 74; i++)
		choose(b, T0 + 780 * CLOCK_NS_PER_MS);
	assert_false(wants(b, T0 + 780 * CLOCK_NS_PER_MS, &n));
	choose(b, T0 + 781 * CLOCK_NS_PER_MS);
	assert_true(tokens_wants(&b->t, b->v, T0 + 781 * CLOCK_NS_PER_MS, &r));
	/* it grows with demand */
	assert_int_equal(r.wanted, 150);
	assert_int_equal(r.used, 75);
	bench_free(b);
}

static void empty_allotment_does_not_make_it_ask_without_end(void **state)
{
	struct bench *b = bench_new(1, BATON_CONSUME_LINEAR);
	unsigned asked = 0;
	uint32_t n;

	b->v->endpoints[0].usable = 0;
	for (uint64_t now = T0; now < T0 + 100 * CLOCK_NS_PER_MS; now += 10000) {
		choose(b, now);
		if (!wants(b, now, &n))
			continue;
		asked++;
		allot(b, ALLOTMENT_TOKENS, NULL, 0, now);
	}
	assert_in_range(asked, 2, 101);
	bench_free(b);
}

static void every_configured_vip_is_asked_for(void **state)
{
	struct classifier_counters n = { 0 };
	struct tokens t;
	struct view *v = view_new(100, 0, 0, 0);
	struct allotment_request r;
	unsigned seen[100] = { 0 };

	for (unsigned i = 0; i < 100; i += 3)
		v->vips[i].addr.family = BATON_IPV4;
	assert_int_equal(tokens_init(&t, 100, 0, &n), 0);
	for (unsigned i = 0; i < 200; i++)
		if (tokens_wants(&t, v, T0, &r))
			seen[r.vip]++;
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(seen[i], i % 3 == 0);
	tokens_fini(&t);
	view_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(round_robin_takes_one_of_each_in_turn),
		cmocka_unit_test(linear_takes_all_of_one_and_then_the_next),
		cmocka_unit_test(greatest_takes_where_most_are_left),
		cmocka_unit_test(every_order_uses_every_token_exactly_once),
		cmocka_unit_test(tokens_of_endpoints_that_went_away_are_void),
		cmocka_unit_test(unknown_endpoint_ids_are_skipped),
		cmocka_unit_test(percentages_hold_all_the_time),
		cmocka_unit_test(percentages_hold_over_many_endpoints),
		cmocka_unit_test(used_up_tokens_leave_the_weights),
		cmocka_unit_test(stale_allotments_are_thrown_away),
		cmocka_unit_test(malformed_allotments_are_refused),
		cmocka_unit_test(without_an_allotment_capacities_decide),
		cmocka_unit_test(panic_reaches_endpoints_that_look_dead),
		cmocka_unit_test(shares_hold_across_allotments_that_are_hardly_used),
		cmocka_unit_test(shares_hold_across_allotments_that_are_partly_used),
		cmocka_unit_test(one_request_at_a_time_with_a_timeout),
		cmocka_unit_test(asks_before_tokens_or_time_run_out),
		cmocka_unit_test(empty_allotment_does_not_make_it_ask_without_end),
		cmocka_unit_test(every_configured_vip_is_asked_for),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
