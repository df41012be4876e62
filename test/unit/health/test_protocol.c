/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Both ends of the health protocol under faults, out of many seeds.
 *   test_protocol [FIRST [COUNT]]   other seeds, or more of them
 * A seed that fails is printed as the shortest plan found that fails too.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "sim.h"

#define SEEDS_QUICK 2000

static uint64_t first_seed = 1, n_seeds = SEEDS_QUICK;

static void tell(struct sim_plan *p, const struct sim_result *original)
{
	struct sim_result r;

	fprintf(stderr, "seed %llu fails at %u ms: %s\nmaking it shorter\n", (unsigned long long)p->seed,
		original->at_ms, original->what);
	sim_shrink(p);
	r = sim_run(p, NULL);
	fprintf(stderr, "%u hosts with %u rows, %u caches; at %u ms: %s\n", p->n_hosts, p->n_rows, p->n_caches, r.at_ms,
		r.what);
	for (unsigned i = 0; i < p->n_events; i++)
		sim_event_print(stderr, &p->events[i]);
	if (getenv("HEALTH_TRACE"))
		sim_run(p, stderr);
}

static void tables_agree_after_any_faults(void **state)
{
	struct sim_plan *p = malloc(sizeof(*p));
	struct sim_result sum = { 0 };
	unsigned failures = 0;

	for (uint64_t seed = first_seed; seed < first_seed + n_seeds && failures < 3; seed++) {
		struct sim_result r;

		sim_plan_make(p, seed);
		r = sim_run(p, NULL);
		sum.messages += r.messages;
		sum.moves += r.moves;
		sum.objections += r.objections;
		if (r.failed) {
			failures++;
			tell(p, &r);
		}
	}
	free(p);
	print_message("%llu seeds: %llu messages, %llu moves, %llu objections\n", (unsigned long long)n_seeds,
		      (unsigned long long)sum.messages, (unsigned long long)sum.moves,
		      (unsigned long long)sum.objections);
	assert_int_equal(failures, 0);
	/* faults did happen, and the protocol had to work for it */
	assert_true(sum.moves > n_seeds && sum.objections > n_seeds);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(tables_agree_after_any_faults) };

	if (argc > 1)
		first_seed = strtoull(argv[1], NULL, 10);
	if (argc > 1)
		n_seeds = argc > 2 ? strtoull(argv[2], NULL, 10) : 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
