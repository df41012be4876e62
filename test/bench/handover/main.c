/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_cycles.h>

#include "base/number.h"
#include "bench.h"
#include "forwarder/route.h"
#include "rig.h"

#define MAX_REPETITIONS 99
#define MEMORY_MB 256
#define N_ROWS 4

enum step {
	STEP_SYN,
	STEP_ACK,
	STEP_REQUEST,
	STEP_QUESTION,
	STEP_ANSWER,
	STEP_ENDED,
	N_STEPS,
};

static const char *const step_names[N_STEPS] = { "SYN", "ACK", "request", "question", "answer", "end" };

/* What the rules have to do. */
static const struct {
	const char *name;
	bool rules;
	enum rig_request request;
} rows[N_ROWS] = {
	{ "no rules", false, RIG_N_REQUESTS },
	{ "20 rules, the first one takes it", true, RIG_FIRST },
	{ "20 rules, all kinds of requests", true, RIG_N_REQUESTS },
	{ "20 rules, none takes it", true, RIG_NONE },
};

struct options {
	unsigned repetitions, batch;
	uint64_t connections, resident; /* of a repetition; in the inventory */
	int cpu;
	const char *json;
	bool hugepages, help;
};

/* TSC cycles for each connection, by row, step and repetition; [N_STEPS]: the sum. */
struct results {
	unsigned n;
	double cycles[N_ROWS][N_STEPS + 1][MAX_REPETITIONS];
	double tsc_hz;
	double pending_bytes, large_bytes, inventory_bytes, route_bytes;
};

static const char help[] = "usage: baton-bench-handover [OPTION...]\n"
			   "What handing over a connection costs a classifier lcore, by step\n"
			   "  --repetitions N    interleaved repetitions of each row (7)\n"
			   "  --connections N    of one repetition (500000)\n"
			   "  --batch N          that are on their way at once (256)\n"
			   "  --resident N       that were handed over before, in the inventory (1000000)\n"
			   "  --cpu N            core to run on (the last one)\n"
			   "  --no-hugepages     do with ordinary pages\n"
			   "  --json FILE\n";

/* What was prepared costs this much; what comes of it is taken without being timed. */
static uint64_t timed(struct rig *r)
{
	uint64_t start = rte_rdtsc_precise(), end;

	rig_work(r);
	end = rte_rdtsc_precise();
	rig_drain(r);
	return end - start;
}

/* One batch from SYN to the end. */
static int batch_run(struct rig *r, enum rig_request request, uint64_t sums[N_STEPS])
{
	rig_syn(r);
	sums[STEP_SYN] += timed(r);
	rig_ack(r);
	sums[STEP_ACK] += timed(r);
	rig_request(r, request);
	sums[STEP_REQUEST] += timed(r);
	rig_wait(r);
	sums[STEP_QUESTION] += timed(r);
	rig_answer(r);
	sums[STEP_ANSWER] += timed(r);
	rig_end(r);
	sums[STEP_ENDED] += timed(r);
	return rig_next(r);
}

static int row_run(struct rig *r, unsigned row, uint64_t connections, struct results *res)
{
	uint64_t sums[N_STEPS] = { 0 }, n = 0;
	double all = 0;

	for (; n < connections; n += r->n_clients) {
		int err = machine_interrupted() ? -EINTR : batch_run(r, rows[row].request, sums);

		if (err)
			return err;
	}
	for (unsigned s = 0; s < N_STEPS; s++) {
		double each = (double)sums[s] / (double)n;

		res->cycles[row][s][res->n] = each;
		all += each;
	}
	res->cycles[row][N_STEPS][res->n] = all;
	return 0;
}

static size_t taken(void)
{
	struct mallinfo2 m = mallinfo2();

	return m.uordblks + m.hblkhd;
}

static double handover_bytes(uint32_t pending, uint32_t large)
{
	static const struct handover_env none;
	struct handover_params p = { .max_pending = pending, .max_large = large, .env = &none };
	size_t before = taken();
	struct handover *h = handover_new(&p);
	size_t after = taken();

	handover_free(h);
	return h ? (double)(after - before) : 0;
}

