/* SPDX-License-Identifier: BSD-3-Clause */
/* Tunneled packets through the tc program: restored, answered, dropped. */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <endian.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "baton/abi/flow_id.h"
#include "baton/proto.h"
#include "bench.h"
#include "tunnel.skel.h"

#define ID 0x05000123u /* generation 5, index 0x123 */
#define FIN_ACK 0x11
#define SYN 0x02
#define RST 0x04
#define ACK 0x10

static const char payload[] = "forty bytes of payload, odd in its length";
static const struct frame_options data = { .tcp_flags = ACK, .payload = payload, .payload_len = sizeof payload - 1 };

static struct baton_tuple client(uint8_t family, uint8_t proto)
{
	return family == BATON_IPV4 ? frame_tuple(proto, CLIENT4, 40000, VIP4, 80)
				    : frame_tuple(proto, CLIENT6, 40000, VIP6, 80);
}

static void introduce(struct bench *b, uint32_t id, uint8_t family, uint8_t proto)
{
	struct baton_tuple t = client(family, proto);
	struct frame f;

	bench_introduce(b, &f, id, &t, NULL);
	bench_run(b, &f);
	bench_counted(b, (const int[]){ AGENT_COUNTER_INTRODUCED, AGENT_COUNTER_CONSUMED, -1 });
	assert_int_equal(b->verdict, TC_ACT_SHOT);
}

/* The packet has come out as the client sent it, all checksums right. */
static void restored(struct bench *b, const struct frame *in, const struct baton_tuple *want, const void *bytes,
		     size_t len)
{
	struct baton_tuple got;
	const uint8_t *p;
	size_t n;

	assert_int_equal(b->verdict, TC_ACT_OK);
	bench_counted(b, (const int[]){ AGENT_COUNTER_RESTORED, -1 });
	assert_int_equal(b->out.len, in->len);
	frame_read(b->out.b, b->out.len, &got, &p, &n);
	assert_memory_equal(&got, want, sizeof got);
	assert_int_equal(n, len);
	assert_memory_equal(p, bytes, len);
}

static void restore_one(struct bench *b, uint8_t family, uint8_t proto)
{
	struct baton_tuple t = client(family, proto);
	struct frame f;

	introduce(b, ID, family, proto);
	bench_tunneled(&f, ID, family, proto, &data);
	bench_run(b, &f);
	restored(b, &f, &t, payload, sizeof payload - 1);
}

static void test_tcp4_is_restored(void **state)
{
	restore_one(*state, BATON_IPV4, IPPROTO_TCP);
}

static void test_udp4_is_restored(void **state)
{
	restore_one(*state, BATON_IPV4, IPPROTO_UDP);
}

static void test_tcp6_is_restored(void **state)
{
	restore_one(*state, BATON_IPV6, IPPROTO_TCP);
}

static void test_udp6_is_restored(void **state)
{
	restore_one(*state, BATON_IPV6, IPPROTO_UDP);
}

static void test_every_payload_keeps_checksums_right(void **state)
{
	struct bench *b = *state;
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_UDP);
	uint8_t bytes[2];
	struct frame f;

	introduce(b, ID, BATON_IPV4, IPPROTO_UDP);
	/* walks the checksum around the circle, over 0 and 0xffff */
	for (unsigned i = 0; i < 0x10000; i += 0x11) {
		bytes[0] = (uint8_t)(i >> 8);
		bytes[1] = (uint8_t)i;
		bench_tunneled(&f, ID, BATON_IPV4, IPPROTO_UDP,
			       &(struct frame_options){ .payload = bytes, .payload_len = 2 });
		bench_run(b, &f);
		restored(b, &f, &t, bytes, 2);
		assert_true(b->out.b[FRAME_ETH + 26] || b->out.b[FRAME_ETH + 27]);
	}
}

