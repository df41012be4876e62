/* SPDX-License-Identifier: BSD-3-Clause */
/* Shim datagrams through the tc program: introductions, their packets, forgeries. */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "baton/abi/flow_id.h"
#include "baton/proto.h"
#include "bench.h"

#define ID 0x05000123u
#define SYN 0x02
/* Where the datagram's header is in an IPv4 frame. */
#define SHIM_AT (FRAME_ETH + 20 + 8)

static const struct frame_options syn = { .tcp_flags = SYN };

static struct baton_tuple client(uint8_t family, uint8_t proto)
{
	return family == BATON_IPV4 ? frame_tuple(proto, CLIENT4, 40000, VIP4, 80)
				    : frame_tuple(proto, CLIENT6, 40000, VIP6, 80);
}

static void taken_alone(struct bench *b, const struct frame *f)
{
	bench_run(b, f);
	bench_counted(b, (const int[]){ AGENT_COUNTER_INTRODUCED, AGENT_COUNTER_CONSUMED, -1 });
	assert_int_equal(b->verdict, TC_ACT_SHOT);
}

static void introduce_alone(struct bench *b, uint32_t id, uint8_t family, uint8_t proto)
{
	struct baton_tuple t = client(family, proto);
	struct frame f;

	bench_introduce(b, &f, id, &t, NULL);
	taken_alone(b, &f);
}

static void flow_is(struct bench *b, const char *device, const char *host, const struct baton_tuple *t, uint8_t state)
{
	struct agent_flow flow;
	struct baton_addr h;

	assert_int_equal(baton_addr_parse(host, &h), 0);
	assert_int_equal(bench_flow(b, device, ID, &flow), 0);
	assert_memory_equal(flow.saddr, t->saddr, 16);
	assert_memory_equal(flow.daddr, t->daddr, 16);
	assert_memory_equal(flow.host, h.b, 16);
	assert_int_equal(flow.sport, t->sport_be);
	assert_int_equal(flow.dport, t->dport_be);
	assert_int_equal(flow.generation, baton_flow_generation(ID));
	assert_int_equal(flow.proto, t->proto);
	assert_int_equal(flow.state, state);
	assert_true(flow.last_used_ns > 0);
}

static void test_mapping_without_packet(void **state)
{
	struct baton_tuple t4 = client(BATON_IPV4, IPPROTO_TCP), t6 = client(BATON_IPV6, IPPROTO_UDP);
	struct bench *b = *state;

	introduce_alone(b, ID, BATON_IPV4, IPPROTO_TCP);
	introduce_alone(b, ID, BATON_IPV6, IPPROTO_UDP);
	assert_int_equal(bench_flows(b), 2);
	flow_is(b, DEVICE4, HOST4, &t4, BATON_CONN_ESTABLISHED);
	flow_is(b, DEVICE6, HOST6, &t6, BATON_CONN_UDP);
}

/* The packet inside comes out as it was, behind the link header of the outer one. */
static void unwrap_one(struct bench *b, uint8_t family, uint8_t proto, const struct frame_options *o)
{
	struct baton_tuple t = client(family, proto);
	struct frame inner, f;

	frame_build(&inner, &t, o);
	bench_introduce(b, &f, ID, &t, &inner);
	bench_run(b, &f);
	bench_counted(b, (const int[]){ AGENT_COUNTER_INTRODUCED, AGENT_COUNTER_UNWRAPPED, -1 });
	assert_int_equal(b->verdict, TC_ACT_OK);
	assert_int_equal(b->out.len, inner.len);
	assert_memory_equal(b->out.b, inner.b, inner.len);
	flow_is(b, family == BATON_IPV4 ? DEVICE4 : DEVICE6, family == BATON_IPV4 ? HOST4 : HOST6, &t,
		proto == IPPROTO_UDP ? BATON_CONN_UDP : BATON_CONN_SYN);
}

