/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_lcore.h>

#include "bench.h"
#include "ports.h"

static bool cpu_is_ours(int cpu)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof set, &set) == 0 && CPU_ISSET(cpu, &set))
		return true;
	fprintf(stderr, "baton-bench: this process may not run on cpu %d\n", cpu);
	return false;
}

static bool cpus_are_ours(const struct bench_options *o)
{
	int16_t cpus[BENCH_MAX_LCORES];
	unsigned n = options_cpus(o, cpus);

	for (unsigned i = 0; i < n; i++)
		if (!cpu_is_ours(cpus[i]))
			return false;
	return true;
}

/* Buckets and entries at 80 % load, for all the tables that are there at once, and packets. */
static unsigned memory_mb(const struct bench_options *o)
{
	/* at the prompt the family may change */
	uint64_t sum = 0, most = 0, bytes = o->traffic.family == BATON_IPV6 || o->prompt ? 90 : 48;

	if (o->memory_mb)
		return o->memory_mb;
	for (unsigned i = 0; i < o->n_flows; i++) {
		sum += o->flows[i];
		most = o->flows[i] > most ? o->flows[i] : most;
	}
	if (o->task == BENCH_TABLE || o->task == BENCH_MEMORY || o->prompt || options_ports(o))
		sum = most;
	else if (o->task == BENCH_SCALE)
		sum = most * o->n_cpus;
	else if (o->task == BENCH_CONNECT)
		sum = 8 * most;
	return (unsigned)(sum * bytes >> 20) + 64 + 32 * o->n_flows;
}

static int run_task(const struct bench_options *o, const struct bench_machine *m, struct bench_source *s,
		    struct rte_mempool *pool, struct bench_report *r)
{
	switch (o->task) {
	case BENCH_CONNECT:
		return connect_run(o, s, pool, r);
	case BENCH_FLOOD:
		return flood_run(o, s, pool, r);
	case BENCH_SCALE:
		return scale_run(o, s, r);
	case BENCH_EXPIRE:
		return expire_run(o, s, pool, r);
	default:
		return rows_run(o, m, s, pool, r);
	}
}

static int run_source(struct bench_options *o, const struct bench_machine *m, struct bench_source *s,
		      struct rte_mempool *pool, struct bench_report *r)
{
	int16_t cpus[BENCH_MAX_LCORES];
	int err = source_start(s, o->task == BENCH_SCALE ? (uint16_t)options_cpus(o, cpus) : 1, pool);

	if (err) {
		fprintf(stderr, "baton-bench: no source of packets: %s\n", strerror(-err));
		return err;
	}
	if (o->prompt)
		err = prompt_run(o, s, pool, r);
	else
		err = run_task(o, m, s, pool, r);
	source_stop();
	return err;
}

static int run(struct bench_options *o, const struct bench_machine *m, struct bench_report *r)
{
	static struct bench_source sources[BENCH_MAX_LCORES];
	struct rte_mempool *pool;
	int err;

	r->tsc_hz = rte_get_tsc_hz();
	r->hugepages = m->hugepages;
	if (o->task == BENCH_TABLE)
		return table_run(o, r);
	if (o->task == BENCH_MEMORY)
		return memory_run(o, r);
	pool = rte_pktmbuf_pool_create("packets", rte_lcore_count() * BENCH_PACKETS, BENCH_PACKETS_CACHE, 0,
				       RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	if (!pool) {
		fprintf(stderr, "baton-bench: no memory for packets\n");
		return -ENOMEM;
	}
	for (uint16_t i = 0; i < BENCH_MAX_LCORES; i++)
		source_init(&sources[i], &o->traffic, i);
	err = options_ports(o) ? ports_run(o, sources, pool, r) : run_source(o, m, sources, pool, r);
	rte_mempool_free(pool);
	return err;
}

static int write_reports(const struct bench_options *o, struct bench_report *r)
{
	int err = *o->json ? report_json(r, o->json) : 0;

	if (!err && *o->csv)
		err = report_csv(r, o->csv);
	if (err)
		fprintf(stderr, "baton-bench: cannot write the result: %s\n", strerror(-err));
	return err;
}

static bool outside_anchor(const struct bench_options *o)
{
	return o->testpmd && o->task == BENCH_FORWARD && !o->prompt && !options_ports(o);
}

int main(int argc, char **argv)
{
	static const char *const units[] = {
		[BENCH_FORWARD] = "packet", [BENCH_TABLE] = "lookup", [BENCH_CONNECT] = "connection",
		[BENCH_MEMORY] = "packet",  [BENCH_FLOOD] = "packet", [BENCH_EXPIRE] = "packet",
		[BENCH_SCALE] = "packet"
	};
	static struct bench_report report;
	struct bench_options o;
	struct bench_machine m;
	int err;

	options_init(&o);
	if (options_parse(&o, argc, argv) < 0) {
		fputs("baton-bench: --help lists the options\n", stderr);
		return 2;
	}
	if (o.help) {
		options_help(stdout);
		return 0;
	}
	if (!cpus_are_ours(&o))
		return 1;
	report.unit = units[o.task];
	report.options = &o;
	getloadavg(report.load_before, 3);
	if (machine_start(&m, &o, memory_mb(&o), outside_anchor(&o) ? ROWS_TESTPMD_MB : 0) < 0)
		return 1;
	err = run(&o, &m, &report);
	machine_stop(&m);
	if (machine_interrupted())
		fprintf(stderr, "baton-bench: interrupted\n");
	if (machine_interrupted() || (err && !o.prompt))
		return 1;
	report_text(&report, stdout);
	return write_reports(&o, &report) < 0 || err;
}
