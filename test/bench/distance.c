/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How far apart cores are: two of them write one line in turns. Virtual CPUs are
 * moved by their host, so the figure holds for a while only.
 */
#include <stdatomic.h>
#include <stdlib.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "bench.h"

#define ROUNDS 200 /* of one sample */
#define SAMPLES 15 /* most of which nobody interrupts */

struct line {
	_Atomic uint32_t n __attribute__((aligned(64)));
	double ns;
} __attribute__((aligned(128))); /* neighbouring lines are fetched in pairs */

static void wait_for(struct line *l, uint32_t n)
{
	while (atomic_load_explicit(&l->n, memory_order_acquire) != n)
		;
}

static int answer(void *arg)
{
	struct line *l = arg;

	for (uint32_t i = 0; i < ROUNDS * SAMPLES; i++) {
		wait_for(l, 2 * i + 1);
		atomic_store_explicit(&l->n, 2 * i + 2, memory_order_release);
	}
	return 0;
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static int ask(void *arg)
{
	struct line *l = arg;
	double samples[SAMPLES];
	uint32_t i = 0;

	for (unsigned k = 0; k < SAMPLES; k++) {
		uint64_t start = rte_rdtsc();

		for (unsigned end = i + ROUNDS; i < end; i++) {
			atomic_store_explicit(&l->n, 2 * i + 1, memory_order_release);
			wait_for(l, 2 * i + 2);
		}
		samples[k] = (double)(rte_rdtsc() - start) / ROUNDS * 1e9 / (double)rte_get_tsc_hz();
	}
	qsort(samples, SAMPLES, sizeof *samples, compare);
	l->ns = samples[SAMPLES / 2];
	return 0;
}

/* The main lcore runs what cannot be launched elsewhere. */
static double between(unsigned a, unsigned b)
{
	struct line l = { .n = 0 };

	rte_eal_remote_launch(answer, &l, b);
	if (a == rte_get_main_lcore())
		ask(&l);
	else
		rte_eal_remote_launch(ask, &l, a);
	rte_eal_mp_wait_lcore();
	return l.ns;
}

bool distance_shared(const struct bench_options *o)
{
	int16_t cpus[BENCH_MAX_LCORES];
	unsigned n = options_cpus(o, cpus);

	for (unsigned i = 0; i < n; i++)
		for (unsigned k = 0; k < i; k++)
			if (cpus[i] == cpus[k])
				return true;
	return false;
}

double distance_measure(const struct bench_options *o)
{
	double longest = 0;
	unsigned n = rte_lcore_count();

	if (distance_shared(o))
		return 0;
	for (unsigned a = 0; a < n; a++) {
		for (unsigned b = a + 1; b < n; b++) {
			double ns = between(a, b);

			longest = ns > longest ? ns : longest;
		}
	}
	return longest;
}