static void test_packet_inside_is_unwrapped(void **state)
{
	static uint8_t bytes[1300];

	unwrap_one(*state, BATON_IPV4, IPPROTO_TCP, &syn);
	bench_close(state);
	assert_int_equal(bench_open(state), 0);
	unwrap_one(*state, BATON_IPV6, IPPROTO_TCP, &syn);
	bench_close(state);
	assert_int_equal(bench_open(state), 0);
	unwrap_one(*state, BATON_IPV4, IPPROTO_UDP,
		   &(struct frame_options){ .payload = bytes, .payload_len = sizeof bytes });
	bench_close(state);
	assert_int_equal(bench_open(state), 0);
	unwrap_one(*state, BATON_IPV6, IPPROTO_UDP,
		   &(struct frame_options){ .payload = bytes, .payload_len = sizeof bytes });
	bench_close(state);
	assert_int_equal(bench_open(state), 0);
	unwrap_one(*state, BATON_IPV4, IPPROTO_TCP, &(struct frame_options){ .tcp_flags = SYN, .ip_options = 8 });
}

static void test_same_mapping_again_keeps_the_flow(void **state)
{
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct bench *b = *state;
	struct agent_flow flow;
	struct frame inner, f;

	unwrap_one(b, BATON_IPV4, IPPROTO_TCP, &syn);
	frame_build(&inner, &t, &syn);
	bench_introduce(b, &f, ID, &t, &inner);
	bench_run(b, &f);
	bench_counted(b, (const int[]){ AGENT_COUNTER_INTRODUCED_AGAIN, AGENT_COUNTER_UNWRAPPED, -1 });
	assert_int_equal(bench_flow(b, DEVICE4, ID, &flow), 0);
	assert_int_equal(flow.packets, 2);
	assert_int_equal(bench_flows(b), 1);
}

static void test_next_generation_takes_the_place(void **state)
{
	struct baton_tuple t = frame_tuple(IPPROTO_UDP, "198.51.100.9", 999, VIP4, 53);
	uint32_t next = ID + (1u << BATON_FLOW_INDEX_BITS);
	struct bench *b = *state;
	struct agent_flow flow;
	struct frame f;

	introduce_alone(b, ID, BATON_IPV4, IPPROTO_TCP);
	bench_introduce(b, &f, next, &t, NULL);
	taken_alone(b, &f);
	assert_int_equal(bench_flows(b), 1);
	assert_int_equal(bench_flow(b, DEVICE4, next, &flow), 0);
	assert_int_equal(flow.generation, 6);
	assert_memory_equal(flow.saddr, t.saddr, 16);
}

static void test_late_introduction_does_not_push_out_a_later_one(void **state)
{
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct bench *b = *state;
	struct agent_flow flow;
	struct frame late, f;

	bench_introduce(b, &late, ID, &t, NULL);
	bench_introduce(b, &f, ID + (1u << BATON_FLOW_INDEX_BITS), &t, NULL);
	taken_alone(b, &f);
	bench_run(b, &late);
	bench_dropped(b, AGENT_COUNTER_FLOW_OLD);
	assert_int_equal(bench_flow(b, DEVICE4, ID, &flow), 0);
	assert_int_equal(flow.generation, 6);
}

static void test_every_changed_bit_is_noticed(void **state)
{
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct bench *b = *state;
	struct frame f;

	bench_introduce(b, &f, ID, &t, NULL);
	for (unsigned bit = 0; bit < BATON_SHIM_INTRODUCE_LEN * 8; bit++) {
		f.b[SHIM_AT + bit / 8] ^= (uint8_t)(1 << bit % 8);
		bench_run(b, &f);
		assert_int_equal(b->verdict, TC_ACT_SHOT);
		assert_int_equal(b->counters[AGENT_COUNTER_INTRODUCED], 0);
		/* behind the header only the code can tell */
		if (bit >= offsetof(struct baton_shim_hdr, seq) * 8)
			bench_dropped(b, AGENT_COUNTER_SHIM_FORGED);
		f.b[SHIM_AT + bit / 8] ^= (uint8_t)(1 << bit % 8);
	}
	assert_int_equal(bench_flows(b), 0);
	taken_alone(b, &f);
}

