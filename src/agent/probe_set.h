/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * All probes of one agent: when each is tried, and what its results come to.
 *
 * The first attempt of a probe comes at a random moment of its interval (of its
 * first second, if nothing is known from before), and each interval is up to a
 * tenth shorter or longer by chance, so that many probes spread out and stay
 * spread. A probe has one attempt at a time; one that takes longer than the
 * interval delays the next. Programs run max_commands at a time, in the order
 * in which they fell due.
 *
 * One thread; nothing here waits. Memory is taken by probe_set_new() and by
 * libcurl during attempts.
 */
#ifndef BATON_AGENT_PROBE_SET_H
#define BATON_AGENT_PROBE_SET_H

#include <stdint.h>

#include "agent/probe_config.h"
#include "baton/health.h"

struct probe_set;

/* One probe. config stays the caller's, for the life of the set. */
struct probe_spec {
	const struct probe_config *config;
	struct baton_addr to; /* but for commands */
	uint16_t port;
	enum health_state state; /* known from before, and thus not reported; HEALTH_UNKNOWN: nothing is */
};

/*
 * The state of probe number (its place among the specs) has changed, or is
 * known for the first time. reason is printable. Called from probe_set_tick();
 * must not free the set.
 */
typedef void (*probe_set_report_fn)(void *context, unsigned number, enum health_state state, const char *reason);

/* 0 and *ret, or -errno. */
int probe_set_new(const struct probe_spec *specs, unsigned n, unsigned max_commands, probe_set_report_fn report,
		  void *context, struct probe_set **ret);
/* Attempts under way end without a result; programs are killed. Takes NULL. */
void probe_set_free(struct probe_set *s);
/* To be waited for: readable when probe_set_tick() has something to do. */
int probe_set_fd(const struct probe_set *s);
/* Do what is to be done now. clock_monotonic_ns() when it is wanted again even if the descriptor stays silent. */
uint64_t probe_set_tick(struct probe_set *s, uint64_t now_ns);
/* Attempts that have ended. */
uint64_t probe_set_attempts(const struct probe_set *s);

#endif
