/* SPDX-License-Identifier: BSD-3-Clause */
/* A classifier's service and what is around it: a forwarder's rings, hosts that always take what they are offered. */
#include "rig.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "base/clock.h"
#include "forwarder/packet.h"

#define SERVICES (1 + RIG_POOLS)
#define PORT 0
#define MTU 1500
#define RING (2 * RIG_BATCH_MAX)
#define N_MESSAGES (4 * RIG_BATCH_MAX - 1)
#define N_PACKETS (4 * RIG_BATCH_MAX - 1)
#define CACHE 256
#define DRAIN 32
#define WAIT_NS (500 * 1000) /* until the question is due, and until the host has answered it */

static void fill_service(struct view *v, uint16_t id, const struct application *app)
{
	struct view_vip *vip = &v->vips[id];

	baton_addr_parse("192.0.2.1", &vip->addr);
	vip->port_be = htons(80);
	vip->proto = IPPROTO_TCP;
	vip->mode = BATON_MODE_TUNNEL;
	vip->pool = id > 0;
	vip->application = id ? NULL : app;
}

static struct view *view_make(const struct application *app, const struct cookie_keyring *cookies)
{
	struct view *v = view_new(SERVICES, SERVICES * RIG_ENDPOINTS, 1, 0);
	uint16_t ids[RIG_ENDPOINTS];
	int err = v ? 0 : -ENOMEM;

	if (!v)
		return NULL;
	v->ports[PORT].mtu = MTU;
	v->nexthops[0].mtu = MTU;
	v->cookies = cookies;
	for (uint16_t s = 0; s < SERVICES && !err; s++) {
		fill_service(v, s, app);
		for (uint16_t i = 0; i < RIG_ENDPOINTS; i++) {
			ids[i] = (uint16_t)(s * RIG_ENDPOINTS + i);
			v->endpoints[ids[i]] = (struct view_endpoint){ .addr = { 198, 51, 100, (uint8_t)(1 + ids[i]) },
								       .port_be = htons(80),
								       .vip = s,
								       .family = BATON_IPV4,
								       .capacity = 50,
								       .usable = 1 };
		}
		err = view_vip_set_endpoints(v, s, ids, RIG_ENDPOINTS);
	}
	if (!err)
		err = view_seal(v);
	if (err) {
		view_free(v);
		return NULL;
	}
	return v;
}

/* Connections that were handed over before, so that the inventory is as large as a busy device's. */
static int settle(struct rig *r)
{
	for (r->first = 0; r->first < r->n_resident; r->first++) {
		struct classifier_handed h = { .endpoint = (uint16_t)(r->first % (SERVICES * RIG_ENDPOINTS)),
					       .state = BATON_CONN_ESTABLISHED };
		struct plumb_route route;
		int err;

		traffic_key(r->first, &h.key);
		err = classifier_place(r->service.classifier, r->view, &h, r->now_ns, &route);
		if (err)
			return err;
		r->resident[r->first & r->resident_mask] = h.endpoint;
	}
	return 0;
}

static int service_make(struct rig *r)
{
	struct classifier_params c = { .n_classifiers = 1,
				       .n_forwarders = 1,
				       .max_connections = r->n_resident + 4 * r->n_clients,
				       .snat_port_first = 1024,
				       .snat_port_last = 65535,
				       .hash_key = { 1 } };
	struct handover_params h = { .max_pending = 2 * r->n_clients, .hash_key = { 2 } };
	struct classifier *classifier = classifier_new(&c);

	if (!classifier)
		return -ENOMEM;
	classifier_service_init(&r->service, 0, classifier, &r->channel);
	return classifier_service_accept(&r->service, &h, r->packets);
}

