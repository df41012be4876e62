/* SPDX-License-Identifier: BSD-3-Clause */
/* The forwarder lcore: what hosts, and those who pretend to be hosts, say about flows. */
#include <arpa/inet.h>
#include <endian.h>
#include <netinet/in.h>
#include <string.h>

#include "lcore.h"

static const struct frame_spec syn4 = { .family = BATON_IPV4, .proto = IPPROTO_TCP, .tcp_flags = PACKET_TCP_SYN };
static const struct frame_spec syn6 = { .family = BATON_IPV6, .proto = IPPROTO_TCP, .tcp_flags = PACKET_TCP_SYN };

static void unknown_frame(struct lcore *l, const char *from, const char *to, uint32_t flow, struct frame *ret)
{
	struct baton_shim_unknown u = { .flow_id = htonl(flow) };

	lcore_shim(l, from, to, BATON_SHIM_UNKNOWN, &u, 0, ret);
}

static uint32_t plumb(struct lcore *l, bool v6)
{
	struct frame f;

	frame_build(v6 ? &syn6 : &syn4, &f);
	return lcore_tunnel(l, &f, v6 ? EP_TCP6 : EP_TCP4);
}

/* m is a shim datagram of ours to the host; its header, with the body behind it. */
static struct baton_shim_hdr expect_shim(struct lcore *l, const struct rte_mbuf *m, bool v6, uint8_t type, void *body,
					 size_t body_len)
{
	uint32_t outer = v6 ? 48 : 28, len = rte_pktmbuf_data_len(m) - 14 - outer;
	const uint8_t *l3 = rte_pktmbuf_mtod_offset(m, const uint8_t *, 14);
	const struct baton_shim_hdr *hdr;
	struct baton_shim_hdr header;
	struct baton_addr src, dst;
	const void *b;

	assert_true(frame_checksums_right(l3, l3 + outer - 8, len + 8, IPPROTO_UDP));
	assert_int_equal(baton_addr_parse(v6 ? F6 : F4, &src), 0);
	assert_int_equal(baton_addr_parse(v6 ? HOST6 : HOST4, &dst), 0);
	assert_memory_equal(l3 + (v6 ? 8 : 12), src.b, v6 ? 16 : 4);
	assert_memory_equal(l3 + (v6 ? 24 : 16), dst.b, v6 ? 16 : 4);
	assert_int_equal(shim_decode(l3 + outer, len, &l->keys, NULL, src.b, dst.b, &hdr, &b), SHIM_OK);
	memcpy(&header, hdr, sizeof header);
	assert_int_equal(header.type, type);
	memcpy(body, b, body_len);
	return header;
}

static void check_introduced(struct lcore *l, bool v6, uint32_t flow)
{
	struct baton_shim_flow body;
	struct rte_mbuf *m = lcore_sent(l, 1);

	expect_shim(l, m, v6, BATON_SHIM_INTRODUCE, &body, sizeof body);
	assert_int_equal(ntohl(body.flow_id), flow);
	rte_pktmbuf_free(m);
	lcore_expect_silence(l);
}

static void an_unknown_flow_is_introduced_again(void **state)
{
	struct lcore *l = *state;

	for (unsigned v6 = 0; v6 < 2; v6++) {
		uint32_t flow = plumb(l, v6);
		struct frame f;

		unknown_frame(l, v6 ? HOST6 : HOST4, v6 ? F6 : F4, flow, &f);
		lcore_receive(l, 1, &f);
		check_introduced(l, v6, flow);
	}
	assert_int_equal(l->w->counters.unknown_flows, 2);
	assert_int_equal(lcore_drops(l), 0);
}

static void flows_that_are_not_the_hosts_are_not_introduced_to_it(void **state)
{
	struct lcore *l = *state;
	uint32_t flow = plumb(l, false);
	struct frame f;

	/* another host; another generation; an index that nobody has; one beyond the table */
	unknown_frame(l, SILENT4, F4, flow, &f);
	lcore_receive(l, 1, &f);
	unknown_frame(l, HOST4, F4, flow ^ 1u << 24, &f);
	lcore_receive(l, 1, &f);
	unknown_frame(l, HOST4, F4, flow ^ 1, &f);
	lcore_receive(l, 1, &f);
	unknown_frame(l, HOST4, F4, UINT32_MAX, &f);
	lcore_receive(l, 1, &f);
	lcore_expect_silence(l);
	assert_int_equal(l->w->counters.unknown_flows_gone, 4);
	assert_int_equal(l->w->counters.unknown_flows, 0);
	assert_int_equal(lcore_drops(l), 0);
}

