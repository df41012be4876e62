/* SPDX-License-Identifier: BSD-3-Clause */
/* The forwarder lcore: NAT routes both ways, and which classifier hears of what. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "lcore.h"

#define CLIENT4 "198.51.100.7"
#define VIP4 "203.0.113.80"
#define CLIENT6 "2001:db8:1::7"
#define VIP6 "2001:db8:80::80"
#define SNAT6 "2001:db8::20"

static const uint8_t client_mac[6] = { 2, 0, 0, 0, 0, 0xc1 };

/* One end of a packet. */
struct end {
	const char *addr;
	uint16_t port;
};

static void tuple_make(struct baton_tuple *t, uint8_t proto, struct end src, struct end dst)
{
	struct baton_addr s, d;

	assert_int_equal(baton_addr_parse(src.addr, &s), 0);
	assert_int_equal(baton_addr_parse(dst.addr, &d), 0);
	memset(t, 0, sizeof *t);
	memcpy(t->saddr, s.b, 16);
	memcpy(t->daddr, d.b, 16);
	t->sport_be = htons(src.port);
	t->dport_be = htons(dst.port);
	t->family = s.family;
	t->proto = proto;
}

static void frame_make(struct frame *f, uint8_t proto, struct end src, struct end dst, unsigned payload)
{
	struct frame_spec s = { .family = strchr(src.addr, ':') ? BATON_IPV6 : BATON_IPV4,
				.proto = proto,
				.src = src.addr,
				.dst = dst.addr,
				.sport = src.port,
				.dport = dst.port,
				.payload = payload };

	frame_build(&s, f);
}

/* A route for packets from src to dst: afterwards from new_src to new_dst. */
static struct plumb_message *route_message(struct lcore *l, uint8_t action, uint8_t proto, struct end src,
					   struct end dst, struct end new_src, struct end new_dst)
{
	struct plumb_message *m = channel_message_get(&l->channel);

	assert_non_null(m);
	m->type = PLUMB_ADD;
	tuple_make(&m->route.key, proto, src, dst);
	tuple_make(&m->route.nat, proto, new_src, new_dst);
	m->route.vip = VIP_TCP4;
	m->route.endpoint = m->route.key.family == BATON_IPV4 ? EP_TCP4 : EP_TCP6;
	m->route.action = action;
	m->route.state = BATON_CONN_ESTABLISHED;
	m->route.nexthop = VIEW_NONE;
	m->route.port = 0;
	memcpy(m->route.mac, client_mac, 6);
	return m;
}

/* m is f between other ends, one hop further, all else as it was. */
static void expect_rewritten(struct rte_mbuf *m, const struct frame *f, struct end src, struct end dst,
			     const uint8_t dst_mac[6], const uint8_t src_mac[6])
{
	uint32_t sum_at = f->tuple.proto == IPPROTO_TCP ? 16 : 6;
	const uint8_t *b = stage_bytes(m);
	struct packet_info info;
	struct baton_tuple want;

	assert_int_equal(rte_pktmbuf_data_len(m), f->len);
	assert_memory_equal(b, dst_mac, 6);
	assert_memory_equal(b + 6, src_mac, 6);
	packet_parse(b, f->len, &info);
	assert_int_equal(info.kind, PACKET_FLOW);
	tuple_make(&want, f->tuple.proto, src, dst);
	assert_memory_equal(&info.tuple, &want, sizeof want);
	assert_true(frame_checksums_right(b + f->l3, b + f->l4, f->end - f->l4, f->tuple.proto));
	assert_memory_equal(b + f->l4 + 4, f->b + f->l4 + 4, sum_at - 4);
	assert_memory_equal(b + f->l4 + sum_at + 2, f->b + f->l4 + sum_at + 2, f->end - f->l4 - sum_at - 2);
	assert_int_equal(b[f->l3 + (f->tuple.family == BATON_IPV4 ? 8 : 7)], 60);
	rte_pktmbuf_free(m);
}

