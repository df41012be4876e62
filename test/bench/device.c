/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One forwarder worker as batond runs it, fed by the bench's port instead of a
 * network: routes come by plumbing messages, flows are introduced by their
 * first packet, and what is measured is the worker's own turn.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_random.h>

#include "bench.h"
#include "forwarder/worker.h"
#include "plumb/channel.h"
#include "tunnel/shim.h"

#define N_HOSTS 16
#define N_MESSAGES 1023
#define RING 1024
#define IDLE_TIMEOUT_S 30000
#define MTU 1500

struct bench_device {
	struct forwarder_worker *worker;
	struct view *view;
	struct channel *channel; /* borrowed */
	struct shim_keyring keys;
	struct forwarder_counters checked; /* as they were at the last check */
};

static void set_addr(struct baton_addr *a, uint8_t family, uint8_t last)
{
	static const uint8_t net4[4] = { 192, 0, 2 }, net6[16] = { 0x20, 1, 0xd, 0xb8, [5] = 2 };

	*a = (struct baton_addr){ .family = family };
	memcpy(a->b, family == BATON_IPV4 ? net4 : net6, family == BATON_IPV4 ? 4 : 16);
	a->b[family == BATON_IPV4 ? 3 : 15] = last;
}

static void fill_endpoints(struct view *v, uint8_t family)
{
	for (uint8_t i = 0; i < N_HOSTS; i++) {
		struct view_endpoint *e = &v->endpoints[i];
		struct view_nexthop *hop = &v->nexthops[i];
		struct baton_addr host;

		set_addr(&host, family, (uint8_t)(100 + i));
		memcpy(e->addr, host.b, sizeof e->addr);
		*hop = (struct view_nexthop){ .dst_mac = { 2, 0, 0, 0, 1, i }, .src_mac = { 2, 0, 0, 0, 0, 1 } };
		hop->port = BENCH_PORT;
		hop->valid = 1;
		e->port_be = htons(443);
		e->nexthop = i;
		e->family = family;
		e->usable = 1;
	}
}

static struct view *make_view(const struct bench_device *d, uint8_t family)
{
	struct view *v = view_new(1, N_HOSTS, N_HOSTS, 2);
	struct baton_tuple key;

	if (!v)
		return NULL;
	source_key(family, 0, &key);
	v->n_forwarders = 1;
	v->shim_port_be = htons(BATON_SHIM_PORT_DEFAULT);
	v->keys = &d->keys;
	v->ports[BENCH_PORT].mtu = MTU;
	set_addr(&v->forwarders[0].tunnel4, BATON_IPV4, 1);
	set_addr(&v->forwarders[0].tunnel6, BATON_IPV6, 1);
	memcpy(v->vips[0].addr.b, key.daddr, 16);
	v->vips[0].addr.family = family;
	v->vips[0].port_be = key.dport_be;
	v->vips[0].proto = IPPROTO_TCP;
	v->vips[0].mode = BATON_MODE_TUNNEL;
	for (unsigned i = 0; i < BATON_N_CONN_STATES; i++)
		v->vips[0].timeout_s[i] = IDLE_TIMEOUT_S;
	v->locals[0] = (struct view_local){ .addr = v->vips[0].addr, .kind = VIEW_LOCAL_VIP };
	v->locals[1] = (struct view_local){ .kind = VIEW_LOCAL_TUNNEL };
	set_addr(&v->locals[1].addr, family, 1);
	fill_endpoints(v, family);
	if (view_seal(v) == 0)
		return v;
	view_free(v);
	return NULL;
}

static struct forwarder_worker *make_worker(struct bench_device *d, uint8_t family, uint32_t n,
					    struct rte_mempool *pool)
{
	struct forwarder_worker_params p = {
		.n_ports = 1,
		.routes_ipv4 = family == BATON_IPV4 ? n : 1,
		.routes_ipv6 = family == BATON_IPV6 ? n : 1,
		.shim_port = BATON_SHIM_PORT_DEFAULT,
		.max_endpoints = N_HOSTS,
		.max_peers = 2 * N_HOSTS,
		.snat_port_first = 1024,
		.snat_port_last = 65535,
		.first_seq = 1,
		.channel = d->channel,
		.packets = pool,
	};

