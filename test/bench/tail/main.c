/* SPDX-License-Identifier: BSD-3-Clause */
/* Every way, number of balancers and interval, over several seeds; one line each: report.py makes tables of them. */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tail.h"

enum { MAX_SEEDS = 31 };

static const double intervals_ms[] = { 5, 10, 20, 50, 100, 200, 500, 1000 };
static const unsigned balancers[] = { 1, 4, 16 };

static bool is_brief(unsigned n_balancers, double interval_ms)
{
	return n_balancers != 4 && (interval_ms == 5 || interval_ms == 20 || interval_ms == 100 || interval_ms == 1000);
}

/* A policy with what else is different. */
struct way {
	const char *name;
	const char *policy;
	double ask_ms; /* an allotment is renewed so often, or at each report interval if that is shorter */
	bool load_only;
	double hint; /* the service time that hosts and balancers go by, as a multiple of the true one */
	bool brief;  /* at some of the points only */
};

#define ASK_MS 5
#define SELDOM 1e9

#define OTHER(text)                                                       \
	{                                                                 \
		.name = text, .policy = text, .ask_ms = ASK_MS, .hint = 1 \
	}

static const struct way ways[] = {
	OTHER("omniscient shortest queue"),
	OTHER("omniscient, speeds too"),
	OTHER("baton"),
	{ .name = "baton, renewed as seldom as reports", .policy = "baton", .ask_ms = SELDOM, .hint = 1 },
	{ .name = "baton, service time taken for half",
	  .policy = "baton",
	  .ask_ms = ASK_MS,
	  .hint = 0.5,
	  .brief = true },
	{ .name = "baton, service time taken for twice",
	  .policy = "baton",
	  .ask_ms = ASK_MS,
	  .hint = 2,
	  .brief = true },
	{ .name = "baton, hosts report load only",
	  .policy = "baton",
	  .ask_ms = ASK_MS,
	  .hint = 1,
	  .load_only = true,
	  .brief = true },
	{ .name = "baton, tokens: greatest",
	  .policy = "baton, tokens: greatest",
	  .ask_ms = ASK_MS,
	  .hint = 1,
	  .brief = true },
	{ .name = "baton, tokens: round robin",
	  .policy = "baton, tokens: round robin",
	  .ask_ms = ASK_MS,
	  .hint = 1,
	  .brief = true },
	OTHER("power of two choices"),
	OTHER("least connections, own count"),
	OTHER("least loaded on reports"),
	OTHER("smooth weighted round robin"),
	OTHER("round robin"),
	OTHER("random"),
};

static int by_size(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static void print_spread(double *x, unsigned n)
{
	qsort(x, n, sizeof(*x), by_size);
	printf("\t%.1f\t%.1f\t%.1f", x[n / 2], x[0], x[n - 1]);
}

static int measure(const struct way *way, const struct tail_policy *policy, struct tail_params p, unsigned n_seeds)
{
	double p50[MAX_SEEDS], p99[MAX_SEEDS], p999[MAX_SEEDS];

	for (unsigned i = 0; i < n_seeds; i++) {
		struct tail_result r;
		int status;

		p.seed = i + 1;
		status = tail_run(&p, policy, &r);
		if (status < 0)
			return status;
		p50[i] = r.p50_ms;
		p99[i] = r.p99_ms;
		p999[i] = r.p999_ms;
	}
	printf("%s\t%u\t%g", way->name, p.n_balancers, policy->uses_reports ? p.report_ms : 0);
	print_spread(p50, n_seeds);
	print_spread(p99, n_seeds);
	print_spread(p999, n_seeds);
	printf("\n");
	fflush(stdout);
	return 0;
}

static int measure_way(const struct way *way, const struct tail_params *defaults, unsigned n_seeds)
{
	const struct tail_policy *policy = tail_policy_find(way->policy);
	unsigned n_intervals = policy->uses_reports ? sizeof(intervals_ms) / sizeof(intervals_ms[0]) : 1;
	int status = 0;

	for (unsigned b = 0; b < sizeof(balancers) / sizeof(balancers[0]); b++) {
		for (unsigned i = 0; i < n_intervals && status == 0; i++) {
			struct tail_params p = *defaults;

			if (way->brief && !is_brief(balancers[b], intervals_ms[i]))
				continue;
			p.n_balancers = balancers[b];
			p.report_ms = intervals_ms[i];
			p.refresh_ms = way->ask_ms < p.report_ms ? way->ask_ms : p.report_ms;
			p.service_hint = way->hint;
			p.pace = !way->load_only;
			status = measure(way, policy, p, n_seeds);
		}
	}
	return status;
}

static int usage(FILE *to)
{
	fprintf(to, "usage: tail-bench [--seeds N] [--seconds S] [--way TEXT]\n"
		    "Tail latency of ways to choose a host, simulated (docs/tail-latency.md). Tab-separated; of each\n"
		    "of p50, p99 and p99.9 in ms: median, least and greatest over the seeds. Defaults: 5 seeds, 8 s.\n"
		    "--way: only ways with this in their name.\n");
	return to == stderr ? 2 : 0;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "seeds", required_argument, NULL, 'n' },
						 { "seconds", required_argument, NULL, 's' },
						 { "way", required_argument, NULL, 'w' },
						 { "help", no_argument, NULL, 'h' },
						 { 0 } };
	struct tail_params p = tail_defaults();
	unsigned long n_seeds = 5;
	const char *only = "";
	int c;

	while ((c = getopt_long(argc, argv, "", options, NULL)) != -1) {
		if (c == 'n')
			n_seeds = strtoul(optarg, NULL, 10);
		else if (c == 's')
			p.measure_s = strtod(optarg, NULL);
		else if (c == 'w')
			only = optarg;
		else
			return usage(c == 'h' ? stdout : stderr);
	}
	if (optind < argc || n_seeds == 0 || n_seeds > MAX_SEEDS)
		return usage(stderr);
	for (unsigned i = 0; i < sizeof(ways) / sizeof(ways[0]); i++) {
		int status = strstr(ways[i].name, only) ? measure_way(&ways[i], &p, (unsigned)n_seeds) : 0;

		if (status < 0) {
			fprintf(stderr, "tail-bench: %s: %s\n", ways[i].name, strerror(-status));
			return 1;
		}
	}
	return 0;
}
