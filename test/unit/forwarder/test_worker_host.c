/* SPDX-License-Identifier: BSD-3-Clause */
/* The forwarder lcore between classifiers and hosts: what they say to each other about connections. */
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <string.h>

#include "lcore.h"

#define ISN_CLIENT 0x01020304u
#define ISN_SERVER 0xa1a2a3a4u

static const struct frame_spec syn4 = { .family = BATON_IPV4, .proto = IPPROTO_TCP, .tcp_flags = PACKET_TCP_SYN };
static const struct frame_spec syn6 = { .family = BATON_IPV6, .proto = IPPROTO_TCP, .tcp_flags = PACKET_TCP_SYN };

static struct baton_shim_conn conn_body(const struct baton_tuple *key, uint8_t state, uint32_t flow)
{
	struct baton_shim_conn c = { .client_isn = htonl(ISN_CLIENT),
				     .server_isn = htonl(ISN_SERVER),
				     .next_seq = htonl(ISN_CLIENT + 77),
				     .flow_id = htonl(flow),
				     .state = state,
				     .reason = BATON_SHIM_REFUSAL_OTHER,
				     .detail = htons(105),
				     .family = key->family,
				     .sport = key->sport_be,
				     .dport = key->dport_be };

	memcpy(c.saddr, key->saddr, sizeof c.saddr);
	memcpy(c.daddr, key->daddr, sizeof c.daddr);
	return c;
}

static void host_says(struct lcore *l, uint8_t type, const struct baton_shim_conn *c, struct frame *ret)
{
	bool v6 = c->family == BATON_IPV6;

	lcore_shim(l, v6 ? HOST6 : HOST4, v6 ? F6 : F4, type, c, 0, ret);
	lcore_receive(l, 1, ret);
}

static void expect_host(struct lcore *l, const struct baton_tuple *key, uint8_t state, bool report)
{
	struct plumb_message *m = lcore_told(l, PLUMB_HOST);
	struct baton_addr from;

	assert_int_equal(baton_addr_parse(key->family == BATON_IPV6 ? HOST6 : HOST4, &from), 0);
	assert_memory_equal(&m->host.key, key, sizeof *key);
	assert_memory_equal(m->host.from, from.b, 16);
	assert_int_equal(m->host.client_isn, ISN_CLIENT);
	assert_int_equal(m->host.server_isn, ISN_SERVER);
	assert_int_equal(m->host.next_seq, ISN_CLIENT + 77);
	assert_int_equal(m->host.state, state);
	assert_int_equal(m->host.reason, BATON_SHIM_REFUSAL_OTHER);
	assert_int_equal(m->host.detail, 105);
	assert_int_equal(m->host.report, report);
	assert_int_equal(m->forwarder, 0);
	channel_message_put(&l->channel, m);
	lcore_expect_silence(l);
}

static void answers_and_reports_reach_the_classifier(void **state)
{
	struct lcore *l = *state;

	for (unsigned v6 = 0; v6 < 2; v6++) {
		struct frame client, f;
		struct baton_shim_conn c;

		frame_build(v6 ? &syn6 : &syn4, &client);
		c = conn_body(&client.tuple, BATON_SHIM_CONN_REFUSED, 0);
		host_says(l, BATON_SHIM_STATE, &c, &f);
		expect_host(l, &client.tuple, BATON_SHIM_CONN_REFUSED, false);
		c.state = BATON_SHIM_CONN_ENDED;
		host_says(l, BATON_SHIM_ENDED, &c, &f);
		expect_host(l, &client.tuple, BATON_SHIM_CONN_ENDED, true);
	}
	assert_int_equal(l->w->counters.host_reports, 4);
	assert_int_equal(lcore_drops(l), 0);
}

static void each_is_heard_once(void **state)
{
	static const uint8_t types[] = { BATON_SHIM_STATE, BATON_SHIM_ENDED };
	struct lcore *l = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct frame client, f;
		struct baton_shim_conn c;

		frame_build(&syn4, &client);
		c = conn_body(&client.tuple, BATON_SHIM_CONN_OPEN, 0);
		host_says(l, types[i], &c, &f);
		expect_host(l, &client.tuple, BATON_SHIM_CONN_OPEN, types[i] == BATON_SHIM_ENDED);
		lcore_receive(l, 1, &f);
		lcore_expect_silence(l);
		assert_int_equal(l->w->counters.drops[DROP_SHIM_REPLAYED], i + 1);
	}
}

