/* SPDX-License-Identifier: BSD-3-Clause */
/* The forwarder lcore: misses, plumbing, tunnel, closing connections. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_mempool.h>

#include "lcore.h"

static const struct frame_spec syn4 = { .family = BATON_IPV4, .proto = IPPROTO_TCP, .tcp_flags = PACKET_TCP_SYN };
static const struct frame_spec data4 = { .family = BATON_IPV4, .proto = IPPROTO_TCP, .payload = 100 };

static uint16_t word(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void expect_addrs(const uint8_t *l3, uint8_t family, const char *src, const char *dst)
{
	struct baton_addr s, d;
	bool v4 = family == BATON_IPV4;

	assert_int_equal(baton_addr_parse(src, &s), 0);
	assert_int_equal(baton_addr_parse(dst, &d), 0);
	assert_memory_equal(l3 + (v4 ? 12 : 8), s.b, v4 ? 4 : 16);
	assert_memory_equal(l3 + (v4 ? 16 : 24), d.b, v4 ? 4 : 16);
}

/* The inner packet is the one that came in, one hop further. */
static void expect_inner(const uint8_t *inner, const struct frame *f)
{
	uint32_t len = f->end - f->l3;
	uint8_t want[FRAME_MAX];

	memcpy(want, f->b + f->l3, len);
	if (f->tuple.family == BATON_IPV4) {
		uint16_t sum;

		want[8]--;
		want[10] = want[11] = 0;
		sum = frame_checksum(NULL, want, f->l4 - f->l3);
		want[10] = (uint8_t)(sum >> 8);
		want[11] = (uint8_t)sum;
	} else {
		want[7]--;
	}
	assert_memory_equal(inner, want, len);
}

/* m is an introduction of f's flow, sent to the host; with the packet in it, or alone. */
static void expect_introduction(struct lcore *l, struct rte_mbuf *m, const struct frame *f, bool with_packet)
{
	const uint8_t *b = stage_bytes(m);
	bool v4 = f->tuple.family == BATON_IPV4;
	uint32_t l2 = with_packet ? f->l3 : 14, inner = with_packet ? f->end - f->l3 : 0, outer = v4 ? 28 : 48;
	const uint8_t *l3 = b + l2, *udp = l3 + outer - 8, *shim = l3 + outer;
	const struct view_nexthop *hop = &l->view->nexthops[v4 ? HOP_HOST4 : HOP_HOST6];
	uint32_t udp_len = 8 + BATON_SHIM_INTRODUCE_LEN + inner;
	struct baton_shim_flow want, got;
	const struct baton_shim_hdr *hdr;
	struct baton_shim_hdr header;
	struct baton_addr src, dst;
	const void *body;

	assert_memory_equal(b, hop->dst_mac, 6);
	assert_memory_equal(b + 6, hop->src_mac, 6);
	if (with_packet)
		assert_memory_equal(b + 12, f->b + 12, l2 - 12);
	assert_int_equal(rte_pktmbuf_data_len(m), l2 + outer - 8 + udp_len);
	expect_addrs(l3, f->tuple.family, v4 ? F4 : F6, v4 ? HOST4 : HOST6);
	assert_int_equal(word(udp), LCORE_SHIM_PORT);
	assert_int_equal(word(udp + 2), LCORE_SHIM_PORT);
	assert_true(frame_checksums_right(l3, udp, udp_len, IPPROTO_UDP));
	assert_int_equal(baton_addr_parse(v4 ? F4 : F6, &src), 0);
	assert_int_equal(baton_addr_parse(v4 ? HOST4 : HOST6, &dst), 0);
	assert_int_equal(shim_decode(shim, udp_len - 8, &l->keys, NULL, src.b, dst.b, &hdr, &body), SHIM_OK);
	memcpy(&header, hdr, sizeof header);
	assert_int_equal(header.type, BATON_SHIM_INTRODUCE);
	shim_flow_from_tuple(&want, route_flow_id(stage_table(l->w, f->tuple.family), lcore_route(l, &f->tuple)),
			     &f->tuple);
	memcpy(&got, body, sizeof got);
	assert_memory_equal(&got, &want, sizeof want);
	if (with_packet)
		expect_inner(shim + BATON_SHIM_INTRODUCE_LEN, f);
	rte_pktmbuf_free(m);
}