static void check_both_ways(struct lcore *l, uint8_t proto, struct end client, struct end vip, struct end snat,
			    struct end host, uint16_t hop)
{
	const struct view_nexthop *h = &l->view->nexthops[hop];
	struct frame f;

	lcore_tell(l, route_message(l, PLUMB_ACTION_NAT, proto, client, vip, snat, host));
	lcore_tell(l, route_message(l, PLUMB_ACTION_RETURN, proto, host, snat, vip, client));
	lcore_poll(l);
	for (unsigned payload = 0; payload < 1400; payload += 467) {
		frame_make(&f, proto, client, vip, payload);
		lcore_receive(l, 0, &f);
		expect_rewritten(lcore_sent(l, 1), &f, snat, host, h->dst_mac, h->src_mac);
		frame_make(&f, proto, host, snat, payload);
		lcore_receive(l, 1, &f);
		expect_rewritten(lcore_sent(l, 0), &f, vip, client, client_mac, l->view->ports[0].mac);
	}
	lcore_expect_silence(l);
	assert_int_equal(lcore_drops(l), 0);
}

static void full_nat_rewrites_both_ends_both_ways(void **state)
{
	struct lcore *l = *state;

	for (unsigned i = 0; i < 2; i++) {
		uint8_t proto = i ? IPPROTO_UDP : IPPROTO_TCP;

		check_both_ways(l, proto, (struct end){ CLIENT4, 40007 }, (struct end){ VIP4, 443 },
				(struct end){ SNAT4, 2000 }, (struct end){ HOST4, 8080 }, HOP_HOST4);
		check_both_ways(l, proto, (struct end){ CLIENT6, 40007 }, (struct end){ VIP6, 443 },
				(struct end){ SNAT6, 2000 }, (struct end){ HOST6, 8080 }, HOP_HOST6);
	}
	assert_int_equal(l->w->endpoints[EP_TCP4].packets, 6);
	assert_int_equal(l->w->endpoints[EP_TCP4].return_packets, 6);
	assert_int_equal(l->w->endpoints[EP_TCP6].return_packets, 6);
}

static void half_nat_rewrites_the_vip_only(void **state)
{
	struct lcore *l = *state;
	const struct end client = { CLIENT4, 40007 }, client6 = { CLIENT6, 40007 };

	check_both_ways(l, IPPROTO_TCP, client, (struct end){ VIP4, 443 }, client, (struct end){ HOST4, 8080 },
			HOP_HOST4);
	check_both_ways(l, IPPROTO_UDP, client6, (struct end){ VIP6, 443 }, client6, (struct end){ HOST6, 8080 },
			HOP_HOST6);
}

static struct plumb_message *return_message(struct lcore *l)
{
	return route_message(l, PLUMB_ACTION_RETURN, IPPROTO_TCP, (struct end){ HOST4, 8080 },
			     (struct end){ SNAT4, 2000 }, (struct end){ VIP4, 443 }, (struct end){ CLIENT4, 40007 });
}

static void check_reply_goes_to(struct lcore *l, const uint8_t mac[6])
{
	struct frame f;

	frame_make(&f, IPPROTO_TCP, (struct end){ HOST4, 8080 }, (struct end){ SNAT4, 2000 }, 9);
	lcore_receive(l, 1, &f);
	expect_rewritten(lcore_sent(l, 0), &f, (struct end){ VIP4, 443 }, (struct end){ CLIENT4, 40007 }, mac,
			 l->view->ports[0].mac);
}

static void replies_take_the_gateway_of_the_client(void **state)
{
	struct lcore *l = *state;
	struct plumb_message *m = return_message(l);

	m->route.nexthop = HOP_CLIENT;
	lcore_tell(l, m);
	lcore_poll(l);
	check_reply_goes_to(l, l->view->nexthops[HOP_CLIENT].dst_mac);
}