static void header_refused(struct bench *b, unsigned at, uint8_t value, enum agent_counter why)
{
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct frame f;

	bench_introduce(b, &f, ID, &t, NULL);
	f.b[SHIM_AT + at] = value;
	bench_run(b, &f);
	bench_dropped(b, why);
}

static void test_header_fields(void **state)
{
	struct bench *b = *state;

	header_refused(b, offsetof(struct baton_shim_hdr, magic), 0, AGENT_COUNTER_SHIM_MAGIC);
	header_refused(b, offsetof(struct baton_shim_hdr, version), 2, AGENT_COUNTER_SHIM_VERSION);
	header_refused(b, offsetof(struct baton_shim_hdr, type), 0, AGENT_COUNTER_SHIM_TYPE);
	header_refused(b, offsetof(struct baton_shim_hdr, type), BATON_SHIM_UNKNOWN, AGENT_COUNTER_SHIM_TYPE);
	header_refused(b, offsetof(struct baton_shim_hdr, type), 255, AGENT_COUNTER_SHIM_TYPE);
	header_refused(b, offsetof(struct baton_shim_hdr, flags), 1, AGENT_COUNTER_SHIM_TYPE);
	header_refused(b, offsetof(struct baton_shim_hdr, len) + 1, 71, AGENT_COUNTER_SHIM_LENGTH);
	header_refused(b, offsetof(struct baton_shim_hdr, len), 1, AGENT_COUNTER_SHIM_LENGTH);
	header_refused(b, offsetof(struct baton_shim_hdr, key_id), 8, AGENT_COUNTER_SHIM_KEY);
}

static void test_both_keys_are_taken(void **state)
{
	struct shim_keyring all;
	struct bench *b = *state;

	all = b->keys;
	b->keys.keys[0] = all.keys[1];
	introduce_alone(b, ID, BATON_IPV4, IPPROTO_TCP);
	/* the right id with the other key */
	b->keys.keys[0] = all.keys[0];
	b->keys.keys[0].id = all.keys[1].id;
	{
		struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
		struct frame f;

		bench_introduce(b, &f, ID, &t, NULL);
		bench_run(b, &f);
		bench_dropped(b, AGENT_COUNTER_SHIM_FORGED);
	}
}

static void test_addresses_are_authenticated(void **state)
{
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct bench *b = *state;
	struct baton_addr other;
	struct frame f;

	/* a datagram for one of our addresses does not serve another one */
	assert_int_equal(baton_addr_parse(HOST4_B, &other), 0);
	bench_introduce(b, &f, ID, &t, NULL);
	memcpy(f.b + FRAME_ETH + 16, other.b, 4);
	bench_run(b, &f);
	bench_dropped(b, AGENT_COUNTER_SHIM_FORGED);
}

static void body_refused(struct bench *b, const struct baton_shim_flow *body, uint8_t family, enum agent_counter why)
{
	struct frame f;

	bench_shim(b, &f, BATON_SHIM_INTRODUCE, body, family, b->seq++, NULL);
	bench_run(b, &f);
	bench_dropped(b, why);
	assert_int_equal(bench_flows(b), 0);
}

