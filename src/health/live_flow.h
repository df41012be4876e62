/* SPDX-License-Identifier: BSD-3-Clause */
/* The account behind live_source.h: demand, what hosts were sent, and what of it is still there. */
#ifndef BATON_HEALTH_LIVE_FLOW_H
#define BATON_HEALTH_LIVE_FLOW_H

#include "health/live_source.h"

/* How an endpoint takes part in one allotment. */
struct live_part {
	uint16_t flags;  /* ALLOTMENT_* */
	double capacity; /* configured; 0: takes no part */
	double pace;     /* what it can do at present, of .capacity */
	double warmth;   /* 0-1, of its full share */
	double load;     /* reported, 1 = full */
	double weight;   /* the result: its share of all */
};

/* What is remembered of an endpoint. Connections are those of all balancers. */
struct live_account {
	uint16_t endpoint;
	double sent, sent_before; /* now, and when it was counted the time before */
	double sent_at_report;
	uint64_t reported_ns;
};

struct live_asker {
	uint64_t asked_ns;
	double rate;                             /* connections per ns */
	double weights[ALLOTMENT_MAX_ENDPOINTS]; /* last given; by place in .accounts */
};

struct live_flow {
	struct live_params p;
	double per_capacity; /* connections per ns that a unit of capacity finishes when busy; 0: not known */
	double busy;         /* part of all capacity that is in use */
	double report_ns;    /* between two reports of a host, about; 0: not known */
	uint64_t counted_ns, counted_before_ns;
	uint16_t n;
	struct live_account accounts[ALLOTMENT_MAX_ENDPOINTS];
	struct live_asker askers[]; /* .p.n_classifiers */
};

/* Bring the account up to date with a request: its use of the last allotment, and reports that came since. */
void live_flow_count(struct live_flow *f, const struct allotment_request *request, const struct live_endpoint *e,
		     const struct live_part *parts, uint16_t n, uint64_t now_ns);
/* New connections per ns of all balancers. */
double live_flow_demand(const struct live_flow *f);
/* Load of the endpoint at this place now: as reported, more by what it was sent, less by what it finished. */
double live_flow_load(const struct live_flow *f, const struct live_part *part, uint16_t place, uint64_t now_ns);
/* Connections that make the difference between no load and full load. */
double live_flow_slots(const struct live_flow *f, const struct live_part *part);

#endif
