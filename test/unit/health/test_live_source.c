/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "health/live_source.h"

#define MS 1000000ull
#define T0 (1000000 * MS)

struct bench {
	struct live_source *s;
	struct live_endpoint e[ALLOTMENT_MAX_ENDPOINTS];
	uint16_t n;
	struct allotment a;
};

static struct live_params params(uint8_t kind)
{
	return (struct live_params){ .kind = kind,
				     .n_classifiers = 2,
				     .n_balancers = 1,
				     .refresh_ns = 20 * MS,
				     .service_ns = 10 * MS,
				     .stale_ns = 10000 * MS,
				     .warmup_ns = 1000 * MS };
}

/* n active endpoints, idle, with ids from 100, of capacity 50, reported at T0. */
static struct bench *bench_new(struct live_params p, uint16_t n)
{
	struct bench *b = calloc(1, sizeof(*b));

	assert_non_null(b);
	b->s = live_source_new(&p);
	assert_non_null(b->s);
	b->n = n;
	for (unsigned i = 0; i < n; i++)
		b->e[i] = (struct live_endpoint){ .endpoint = (uint16_t)(100 + i),
						  .configured = 50,
						  .capacity = 50,
						  .state = HEALTH_HEALTHY,
						  .target = HEALTH_ACTIVE,
						  .current = HEALTH_ACTIVE,
						  .reported_ns = T0 };
	return b;
}

static void bench_free(struct bench *b)
{
	live_source_free(b->s);
	free(b);
}

static void answer(struct bench *b, uint32_t wanted, uint32_t used, uint64_t now_ns)
{
	const struct allotment_request q = { .vip = 7, .classifier = 1, .wanted = wanted, .used = used };

	assert_int_equal(live_source_answer(b->s, &q, b->e, b->n, now_ns, &b->a), 0);
	assert_int_equal(b->a.vip, 7);
	assert_int_equal(b->a.classifier, 1);
	assert_int_equal(b->a.made_ns, now_ns);
}

static const struct allotment_share *share_find(const struct bench *b, unsigned i)
{
	for (unsigned j = 0; j < b->a.n_shares; j++)
		if (b->a.shares[j].endpoint == b->e[i].endpoint)
			return &b->a.shares[j];
	return NULL;
}

static uint32_t share(const struct bench *b, unsigned i)
{
	const struct allotment_share *s = share_find(b, i);

	return s ? s->share : 0;
}

static uint64_t sum(const struct bench *b)
{
	uint64_t n = 0;

	for (unsigned j = 0; j < b->a.n_shares; j++)
		n += b->a.shares[j].share;
	return n;
}

static void shares_follow_free_capacity(void **state)
{
	struct bench *b = bench_new(params(ALLOTMENT_TOKENS), 3);

	b->e[0].load = 2000;
	b->e[1].load = 8000;
	b->e[2].load = 6000;
	b->e[2].configured = b->e[2].capacity = 99;
	answer(b, 100000, 0, T0);
	/* 50 × 0.8 : 50 × 0.2 : 99 × 0.4 */
	assert_in_range(share(b, 0), 44640, 44650);
	assert_in_range(share(b, 1), 11155, 11165);
	assert_in_range(share(b, 2), 44190, 44200);
	assert_int_equal(sum(b), 100000);
	assert_int_equal(b->a.kind, ALLOTMENT_TOKENS);
	bench_free(b);
}

static void failing_draining_and_inactive_get_none(void **state)
{
	struct bench *b = bench_new(params(ALLOTMENT_PERCENT), 8);

	b->e[0].state = HEALTH_FAILING;
	b->e[1].target = HEALTH_DRAINING;
	b->e[2].current = HEALTH_DRAINING;
	b->e[3].target = HEALTH_INACTIVE;
	b->e[4].current = HEALTH_INACTIVE;
	b->e[5].configured = 0;
	b->e[6].capacity = 0;
	answer(b, 64, 0, T0);
	assert_int_equal(b->a.n_shares, 1);
	assert_int_equal(share(b, 7), 10000);
	assert_int_equal(b->a.panic, 0);
	bench_free(b);
}

static void when_all_look_dead_all_get_by_capacity(void **state)
{
	struct bench *b = bench_new(params(ALLOTMENT_TOKENS), 4);

	for (unsigned i = 0; i < 4; i++)
		b->e[i].state = HEALTH_FAILING;
	b->e[0].configured = 0;
	b->e[1].configured = 99;
	b->e[1].capacity = 1;
	answer(b, 199, 0, T0);
	assert_int_equal(b->a.panic, 1);
	assert_int_equal(b->a.n_shares, 3);
	assert_in_range(share(b, 1), 98, 100);
	assert_in_range(share(b, 2), 49, 51);
	assert_int_equal(sum(b), 199);
	bench_free(b);
}