static double classifier_bytes(uint32_t connections)
{
	struct classifier_params p = { .n_classifiers = 1,
				       .n_forwarders = 1,
				       .max_connections = connections,
				       .snat_port_first = 1024,
				       .snat_port_last = 65535 };
	size_t before = taken();
	struct classifier *c = classifier_new(&p);
	size_t after = taken();

	classifier_free(c);
	return c ? (double)(after - before) : 0;
}

/* Of twice as many less that of as many, so that what does not grow is left out. */
static void measure_memory(struct results *res)
{
	const uint32_t n = 1 << 16;
	struct route_table_params p = { .family = BATON_IPV4, .capacity = 1 << 20 };
	size_t before = taken();
	struct route_table *t = route_table_new(&p);

	res->route_bytes = t ? (double)(taken() - before) / p.capacity : 0;
	route_table_free(t);
	res->pending_bytes = (handover_bytes(2 * n, 0) - handover_bytes(n, 0)) / n;
	res->large_bytes = (handover_bytes(n, 1024) - handover_bytes(n, 0)) / 1024;
	res->inventory_bytes = (classifier_bytes(2 << 20) - classifier_bytes(1 << 20)) / (1 << 20);
}

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void write_text(struct results *res, const struct options *o)
{
	printf("Hand-over on one core, TSC cycles for each connection, median of %u; TSC %.0f MHz\n\n%-34s", res->n,
	       res->tsc_hz / 1e6, "");
	for (unsigned s = 0; s < N_STEPS; s++)
		printf(" %9s", step_names[s]);
	printf(" %9s  %s\n", "all", "1,000/s (least-greatest)");
	for (unsigned row = 0; row < N_ROWS; row++) {
		double *all = res->cycles[row][N_STEPS], khz = res->tsc_hz / 1e3;

		printf("%-34s", rows[row].name);
		for (unsigned s = 0; s <= N_STEPS; s++) {
			qsort(res->cycles[row][s], res->n, sizeof(double), by_size);
			printf(" %9.0f", res->cycles[row][s][res->n / 2]);
		}
		printf("  %.0f (%.0f-%.0f)\n", khz / all[res->n / 2], khz / all[res->n - 1], khz / all[0]);
	}
	printf("\n%u on their way at once, %llu in the inventory\n", o->batch, (unsigned long long)o->resident);
	printf("bytes of memory: pending %.0f (%u of them for its head), with a long head %.0f more; "
	       "plumbed: inventory %.0f, route %.0f\n",
	       res->pending_bytes, HANDOVER_SMALL_HEAD, res->large_bytes, res->inventory_bytes, res->route_bytes);
}

static void write_samples(FILE *f, const char *name, const double *samples, unsigned n)
{
	fprintf(f, "\"%s\": [", name);
	for (unsigned i = 0; i < n; i++)
		fprintf(f, "%s%.1f", i ? ", " : "", samples[i]);
	fprintf(f, "]");
}

static int write_json(const struct results *res, const struct options *o)
{
	FILE *f = fopen(o->json, "we");

	if (!f)
		return -errno;
	fprintf(f,
		"{\"tsc_hz\": %.0f, \"batch\": %u, \"resident\": %llu,\n \"bytes\": {\"pending\": %.0f, "
		"\"large_head\": %.0f, \"inventory\": %.0f, \"route\": %.1f},\n \"cycles\": {\n",
		res->tsc_hz, o->batch, (unsigned long long)o->resident, res->pending_bytes, res->large_bytes,
		res->inventory_bytes, res->route_bytes);
	for (unsigned row = 0; row < N_ROWS; row++) {
		fprintf(f, "  \"%s\": {", rows[row].name);
		for (unsigned s = 0; s <= N_STEPS; s++) {
			write_samples(f, s < N_STEPS ? step_names[s] : "all", res->cycles[row][s], res->n);
			fprintf(f, s < N_STEPS ? ", " : row + 1 < N_ROWS ? "},\n" : "}\n");
		}
	}
	fprintf(f, " }}\n");
	return fclose(f) == 0 ? 0 : -errno;
}

