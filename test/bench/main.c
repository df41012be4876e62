/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "bench.h"
#include "plumb/channel.h"

#define TESTPMD_MB 128
#define POOL_SIZE 4095
#define POOL_CACHE 256
#define N_PLAIN 2 /* io and macswap */

static bool cpu_is_ours(int cpu)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_ISSET(cpu, &set))
		return true;
	fprintf(stderr, "baton-bench: this process may not run on cpu %d\n", cpu);
	return false;
}

/* Buckets and entries at 80 % load, for all the tables that are there at once, and packets. */
static unsigned memory_mb(const struct bench_options *o)
{
	uint64_t sum = 0, most = 0, bytes = o->traffic.family == BATON_IPV6 ? 90 : 48;

	for (unsigned i = 0; i < o->n_flows; i++) {
		sum += o->flows[i];
		most = o->flows[i] > most ? o->flows[i] : most;
	}
	return (unsigned)((o->table ? most : o->connect ? 8 * most : sum) * bytes >> 20) + 64 + 32 * o->n_flows;
}

struct contender {
	struct bench_row *row;
	forward_turn_fn turn;
	void *arg;
};

static int run_testpmd(const struct bench_options *o, const struct bench_machine *m, struct bench_row *row,
		       const char *mode)
{
	double cycles;
	int err = testpmd_run(m, o->cpu, mode, TESTPMD_MB, &cycles);

	if (!err)
		report_sample(row, cycles);
	return err;
}

/* One repetition of every row, so that a change in the machine meets all of them. */
static int repeat(const struct bench_options *o, struct bench_machine *m, struct bench_source *s, struct contender *c,
		  unsigned n, struct bench_row *const anchors[2])
{
	int err = 0;

	for (unsigned k = 0; k < n && !err && !machine_interrupted(); k++) {
		if (k < N_PLAIN)
			source_set(s, 0, o->flows[0], SOURCE_RANDOM);
		else
			device_select(c[k].arg);
		report_sample(c[k].row, forward_measure(c[k].turn, c[k].arg, o->packets));
		if (o->latency)
			forward_latency(c[k].turn, c[k].arg, o->packets, c[k].row);
		err = k < N_PLAIN ? 0 : device_check(c[k].arg);
	}
	if (o->testpmd && !err)
		err = run_testpmd(o, m, anchors[0], "io");
	if (o->testpmd && !err)
		err = run_testpmd(o, m, anchors[1], "macswap");
	return err;
}

static void row_name(const struct bench_options *o, char *name, size_t size)
{
	const struct bench_traffic *t = &o->traffic;
	char length[8] = "imix";

	if (t->size)
		snprintf(length, sizeof length, "%u", t->size);
	snprintf(name, size, "baton %s %s %s%s", options_modes[t->mode], t->proto == IPPROTO_UDP ? "udp" : "tcp",
		 length, t->zipf ? " zipf" : "");
}

static int run_forward(const struct bench_options *o, struct bench_machine *m, struct bench_source *s,
		       struct bench_report *r, struct bench_device *const devices[])
{
	struct bench_row *anchors[2] = { NULL };
	struct contender c[N_PLAIN + BENCH_MAX_FLOWS] = {
		{ .row = report_row(r, "io", o->traffic.family, 0), .turn = forward_io },
		{ .row = report_row(r, "macswap", o->traffic.family, 0), .turn = forward_macswap },
	};
	char name[48];
	int err = 0;

	row_name(o, name, sizeof name);
	for (unsigned i = 0; i < o->n_flows; i++)
		c[N_PLAIN + i] = (struct contender){ report_row(r, name, o->traffic.family, o->flows[i]), device_turn,
						     devices[i] };
	if (o->testpmd) {
		anchors[0] = report_row(r, "testpmd io (no headers)", 0, 0);
		anchors[1] = report_row(r, "testpmd macswap (no headers)", 0, 0);
	}
	for (unsigned i = 0; i < o->repetitions && !err && !machine_interrupted(); i++)
		err = repeat(o, m, s, c, N_PLAIN + o->n_flows, anchors);
	return err;
}

/* Devices with all their routes, then the repetitions. */
static int run_devices(const struct bench_options *o, struct bench_machine *m, struct bench_source *s,
		       struct rte_mempool *pool, struct bench_report *r)
{
	struct bench_device *devices[BENCH_MAX_FLOWS] = { NULL };
	struct channel channel;
	int err = device_channel_init(&channel);

	if (err)
		return err;
	for (unsigned i = 0; i < o->n_flows && !err; i++)
		err = device_new(o->flows[i], s, pool, &channel, true, &devices[i]);
	if (!err)
		err = run_forward(o, m, s, r, devices);
	for (unsigned i = 0; i < o->n_flows; i++)
		device_free(devices[i]);
	channel_fini(&channel);
	return err;
}

static int run(const struct bench_options *o, struct bench_machine *m, struct bench_report *r)
{
	static struct bench_source source;
	struct rte_mempool *pool;
	int err;

	r->tsc_hz = rte_get_tsc_hz();
	r->hugepages = m->hugepages;
	if (o->table)
		return table_run(o, r);
	pool = rte_pktmbuf_pool_create("packets", POOL_SIZE, POOL_CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	err = pool ? source_start(&source, &o->traffic, pool) : -ENOMEM;
	if (err) {
		fprintf(stderr, "baton-bench: no source of packets: %s\n", strerror(-err));
		return err;
	}
	err = o->connect ? connect_run(o, &source, pool, r) : run_devices(o, m, &source, pool, r);
	source_stop();
	rte_mempool_free(pool);
	return err;
}

static int write_reports(const struct bench_options *o, struct bench_report *r)
{
	int err = o->json ? report_json(r, o->json) : 0;

	if (!err && o->csv)
		err = report_csv(r, o->csv);
	if (err)
		fprintf(stderr, "baton-bench: cannot write the result: %s\n", strerror(-err));
	return err;
}

int main(int argc, char **argv)
{
	static struct bench_report report = { .unit = "packet" };
	struct bench_options o = {
		.testpmd = true,
		.hugepages = true,
		.traffic = { .family = BATON_IPV4, .proto = IPPROTO_TCP, .size = 64 },
		.cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1,
		.repetitions = 7,
		.packets = 10000000,
		.flows = { 1000, 1000000, 10000000 },
		.n_flows = 3,
	};
	struct bench_machine m;
	int err;

	if (options_parse(&o, argc, argv) < 0) {
		fputs(options_help, stderr);
		return 2;
	}
	if (o.help) {
		fputs(options_help, stdout);
		return 0;
	}
	if (!cpu_is_ours(o.cpu))
		return 1;
	if (o.table || o.connect)
		report.unit = o.table ? "lookup" : "connection";
	if (machine_start(&m, o.cpu, o.hugepages, memory_mb(&o), o.table || o.connect || !o.testpmd ? 0 : TESTPMD_MB) <
	    0)
		return 1;
	err = run(&o, &m, &report);
	machine_stop(&m);
	if (machine_interrupted())
		fprintf(stderr, "baton-bench: interrupted\n");
	if (err || machine_interrupted())
		return 1;
	report_text(&report, stdout);
	return write_reports(&o, &report) ? 1 : 0;
}