static void test_mapping_fields(void **state)
{
	struct baton_tuple t4 = client(BATON_IPV4, IPPROTO_TCP), t6 = client(BATON_IPV6, IPPROTO_TCP);
	struct baton_shim_flow good, bad;
	struct bench *b = *state;

	shim_flow_from_tuple(&good, ID, &t4);
	bad = good;
	bad.family = 5;
	body_refused(b, &bad, BATON_IPV4, AGENT_COUNTER_FLOW_FIELDS);
	bad = good;
	bad.proto = IPPROTO_ICMP;
	body_refused(b, &bad, BATON_IPV4, AGENT_COUNTER_FLOW_FIELDS);
	bad = good;
	bad.sport = 0;
	body_refused(b, &bad, BATON_IPV4, AGENT_COUNTER_FLOW_FIELDS);
	bad = good;
	bad.dport = 0;
	body_refused(b, &bad, BATON_IPV4, AGENT_COUNTER_FLOW_FIELDS);
	bad = good;
	bad.zero[5] = 1;
	body_refused(b, &bad, BATON_IPV4, AGENT_COUNTER_FLOW_FIELDS);
	bad = good;
	bad.saddr[15] = 1;
	body_refused(b, &bad, BATON_IPV4, AGENT_COUNTER_FLOW_FIELDS);
	/* a tunnel can't change the family */
	body_refused(b, &good, BATON_IPV6, AGENT_COUNTER_FLOW_FIELDS);
	shim_flow_from_tuple(&bad, ID, &t6);
	body_refused(b, &bad, BATON_IPV4, AGENT_COUNTER_FLOW_FIELDS);
	/* not ours */
	bad = good;
	bad.daddr[3]++;
	body_refused(b, &bad, BATON_IPV4, AGENT_COUNTER_FLOW_VIP);
}

static void test_full_table_refuses_and_keeps(void **state)
{
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct bench *b = *state;
	struct agent_flow flow;
	struct frame f;
	unsigned n;

	/* the kernel's table holds what it was made for, and at most one more a CPU */
	for (n = 0; n < 4096; n++) {
		bench_introduce(b, &f, baton_flow_id(1, n), &t, NULL);
		bench_run(b, &f);
		if (b->counters[AGENT_COUNTER_FLOW_FULL])
			break;
	}
	assert_in_range(n, BENCH_FLOWS, 4095);
	bench_dropped(b, AGENT_COUNTER_FLOW_FULL);
	for (unsigned i = 0; i < n; i++)
		assert_int_equal(bench_flow(b, DEVICE4, baton_flow_id(1, i), &flow), 0);
	/* those that are there can still be introduced, again and anew */
	bench_introduce(b, &f, baton_flow_id(1, 0), &t, NULL);
	bench_run(b, &f);
	bench_counted(b, (const int[]){ AGENT_COUNTER_INTRODUCED_AGAIN, AGENT_COUNTER_CONSUMED, -1 });
	bench_introduce(b, &f, baton_flow_id(2, 0), &t, NULL);
	taken_alone(b, &f);
}

static void inner_refused(struct bench *b, const struct frame *inner, enum agent_counter why)
{
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct frame f;

	bench_introduce(b, &f, ID, &t, inner);
	bench_run(b, &f);
	assert_int_equal(b->verdict, TC_ACT_SHOT);
	assert_int_equal(b->counters[why], 1);
	assert_int_equal(b->counters[AGENT_COUNTER_UNWRAPPED], 0);
}

static void test_packet_of_another_flow_inside(void **state)
{
	struct baton_tuple good = client(BATON_IPV4, IPPROTO_TCP), t = client(BATON_IPV6, IPPROTO_TCP);
	struct bench *b = *state;
	struct frame inner;

	frame_build(&inner, &t, &syn);
	inner_refused(b, &inner, AGENT_COUNTER_INNER_LENGTH);
	for (unsigned i = 0; i < 5; i++) {
		t = good;
		t.saddr[3] ^= i == 0;
		t.daddr[3] ^= i == 1;
		t.sport_be ^= i == 2;
		t.dport_be ^= i == 3;
		if (i == 4)
			t.proto = IPPROTO_UDP;
		frame_build(&inner, &t, &syn);
		inner_refused(b, &inner, AGENT_COUNTER_INNER_FLOW);
	}
	frame_build(&inner, &good, &syn);
	inner.b[FRAME_ETH + 6] |= 0x20;
	inner_refused(b, &inner, AGENT_COUNTER_INNER_FLOW);
}