static void replies_follow_a_client_that_moved(void **state)
{
	static const uint8_t elsewhere[6] = { 2, 0, 0, 0, 0, 0xc2 };
	struct lcore *l = *state;
	struct plumb_message *m;

	lcore_tell(l, return_message(l));
	lcore_poll(l);
	check_reply_goes_to(l, client_mac);
	m = return_message(l);
	memcpy(m->route.mac, elsewhere, 6);
	lcore_tell(l, m);
	lcore_poll(l);
	check_reply_goes_to(l, elsewhere);
	assert_int_equal(l->w->counters.routes_added, 1);
	assert_int_equal(l->w->counters.routes_replaced, 0);
}

static void a_return_route_does_not_need_its_endpoint(void **state)
{
	struct lcore *l = *state;

	lcore_tell(l, return_message(l));
	lcore_poll(l);
	l->view->endpoints[EP_TCP4].family = 0;
	check_reply_goes_to(l, client_mac);
	l->view->endpoints[EP_TCP4].family = BATON_IPV4;
}

static void replies_without_a_route_are_asked_for(void **state)
{
	struct lcore *l = *state;
	struct plumb_message *m;
	struct frame f;

	frame_make(&f, IPPROTO_TCP, (struct end){ HOST4, 8080 }, (struct end){ SNAT4, 2000 }, 9);
	lcore_receive(l, 1, &f);
	m = lcore_told(l, PLUMB_MISS);
	assert_int_equal(m->vip, VIEW_NONE);
	channel_message_put(&l->channel, m);

	/* to the client itself: only half NAT makes that our business */
	frame_make(&f, IPPROTO_TCP, (struct end){ HOST4, 8080 }, (struct end){ CLIENT4, 40007 }, 9);
	lcore_receive(l, 1, &f);
	lcore_expect_silence(l);
	assert_int_equal(l->w->counters.drops[DROP_NOT_LOCAL], 1);
	l->view->any_half_nat = true;
	lcore_receive(l, 1, &f);
	m = lcore_told(l, PLUMB_MISS);
	assert_int_equal(m->vip, VIEW_NONE);
	channel_message_put(&l->channel, m);
}

static void nat_packets_that_do_not_fit_are_dropped(void **state)
{
	struct lcore *l = *state;
	struct frame f;

	lcore_tell(l,
		   route_message(l, PLUMB_ACTION_NAT, IPPROTO_TCP, (struct end){ CLIENT4, 40007 },
				 (struct end){ VIP4, 443 }, (struct end){ SNAT4, 2000 }, (struct end){ HOST4, 8080 }));
	lcore_tell(l, return_message(l));
	lcore_poll(l);
	lcore_set_mtu(l, 0, 1400);
	lcore_set_mtu(l, 1, 1400);
	frame_make(&f, IPPROTO_TCP, (struct end){ CLIENT4, 40007 }, (struct end){ VIP4, 443 }, 1361);
	lcore_receive(l, 0, &f);
	frame_make(&f, IPPROTO_TCP, (struct end){ HOST4, 8080 }, (struct end){ SNAT4, 2000 }, 1361);
	lcore_receive(l, 1, &f);
	assert_int_equal(l->w->counters.drops[DROP_TOO_LONG], 2);
	lcore_expect_silence(l);
	frame_make(&f, IPPROTO_TCP, (struct end){ CLIENT4, 40007 }, (struct end){ VIP4, 443 }, 1360);
	lcore_receive(l, 0, &f);
	rte_pktmbuf_free(lcore_sent(l, 1));
}

/* The classifier that was asked about this client. */
static unsigned asked(struct lcore *l, uint16_t client_port)
{
	unsigned i;
	struct frame f;

	frame_make(&f, IPPROTO_TCP, (struct end){ CLIENT4, client_port }, (struct end){ VIP4, 443 }, 0);
	lcore_receive(l, 0, &f);
	i = rte_ring_count(l->channel.to_classifier[1]) ? 1 : 0;
	channel_message_put(&l->channel, lcore_told_to(l, i, PLUMB_MISS));
	return i;
}