static void forged_and_foreign_ones_are_refused(void **state)
{
	struct lcore *l = *state;
	struct baton_shim_conn c;
	struct frame client, f;

	frame_build(&syn4, &client);
	c = conn_body(&client.tuple, BATON_SHIM_CONN_ENDED, 0);
	lcore_shim(l, HOST4, F4, BATON_SHIM_ENDED, &c, 0, &f);
	f.b[f.end - 1] ^= 1;
	lcore_receive(l, 1, &f);
	lcore_shim(l, "198.51.100.7", F4, BATON_SHIM_ENDED, &c, 0, &f);
	lcore_receive(l, 1, &f);
	lcore_expect_silence(l);
	assert_int_equal(l->w->counters.drops[DROP_SHIM_FORGED] + l->w->counters.drops[DROP_SHIM_MALFORMED], 1);
	assert_int_equal(l->w->counters.drops[DROP_SHIM_FOREIGN], 1);
	/* what devices say to hosts is nothing for a device */
	for (uint8_t type = BATON_SHIM_CREATE; type <= BATON_SHIM_ABORT; type++) {
		struct baton_shim_create create = { .family = BATON_IPV4, .sport = htons(1), .dport = htons(2) };

		lcore_shim(l, HOST4, F4, type, &create, 0, &f);
		lcore_receive(l, 1, &f);
		lcore_expect_silence(l);
	}
	assert_int_equal(l->w->counters.host_reports, 0);
}

static void expect_routed(struct lcore *l, uint32_t flow, bool routed)
{
	struct plumb_message *m;
	struct baton_shim_conn c;
	struct frame client, f;

	frame_build(&syn4, &client);
	c = conn_body(&client.tuple, BATON_SHIM_CONN_ENDED, flow);
	host_says(l, BATON_SHIM_ENDED, &c, &f);
	m = lcore_told(l, PLUMB_HOST);
	assert_int_equal(m->host.routed, routed);
	channel_message_put(&l->channel, m);
	lcore_expect_silence(l);
}

/* A client uses its port again, and the old connection's end is reported after the new one has begun. */
static void the_end_of_an_earlier_connection_is_told_from_the_route(void **state)
{
	struct lcore *l = *state;
	struct frame client;
	struct route *r;
	uint32_t flow;

	frame_build(&syn4, &client);
	expect_routed(l, 0, false); /* of a connection on its way to the host: no route yet */
	expect_routed(l, 77, false);
	flow = lcore_tunnel(l, &client, EP_TCP4);
	expect_routed(l, flow ^ 1u << 24, false);
	expect_routed(l, 0, false);
	expect_routed(l, flow, true);
	/* of a connection that was handed over and has sent nothing since, the host knows no flow */
	r = route_at(l->w->routes4, lcore_route(l, &client.tuple));
	r->flags &= (uint8_t)~ROUTE_FLAG_INTRODUCED & 0xf;
	expect_routed(l, flow, false);
	expect_routed(l, 0, true);
	r->flags |= ROUTE_FLAG_INTRODUCED;
	/* the classifier was asked for a new one, and has not answered */
	r->state = BATON_CONN_CLOSED;
	lcore_receive(l, 0, &client);
	channel_message_put(&l->channel, lcore_told(l, PLUMB_MISS));
	expect_routed(l, flow, false);
}

static void a_route_is_closing_as_soon_as_its_end_is_seen(void **state)
{
	static const struct {
		uint8_t flags, state;
	} cases[] = { { PACKET_TCP_FIN | PACKET_TCP_ACK, BATON_CONN_FIN }, { PACKET_TCP_RST, BATON_CONN_CLOSED } };
	struct lcore *l = *state;

	for (unsigned i = 0; i < 2; i++) {
		struct frame_spec s = syn4, end = syn4;
		struct frame client, f;

		s.sport = end.sport = (uint16_t)(5000 + i);
		end.tcp_flags = cases[i].flags;
		frame_build(&s, &client);
		frame_build(&end, &f);
		lcore_tunnel(l, &client, EP_TCP4);
		route_at(l->w->routes4, lcore_route(l, &client.tuple))->state = BATON_CONN_ESTABLISHED;
		lcore_receive(l, 0, &f);
		channel_message_put(&l->channel, lcore_told(l, PLUMB_FINAL));
		rte_pktmbuf_free(lcore_sent(l, 1));
		assert_int_equal(route_at(l->w->routes4, lcore_route(l, &client.tuple))->state, cases[i].state);
		/* the classifier has said nothing yet */
		lcore_receive(l, 0, &client);
		channel_message_put(&l->channel, lcore_told(l, PLUMB_MISS));
		/* what is said of the old one now must not be taken for the end of the new one */
		lcore_receive(l, 0, &f);
		rte_pktmbuf_free(lcore_sent(l, 1));
		lcore_expect_silence(l);
	}
}

