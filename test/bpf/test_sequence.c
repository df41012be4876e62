/* SPDX-License-Identifier: BSD-3-Clause */
/* Shim datagrams through the tc program: sequence numbers, replays, RESYNC. */
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
#include "bench.h"
#include "tunnel.skel.h"

#define ID 0x05000123u
#define SYN 0x02

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

static void test_replay_is_dropped(void **state)
{
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct bench *b = *state;
	struct frame f;

	bench_introduce(b, &f, ID, &t, NULL);
	taken_alone(b, &f);
	bench_run(b, &f);
	bench_dropped(b, AGENT_COUNTER_SHIM_REPLAYED);
}

static void test_reordered_datagrams_are_taken_once(void **state)
{
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct bench *b = *state;
	struct baton_shim_flow body;
	struct frame f;

	for (uint64_t seq = 2000 + REPLAY_WINDOW - 1; seq >= 2000; seq--) {
		shim_flow_from_tuple(&body, baton_flow_id(1, (uint32_t)seq % BENCH_FLOWS), &t);
		bench_shim(b, &f, BATON_SHIM_INTRODUCE, &body, BATON_IPV4, seq, NULL);
		bench_run(b, &f);
		assert_int_equal(b->counters[AGENT_COUNTER_SHIM_STALE] + b->counters[AGENT_COUNTER_SHIM_REPLAYED], 0);
		bench_run(b, &f);
		bench_dropped(b, AGENT_COUNTER_SHIM_REPLAYED);
	}
}

static const struct baton_shim_resync *resync_read(struct bench *b, uint8_t family, uint64_t our_seq)
{
	struct baton_tuple want = family == BATON_IPV4
					  ? frame_tuple(IPPROTO_UDP, HOST4, BENCH_PORT, DEVICE4, BENCH_PORT)
					  : frame_tuple(IPPROTO_UDP, HOST6, BENCH_PORT, DEVICE6, BENCH_PORT);
	const struct baton_shim_hdr *hdr;
	struct baton_tuple got;
	const uint8_t *p;
	const void *body;
	size_t n;

	assert_int_equal(b->verdict, TC_ACT_REDIRECT);
	bench_counted(b, (const int[]){ AGENT_COUNTER_SHIM_STALE, AGENT_COUNTER_RESYNC_SENT, -1 });
	frame_read(b->out.b, b->out.len, &got, &p, &n);
	assert_memory_equal(&got, &want, sizeof got);
	assert_int_equal(shim_decode(p, n, &b->keys, NULL, want.saddr, want.daddr, &hdr, &body), SHIM_OK);
	assert_int_equal(hdr->type, BATON_SHIM_RESYNC);
	assert_int_equal(be64toh(hdr->seq), our_seq);
	return body;
}

static void stale_one(struct bench *b, uint8_t family, uint64_t our_seq)
{
	struct baton_tuple t = client(family, IPPROTO_TCP);
	struct baton_shim_resync body;
	uint64_t top = b->seq;
	struct frame f;

	introduce_alone(b, ID, family, IPPROTO_TCP);
	b->seq = top - REPLAY_WINDOW;
	bench_introduce(b, &f, ID, &t, NULL);
	bench_run(b, &f);
	memcpy(&body, resync_read(b, family, our_seq), sizeof body);
	assert_int_equal(be64toh(body.top_seq), top);
	assert_int_equal(be64toh(body.your_seq), top - REPLAY_WINDOW);
	b->seq = top + 1;
}

static void test_stale_sequence_is_answered(void **state)
{
	stale_one(*state, BATON_IPV4, 5000);
	stale_one(*state, BATON_IPV6, 5001);
}

static void test_resyncs_are_limited(void **state)
{
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct bench *b = *state;
	struct frame f;

	introduce_alone(b, ID, BATON_IPV4, IPPROTO_TCP);
	b->seq = 1;
	for (unsigned i = 0; i < BENCH_REPLIES; i++) {
		bench_introduce(b, &f, ID, &t, NULL);
		bench_run(b, &f);
		resync_read(b, BATON_IPV4, 5000 + i);
	}
	bench_introduce(b, &f, ID, &t, NULL);
	bench_run(b, &f);
	assert_int_equal(b->verdict, TC_ACT_SHOT);
	bench_counted(b, (const int[]){ AGENT_COUNTER_SHIM_STALE, AGENT_COUNTER_RATE, -1 });
}

static uint64_t own_sequence(struct bench *b)
{
	uint32_t zero = 0;
	uint64_t seq;

	assert_int_equal(bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.sequence), &zero, &seq), 0);
	return seq;
}

static void resync_receive(struct bench *b, uint64_t top)
{
	struct baton_shim_resync body = { .top_seq = htobe64(top), .your_seq = htobe64(5000) };
	struct frame f;

	bench_shim(b, &f, BATON_SHIM_RESYNC, &body, BATON_IPV4, 1, NULL);
	bench_run(b, &f);
	assert_int_equal(b->verdict, TC_ACT_SHOT);
}

static void test_resync_moves_our_sequence_up_only(void **state)
{
	struct bench *b = *state;

	resync_receive(b, 70000);
	bench_counted(b, (const int[]){ AGENT_COUNTER_RESYNC_TAKEN, AGENT_COUNTER_CONSUMED, -1 });
	assert_int_equal(own_sequence(b), 70001);
	/* an old one, sent again, changes nothing */
	resync_receive(b, 70000);
	bench_dropped(b, AGENT_COUNTER_CONSUMED);
	resync_receive(b, 1);
	bench_dropped(b, AGENT_COUNTER_CONSUMED);
	assert_int_equal(own_sequence(b), 70001);
	/* nor one that would leave no room */
	resync_receive(b, UINT64_MAX);
	bench_dropped(b, AGENT_COUNTER_FLOW_FIELDS);
	assert_int_equal(own_sequence(b), 70001);
}

static void test_bytes_behind_a_resync(void **state)
{
	struct baton_tuple t = client(BATON_IPV4, IPPROTO_TCP);
	struct baton_shim_resync body = { .top_seq = htobe64(70000) };
	struct bench *b = *state;
	struct frame inner, f;

	frame_build(&inner, &t, &syn);
	bench_shim(b, &f, BATON_SHIM_RESYNC, &body, BATON_IPV4, 1, &inner);
	bench_run(b, &f);
	bench_dropped(b, AGENT_COUNTER_SHIM_LENGTH);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_replay_is_dropped),
		TEST(test_reordered_datagrams_are_taken_once),
		TEST(test_stale_sequence_is_answered),
		TEST(test_resyncs_are_limited),
		TEST(test_resync_moves_our_sequence_up_only),
		TEST(test_bytes_behind_a_resync),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
