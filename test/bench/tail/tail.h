/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Tail latency of ways to choose a host: a simulated pool of hosts under load
 * (docs/tail-latency.md). Discrete events; times in nanoseconds from 0.
 */
#ifndef TAIL_TAIL_H
#define TAIL_TAIL_H

#include <stdbool.h>
#include <stdint.h>

#include "health/live_pace.h"
#include "random.h"

enum {
	TAIL_MAX_HOSTS = 256,
	TAIL_MAX_CORES = 16,
	TAIL_MAX_BALANCERS = 32,
};

struct tail_params {
	uint64_t seed;
	unsigned n_hosts, n_cores; /* cores of each host */
	unsigned n_balancers;
	double fast;              /* hosts with odd number are so many times faster */
	double service_ms, cv;    /* log-normal, on a host that is not fast */
	double burst, burst_rate; /* chance that a host is slow in a burst's time; to what part of its speed */
	double burst_ms;
	double load;       /* of what the hosts can do on average, bursts included */
	double report_ms;  /* a host tells its load so often */
	double refresh_ms; /* a balancer has its allotment renewed so often */
	double link_ms;    /* report on its way */
	double warm_s, measure_s;
	double service_hint; /* what baton is told of the service time, as a multiple of the truth */
	bool pace;           /* hosts report the capacity that they measure, else the configured one */
};

struct tail_result {
	double p50_ms, p99_ms, p999_ms, mean_ms;
	uint64_t n_requests;
};

/* A request in a host. */
struct tail_request {
	double work_ns; /* left, for an ordinary core at full speed */
	uint64_t arrived_ns;
	unsigned balancer; /* that sent it */
};

struct tail_host {
	double speed;      /* without burst */
	double factor;     /* of the burst, or 1 */
	uint64_t moved_ns; /* .running is up to date then */
	double busy_ns;    /* core time since the last report */
	uint32_t n_done;   /* likewise */
	struct live_pace pace;
	uint32_t version; /* of the completion event that is valid */
	uint32_t n;       /* requests running and waiting */
	uint32_t n_running;
	struct tail_request running[TAIL_MAX_CORES];
	struct tail_request *waiting; /* ring */
	uint32_t head, room;          /* room is a power of two, or 0 */
};

/* What a balancer knows of a host by its last report. */
struct tail_report {
	uint64_t at_ns; /* when it came; 0: never */
	uint32_t n;     /* requests in the host */
	uint8_t capacity;
};

struct tail;

/* A way to choose. Everything is optional but name and choose. */
struct tail_policy {
	const char *name;
	bool uses_reports; /* report_ms matters */
	/* Private data in world->own, or NULL if there is no memory. */
	void *(*new)(struct tail *world);
	void (*free)(void *own);
	unsigned (*choose)(struct tail *world, unsigned balancer);
	void (*done)(struct tail *world, unsigned balancer, unsigned host);
};

struct tail {
	struct tail_params p;
	const struct tail_policy *policy;
	void *own;
	uint64_t now_ns;
	struct tail_random random; /* of the policy; the load has its own, so that all policies meet the same */
	struct tail_host hosts[TAIL_MAX_HOSTS];
	struct tail_report reports[TAIL_MAX_HOSTS];
};

/* Capacity of a host as configured. */
uint8_t tail_capacity(const struct tail_host *h);
struct tail_params tail_defaults(void);
/* 0 or -ENOMEM, -EINVAL: parameters out of range. */
int tail_run(const struct tail_params *p, const struct tail_policy *policy, struct tail_result *ret);

/* NULL-terminated; baton's own first. */
extern const struct tail_policy *const tail_policies[];
const struct tail_policy *tail_policy_find(const char *name);

extern const struct tail_policy tail_baton, tail_baton_greatest, tail_baton_round_robin;

#endif
