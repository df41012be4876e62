/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One forwarder worker as batond runs it, fed by the bench's port instead of a
 * network: routes come by plumbing messages, flows are introduced by their
 * first packet, and what is measured is the worker's own turn.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_random.h>
#include <rte_ring.h>

#include "bench.h"
#include "forwarder/worker.h"
#include "plumb/channel.h"
#include "tunnel/shim.h"

#define N_MESSAGES 1023 /* for each lcore, whose cache keeps up to 384 of them from the others */
#define RING 1024
#define MESSAGES_A_TURN 16
#define FLOWS_PER_TUNNEL 12500000

struct bench_device {
	struct forwarder_worker *worker;
	struct view *view;       /* never written while packets pass */
	bool borrowed;           /* it is another device's */
	struct channel *channel; /* borrowed */
	struct shim_keyring keys;
	struct bench_source *source; /* borrowed */
	struct rte_mempool *packets; /* borrowed */
	uint32_t n_flows;
	uint32_t n_kept;   /* if not 0: packets of the first ones only, the others are left to idle */
	bool plumbed;      /* the routes are this program's, not a classifier's */
	uint64_t owed;     /* new connections due, in millionths */
	uint64_t n_opened; /* in place of the oldest: flow n_opened is the oldest one left */
	uint64_t n_told, n_refused;
	struct forwarder_counters born; /* when all routes were there */
	/* as they were at the last check */
	struct forwarder_counters checked;
	uint64_t checked_opened, checked_told, checked_unknown;
} __attribute__((aligned(64))); /* its lcore writes it */

static struct forwarder_worker *make_worker(struct bench_device *d, uint8_t family, uint32_t n,
					    struct rte_mempool *pool)
{
	uint8_t n_banks = (uint8_t)((n + FLOWS_PER_TUNNEL - 1) / FLOWS_PER_TUNNEL);
	struct forwarder_worker_params p = {
		.index = d->source->lcore,
		.queue = source_queue(d->source->lcore),
		.n_ports = 1,
		.routes_ipv4 = family == BATON_IPV4 ? n : 1,
		.routes_ipv6 = family == BATON_IPV6 ? n : 1,
		.banks_ipv4 = family == BATON_IPV4 ? n_banks : 0,
		.banks_ipv6 = family == BATON_IPV6 ? n_banks : 0,
		.nat_ipv4 = family == BATON_IPV4 && d->source->traffic.mode != BENCH_TUNNEL,
		.nat_ipv6 = family == BATON_IPV6 && d->source->traffic.mode != BENCH_TUNNEL,
		.shim_port = BATON_SHIM_PORT_DEFAULT,
		.max_endpoints = BENCH_HOSTS,
		.max_peers = 2 * BENCH_HOSTS,
		.snat_port_first = 1024,
		.snat_port_last = 65535,
		.first_seq = 1,
		.miss_price = d->source->traffic.flood ? MISS_PRICE : 0,
		.channel = d->channel,
		.packets = pool,
	};

	for (unsigned i = 0; i < sizeof p.hash_key; i += 8) {
		uint64_t r = rte_rand();

		memcpy(p.hash_key + i, &r, 8);
	}
	return forwarder_worker_new(&p);
}

/* Where the classifier would send flow n. */
static void make_route(const struct bench_device *d, uint32_t n, struct plumb_route *ret)
{
	const struct bench_traffic *t = &d->source->traffic;
	static const uint8_t actions[BENCH_N_MODES] = { PLUMB_ACTION_TUNNEL, PLUMB_ACTION_NAT, PLUMB_ACTION_NAT,
							PLUMB_ACTION_RETURN, PLUMB_ACTION_RETURN };
	struct baton_addr snat;

	*ret = (struct plumb_route){ .endpoint = (uint16_t)(n % BENCH_HOSTS), .action = actions[t->mode] };
	ret->state = t->proto == IPPROTO_UDP ? BATON_CONN_UDP : BATON_CONN_ESTABLISHED;
	source_key(t, n, &ret->key);
	ret->nat = ret->key;
	if (t->mode >= BENCH_RETURN) {
		memcpy(ret->nat.saddr, d->view->vips[0].addr.b, 16);
		ret->nat.sport_be = d->view->vips[0].port_be;
		if (t->mode == BENCH_FULL_RETURN)
			ret->nat.dport_be = htons((uint16_t)(1024 + n % 64000));
		return;
	}
	memcpy(ret->nat.daddr, d->view->endpoints[ret->endpoint].addr, 16);
	ret->nat.dport_be = htons(BENCH_HOST_PORT);
	if (t->mode == BENCH_FULL_NAT) {
		bench_addr(&snat, t->family, 2);
		memcpy(ret->nat.saddr, snat.b, 16);
		ret->nat.sport_be = htons((uint16_t)(1024 + n % 64000));
	}
}

