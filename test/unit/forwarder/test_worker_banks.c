/* SPDX-License-Identifier: BSD-3-Clause */
/* The forwarder lcore with two tunnel addresses of a family: each for the routes of its bank. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "lcore.h"

#define N_FLOWS 40 /* of each family: surely some in each bank */

struct flow {
	struct frame first;
	uint32_t id, bank;
	struct baton_addr from, other;
};

static const char *address_of(bool v6, uint32_t bank)
{
	return v6 ? bank ? F6_NEXT : F6 : bank ? F4_NEXT : F4;
}

static const char *host_of(const struct flow *f)
{
	return f->first.tuple.family == BATON_IPV6 ? HOST6 : HOST4;
}

static const char *own_address(const struct flow *f, bool other)
{
	return address_of(f->first.tuple.family == BATON_IPV6, other ? !f->bank : f->bank);
}

/* A client's packet of the n-th flow. */
static void flow_frame(unsigned n, uint8_t flags, struct frame *ret)
{
	struct frame_spec s = { .family = n & 1 ? BATON_IPV6 : BATON_IPV4,
				.proto = n & 2 ? IPPROTO_UDP : IPPROTO_TCP,
				.tcp_flags = flags,
				.sport = (uint16_t)(20000 + n),
				.payload = 100 + n };

	frame_build(&s, ret);
}

static uint16_t endpoint_of(unsigned n)
{
	static const uint16_t endpoints[] = { EP_TCP4, EP_TCP6, EP_UDP4, EP_UDP6 };

	return endpoints[n & 3];
}

/* The packet is from the flow's own address to its host, and all checksums are right. */
static void expect_from(const struct flow *f, const struct rte_mbuf *m, uint8_t proto, uint32_t len)
{
	bool v6 = f->first.tuple.family == BATON_IPV6;
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, f->first.l3);
	struct baton_addr host;

	assert_int_equal(baton_addr_parse(host_of(f), &host), 0);
	assert_memory_equal(l3 + (v6 ? 8 : 12), f->from.b, v6 ? 16 : 4);
	assert_memory_equal(l3 + (v6 ? 24 : 16), host.b, v6 ? 16 : 4);
	assert_true(frame_checksums_right(l3, l3 + (v6 ? 40 : 20), len, proto));
}

static void expect_introduced(struct lcore *l, const struct flow *f)
{
	uint32_t outer = f->first.tuple.family == BATON_IPV6 ? 48 : 28;
	struct rte_mbuf *m = lcore_sent(l, 1);
	const uint8_t *shim = rte_pktmbuf_mtod_offset(m, const uint8_t *, f->first.l3 + outer);
	uint32_t len = rte_pktmbuf_data_len(m) - f->first.l3 - outer;
	const struct baton_shim_hdr *hdr;
	struct baton_shim_flow flow;
	struct baton_addr host;
	const void *body;

	assert_int_equal(baton_addr_parse(host_of(f), &host), 0);
	expect_from(f, m, IPPROTO_UDP, len + 8);
	assert_int_equal(shim_decode(shim, len, &l->keys, NULL, f->from.b, host.b, &hdr, &body), SHIM_OK);
	memcpy(&flow, body, sizeof flow);
	assert_int_equal(ntohl(flow.flow_id), f->id);
	rte_pktmbuf_free(m);
}

/* First packet, answer of the classifier, introduction. */
static void flow_open(struct lcore *l, unsigned n, struct flow *ret)
{
	struct route_table *t;
	uint32_t index;

	flow_frame(n, PACKET_TCP_SYN, &ret->first);
	lcore_receive(l, 0, &ret->first);
	lcore_answer(l, lcore_told(l, PLUMB_MISS), PLUMB_ACTION_TUNNEL, endpoint_of(n));
	lcore_poll(l);
	t = stage_table(l->w, ret->first.tuple.family);
	index = lcore_route(l, &ret->first.tuple);
	ret->id = route_flow_id(t, index);
	ret->bank = route_bank(t, index);
	assert_int_equal(baton_addr_parse(own_address(ret, false), &ret->from), 0);
	assert_int_equal(baton_addr_parse(own_address(ret, true), &ret->other), 0);
	expect_introduced(l, ret);
}

static void flows_open(struct lcore *l, struct flow flows[N_FLOWS])
{
	unsigned in[2][2] = { { 0 } };

	for (unsigned n = 0; n < N_FLOWS; n++) {
		flow_open(l, n, &flows[n]);
		in[n & 1][flows[n].bank]++;
	}
	assert_true(in[0][0] && in[0][1] && in[1][0] && in[1][1]);
}

static void expect_tunneled(struct lcore *l, const struct flow *f, const struct frame *sent)
{
	struct rte_mbuf *m = lcore_sent(l, 1);
	const uint8_t *l4 = rte_pktmbuf_mtod_offset(m, const uint8_t *, sent->l4);

	expect_from(f, m, sent->tuple.proto, sent->end - sent->l4);
	assert_int_equal((uint32_t)l4[0] << 24 | l4[1] << 16 | l4[2] << 8 | l4[3], f->id);
	rte_pktmbuf_free(m);
}

