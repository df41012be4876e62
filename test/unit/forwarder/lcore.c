/* SPDX-License-Identifier: BSD-3-Clause */
#include "lcore.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_eal.h>
#include <rte_eth_ring.h>
#include <rte_ethdev.h>
#include <rte_mempool.h>
#include <rte_ring.h>

static struct rte_ring *rx_rings[LCORE_PORTS], *tx_rings[LCORE_PORTS];
static struct rte_mempool *pool;

static void port_make(unsigned i)
{
	struct rte_eth_conf conf = { 0 };
	char name[16];
	int port;

	snprintf(name, sizeof name, "wire_rx%u", i);
	rx_rings[i] = rte_ring_create(name, 1024, SOCKET_ID_ANY, RING_F_EXACT_SZ);
	snprintf(name, sizeof name, "wire_tx%u", i);
	tx_rings[i] = rte_ring_create(name, 128, SOCKET_ID_ANY, RING_F_EXACT_SZ);
	assert_non_null(rx_rings[i]);
	assert_non_null(tx_rings[i]);
	snprintf(name, sizeof name, "wire%u", i);
	port = rte_eth_from_rings(name, &rx_rings[i], 1, &tx_rings[i], 1, 0);
	assert_int_equal(port, i);
	assert_int_equal(rte_eth_dev_configure((uint16_t)port, 1, 1, &conf), 0);
	assert_int_equal(rte_eth_rx_queue_setup((uint16_t)port, 0, 64, SOCKET_ID_ANY, NULL, pool), 0);
	assert_int_equal(rte_eth_tx_queue_setup((uint16_t)port, 0, 64, SOCKET_ID_ANY, NULL), 0);
	assert_int_equal(rte_eth_dev_start((uint16_t)port), 0);
}

