/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * New connections as fast as one core makes them: each packet is the first of a
 * connection, goes by the ring to the classifier's service on the same core,
 * which chooses an endpoint by tokens and plumbs the route, and leaves for its
 * host. Each repetition begins with empty tables and fills them.
 */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_random.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "bench.h"
#include "classifier/service.h"
#include "forwarder/counters.h"

#define TOKENS 100000 /* of an endpoint in one allotment */
#define VALID_NS (1000ull * 1000 * 1000)

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

/* All n of them: cycles each. */
static double connect_all(const struct bench_options *o, struct bench_device *d, struct classifier_service *service,
			  struct channel *c, uint32_t n)
{
	double ns = 1e9 / (double)rte_get_tsc_hz();
	uint64_t start = rte_rdtsc_precise(), last = start, idle = 0;

	while (device_counters(d)->tx_packets < n && idle < 1000) {
		uint64_t now_ns = (uint64_t)((double)rte_rdtsc() * ns);
		unsigned work = device_turn(d);

		work += classifier_service_poll(service, device_view(d), now_ns, now_ns);
		allot(c, device_view(d), now_ns);
		idle = work ? 0 : idle + 1;
		if (o->latency) {
			uint64_t now = rte_rdtsc();

			turns_add(now - last);
			last = now;
		}
	}
	return (double)(rte_rdtsc_precise() - start) / n;
}

static int measure(const struct bench_options *o, struct bench_source *s, struct rte_mempool *pool, struct channel *c,
		   uint32_t n, struct bench_row *row)
{
	struct classifier_service service;
	struct classifier *classifier = make_classifier(n, o->traffic.mode != BENCH_TUNNEL);
	struct bench_device *d = NULL;
	int err = classifier ? device_new(n, s, pool, c, false, &d) : -ENOMEM;

	if (err) {
		classifier_free(classifier);
		return err;
	}
	classifier_service_init(&service, 0, classifier, c);
	source_set(s, 0, n, SOURCE_IN_ORDER);
	turns_clear();
	report_sample(row, connect_all(o, d, &service, c, n));
	turns_summarise(&row->turns);
	while (device_turn(d) + classifier_service_poll(&service, device_view(d), 0, 0))
		;
	device_counted(d, &row->counted);
	err = check(o, device_counters(d), n);
	if (err)
		print_classifier(&service);
	classifier_service_fini(&service);
	device_free(d);
	return err;
}

int connect_run(const struct bench_options *o, struct bench_source *s, struct rte_mempool *pool, struct bench_report *r)
{
	struct bench_row *rows[BENCH_MAX_FLOWS];
	struct channel channel;
	int err = device_channel_init(&channel);

	if (err)
		return err;
	for (unsigned i = 0; i < o->n_flows; i++) {
		char name[48];

		snprintf(name, sizeof name, "connect %s %s", options_mode(o->traffic.mode),
			 o->traffic.proto == IPPROTO_UDP ? "udp" : "tcp");
		rows[i] = report_row(r, name, o->traffic.family, o->flows[i]);
	}
	for (unsigned k = 0; k < o->repetitions && !err && !machine_interrupted(); k++)
		for (unsigned i = 0; i < o->n_flows && !err; i++)
			err = measure(o, s, pool, &channel, o->flows[i], rows[i]);
	channel_fini(&channel);
	return err;
}
