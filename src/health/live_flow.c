/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/live_flow.h"

#include <math.h>
#include <string.h>

/*
 * Time constants of the estimates. Demand: shorter ones follow the noise of
 * arrivals, which balancers then amplify in turn. Finishing: a property of the
 * application, which changes slowly.
 */
#define DEMAND_NS 300e6
#define FINISH_NS 1e9
/* Longer silence says nothing of what other balancers did meanwhile. */
#define SILENCE_NS 10e9
/* Part of the mean that the newest interval between reports makes. */
#define INTERVAL_PART 0.02

static double smooth(double old, double x, double elapsed_ns, double time_ns)
{
	return old > 0 ? old + (1 - exp(-elapsed_ns / time_ns)) * (x - old) : x;
}

/* Other endpoints, or in another order: accounts move along, weights are lost. */
static void rearrange(struct live_flow *f, const struct live_endpoint *e, uint16_t n)
{
	struct live_account old[ALLOTMENT_MAX_ENDPOINTS];
	uint16_t n_old = f->n;

	memcpy(old, f->accounts, sizeof(old));
	for (unsigned i = 0; i < n; i++) {
		f->accounts[i] = (struct live_account){ .endpoint = e[i].endpoint };
		for (unsigned j = 0; j < n_old; j++)
			if (old[j].endpoint == e[i].endpoint)
				f->accounts[i] = old[j];
	}
	f->n = n;
	for (unsigned i = 0; i < f->p.n_classifiers; i++)
		memset(f->askers[i].weights, 0, sizeof(f->askers[i].weights));
}

static bool arranged(const struct live_flow *f, const struct live_endpoint *e, uint16_t n)
{
	if (f->n != n)
		return false;
	for (unsigned i = 0; i < n; i++)
		if (f->accounts[i].endpoint != e[i].endpoint)
			return false;
	return true;
}

/* Connections of all balancers since the asker's last request: its own are known, the others' are like them. */
static double count_use(struct live_flow *f, const struct allotment_request *q, uint64_t now_ns)
{
	struct live_asker *a = &f->askers[q->classifier];
	double elapsed_ns = (double)(now_ns - a->asked_ns), others;

	if (a->asked_ns == 0 || elapsed_ns <= 0) {
		a->asked_ns = now_ns;
		return q->used;
	}
	a->rate = smooth(a->rate, q->used / elapsed_ns, elapsed_ns, DEMAND_NS);
	a->asked_ns = now_ns;
	others = a->rate * fmin(elapsed_ns, SILENCE_NS) * (f->p.n_balancers - 1);
	return q->used + others;
}

/* What was sent until the report came, by the two countings around it. */
static double sent_until(const struct live_flow *f, const struct live_account *a, uint64_t at_ns)
{
	double span_ns = (double)(f->counted_ns - f->counted_before_ns);
	double back_ns = at_ns < f->counted_ns ? (double)(f->counted_ns - at_ns) : 0;

	if (span_ns <= 0)
		return a->sent;
	return a->sent - fmin(back_ns / span_ns, 1) * (a->sent - a->sent_before);
}

/* In balance hosts finish what they are sent: demand ÷ busy capacity. */
static void learn_finishing(struct live_flow *f, const struct live_part *parts, uint16_t n, double elapsed_ns)
{
	double busy = 0, all = 0, demand = live_flow_demand(f);

	for (unsigned i = 0; i < n; i++) {
		busy += parts[i].capacity * parts[i].pace * fmin(parts[i].load, 1);
		all += parts[i].capacity * parts[i].pace;
	}
	f->busy = all > 0 ? busy / all : 0;
	if (busy > 0 && demand > 0)
		f->per_capacity = smooth(f->per_capacity, demand / busy, elapsed_ns, FINISH_NS);
}

static void learn_interval(struct live_flow *f, uint64_t before_ns, uint64_t now_ns)
{
	double interval_ns = now_ns > before_ns ? (double)(now_ns - before_ns) : 0;

	if (before_ns == 0)
		return;
	f->report_ns = f->report_ns > 0 ? f->report_ns + INTERVAL_PART * (interval_ns - f->report_ns) : interval_ns;
}

void live_flow_count(struct live_flow *f, const struct allotment_request *request, const struct live_endpoint *e,
		     const struct live_part *parts, uint16_t n, uint64_t now_ns)
{
	const struct live_asker *asker = &f->askers[request->classifier];
	double used;

	if (!arranged(f, e, n))
		rearrange(f, e, n);
	used = count_use(f, request, now_ns);
	f->counted_before_ns = f->counted_ns;
	f->counted_ns = now_ns;
	for (unsigned i = 0; i < n; i++) {
		struct live_account *a = &f->accounts[i];

		a->sent_before = a->sent;
		a->sent += asker->weights[i] * used;
		if (a->reported_ns == e[i].reported_ns)
			continue;
		a->sent_at_report = sent_until(f, a, e[i].reported_ns);
		learn_interval(f, a->reported_ns, e[i].reported_ns);
		a->reported_ns = e[i].reported_ns;
	}
	learn_finishing(f, parts, n, (double)(now_ns - f->counted_before_ns));
}

double live_flow_demand(const struct live_flow *f)
{
	double rate = 0;

	for (unsigned i = 0; i < f->p.n_classifiers; i++)
		rate += f->askers[i].rate;
	return rate * f->p.n_balancers;
}

double live_flow_slots(const struct live_flow *f, const struct live_part *part)
{
	return f->per_capacity * part->capacity * (double)f->p.service_ns;
}

double live_flow_load(const struct live_flow *f, const struct live_part *part, uint16_t place, uint64_t now_ns)
{
	const struct live_account *a = &f->accounts[place];
	double slots = live_flow_slots(f, part);
	double age_ns = now_ns > a->reported_ns ? (double)(now_ns - a->reported_ns) : 0;
	/* a host that was idle gets new connections, and is as busy as the others before long */
	double finished = f->per_capacity * part->capacity * part->pace * fmax(fmin(part->load, 1), f->busy) * age_ns;

	if (slots <= 0 || part->flags & ALLOTMENT_STALE)
		return part->load;
	return fmax(part->load + (a->sent - a->sent_at_report - finished) / slots, 0);
}