/* The answer to something that the client's last connection was still sent. */
static void a_reset_before_the_handshake_is_over_ends_nothing(void **state)
{
	struct lcore *l = *state;
	struct frame_spec reset = syn4;
	struct frame client, f;

	reset.tcp_flags = PACKET_TCP_RST;
	frame_build(&syn4, &client);
	frame_build(&reset, &f);
	lcore_tunnel(l, &client, EP_TCP4);
	lcore_receive(l, 0, &f);
	rte_pktmbuf_free(lcore_sent(l, 1)); /* the host sees it */
	assert_int_equal(route_at(l->w->routes4, lcore_route(l, &client.tuple))->state, BATON_CONN_SYN);
	lcore_receive(l, 0, &client);
	rte_pktmbuf_free(lcore_sent(l, 1));
	lcore_expect_silence(l);
}

/* Its host ends the old connection, and the new one has the same flow id. */
static void a_client_that_forgot_its_connection_makes_reports_doubtful(void **state)
{
	struct lcore *l = *state;
	struct frame client;
	uint32_t flow;

	frame_build(&syn4, &client);
	flow = lcore_tunnel(l, &client, EP_TCP4);
	lcore_receive(l, 0, &client); /* once more: the first was lost */
	rte_pktmbuf_free(lcore_sent(l, 1));
	expect_routed(l, flow, true);
	route_at(l->w->routes4, lcore_route(l, &client.tuple))->state = BATON_CONN_ESTABLISHED;
	lcore_receive(l, 0, &client);
	rte_pktmbuf_free(lcore_sent(l, 1));
	expect_routed(l, flow, false);
}

static void a_full_ring_or_pool_loses_it_and_counts(void **state)
{
	static struct plumb_message *all[LCORE_MESSAGES];
	struct lcore *l = *state;
	struct baton_shim_conn c;
	struct frame client, f;
	unsigned n = 0;

	frame_build(&syn4, &client);
	c = conn_body(&client.tuple, BATON_SHIM_CONN_ENDED, 0);
	for (struct plumb_message *m; (m = channel_message_get(&l->channel)) != NULL; n++)
		all[n] = m;
	host_says(l, BATON_SHIM_ENDED, &c, &f);
	assert_int_equal(l->w->counters.host_reports_lost, 1);
	while (n)
		channel_message_put(&l->channel, all[--n]);
	for (unsigned i = 0; i < LCORE_RING - 1; i++)
		host_says(l, BATON_SHIM_ENDED, &c, &f);
	assert_int_equal(l->w->counters.host_reports, LCORE_RING - 1);
	host_says(l, BATON_SHIM_ENDED, &c, &f);
	assert_int_equal(l->w->counters.host_reports_lost, 2);
	for (unsigned i = 0; i < LCORE_RING - 1; i++)
		channel_message_put(&l->channel, lcore_told(l, PLUMB_HOST));
}

static void it_goes_to_the_classifier_that_has_the_client(void **state)
{
	struct lcore *l = *state;
	bool seen[2] = { false, false };

	for (uint16_t port = 40000; port < 40016; port++) {
		struct frame_spec s = syn4;
		struct baton_shim_conn c;
		struct frame client, f;
		struct plumb_message *m;
		void *p = NULL;
		unsigned at = 0;

		s.sport = port;
		frame_build(&s, &client);
		lcore_receive(l, 0, &client);
		if (rte_ring_dequeue(l->channel.to_classifier[0], &p) < 0) {
			at = 1;
			assert_int_equal(rte_ring_dequeue(l->channel.to_classifier[1], &p), 0);
		}
		seen[at] = true;
		channel_message_put(&l->channel, p);
		c = conn_body(&client.tuple, BATON_SHIM_CONN_ENDED, 0);
		host_says(l, BATON_SHIM_ENDED, &c, &f);
		m = lcore_told_to(l, at, PLUMB_HOST);
		assert_memory_equal(&m->host.key, &client.tuple, sizeof client.tuple);
		channel_message_put(&l->channel, m);
	}
	assert_true(seen[0] && seen[1]);
}

