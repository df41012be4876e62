/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The burst loop in each of its forms beside the stages alone: two workers with
 * the same routes get the same packets, one by bursts, the other one by one
 * through parser, lookup and stages. What they send, say and count is the same.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_ring.h>

#include "forwarder/burst.h"
#include "forwarder/packet_flow.h"
#include "forwarder/route_table.h"
#include "lcore.h"

#define N_ROUNDS 400
#define N_FLOWS 128 /* half of them have routes */
#define N_ROUTES 256
#define N_OUT 128

struct outcome {
	unsigned n;
	struct {
		uint16_t port, len;
		uint8_t b[256];
	} sent[N_OUT];
	unsigned n_told;
	struct plumb_message told[N_OUT];
};

static void packet_by_stages(struct forwarder_worker *w, struct rte_mbuf *m)
{
	struct packet_info info;
	int64_t index;

	w->counters.rx_packets++;
	w->counters.rx_bytes += rte_pktmbuf_pkt_len(m);
	packet_parse(stage_bytes(m), rte_pktmbuf_data_len(m), &info);
	if (info.kind != PACKET_FLOW) {
		stage_local(w, m, &info);
		return;
	}
	index = route_find(stage_table(w, info.tuple.family), &info.tuple);
	if (index >= 0)
		stage_hit(w, m, &info, (uint32_t)index);
	else
		stage_miss(w, m, &info);
}

/* As the loop would be without its short cuts. A burst goes by family: what is unusual, IPv4, IPv6. */
static void burst_by_stages(struct forwarder_worker *w, struct rte_mbuf **packets, unsigned n)
{
	static const uint8_t order[] = { 0, BATON_IPV4, BATON_IPV6 };
	uint8_t family[WORKER_BURST];

	for (unsigned i = 0; i < n; i++)
		family[i] = packet_flow(stage_bytes(packets[i]), rte_pktmbuf_data_len(packets[i])).family;
	for (unsigned k = 0; k < sizeof order; k++)
		for (unsigned i = 0; i < n; i++)
			if (family[i] == order[k])
				packet_by_stages(w, packets[i]);
}

static void next_by_stages(struct forwarder_worker *w, struct rte_mbuf **packets, unsigned n, bool hold)
{
	burst_by_stages(w, packets, n);
}

static const struct burst_path path_by_stages = { burst_by_stages, next_by_stages };

/* Everything about flow n but what varies from packet to packet. */
static void flow_spec(unsigned n, struct frame_spec *ret)
{
	*ret = (struct frame_spec){ .name = "flow",
				    .family = n & 1 ? BATON_IPV6 : BATON_IPV4,
				    .proto = n & 2 ? IPPROTO_UDP : IPPROTO_TCP,
				    .sport = (uint16_t)(2000 + n) };
}

/* NAT as a classifier makes it, for kinds 8 to 12. */
static void nat_route(const struct view *v, unsigned kind, struct plumb_route *r)
{
	bool v4 = r->key.family == BATON_IPV4;
	const struct view_vip *vip = &v->vips[r->vip];

	r->nat = r->key;
	r->nexthop = HOP_CLIENT;
	if (kind < 11) {
		memcpy(r->nat.daddr, v->endpoints[r->endpoint].addr, 16);
		r->nat.dport_be = v->endpoints[r->endpoint].port_be;
		if (kind > 8) {
			memset(r->nat.saddr, (int)kind, v4 ? 4 : 16); /* the first of these is the worker's own */
			r->nat.sport_be = htons((uint16_t)(3000 + kind));
		}
	} else {
		memcpy(r->nat.saddr, vip->addr.b, 16);
		r->nat.sport_be = vip->port_be;
		if (kind == 12)
			r->nat.dport_be = htons(77);
	}
}

