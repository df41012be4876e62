/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * While bursts are full, packets that have a route wait for the next turn. What
 * happens to their routes in between happens to them.
 */
#include <netinet/in.h>
#include <string.h>

#include <rte_ring.h>

#include "lcore.h"

#define FIRST_PORT 5000 /* of the flow that is number 0 */

static void flow(unsigned n, struct frame *ret)
{
	const uint32_t number = n;
	const struct frame_spec s = { .family = n % 3 ? BATON_IPV4 : BATON_IPV6,
				      .proto = IPPROTO_TCP,
				      .sport = (uint16_t)(FIRST_PORT + n),
				      .content = &number,
				      .payload = sizeof number };

	frame_build(&s, ret);
}

/* Routes for the first n flows, all introduced. */
static void tunnel(struct lcore *l, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		struct frame f;

		flow(i, &f);
		lcore_tunnel(l, &f, f.tuple.family == BATON_IPV4 ? EP_TCP4 : EP_TCP6);
	}
}

static void inject(struct lcore *l, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++) {
		struct frame f;

		flow(i, &f);
		lcore_inject(l, 0, &f);
	}
}

/* The port has sent the packet of this flow next. */
static void expect_sent(struct lcore *l, unsigned port, unsigned n)
{
	struct rte_mbuf *m = lcore_sent(l, (uint16_t)port);
	uint32_t number;

	memcpy(&number, stage_bytes(m) + rte_pktmbuf_data_len(m) - sizeof number, sizeof number);
	assert_int_equal(number, n);
	rte_pktmbuf_free(m);
}

/* Of these flows, in their order: those of IPv4, then those of IPv6. */
static void expect_all_sent(struct lcore *l, unsigned first, unsigned n)
{
	for (unsigned i = first; i < first + n; i++)
		if (i % 3)
			expect_sent(l, 1, i);
	for (unsigned i = first; i < first + n; i++)
		if (i % 3 == 0)
			expect_sent(l, 1, i);
}

static void plumb(struct lcore *l, uint8_t type, unsigned n, uint16_t endpoint)
{
	struct plumb_message *m = channel_message_get(&l->channel);
	struct frame f;

	flow(n, &f);
	m->type = type;
	m->route = (struct plumb_route){
		.key = f.tuple, .nat = f.tuple, .endpoint = endpoint, .action = PLUMB_ACTION_RETURN
	};
	m->route.nexthop = HOP_CLIENT;
	m->route.state = BATON_CONN_ESTABLISHED;
	lcore_tell(l, m);
}

/* A message waits for its route's memory once before it is handled; the same messages have no packets with them. */
static void turn_with_messages(struct lcore *l)
{
	lcore_turn(l);
}

static void a_full_burst_leaves_with_the_next_turn(void **state)
{
	struct lcore *l = *state;

	tunnel(l, WORKER_BURST);
	inject(l, 0, WORKER_BURST);
	assert_true(lcore_turn(l) > 0);
	lcore_expect_silence(l);
	assert_true(lcore_turn(l) > 0); /* or the lcore might go to sleep */
	expect_all_sent(l, 0, WORKER_BURST);
	assert_int_equal(lcore_turn(l), 0);
	lcore_expect_silence(l);
}

static void other_bursts_leave_at_once(void **state)
{
	struct lcore *l = *state;

	tunnel(l, WORKER_BURST - 1);
	inject(l, 0, WORKER_BURST - 1);
	lcore_turn(l);
	expect_all_sent(l, 0, WORKER_BURST - 1);
	lcore_expect_silence(l);
}

static void bursts_stay_in_order(void **state)
{
	struct lcore *l = *state;

	tunnel(l, 2 * WORKER_BURST + 5);
	inject(l, 0, 2 * WORKER_BURST + 5);
	lcore_turn(l);
	lcore_expect_silence(l);
	lcore_turn(l);
	expect_all_sent(l, 0, WORKER_BURST);
	lcore_expect_silence(l);
	lcore_turn(l);
	expect_all_sent(l, WORKER_BURST, WORKER_BURST);
	expect_all_sent(l, 2 * WORKER_BURST, 5);
	lcore_expect_silence(l);
	assert_int_equal(l->w->counters.drops[DROP_TX_FULL], 0);
}

