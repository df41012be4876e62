/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * New connections as fast as one core makes them, or two: each packet is the
 * first of a connection, goes by the ring to the classifier's service on the same
 * core or another, which chooses an endpoint by tokens and plumbs the route, and
 * leaves for its host. Each repetition begins with empty tables and fills them.
 */
#include <errno.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_launch.h>
#include <rte_random.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "bench.h"
#include "classifier/service.h"
#include "forwarder/counters.h"

#define TOKENS 100000 /* of an endpoint in one allotment */
#define VALID_NS (1000ull * 1000 * 1000)
#define UNDER_WAY 700 /* connections: the classifier's ring takes SYNs up to three quarters, 768 */
#define CLASSIFIER_LCORE 1
#define PATIENCE_S 5

/* Of one repetition. */
struct connection_run {
	/* set before */
	struct bench_device *device;
	struct classifier_service *service;
	struct bench_source *source;
	struct channel *channel;
	const struct view *view;
	uint32_t n, under_way;
	bool shared; /* both lcores run on one CPU */
	/* between the lcores, at the beginning and at the end */
	_Atomic bool ready, stop;
	/* written by each at its end */
	uint64_t forwarder_cycles, classifier_cycles;
};

static struct turns turns; /* of the forwarder */

/* The health handler: all endpoints can take the same. */
static void allot(struct channel *c, const struct view *v, uint64_t now_ns)
{
	struct allotment_request q;

	while (rte_ring_dequeue_elem(c->allotment_requests, &q, sizeof q) == 0) {
		struct allotment *a;
		void *p;

		if (rte_mempool_get(c->allotments, &p) < 0)
			return;
		a = p;
		*a = (struct allotment){
			.vip = q.vip, .kind = ALLOTMENT_TOKENS, .made_ns = now_ns, .valid_ns = VALID_NS
		};
		for (uint16_t i = 0; i < v->n_endpoints; i++)
			a->shares[a->n_shares++] = (struct allotment_share){ .endpoint = i, .share = TOKENS };
		if (rte_ring_enqueue(c->allotted[0], a) < 0)
			rte_mempool_put(c->allotments, a);
	}
}

/* A NATed connection takes two places. */
static struct classifier *make_classifier(uint32_t n, bool nat)
{
	struct classifier_params p = {
		.n_classifiers = 1,
		.n_forwarders = 1,
		.max_connections = (nat ? 2 : 1) * (n + n / 8 + 64),
		.nat = nat,
		.snat_port_first = 1024,
		.snat_port_last = 65535,
		.snat_quarantine_s = 1,
	};

	for (unsigned i = 0; i < sizeof p.hash_key; i++)
		p.hash_key[i] = (uint8_t)rte_rand();
	return classifier_new(&p);
}

/* What the classifier refused, by its counters. */
static void print_classifier(const struct classifier_service *s)
{
	const struct classifier_counters *c = classifier_counters_get(s->classifier);

#define X(name, text) \
	if (c->name)  \
		fprintf(stderr, "baton-bench: classifier: %s: %llu\n", text, (unsigned long long)c->name);
	CLASSIFIER_COUNTERS(X)
#undef X
#define X(name, text)         \
	if (s->counters.name) \
		fprintf(stderr, "baton-bench: classifier: %s: %llu\n", text, (unsigned long long)s->counters.name);
	CLASSIFIER_SERVICE_COUNTERS(X)
#undef X
}

/* 0 if each of n connections was chosen for, introduced (tunnel) and sent on. */
static int check(const struct bench_options *o, const struct forwarder_counters *now, uint32_t n)
{
	static const struct forwarder_counters none;
	uint64_t refused = device_refused(now, &none), introduced = o->traffic.mode == BENCH_TUNNEL ? n : 0;

	if (now->rx_packets == n && now->misses == n && now->tx_packets == n && now->introductions == introduced &&
	    !refused)
		return 0;
	fprintf(stderr,
		"baton-bench: the run does not count: %llu packets in, %llu misses, %llu out, %llu introductions\n",
		(unsigned long long)now->rx_packets, (unsigned long long)now->misses,
		(unsigned long long)now->tx_packets, (unsigned long long)now->introductions);
	return -EPROTO;
}

static uint64_t now_ns(void)
{
	return (uint64_t)((double)rte_rdtsc() * 1e9 / (double)rte_get_tsc_hz());
}

/* One turn of the classifier's service and of the health handler. */
static unsigned classify(struct connection_run *run)
{
	uint64_t now = now_ns();
	unsigned work = classifier_service_poll(run->service, run->view, now, now);

	allot(run->channel, run->view, now);
	return work;
}

/* One turn of the forwarder, which lets no more connections be under way than the rings have room for. */
static unsigned forward(struct connection_run *run)
{
	uint64_t until = device_counters(run->device)->tx_packets + run->under_way;

	run->source->until = (uint32_t)RTE_MIN(until, (uint64_t)run->n);
	return device_turn(run->device);
}

