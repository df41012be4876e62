/* SPDX-License-Identifier: BSD-3-Clause */
/* The forwarder lcore: what has no route and gets none, and what can't be sent. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_ring.h>

#include "lcore.h"

static void expect_drop(struct lcore *l, const struct frame *f, enum forwarder_drop reason)
{
	uint64_t before = l->w->counters.drops[reason], all = lcore_drops(l);

	lcore_receive(l, 0, f);
	assert_int_equal(l->w->counters.drops[reason], before + 1);
	assert_int_equal(lcore_drops(l), all + 1);
	lcore_expect_silence(l);
	assert_int_equal(rte_ring_count(l->channel.local_packets), 0);
}

static void expect_to_control(struct lcore *l, const struct frame *f)
{
	void *m = NULL;

	lcore_receive(l, 0, f);
	assert_int_equal(rte_ring_dequeue(l->channel.local_packets, &m), 0);
	assert_memory_equal(stage_bytes(m), f->b, f->len);
	assert_int_equal(((struct rte_mbuf *)m)->port, 0);
	rte_pktmbuf_free(m);
	lcore_expect_silence(l);
}

static void build(struct frame *f, uint8_t proto, const char *dst, uint16_t dport)
{
	struct frame_spec s = {
		.family = strchr(dst, ':') ? BATON_IPV6 : BATON_IPV4, .proto = proto, .dst = dst, .dport = dport
	};

	frame_build(&s, f);
}

static void what_nobody_serves_is_dropped_by_name(void **state)
{
	struct lcore *l = *state;
	struct frame f;

	build(&f, IPPROTO_TCP, "203.0.113.80", 81);
	expect_drop(l, &f, DROP_NO_SERVICE);
	build(&f, IPPROTO_TCP, F4, 80);
	expect_drop(l, &f, DROP_NO_SERVICE);
	build(&f, IPPROTO_TCP, F4, LCORE_SHIM_PORT);
	expect_drop(l, &f, DROP_NO_SERVICE);
	build(&f, IPPROTO_UDP, INTERFACE4, LCORE_SHIM_PORT);
	expect_drop(l, &f, DROP_NO_SERVICE);
	build(&f, IPPROTO_TCP, INTERFACE4, 22);
	expect_drop(l, &f, DROP_NO_SERVICE);
	build(&f, IPPROTO_TCP, "203.0.113.81", 443);
	expect_drop(l, &f, DROP_NOT_LOCAL);
	build(&f, IPPROTO_TCP, "2001:db8:80::81", 443);
	expect_drop(l, &f, DROP_NOT_LOCAL);
}

static void the_exception_port_gets_what_nobody_serves(void **state)
{
	struct lcore *l = *state;
	struct frame f;

	l->view->ports[0].exception = 1;
	build(&f, IPPROTO_TCP, INTERFACE4, 22);
	expect_to_control(l, &f);
	build(&f, IPPROTO_TCP, "203.0.113.80", 81);
	expect_to_control(l, &f);
	build(&f, 89, "224.0.0.5", 0); /* OSPF */
	expect_to_control(l, &f);
	build(&f, IPPROTO_TCP, "203.0.113.81", 443);
	expect_drop(l, &f, DROP_NOT_LOCAL);
}

static void the_devices_own_addresses_are_no_clients(void **state)
{
	static const char *const own[] = { "203.0.113.80", F4, F4_OTHER, SNAT4, INTERFACE4 };
	struct lcore *l = *state;

	l->view->any_half_nat = true;
	for (unsigned i = 0; i < sizeof own / sizeof *own; i++) {
		struct frame_spec s = {
			.family = BATON_IPV4, .proto = IPPROTO_TCP, .src = own[i], .tcp_flags = PACKET_TCP_SYN
		};
		struct frame f;

		frame_build(&s, &f);
		expect_drop(l, &f, DROP_OWN_SOURCE);
	}
}

static void fragments_are_dropped_by_name(void **state)
{
	struct frame_spec first = { .family = BATON_IPV4, .proto = IPPROTO_TCP, .fragment = 0x2000, .payload = 8 };
	struct frame_spec later = { .family = BATON_IPV4, .proto = IPPROTO_TCP, .fragment = 0x0010, .payload = 8 };
	struct frame_spec six = {
		.family = BATON_IPV6, .proto = IPPROTO_UDP, .extension = "f", .fragment = 1, .payload = 8
	};
	struct lcore *l = *state;
	struct frame f;

	frame_build(&first, &f);
	expect_drop(l, &f, DROP_FRAGMENT);
	frame_build(&later, &f);
	expect_drop(l, &f, DROP_FRAGMENT);
	frame_build(&six, &f);
	expect_drop(l, &f, DROP_FRAGMENT);
}