/* What came by another port makes room for it as well. */
static void another_ports_burst_is_the_next_one(void **state)
{
	struct lcore *l = *state;
	struct frame f;

	tunnel(l, WORKER_BURST + 1);
	inject(l, 0, WORKER_BURST);
	flow(WORKER_BURST, &f);
	lcore_inject(l, 1, &f);
	lcore_turn(l);
	expect_all_sent(l, 0, WORKER_BURST);
	expect_sent(l, 1, WORKER_BURST);
	lcore_expect_silence(l);
}

static void packets_without_a_route_do_not_wait(void **state)
{
	struct lcore *l = *state;

	tunnel(l, WORKER_BURST - 1);
	inject(l, 0, WORKER_BURST);
	lcore_turn(l);
	channel_message_put(&l->channel, lcore_told(l, PLUMB_MISS));
	lcore_expect_silence(l);
	lcore_poll(l);
	expect_all_sent(l, 0, WORKER_BURST - 1);
}

/* Its entry still says what it said, but nobody may believe it. */
static void a_route_deleted_meanwhile_is_not_used(void **state)
{
	struct lcore *l = *state;
	const unsigned deleted[] = { 0, 1 }; /* one of each family */

	tunnel(l, WORKER_BURST);
	for (unsigned i = 0; i < 2; i++)
		plumb(l, PLUMB_DELETE, deleted[i], VIEW_NONE);
	turn_with_messages(l); /* fetches them */
	inject(l, 0, WORKER_BURST);
	lcore_turn(l); /* asks for their routes */
	assert_int_equal(l->w->counters.routes_deleted, 0);
	assert_true(l->w->holds);
	lcore_turn(l);
	assert_int_equal(l->w->counters.routes_deleted, 2);
	for (unsigned i = 0; i < 2; i++) {
		struct plumb_message *m = lcore_told(l, PLUMB_MISS);
		struct frame f;

		flow(deleted[1 - i], &f); /* IPv4 first */
		assert_memory_equal(&m->route.key, &f.tuple, sizeof f.tuple);
		channel_message_put(&l->channel, m);
	}
	for (unsigned i = 2; i < WORKER_BURST; i++)
		if (i % 3)
			expect_sent(l, 1, i);
	for (unsigned i = 3; i < WORKER_BURST; i += 3)
		expect_sent(l, 1, i);
	lcore_expect_silence(l);
}

static void a_route_replaced_meanwhile_is_the_new_one(void **state)
{
	struct lcore *l = *state;

	tunnel(l, WORKER_BURST);
	plumb(l, PLUMB_ADD, 1, VIEW_NONE); /* out of port 0, back to the client */
	turn_with_messages(l);
	inject(l, 0, WORKER_BURST);
	lcore_turn(l);
	assert_int_equal(l->w->counters.routes_replaced, 0);
	lcore_poll(l);
	assert_int_equal(l->w->counters.routes_replaced, 1);
	expect_sent(l, 0, 1);
	for (unsigned i = 2; i < WORKER_BURST; i++)
		if (i % 3)
			expect_sent(l, 1, i);
	for (unsigned i = 0; i < WORKER_BURST; i += 3)
		expect_sent(l, 1, i);
	lcore_expect_silence(l);
}

/* lcore_teardown() misses every packet that is not given back. */
static void a_worker_that_ends_gives_held_packets_back(void **state)
{
	struct lcore *l = *state;

	tunnel(l, WORKER_BURST);
	inject(l, 0, WORKER_BURST);
	lcore_turn(l);
	assert_true(l->w->holds);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, lcore_setup, lcore_teardown)
		T(a_full_burst_leaves_with_the_next_turn),
		T(other_bursts_leave_at_once),
		T(bursts_stay_in_order),
		T(another_ports_burst_is_the_next_one),
		T(packets_without_a_route_do_not_wait),
		T(a_route_deleted_meanwhile_is_not_used),
		T(a_route_replaced_meanwhile_is_the_new_one),
		T(a_worker_that_ends_gives_held_packets_back),
#undef T
	};

	return cmocka_run_group_tests(tests, lcore_group_setup, NULL);
}
