/* SPDX-License-Identifier: BSD-3-Clause */
/* The forwarder lcore in a flood of packets without a route. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_ring.h>

#include "forwarder/burst.h"
#include "lcore.h"

enum { ROUTED_PORT = 5000 };

static void frame_make(uint16_t client_port, uint8_t tcp_flags, const char *dst, struct frame *ret)
{
	struct frame_spec s = {
		.family = BATON_IPV4, .proto = IPPROTO_TCP, .tcp_flags = tcp_flags, .sport = client_port, .dst = dst
	};

	frame_build(&s, ret);
}

/* One connection with a route; misses have a price; all accounts are empty. */
static void flooded(struct lcore *l)
{
	struct frame f;

	frame_make(ROUTED_PORT, PACKET_TCP_ACK, NULL, &f);
	lcore_tunnel(l, &f, EP_TCP4);
	miss_budget_init(&l->w->misses, MISS_PRICE);
	memset(l->w->misses.accounts, 0, sizeof l->w->misses.accounts);
}

/* A burst: n_hits packets with a route, then misses of this frame until it is full (or short by one). One turn. */
static void burst(struct lcore *l, const struct frame *miss, unsigned n_hits, unsigned n)
{
	struct frame hit;

	frame_make(ROUTED_PORT, PACKET_TCP_ACK, NULL, &hit);
	for (unsigned i = 0; i < n; i++)
		lcore_inject(l, 0, i < n_hits ? &hit : miss);
	lcore_turn(l);
}

static void swallow_sent(struct lcore *l, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		rte_pktmbuf_free(lcore_sent(l, 1));
}

/* Full bursts are held until the next one comes; an empty turn would be one with time left. */
static void swallow_held(struct lcore *l, unsigned n)
{
	l->w->path->next(l->w, NULL, 0, false);
	forwarder_worker_flush(l->w);
	swallow_sent(l, n);
}

static void swallow_told(struct lcore *l, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		channel_message_put(&l->channel, lcore_told(l, PLUMB_MISS));
}

static void hits_pass_and_misses_are_refused_by_kind(void **state)
{
	static const struct {
		uint8_t flags;
		const char *dst;
		enum forwarder_drop reason;
	} kinds[] = {
		{ PACKET_TCP_SYN, NULL, DROP_FLOOD_OPENING },
		{ PACKET_TCP_ACK, NULL, DROP_FLOOD_UNDERWAY },
		{ PACKET_TCP_SYN | PACKET_TCP_ACK, NULL, DROP_FLOOD_UNDERWAY },
		{ PACKET_TCP_SYN, INTERFACE4, DROP_FLOOD_OWN },
		{ PACKET_TCP_ACK, F4, DROP_FLOOD_OWN },
		{ PACKET_TCP_ACK, SNAT4, DROP_FLOOD_UNDERWAY },
		{ PACKET_TCP_ACK, "198.51.100.99", DROP_FLOOD_UNDERWAY },
	};
	struct lcore *l = *state;

	flooded(l);
	for (unsigned i = 0; i < sizeof kinds / sizeof *kinds; i++) {
		uint64_t before = l->w->counters.drops[kinds[i].reason], all = lcore_drops(l);
		struct frame f;

		frame_make(6000, kinds[i].flags, kinds[i].dst, &f);
		burst(l, &f, 10, WORKER_BURST);
		assert_int_equal(l->w->counters.drops[kinds[i].reason] - before, WORKER_BURST - 10);
		assert_int_equal(lcore_drops(l) - all, WORKER_BURST - 10);
		swallow_held(l, 10);
	}
	lcore_expect_silence(l);
}

static void the_last_vip_is_no_one_elses(void **state)
{
	struct lcore *l = *state;
	struct frame vip, own;

	flooded(l);
	frame_make(6000, PACKET_TCP_SYN, NULL, &vip);
	frame_make(6000, PACKET_TCP_SYN, INTERFACE4, &own);
	for (unsigned i = 0; i < WORKER_BURST; i++)
		lcore_inject(l, 0, i % 2 ? &vip : &own);
	lcore_turn(l);
	assert_int_equal(l->w->counters.drops[DROP_FLOOD_OPENING], WORKER_BURST / 2);
	assert_int_equal(l->w->counters.drops[DROP_FLOOD_OWN], WORKER_BURST / 2);
	lcore_expect_silence(l);
}

