/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Allotments from what hosts say of themselves (requirement H8): shares of one
 * VIP's new connections in proportion to free capacity. Pure: time comes in;
 * one thread. docs/tail-latency.md measures it.
 *
 * Reports are late, and whoever follows them to the letter floods the host that
 * was idle a while ago. So the source keeps account: what hosts were sent since
 * their reports is added to the load they reported, what they are likely to
 * have finished is taken off. Each gets what it will finish until the next
 * allotment and what brings its load to one level with the others', the level
 * at which the shares cover the expected demand (water filling). A host that
 * works at a part of its configured capacity is brought to that part of the
 * level, so that its requests wait no longer than elsewhere.
 *
 * As long as there is no demand to go by, or the service time is not known,
 * shares follow capacity × (1 - load) alone.
 */
#ifndef BATON_HEALTH_LIVE_SOURCE_H
#define BATON_HEALTH_LIVE_SOURCE_H

#include <stdint.h>

#include "baton/allotment.h"
#include "baton/health.h"

/* Whoever is active gets this part of its share by capacity, however loaded: else nobody would see it recover. */
#define LIVE_TRICKLE 0.01
/* Warming up begins with this part of the full share. */
#define LIVE_WARM_FIRST 0.05

struct live_params {
	uint8_t kind;           /* enum allotment_kind: what is preferred */
	uint16_t n_classifiers; /* that ask this source, 1 or more */
	uint16_t n_balancers;   /* devices that share the hosts, with about as many connections each; 1 or more */
	uint64_t refresh_ns;    /* an allotment is used so long before the next; it is valid a third longer */
	uint64_t service_ns;    /* how long a connection occupies its host at full speed, about; 0: not known */
	uint64_t stale_ns;      /* a report is believed so long */
	uint64_t warmup_ns;     /* from the first share to the full one; 0: at once */
};

/* One endpoint of the VIP, as the health cache knows it. */
struct live_endpoint {
	uint16_t endpoint; /* id */
	uint16_t load; /* reported, hundredths of a percent: 10000 = all it can do at once is in use, more = queue */
	uint8_t configured;    /* capacity, 0-99; 0: never gets anything */
	uint8_t capacity;      /* reported, 0-99, what it can do at present; 0: nothing */
	uint8_t state;         /* enum health_state */
	uint8_t target;        /* enum health_directive */
	uint8_t current;       /* enum health_directive */
	uint64_t reported_ns;  /* monotonic clock, when load and capacity became what they are; 0: never */
	uint64_t confirmed_ns; /* when the host last stood by them (heartbeat); 0: not since reported_ns */
	uint64_t active_ns;    /* since when it is active; 0: always was */
};

struct live_source;

/* For one VIP. NULL: no memory, or a parameter out of range. */
struct live_source *live_source_new(const struct live_params *p);
/* Takes NULL. */
void live_source_free(struct live_source *s);

/*
 * Answer a request. n endpoints, best always in one order: after a change of it
 * the use of one allotment is not accounted for. Shares go to those that are
 * active (target and current) and not failing; where none is, to all with a
 * configured capacity, by it, with .panic set. Percentages sum to 10000, and
 * each is one at least; tokens sum to request->wanted. Instead of tokens that
 * are too few to tell shares apart (under 4 per endpoint) percentages are given.
 * now_ns: monotonic clock. 0; -EINVAL: no such classifier; -E2BIG: more than
 * ALLOTMENT_MAX_ENDPOINTS.
 */
int live_source_answer(struct live_source *s, const struct allotment_request *request,
		       const struct live_endpoint *endpoints, uint16_t n, uint64_t now_ns, struct allotment *ret);

#endif
