/* SPDX-License-Identifier: BSD-3-Clause */
/* The pool under load: events in order of time. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "events.h"
#include "host.h"
#include "samples.h"
#include "tail.h"

#define MS 1e6

struct run {
	struct tail world;
	struct tail_random arrivals, work, bursts; /* apart, so that every policy meets the same load */
	struct events events;
	struct samples samples;
	uint64_t measure_ns, end_ns;
	double gap_ns; /* mean time between requests */
};

struct tail_params tail_defaults(void)
{
	return (struct tail_params){
		.seed = 1,
		.n_hosts = 100,
		.n_cores = 4,
		.n_balancers = 1,
		.fast = 1.5,
		.service_ms = 10,
		.cv = 1,
		.burst = 0.3,
		.burst_rate = 0.4,
		.burst_ms = 1000,
		.load = 0.9,
		.report_ms = 20,
		.refresh_ms = 20,
		.link_ms = 0.2,
		.warm_s = 3,
		.measure_s = 8,
		.service_hint = 1,
		.pace = true,
	};
}

uint8_t tail_capacity(const struct tail_host *h)
{
	return (uint8_t)lround(h->speed * 40);
}

static bool in_range(const struct tail_params *p)
{
	return p->n_hosts > 0 && p->n_hosts <= TAIL_MAX_HOSTS && p->n_cores > 0 && p->n_cores <= TAIL_MAX_CORES &&
	       p->n_balancers > 0 && p->n_balancers <= TAIL_MAX_BALANCERS && p->fast > 0 && p->fast <= 2 &&
	       p->service_ms > 0 && p->cv >= 0 && p->burst >= 0 && p->burst <= 1 && p->burst_rate > 0 &&
	       p->burst_ms > 0 && p->load > 0 && p->report_ms > 0 && p->refresh_ms > 0 && p->link_ms >= 0 &&
	       p->warm_s >= 0 && p->measure_s > 0;
}

static int add(struct run *r, double in_ns, enum event_kind kind, uint32_t host, uint32_t value)
{
	return events_add(&r->events, (struct event){ .at_ns = r->world.now_ns + (uint64_t)in_ns,
						      .kind = kind,
						      .host = host,
						      .value = value });
}

/* The host's next completion; those announced before are void. */
static int announce(struct run *r, uint32_t host)
{
	struct tail_host *h = &r->world.hosts[host];
	uint64_t next_ns = host_next_ns(h);

	h->version++;
	return next_ns == UINT64_MAX ? 0 : add(r, (double)(next_ns - r->world.now_ns), EVENT_DONE, host, h->version);
}

static int on_arrival(struct run *r)
{
	struct tail *w = &r->world;
	struct tail_request q = {
		.work_ns = random_log_normal(&r->work, w->p.service_ms * MS, w->p.cv),
		.arrived_ns = w->now_ns,
		.balancer = random_below(&r->arrivals, w->p.n_balancers),
	};
	unsigned host = w->policy->choose(w, q.balancer);
	int status;

	host_move(&w->hosts[host], w->now_ns);
	status = host_put(&w->hosts[host], w->p.n_cores, q);
	if (status == 0)
		status = announce(r, host);
	return status == 0 ? add(r, random_exponential(&r->arrivals, r->gap_ns), EVENT_ARRIVAL, 0, 0) : status;
}

static int on_done(struct run *r, const struct event *e)
{
	struct tail *w = &r->world;
	struct tail_host *h = &w->hosts[e->host];
	struct tail_request q;

	if (e->value != h->version)
		return 0;
	host_move(h, w->now_ns);
	q = host_take(h);
	if (w->policy->done)
		w->policy->done(w, q.balancer, e->host);
	if (q.arrived_ns >= r->measure_ns)
		samples_add(&r->samples, (double)(w->now_ns - q.arrived_ns) / MS);
	return announce(r, e->host);
}

static int on_burst(struct run *r, uint32_t host)
{
	struct tail *w = &r->world;
	struct tail_host *h = &w->hosts[host];
	int status;

	host_move(h, w->now_ns);
	h->factor = random_unit(&r->bursts) < w->p.burst ? w->p.burst_rate : 1;
	status = announce(r, host);
	return status == 0 ? add(r, w->p.burst_ms * MS, EVENT_BURST, host, 0) : status;
}