/* The packet that a route is plumbed for, as its miss would describe it. */
static void describe(struct plumb_message *m, struct rte_mbuf *packet)
{
	struct packet_info info;

	packet_parse(rte_pktmbuf_mtod(packet, const uint8_t *), rte_pktmbuf_data_len(packet), &info);
	m->packet = packet;
	m->tcp_flags = info.tcp_flags;
	m->l3_offset = info.l2_len;
	m->l4_offset = info.l4_offset;
	m->end = info.end;
}

static bool plumb(struct bench_device *d, uint32_t n, uint8_t type, struct rte_mbuf *packet)
{
	struct plumb_message *m = channel_message_get(d->channel);

	if (!m) {
		rte_pktmbuf_free(packet);
		return false;
	}
	m->type = type;
	m->forwarder = (uint8_t)d->source->lcore;
	make_route(d, n, &m->route);
	if (packet)
		describe(m, packet);
	return channel_to_forwarder(d->channel, m);
}

/* The part of a classifier, as short as can be: it refuses what is unknown, and is told of nothing else. */
static void classify(struct bench_device *d)
{
	void *messages[WORKER_BURST];
	unsigned n;

	while ((n = rte_ring_dequeue_burst(d->channel->to_classifier[0], messages, WORKER_BURST, NULL)) > 0) {
		for (unsigned i = 0; i < n; i++) {
			struct plumb_message *m = messages[i];

			d->n_told += m->type == PLUMB_MISS;
			channel_message_put(d->channel, m);
		}
	}
}

/* New connections that the worker has not heard of yet. */
static uint32_t n_opening(const struct bench_device *d)
{
	return (uint32_t)(d->n_flows + d->n_opened - d->worker->counters.routes_added);
}

/* Close the oldest connection and open a new one, whose first packet comes with its route. */
static void replace_flow(struct bench_device *d)
{
	uint32_t oldest = (uint32_t)d->n_opened;
	struct rte_mbuf *m = rte_pktmbuf_alloc(d->packets);

	if (!m || !plumb(d, oldest, PLUMB_DELETE, NULL)) {
		rte_pktmbuf_free(m);
		d->n_refused++;
		return;
	}
	source_write(d->source, m, oldest + d->n_flows);
	if (plumb(d, oldest + d->n_flows, PLUMB_ADD, m))
		d->n_opened++;
	else
		d->n_refused++;
}

unsigned device_turn(void *arg)
{
	struct bench_device *d = arg;
	unsigned n;

	if (!d->plumbed)
		return forwarder_worker_poll(d->worker, d->view);
	for (unsigned i = 0; d->owed >= 1000000 && i < MESSAGES_A_TURN; i++, d->owed -= 1000000)
		replace_flow(d);
	if (d->source->traffic.churn) { /* packets of what has not been closed yet, and has been opened */
		d->source->first = (uint32_t)d->n_opened;
		d->source->n_flows = d->n_flows - n_opening(d);
	}
	if (d->n_kept)
		d->source->n_flows = d->n_kept;
	n = forwarder_worker_poll(d->worker, d->view);
	if (d->source->traffic.churn)
		d->owed += (uint64_t)d->source->traffic.burst * d->source->traffic.churn;
	if (d->source->traffic.misses || d->n_kept)
		classify(d);
	return n;
}

void device_keep(struct bench_device *d, uint32_t n, uint16_t timeout_s)
{
	d->n_kept = n;
	for (unsigned i = 0; i < BATON_N_CONN_STATES; i++)
		d->view->vips[0].timeout_s[i] = timeout_s;
}