static void expect_drop(struct lcore *l, const struct frame *f, enum forwarder_drop reason)
{
	uint64_t before = l->w->counters.drops[reason], all = lcore_drops(l);

	lcore_receive(l, 1, f);
	assert_int_equal(l->w->counters.drops[reason], before + 1);
	assert_int_equal(lcore_drops(l), all + 1);
	lcore_expect_silence(l);
}

static void every_changed_bit_is_refused(void **state)
{
	struct lcore *l = *state;
	uint32_t flow = plumb(l, false);
	uint64_t forged = 0, all = lcore_drops(l);
	unsigned n = 0;
	struct frame f;

	unknown_frame(l, HOST4, F4, flow, &f);
	for (uint32_t at = f.l4 + 8; at < f.end; at++) {
		for (unsigned bit = 0; bit < 8; bit++, n++) {
			f.b[at] ^= (uint8_t)(1u << bit);
			lcore_receive(l, 1, &f);
			f.b[at] ^= (uint8_t)(1u << bit);
		}
	}
	lcore_expect_silence(l);
	forged = l->w->counters.drops[DROP_SHIM_FORGED];
	assert_int_equal(lcore_drops(l), all + n);
	assert_int_equal(forged + l->w->counters.drops[DROP_SHIM_MALFORMED] + l->w->counters.drops[DROP_SHIM_VERSION] +
				 l->w->counters.drops[DROP_SHIM_UNKNOWN_KEY],
			 n);
	assert_true(forged >= 16 * 8);
	lcore_receive(l, 1, &f);
	check_introduced(l, false, flow);
}

static void every_length_but_the_right_one_is_refused(void **state)
{
	struct lcore *l = *state;
	uint32_t flow = plumb(l, false);
	struct frame whole;

	unknown_frame(l, HOST4, F4, flow, &whole);
	for (uint32_t len = 0; len <= 200; len++) {
		struct frame_spec s = { .family = BATON_IPV4,
					.proto = IPPROTO_UDP,
					.src = HOST4,
					.dst = F4,
					.sport = LCORE_SHIM_PORT,
					.dport = LCORE_SHIM_PORT,
					.payload = len };
		uint8_t payload[200] = { 0 };
		struct frame f;

		memcpy(payload, whole.b + whole.l4 + 8, whole.end - whole.l4 - 8);
		s.content = payload;
		frame_build(&s, &f);
		if (len != whole.end - whole.l4 - 8)
			expect_drop(l, &f, DROP_SHIM_MALFORMED);
	}
	lcore_receive(l, 1, &whole);
	check_introduced(l, false, flow);
}

static void other_keys_are_refused(void **state)
{
	struct lcore *l = *state;
	uint32_t flow = plumb(l, false);
	struct frame other_id, same_id;

	l->keys.keys[0].id ^= 1;
	unknown_frame(l, HOST4, F4, flow, &other_id);
	l->keys.keys[0].id ^= 1;
	l->keys.keys[0].sip.k0 ^= 1;
	unknown_frame(l, HOST4, F4, flow, &same_id);
	l->keys.keys[0].sip.k0 ^= 1;
	expect_drop(l, &other_id, DROP_SHIM_UNKNOWN_KEY);
	expect_drop(l, &same_id, DROP_SHIM_FORGED);
}

static void both_keys_of_a_rolling_secret_are_accepted(void **state)
{
	struct lcore *l = *state;
	uint32_t flow = plumb(l, false);
	struct frame f;

	unknown_frame(l, HOST4, F4, flow, &f);
	l->keys = (struct shim_keyring){ .keys = { { .sip = { 33, 44 }, .id = 8 }, l->keys.keys[0] }, .n_keys = 2 };
	lcore_receive(l, 1, &f);
	check_introduced(l, false, flow);
}

static void a_replayed_datagram_is_refused(void **state)
{
	struct lcore *l = *state;
	uint32_t flow = plumb(l, false);
	struct frame f;

	unknown_frame(l, HOST4, F4, flow, &f);
	lcore_receive(l, 1, &f);
	check_introduced(l, false, flow);
	for (unsigned i = 0; i < 3; i++)
		expect_drop(l, &f, DROP_SHIM_REPLAYED);
}

