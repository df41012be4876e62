/* SPDX-License-Identifier: BSD-3-Clause */
/* baton-bench-group: what groups cost and save on the wire, and how soon the dead are noticed (docs/groups.md). */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/group_sim.h"

#define SETTLE_S 20

struct line {
	const char *name;
	unsigned group_size;
	uint8_t mode;
	bool compress;
};

static const struct line lines[] = {
	{ "no leader", 0, HEALTH_GROUP_CONTENT, false },
	{ "leader", 10, HEALTH_GROUP_CONTENT, false },
	{ "leader", 20, HEALTH_GROUP_CONTENT, false },
	{ "leader", 50, HEALTH_GROUP_CONTENT, false },
	{ "leader, compressed", 10, HEALTH_GROUP_CONTENT, true },
	{ "leader, compressed", 20, HEALTH_GROUP_CONTENT, true },
	{ "leader, compressed", 50, HEALTH_GROUP_CONTENT, true },
	{ "membership only", 10, HEALTH_GROUP_MEMBERSHIP, true },
	{ "membership only", 20, HEALTH_GROUP_MEMBERSHIP, true },
	{ "membership only", 50, HEALTH_GROUP_MEMBERSHIP, true },
};

struct options {
	unsigned n_hosts, n_apps, n_balancers, seconds, load_ms, runs;
};

static struct group_sim *begin(const struct options *o, const struct line *l, uint64_t seed)
{
	struct group_sim_settings s = {
		.n_hosts = o->n_hosts,
		.n_apps = o->n_apps,
		.n_balancers = o->n_balancers,
		.group_size = l->group_size,
		.mode = l->mode,
		.compress = l->compress,
		.load_ms = o->load_ms,
		.delay_ms = { 2, 2 },
		.seed = seed,
	};
	struct group_sim *sim = group_sim_new(&s);

	group_sim_run(sim, SETTLE_S * SIM_S);
	return sim;
}

/* Seconds from now until no balancer holds the host any more; -1: not within a minute. */
static double gone_after(struct group_sim *sim, unsigned host)
{
	uint64_t start = sim->now_ns;
	bool seen = true;

	while (seen && sim->now_ns - start < 60 * SIM_S) {
		group_sim_run(sim, 10 * SIM_MS);
		seen = false;
		for (unsigned b = 0; b < sim->settings.n_balancers; b++)
			seen = seen || group_sim_present(sim, b, host);
	}
	return seen ? -1 : (double)(sim->now_ns - start) / SIM_S;
}

/* The longest of several runs; the leader's death may also take nobody else away: *wrong counts hosts so lost. */
static double kill_and_wait(const struct options *o, const struct line *l, bool leader, unsigned *wrong)
{
	double longest = 0;

	for (unsigned run = 0; run < o->runs; run++) {
		struct group_sim *sim = begin(o, l, 100 + run);
		unsigned victim = o->n_hosts / 2;
		uint64_t aged = 0;
		double t;

		for (unsigned i = 0; leader && l->group_size && i < o->n_hosts; i++) {
			if (group_sim_leader(sim, i) == (int)i)
				victim = i;
		}
		if (!leader && group_sim_leader(sim, victim) == (int)victim)
			victim++;
		group_sim_run(sim, group_sim_random(sim, 1000) * SIM_MS);
		for (unsigned b = 0; b < o->n_balancers; b++)
			aged -= sim->balancers[b].cache.counters[HEALTH_CACHE_COUNTER_AGED_OUT];
		group_sim_kill(sim, victim);
		t = gone_after(sim, victim);
		group_sim_run(sim, 20 * SIM_S);
		for (unsigned b = 0; b < o->n_balancers; b++)
			aged += sim->balancers[b].cache.counters[HEALTH_CACHE_COUNTER_AGED_OUT];
		*wrong += (unsigned)(aged - o->n_balancers);
		longest = t < 0 || t > longest ? t : longest;
		group_sim_free(sim);
	}
	return longest;
}

static void print_rate(const struct sim_traffic *t, const struct options *o)
{
	printf(" %.0f | %.1f |", (double)t->n_frames / o->seconds, (double)t->n_bytes / o->seconds / 1000);
}

static unsigned run_line(const struct options *o, const struct line *l)
{
	struct group_sim *sim = begin(o, l, 1);
	unsigned wrong = 0;
	struct sim_traffic each;
	double host, leader;

	group_sim_traffic_clear(sim);
	group_sim_run(sim, o->seconds * SIM_S);
	each = sim->traffic[SIM_TO_BALANCERS];
	each.n_frames /= o->n_balancers;
	each.n_bytes /= o->n_balancers;
	printf("| %s |", l->name);
	if (l->group_size)
		printf(" %u |", l->group_size);
	else
		printf(" - |");
	print_rate(&each, o);
	print_rate(&sim->traffic[SIM_TO_HOSTS], o);
	print_rate(&sim->traffic[SIM_IN_GROUPS], o);
	group_sim_free(sim);
	host = kill_and_wait(o, l, false, &wrong);
	leader = kill_and_wait(o, l, true, &wrong);
	printf(" %.1f | %.1f | %u |\n", host, leader, wrong);
	fflush(stdout);
	return wrong + (host < 0) + (leader < 0);
}

static const char help[] =
	"usage: baton-bench-group [--hosts N] [--apps N] [--balancers N] [--seconds N] [--load-ms N]"
	" [--runs N]\n"
	"Hosts, groups and balancers in one process, real sealed bytes, simulated network and clock.\n"
	"  --hosts 200 --apps 5 --balancers 1 --seconds 60 (measured, simulated time)\n"
	"  --load-ms 15000 (each application's load is told so often) --runs 5 (of each death)\n";

static int parse(int argc, char **argv, struct options *o)
{
	const struct {
		const char *name;
		unsigned *value, max;
	} all[] = {
		{ "--hosts", &o->n_hosts, 250 },
		{ "--apps", &o->n_apps, 200 },
		{ "--balancers", &o->n_balancers, SIM_BALANCERS },
		{ "--seconds", &o->seconds, 3600 },
		{ "--load-ms", &o->load_ms, 600000 },
		{ "--runs", &o->runs, 100 },
	};
	const size_t n = sizeof all / sizeof *all;

	for (int i = 1; i < argc; i += 2) {
		char *end = NULL;
		unsigned long v = i + 1 < argc ? strtoul(argv[i + 1], &end, 10) : 0;
		size_t k = 0;

		while (k < n && strcmp(argv[i], all[k].name) != 0)
			k++;
		if (k == n || !end || *end || v == 0 || v > all[k].max)
			return -EINVAL;
		*all[k].value = (unsigned)v;
	}
	return o->n_hosts >= 4 ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct options o = { 200, 5, 1, 60, 15000, 5 };
	unsigned failed = 0;

	if (parse(argc, argv, &o) < 0) {
		fputs(help, stderr);
		return 2;
	}
	printf("%u hosts, %u applications each, %u balancers; %u s. kB/s: 1000 bytes a second.\n\n", o.n_hosts,
	       o.n_apps, o.n_balancers, o.seconds);
	printf("| heartbeats | group | to each balancer, frames/s | kB/s | from balancers, frames/s | kB/s |"
	       " within groups, frames/s | kB/s | dead host, s | dead leader, s | others lost |\n");
	printf("| --- | --: | --: | --: | --: | --: | --: | --: | --: | --: | --: |\n");
	for (size_t i = 0; i < sizeof lines / sizeof *lines; i++)
		failed += run_line(&o, &lines[i]);
	return failed ? 1 : 0;
}