static void test_absent_udp_checksum_stays_absent(void **state)
{
	struct bench *b = *state;
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_UDP);
	struct frame f;

	introduce(b, ID, BATON_IPV4, IPPROTO_UDP);
	bench_tunneled(&f, ID, BATON_IPV4, IPPROTO_UDP,
		       &(struct frame_options){ .payload = payload, .payload_len = 20, .no_udp_checksum = true });
	bench_run(b, &f);
	restored(b, &f, &t, payload, 20);
	assert_int_equal(b->out.b[FRAME_ETH + 26] | b->out.b[FRAME_ETH + 27], 0);
}

static void test_ip_options_are_kept(void **state)
{
	struct bench *b = *state;
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct frame_options o = data;
	struct frame f;

	introduce(b, ID, BATON_IPV4, IPPROTO_TCP);
	for (o.ip_options = 4; o.ip_options <= 40; o.ip_options += 4) {
		bench_tunneled(&f, ID, BATON_IPV4, IPPROTO_TCP, &o);
		bench_run(b, &f);
		restored(b, &f, &t, payload, sizeof payload - 1);
	}
}

static void test_full_size_packet(void **state)
{
	static uint8_t bytes[1460];
	struct bench *b = *state;
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct frame f;

	memset(bytes, 0xa5, sizeof bytes);
	introduce(b, ID, BATON_IPV4, IPPROTO_TCP);
	bench_tunneled(&f, ID, BATON_IPV4, IPPROTO_TCP,
		       &(struct frame_options){ .tcp_flags = ACK, .payload = bytes, .payload_len = sizeof bytes });
	bench_run(b, &f);
	restored(b, &f, &t, bytes, sizeof bytes);
}

static void run_flags(struct bench *b, uint8_t flags, int state)
{
	struct agent_flow flow;
	struct frame f;

	bench_tunneled(&f, ID, BATON_IPV4, IPPROTO_TCP, &(struct frame_options){ .tcp_flags = flags });
	bench_run(b, &f);
	assert_int_equal(b->verdict, TC_ACT_OK);
	assert_int_equal(bench_flow(b, DEVICE4, ID, &flow), 0);
	assert_int_equal(flow.state, state);
}

static void test_state_follows_tcp_flags(void **state)
{
	struct bench *b = *state;
	struct agent_flow flow;

	introduce(b, ID, BATON_IPV4, IPPROTO_TCP);
	run_flags(b, SYN, BATON_CONN_SYN);
	run_flags(b, ACK, BATON_CONN_ESTABLISHED);
	run_flags(b, FIN_ACK, BATON_CONN_FIN);
	run_flags(b, ACK, BATON_CONN_FIN);
	run_flags(b, RST, BATON_CONN_CLOSED);
	run_flags(b, ACK, BATON_CONN_CLOSED);
	run_flags(b, SYN, BATON_CONN_SYN);
	assert_int_equal(bench_flow(b, DEVICE4, ID, &flow), 0);
	assert_int_equal(flow.packets, 7);
	assert_int_equal(flow.bytes, 7 * 40);
}

/* A datagram back to the device, with the code of our key; returns its body. */
static const void *answered(struct bench *b, uint8_t family, uint8_t type, uint64_t seq)
{
	static const uint8_t swapped[12] = { 2, 0, 0, 0, 0, 2, 2, 0, 0, 0, 0, 1 };
	struct baton_tuple want = family == BATON_IPV4
					  ? frame_tuple(IPPROTO_UDP, HOST4, BENCH_PORT, DEVICE4, BENCH_PORT)
					  : frame_tuple(IPPROTO_UDP, HOST6, BENCH_PORT, DEVICE6, BENCH_PORT);
	const struct baton_shim_hdr *hdr;
	struct baton_tuple got;
	const uint8_t *p;
	const void *body;
	size_t n;

	assert_int_equal(b->verdict, TC_ACT_REDIRECT);
	assert_memory_equal(b->out.b, swapped, sizeof swapped);
	frame_read(b->out.b, b->out.len, &got, &p, &n);
	assert_memory_equal(&got, &want, sizeof got);
	assert_true(p[-2] | p[-1]);
	assert_int_equal(shim_decode(p, n, &b->keys, NULL, want.saddr, want.daddr, &hdr, &body), SHIM_OK);
	assert_int_equal(hdr->type, type);
	assert_int_equal(hdr->key_id, b->keys.keys[0].id);
	assert_int_equal(be64toh(hdr->seq), seq);
	return body;
}

