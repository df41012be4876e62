/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * baton-bench-hosts ADDRESS PORT SECRET_FILE HOSTS APPS LOAD_MS FLIP_MS: play
 * hosts towards one balancer until SIGTERM. Prints "settled" when all of them
 * are what they want to be, and at the end what they have told.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "base/clock.h"
#include "crowd.h"

#define MAX_HOSTS 250 /* links: nanomsg has at most 512 in a process */

static volatile sig_atomic_t stopping; /* set by the signal handler of this one thread */

static void stop(int number)
{
	stopping = 1;
}

static unsigned number(const char *text, unsigned max)
{
	char *end;
	unsigned long v = strtoul(text, &end, 10);

	if (*end || end == text || v > max) {
		fprintf(stderr, "%s: not a number from 0 to %u\n", text, max);
		exit(2);
	}
	return (unsigned)v;
}

static unsigned long long sum(const struct crowd *c, enum health_host_counter counter)
{
	unsigned long long n = 0;

	for (unsigned i = 0; i < c->settings.n_hosts; i++)
		n += c->hosts[i].health.counters[counter];
	return n;
}

int main(int argc, char **argv)
{
	struct crowd_settings s;
	bool settled = false;
	struct crowd *c;

	if (argc != 8 || sodium_init() < 0 || baton_addr_parse(argv[1], &s.balancer) < 0) {
		fprintf(stderr, "usage: %s ADDRESS PORT SECRET_FILE HOSTS APPS LOAD_MS FLIP_MS\n", argv[0]);
		return 2;
	}
	s.port = (uint16_t)number(argv[2], UINT16_MAX);
	s.secret_file = argv[3];
	s.n_hosts = number(argv[4], MAX_HOSTS);
	s.n_apps = number(argv[5], 100);
	s.load_ms = number(argv[6], 3600000);
	s.flip_ms = number(argv[7], 3600000);
	if (!s.n_hosts || !s.n_apps || !s.load_ms)
		return 2;
	signal(SIGTERM, stop);
	c = crowd_new(&s, clock_monotonic_ns());
	if (!c)
		return 1;
	while (!stopping) {
		crowd_turn(c);
		if (!settled && crowd_settled(c) == s.n_hosts) {
			settled = true;
			puts("settled");
			fflush(stdout);
		}
	}
	printf("heartbeats=%llu row_changes=%llu postulates=%llu snapshots=%llu flips=%lu loads=%lu\n",
	       sum(c, HEALTH_HOST_COUNTER_HEARTBEATS), sum(c, HEALTH_HOST_COUNTER_ROW_CHANGES),
	       sum(c, HEALTH_HOST_COUNTER_POSTULATES), sum(c, HEALTH_HOST_COUNTER_SNAPSHOTS), c->flips, c->loads);
	crowd_free(c);
	return 0;
}