/* m is f, tunneled: same length, flow id in the ports, everything behind them as it was, checksums right. */
static void expect_tunneled(struct lcore *l, struct rte_mbuf *m, const struct frame *f)
{
	bool v4 = f->tuple.family == BATON_IPV4;
	uint32_t flow = route_flow_id(stage_table(l->w, f->tuple.family), lcore_route(l, &f->tuple));
	uint32_t header = f->tuple.proto == IPPROTO_TCP ? 18 : 8;
	const uint8_t *b = stage_bytes(m), *l3 = b + f->l3, *l4 = b + f->l4;

	assert_int_equal(rte_pktmbuf_data_len(m), f->len);
	assert_memory_equal(b + 12, f->b + 12, f->l3 - 12);
	expect_addrs(l3, f->tuple.family, v4 ? F4 : F6, v4 ? HOST4 : HOST6);
	assert_int_equal((uint32_t)word(l4) << 16 | word(l4 + 2), flow);
	assert_int_equal(l3[v4 ? 8 : 7], f->b[f->l3 + (v4 ? 8 : 7)] - 1);
	assert_memory_equal(l4 + 4, f->b + f->l4 + 4, header == 18 ? 12 : 2);
	assert_memory_equal(l4 + header, f->b + f->l4 + header, f->end - f->l4 - header);
	assert_true(frame_checksums_right(l3, l4, f->end - f->l4, f->tuple.proto));
	rte_pktmbuf_free(m);
}

static void a_miss_carries_the_packet_and_where_its_headers_are(void **state)
{
	struct frame_spec s = { .family = BATON_IPV4,
				.proto = IPPROTO_TCP,
				.tcp_flags = PACKET_TCP_SYN,
				.vlans = 1,
				.options = 8,
				.payload = 3 };
	struct lcore *l = *state;
	struct plumb_message *m;
	struct frame f;

	frame_build(&s, &f);
	lcore_receive(l, 0, &f);
	m = lcore_told(l, PLUMB_MISS);
	assert_int_equal(m->forwarder, 0);
	assert_int_equal(m->tcp_flags, PACKET_TCP_SYN);
	assert_int_equal(m->vip, VIP_TCP4);
	assert_int_equal(m->l3_offset, f.l3);
	assert_int_equal(m->l4_offset, f.l4);
	assert_memory_equal(&m->route.key, &f.tuple, sizeof f.tuple);
	assert_int_equal(m->route.port, 0);
	assert_memory_equal(m->route.mac, f.b + 6, sizeof m->route.mac);
	assert_int_equal(rte_pktmbuf_data_len((struct rte_mbuf *)m->packet), f.len);
	assert_memory_equal(stage_bytes(m->packet), f.b, f.len);
	assert_int_equal(l->w->counters.misses, 1);
	channel_message_put(&l->channel, m);
	lcore_expect_silence(l);
}

static void the_vip_of_a_miss_depends_on_protocol_and_family(void **state)
{
	static const struct {
		uint8_t family, proto;
		uint16_t vip;
	} cases[] = { { BATON_IPV4, IPPROTO_TCP, VIP_TCP4 },
		      { BATON_IPV4, IPPROTO_UDP, VIP_UDP4 },
		      { BATON_IPV6, IPPROTO_TCP, VIP_TCP6 },
		      { BATON_IPV6, IPPROTO_UDP, VIP_UDP6 } };
	struct lcore *l = *state;

	for (unsigned i = 0; i < 4; i++) {
		struct frame_spec s = { .family = cases[i].family, .proto = cases[i].proto };
		struct plumb_message *m;
		struct frame f;

		frame_build(&s, &f);
		lcore_receive(l, 0, &f);
		m = lcore_told(l, PLUMB_MISS);
		assert_int_equal(m->vip, cases[i].vip);
		channel_message_put(&l->channel, m);
	}
}

static void check_first_and_later_packets(struct lcore *l, const struct frame_spec *s, uint16_t endpoint)
{
	struct frame f;

	frame_build(s, &f);
	lcore_receive(l, 0, &f);
	lcore_answer(l, lcore_told(l, PLUMB_MISS), PLUMB_ACTION_TUNNEL, endpoint);
	lcore_poll(l);
	expect_introduction(l, lcore_sent(l, 1), &f, true);
	for (unsigned payload = 0; payload < 70; payload += 23) {
		struct frame_spec later = *s;

		later.tcp_flags = 0;
		later.payload = payload;
		frame_build(&later, &f);
		lcore_receive(l, 0, &f);
		expect_tunneled(l, lcore_sent(l, 1), &f);
	}
	assert_int_equal(l->w->counters.introductions, 1);
	assert_int_equal(l->w->counters.routes_added, 1);
	assert_int_equal(l->w->endpoints[endpoint].packets, 5);
	lcore_expect_silence(l);
}