static void unknown_one(struct bench *b, uint8_t family, uint8_t proto, const struct frame_options *o, uint64_t seq)
{
	struct baton_shim_unknown body;
	struct frame f;

	bench_tunneled(&f, ID, family, proto, o);
	bench_run(b, &f);
	bench_counted(b, (const int[]){ AGENT_COUNTER_UNKNOWN_FLOW, AGENT_COUNTER_UNKNOWN_SENT, -1 });
	memcpy(&body, answered(b, family, BATON_SHIM_UNKNOWN, seq), sizeof body);
	assert_int_equal(ntohl(body.flow_id), ID);
}

static void test_unknown_flow_is_answered(void **state)
{
	static uint8_t bytes[1460];
	struct bench *b = *state;

	bench_set_replies(b, 8);
	unknown_one(b, BATON_IPV4, IPPROTO_TCP, &data, 5000);
	unknown_one(b, BATON_IPV6, IPPROTO_TCP, &data, 5001);
	unknown_one(b, BATON_IPV4, IPPROTO_UDP, &data, 5002);
	unknown_one(b, BATON_IPV6, IPPROTO_UDP, &data, 5003);
	/* shorter and longer than the answer, and with a header that the answer does not have */
	unknown_one(b, BATON_IPV4, IPPROTO_TCP, &(struct frame_options){ .tcp_flags = RST }, 5004);
	unknown_one(b, BATON_IPV4, IPPROTO_TCP, &(struct frame_options){ .payload = bytes, .payload_len = 1460 }, 5005);
	unknown_one(b, BATON_IPV4, IPPROTO_TCP, &(struct frame_options){ .ip_options = 40 }, 5006);
	unknown_one(b, BATON_IPV6, IPPROTO_UDP, &(struct frame_options){ .payload = bytes, .payload_len = 0 }, 5007);
}

static void test_merged_packet_is_answered(void **state)
{
	static uint8_t bytes[2800];
	struct __sk_buff ctx = { .gso_size = 1400, .gso_segs = 2 };
	struct bench *b = *state;
	struct frame f;

	bench_tunneled(&f, ID, BATON_IPV4, IPPROTO_TCP,
		       &(struct frame_options){ .tcp_flags = ACK, .payload = bytes, .payload_len = sizeof bytes });
	bench_run_ctx(b, &f, &ctx, sizeof ctx);
	bench_counted(b, (const int[]){ AGENT_COUNTER_UNKNOWN_FLOW, AGENT_COUNTER_UNKNOWN_SENT, -1 });
	answered(b, BATON_IPV4, BATON_SHIM_UNKNOWN, 5000);
}

static void stale(struct bench *b, const struct frame *f, uint64_t seq)
{
	bench_run(b, f);
	bench_counted(b, (const int[]){ AGENT_COUNTER_STALE_FLOW, AGENT_COUNTER_UNKNOWN_SENT, -1 });
	answered(b, BATON_IPV4, BATON_SHIM_UNKNOWN, seq);
}

static void test_wrong_generation_protocol_or_host_is_answered(void **state)
{
	struct bench *b = *state;
	struct baton_tuple t = frame_tuple(IPPROTO_TCP, DEVICE4, ID >> 16, HOST4_B, (uint16_t)ID);
	struct frame f;

	introduce(b, ID, BATON_IPV4, IPPROTO_TCP);
	bench_tunneled(&f, ID + (1u << BATON_FLOW_INDEX_BITS), BATON_IPV4, IPPROTO_TCP, &data);
	stale(b, &f, 5000);
	bench_tunneled(&f, ID, BATON_IPV4, IPPROTO_UDP, &data);
	stale(b, &f, 5001);
	frame_build(&f, &t, &data);
	bench_run(b, &f);
	bench_counted(b, (const int[]){ AGENT_COUNTER_STALE_FLOW, AGENT_COUNTER_UNKNOWN_SENT, -1 });
}