static void nobody_configured_is_an_empty_allotment(void **state)
{
	struct bench *b = bench_new(params(ALLOTMENT_PERCENT), 2);

	b->e[0].configured = b->e[1].configured = 0;
	answer(b, 64, 0, T0);
	assert_int_equal(b->a.n_shares, 0);
	assert_int_equal(b->a.panic, 0);
	b->n = 0;
	answer(b, 64, 64, T0 + MS);
	assert_int_equal(b->a.n_shares, 0);
	bench_free(b);
}

static void stale_word_falls_back_to_configured_capacity(void **state)
{
	struct bench *b = bench_new(params(ALLOTMENT_PERCENT), 3);
	uint64_t now_ns = T0 + 20000 * MS;

	b->e[0].load = b->e[1].load = 5000;
	b->e[0].reported_ns = b->e[1].reported_ns = now_ns;
	b->e[2].load = HEALTH_LOAD_MAX;
	b->e[2].capacity = 1;
	answer(b, 64, 0, now_ns);
	assert_int_equal(share_find(b, 0)->flags, 0);
	assert_int_equal(share_find(b, 2)->flags, ALLOTMENT_STALE);
	assert_in_range(share(b, 2), 3332, 3335);
	b->e[2].confirmed_ns = now_ns; /* an old word that the host stands by is as good as new */
	answer(b, 64, 0, now_ns + MS);
	assert_int_equal(share_find(b, 2)->flags, ALLOTMENT_FULL);
	b->e[2].reported_ns = 0;
	answer(b, 64, 0, now_ns + MS);
	assert_int_equal(share_find(b, 2)->flags, ALLOTMENT_STALE);
	bench_free(b);
}

static void returning_host_warms_up(void **state)
{
	struct bench *b = bench_new(params(ALLOTMENT_PERCENT), 2);
	uint32_t before = 0;

	b->e[1].active_ns = T0;
	for (unsigned ms = 0; ms <= 1000; ms += 100) {
		answer(b, 64, 100, T0 + ms * MS);
		b->e[0].reported_ns = b->e[1].reported_ns = T0 + ms * MS;
		assert_true(share(b, 1) >= before);
		assert_int_equal(share_find(b, 1)->flags, ms < 1000 ? ALLOTMENT_WARMING : 0);
		if (ms == 0)
			assert_in_range(share(b, 1), 400, 550);
		before = share(b, 1);
	}
	assert_in_range(before, 4900, 5100);
	bench_free(b);
}

static void overloaded_hosts_keep_a_trickle(void **state)
{
	struct bench *b = bench_new(params(ALLOTMENT_TOKENS), 10);
	uint32_t got = 0;

	b->e[4].load = HEALTH_LOAD_MAX;
	for (unsigned i = 0; i < 1000; i++) {
		answer(b, 100, 0, T0 + i * MS);
		assert_int_equal(sum(b), 100);
		got += share(b, 4);
	}
	/* a hundredth of a tenth of 100000 */
	assert_in_range(got, 95, 105);
	bench_free(b);
}

static void slow_host_gets_less_of_the_same_load(void **state)
{
	struct bench *b = bench_new(params(ALLOTMENT_PERCENT), 2);

	b->e[0].load = b->e[1].load = 5000;
	b->e[1].capacity = 20;
	for (unsigned i = 0; i < 20; i++)
		answer(b, 64, 100, T0 + i * 20 * MS);
	assert_true(share(b, 1) * 2 < share(b, 0));
	bench_free(b);
}

/* The same report again and again: a host that looked idle must not look idle for ever. */
static uint32_t share_after_silence(uint16_t n_balancers)
{
	struct live_params p = params(ALLOTMENT_PERCENT);
	struct bench *b;
	uint32_t n;

	p.n_balancers = n_balancers;
	b = bench_new(p, 2);
	b->e[0].load = 10000;
	b->e[1].load = 9000;
	answer(b, 64, 0, T0);
	n = share(b, 1);
	assert_in_range(n, 9900, 9999);
	answer(b, 64, 10, T0 + 10 * MS);
	assert_true(share(b, 1) < n);
	n = share(b, 1);
	bench_free(b);
	return n;
}

static void what_was_sent_counts_before_the_host_says_so(void **state)
{
	assert_in_range(share_after_silence(1), 100, 6000);
	assert_in_range(share_after_silence(4), 100, 6000);
}

static void too_few_tokens_become_percentages(void **state)
{
	struct bench *b = bench_new(params(ALLOTMENT_TOKENS), 20);

	answer(b, 79, 0, T0);
	assert_int_equal(b->a.kind, ALLOTMENT_PERCENT);
	assert_int_equal(sum(b), 10000);
	answer(b, 80, 0, T0);
	assert_int_equal(b->a.kind, ALLOTMENT_TOKENS);
	assert_int_equal(sum(b), 80);
	bench_free(b);
}