int lcore_group_setup(void **state)
{
	char lcores[16];
	char *args[] = { "test",     "--no-shconf", "--no-huge",          "--no-pci",    "-m",
			 "96",       "-d",          "librte_net_ring.so", "-d",          "librte_mempool_ring.so",
			 "--lcores", lcores,        "--no-telemetry",     "--log-level", "warning" };

	snprintf(lcores, sizeof lcores, "0@%d", sched_getcpu());
	if (rte_eal_init(sizeof args / sizeof *args, args) < 0)
		return -1;
	pool = rte_pktmbuf_pool_create("wire", LCORE_PACKETS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	assert_non_null(pool);
	for (unsigned i = 0; i < LCORE_PORTS; i++)
		port_make(i);
	return 0;
}

static void addr_set(uint8_t dst[16], const char *text)
{
	struct baton_addr a;

	assert_int_equal(baton_addr_parse(text, &a), 0);
	memcpy(dst, a.b, 16);
}

static void view_vip(struct view *v, uint16_t id, const char *addr, uint8_t proto)
{
	static const uint16_t timeouts[] = { 10, 100, 5, 2, 20 };

	assert_int_equal(baton_addr_parse(addr, &v->vips[id].addr), 0);
	v->vips[id].port_be = htons(443);
	v->vips[id].proto = proto;
	memcpy(v->vips[id].timeout_s, timeouts, sizeof timeouts);
}

static void view_endpoint(struct view *v, uint16_t id, uint16_t vip, const char *addr, uint16_t nexthop)
{
	struct view_endpoint *e = &v->endpoints[id];

	addr_set(e->addr, addr);
	e->family = strchr(addr, ':') ? BATON_IPV6 : BATON_IPV4;
	e->port_be = htons(8080);
	e->vip = vip;
	e->nexthop = nexthop;
	e->capacity = 10;
	e->usable = 1;
}

static void view_local(struct view *v, uint16_t i, const char *addr, uint8_t kind, uint8_t forwarder)
{
	assert_int_equal(baton_addr_parse(addr, &v->locals[i].addr), 0);
	v->locals[i].kind = kind;
	v->locals[i].forwarder = forwarder;
}

static void view_ports(struct view *v)
{
	for (uint8_t i = 0; i < LCORE_PORTS; i++) {
		memcpy(v->ports[i].mac, (uint8_t[]){ 2, 0, 0, 0, 0xd0, i }, 6);
		v->ports[i].mtu = LCORE_MTU;
		v->ports[i].gateway4 = v->ports[i].gateway6 = VIEW_NONE;
	}
	for (uint8_t i = 0; i < N_HOPS; i++) {
		memcpy(v->nexthops[i].dst_mac, (uint8_t[]){ 2, 0, 0, 0, 0xa0, i }, 6);
		v->nexthops[i].port = i == HOP_CLIENT ? 0 : 1;
		memcpy(v->nexthops[i].src_mac, v->ports[v->nexthops[i].port].mac, 6);
		v->nexthops[i].mtu = i == HOP_SILENT ? 0 : LCORE_MTU;
	}
}

static struct view *view_make(const struct shim_keyring *keys)
{
	struct view *v = view_new(N_VIPS, N_ENDPOINTS, N_HOPS, 9);

	assert_non_null(v);
	v->generation = 1;
	v->keys = keys;
	v->shim_port_be = htons(LCORE_SHIM_PORT);
	view_ports(v);
	view_vip(v, VIP_TCP4, "203.0.113.80", IPPROTO_TCP);
	view_vip(v, VIP_UDP4, "203.0.113.80", IPPROTO_UDP);
	view_vip(v, VIP_TCP6, "2001:db8:80::80", IPPROTO_TCP);
	view_vip(v, VIP_UDP6, "2001:db8:80::80", IPPROTO_UDP);
	view_endpoint(v, EP_TCP4, VIP_TCP4, HOST4, HOP_HOST4);
	view_endpoint(v, EP_UDP4, VIP_UDP4, HOST4, HOP_HOST4);
	view_endpoint(v, EP_TCP6, VIP_TCP6, HOST6, HOP_HOST6);
	view_endpoint(v, EP_UDP6, VIP_UDP6, HOST6, HOP_HOST6);
	view_endpoint(v, EP_SILENT, VIP_TCP4, SILENT4, HOP_SILENT);
	view_local(v, 0, "203.0.113.80", VIEW_LOCAL_VIP, 0);
	view_local(v, 1, "2001:db8:80::80", VIEW_LOCAL_VIP, 0);
	view_local(v, 2, F4, VIEW_LOCAL_TUNNEL, 0);
	view_local(v, 3, F6, VIEW_LOCAL_TUNNEL, 0);
	view_local(v, 4, F4_OTHER, VIEW_LOCAL_TUNNEL, 1);
	view_local(v, 5, SNAT4, VIEW_LOCAL_SNAT, 0);
	view_local(v, 6, INTERFACE4, VIEW_LOCAL_INTERFACE, 0);
	view_local(v, 7, F4_NEXT, VIEW_LOCAL_TUNNEL, 0);
	view_local(v, 8, F6_NEXT, VIEW_LOCAL_TUNNEL, 0);
	v->locals[7].bank = v->locals[8].bank = 1;
	v->n_forwarders = 2;
	v->forwarders[0].tunnel4[0] = v->locals[2].addr;
	v->forwarders[0].tunnel6[0] = v->locals[3].addr;
	v->forwarders[0].tunnel4[1] = v->locals[7].addr;
	v->forwarders[0].tunnel6[1] = v->locals[8].addr;
	v->forwarders[1].tunnel4[0] = v->locals[4].addr;
	assert_int_equal(view_seal(v), 0);
	return v;
}

struct forwarder_worker *lcore_worker_new(struct lcore *l, uint32_t n_routes, const struct route_form *form)
{
	struct forwarder_worker_params p = {
		.n_ports = LCORE_PORTS,
		.routes_ipv4 = n_routes,
		.routes_ipv6 = n_routes,
		.banks_ipv4 = l->n_banks,
		.banks_ipv6 = l->n_banks,
		.shim_port = LCORE_SHIM_PORT,
		.max_endpoints = 64,
		.max_peers = 8,
		.snat_port_first = 1024,
		.snat_port_last = 65535,
		.first_seq = 1000,
		.channel = &l->channel,
		.packets = pool,
		.hash_key = { 1, 2, 3 },
		.form = form,
	};
	struct forwarder_worker *w = forwarder_worker_new(&p);

	assert_non_null(w);
	return w;
}

void lcore_set_mtu(struct lcore *l, uint16_t port, uint16_t mtu)
{
	l->view->ports[port].mtu = mtu;
	for (unsigned i = 0; i < N_HOPS; i++)
		if (l->view->nexthops[i].port == port && l->view->nexthops[i].mtu)
			l->view->nexthops[i].mtu = mtu;
}

void lcore_resize(struct lcore *l, uint32_t n_routes)
{
	forwarder_worker_free(l->w);
	l->w = lcore_worker_new(l, n_routes, NULL);
}

static struct lcore *lcore_make(uint16_t n_classifiers, uint8_t n_banks)
{
	const struct channel_params p = {
		.n_forwarders = 2, .n_classifiers = n_classifiers, .n_messages = LCORE_MESSAGES, .ring_size = LCORE_RING
	};
	struct lcore *l = calloc(1, sizeof *l);

	assert_non_null(l);
	l->packets = pool;
	l->n_banks = n_banks;
	l->keys = (struct shim_keyring){ .keys = { { .sip = { 11, 22 }, .id = 7 } }, .n_keys = 1 };
	l->view = view_make(&l->keys);
	l->peer_seq = 5000;
	l->now_tsc = rte_get_tsc_cycles();
	l->tsc_per_turn = rte_get_tsc_hz() / 1000000; /* a microsecond */
	assert_int_equal(channel_init(&l->channel, &p), 0);
	memcpy(l->rx, rx_rings, sizeof l->rx);
	memcpy(l->tx, tx_rings, sizeof l->tx);
	l->w = lcore_worker_new(l, 256, NULL);
	l->n_packets = rte_mempool_avail_count(pool);
	l->n_messages = rte_mempool_avail_count(l->channel.messages);
	return l;
}

int lcore_setup(void **state)
{
	*state = lcore_make(1, 1);
	return 0;
}

int lcore_setup_two_classifiers(void **state)
{
	*state = lcore_make(2, 1);
	return 0;
}

int lcore_setup_two_banks(void **state)
{
	*state = lcore_make(1, 2);
	return 0;
}

int lcore_teardown(void **state)
{
	struct lcore *l = *state;
	unsigned messages = rte_mempool_avail_count(l->channel.messages), packets;

	forwarder_worker_free(l->w);
	packets = rte_mempool_avail_count(pool);
	assert_int_equal(messages, l->n_messages);
	assert_int_equal(packets, l->n_packets);
	assert_int_equal(rte_ring_count(l->rx[0]) + rte_ring_count(l->rx[1]), 0);
	channel_fini(&l->channel);
	view_free(l->view);
	free(l);
	return 0;
}

static struct rte_mbuf *lcore_packet(const struct frame *f, uint16_t port)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(pool);

	assert_non_null(m);
	memcpy(rte_pktmbuf_append(m, (uint16_t)f->len), f->b, f->len);
	m->port = port;
	return m;
}