static void test_replies_are_limited(void **state)
{
	struct bench *b = *state;
	struct frame f;

	for (unsigned i = 0; i < BENCH_REPLIES; i++)
		unknown_one(b, BATON_IPV4, IPPROTO_TCP, &data, 5000 + i);
	bench_tunneled(&f, ID, BATON_IPV4, IPPROTO_TCP, &data);
	bench_run(b, &f);
	assert_int_equal(b->verdict, TC_ACT_SHOT);
	bench_counted(b, (const int[]){ AGENT_COUNTER_UNKNOWN_FLOW, AGENT_COUNTER_RATE, -1 });
	/* each device has a budget of its own */
	unknown_one(b, BATON_IPV6, IPPROTO_TCP, &data, 5000 + BENCH_REPLIES);
}

static void test_fragments_are_dropped(void **state)
{
	struct bench *b = *state;
	struct frame f;

	introduce(b, ID, BATON_IPV4, IPPROTO_TCP);
	for (unsigned bit = 0; bit < 14; bit++) {
		bench_tunneled(&f, ID, BATON_IPV4, IPPROTO_TCP, &data);
		f.b[FRAME_ETH + 6 + (bit < 8)] |= (uint8_t)(1u << (bit & 7));
		bench_run(b, &f);
		bench_dropped(b, AGENT_COUNTER_FRAGMENT);
	}
	bench_tunneled(&f, ID, BATON_IPV6, IPPROTO_TCP, &data);
	f.b[FRAME_ETH + 6] = IPPROTO_FRAGMENT;
	bench_run(b, &f);
	bench_dropped(b, AGENT_COUNTER_FRAGMENT);
}

static void test_extension_headers_are_dropped(void **state)
{
	static const uint8_t headers[] = { IPPROTO_HOPOPTS, IPPROTO_ROUTING, IPPROTO_DSTOPTS, IPPROTO_AH };
	struct bench *b = *state;
	struct frame f;

	for (unsigned i = 0; i < sizeof headers; i++) {
		bench_tunneled(&f, ID, BATON_IPV6, IPPROTO_TCP, &data);
		f.b[FRAME_ETH + 6] = headers[i];
		bench_run(b, &f);
		bench_dropped(b, AGENT_COUNTER_EXTENSION);
	}
}

/* Not touched and not counted. */
static void left_alone(struct bench *b, const struct frame *f)
{
	bench_run(b, f);
	assert_int_equal(b->verdict, TC_ACT_UNSPEC);
	bench_counted(b, (const int[]){ -1 });
	assert_int_equal(b->out.len, f->len);
	assert_memory_equal(b->out.b, f->b, f->len);
}

static void test_other_traffic_is_left_alone(void **state)
{
	struct bench *b = *state;
	struct baton_tuple t = frame_tuple(IPPROTO_TCP, CLIENT4, ID >> 16, HOST4, (uint16_t)ID);
	struct frame f;

	frame_build(&f, &t, &data);
	left_alone(b, &f);
	t = frame_tuple(IPPROTO_TCP, DEVICE4, ID >> 16, "10.0.0.99", (uint16_t)ID);
	frame_build(&f, &t, &data);
	left_alone(b, &f);
	t = frame_tuple(IPPROTO_UDP, CLIENT6, BENCH_PORT, HOST6, BENCH_PORT);
	frame_build(&f, &t, &data);
	left_alone(b, &f);
	/* the device may be pinged */
	bench_tunneled(&f, ID, BATON_IPV4, IPPROTO_TCP, &data);
	f.b[FRAME_ETH + 9] = IPPROTO_ICMP;
	left_alone(b, &f);
	/* neither IPv4 nor IPv6 */
	f.b[13] = 6;
	left_alone(b, &f);
}

