/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
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

static const char help[] = "usage: baton-bench [OPTION...] [forward | table]\n"
			   "forward: packets per second and cycles per packet on one core, beside io and macswap\n"
			   "table:   lookups in the route table alone\n"
			   "  --flows N,...      numbers of resident flows (1000,1000000,10000000)\n"
			   "  --ipv6             IPv6 instead of IPv4\n"
			   "  --repetitions N    interleaved repetitions of each row (7)\n"
			   "  --packets N        packets or lookups of one repetition (10000000)\n"
			   "  --cpu N            core to run on (the last one)\n"
			   "  --no-testpmd       leave the runs of dpdk-testpmd out\n"
			   "  --no-hugepages     do with ordinary pages\n"
			   "  --json FILE, --csv FILE\n";

static int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	char *end;
	unsigned long long n;

	errno = 0;
	n = strtoull(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || n < min || n > max) {
		fprintf(stderr, "baton-bench: \"%s\" is not a number from %llu to %llu\n", text,
			(unsigned long long)min, (unsigned long long)max);
		return -EINVAL;
	}
	*ret = n;
	return 0;
}

static int parse_flows(struct bench_options *o, char *text)
{
	char *word, *rest = text;
	uint64_t n;

	o->n_flows = 0;
	while ((word = strsep(&rest, ",")) != NULL) {
		if (o->n_flows == BENCH_MAX_FLOWS || parse_number(word, 1, 12000000, &n) < 0)
			return -EINVAL;
		o->flows[o->n_flows++] = (uint32_t)n;
	}
	return 0;
}

enum option_id {
	OPT_FLOWS = 256,
	OPT_IPV6,
	OPT_REPETITIONS,
	OPT_PACKETS,
	OPT_CPU,
	OPT_NO_TESTPMD,
	OPT_NO_HUGEPAGES,
	OPT_JSON,
	OPT_CSV,
	OPT_HELP
};

static int parse_option(struct bench_options *o, int id, char *arg)
{
	uint64_t n = 0;
	int err = 0;

	switch (id) {
	case OPT_FLOWS:
		return parse_flows(o, arg);
	case OPT_IPV6:
		o->family = BATON_IPV6;
		break;
	case OPT_REPETITIONS:
		err = parse_number(arg, 1, BENCH_MAX_SAMPLES, &n);
		o->repetitions = (unsigned)n;
		break;
	case OPT_PACKETS:
		err = parse_number(arg, 1000, 1ull << 40, &o->packets);
		break;
	case OPT_CPU:
		err = parse_number(arg, 0, 1023, &n);
		o->cpu = (int)n;
		break;
	case OPT_NO_TESTPMD:
		o->testpmd = false;
		break;
	case OPT_NO_HUGEPAGES:
		o->hugepages = false;
		break;
	case OPT_JSON:
		o->json = arg;
		break;
	case OPT_CSV:
		o->csv = arg;
		break;
	case OPT_HELP:
		o->help = true;
		break;
	default:
		return -EINVAL;
	}
	return err;
}

static int parse_options(struct bench_options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "flows", required_argument, NULL, OPT_FLOWS },
		{ "ipv6", no_argument, NULL, OPT_IPV6 },
		{ "repetitions", required_argument, NULL, OPT_REPETITIONS },
		{ "packets", required_argument, NULL, OPT_PACKETS },
		{ "cpu", required_argument, NULL, OPT_CPU },
		{ "no-testpmd", no_argument, NULL, OPT_NO_TESTPMD },
		{ "no-hugepages", no_argument, NULL, OPT_NO_HUGEPAGES },
		{ "json", required_argument, NULL, OPT_JSON },
		{ "csv", required_argument, NULL, OPT_CSV },
		{ "help", no_argument, NULL, OPT_HELP },
		{ 0 },
	};
	int id;

	while ((id = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (parse_option(o, id, optarg) < 0)
			return -EINVAL;
	for (; optind < argc; optind++) {
		if (!strcmp(argv[optind], "table"))
			o->table = true;
		else if (strcmp(argv[optind], "forward"))
			return -EINVAL;
	}
	return 0;
}

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
	uint64_t sum = 0, most = 0, bytes = o->family == BATON_IPV6 ? 90 : 48;

	for (unsigned i = 0; i < o->n_flows; i++) {
		sum += o->flows[i];
		most = o->flows[i] > most ? o->flows[i] : most;
	}
	return (unsigned)((o->table ? most : sum) * bytes >> 20) + 64 + 32 * o->n_flows;
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
		source_set(s, o->family, k < N_PLAIN ? o->flows[0] : o->flows[k - N_PLAIN], SOURCE_RANDOM);
		report_sample(c[k].row, forward_measure(c[k].turn, c[k].arg, o->packets));
		err = k < N_PLAIN ? 0 : device_check(c[k].arg);
	}
	if (o->testpmd && !err)
		err = run_testpmd(o, m, anchors[0], "io");
	if (o->testpmd && !err)
		err = run_testpmd(o, m, anchors[1], "macswap");
	return err;
}

static int run_forward(const struct bench_options *o, struct bench_machine *m, struct bench_source *s,
		       struct bench_report *r, struct bench_device *const devices[])
{
	struct bench_row *anchors[2] = { NULL };
	struct contender c[N_PLAIN + BENCH_MAX_FLOWS] = {
		{ .row = report_row(r, "io", o->family, 0), .turn = forward_io },
		{ .row = report_row(r, "macswap", o->family, 0), .turn = forward_macswap },
	};
	int err = 0;

	for (unsigned i = 0; i < o->n_flows; i++)
		c[N_PLAIN + i] = (struct contender){ report_row(r, "baton tunnel", o->family, o->flows[i]), device_turn,
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
		err = device_new(o->family, o->flows[i], s, pool, &channel, &devices[i]);
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
	err = pool ? source_start(&source, pool) : -ENOMEM;
	if (err) {
		fprintf(stderr, "baton-bench: no source of packets: %s\n", strerror(-err));
		return err;
	}
	err = run_devices(o, m, &source, pool, r);
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
		.family = BATON_IPV4,
		.cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1,
		.repetitions = 7,
		.packets = 10000000,
		.flows = { 1000, 1000000, 10000000 },
		.n_flows = 3,
	};
	struct bench_machine m;
	int err;

	if (parse_options(&o, argc, argv) < 0) {
		fputs(help, stderr);
		return 2;
	}
	if (o.help) {
		fputs(help, stdout);
		return 0;
	}
	if (!cpu_is_ours(o.cpu))
		return 1;
	if (o.table)
		report.unit = "lookup";
	if (machine_start(&m, o.cpu, o.hugepages, memory_mb(&o), o.table || !o.testpmd ? 0 : TESTPMD_MB) < 0)
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