static int interrupted_or(int err)
{
	return machine_interrupted() ? -EINTR : err;
}

/* A turn between two of whatever brings the packets. */
static unsigned fed_turn(struct bench_device *d)
{
	if (d->source->feed)
		d->source->feed(d->source->feed_arg);
	return forwarder_worker_poll(d->worker, d->view);
}

/* Until nothing is left to do; a port that others send to may never be quiet. */
static void settle(struct bench_device *d)
{
	uint64_t start = rte_rdtsc();

	while (fed_turn(d) && rte_rdtsc() - start < rte_get_tsc_hz())
		;
}

/* Until all have come, or none has for a second. */
static void introduce_all(struct bench_device *d)
{
	const struct forwarder_counters *c = &d->worker->counters;
	uint64_t hz = rte_get_tsc_hz(), last = rte_rdtsc(), hits = c->hits;

	while (c->hits < d->n_flows && rte_rdtsc() - last < hz && !machine_interrupted()) {
		fed_turn(d);
		if (c->hits == hits)
			continue;
		hits = c->hits;
		last = rte_rdtsc();
	}
	settle(d);
}

/* Routes for all flows, then a packet of each, which introduces the flow to its host. */
static int plumb_all(struct bench_device *d)
{
	const struct forwarder_counters *c = &d->worker->counters;
	uint32_t i = 0, n = d->n_flows;

	source_set(d->source, 0, n, SOURCE_SILENT);
	while (i < n && !machine_interrupted()) {
		for (unsigned k = 0; k < BENCH_BURST && i < n && plumb(d, i, PLUMB_ADD, NULL); k++)
			i++;
		forwarder_worker_poll(d->worker, d->view);
	}
	settle(d);
	if (c->routes_added != n)
		return interrupted_or(-ENOSPC);
	source_set(d->source, 0, n, SOURCE_IN_ORDER);
	introduce_all(d);
	source_set(d->source, 0, n, SOURCE_SILENT);
	return interrupted_or(c->hits == n ? 0 : -EPROTO);
}

void device_select(struct bench_device *d)
{
	source_set(d->source, (uint32_t)d->n_opened, d->n_flows, SOURCE_RANDOM);
	d->checked_unknown = d->source->n_unknown; /* plain loops have sent some too */
}

int device_channel_init(struct channel *c, uint16_t n)
{
	struct channel_params p = {
		.n_forwarders = n, .n_classifiers = 1, .n_messages = rte_lcore_count() * N_MESSAGES, .ring_size = RING
	};

	return channel_init(c, &p);
}

static struct bench_device *make_device(const struct device_params *p)
{
	struct bench_device *d = aligned_alloc(alignof(struct bench_device), sizeof *d);

	if (!d)
		return NULL;
	memset(d, 0, sizeof *d);
	d->channel = p->channel;
	d->source = p->source;
	d->packets = p->pool;
	d->n_flows = p->n_flows;
	d->plumbed = p->plumbed;
	d->keys = (struct shim_keyring){ .keys = { { .sip = { 1, 2 }, .id = 1 } }, .n_keys = 1 };
	d->borrowed = p->beside != NULL;
	d->view = p->beside ? p->beside->view : bench_view_new(&p->source->traffic, p->channel->n_forwarders, &d->keys);
	/* a classifier plumbs replies too */
	d->worker = make_worker(d, p->source->traffic.family, p->plumbed ? p->n_flows : 2 * p->n_flows, p->pool);
	if (d->view && d->worker)
		return d;
	device_free(d);
	return NULL;
}

int device_new(const struct device_params *p, struct bench_device **ret)
{
	struct bench_device *d = make_device(p);
	int err = !d ? -ENOMEM : p->plumbed ? plumb_all(d) : 0;

	if (err && err != -EINTR)
		fprintf(stderr, "baton-bench: no forwarder with %u flows: %s\n", p->n_flows, strerror(-err));
	if (err) {
		device_free(d);
		return err;
	}
	d->born = d->checked = d->worker->counters;
	*ret = d;
	return 0;
}

const struct forwarder_counters *device_counters(const struct bench_device *d)
{
	return &d->worker->counters;
}

