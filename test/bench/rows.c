/* SPDX-License-Identifier: BSD-3-Clause */
/* What `forward` measures: plain loops, devices with their flows, and testpmd, all in turn. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "bench.h"
#include "plumb/channel.h"

#define N_PLAIN 2 /* io and macswap */

struct contender {
	struct bench_row *row;
	forward_turn_fn turn;
	void *arg;
};

static struct turns turns;

static int run_testpmd(const struct bench_options *o, const struct bench_machine *m, struct bench_row *row,
		       const char *mode)
{
	double cycles;
	int err = testpmd_run(m, o->cpu, mode, ROWS_TESTPMD_MB, &cycles);

	if (!err)
		report_sample(row, cycles);
	return err;
}

static int measure_device(const struct bench_options *o, const struct contender *c)
{
	int err;

	device_select(c->arg);
	report_sample(c->row, forward_measure(c->turn, c->arg, o->packets));
	if (o->latency)
		forward_latency(c->turn, c->arg, o->packets, &turns, &c->row->turns);
	if (o->stages)
		stages_measure(c->arg, o->packets, c->row->samples[c->row->n_samples - 1], &c->row->stages);
	err = device_check(c->arg);
	device_counted(c->arg, &c->row->counted);
	return err;
}

static void measure_plain(const struct bench_options *o, struct bench_source *s, const struct contender *c)
{
	source_set(s, 0, o->flows[0], SOURCE_RANDOM);
	report_sample(c->row, forward_measure(c->turn, c->arg, o->packets));
	if (o->latency)
		forward_latency(c->turn, c->arg, o->packets, &turns, &c->row->turns);
}

/* One repetition of every row, so that a change in the machine meets all of them. */
static int repeat(const struct bench_options *o, const struct bench_machine *m, struct bench_source *s,
		  struct contender *c, unsigned n, struct bench_row *const anchors[2])
{
	int err = 0;

	for (unsigned k = 0; k < n && !err && !machine_interrupted(); k++) {
		if (k < N_PLAIN)
			measure_plain(o, s, &c[k]);
		else
			err = measure_device(o, &c[k]);
	}
	if (o->testpmd && !err)
		err = run_testpmd(o, m, anchors[0], "io");
	if (o->testpmd && !err)
		err = run_testpmd(o, m, anchors[1], "macswap");
	return err;
}

struct bench_row *rows_device(const struct bench_options *o, struct bench_report *r, uint32_t n_flows)
{
	const struct bench_traffic *t = &o->traffic;
	char length[8] = "imix", name[48];

	if (t->size)
		snprintf(length, sizeof length, "%u", t->size);
	snprintf(name, sizeof name, "baton %s %s %s%s", options_mode(t->mode), t->proto == IPPROTO_UDP ? "udp" : "tcp",
		 length, t->zipf ? " zipf" : "");
	return report_row(r, name, t->family, n_flows);
}

static int run_forward(const struct bench_options *o, const struct bench_machine *m, struct bench_source *s,
		       struct bench_report *r, struct bench_device *const devices[])
{
	struct bench_row *anchors[2] = { NULL };
	struct contender c[N_PLAIN + BENCH_MAX_FLOWS] = {
		{ .row = report_row(r, "io", o->traffic.family, 0), .turn = forward_io },
		{ .row = report_row(r, "macswap", o->traffic.family, 0), .turn = forward_macswap },
	};
	int err = 0;

	for (unsigned i = 0; i < o->n_flows; i++)
		c[N_PLAIN + i] = (struct contender){ rows_device(o, r, o->flows[i]), device_turn, devices[i] };
	if (o->testpmd) {
		anchors[0] = report_row(r, "testpmd io (no headers)", 0, 0);
		anchors[1] = report_row(r, "testpmd macswap (no headers)", 0, 0);
	}
	for (unsigned i = 0; i < o->repetitions && !err && !machine_interrupted(); i++)
		err = repeat(o, m, s, c, N_PLAIN + o->n_flows, anchors);
	return err;
}

int rows_run(const struct bench_options *o, const struct bench_machine *m, struct bench_source *s,
	     struct rte_mempool *pool, struct bench_report *r)
{
	struct bench_device *devices[BENCH_MAX_FLOWS] = { NULL };
	struct channel channel;
	int err = device_channel_init(&channel, 1);

	if (err)
		return err;
	for (unsigned i = 0; i < o->n_flows && !err; i++)
		err = device_new(&(struct device_params){ .n_flows = o->flows[i],
							  .source = s,
							  .pool = pool,
							  .channel = &channel,
							  .plumbed = true },
				 &devices[i]);
	if (!err)
		err = run_forward(o, m, s, r, devices);
	for (unsigned i = 0; i < o->n_flows; i++)
		device_free(devices[i]);
	channel_fini(&channel);
	return err;
}