	for (unsigned i = 0; i < sizeof p.hash_key; i += 8) {
		uint64_t r = rte_rand();

		memcpy(p.hash_key + i, &r, 8);
	}
	return forwarder_worker_new(&p);
}

unsigned device_turn(void *arg)
{
	struct bench_device *d = arg;

	return forwarder_worker_poll(d->worker, d->view);
}

static bool plumb(struct bench_device *d, uint8_t family, uint32_t n)
{
	struct plumb_message *m = channel_message_get(d->channel);

	if (!m)
		return false;
	m->type = PLUMB_ADD;
	source_key(family, n, &m->route.key);
	m->route.endpoint = (uint16_t)(n % N_HOSTS);
	m->route.action = PLUMB_ACTION_TUNNEL;
	m->route.state = BATON_CONN_ESTABLISHED;
	return channel_to_forwarder(d->channel, m);
}

/* Routes for all flows, then a packet of each, which introduces the flow to its host. */
static int plumb_all(struct bench_device *d, struct bench_source *s, uint8_t family, uint32_t n)
{
	const struct forwarder_counters *c = &d->worker->counters;
	uint32_t i = 0;

	source_set(s, family, n, SOURCE_SILENT);
	while (i < n && !machine_interrupted()) {
		for (unsigned k = 0; k < BENCH_BURST && i < n && plumb(d, family, i); k++)
			i++;
		device_turn(d);
	}
	while (device_turn(d))
		;
	if (machine_interrupted())
		return -EINTR;
	if (c->routes_added != n)
		return -ENOSPC;
	source_set(s, family, n, SOURCE_IN_ORDER);
	while (device_turn(d) && !machine_interrupted())
		;
	if (machine_interrupted())
		return -EINTR;
	return c->introductions == n ? 0 : -EPROTO;
}

int device_channel_init(struct channel *c)
{
	struct channel_params p = {
		.n_forwarders = 1, .n_classifiers = 1, .n_messages = N_MESSAGES, .ring_size = RING
	};

	return channel_init(c, &p);
}

int device_new(uint8_t family, uint32_t n_flows, struct bench_source *s, struct rte_mempool *pool, struct channel *c,
	       struct bench_device **ret)
{
	struct bench_device *d = calloc(1, sizeof *d);
	int err = -ENOMEM;

	if (d) {
		d->channel = c;
		d->keys = (struct shim_keyring){ .keys = { { .sip = { 1, 2 }, .id = 1 } }, .n_keys = 1 };
		d->view = make_view(d, family);
		d->worker = make_worker(d, family, n_flows, pool);
		err = d->view && d->worker ? plumb_all(d, s, family, n_flows) : -ENOMEM;
	}
	if (err && err != -EINTR)
		fprintf(stderr, "baton-bench: no forwarder with %u flows: %s\n", n_flows, strerror(-err));
	if (err) {
		device_free(d);
		return err;
	}
	d->checked = d->worker->counters;
	*ret = d;
	return 0;
}

void device_free(struct bench_device *d)
{
	if (!d)
		return;
	forwarder_worker_free(d->worker);
	view_free(d->view);
	free(d);
}

static uint64_t refused(const struct forwarder_counters *c)
{
	uint64_t sum = c->local_packets + c->misses;

	for (unsigned i = 0; i < FORWARDER_N_DROPS; i++)
		sum += c->drops[i];
	for (unsigned i = 0; i < PACKET_N_BAD; i++)
		sum += c->bad[i];
	return sum;
}

int device_check(struct bench_device *d)
{
	struct forwarder_counters now = d->worker->counters, *last = &d->checked;
	uint64_t in = now.rx_packets - last->rx_packets, hits = now.hits - last->hits;
	uint64_t out = now.tx_packets - last->tx_packets, introduced = now.introductions - last->introductions;
	uint64_t not_forwarded = refused(&now) - refused(last);

	if (in && hits == in && out == in && !introduced && !not_forwarded) {
		*last = now;
		return 0;
	}
	fprintf(stderr,
		"baton-bench: the run does not count: %llu packets in, %llu hits, %llu out, %llu refused, %llu "
		"introductions\n",
		(unsigned long long)in, (unsigned long long)hits, (unsigned long long)out,
		(unsigned long long)not_forwarded, (unsigned long long)introduced);
	return -EPROTO;
}