void device_counted(const struct bench_device *d, struct forwarder_counters *ret)
{
	const uint64_t *now = (const uint64_t *)&d->worker->counters, *then = (const uint64_t *)&d->born;
	uint64_t *sum = (uint64_t *)ret;

	for (unsigned i = 0; i < sizeof *ret / sizeof *sum; i++)
		sum[i] = now[i] - then[i];
}

struct forwarder_worker *device_worker(const struct bench_device *d)
{
	return d->worker;
}

const struct view *device_view(const struct bench_device *d)
{
	return d->view;
}

void device_free(struct bench_device *d)
{
	if (!d)
		return;
	forwarder_worker_free(d->worker);
	if (!d->borrowed)
		view_free(d->view);
	free(d);
}

static void print_reason(const char *name, uint64_t n)
{
	if (n)
		fprintf(stderr, "baton-bench: dropped as %s: %llu\n", name, (unsigned long long)n);
}

uint64_t device_refused(const struct forwarder_counters *now, const struct forwarder_counters *last)
{
	uint64_t sum = now->local_packets - last->local_packets;

	print_reason("not forwarded but local", sum);
	for (unsigned i = 0; i < FORWARDER_N_DROPS; i++) {
		print_reason(forwarder_drop_name(i), now->drops[i] - last->drops[i]);
		sum += now->drops[i] - last->drops[i];
	}
	for (unsigned i = 0; i < PACKET_N_BAD; i++) {
		print_reason(packet_bad_name(i), now->bad[i] - last->bad[i]);
		sum += now->bad[i] - last->bad[i];
	}
	return sum;
}

/* Unknown packets that found no time; not to be told as drops. */
static uint64_t take_flooded(struct forwarder_counters *now, const struct forwarder_counters *last)
{
	static const enum forwarder_drop reasons[] = { DROP_FLOOD_OPENING, DROP_FLOOD_UNDERWAY, DROP_FLOOD_OWN };
	uint64_t sum = 0;

	for (unsigned i = 0; i < sizeof reasons / sizeof *reasons; i++) {
		sum += now->drops[reasons[i]] - last->drops[reasons[i]];
		now->drops[reasons[i]] = last->drops[reasons[i]];
	}
	return sum;
}

static int check_counters(struct bench_device *d)
{
	struct forwarder_counters now = d->worker->counters, *last = &d->checked;
	uint64_t flooded = d->source->traffic.flood ? take_flooded(&now, last) : 0;
	uint64_t in = now.rx_packets - last->rx_packets, hits = now.hits - last->hits;
	uint64_t out = now.tx_packets - last->tx_packets, introduced = now.introductions - last->introductions;
	uint64_t opened = d->n_opened - n_opening(d) - d->checked_opened,
		 unknown = d->source->n_unknown - d->checked_unknown;
	uint64_t added = now.routes_added - last->routes_added, misses = now.misses - last->misses;
	uint64_t not_forwarded = device_refused(&now, last), told = d->n_told - d->checked_told;
	bool tunnel = d->source->traffic.mode == BENCH_TUNNEL;

	if (in && hits + unknown == in + opened && out == hits && introduced == (tunnel ? opened : 0) &&
	    added == opened && misses + flooded == unknown && told == misses && !not_forwarded && !d->n_refused) {
		*last = d->worker->counters;
		d->checked_opened += opened;
		d->checked_told = d->n_told;
		d->checked_unknown = d->source->n_unknown;
		return 0;
	}
	fprintf(stderr,
		"baton-bench: the run does not count: %llu packets in, %llu hits, %llu out, %llu refused, %llu "
		"introductions, %llu misses of %llu, %llu routes added of %llu\n",
		(unsigned long long)in, (unsigned long long)hits, (unsigned long long)out,
		(unsigned long long)not_forwarded, (unsigned long long)introduced, (unsigned long long)misses,
		(unsigned long long)unknown, (unsigned long long)added, (unsigned long long)opened);
	return -EPROTO;
}

int device_check(struct bench_device *d)
{
	/* the next device shares the rings: leave nothing there */
	d->source->mode = SOURCE_SILENT;
	settle(d);
	if (d->plumbed)
		classify(d); /* packets that were held may have turned out to have no route */
	return check_counters(d);
}