static void test_truncated_packet_inside(void **state)
{
	static const uint8_t payload[30] = { 1 };
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct bench *b = *state;
	struct frame inner;

	frame_build(&inner, &t, &(struct frame_options){ .tcp_flags = SYN, .payload = payload, .payload_len = 30 });
	for (inner.len--; inner.len > FRAME_ETH; inner.len--)
		inner_refused(b, &inner, AGENT_COUNTER_INNER_LENGTH);
}

static void test_truncated_at_every_length(void **state)
{
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct bench *b = *state;
	struct frame f;

	bench_introduce(b, &f, ID, &t, NULL);
	for (f.len--; f.len >= FRAME_ETH + 20; f.len--) {
		bench_run(b, &f);
		bench_dropped(b, AGENT_COUNTER_LENGTH);
	}
	/* the same with lengths that fit the frame */
	for (unsigned n = 0; n < BATON_SHIM_INTRODUCE_LEN; n++) {
		struct baton_tuple outer = frame_tuple(IPPROTO_UDP, DEVICE4, BENCH_PORT, HOST4, BENCH_PORT);
		struct frame g;

		bench_introduce(b, &f, ID, &t, NULL);
		frame_build(&g, &outer, &(struct frame_options){ .payload = f.b + SHIM_AT, .payload_len = n });
		bench_run(b, &g);
		bench_dropped(b, AGENT_COUNTER_SHIM_LENGTH);
	}
}

static void test_absurd_udp_lengths(void **state)
{
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct bench *b = *state;
	struct frame f;

	for (unsigned len = 0; len < 0x10000; len += 7) {
		bench_introduce(b, &f, ID, &t, NULL);
		f.b[FRAME_ETH + 24] = (uint8_t)(len >> 8);
		f.b[FRAME_ETH + 25] = (uint8_t)len;
		bench_run(b, &f);
		if (len != 8 + BATON_SHIM_INTRODUCE_LEN)
			bench_dropped(b, AGENT_COUNTER_SHIM_LENGTH);
	}
	assert_int_equal(bench_flows(b), 0);
}

static void test_merged_datagrams_are_refused(void **state)
{
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct __sk_buff ctx = { .gso_size = 100, .gso_segs = 2 };
	struct bench *b = *state;
	struct frame f;

	bench_introduce(b, &f, ID, &t, NULL);
	bench_run_ctx(b, &f, &ctx, sizeof ctx);
	bench_dropped(b, AGENT_COUNTER_SHIM_MERGED);
}

static void test_padding_behind_the_packet(void **state)
{
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct bench *b = *state;
	struct frame inner, f;

	frame_build(&inner, &t, &syn);
	bench_introduce(b, &f, ID, &t, &inner);
	memset(f.b + f.len, 0, 6);
	f.len += 6;
	bench_run(b, &f);
	bench_counted(b, (const int[]){ AGENT_COUNTER_INTRODUCED, AGENT_COUNTER_UNWRAPPED, -1 });
	assert_int_equal(b->out.len, inner.len + 6);
	assert_memory_equal(b->out.b, inner.b, inner.len);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_mapping_without_packet),
		TEST(test_packet_inside_is_unwrapped),
		TEST(test_same_mapping_again_keeps_the_flow),
		TEST(test_next_generation_takes_the_place),
		TEST(test_late_introduction_does_not_push_out_a_later_one),
		TEST(test_every_changed_bit_is_noticed),
		TEST(test_header_fields),
		TEST(test_both_keys_are_taken),
		TEST(test_addresses_are_authenticated),
		TEST(test_mapping_fields),
		TEST(test_full_table_refuses_and_keeps),
		TEST(test_packet_of_another_flow_inside),
		TEST(test_truncated_packet_inside),
		TEST(test_truncated_at_every_length),
		TEST(test_absurd_udp_lengths),
		TEST(test_merged_datagrams_are_refused),
		TEST(test_padding_behind_the_packet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