/* One datagram, taken by somebody on the way and sent again from elsewhere or to elsewhere. */
static void a_datagram_is_good_for_its_addresses_only(void **state)
{
	struct lcore *l = *state;
	uint32_t flow = plumb(l, false);
	struct frame right, f;
	struct frame_spec s = { .family = BATON_IPV4,
				.proto = IPPROTO_UDP,
				.src = SILENT4,
				.dst = F4,
				.sport = LCORE_SHIM_PORT,
				.dport = LCORE_SHIM_PORT };

	unknown_frame(l, HOST4, F4, flow, &right);
	s.content = right.b + right.l4 + 8;
	s.payload = right.end - right.l4 - 8;
	frame_build(&s, &f);
	expect_drop(l, &f, DROP_SHIM_FORGED);
}

static void senders_that_are_no_hosts_are_refused(void **state)
{
	struct lcore *l = *state;
	uint32_t flow = plumb(l, false);
	struct frame f;

	unknown_frame(l, "10.0.0.99", F4, flow, &f);
	expect_drop(l, &f, DROP_SHIM_FOREIGN);
	unknown_frame(l, "198.51.100.7", F4, flow, &f);
	expect_drop(l, &f, DROP_SHIM_FOREIGN);
}

static void types_for_hosts_are_refused(void **state)
{
	struct lcore *l = *state;
	struct baton_shim_flow body;
	struct frame syn, f;

	frame_build(&syn4, &syn);
	shim_flow_from_tuple(&body, plumb(l, false), &syn.tuple);
	lcore_shim(l, HOST4, F4, BATON_SHIM_INTRODUCE, &body, 0, &f);
	expect_drop(l, &f, DROP_SHIM_MALFORMED);
}

static void a_stale_datagram_is_answered_with_the_highest_number(void **state)
{
	struct lcore *l = *state;
	uint32_t flow = plumb(l, false);
	struct baton_shim_unknown u = { .flow_id = htonl(flow) };
	struct baton_shim_resync body;
	struct rte_mbuf *m;
	struct frame f;

	lcore_shim(l, HOST4, F4, BATON_SHIM_UNKNOWN, &u, 1000000, &f);
	lcore_receive(l, 1, &f);
	check_introduced(l, false, flow);
	lcore_shim(l, HOST4, F4, BATON_SHIM_UNKNOWN, &u, 1000, &f);
	lcore_receive(l, 1, &f);
	assert_int_equal(l->w->counters.drops[DROP_SHIM_STALE], 1);
	m = lcore_sent(l, 1);
	expect_shim(l, m, false, BATON_SHIM_RESYNC, &body, sizeof body);
	assert_int_equal(be64toh(body.top_seq), 1000000);
	assert_int_equal(be64toh(body.your_seq), 1000);
	assert_memory_equal(stage_bytes(m), f.b + 6, 6);
	assert_memory_equal(stage_bytes(m) + 6, l->view->ports[1].mac, 6);
	rte_pktmbuf_free(m);
	/* above the number it was told, it is heard again */
	lcore_shim(l, HOST4, F4, BATON_SHIM_UNKNOWN, &u, 1000001, &f);
	lcore_receive(l, 1, &f);
	check_introduced(l, false, flow);
}

static void resync_frame(struct lcore *l, uint64_t top, struct frame *ret)
{
	struct baton_shim_resync body = { .top_seq = htobe64(top), .your_seq = htobe64(1) };

	lcore_shim(l, HOST4, F4, BATON_SHIM_RESYNC, &body, 0, ret);
}

static uint64_t introduced_seq(struct lcore *l, uint32_t flow)
{
	struct baton_shim_flow body;
	struct baton_shim_hdr hdr;
	struct rte_mbuf *m;
	struct frame f;

	unknown_frame(l, HOST4, F4, flow, &f);
	lcore_receive(l, 1, &f);
	m = lcore_sent(l, 1);
	hdr = expect_shim(l, m, false, BATON_SHIM_INTRODUCE, &body, sizeof body);
	rte_pktmbuf_free(m);
	return be64toh(hdr.seq);
}

