/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several lcores, each with a queue, a source of packets, a worker and routes of
 * its own, as batond has them: what a packet costs while one works alone, and
 * while all work at once. What they share makes the difference.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_lcore.h>

#include "bench.h"
#include "plumb/channel.h"

struct scale {
	const struct bench_options *o;
	unsigned n;  /* lcores */
	bool shared; /* some of them run on one CPU */
	/* at the beginning and at the end of a measurement */
	_Atomic unsigned n_ready __attribute__((aligned(64))), n_done;
};

/* Its lcore writes it while it measures. */
struct scale_lcore {
	struct scale *scale;
	struct bench_device *device;
	unsigned n_beside; /* lcores that measure at the same time, with itself */
	double cycles;     /* per packet */
	struct turns turns;
	struct bench_turns summary;
	struct bench_row *alone, *together;
} __attribute__((aligned(128)));

/* Packets go on until the others have come as far. */
static void wait_for_all(struct scale_lcore *l, _Atomic unsigned *n)
{
	atomic_fetch_add(n, 1);
	while (atomic_load_explicit(n, memory_order_relaxed) < l->n_beside) {
		device_turn(l->device);
		if (l->scale->shared)
			sched_yield();
	}
}

static int forward(void *arg)
{
	struct scale_lcore *l = arg;
	const struct bench_options *o = l->scale->o;

	wait_for_all(l, &l->scale->n_ready);
	l->cycles = forward_measure(device_turn, l->device, o->packets);
	if (o->latency)
		forward_latency(device_turn, l->device, o->packets, &l->turns, &l->summary);
	wait_for_all(l, &l->scale->n_done);
	return 0;
}

/* Lcores first … first + n - 1 at the same time; the main lcore is the first of all. 0 if no packet went astray. */
static int measure(struct scale *s, struct scale_lcore lcores[], unsigned first, unsigned n)
{
	int err = 0;

	atomic_store(&s->n_ready, 0);
	atomic_store(&s->n_done, 0);
	for (unsigned i = first; i < first + n; i++) {
		lcores[i].n_beside = n;
		device_select(lcores[i].device);
	}
	for (unsigned i = first; i < first + n; i++)
		if (i != rte_get_main_lcore())
			rte_eal_remote_launch(forward, &lcores[i], i);
	if (first == rte_get_main_lcore())
		forward(&lcores[first]);
	rte_eal_mp_wait_lcore();
	for (unsigned i = first; i < first + n && !err; i++)
		err = device_check(lcores[i].device);
	return err;
}

static void note(struct scale_lcore *l, struct bench_row *row)
{
	report_sample(row, l->cycles);
	row->turns = l->summary;
	device_counted(l->device, &row->counted);
}

/* Each alone, then all at once. */
static int repeat(struct scale *s, struct scale_lcore lcores[], struct bench_row *sum)
{
	double alone = 0, together = 0, before, after;
	int err = 0;

	for (unsigned i = 0; i < s->n && !err && !machine_interrupted(); i++) {
		err = measure(s, lcores, i, 1);
		note(&lcores[i], lcores[i].alone);
		alone += 1 / lcores[i].cycles;
	}
	if (err || machine_interrupted())
		return err;
	before = distance_measure(s->o);
	err = measure(s, lcores, 0, s->n);
	after = distance_measure(s->o);
	for (unsigned i = 0; i < s->n; i++) {
		note(&lcores[i], lcores[i].together);
		report_distance(lcores[i].together, before, after);
		together += 1 / lcores[i].cycles;
	}
	report_sample(sum, 1 / together);
	report_scaling(sum, together / alone);
	report_distance(sum, before, after);
	return err;
}

static void make_rows(const struct bench_options *o, struct bench_report *r, struct scale_lcore lcores[],
		      uint32_t n_flows, struct bench_row **ret_sum)
{
	char name[48];

	for (unsigned i = 0; i < o->n_cpus; i++) {
		snprintf(name, sizeof name, "scale lcore %u (cpu %u) alone", i, o->cpus[i]);
		lcores[i].alone = report_row(r, name, o->traffic.family, n_flows);
	}
	for (unsigned i = 0; i < o->n_cpus; i++) {
		snprintf(name, sizeof name, "scale lcore %u (cpu %u) beside", i, o->cpus[i]);
		lcores[i].together = report_row(r, name, o->traffic.family, n_flows);
	}
	snprintf(name, sizeof name, "scale sum of %u lcores", o->n_cpus);
	*ret_sum = report_row(r, name, o->traffic.family, n_flows);
}

static int run_flows(struct scale *s, struct bench_source sources[], struct channel *c, struct bench_report *r,
		     uint32_t n_flows)
{
	static struct scale_lcore lcores[BENCH_MAX_LCORES];
	struct bench_row *sum;
	int err = 0;

	memset(lcores, 0, sizeof lcores);
	make_rows(s->o, r, lcores, n_flows, &sum);
	for (unsigned i = 0; i < s->n && !err; i++) {
		struct device_params p = {
			.n_flows = n_flows, .source = &sources[i], .pool = source_pool(i), .channel = c
		};

		p.plumbed = true;
		p.beside = lcores[0].device;
		lcores[i].scale = s;
		err = device_new(&p, &lcores[i].device);
	}
	for (unsigned i = 0; i < s->o->repetitions && !err && !machine_interrupted(); i++)
		err = repeat(s, lcores, sum);
	for (unsigned i = s->n; i > 0; i--)
		device_free(lcores[i - 1].device);
	return err;
}

int scale_run(const struct bench_options *o, struct bench_source sources[], struct bench_report *r)
{
	static struct scale s;
	struct channel channel;
	int err = device_channel_init(&channel, (uint16_t)o->n_cpus);

	s.o = o;
	s.n = o->n_cpus;
	s.shared = distance_shared(o);
	if (err)
		return err;
	for (unsigned i = 0; i < o->n_flows && !err && !machine_interrupted(); i++)
		err = run_flows(&s, sources, &channel, r, o->flows[i]);
	channel_fini(&channel);
	return err;
}