void lcore_inject(struct lcore *l, uint16_t port, const struct frame *f)
{
	assert_int_equal(rte_ring_enqueue(l->rx[port], lcore_packet(f, port)), 0);
}

unsigned lcore_turn(struct lcore *l)
{
	l->now_tsc += l->tsc_per_turn;
	return forwarder_worker_turn(l->w, l->view, l->now_tsc);
}

void lcore_poll(struct lcore *l)
{
	while (lcore_turn(l))
		;
}

void lcore_receive(struct lcore *l, uint16_t port, const struct frame *f)
{
	lcore_inject(l, port, f);
	lcore_poll(l);
}

struct rte_mbuf *lcore_sent(struct lcore *l, uint16_t port)
{
	void *m = NULL;

	assert_int_equal(rte_ring_dequeue(l->tx[port], &m), 0);
	return m;
}

void lcore_expect_silence(struct lcore *l)
{
	for (unsigned i = 0; i < LCORE_PORTS; i++)
		assert_int_equal(rte_ring_count(l->tx[i]), 0);
	for (unsigned i = 0; i < l->channel.n_classifiers; i++)
		assert_int_equal(rte_ring_count(l->channel.to_classifier[i]), 0);
}

struct plumb_message *lcore_told_to(struct lcore *l, unsigned classifier, enum plumb_type type)
{
	void *p = NULL;
	struct plumb_message *m;

	assert_int_equal(rte_ring_dequeue(l->channel.to_classifier[classifier], &p), 0);
	m = p;
	assert_int_equal(m->type, type);
	return m;
}

struct plumb_message *lcore_told(struct lcore *l, enum plumb_type type)
{
	return lcore_told_to(l, 0, type);
}

void lcore_tell(struct lcore *l, struct plumb_message *m)
{
	assert_true(channel_to_forwarder(&l->channel, m));
}

void lcore_answer(struct lcore *l, struct plumb_message *miss, uint8_t action, uint16_t endpoint)
{
	miss->type = PLUMB_ADD;
	miss->route.vip = miss->vip;
	miss->route.endpoint = endpoint;
	miss->route.action = action;
	miss->route.state = miss->route.key.proto == IPPROTO_UDP ? BATON_CONN_UDP : BATON_CONN_SYN;
	lcore_tell(l, miss);
}

uint32_t lcore_tunnel(struct lcore *l, const struct frame *f, uint16_t endpoint)
{
	uint32_t index;

	lcore_receive(l, 0, f);
	lcore_answer(l, lcore_told(l, PLUMB_MISS), PLUMB_ACTION_TUNNEL, endpoint);
	lcore_poll(l);
	rte_pktmbuf_free(lcore_sent(l, 1));
	index = lcore_route(l, &f->tuple);
	return route_flow_id(stage_table(l->w, f->tuple.family), index);
}

uint32_t lcore_route(struct lcore *l, const struct baton_tuple *key)
{
	int64_t index = route_find(stage_table(l->w, key->family), key);

	assert_true(index >= 0);
	return (uint32_t)index;
}

uint64_t lcore_drops(const struct lcore *l)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < FORWARDER_N_DROPS; i++)
		n += l->w->counters.drops[i];
	for (unsigned i = 0; i < PACKET_N_BAD; i++)
		n += l->w->counters.bad[i];
	return n;
}

void lcore_shim(struct lcore *l, const char *from, const char *to, uint8_t type, const void *body, uint64_t seq,
		struct frame *ret)
{
	struct frame_spec s = { .family = strchr(from, ':') ? BATON_IPV6 : BATON_IPV4,
				.proto = IPPROTO_UDP,
				.src = from,
				.dst = to,
				.sport = LCORE_SHIM_PORT,
				.dport = LCORE_SHIM_PORT };
	uint8_t payload[128], src[16], dst[16];
	int len;

	addr_set(src, from);
	addr_set(dst, to);
	len = shim_encode(payload, sizeof payload, &l->keys, type, body, seq ? seq : l->peer_seq++, src, dst);
	assert_true(len > 0);
	s.content = payload;
	s.payload = (unsigned)len;
	frame_build(&s, ret);
}