static void resync_raises_our_numbers_and_never_lowers_them(void **state)
{
	struct lcore *l = *state;
	uint32_t flow = plumb(l, false);
	struct frame f;

	resync_frame(l, 7000000, &f);
	lcore_receive(l, 1, &f);
	assert_int_equal(introduced_seq(l, flow), 7000001);
	assert_int_equal(l->w->counters.resyncs, 1);
	resync_frame(l, 6000000, &f);
	lcore_receive(l, 1, &f);
	assert_int_equal(introduced_seq(l, flow), 7000002);
	assert_int_equal(l->w->counters.resyncs, 1);
	/* so high that they would run out */
	resync_frame(l, UINT64_MAX, &f);
	expect_drop(l, &f, DROP_SHIM_MALFORMED);
	assert_int_equal(introduced_seq(l, flow), 7000003);
}

static void another_lcores_datagram_is_passed_on(void **state)
{
	struct lcore *l = *state;
	struct plumb_message *m;
	struct frame f;
	void *p = NULL;

	unknown_frame(l, HOST4, F4_OTHER, 1, &f);
	lcore_receive(l, 1, &f);
	assert_int_equal(rte_ring_dequeue(l->channel.to_forwarder[1], &p), 0);
	m = p;
	assert_int_equal(m->type, PLUMB_PACKET);
	assert_memory_equal(stage_bytes(m->packet), f.b, f.len);
	channel_message_put(&l->channel, m);

	/* and taken from it as if it had come in here */
	unknown_frame(l, HOST4, F4, plumb(l, false), &f);
	m = channel_message_get(&l->channel);
	m->type = PLUMB_PACKET;
	m->packet = rte_pktmbuf_alloc(l->packets);
	memcpy(rte_pktmbuf_append(m->packet, (uint16_t)f.len), f.b, f.len);
	((struct rte_mbuf *)m->packet)->port = 1;
	lcore_tell(l, m);
	lcore_poll(l);
	assert_int_equal(l->w->counters.unknown_flows, 1);
	assert_int_equal(l->w->counters.rx_packets, 2); /* the SYN and the first datagram */
	rte_pktmbuf_free(lcore_sent(l, 1));
}

/* More hosts than the table of replay windows has room for (8 × 3/4). */
static void too_many_senders_are_refused_by_name(void **state)
{
	struct lcore *l = *state;
	struct view *was = l->view, *v = view_new(N_VIPS, 10, N_HOPS, 1);
	struct frame f;

	memcpy(v->nexthops, was->nexthops, N_HOPS * sizeof *v->nexthops);
	memcpy(v->ports, was->ports, sizeof v->ports);
	v->keys = was->keys;
	v->shim_port_be = was->shim_port_be;
	v->locals[0] = *view_local_find(was, was->forwarders[0].tunnel4[0].b, BATON_IPV4);
	for (unsigned i = 0; i < 10; i++) {
		v->endpoints[i].family = BATON_IPV4;
		memcpy(v->endpoints[i].addr, (uint8_t[]){ 10, 0, 1, (uint8_t)i }, 4);
	}
	assert_int_equal(view_seal(v), 0);
	l->view = v;
	for (unsigned i = 0; i < 10; i++) {
		char from[16];

		snprintf(from, sizeof from, "10.0.1.%u", i);
		unknown_frame(l, from, F4, 1, &f);
		lcore_receive(l, 1, &f);
	}
	l->view = was;
	view_free(v);
	assert_int_equal(l->w->counters.unknown_flows_gone, 6);
	assert_int_equal(l->w->counters.drops[DROP_SHIM_FOREIGN], 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, lcore_setup, lcore_teardown)
		T(an_unknown_flow_is_introduced_again),
		T(flows_that_are_not_the_hosts_are_not_introduced_to_it),
		T(every_changed_bit_is_refused),
		T(every_length_but_the_right_one_is_refused),
		T(other_keys_are_refused),
		T(both_keys_of_a_rolling_secret_are_accepted),
		T(a_replayed_datagram_is_refused),
		T(a_datagram_is_good_for_its_addresses_only),
		T(senders_that_are_no_hosts_are_refused),
		T(types_for_hosts_are_refused),
		T(a_stale_datagram_is_answered_with_the_highest_number),
		T(resync_raises_our_numbers_and_never_lowers_them),
		T(another_lcores_datagram_is_passed_on),
		T(too_many_senders_are_refused_by_name),
#undef T
	};

	return cmocka_run_group_tests(tests, lcore_group_setup, NULL);
}