static void flow_route(const struct view *v, unsigned n, struct plumb_route *ret)
{
	static const uint8_t actions[16] = { PLUMB_ACTION_TUNNEL, PLUMB_ACTION_NAT,    PLUMB_ACTION_RETURN,
					     PLUMB_ACTION_TUNNEL, PLUMB_ACTION_TUNNEL, PLUMB_ACTION_RETURN,
					     PLUMB_ACTION_DROP,   PLUMB_ACTION_TUNNEL, PLUMB_ACTION_NAT,
					     PLUMB_ACTION_NAT,    PLUMB_ACTION_NAT,    PLUMB_ACTION_RETURN,
					     PLUMB_ACTION_RETURN, PLUMB_ACTION_TUNNEL, PLUMB_ACTION_TUNNEL,
					     PLUMB_ACTION_TUNNEL };
	unsigned kind = n / 4 % 16;
	struct frame_spec s;
	struct frame f;

	flow_spec(n, &s);
	frame_build(&s, &f);
	*ret = (struct plumb_route){ .key = f.tuple, .nat = f.tuple, .action = actions[kind] };
	ret->vip = s.family == BATON_IPV4 ? VIP_TCP4 : VIP_TCP6;
	ret->endpoint = s.family == BATON_IPV4 ? EP_TCP4 : EP_TCP6;
	if (kind == 4)
		ret->endpoint = EP_SILENT;
	if (kind == 5 || kind == 6)
		ret->endpoint = VIEW_NONE;
	ret->nexthop = kind == 2 ? HOP_CLIENT : VIEW_NONE;
	memcpy(ret->mac, "\2\0\0\0\7\7", 6);
	memset(ret->nat.daddr, 9, s.family == BATON_IPV4 ? 4 : 16);
	ret->nat.sport_be = htons((uint16_t)(5000 + n));
	ret->state = s.proto == IPPROTO_UDP ? BATON_CONN_UDP : (uint8_t)(kind % 3);
	if (kind >= 8 && kind <= 12)
		nat_route(v, kind, ret);
}

static void plumb(struct lcore *l, struct forwarder_worker *w, unsigned n)
{
	struct plumb_message *m = channel_message_get(&l->channel);

	assert_non_null(m);
	m->type = PLUMB_ADD;
	flow_route(l->view, n, &m->route);
	lcore_tell(l, m);
	while (forwarder_worker_poll(w, l->view))
		;
}

/* A packet of some flow, usual or not. */
static void random_frame(uint64_t *seed, struct frame *ret)
{
	static const uint8_t flags[] = { 0x10, 0x10, 0x18, 0x10, 0x10, 0x11, 0x02, 0x14 };
	static const uint8_t ttls[] = { 0, 0, 0, 0, 0, 2, 1, 255 };
	static const unsigned payloads[] = { 0, 1, 4, 40, 0, 7, 100, 1460 };
	uint64_t r = frame_random(seed);
	struct frame_spec s;

	flow_spec(r % N_FLOWS, &s);
	s.tcp_flags = flags[r >> 8 & 7];
	s.ttl = ttls[r >> 11 & 7];
	s.payload = payloads[r >> 14 & 7];
	s.vlans = (r >> 17 & 7) == 1 ? 1 : (r >> 17 & 7) == 2 ? 2 : 0;
	s.padding = r >> 20 & 1 ? 6 : 0;
	s.no_checksum = r >> 21 & 1 && s.family == BATON_IPV4;
	s.seq = (uint32_t)frame_random(seed);
	if ((r >> 24 & 15) == 0)
		s.options = s.family == BATON_IPV4 ? 4 : 0;
	if ((r >> 24 & 15) == 1)
		s.extension = "d";
	if ((r >> 24 & 15) == 2)
		s.proto = s.family == BATON_IPV4 ? IPPROTO_ICMP : IPPROTO_ICMPV6;
	frame_build(&s, ret);
	if ((r >> 28 & 15) == 0)
		ret->b[ret->l3 + (r >> 32) % (ret->len - ret->l3)] ^= 1u << (r >> 44 & 7);
}