static void with_time_left_all_misses_are_served(void **state)
{
	struct lcore *l = *state;
	struct frame f;

	flooded(l);
	frame_make(6000, PACKET_TCP_SYN, NULL, &f);
	for (unsigned i = 0; i < 100; i++) {
		burst(l, &f, 0, WORKER_BURST - 1);
		swallow_told(l, WORKER_BURST - 1);
	}
	assert_int_equal(lcore_drops(l), 0);
	lcore_expect_silence(l);
}

static void hits_pay_for_misses(void **state)
{
	struct lcore *l = *state;
	struct frame f;
	unsigned n_turns = 6 * MISS_PRICE / (WORKER_BURST - 1) + 3; /* hits count when they leave */

	flooded(l);
	frame_make(6000, PACKET_TCP_ACK, NULL, &f);
	for (unsigned i = 0; i < n_turns; i++) {
		burst(l, &f, WORKER_BURST - 1, WORKER_BURST);
		if (i)
			swallow_sent(l, WORKER_BURST - 1);
	}
	swallow_held(l, WORKER_BURST - 1);
	swallow_told(l, 6);
	assert_int_equal(l->w->counters.drops[DROP_FLOOD_UNDERWAY], n_turns - 6);
	lcore_expect_silence(l);
}

/* Answers that hosts send through the device have no route at the best of times. */
static void answers_of_hosts_are_not_limited(void **state)
{
	struct frame_spec s = { .family = BATON_IPV4,
				.proto = IPPROTO_TCP,
				.tcp_flags = PACKET_TCP_ACK,
				.src = "203.0.113.80",
				.dst = "198.51.100.99" };
	struct lcore *l = *state;
	struct frame f;

	flooded(l);
	l->view->ports[0].replies = 1;
	l->view->ports[0].replies_gateway4 = HOP_HOST4;
	frame_build(&s, &f);
	for (unsigned i = 0; i < 3; i++) {
		burst(l, &f, 0, WORKER_BURST);
		swallow_sent(l, WORKER_BURST);
	}
	assert_int_equal(l->w->counters.replies_passed, 3 * WORKER_BURST);
	lcore_expect_silence(l);
}

/* Until a ring is full; what was told is not taken out meanwhile. */
static unsigned fill_ring(struct lcore *l, uint8_t tcp_flags, unsigned n)
{
	uint64_t misses = l->w->counters.misses;
	struct frame f;

	frame_make(6000, tcp_flags, NULL, &f);
	for (unsigned i = 0; i < n; i++)
		lcore_receive(l, 0, &f);
	return (unsigned)(l->w->counters.misses - misses);
}

static void a_ring_keeps_room_for_what_must_not_get_lost(void **state)
{
	unsigned n_all, n_syns, capacity;
	struct lcore *l = *state;
	struct frame f;

	flooded(l);
	capacity = rte_ring_get_capacity(l->channel.to_classifier[0]);
	n_syns = n_all = fill_ring(l, PACKET_TCP_SYN, capacity);
	assert_in_range(n_syns, capacity / 2, capacity * 4 / 5);
	n_all += fill_ring(l, PACKET_TCP_ACK, capacity);
	assert_in_range(n_all, n_syns + capacity / 10, capacity * 9 / 10);
	assert_int_equal(l->w->counters.drops[DROP_CLASSIFIER_BUSY], 2 * capacity - n_all);
	frame_make(ROUTED_PORT, PACKET_TCP_FIN | PACKET_TCP_ACK, NULL, &f);
	lcore_receive(l, 0, &f);
	assert_int_equal(l->w->counters.finals_reported, 1);
	swallow_sent(l, 1);
	swallow_told(l, n_all);
	channel_message_put(&l->channel, lcore_told(l, PLUMB_FINAL));
	lcore_expect_silence(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(hits_pass_and_misses_are_refused_by_kind, lcore_setup, lcore_teardown),
		cmocka_unit_test_setup_teardown(the_last_vip_is_no_one_elses, lcore_setup, lcore_teardown),
		cmocka_unit_test_setup_teardown(with_time_left_all_misses_are_served, lcore_setup, lcore_teardown),
		cmocka_unit_test_setup_teardown(hits_pay_for_misses, lcore_setup, lcore_teardown),
		cmocka_unit_test_setup_teardown(answers_of_hosts_are_not_limited, lcore_setup, lcore_teardown),
		cmocka_unit_test_setup_teardown(a_ring_keeps_room_for_what_must_not_get_lost, lcore_setup,
						lcore_teardown),
	};

	return cmocka_run_group_tests(tests, lcore_group_setup, NULL);
}