static void test_truncated_at_every_length(void **state)
{
	static const struct {
		uint8_t family, proto;
	} kinds[] = { { BATON_IPV4, IPPROTO_TCP },
		      { BATON_IPV4, IPPROTO_UDP },
		      { BATON_IPV6, IPPROTO_TCP },
		      { BATON_IPV6, IPPROTO_UDP } };
	struct bench *b = *state;
	struct frame f;

	for (unsigned k = 0; k < sizeof kinds / sizeof kinds[0]; k++) {
		size_t ip = kinds[k].family == BATON_IPV4 ? 20 : 40;

		introduce(b, ID, kinds[k].family, kinds[k].proto);
		bench_tunneled(&f, ID, kinds[k].family, kinds[k].proto, &data);
		/* the kernel does not run frames that end before their IP header does */
		for (f.len--; f.len >= FRAME_ETH + ip; f.len--) {
			bench_run(b, &f);
			bench_dropped(b, AGENT_COUNTER_LENGTH);
		}
	}
}

static void test_absurd_lengths(void **state)
{
	struct bench *b = *state;
	struct frame f;

	introduce(b, ID, BATON_IPV4, IPPROTO_TCP);
	for (unsigned ihl = 0; ihl < 16; ihl++) {
		bench_tunneled(&f, ID, BATON_IPV4, IPPROTO_TCP, &(struct frame_options){ .tcp_flags = ACK });
		f.b[FRAME_ETH] = (uint8_t)(0x40 | ihl);
		bench_run(b, &f);
		if (ihl == 5)
			assert_int_equal(b->verdict, TC_ACT_OK);
		else
			bench_dropped(b, AGENT_COUNTER_LENGTH);
	}
	for (unsigned total = 0; total < 0x10000; total += 13) {
		bench_tunneled(&f, ID, BATON_IPV4, IPPROTO_TCP, &data);
		f.b[FRAME_ETH + 2] = (uint8_t)(total >> 8);
		f.b[FRAME_ETH + 3] = (uint8_t)total;
		bench_run(b, &f);
		if (total < 40 || total > f.len - FRAME_ETH)
			bench_dropped(b, AGENT_COUNTER_LENGTH);
	}
}

static void test_settings_are_needed_for_answers(void **state)
{
	struct bench *b = *state;
	struct frame f;
	uint32_t zero = 0;

	assert_int_equal(bpf_map_delete_elem(bpf_map__fd(b->skel->maps.settings), &zero), 0);
	bench_tunneled(&f, ID, BATON_IPV4, IPPROTO_TCP, &data);
	bench_run(b, &f);
	assert_int_equal(b->verdict, TC_ACT_SHOT);
	bench_counted(b, (const int[]){ AGENT_COUNTER_UNKNOWN_FLOW, AGENT_COUNTER_NO_SETTINGS, -1 });
	bench_tunneled(&f, ID, BATON_IPV4, IPPROTO_UDP, &data);
	bench_run(b, &f);
	bench_dropped(b, AGENT_COUNTER_NO_SETTINGS);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_tcp4_is_restored),
		TEST(test_udp4_is_restored),
		TEST(test_tcp6_is_restored),
		TEST(test_udp6_is_restored),
		TEST(test_every_payload_keeps_checksums_right),
		TEST(test_absent_udp_checksum_stays_absent),
		TEST(test_ip_options_are_kept),
		TEST(test_full_size_packet),
		TEST(test_state_follows_tcp_flags),
		TEST(test_unknown_flow_is_answered),
		TEST(test_merged_packet_is_answered),
		TEST(test_wrong_generation_protocol_or_host_is_answered),
		TEST(test_replies_are_limited),
		TEST(test_fragments_are_dropped),
		TEST(test_extension_headers_are_dropped),
		TEST(test_other_traffic_is_left_alone),
		TEST(test_truncated_at_every_length),
		TEST(test_absurd_lengths),
		TEST(test_settings_are_needed_for_answers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