static void both_sides_of_a_connection_ask_the_same_classifier(void **state)
{
	struct lcore *l = *state;
	unsigned seen[2] = { 0 };

	l->view->any_half_nat = true;
	for (uint16_t port = 5000; port < 5050; port++) {
		unsigned i = asked(l, port);
		struct frame f;

		seen[i]++;
		frame_make(&f, IPPROTO_TCP, (struct end){ HOST4, 8080 }, (struct end){ CLIENT4, port }, 0);
		lcore_receive(l, 1, &f);
		channel_message_put(&l->channel, lcore_told_to(l, i, PLUMB_MISS));
	}
	assert_true(seen[0] && seen[1]);
	/* full NAT: by slice of the port range */
	for (unsigned i = 0; i < 2; i++) {
		struct frame f;

		frame_make(&f, IPPROTO_TCP, (struct end){ HOST4, 8080 },
			   (struct end){ SNAT4, (uint16_t)(i ? 65535 : 1024) }, 0);
		lcore_receive(l, 1, &f);
		channel_message_put(&l->channel, lcore_told_to(l, i, PLUMB_MISS));
	}
}

/* Else the classifier that has the connection would never hear of its end. */
static void the_end_of_a_route_is_told_to_its_classifier_though_the_vip_is_gone(void **state)
{
	struct lcore *l = *state;
	struct view *gone = view_new(1, N_ENDPOINTS, N_HOPS, 0), *was = l->view;

	memcpy(gone->nexthops, was->nexthops, N_HOPS * sizeof *gone->nexthops);
	memcpy(gone->endpoints, was->endpoints, N_ENDPOINTS * sizeof *gone->endpoints);
	memcpy(gone->ports, was->ports, sizeof gone->ports);
	gone->keys = was->keys;
	assert_int_equal(view_seal(gone), 0);
	l->w->tsc_per_sweep4 = 0;
	for (uint16_t port = 5000; port < 5020; port++) {
		const struct end client = { CLIENT4, port }, snat = { SNAT4, (uint16_t)(port - 3000) };
		unsigned i = asked(l, port);

		lcore_tell(l, route_message(l, PLUMB_ACTION_NAT, IPPROTO_TCP, client, (struct end){ VIP4, 443 }, snat,
					    (struct end){ HOST4, 8080 }));
		lcore_tell(l, route_message(l, PLUMB_ACTION_RETURN, IPPROTO_TCP, (struct end){ HOST4, 8080 }, snat,
					    (struct end){ VIP4, 443 }, client));
		lcore_poll(l);
		l->view = gone;
		while (route_table_count(l->w->routes4))
			lcore_poll(l);
		l->view = was;
		channel_message_put(&l->channel, lcore_told_to(l, i, PLUMB_AGED));
		channel_message_put(&l->channel, lcore_told_to(l, i, PLUMB_AGED));
		lcore_expect_silence(l);
	}
	view_free(gone);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, lcore_setup, lcore_teardown)
#define T2(f) cmocka_unit_test_setup_teardown(f, lcore_setup_two_classifiers, lcore_teardown)
		T(full_nat_rewrites_both_ends_both_ways),
		T(half_nat_rewrites_the_vip_only),
		T(replies_take_the_gateway_of_the_client),
		T(replies_follow_a_client_that_moved),
		T(a_return_route_does_not_need_its_endpoint),
		T(replies_without_a_route_are_asked_for),
		T(nat_packets_that_do_not_fit_are_dropped),
		T2(both_sides_of_a_connection_ask_the_same_classifier),
		T2(the_end_of_a_route_is_told_to_its_classifier_though_the_vip_is_gone),
#undef T2
#undef T
	};

	return cmocka_run_group_tests(tests, lcore_group_setup, NULL);
}