/* What a classifier prepares: link header, body, inner packet. */
static struct plumb_message *shim_message(struct lcore *l, uint8_t type, const struct baton_shim_create *body,
					  uint16_t endpoint, const struct frame *inner)
{
	struct plumb_message *m = channel_message_get(&l->channel);
	struct rte_mbuf *b = rte_pktmbuf_alloc(l->packets);
	uint16_t l2_len = (uint16_t)inner->l3;

	m->type = PLUMB_SHIM;
	m->shim_type = type;
	m->l3_offset = l2_len;
	m->route.key = inner->tuple;
	m->route.endpoint = endpoint;
	m->packet = b;
	memcpy(rte_pktmbuf_append(b, l2_len), inner->b, l2_len);
	memcpy(rte_pktmbuf_append(b, sizeof *body), body, sizeof *body);
	if (type == BATON_SHIM_CREATE)
		memcpy(rte_pktmbuf_append(b, (uint16_t)(inner->end - inner->l3)), inner->b + inner->l3,
		       inner->end - inner->l3);
	return m;
}

static struct baton_shim_create create_body(const struct baton_tuple *key)
{
	struct baton_shim_create c = { .client_isn = htonl(ISN_CLIENT),
				       .server_isn = htonl(ISN_SERVER),
				       .mss = htons(1460),
				       .family = key->family,
				       .sport = key->sport_be,
				       .dport = key->dport_be };

	memcpy(c.saddr, key->saddr, sizeof c.saddr);
	memcpy(c.daddr, key->daddr, sizeof c.daddr);
	return c;
}

static uint64_t expect_create(struct lcore *l, const struct frame *inner, const struct baton_shim_create *want,
			      uint8_t type)
{
	bool v6 = inner->tuple.family == BATON_IPV6;
	struct rte_mbuf *m = lcore_sent(l, 1);
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, inner->l3);
	uint32_t outer = v6 ? 48 : 28, len = rte_pktmbuf_data_len(m) - inner->l3 - outer;
	const struct view_nexthop *hop = &l->view->nexthops[v6 ? HOP_HOST6 : HOP_HOST4];
	const struct baton_shim_hdr *at;
	struct baton_shim_hdr hdr;
	struct baton_addr src, dst;
	const void *body;

	assert_memory_equal(stage_bytes(m), hop->dst_mac, 6);
	assert_memory_equal(stage_bytes(m) + 6, hop->src_mac, 6);
	assert_memory_equal(stage_bytes(m) + 12, inner->b + 12, inner->l3 - 12); /* VLAN tags */
	assert_true(frame_checksums_right(l3, l3 + outer - 8, len + 8, IPPROTO_UDP));
	assert_int_equal(baton_addr_parse(v6 ? F6 : F4, &src), 0);
	assert_int_equal(baton_addr_parse(v6 ? HOST6 : HOST4, &dst), 0);
	assert_int_equal(shim_decode(l3 + outer, len, &l->keys, NULL, src.b, dst.b, &at, &body), SHIM_OK);
	memcpy(&hdr, at, sizeof hdr);
	assert_int_equal(hdr.type, type);
	assert_memory_equal(body, want, sizeof *want);
	if (type == BATON_SHIM_CREATE) {
		assert_int_equal(len, BATON_SHIM_CREATE_LEN + inner->end - inner->l3);
		assert_memory_equal((const uint8_t *)body + sizeof *want, inner->b + inner->l3, inner->end - inner->l3);
	} else {
		assert_int_equal(len, BATON_SHIM_CREATE_LEN);
	}
	rte_pktmbuf_free(m);
	return be64toh(hdr.seq);
}