static void pings_are_answered_where_they_came_from(void **state)
{
	static const char *const own[] = { "203.0.113.80", F4, SNAT4, INTERFACE4, "2001:db8:80::80", F6 };
	struct lcore *l = *state;

	for (unsigned i = 0; i < sizeof own / sizeof *own; i++) {
		bool v6 = strchr(own[i], ':') != NULL;
		struct frame_spec s = { .family = v6 ? BATON_IPV6 : BATON_IPV4,
					.proto = v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP,
					.icmp_type = v6 ? 128 : 8,
					.dst = own[i],
					.payload = 30 };
		struct rte_mbuf *m;
		struct frame f;

		frame_build(&s, &f);
		lcore_receive(l, 1, &f);
		m = lcore_sent(l, 1);
		assert_memory_equal(stage_bytes(m), f.b + 6, 6);
		assert_int_equal(stage_bytes(m)[f.l4], v6 ? 129 : 0);
		rte_pktmbuf_free(m);
	}
	assert_int_equal(l->w->counters.echo_replies, sizeof own / sizeof *own);
}

static void wrong_pings_are_dropped_by_name(void **state)
{
	struct frame_spec s = {
		.family = BATON_IPV4, .proto = IPPROTO_ICMP, .icmp_type = 8, .payload = 30, .no_checksum = true
	};
	struct lcore *l = *state;
	struct frame f;

	frame_build(&s, &f);
	expect_drop(l, &f, DROP_BAD_ECHO);
	s.dst = "203.0.113.81";
	frame_build(&s, &f);
	expect_drop(l, &f, DROP_NOT_LOCAL);
}

static void neighbourhood_goes_to_the_control_thread(void **state)
{
	struct frame_spec nd = { .family = BATON_IPV6, .proto = IPPROTO_ICMPV6, .icmp_type = 135, .payload = 24 };
	struct frame f = { .len = 60 };
	struct lcore *l = *state;

	memset(f.b, 0xff, 6);
	f.b[12] = 8;
	f.b[13] = 6;
	memcpy(f.b + 14, (uint8_t[]){ 0, 1, 8, 0, 6, 4, 0, 1 }, 8);
	expect_to_control(l, &f);
	frame_build(&nd, &f);
	expect_to_control(l, &f);
	assert_int_equal(l->w->counters.local_packets, 2);
}

static void a_full_ring_to_the_control_thread_drops_by_name(void **state)
{
	struct frame f = { .len = 60 };
	struct lcore *l = *state;
	void *m;

	f.b[12] = 8;
	f.b[13] = 6;
	memcpy(f.b + 14, (uint8_t[]){ 0, 1, 8, 0, 6, 4, 0, 1 }, 8);
	while (rte_ring_free_count(l->channel.local_packets) && rte_mempool_avail_count(l->packets) > 10)
		lcore_receive(l, 0, &f);
	/* fewer packets than places: fill the rest with nothing */
	while (rte_ring_enqueue(l->channel.local_packets, NULL) == 0)
		;
	lcore_receive(l, 0, &f);
	assert_int_equal(l->w->counters.drops[DROP_CONTROL_BUSY], 1);
	while (rte_ring_dequeue(l->channel.local_packets, &m) == 0)
		rte_pktmbuf_free(m);
}

static void every_kind_of_bad_frame_has_its_own_counter(void **state)
{
	struct lcore *l = *state;
	struct frame f;

	build(&f, IPPROTO_TCP, "203.0.113.80", 443);
	f.len = 13;
	lcore_receive(l, 0, &f);
	assert_int_equal(l->w->counters.bad[PACKET_BAD_SHORT_LINK], 1);
	build(&f, IPPROTO_TCP, "203.0.113.80", 443);
	f.b[f.l3] = 0x44;
	lcore_receive(l, 0, &f);
	assert_int_equal(l->w->counters.bad[PACKET_BAD_IP_HEADER_LEN], 1);
	build(&f, IPPROTO_TCP, "203.0.113.80", 443);
	f.b[f.l4 + 12] = 0x40;
	lcore_receive(l, 0, &f);
	assert_int_equal(l->w->counters.bad[PACKET_BAD_TCP_HEADER_LEN], 1);
	assert_int_equal(lcore_drops(l), 3);
	lcore_expect_silence(l);
}

