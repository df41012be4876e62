/* SPDX-License-Identifier: BSD-3-Clause */
/* What the route table itself costs: bulk lookups of random resident keys, in every form this CPU can run. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_malloc.h>
#include <rte_random.h>

#include "bench.h"
#include "forwarder/route_table.h"

static void *huge_alloc(size_t size, void *arg)
{
	return rte_zmalloc(NULL, size, RTE_CACHE_LINE_SIZE);
}

static void huge_free(void *p, void *arg)
{
	rte_free(p);
}

struct route_table *table_new(const struct route_form *form, uint8_t family, uint32_t n)
{
	struct route_table_params p = { .family = family, .capacity = n, .alloc = huge_alloc, .free = huge_free };

	for (unsigned i = 0; i < sizeof p.hash_key; i += 8) {
		uint64_t r = rte_rand();

		memcpy(p.hash_key + i, &r, 8);
	}
	return route_table_new_form(&p, form);
}

/* Cycles per insertion, or a negative errno. */
static double fill(struct route_table *table, const struct bench_traffic *t, uint32_t n)
{
	struct plumb_route r = { .action = PLUMB_ACTION_TUNNEL };
	uint64_t start = rte_rdtsc_precise();
	uint32_t index;

	for (uint32_t i = 0; i < n; i++) {
		source_key(t, i, &r.key);
		if (route_add(table, &r, 0, &index) < 0)
			return -ENOSPC;
	}
	return (double)(rte_rdtsc_precise() - start) / n;
}

/* Cycles per lookup with the entry's value read, making the keys included; negative if one was not found. */
static double look_up(struct route_table *table, const struct bench_traffic *t, uint32_t n, uint64_t n_lookups)
{
	struct baton_tuple keys[BENCH_BURST];
	const struct baton_tuple *list[BENCH_BURST];
	int64_t index[BENCH_BURST];
	uint64_t start, random = 88172645463325252ull, endpoints = 0;
	int64_t missed = 0;

	for (unsigned i = 0; i < BENCH_BURST; i++) {
		source_key(t, 0, &keys[i]);
		list[i] = &keys[i];
	}
	start = rte_rdtsc_precise();
	for (uint64_t done = 0; done < n_lookups; done += BENCH_BURST) {
		for (unsigned i = 0; i < BENCH_BURST; i++) {
			random ^= random << 13;
			random ^= random >> 7;
			random ^= random << 17;
			source_key(t, (uint32_t)((random >> 32) * n >> 32), &keys[i]);
		}
		route_find_bulk(table, list, BENCH_BURST, index);
		for (unsigned i = 0; i < BENCH_BURST; i++) {
			missed |= index[i];
			endpoints += route_at(table, (uint32_t)index[i])->endpoint;
		}
	}
	if (missed < 0 || endpoints)
		return -ENOENT;
	return (double)(rte_rdtsc_precise() - start) / (double)n_lookups;
}

static int measure(const struct bench_options *o, struct bench_report *r, const struct route_form *form, uint32_t n)
{
	struct route_table *t = table_new(form, o->traffic.family, n);
	char name[48];
	struct bench_row *add, *find;
	double cycles = t ? fill(t, &o->traffic, n) : -ENOMEM;

	snprintf(name, sizeof name, "insert %s", form->name);
	add = report_row(r, name, o->traffic.family, n);
	snprintf(name, sizeof name, "find %s", form->name);
	find = report_row(r, name, o->traffic.family, n);
	if (cycles > 0)
		report_sample(add, cycles);
	for (unsigned i = 0; i < o->repetitions && cycles > 0 && !machine_interrupted(); i++) {
		cycles = look_up(t, &o->traffic, n, o->packets);
		if (cycles > 0)
			report_sample(find, cycles);
	}
	route_table_free(t);
	return cycles > 0 ? 0 : (int)cycles;
}

int table_run(const struct bench_options *o, struct bench_report *r)
{
	int err = 0;

	for (unsigned f = 0; route_forms[f]; f++)
		for (unsigned i = 0; i < o->n_flows && !err && route_forms[f]->supported(); i++)
			err = measure(o, r, route_forms[f], o->flows[i]);
	if (err)
		fprintf(stderr, "baton-bench: route table: %s\n", strerror(-err));
	return err;
}