static int allocate(struct rig *r)
{
	struct channel_params p = {
		.n_forwarders = 1, .n_classifiers = 1, .n_messages = N_MESSAGES, .ring_size = RING
	};

	r->resident_mask = 1;
	while (r->resident_mask < r->n_resident + 2 * r->n_clients)
		r->resident_mask = r->resident_mask * 2 + 1;
	r->view = view_make(&r->app, &r->cookies);
	r->packets = rte_pktmbuf_pool_create("packets", N_PACKETS, CACHE, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	r->clients = calloc(r->n_clients, sizeof *r->clients);
	r->resident = calloc((size_t)r->resident_mask + 1, sizeof *r->resident);
	if (!r->view || !r->packets || !r->clients || !r->resident)
		return -ENOMEM;
	return channel_init(&r->channel, &p);
}

int rig_init(struct rig *r, unsigned n_clients, uint32_t n_resident)
{
	int err;

	memset(r, 0, sizeof *r);
	r->app = (struct application){ .protocol = APPLICATION_HTTP,
				       .sack = true,
				       .timestamps = true,
				       .window_scaling = true,
				       .head_max = 16384,
				       .timeout_ms = 2000,
				       .attempts = 2,
				       .n_pools = RIG_POOLS,
				       .pools = { 1, 2, 3 } };
	r->cookies = (struct cookie_keyring){ { { 3, 4 }, { 5, 6 } }, 2 };
	r->now_ns = 1000 * CLOCK_NS_PER_S;
	r->wall_ns = 1700000000 * CLOCK_NS_PER_S;
	r->n_clients = n_clients;
	r->n_resident = n_resident;
	err = allocate(r);
	if (!err)
		err = service_make(r);
	if (!err)
		err = settle(r);
	if (err) {
		fprintf(stderr, "baton-bench-handover: can not set up: %s\n", strerror(-err));
		rig_fini(r);
	}
	return err;
}

void rig_fini(struct rig *r)
{
	classifier_service_fini(&r->service);
	if (r->channel.messages)
		channel_fini(&r->channel);
	free(r->resident);
	free(r->clients);
	rte_mempool_free(r->packets);
	view_free(r->view);
	memset(r, 0, sizeof *r);
}

void rig_rules(struct rig *r, struct rules *rules)
{
	r->app.rules = rules;
}

static void wait_ns(struct rig *r, uint64_t ns)
{
	r->now_ns += ns;
	r->wall_ns += ns;
}

/* As a forwarder hands over a packet that has no route. */
static void miss(struct rig *r, const struct rig_client *c)
{
	struct plumb_message *m = channel_message_get(&r->channel);
	struct rte_mbuf *b = rte_pktmbuf_alloc(r->packets);
	struct packet_info info;

	if (!m || !b) {
		if (m)
			channel_message_put(&r->channel, m);
		rte_pktmbuf_free(b);
		return;
	}
	memcpy(rte_pktmbuf_append(b, (uint16_t)c->len), c->frame, c->len);
	packet_parse(c->frame, c->len, &info);
	b->port = PORT;
	m->type = PLUMB_MISS;
	m->packet = b;
	m->route.key = info.tuple;
	m->route.port = PORT;
	m->tcp_flags = info.tcp_flags;
	m->l3_offset = info.l2_len;
	m->l4_offset = info.l4_offset;
	channel_to_classifier(&r->channel, 0, m);
}

static void misses(struct rig *r)
{
	for (unsigned i = 0; i < r->n_clients; i++)
		miss(r, &r->clients[i]);
}

void rig_syn(struct rig *r)
{
	wait_ns(r, CLOCK_NS_PER_MS);
	for (unsigned i = 0; i < r->n_clients; i++)
		traffic_syn(&r->clients[i], r->first + i);
	misses(r);
}

void rig_ack(struct rig *r)
{
	for (unsigned i = 0; i < r->n_clients; i++)
		traffic_ack(&r->clients[i]);
	misses(r);
}

void rig_request(struct rig *r, enum rig_request kind)
{
	for (unsigned i = 0; i < r->n_clients; i++)
		traffic_request(&r->clients[i], kind == RIG_N_REQUESTS ? i % RIG_N_REQUESTS : kind);
	misses(r);
}

void rig_wait(struct rig *r)
{
	wait_ns(r, WAIT_NS);
}

static void say(struct rig *r, const struct plumb_host *h)
{
	struct plumb_message *m = channel_message_get(&r->channel);

	if (!m)
		return;
	m->type = PLUMB_HOST;
	m->host = *h;
	channel_to_classifier(&r->channel, 0, m);
}

static void from(struct rig *r, uint16_t endpoint, struct plumb_host *ret)
{
	if (endpoint < r->view->n_endpoints)
		memcpy(ret->from, r->view->endpoints[endpoint].addr, sizeof ret->from);
}

void rig_answer(struct rig *r)
{
	for (unsigned i = 0; i < r->n_clients; i++) {
		struct rig_client *c = &r->clients[i];
		struct plumb_host h = { .client_isn = c->isn,
					.server_isn = c->server_isn,
					.next_seq = c->isn + 1 + traffic_request_len(),
					.state = BATON_SHIM_CONN_OPEN };

		traffic_key(c->number, &h.key);
		from(r, c->endpoint, &h);
		say(r, &h);
	}
}

void rig_end(struct rig *r)
{
	for (unsigned i = 0; i < r->n_clients; i++)
		r->resident[(r->first + i) & r->resident_mask] = r->clients[i].endpoint;
	for (unsigned i = 0; i < r->n_clients; i++) {
		uint32_t old = r->first + i - r->n_resident;
		struct plumb_host h = { .state = BATON_SHIM_CONN_ENDED, .report = 1, .routed = 1 };

		traffic_key(old, &h.key);
		from(r, r->resident[old & r->resident_mask], &h);
		say(r, &h);
	}
}

void rig_work(struct rig *r)
{
	while (classifier_service_poll(&r->service, r->view, r->now_ns, r->wall_ns))
		;
}

static struct rig_client *client_of(struct rig *r, const struct baton_tuple *key)
{
	uint32_t i = traffic_number(key) - r->first;

	return i < r->n_clients ? &r->clients[i] : NULL;
}

/* A frame to a client. */
static void sent(struct rig *r, const struct rte_mbuf *b)
{
	const uint8_t *frame = rte_pktmbuf_mtod(b, const uint8_t *);
	struct baton_tuple key = { 0 };
	struct packet_info info;
	struct rig_client *c;
	uint32_t isn;

	packet_parse(frame, rte_pktmbuf_data_len(b), &info);
	memcpy(key.saddr, info.tuple.daddr, sizeof key.saddr);
	key.sport_be = info.tuple.dport_be;
	c = client_of(r, &key);
	if (!c || info.tcp_flags != (PACKET_TCP_SYN | PACKET_TCP_ACK)) {
		r->n_others++;
		return;
	}
	memcpy(&isn, frame + info.l4_offset + 4, sizeof isn);
	c->server_isn = ntohl(isn);
	r->n_syn_acks++;
}

/* A datagram to a host. */
static void shim(struct rig *r, const struct plumb_message *m)
{
	const struct rte_mbuf *b = m->packet;
	struct baton_tuple key = { 0 };
	struct baton_shim_create body;
	struct rig_client *c;

	memcpy(&body, rte_pktmbuf_mtod_offset(b, const void *, m->l3_offset), sizeof body);
	key.sport_be = body.sport;
	memcpy(key.saddr, body.saddr, sizeof key.saddr);
	c = client_of(r, &key);
	if (!c || m->shim_type != BATON_SHIM_CREATE) {
		r->n_others++;
	} else if (rte_pktmbuf_data_len(b) == m->l3_offset + sizeof body) {
		r->n_asked++;
	} else {
		c->endpoint = m->route.endpoint;
		r->n_created++;
	}
}

static void take(struct rig *r, struct plumb_message *m)
{
	switch ((enum plumb_type)m->type) {
	case PLUMB_SEND:
		sent(r, m->packet);
		break;
	case PLUMB_SHIM:
		shim(r, m);
		break;
	case PLUMB_ADD:
		r->n_placed++;
		break;
	case PLUMB_PACKET: /* introduces the flow */
		r->n_followed++;
		break;
	case PLUMB_DELETE:
		r->n_deleted++;
		break;
	default:
		r->n_others++;
		break;
	}
	channel_message_put(&r->channel, m);
}

static void allot(struct rig *r, uint16_t vip)
{
	struct allotment *a;
	void *p;

	if (rte_mempool_get(r->channel.allotments, &p) < 0)
		return;
	a = p;
	*a = (struct allotment){ .vip = vip,
				 .kind = ALLOTMENT_PERCENT,
				 .n_shares = RIG_ENDPOINTS,
				 .made_ns = r->now_ns,
				 .valid_ns = CLOCK_NS_PER_S };
	for (uint16_t i = 0; i < RIG_ENDPOINTS; i++)
		a->shares[i] = (struct allotment_share){ .endpoint = (uint16_t)(vip * RIG_ENDPOINTS + i),
							 .share = 10000 / RIG_ENDPOINTS };
	if (rte_ring_enqueue(r->channel.allotted[0], a) < 0)
		rte_mempool_put(r->channel.allotments, a);
}

void rig_drain(struct rig *r)
{
	struct allotment_request q;
	void *messages[DRAIN];
	unsigned n;

	while ((n = rte_ring_dequeue_burst(r->channel.to_forwarder[0], messages, DRAIN, NULL)))
		for (unsigned i = 0; i < n; i++)
			take(r, messages[i]);
	while (rte_ring_dequeue_elem(r->channel.allotment_requests, &q, sizeof q) == 0)
		allot(r, q.vip);
}

int rig_next(struct rig *r)
{
	unsigned n = r->n_clients, pending = handover_n_pending(r->service.handover);
	uint32_t there = classifier_n_connections(r->service.classifier);
	bool good = r->n_syn_acks == n && r->n_created == n && r->n_asked == n && r->n_placed == n &&
		    r->n_followed == n && r->n_deleted == n && !r->n_others && !pending && there == r->n_resident;

	if (!good)
		fprintf(stderr,
			"baton-bench-handover: of %u connections: %u SYN-ACKs, %u offered, %u asked about, %u placed, "
			"%u followed, %u ended, %u other; %u left pending, %u in the inventory instead of %u\n",
			n, r->n_syn_acks, r->n_created, r->n_asked, r->n_placed, r->n_followed, r->n_deleted,
			r->n_others, pending, there, r->n_resident);
	r->n_syn_acks = r->n_created = r->n_asked = r->n_placed = r->n_followed = r->n_deleted = r->n_others = 0;
	r->first += n;
	return good ? 0 : -EPROTO;
}