/* Whoever uses five of 64 tokens before the next 64 come would never get to a small share, or always begin with it. */
static void tokens_that_few_use_become_percentages(void **state)
{
	struct bench *b = bench_new(params(ALLOTMENT_TOKENS), 3);
	unsigned i;

	for (i = 0; i < 100; i++)
		answer(b, 64, 5, T0 + i * 20 * MS);
	assert_int_equal(b->a.kind, ALLOTMENT_PERCENT);
	assert_int_equal(sum(b), 10000);
	for (; i < 300; i++)
		answer(b, 64, 30, T0 + i * 20 * MS);
	assert_int_equal(b->a.kind, ALLOTMENT_TOKENS);
	assert_int_equal(sum(b), 64);
	bench_free(b);
}

static void order_of_endpoints_does_not_matter(void **state)
{
	struct bench *b = bench_new(params(ALLOTMENT_PERCENT), 3);
	struct live_endpoint e;

	b->e[1].load = 20000;
	for (unsigned i = 0; i < 10; i++) {
		for (unsigned j = 0; j < 3; j++)
			b->e[j].reported_ns = T0 + i * 20 * MS;
		answer(b, 64, 100, T0 + i * 20 * MS);
	}
	e = b->e[0];
	b->e[0] = b->e[1];
	b->e[1] = e;
	answer(b, 64, 100, T0 + 181 * MS);
	assert_true(share(b, 0) < share(b, 1));
	b->n = 1;
	answer(b, 64, 100, T0 + 220 * MS);
	assert_int_equal(share(b, 0), 10000);
	bench_free(b);
}

static uint32_t next_state = 1;

static uint32_t next(uint32_t n)
{
	next_state = next_state * 1664525u + 1013904223u;
	return (next_state >> 8) % n;
}

/* Whatever is reported: sums are exact, nobody gets what it must not get. */
static void random_pools_keep_the_rules(void **state)
{
	for (unsigned round = 0; round < 300; round++) {
		uint8_t kind = (uint8_t)next(2);
		struct bench *b = bench_new(params(kind), (uint16_t)(1 + next(256)));
		uint64_t now_ns = T0;

		for (unsigned step = 0; step < 5; step++) {
			for (unsigned i = 0; i < b->n; i++) {
				b->e[i].configured = next(100);
				b->e[i].capacity = next(100);
				b->e[i].load = next(HEALTH_LOAD_MAX + 1);
				b->e[i].state = next(HEALTH_N_STATES);
				b->e[i].target = next(HEALTH_N_DIRECTIVES);
				b->e[i].current = next(HEALTH_N_DIRECTIVES);
				b->e[i].reported_ns = next(2) * (now_ns - next(20000) * MS);
				b->e[i].active_ns = next(2) * (now_ns - next(2000) * MS);
			}
			answer(b, 1000, next(3000), now_ns);
			now_ns += next(50) * MS;
			if (b->a.n_shares)
				assert_int_equal(sum(b), b->a.kind == ALLOTMENT_PERCENT ? 10000 : 1000);
			for (unsigned i = 0; i < b->n && !b->a.panic; i++)
				if (share(b, i))
					assert_true(b->e[i].state != HEALTH_FAILING && b->e[i].configured > 0 &&
						    b->e[i].target == HEALTH_ACTIVE &&
						    b->e[i].current == HEALTH_ACTIVE);
		}
		bench_free(b);
	}
}

static void impossible_requests_are_errors(void **state)
{
	struct live_params p = params(ALLOTMENT_TOKENS);
	struct bench *b = bench_new(p, 1);
	struct allotment_request q = { .classifier = 2 };

	assert_int_equal(live_source_answer(b->s, &q, b->e, 1, T0, &b->a), -EINVAL);
	q.classifier = 0;
	assert_int_equal(live_source_answer(b->s, &q, b->e, ALLOTMENT_MAX_ENDPOINTS + 1, T0, &b->a), -E2BIG);
	p.n_balancers = 0;
	assert_null(live_source_new(&p));
	bench_free(b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(shares_follow_free_capacity),
		cmocka_unit_test(failing_draining_and_inactive_get_none),
		cmocka_unit_test(when_all_look_dead_all_get_by_capacity),
		cmocka_unit_test(nobody_configured_is_an_empty_allotment),
		cmocka_unit_test(stale_word_falls_back_to_configured_capacity),
		cmocka_unit_test(returning_host_warms_up),
		cmocka_unit_test(overloaded_hosts_keep_a_trickle),
		cmocka_unit_test(slow_host_gets_less_of_the_same_load),
		cmocka_unit_test(what_was_sent_counts_before_the_host_says_so),
		cmocka_unit_test(too_few_tokens_become_percentages),
		cmocka_unit_test(tokens_that_few_use_become_percentages),
		cmocka_unit_test(order_of_endpoints_does_not_matter),
		cmocka_unit_test(random_pools_keep_the_rules),
		cmocka_unit_test(impossible_requests_are_errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