/* What the host's agent tells: requests in it, and what it can do as far as it can measure that. */
static int on_report(struct run *r, uint32_t host)
{
	const struct tail_params *p = &r->world.p;
	struct tail_host *h = &r->world.hosts[host];
	struct event e = { .at_ns = r->world.now_ns + (uint64_t)(p->link_ms * MS),
			   .kind = EVENT_REPORTED,
			   .host = host };
	int status;

	host_move(h, r->world.now_ns);
	live_pace_add(&h->pace, h->n_done, h->busy_ns, p->n_cores);
	h->n_done = 0;
	h->busy_ns = 0;
	e.value = h->n;
	e.capacity = tail_capacity(h);
	if (p->pace)
		e.capacity = live_pace_capacity(&h->pace, e.capacity, p->service_ms * p->service_hint * MS / h->speed);
	status = events_add(&r->events, e);
	return status == 0 ? add(r, p->report_ms * MS, EVENT_REPORT, host, 0) : status;
}

static int happen(struct run *r, const struct event *e)
{
	switch (e->kind) {
	case EVENT_ARRIVAL:
		return on_arrival(r);
	case EVENT_DONE:
		return on_done(r, e);
	case EVENT_BURST:
		return on_burst(r, e->host);
	case EVENT_REPORT:
		return on_report(r, e->host);
	case EVENT_REPORTED:
		r->world.reports[e->host] =
			(struct tail_report){ .at_ns = r->world.now_ns, .n = e->value, .capacity = e->capacity };
		return 0;
	}
	return -EINVAL;
}

/* Hosts begin their bursts and reports at times of their own. */
static int begin(struct run *r)
{
	struct tail *w = &r->world;
	double speeds = 0;
	int status = 0;

	for (unsigned i = 0; i < w->p.n_hosts && status == 0; i++) {
		w->hosts[i].speed = i % 2 ? w->p.fast : 1;
		w->hosts[i].factor = 1;
		speeds += w->hosts[i].speed;
		status = add(r, random_unit(&r->bursts) * w->p.burst_ms * MS, EVENT_BURST, i, 0);
		if (status == 0 && w->policy->uses_reports)
			status = add(r, random_unit(&r->bursts) * w->p.report_ms * MS, EVENT_REPORT, i, 0);
	}
	speeds *= w->p.n_cores * (1 - w->p.burst * (1 - w->p.burst_rate));
	r->gap_ns = w->p.service_ms * MS / (speeds * w->p.load);
	return status == 0 ? add(r, 0, EVENT_ARRIVAL, 0, 0) : status;
}

static int play(struct run *r)
{
	int status = begin(r);

	while (status == 0) {
		struct event e = events_take(&r->events);

		if (e.at_ns >= r->end_ns)
			return 0;
		r->world.now_ns = e.at_ns;
		status = happen(r, &e);
	}
	return status;
}

/* Requests that are still there count with the time they have waited: a pool that drowns must not look quick. */
static void count_rest(struct run *r)
{
	for (unsigned i = 0; i < r->world.p.n_hosts; i++) {
		struct tail_host *h = &r->world.hosts[i];

		while (h->n > 0) {
			struct tail_request q = host_take(h);

			if (q.arrived_ns >= r->measure_ns)
				samples_add(&r->samples, (double)(r->end_ns - q.arrived_ns) / MS);
		}
	}
}

static void result(struct run *r, struct tail_result *ret)
{
	count_rest(r);
	*ret = (struct tail_result){
		.p50_ms = samples_quantile(&r->samples, 0.5),
		.p99_ms = samples_quantile(&r->samples, 0.99),
		.p999_ms = samples_quantile(&r->samples, 0.999),
		.mean_ms = r->samples.sum_ms / (double)r->samples.n,
		.n_requests = r->samples.n,
	};
}

int tail_run(const struct tail_params *p, const struct tail_policy *policy, struct tail_result *ret)
{
	struct run *r;
	int status = -ENOMEM;

	if (!in_range(p))
		return -EINVAL;
	r = calloc(1, sizeof(*r));
	if (!r)
		return -ENOMEM;
	r->world.p = *p;
	r->world.policy = policy;
	r->world.random.state = p->seed * 4;
	r->arrivals.state = ~(p->seed * 4 + 1);
	r->work.state = (p->seed * 4 + 2) << 32;
	r->bursts.state = (p->seed * 4 + 3) << 40;
	r->measure_ns = (uint64_t)(p->warm_s * 1e9);
	r->end_ns = r->measure_ns + (uint64_t)(p->measure_s * 1e9);
	if (policy->new)
		r->world.own = policy->new (&r->world);
	if (r->world.own || !policy->new)
		status = play(r);
	if (status == 0)
		result(r, ret);
	if (policy->free)
		policy->free(r->world.own);
	for (unsigned i = 0; i < p->n_hosts; i++)
		host_fini(&r->world.hosts[i]);
	events_fini(&r->events);
	free(r);
	return status;
}
