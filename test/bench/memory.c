/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a route table asks of the machine's memory, and nothing else: in bursts,
 * random lines of the entries; and random lines of the buckets, each with a line
 * of the entries that depends on it, which is written. All are fetched ahead, by
 * loops of nothing else, as the forwarder does. No packet costs less.
 */
#include <errno.h>
#include <string.h>

#include <rte_cycles.h>

#include "bench.h"
#include "forwarder/route_table.h"

static uint32_t below(uint64_t *random, uint32_t n)
{
	*random ^= *random << 13;
	*random ^= *random >> 7;
	*random ^= *random << 17;
	return (uint32_t)((*random >> 32) * n >> 32);
}

/* Cycles for each packet that there would be. */
static double touch(struct route_table *t, bool buckets, uint64_t n)
{
	uint64_t random = 88172645463325252ull, start = rte_rdtsc_precise();
	uint32_t place[BENCH_BURST], bucket[BENCH_BURST];

	for (uint64_t done = 0; done < n; done += BENCH_BURST) {
		for (unsigned i = 0; i < BENCH_BURST; i++) {
			bucket[i] = below(&random, t->n_buckets);
			place[i] = below(&random, t->n_buckets * ROUTE_PLACES);
		}
		for (unsigned i = 0; i < BENCH_BURST && buckets; i++)
			__builtin_prefetch(&t->buckets[bucket[i]]);
		for (unsigned i = 0; i < BENCH_BURST && buckets; i++)
			place[i] ^= t->buckets[bucket[i]].overflow; /* 0, which only the memory knows */
		for (unsigned i = 0; i < BENCH_BURST; i++)
			__builtin_prefetch(route_at(t, place[i]), 1);
		for (unsigned i = 0; i < BENCH_BURST; i++)
			route_at(t, place[i])->packets++;
	}
	return (double)(rte_rdtsc_precise() - start) / (double)n;
}

static int measure(const struct bench_options *o, struct bench_report *r, uint32_t n)
{
	struct bench_row *one = report_row(r, "entry", o->traffic.family, n);
	struct bench_row *two = report_row(r, "bucket and entry", o->traffic.family, n);
	struct route_table *t = table_new(route_forms[0], o->traffic.family, n);

	if (!t)
		return -ENOMEM;
	for (unsigned i = 0; i < o->repetitions && !machine_interrupted(); i++) {
		report_sample(one, touch(t, false, o->packets));
		report_sample(two, touch(t, true, o->packets));
	}
	route_table_free(t);
	return 0;
}

int memory_run(const struct bench_options *o, struct bench_report *r)
{
	int err = 0;

	for (unsigned i = 0; i < o->n_flows && !err; i++)
		err = measure(o, r, o->flows[i]);
	if (err)
		fprintf(stderr, "baton-bench: memory: %s\n", strerror(-err));
	return err;
}
