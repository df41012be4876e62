/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A simulated cluster: hosts and caches of the health protocol over a network
 * that loses, repeats, delays, reorders and splits, on a clock of its own.
 * All it does follows from a struct sim_plan, so a run can be had again with
 * fewer events.
 */
#ifndef BATON_TEST_HEALTH_SIM_H
#define BATON_TEST_HEALTH_SIM_H

#include <stdio.h>

#include "health/cache.h"
#include "health/host.h"

#define SIM_MAX_HOSTS 4
#define SIM_MAX_CACHES 3
#define SIM_MAX_EVENTS 96
#define SIM_MAX_ROWS 400
#define SIM_FAULTS_MS 5000
/*
 * After the last fault: a straggler (0.7 s) of a dead host that is new to a
 * restarted cache and never tells its interval (3.5 s); all else is sooner.
 */
#define SIM_SETTLE_MS 5000

enum sim_kind {
	SIM_TARGET,       /* host gives row the directive value */
	SIM_LOAD,         /* host gives row the load value */
	SIM_DELETE,       /* host deletes row */
	SIM_BURST,        /* host gives value rows from row on the directive other */
	SIM_HOST_RESTART, /* value 1: with its table, 0: without */
	SIM_HOST_GOODBYE, /* says it and is gone */
	SIM_HOST_KILL,    /* is gone */
	SIM_HOST_START,   /* if it is gone: without table */
	SIM_CACHE_RESTART,
	SIM_SPLIT, /* until: nothing between host and cache; value 0: both ways, 1: to the cache, 2: to the host */
	SIM_NOISE, /* until: value % lost, other % twice, delay_ms */
	SIM_CLOCK, /* the wall clock jumps by value ms, signed */
	SIM_N_KINDS
};

struct sim_event {
	uint32_t at_ms, until_ms;
	uint8_t kind; /* enum sim_kind */
	uint8_t host, cache;
	uint16_t row;
	int32_t value;
	uint32_t other, delay_ms;
};

struct sim_plan {
	uint64_t seed; /* of the network's dice */
	uint8_t n_hosts, n_caches;
	uint16_t n_rows; /* at the start, of each host */
	unsigned n_events;
	struct sim_event events[SIM_MAX_EVENTS]; /* in order of time */
};

/* What the seed stands for. */
void sim_plan_make(struct sim_plan *p, uint64_t seed);
/* One line for people. */
void sim_event_print(FILE *out, const struct sim_event *e);

struct sim_result {
	bool failed;
	uint32_t at_ms;
	char what[256];
	uint64_t messages, moves, objections, restarts; /* that something happened at all */
};

/* Run it; with a log every message and event is told to it. */
struct sim_result sim_run(const struct sim_plan *p, FILE *log);
/* Take events away as long as it still fails. */
void sim_shrink(struct sim_plan *p);

#endif