static void a_tcp4_flow_is_introduced_then_tunneled(void **state)
{
	check_first_and_later_packets(*state, &syn4, EP_TCP4);
}

static void a_tcp6_flow_is_introduced_then_tunneled(void **state)
{
	struct frame_spec s = { .family = BATON_IPV6, .proto = IPPROTO_TCP, .tcp_flags = PACKET_TCP_SYN };

	check_first_and_later_packets(*state, &s, EP_TCP6);
}

static void a_udp4_flow_is_introduced_then_tunneled(void **state)
{
	struct frame_spec s = { .family = BATON_IPV4, .proto = IPPROTO_UDP, .payload = 33 };

	check_first_and_later_packets(*state, &s, EP_UDP4);
}

static void a_udp6_flow_with_an_extension_header_is_introduced_then_tunneled(void **state)
{
	struct frame_spec s = { .family = BATON_IPV6, .proto = IPPROTO_UDP, .payload = 33, .extension = "d" };

	check_first_and_later_packets(*state, &s, EP_UDP6);
}

static void vlan_tags_and_ip_options_stay(void **state)
{
	struct frame_spec s = { .family = BATON_IPV4,
				.proto = IPPROTO_TCP,
				.tcp_flags = PACKET_TCP_SYN,
				.vlans = 2,
				.options = 40,
				.tcp_options = 40 };

	check_first_and_later_packets(*state, &s, EP_TCP4);
}

static void link_padding_is_not_part_of_the_introduced_packet(void **state)
{
	struct frame_spec s = syn4;
	struct lcore *l = *state;
	struct frame f;

	s.padding = 6;
	frame_build(&s, &f);
	lcore_receive(l, 0, &f);
	lcore_answer(l, lcore_told(l, PLUMB_MISS), PLUMB_ACTION_TUNNEL, EP_TCP4);
	lcore_poll(l);
	expect_introduction(l, lcore_sent(l, 1), &f, true);
}

/* Full-size packets leave no room for the mapping: it goes ahead in a datagram of its own. */
static void check_full_size_first(struct lcore *l, uint8_t family, unsigned overhead, uint16_t endpoint)
{
	for (unsigned more = 0; more <= overhead; more += overhead) {
		struct frame_spec s = { .family = family, .proto = IPPROTO_UDP, .sport = (uint16_t)(3000 + more) };
		unsigned room = 1500 - (family == BATON_IPV4 ? 28 : 48) - overhead;
		struct frame f;

		/* the largest that still goes inside; then the largest at all */
		s.payload = room + more;
		frame_build(&s, &f);
		lcore_receive(l, 0, &f);
		lcore_answer(l, lcore_told(l, PLUMB_MISS), PLUMB_ACTION_TUNNEL, endpoint);
		lcore_poll(l);
		if (more) {
			assert_int_equal(f.len, 1514);
			expect_introduction(l, lcore_sent(l, 1), &f, false);
			expect_tunneled(l, lcore_sent(l, 1), &f);
		} else {
			struct rte_mbuf *m = lcore_sent(l, 1);

			assert_int_equal(rte_pktmbuf_data_len(m), 1514);
			expect_introduction(l, m, &f, true);
		}
		lcore_expect_silence(l);
	}
}

static void a_full_size_first_packet_follows_its_mapping(void **state)
{
	check_full_size_first(*state, BATON_IPV4, 28 + BATON_SHIM_INTRODUCE_LEN, EP_UDP4);
	check_full_size_first(*state, BATON_IPV6, 48 + BATON_SHIM_INTRODUCE_LEN, EP_UDP6);
}

static void a_repeated_syn_is_introduced_again(void **state)
{
	struct lcore *l = *state;
	struct frame f;

	frame_build(&syn4, &f);
	lcore_tunnel(l, &f, EP_TCP4);
	lcore_receive(l, 0, &f);
	expect_introduction(l, lcore_sent(l, 1), &f, true);
	lcore_expect_silence(l);
}