static int compare_sent(const void *a, const void *b)
{
	return memcmp(a, b, sizeof((struct outcome *)0)->sent[0]);
}

static int compare_told(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct plumb_message));
}

/* Whatever has come out of the worker, in an order of its own. */
static void collect(struct lcore *l, struct outcome *ret)
{
	void *p;

	memset(ret, 0, sizeof *ret);
	for (uint16_t port = 0; port < LCORE_PORTS; port++) {
		while (rte_ring_dequeue(l->tx[port], &p) == 0) {
			uint16_t len = rte_pktmbuf_data_len((struct rte_mbuf *)p);

			ret->sent[ret->n].port = port;
			ret->sent[ret->n].len = len;
			memcpy(ret->sent[ret->n++].b, stage_bytes(p), len < 256 ? len : 256);
			rte_pktmbuf_free(p);
		}
	}
	while (rte_ring_dequeue(l->channel.to_classifier[0], &p) == 0) {
		ret->told[ret->n_told] = *(struct plumb_message *)p;
		ret->told[ret->n_told++].packet = NULL;
		channel_message_put(&l->channel, p);
	}
	while (rte_ring_dequeue(l->channel.local_packets, &p) == 0)
		rte_pktmbuf_free(p);
	qsort(ret->sent, ret->n, sizeof ret->sent[0], compare_sent);
	qsort(ret->told, ret->n_told, sizeof ret->told[0], compare_told);
}

static void assert_same_routes(struct route_table *a, struct route_table *b)
{
	for (uint32_t i = 0; i < route_table_buckets(a) * ROUTE_PLACES; i++) {
		struct route x = *route_at(a, i), y = *route_at(b, i);

		x.last_used_s = y.last_used_s = 0;
		assert_memory_equal(&x, &y, sizeof x);
	}
}

/* Just the routes of kinds 8, 9 and 11 need no cold half: half NAT, full NAT with the own source, replies of half NAT.
 */
static void assert_compact(struct forwarder_worker *w, struct forwarder_worker *other)
{
	struct route_table *tables[] = { w->routes4, w->routes6, other->routes4, other->routes6 };

	for (unsigned i = 0; i < 4; i++) {
		unsigned n_compact = 0;

		for (uint32_t k = 0; k < route_table_buckets(tables[i]) * ROUTE_PLACES; k++)
			n_compact += (route_at(tables[i], k)->flags & ROUTE_FLAG_COMPACT) != 0;
		assert_int_equal(n_compact, 3 * 2);
		assert_int_equal(tables[i]->n_cold, 5 * 2);
	}
}

static void run_form(struct lcore *l, const struct route_form *form)
{
	struct forwarder_worker *w = lcore_worker_new(l, N_ROUTES, form), *by_stages;
	static struct outcome got, wanted;
	uint64_t seed = 88172645463325252;
	struct frame frames[WORKER_BURST];

	by_stages = lcore_worker_new(l, N_ROUTES, form);
	by_stages->path = &path_by_stages;
	for (unsigned i = 0; i < N_FLOWS / 2; i++) {
		plumb(l, w, i);
		plumb(l, by_stages, i);
	}
	assert_compact(w, by_stages);
	for (unsigned round = 0; round < N_ROUNDS; round++) {
		unsigned n = 1 + frame_random(&seed) % WORKER_BURST;

		for (unsigned i = 0; i < n; i++)
			random_frame(&seed, &frames[i]);
		for (unsigned i = 0; i < n; i++)
			lcore_inject(l, 0, &frames[i]);
		while (forwarder_worker_poll(w, l->view))
			;
		collect(l, &got);
		for (unsigned i = 0; i < n; i++)
			lcore_inject(l, 0, &frames[i]);
		while (forwarder_worker_poll(by_stages, l->view))
			;
		collect(l, &wanted);
		assert_int_equal(got.n, wanted.n);
		assert_memory_equal(&got, &wanted, sizeof got);
		assert_same_routes(w->routes4, by_stages->routes4);
		assert_same_routes(w->routes6, by_stages->routes6);
	}
	assert_memory_equal(&w->counters, &by_stages->counters, sizeof w->counters);
	assert_memory_equal(w->endpoints, by_stages->endpoints, N_ENDPOINTS * sizeof *w->endpoints);
	assert_true(w->counters.hits > N_ROUNDS && w->counters.misses > N_ROUNDS);
	forwarder_worker_free(w);
	forwarder_worker_free(by_stages);
}