static void what_a_classifier_says_to_a_host_is_sealed_and_sent(void **state)
{
	struct lcore *l = *state;
	uint64_t before = 0;

	for (unsigned i = 0; i < 8; i++) {
		struct frame_spec s = { .family = i & 1 ? BATON_IPV6 : BATON_IPV4,
					.proto = IPPROTO_TCP,
					.vlans = i / 2 % 2,
					.payload = 500 };
		uint8_t type = i & 4 ? BATON_SHIM_ABORT : BATON_SHIM_CREATE;
		struct baton_shim_create body;
		struct frame inner;
		uint64_t seq;

		frame_build(&s, &inner);
		body = create_body(&inner.tuple);
		lcore_tell(l, shim_message(l, type, &body, i & 1 ? EP_TCP6 : EP_TCP4, &inner));
		lcore_poll(l);
		seq = expect_create(l, &inner, &body, type);
		assert_true(seq > before);
		before = seq;
	}
	assert_int_equal(l->w->counters.shims_sent, 8);
	assert_int_equal(lcore_drops(l), 0);
}

static void expect_refused(struct lcore *l, struct plumb_message *m, enum forwarder_drop reason)
{
	uint64_t before = l->w->counters.drops[reason], all = lcore_drops(l);

	lcore_tell(l, m);
	lcore_poll(l);
	assert_int_equal(l->w->counters.drops[reason], before + 1);
	assert_int_equal(lcore_drops(l), all + 1);
	lcore_expect_silence(l);
}

static void what_can_not_be_sent_is_dropped_by_name(void **state)
{
	struct lcore *l = *state;
	struct frame_spec s = { .family = BATON_IPV4, .proto = IPPROTO_TCP, .payload = 100 };
	struct baton_shim_create body;
	struct plumb_message *m;
	struct frame inner;

	frame_build(&s, &inner);
	body = create_body(&inner.tuple);
	expect_refused(l, shim_message(l, BATON_SHIM_CREATE, &body, EP_SILENT, &inner), DROP_NEXTHOP_UNRESOLVED);
	expect_refused(l, shim_message(l, BATON_SHIM_CREATE, &body, EP_TCP6, &inner), DROP_ROUTE_DROP);
	expect_refused(l, shim_message(l, BATON_SHIM_CREATE, &body, N_ENDPOINTS, &inner), DROP_ROUTE_DROP);
	expect_refused(l, shim_message(l, BATON_SHIM_CREATE, &body, VIEW_NONE, &inner), DROP_ROUTE_DROP);
	expect_refused(l, shim_message(l, 99, &body, EP_TCP4, &inner), DROP_ROUTE_DROP);
	m = shim_message(l, BATON_SHIM_ABORT, &body, EP_TCP4, &inner);
	rte_pktmbuf_trim(m->packet, 1);
	expect_refused(l, m, DROP_ROUTE_DROP);
	/* one byte more than fits the MTU, and just as much as fits */
	s.payload = 1500 - 28 - BATON_SHIM_CREATE_LEN - 40;
	frame_build(&s, &inner);
	lcore_tell(l, shim_message(l, BATON_SHIM_CREATE, &body, EP_TCP4, &inner));
	lcore_poll(l);
	expect_create(l, &inner, &body, BATON_SHIM_CREATE);
	s.payload++;
	frame_build(&s, &inner);
	expect_refused(l, shim_message(l, BATON_SHIM_CREATE, &body, EP_TCP4, &inner), DROP_TOO_LONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, lcore_setup, lcore_teardown)
#define T2(f) cmocka_unit_test_setup_teardown(f, lcore_setup_two_classifiers, lcore_teardown)
		T(answers_and_reports_reach_the_classifier),
		T(each_is_heard_once),
		T(forged_and_foreign_ones_are_refused),
		T(the_end_of_an_earlier_connection_is_told_from_the_route),
		T(a_route_is_closing_as_soon_as_its_end_is_seen),
		T(a_reset_before_the_handshake_is_over_ends_nothing),
		T(a_client_that_forgot_its_connection_makes_reports_doubtful),
		T(a_full_ring_or_pool_loses_it_and_counts),
		T2(it_goes_to_the_classifier_that_has_the_client),
		T(what_a_classifier_says_to_a_host_is_sealed_and_sent),
		T(what_can_not_be_sent_is_dropped_by_name),
#undef T2
#undef T
	};

	return cmocka_run_group_tests(tests, lcore_group_setup, NULL);
}