static void a_packet_in_two_buffers_is_dropped(void **state)
{
	struct lcore *l = *state;
	struct rte_mbuf *m;
	void *p = NULL;
	struct frame f;

	build(&f, IPPROTO_TCP, "203.0.113.80", 443);
	lcore_inject(l, 0, &f);
	assert_int_equal(rte_ring_dequeue(l->rx[0], &p), 0);
	m = p;
	assert_int_equal(rte_pktmbuf_chain(m, rte_pktmbuf_alloc(l->packets)), 0);
	assert_int_equal(rte_ring_enqueue(l->rx[0], m), 0);
	lcore_poll(l);
	assert_int_equal(l->w->counters.drops[DROP_SEGMENTED], 1);
	lcore_expect_silence(l);
}

static void an_unresolved_next_hop_drops_by_name(void **state)
{
	struct lcore *l = *state;
	struct frame f;

	build(&f, IPPROTO_TCP, "203.0.113.80", 443);
	lcore_receive(l, 0, &f);
	lcore_answer(l, lcore_told(l, PLUMB_MISS), PLUMB_ACTION_TUNNEL, EP_SILENT);
	lcore_poll(l);
	lcore_receive(l, 0, &f);
	assert_int_equal(l->w->counters.drops[DROP_NEXTHOP_UNRESOLVED], 2);
	lcore_expect_silence(l);
	l->view->nexthops[HOP_SILENT].mtu = LCORE_MTU;
	lcore_receive(l, 0, &f);
	rte_pktmbuf_free(lcore_sent(l, 1));
}

static void the_last_hop_is_not_passed_on(void **state)
{
	struct lcore *l = *state;

	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct frame_spec s = { .family = v6 ? BATON_IPV6 : BATON_IPV4, .proto = IPPROTO_TCP, .ttl = 1 };
		struct frame f;

		/* first packet and later ones take different ways */
		frame_build(&s, &f);
		lcore_receive(l, 0, &f);
		lcore_answer(l, lcore_told(l, PLUMB_MISS), PLUMB_ACTION_TUNNEL, v6 ? EP_TCP6 : EP_TCP4);
		lcore_poll(l);
		s.ttl = 2;
		frame_build(&s, &f);
		lcore_receive(l, 0, &f);
		rte_pktmbuf_free(lcore_sent(l, 1));
		s.ttl = 1;
		frame_build(&s, &f);
		lcore_receive(l, 0, &f);
		lcore_expect_silence(l);
	}
	assert_int_equal(l->w->counters.drops[DROP_TTL], 4);
}

static void packets_larger_than_the_way_out_are_dropped_by_name(void **state)
{
	struct frame_spec s = { .family = BATON_IPV4, .proto = IPPROTO_UDP, .payload = 1372, .padding = 9 };
	struct lcore *l = *state;
	struct frame f;

	frame_build(&s, &f);
	lcore_tunnel(l, &f, EP_UDP4);
	lcore_set_mtu(l, 1, 1400);
	lcore_receive(l, 0, &f);
	rte_pktmbuf_free(lcore_sent(l, 1));
	s.payload++;
	frame_build(&s, &f);
	expect_drop(l, &f, DROP_TOO_LONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, lcore_setup, lcore_teardown)
		T(what_nobody_serves_is_dropped_by_name),
		T(the_exception_port_gets_what_nobody_serves),
		T(the_devices_own_addresses_are_no_clients),
		T(fragments_are_dropped_by_name),
		T(pings_are_answered_where_they_came_from),
		T(wrong_pings_are_dropped_by_name),
		T(neighbourhood_goes_to_the_control_thread),
		T(a_full_ring_to_the_control_thread_drops_by_name),
		T(every_kind_of_bad_frame_has_its_own_counter),
		T(a_packet_in_two_buffers_is_dropped),
		T(an_unresolved_next_hop_drops_by_name),
		T(the_last_hop_is_not_passed_on),
		T(packets_larger_than_the_way_out_are_dropped_by_name),
#undef T
	};

	return cmocka_run_group_tests(tests, lcore_group_setup, NULL);
}