static void bursts_do_what_the_stages_do(void **state)
{
	struct lcore *l = *state;

	lcore_set_mtu(l, 1, 1499); /* some packets are too long */
	for (unsigned f = 0; route_forms[f]; f++)
		if (route_forms[f]->supported())
			run_form(l, route_forms[f]);
}

/* A full table, where keys stand in buckets beyond their own and tags are not unique. */
static void every_key_of_a_full_table_is_found(void **state)
{
	struct lcore *l = *state;
	struct forwarder_worker *w = lcore_worker_new(l, N_ROUTES, NULL);
	struct frame_spec s = { .family = BATON_IPV4, .proto = IPPROTO_TCP };
	struct frame f;

	for (unsigned i = 0; i < N_ROUTES; i++) {
		struct plumb_message *m = channel_message_get(&l->channel);

		s.sport = (uint16_t)(1000 + i);
		frame_build(&s, &f);
		m->type = PLUMB_ADD;
		m->route = (struct plumb_route){ .key = f.tuple, .endpoint = VIEW_NONE, .action = PLUMB_ACTION_RETURN };
		m->route.nat = f.tuple;
		m->route.nexthop = HOP_CLIENT;
		m->route.state = BATON_CONN_ESTABLISHED;
		lcore_tell(l, m);
		while (forwarder_worker_poll(w, l->view))
			;
	}
	assert_int_equal(route_table_count(w->routes4), N_ROUTES);
	for (unsigned i = 0; i < N_ROUTES; i++) {
		s.sport = (uint16_t)(1000 + i);
		frame_build(&s, &f);
		lcore_inject(l, 0, &f);
		forwarder_worker_poll(w, l->view);
		rte_pktmbuf_free(lcore_sent(l, 0));
		assert_int_equal(w->counters.hits, i + 1);
	}
	lcore_expect_silence(l);
	forwarder_worker_free(w);
}

/* 0 in a UDP header means that there is no checksum: the sum of 0 goes out as 0xffff (RFC 768). */
static void a_udp_checksum_never_becomes_0(void **state)
{
	struct lcore *l = *state;
	uint16_t content = 0;
	struct frame_spec s = { .family = BATON_IPV4, .proto = IPPROTO_UDP, .content = &content, .payload = 2 };
	unsigned n_highest = 0;
	struct frame f;

	frame_build(&s, &f);
	lcore_tunnel(l, &f, EP_UDP4);
	for (unsigned i = 0; i < 65536; i++) {
		struct rte_mbuf *m;
		uint16_t sum;

		content = (uint16_t)i;
		frame_build(&s, &f);
		lcore_receive(l, 0, &f);
		m = lcore_sent(l, 1);
		memcpy(&sum, stage_bytes(m) + f.l4 + 6, sizeof sum);
		assert_int_not_equal(sum, 0);
		n_highest += sum == 0xffff;
		rte_pktmbuf_free(m);
	}
	assert_true(n_highest > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, lcore_setup, lcore_teardown)
		T(bursts_do_what_the_stages_do),
		T(a_udp_checksum_never_becomes_0),
		T(every_key_of_a_full_table_is_found),
#undef T
	};

	return cmocka_run_group_tests(tests, lcore_group_setup, NULL);
}
