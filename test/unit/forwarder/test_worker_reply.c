/* SPDX-License-Identifier: BSD-3-Clause */
/* The forwarder lcore: answers of hosts that reach the clients through the device only. */
#include <netinet/in.h>
#include <string.h>

#include "forwarder/checksum.h"
#include "lcore.h"

#define INSIDE 1  /* the port of the hosts */
#define OUTSIDE 0 /* the port of the gateway */

#define VIP4 "203.0.113.80"
#define VIP6 "2001:db8:80::80"
#define CLIENT4 "198.51.100.7"
#define CLIENT6 "2001:db8:1::7"

static void replies_on(struct lcore *l)
{
	struct view_port *p = &l->view->ports[INSIDE];

	p->replies = 1;
	p->replies_gateway4 = p->replies_gateway6 = HOP_CLIENT;
}

static struct frame_spec answer(uint8_t family, uint8_t proto)
{
	bool v4 = family == BATON_IPV4;

	return (struct frame_spec){ .family = family,
				    .proto = proto,
				    .src = v4 ? VIP4 : VIP6,
				    .dst = v4 ? CLIENT4 : CLIENT6,
				    .sport = 443,
				    .dport = 40007,
				    .payload = 64 };
}

static void expect_drop(struct lcore *l, const struct frame_spec *s, enum forwarder_drop reason)
{
	uint64_t before = l->w->counters.drops[reason], all = lcore_drops(l);
	struct frame f;

	frame_build(s, &f);
	lcore_receive(l, INSIDE, &f);
	assert_int_equal(l->w->counters.drops[reason], before + 1);
	assert_int_equal(lcore_drops(l), all + 1);
	lcore_expect_silence(l);
}

/* Out to the gateway, as it came but for link addresses and one hop. */
static void expect_passed(struct lcore *l, const struct frame_spec *s)
{
	uint64_t before = l->w->counters.replies_passed;
	bool v4 = s->family == BATON_IPV4;
	struct rte_mbuf *m;
	struct frame f;
	uint8_t *b;

	frame_build(s, &f);
	lcore_receive(l, INSIDE, &f);
	m = lcore_sent(l, OUTSIDE);
	b = stage_bytes(m);
	assert_int_equal(rte_pktmbuf_pkt_len(m), f.len);
	assert_memory_equal(b, l->view->nexthops[HOP_CLIENT].dst_mac, 6);
	assert_memory_equal(b + 6, l->view->ports[OUTSIDE].mac, 6);
	f.b[f.l3 + (v4 ? 8 : 7)]--;
	if (v4)
		checksum_ipv4_write(f.b + f.l3);
	assert_memory_equal(b + 12, f.b + 12, f.len - 12);
	assert_int_equal(l->w->counters.replies_passed, before + 1);
	rte_pktmbuf_free(m);
	lcore_expect_silence(l);
}

static void answers_go_to_the_gateway(void **state)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };
	struct lcore *l = *state;

	replies_on(l);
	for (unsigned i = 0; i < 2; i++) {
		struct frame_spec s4 = answer(BATON_IPV4, protos[i]), s6 = answer(BATON_IPV6, protos[i]);

		s4.tcp_flags = s6.tcp_flags = i ? PACKET_TCP_FIN | PACKET_TCP_ACK : PACKET_TCP_SYN | PACKET_TCP_ACK;
		expect_passed(l, &s4);
		expect_passed(l, &s6);
		s4.vlans = s6.vlans = 1;
		s4.options = 8;
		expect_passed(l, &s4);
		expect_passed(l, &s6);
	}
}

static void so_do_errors_and_fragments(void **state)
{
	struct frame_spec icmp4 = answer(BATON_IPV4, IPPROTO_ICMP), icmp6 = answer(BATON_IPV6, IPPROTO_ICMPV6);
	struct frame_spec part = answer(BATON_IPV4, IPPROTO_UDP);
	struct lcore *l = *state;

	replies_on(l);
	icmp4.icmp_type = 3;
	expect_passed(l, &icmp4);
	icmp6.icmp_type = 1;
	expect_passed(l, &icmp6);
	part.fragment = 0x2000;
	expect_passed(l, &part);
	part.fragment = 0x0010;
	expect_passed(l, &part);
}

static void any_hop_count_keeps_the_checksum_right(void **state)
{
	struct frame_spec s = answer(BATON_IPV4, IPPROTO_TCP);
	struct lcore *l = *state;

	replies_on(l);
	for (unsigned ttl = 2; ttl < 256; ttl++) {
		s.ttl = (uint8_t)ttl;
		expect_passed(l, &s);
	}
}

static void only_where_it_is_switched_on(void **state)
{
	struct frame_spec s4 = answer(BATON_IPV4, IPPROTO_TCP), part = answer(BATON_IPV4, IPPROTO_UDP);
	struct lcore *l = *state;

	part.fragment = 0x2000;
	expect_drop(l, &s4, DROP_NOT_LOCAL);
	expect_drop(l, &part, DROP_FRAGMENT);
	replies_on(l);
	l->view->ports[INSIDE].replies = 0;
	l->view->ports[OUTSIDE] = l->view->ports[INSIDE];
	l->view->ports[OUTSIDE].replies = 1;
	expect_drop(l, &s4, DROP_NOT_LOCAL);
}

static void nothing_but_answers(void **state)
{
	static const char *const others[] = { HOST4, F4, SNAT4, INTERFACE4, "203.0.113.81" };
	struct frame_spec s = answer(BATON_IPV4, IPPROTO_TCP);
	struct lcore *l = *state;

	replies_on(l);
	for (unsigned i = 0; i < sizeof others / sizeof *others; i++) {
		s.src = others[i];
		expect_drop(l, &s, DROP_NOT_LOCAL);
	}
	s.src = VIP4;
	s.dst = F4; /* to the device itself */
	expect_drop(l, &s, DROP_OWN_SOURCE);
}

static void what_cant_be_sent_is_dropped_by_name(void **state)
{
	struct frame_spec s4 = answer(BATON_IPV4, IPPROTO_TCP), s6 = answer(BATON_IPV6, IPPROTO_TCP);
	struct lcore *l = *state;

	replies_on(l);
	s4.ttl = s6.ttl = 1;
	expect_drop(l, &s4, DROP_TTL);
	expect_drop(l, &s6, DROP_TTL);
	s4.ttl = s6.ttl = 0;
	l->view->ports[INSIDE].replies_gateway6 = VIEW_NONE;
	expect_drop(l, &s6, DROP_NOT_LOCAL);
	lcore_set_mtu(l, OUTSIDE, 100);
	expect_drop(l, &s4, DROP_TOO_LONG);
	l->view->nexthops[HOP_CLIENT].mtu = 0;
	expect_drop(l, &s4, DROP_NEXTHOP_UNRESOLVED);
}

#define T(name) cmocka_unit_test_setup_teardown(name, lcore_setup, lcore_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(answers_go_to_the_gateway),
		T(so_do_errors_and_fragments),
		T(any_hop_count_keeps_the_checksum_right),
		T(only_where_it_is_switched_on),
		T(nothing_but_answers),
		T(what_cant_be_sent_is_dropped_by_name),
	};

	return cmocka_run_group_tests(tests, lcore_group_setup, NULL);
}