/* Plain packets, and such as go through the stages. */
static void packets_leave_from_the_address_of_their_routes_bank(void **state)
{
	static const uint8_t flags[] = { PACKET_TCP_ACK, PACKET_TCP_ACK, PACKET_TCP_ACK | PACKET_TCP_FIN };
	struct flow flows[N_FLOWS];
	struct lcore *l = *state;

	flows_open(l, flows);
	for (unsigned k = 0; k < sizeof flags; k++) {
		for (unsigned n = 0; n < N_FLOWS; n++) {
			struct frame f;

			flow_frame(n, flags[k], &f);
			lcore_receive(l, 0, &f);
			expect_tunneled(l, &flows[n], &f);
			if (flags[k] & PACKET_TCP_FIN && !(n & 2))
				channel_message_put(&l->channel, lcore_told(l, PLUMB_FINAL));
		}
	}
	assert_int_equal(lcore_drops(l), 0);
}

static void an_unknown_flow_is_one_of_the_address_asked(void **state)
{
	struct flow flows[N_FLOWS];
	struct lcore *l = *state;

	flows_open(l, flows);
	for (unsigned n = 0; n < N_FLOWS; n++) {
		struct baton_shim_unknown u = { .flow_id = htonl(flows[n].id) };
		struct frame f;

		lcore_shim(l, host_of(&flows[n]), own_address(&flows[n], true), BATON_SHIM_UNKNOWN, &u, 0, &f);
		lcore_receive(l, 1, &f);
		lcore_expect_silence(l);
		lcore_shim(l, host_of(&flows[n]), own_address(&flows[n], false), BATON_SHIM_UNKNOWN, &u, 0, &f);
		lcore_receive(l, 1, &f);
		expect_introduced(l, &flows[n]);
	}
	assert_int_equal(l->w->counters.unknown_flows, N_FLOWS);
	assert_int_equal(l->w->counters.unknown_flows_gone, N_FLOWS);
}

/* What the classifier hears of a report to one of the two addresses: is it of the connection that has the route? */
static bool routed(struct lcore *l, const struct flow *f, bool other)
{
	struct baton_shim_conn c = { .flow_id = htonl(f->id),
				     .state = BATON_SHIM_CONN_ENDED,
				     .family = f->first.tuple.family,
				     .sport = f->first.tuple.sport_be,
				     .dport = f->first.tuple.dport_be };
	struct plumb_message *m;
	struct frame frame;
	bool is;

	memcpy(c.saddr, f->first.tuple.saddr, sizeof c.saddr);
	memcpy(c.daddr, f->first.tuple.daddr, sizeof c.daddr);
	lcore_shim(l, host_of(f), own_address(f, other), BATON_SHIM_ENDED, &c, 0, &frame);
	lcore_receive(l, 1, &frame);
	m = lcore_told(l, PLUMB_HOST);
	is = m->host.routed;
	channel_message_put(&l->channel, m);
	return is;
}

static void the_end_of_a_connection_is_reported_to_its_address(void **state)
{
	struct flow flows[N_FLOWS];
	struct lcore *l = *state;

	flows_open(l, flows);
	for (unsigned n = 0; n < N_FLOWS; n++) {
		if (n & 2) /* UDP */
			continue;
		assert_true(routed(l, &flows[n], false));
		assert_false(routed(l, &flows[n], true));
	}
}

/* Before there is a route: hosts put datagrams of one address in order, so it has to be the one that comes later. */
static void a_connection_is_created_from_where_its_route_will_be(void **state)
{
	struct lcore *l = *state;

	for (unsigned n = 0; n < N_FLOWS; n++) {
		struct plumb_message *m = channel_message_get(&l->channel);
		struct baton_shim_create body = { 0 };
		struct rte_mbuf *b = rte_pktmbuf_alloc(l->packets);
		struct flow f;
		uint8_t *l3;

		if (n & 2) { /* UDP */
			channel_message_put(&l->channel, m);
			rte_pktmbuf_free(b);
			continue;
		}
		flow_frame(n, PACKET_TCP_ACK, &f.first);
		m->type = PLUMB_SHIM;
		m->shim_type = BATON_SHIM_CREATE;
		m->l3_offset = (uint16_t)f.first.l3;
		m->route.key = f.first.tuple;
		m->route.endpoint = endpoint_of(n);
		m->packet = b;
		memcpy(rte_pktmbuf_append(b, (uint16_t)f.first.l3), f.first.b, f.first.l3);
		memcpy(rte_pktmbuf_append(b, sizeof body), &body, sizeof body);
		lcore_tell(l, m);
		lcore_poll(l);
		b = lcore_sent(l, 1);
		flow_open(l, n, &f);
		l3 = rte_pktmbuf_mtod_offset(b, uint8_t *, f.first.l3);
		expect_from(&f, b, IPPROTO_UDP,
			    rte_pktmbuf_data_len(b) - f.first.l3 - (f.first.tuple.family == BATON_IPV6 ? 40 : 20));
		assert_int_equal(l3[f.first.tuple.family == BATON_IPV6 ? 6 : 9], IPPROTO_UDP);
		rte_pktmbuf_free(b);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, lcore_setup_two_banks, lcore_teardown)
		T(packets_leave_from_the_address_of_their_routes_bank),
		T(an_unknown_flow_is_one_of_the_address_asked),
		T(the_end_of_a_connection_is_reported_to_its_address),
		T(a_connection_is_created_from_where_its_route_will_be),
#undef T
	};

	return cmocka_run_group_tests(tests, lcore_group_setup, NULL);
}