static void packets_of_one_burst_leave_in_their_order(void **state)
{
	struct lcore *l = *state;
	struct frame f;

	frame_build(&syn4, &f);
	lcore_tunnel(l, &f, EP_TCP4);
	for (uint32_t i = 0; i < 2 * WORKER_BURST; i++) {
		struct frame_spec s = data4;

		s.seq = i;
		frame_build(&s, &f);
		lcore_inject(l, 0, &f);
	}
	lcore_poll(l);
	for (uint32_t i = 0; i < 2 * WORKER_BURST; i++) {
		struct frame_spec s = data4;

		s.seq = i;
		frame_build(&s, &f);
		expect_tunneled(l, lcore_sent(l, 1), &f);
	}
	lcore_expect_silence(l);
}

static void final_packets_are_reported_and_forwarded(void **state)
{
	static const uint8_t flags[] = { PACKET_TCP_FIN | PACKET_TCP_ACK, PACKET_TCP_RST };
	struct lcore *l = *state;
	struct frame f;

	frame_build(&syn4, &f);
	lcore_tunnel(l, &f, EP_TCP4);
	for (unsigned i = 0; i < 2; i++) {
		struct frame_spec s = { .family = BATON_IPV4, .proto = IPPROTO_TCP, .tcp_flags = flags[i] };
		struct plumb_message *m;

		frame_build(&s, &f);
		lcore_receive(l, 0, &f);
		expect_tunneled(l, lcore_sent(l, 1), &f);
		m = lcore_told(l, PLUMB_FINAL);
		assert_memory_equal(&m->route.key, &f.tuple, sizeof f.tuple);
		assert_int_equal(m->tcp_flags, flags[i]);
		assert_null(m->packet);
		channel_message_put(&l->channel, m);
	}
	assert_int_equal(l->w->counters.finals_reported, 2);
	assert_int_equal(l->w->counters.finals_lost, 0);
}

static void set_state(struct lcore *l, const struct baton_tuple *key, uint8_t to)
{
	struct plumb_message *m = channel_message_get(&l->channel);

	m->type = PLUMB_SET_STATE;
	m->route.key = *key;
	m->route.state = to;
	lcore_tell(l, m);
	lcore_poll(l);
	assert_int_equal(route_at(stage_table(l->w, key->family), lcore_route(l, key))->state, to);
}

static void a_syn_on_a_closing_route_asks_the_classifier(void **state)
{
	struct lcore *l = *state;
	uint32_t flow, again;
	struct frame f;

	frame_build(&syn4, &f);
	flow = lcore_tunnel(l, &f, EP_TCP4);
	set_state(l, &f.tuple, BATON_CONN_CLOSED);
	lcore_receive(l, 0, &f);
	lcore_answer(l, lcore_told(l, PLUMB_MISS), PLUMB_ACTION_TUNNEL, EP_TCP4);
	lcore_poll(l);
	expect_introduction(l, lcore_sent(l, 1), &f, true);
	again = route_flow_id(l->w->routes4, lcore_route(l, &f.tuple));
	assert_int_not_equal(again, flow); /* late packets of the old connection can't reach the new one */
	assert_int_equal(l->w->counters.routes_replaced, 1);
	assert_int_equal(route_table_count(l->w->routes4), 1);
}

static void data_makes_a_new_route_established(void **state)
{
	struct lcore *l = *state;
	struct frame f;

	frame_build(&syn4, &f);
	lcore_tunnel(l, &f, EP_TCP4);
	assert_int_equal(route_at(l->w->routes4, lcore_route(l, &f.tuple))->state, BATON_CONN_SYN);
	frame_build(&data4, &f);
	lcore_receive(l, 0, &f);
	expect_tunneled(l, lcore_sent(l, 1), &f);
	assert_int_equal(route_at(l->w->routes4, lcore_route(l, &f.tuple))->state, BATON_CONN_ESTABLISHED);
}

static void a_deleted_route_misses_again(void **state)
{
	struct plumb_message *m;
	struct lcore *l = *state;
	struct frame f;

	frame_build(&syn4, &f);
	lcore_tunnel(l, &f, EP_TCP4);
	m = channel_message_get(&l->channel);
	m->type = PLUMB_DELETE;
	m->route.key = f.tuple;
	lcore_tell(l, m);
	lcore_poll(l);
	assert_int_equal(route_table_count(l->w->routes4), 0);
	assert_int_equal(l->w->counters.routes_deleted, 1);
	lcore_receive(l, 0, &f);
	channel_message_put(&l->channel, lcore_told(l, PLUMB_MISS));
}