/* The classifier's lcore. */
static int run_classifier(void *arg)
{
	struct connection_run *run = arg;
	uint64_t busy = 0, last;

	atomic_store(&run->ready, true);
	last = rte_rdtsc();
	while (!atomic_load_explicit(&run->stop, memory_order_relaxed)) {
		unsigned work = classify(run);
		uint64_t now = rte_rdtsc();

		if (work)
			busy += now - last;
		else if (run->shared)
			sched_yield();
		last = now;
	}
	run->classifier_cycles = busy;
	return 0;
}

/* All n of them, on one lcore: cycles each. */
static double connect_all(const struct bench_options *o, struct connection_run *run)
{
	uint64_t start = rte_rdtsc_precise(), last = start, idle = 0;

	while (device_counters(run->device)->tx_packets < run->n && idle < 1000) {
		unsigned work = device_turn(run->device);

		work += classify(run);
		idle = work ? 0 : idle + 1;
		if (o->latency) {
			uint64_t now = rte_rdtsc();

			turns_add(&turns, now - last);
			last = now;
		}
	}
	return (double)(rte_rdtsc_precise() - start) / run->n;
}

/* Until all have left, or nothing has happened for long. */
static double forward_all(const struct bench_options *o, struct connection_run *run)
{
	uint64_t start = rte_rdtsc_precise(), last = start, worked = start, patience = PATIENCE_S * rte_get_tsc_hz();
	uint64_t busy = 0;

	while (device_counters(run->device)->tx_packets < run->n && last - worked < patience) {
		unsigned work = forward(run);
		uint64_t now = rte_rdtsc();

		if (work) {
			busy += now - last;
			worked = now;
			if (o->latency)
				turns_add(&turns, now - last);
		} else if (run->shared) {
			sched_yield();
		}
		last = now;
	}
	run->forwarder_cycles = busy;
	return (double)(rte_rdtsc_precise() - start) / run->n;
}

/* The classifier on a lcore of its own. */
static double connect_apart(const struct bench_options *o, struct connection_run *run, struct bench_halves *ret)
{
	double cycles;

	atomic_store(&run->ready, false);
	atomic_store(&run->stop, false);
	rte_eal_remote_launch(run_classifier, run, CLASSIFIER_LCORE);
	while (!atomic_load(&run->ready))
		if (run->shared)
			sched_yield();
	cycles = forward_all(o, run);
	atomic_store(&run->stop, true);
	rte_eal_mp_wait_lcore();
	ret->forwarder = (double)run->forwarder_cycles / run->n;
	ret->classifier = (double)run->classifier_cycles / run->n;
	return cycles;
}

static void connect_once(const struct bench_options *o, struct connection_run *run, struct bench_row *row)
{
	double before, cycles;

	turns_clear(&turns);
	if (o->classifier_cpu < 0) {
		report_sample(row, connect_all(o, run));
	} else {
		before = distance_measure(o);
		cycles = connect_apart(o, run, &row->halves);
		report_sample(row, cycles);
		report_distance(row, before, distance_measure(o));
	}
	turns_summarise(&turns, &row->turns);
	/* the next device shares the rings: leave nothing there */
	while (device_turn(run->device) + classify(run))
		;
}

static int measure(const struct bench_options *o, struct bench_source *s, struct rte_mempool *pool, struct channel *c,
		   uint32_t n, struct bench_row *row)
{
	static struct classifier_service service __attribute__((aligned(64)));
	bool nat = o->traffic.mode != BENCH_TUNNEL;
	struct classifier *classifier = make_classifier(n, nat);
	struct connection_run run = { .service = &service, .source = s, .channel = c, .n = n };
	struct device_params p = { .n_flows = n, .source = s, .pool = pool, .channel = c };
	int err = classifier ? device_new(&p, &run.device) : -ENOMEM;

	if (err) {
		classifier_free(classifier);
		return err;
	}
	run.view = device_view(run.device);
	run.under_way = nat ? UNDER_WAY / 2 : UNDER_WAY;
	run.shared = distance_shared(o);
	classifier_service_init(&service, 0, classifier, c);
	source_set(s, 0, n, SOURCE_IN_ORDER);
	connect_once(o, &run, row);
	device_counted(run.device, &row->counted);
	err = check(o, device_counters(run.device), n);
	if (err)
		print_classifier(&service);
	classifier_service_fini(&service);
	device_free(run.device);
	return err;
}

int connect_run(const struct bench_options *o, struct bench_source *s, struct rte_mempool *pool, struct bench_report *r)
{
	struct bench_row *rows[BENCH_MAX_FLOWS];
	struct channel channel;
	int err = device_channel_init(&channel, 1);

	if (err)
		return err;
	for (unsigned i = 0; i < o->n_flows; i++) {
		char name[48];

		snprintf(name, sizeof name, "connect %s %s%s", options_mode(o->traffic.mode),
			 o->traffic.proto == IPPROTO_UDP ? "udp" : "tcp",
			 o->classifier_cpu < 0 ? "" : " on two lcores");
		rows[i] = report_row(r, name, o->traffic.family, o->flows[i]);
	}
	for (unsigned k = 0; k < o->repetitions && !err && !machine_interrupted(); k++)
		for (unsigned i = 0; i < o->n_flows && !err; i++)
			err = measure(o, s, pool, &channel, o->flows[i], rows[i]);
	channel_fini(&channel);
	return err;
}
