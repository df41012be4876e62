/* SPDX-License-Identifier: BSD-3-Clause */
/* The tail-latency simulator in miniature, and the pace that its hosts measure. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "tail.h"

static struct tail_params small(void)
{
	struct tail_params p = tail_defaults();

	p.n_hosts = 20;
	p.warm_s = 1;
	p.measure_s = 3;
	return p;
}

static struct tail_result run(const struct tail_params *p, const char *policy)
{
	struct tail_result r;
	const struct tail_policy *found = tail_policy_find(policy);

	assert_non_null(found);
	assert_int_equal(tail_run(p, found, &r), 0);
	return r;
}

static void a_seed_repeats_exactly(void **state)
{
	struct tail_params p = small();
	struct tail_result a = run(&p, "baton"), b = run(&p, "baton");

	assert_memory_equal(&a, &b, sizeof(a));
	p.seed = 2;
	b = run(&p, "baton");
	assert_memory_not_equal(&a, &b, sizeof(a));
}

/* Without bursts, spread and waiting a request takes its service time; half of the hosts are faster. */
static void an_idle_pool_serves_in_service_time(void **state)
{
	struct tail_params p = small();
	struct tail_result r;

	p.load = 0.01;
	p.burst = 0;
	p.cv = 0;
	r = run(&p, "round robin");
	assert_true(r.mean_ms > 8.2 && r.mean_ms < 8.5);
	assert_true(r.p999_ms > 9.9 && r.p999_ms < 10.1);
}

static void every_policy_serves_all_it_is_given(void **state)
{
	struct tail_params p = small();
	uint64_t n = 0;

	p.n_balancers = 3;
	p.measure_s = 0.5;
	for (unsigned i = 0; tail_policies[i]; i++) {
		struct tail_result r = run(&p, tail_policies[i]->name);

		if (i == 0)
			n = r.n_requests;
		assert_int_equal(r.n_requests, n);
		assert_true(r.p50_ms <= r.p99_ms && r.p99_ms <= r.p999_ms);
	}
}

static void baton_keeps_the_tail_short(void **state)
{
	struct tail_params p = small();
	double least = run(&p, "omniscient shortest queue").p99_ms;
	double smooth = run(&p, "smooth weighted round robin").p99_ms;

	for (p.n_balancers = 1; p.n_balancers <= 4; p.n_balancers += 3) {
		double baton;

		p.refresh_ms = 5;
		baton = run(&p, "baton").p99_ms;
		assert_true(baton < 1.5 * least);
		assert_true(baton < smooth / 2);
	}
}

static void pace_is_seen_in_what_gets_done(void **state)
{
	struct live_pace p = { 0 };

	assert_int_equal(live_pace_capacity(&p, 60, 10e6), 60);
	for (unsigned i = 0; i < 20; i++)
		live_pace_add(&p, 8, 80e6, 4);
	assert_int_equal(live_pace_capacity(&p, 60, 10e6), 60);
	for (unsigned i = 0; i < 40; i++)
		live_pace_add(&p, 4, 80e6, 4);
	assert_in_range(live_pace_capacity(&p, 60, 10e6), 30, 33);
	for (unsigned i = 0; i < 1000; i++)
		live_pace_add(&p, 0, 80e6, 4);
	assert_int_equal(live_pace_capacity(&p, 1, 10e6), 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_seed_repeats_exactly),
		cmocka_unit_test(an_idle_pool_serves_in_service_time),
		cmocka_unit_test(every_policy_serves_all_it_is_given),
		cmocka_unit_test(baton_keeps_the_tail_short),
		cmocka_unit_test(pace_is_seen_in_what_gets_done),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