static void a_drop_route_drops(void **state)
{
	struct lcore *l = *state;
	struct frame f;

	frame_build(&syn4, &f);
	lcore_receive(l, 0, &f);
	lcore_answer(l, lcore_told(l, PLUMB_MISS), PLUMB_ACTION_DROP, VIEW_NONE);
	lcore_poll(l);
	lcore_expect_silence(l);
	assert_int_equal(l->w->counters.drops[DROP_ROUTE_DROP], 1);
	assert_int_equal(route_at(l->w->routes4, lcore_route(l, &f.tuple))->state, BATON_CONN_SYN);
}

/* A route may outlive its connection if its delete was lost; then the view may know its endpoint no more. */
static void a_route_to_an_endpoint_that_is_gone_drops(void **state)
{
	struct lcore *l = *state;
	struct view_endpoint *e = &l->view->endpoints[EP_TCP4];
	struct frame f;

	frame_build(&syn4, &f);
	lcore_tunnel(l, &f, EP_TCP4);
	frame_build(&data4, &f);
	e->family = 0;
	lcore_receive(l, 0, &f);
	e->family = BATON_IPV4;
	l->view->n_endpoints = EP_TCP4;
	lcore_receive(l, 0, &f);
	l->view->n_endpoints = N_ENDPOINTS;
	assert_int_equal(l->w->counters.drops[DROP_ROUTE_DROP], 2);
	lcore_expect_silence(l);
}

static void a_complete_packet_is_sent_as_it_is(void **state)
{
	struct plumb_message *m;
	struct lcore *l = *state;
	struct rte_mbuf *sent;
	struct frame f;

	frame_build(&data4, &f);
	lcore_receive(l, 0, &f);
	m = lcore_told(l, PLUMB_MISS);
	m->type = PLUMB_SEND;
	m->route.port = 0;
	lcore_tell(l, m);
	lcore_poll(l);
	sent = lcore_sent(l, 0);
	assert_int_equal(rte_pktmbuf_data_len(sent), f.len);
	assert_memory_equal(stage_bytes(sent), f.b, f.len);
	rte_pktmbuf_free(sent);
}

static void messages_that_go_the_other_way_are_ignored(void **state)
{
	static const enum plumb_type types[] = { PLUMB_MISS, PLUMB_FINAL, PLUMB_AGED, PLUMB_ADD_FAILED };
	struct lcore *l = *state;

	for (unsigned i = 0; i < 4; i++) {
		struct plumb_message *m = channel_message_get(&l->channel);

		m->type = (uint8_t)types[i];
		m->packet = rte_pktmbuf_alloc(l->packets);
		lcore_tell(l, m);
	}
	lcore_poll(l);
	lcore_expect_silence(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, lcore_setup, lcore_teardown)
		T(a_miss_carries_the_packet_and_where_its_headers_are),
		T(the_vip_of_a_miss_depends_on_protocol_and_family),
		T(a_tcp4_flow_is_introduced_then_tunneled),
		T(a_tcp6_flow_is_introduced_then_tunneled),
		T(a_udp4_flow_is_introduced_then_tunneled),
		T(a_udp6_flow_with_an_extension_header_is_introduced_then_tunneled),
		T(vlan_tags_and_ip_options_stay),
		T(link_padding_is_not_part_of_the_introduced_packet),
		T(a_full_size_first_packet_follows_its_mapping),
		T(a_repeated_syn_is_introduced_again),
		T(packets_of_one_burst_leave_in_their_order),
		T(final_packets_are_reported_and_forwarded),
		T(a_syn_on_a_closing_route_asks_the_classifier),
		T(data_makes_a_new_route_established),
		T(a_deleted_route_misses_again),
		T(a_drop_route_drops),
		T(a_route_to_an_endpoint_that_is_gone_drops),
		T(a_complete_packet_is_sent_as_it_is),
		T(messages_that_go_the_other_way_are_ignored),
#undef T
	};

	return cmocka_run_group_tests(tests, lcore_group_setup, NULL);
}