static int run(const struct options *o, struct results *res)
{
	struct rules *rules = bench_rules_new();
	struct rig rig;
	int err = rules ? rig_init(&rig, o->batch, (uint32_t)o->resident) : -EINVAL;

	if (err) {
		rules_free(rules);
		return err;
	}
	for (res->n = 0; !err && res->n < o->repetitions; res->n += !err)
		for (unsigned row = 0; !err && row < N_ROWS; row++) {
			rig_rules(&rig, rows[row].rules ? rules : NULL);
			err = row_run(&rig, row, o->connections, res);
		}
	rig_fini(&rig);
	rules_free(rules);
	return err;
}

static int parse_number(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	if (number_parse(text, min, max, ret)) {
		fprintf(stderr, "baton-bench-handover: \"%s\" is not a number from %llu to %llu\n", text,
			(unsigned long long)min, (unsigned long long)max);
		return -EINVAL;
	}
	return 0;
}

static int parse_option(struct options *o, int id, char *arg)
{
	uint64_t n = 0;
	int err = 0;

	switch (id) {
	case 'r':
		err = parse_number(arg, 1, MAX_REPETITIONS, &n);
		o->repetitions = (unsigned)n;
		return err;
	case 'b':
		err = parse_number(arg, 1, RIG_BATCH_MAX, &n);
		o->batch = (unsigned)n;
		return err;
	case 'n':
		return parse_number(arg, 1, 10000000, &o->connections);
	case 'i':
		return parse_number(arg, 0, 10000000, &o->resident);
	case 'c':
		err = parse_number(arg, 0, 1023, &n);
		o->cpu = (int)n;
		return err;
	case 'p':
		o->hugepages = false;
		return 0;
	case 'j':
		o->json = arg;
		return 0;
	case 'h':
		o->help = true;
		return 0;
	default:
		return -EINVAL;
	}
}

static int parse_options(struct options *o, int argc, char **argv)
{
	static const struct option options[] = {
		{ "repetitions", required_argument, NULL, 'r' },
		{ "batch", required_argument, NULL, 'b' },
		{ "connections", required_argument, NULL, 'n' },
		{ "resident", required_argument, NULL, 'i' },
		{ "cpu", required_argument, NULL, 'c' },
		{ "no-hugepages", no_argument, NULL, 'p' },
		{ "json", required_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ 0 },
	};
	int id;

	while ((id = getopt_long(argc, argv, "", options, NULL)) != -1)
		if (parse_option(o, id, optarg) < 0)
			return -EINVAL;
	return optind == argc ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct options o = { .repetitions = 7,
			     .batch = 256,
			     .connections = 500000,
			     .resident = 1000000,
			     .cpu = (int)sysconf(_SC_NPROCESSORS_ONLN) - 1,
			     .hugepages = true };
	static struct results res;
	struct bench_options eal;
	struct bench_machine machine;
	int err;

	if (parse_options(&o, argc, argv) < 0 || o.help) {
		fputs(help, o.help ? stdout : stderr);
		return o.help ? 0 : 2;
	}
	options_init(&eal);
	eal.cpu = (int16_t)o.cpu;
	eal.hugepages = o.hugepages;
	if (machine_start(&machine, &eal, MEMORY_MB, 0) < 0)
		return 1;
	res.tsc_hz = (double)rte_get_tsc_hz();
	measure_memory(&res);
	err = run(&o, &res);
	machine_stop(&machine);
	if (err)
		return 1;
	write_text(&res, &o);
	if (o.json && (err = write_json(&res, &o)) < 0) {
		fprintf(stderr, "baton-bench-handover: %s: %s\n", o.json, strerror(-err));
		return 1;
	}
	return 0;
}
