/* SPDX-License-Identifier: BSD-3-Clause */
/* The forwarder lcore: how routes end, a full table, full rings, empty pools, listing. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <string.h>

#include <rte_mempool.h>
#include <rte_ring.h>

#include "lcore.h"

static void frame_of(uint8_t proto, uint16_t client_port, struct frame *ret)
{
	struct frame_spec s = {
		.family = BATON_IPV4, .proto = proto, .tcp_flags = PACKET_TCP_SYN, .sport = client_port
	};

	frame_build(&s, ret);
}

/* A second of the lcore's clock takes ten turns, and each turn sweeps. */
static void hurry(struct lcore *l)
{
	l->tsc_per_turn = l->w->tsc_hz / 10;
	l->w->tsc_per_sweep4 = l->w->tsc_per_sweep6 = 0;
}

static void idle_routes_end_and_their_classifier_hears_it(void **state)
{
	struct lcore *l = *state;
	struct plumb_message *m;
	struct frame f;
	uint16_t started;

	hurry(l);
	frame_of(IPPROTO_TCP, 5000, &f);
	lcore_tunnel(l, &f, EP_TCP4);
	started = l->w->now_s;
	while (route_table_count(l->w->routes4))
		lcore_poll(l);
	assert_true((uint16_t)(l->w->now_s - started) >= l->view->vips[VIP_TCP4].timeout_s[BATON_CONN_SYN]);
	m = lcore_told(l, PLUMB_AGED);
	assert_memory_equal(&m->route.key, &f.tuple, sizeof f.tuple);
	channel_message_put(&l->channel, m);
	assert_int_equal(l->w->counters.routes_aged, 1);
	lcore_expect_silence(l);
}

static void routes_in_use_stay(void **state)
{
	struct lcore *l = *state;
	struct frame used, idle;
	uint16_t started;

	hurry(l);
	frame_of(IPPROTO_UDP, 5000, &used);
	frame_of(IPPROTO_UDP, 5001, &idle);
	lcore_tunnel(l, &used, EP_UDP4);
	lcore_tunnel(l, &idle, EP_UDP4);
	started = l->w->now_s;
	while (route_table_count(l->w->routes4) == 2 ||
	       (uint16_t)(l->w->now_s - started) < 3 * l->view->vips[VIP_UDP4].timeout_s[BATON_CONN_UDP]) {
		lcore_receive(l, 0, &used);
		rte_pktmbuf_free(lcore_sent(l, 1));
	}
	lcore_route(l, &used.tuple);
	channel_message_put(&l->channel, lcore_told(l, PLUMB_AGED));
	lcore_expect_silence(l);
}

static void closed_routes_end_sooner(void **state)
{
	struct lcore *l = *state;
	struct plumb_message *m;
	struct frame open, closed;

	hurry(l);
	frame_of(IPPROTO_TCP, 5000, &open);
	frame_of(IPPROTO_TCP, 5001, &closed);
	lcore_tunnel(l, &open, EP_TCP4);
	lcore_tunnel(l, &closed, EP_TCP4);
	m = channel_message_get(&l->channel);
	m->type = PLUMB_SET_STATE;
	m->route.key = closed.tuple;
	m->route.state = BATON_CONN_CLOSED;
	lcore_tell(l, m);
	for (unsigned i = 0; i < 2; i++) {
		while (rte_ring_count(l->channel.to_classifier[0]) == 0)
			lcore_poll(l);
		m = lcore_told(l, PLUMB_AGED);
		assert_memory_equal(&m->route.key, i ? &open.tuple : &closed.tuple, sizeof open.tuple);
		channel_message_put(&l->channel, m);
	}
}

static void routes_of_a_removed_vip_end_at_once_though_they_are_in_use(void **state)
{
	struct lcore *l = *state;
	struct frame f;

	l->w->tsc_per_sweep4 = 0;
	frame_of(IPPROTO_TCP, 5000, &f);
	lcore_tunnel(l, &f, EP_TCP4);
	memset(l->view->vips[VIP_TCP4].timeout_s, 0, sizeof l->view->vips[VIP_TCP4].timeout_s);
	for (unsigned i = 0; route_table_count(l->w->routes4); i++) {
		assert_true(i < route_table_buckets(l->w->routes4)); /* one round of the sweep is enough */
		lcore_turn(l);
	}
	channel_message_put(&l->channel, lcore_told(l, PLUMB_AGED));
}

static void routes_of_a_vip_beyond_the_view_end(void **state)
{
	struct lcore *l = *state;
	struct frame f;

	l->w->tsc_per_sweep4 = 0;
	frame_of(IPPROTO_TCP, 5000, &f);
	lcore_tunnel(l, &f, EP_TCP4);
	l->view->n_vips = 0;
	while (route_table_count(l->w->routes4))
		lcore_poll(l);
	l->view->n_vips = N_VIPS;
	channel_message_put(&l->channel, lcore_told(l, PLUMB_AGED));
}

static struct plumb_message *miss(struct lcore *l, uint16_t port, struct frame *f)
{
	frame_of(IPPROTO_TCP, port, f);
	lcore_receive(l, 0, f);
	return lcore_told(l, PLUMB_MISS);
}

static void check_still_tunneled(struct lcore *l, uint16_t port)
{
	struct frame_spec s = { .family = BATON_IPV4, .proto = IPPROTO_TCP, .sport = port, .payload = 50 };
	struct frame f;

	frame_build(&s, &f);
	lcore_receive(l, 0, &f);
	rte_pktmbuf_free(lcore_sent(l, 1));
	lcore_expect_silence(l);
}

static void a_full_table_refuses_and_leaves_the_others_alone(void **state)
{
	struct lcore *l = *state;
	struct frame f;

	lcore_resize(l, 8);
	for (uint16_t i = 0; i < 8; i++) {
		frame_of(IPPROTO_TCP, (uint16_t)(5000 + i), &f);
		lcore_tunnel(l, &f, EP_TCP4);
	}
	for (uint16_t i = 8; i < 20; i++) {
		struct plumb_message *m;

		lcore_answer(l, miss(l, (uint16_t)(5000 + i), &f), PLUMB_ACTION_TUNNEL, EP_TCP4);
		lcore_poll(l);
		m = lcore_told(l, PLUMB_ADD_FAILED);
		assert_memory_equal(&m->route.key, &f.tuple, sizeof f.tuple);
		assert_int_equal(m->forwarder, 0);
		assert_null(m->packet);
		channel_message_put(&l->channel, m);
		lcore_expect_silence(l);
	}
	assert_int_equal(l->w->counters.drops[DROP_ROUTE_TABLE_FULL], 12);
	for (uint16_t i = 0; i < 8; i++)
		check_still_tunneled(l, (uint16_t)(5000 + i));
	assert_int_equal(lcore_drops(l), 12);
}

/* Fill a ring with messages that carry nothing. */
static unsigned stuff(struct lcore *l, struct rte_ring *ring)
{
	unsigned n = 0;

	for (;; n++) {
		struct plumb_message *m = channel_message_get(&l->channel);

		assert_non_null(m);
		if (rte_ring_enqueue(ring, m) == 0)
			continue;
		channel_message_put(&l->channel, m);
		return n;
	}
}

static void unstuff(struct lcore *l, struct rte_ring *ring, unsigned n)
{
	void *m = NULL;

	while (n--) {
		assert_int_equal(rte_ring_dequeue(ring, &m), 0);
		channel_message_put(&l->channel, m);
	}
}

static void no_refused_route_goes_unreported(void **state)
{
	struct lcore *l = *state;
	struct plumb_message *asked[5];
	struct frame f[5];
	unsigned n;

	lcore_resize(l, 1);
	frame_of(IPPROTO_TCP, 5000, &f[0]);
	lcore_tunnel(l, &f[0], EP_TCP4);
	for (uint16_t i = 0; i < 5; i++)
		asked[i] = miss(l, (uint16_t)(6000 + i), &f[i]);
	n = stuff(l, l->channel.to_classifier[0]);
	for (uint16_t i = 0; i < 5; i++)
		lcore_answer(l, asked[i], PLUMB_ACTION_TUNNEL, EP_TCP4);
	for (unsigned i = 0; i < 10; i++)
		lcore_turn(l);
	unstuff(l, l->channel.to_classifier[0], n);
	lcore_poll(l);
	for (uint16_t i = 0; i < 5; i++) {
		struct plumb_message *m = lcore_told(l, PLUMB_ADD_FAILED);

		assert_memory_equal(&m->route.key, &f[i].tuple, sizeof f[i].tuple);
		channel_message_put(&l->channel, m);
	}
	lcore_expect_silence(l);
}

static void an_idle_route_stays_until_it_can_be_reported(void **state)
{
	struct lcore *l = *state;
	struct frame f;
	unsigned n;

	frame_of(IPPROTO_TCP, 5000, &f);
	lcore_tunnel(l, &f, EP_TCP4);
	n = stuff(l, l->channel.to_classifier[0]);
	memset(l->view->vips[VIP_TCP4].timeout_s, 0, sizeof l->view->vips[VIP_TCP4].timeout_s);
	l->w->tsc_per_sweep4 = 0;
	for (unsigned i = 0; i < 2 * route_table_buckets(l->w->routes4); i++)
		lcore_turn(l);
	assert_int_equal(route_table_count(l->w->routes4), 1);
	unstuff(l, l->channel.to_classifier[0], n);
	while (route_table_count(l->w->routes4))
		lcore_poll(l);
	channel_message_put(&l->channel, lcore_told(l, PLUMB_AGED));
}

/* However many end at once, a turn is no longer for it than for a few. */
static void few_routes_end_in_one_turn(void **state)
{
	enum { N = 40 };
	struct lcore *l = *state;
	uint64_t last = 0;
	unsigned most = 0;
	struct frame f;

	lcore_resize(l, N); /* two buckets */
	for (uint16_t i = 0; i < N; i++) {
		frame_of(IPPROTO_TCP, (uint16_t)(5000 + i), &f);
		lcore_tunnel(l, &f, EP_TCP4);
	}
	memset(l->view->vips[VIP_TCP4].timeout_s, 0, sizeof l->view->vips[VIP_TCP4].timeout_s);
	l->w->tsc_per_sweep4 = 0;
	while (route_table_count(l->w->routes4)) {
		unsigned work = lcore_turn(l);

		assert_true(work || l->w->counters.routes_aged == last);
		most = l->w->counters.routes_aged - last > most ? (unsigned)(l->w->counters.routes_aged - last) : most;
		last = l->w->counters.routes_aged;
	}
	assert_in_range(most, 2, 8);
	assert_int_equal(l->w->counters.routes_aged, N);
	for (unsigned i = 0; i < N; i++)
		channel_message_put(&l->channel, lcore_told(l, PLUMB_AGED));
	lcore_expect_silence(l);
}

static void a_full_ring_to_the_classifier_costs_new_connections_only(void **state)
{
	struct frame_spec fin = {
		.family = BATON_IPV4, .proto = IPPROTO_TCP, .sport = 5000, .tcp_flags = PACKET_TCP_FIN | PACKET_TCP_ACK
	};
	struct lcore *l = *state;
	struct frame f;
	unsigned n;

	frame_of(IPPROTO_TCP, 5000, &f);
	lcore_tunnel(l, &f, EP_TCP4);
	n = stuff(l, l->channel.to_classifier[0]);
	for (uint16_t i = 0; i < 50; i++) {
		frame_of(IPPROTO_TCP, (uint16_t)(6000 + i), &f);
		lcore_receive(l, 0, &f);
	}
	assert_int_equal(l->w->counters.drops[DROP_CLASSIFIER_BUSY], 50);
	frame_build(&fin, &f);
	lcore_receive(l, 0, &f);
	rte_pktmbuf_free(lcore_sent(l, 1));
	assert_int_equal(l->w->counters.finals_lost, 1);
	unstuff(l, l->channel.to_classifier[0], n);
	check_still_tunneled(l, 5000);
}

/* Take all objects of a pool, and give them back. */
static unsigned pool_empty(struct rte_mempool *p, void **objects, unsigned max)
{
	unsigned n = 0;

	while (n < max && rte_mempool_get(p, &objects[n]) == 0)
		n++;
	return n;
}

static void an_empty_message_pool_costs_new_connections_only(void **state)
{
	static void *objects[LCORE_MESSAGES];
	struct lcore *l = *state;
	struct frame f;
	unsigned n;

	frame_of(IPPROTO_TCP, 5000, &f);
	lcore_tunnel(l, &f, EP_TCP4);
	n = pool_empty(l->channel.messages, objects, LCORE_MESSAGES);
	frame_of(IPPROTO_TCP, 6000, &f);
	lcore_receive(l, 0, &f);
	assert_int_equal(l->w->counters.drops[DROP_MESSAGES_EXHAUSTED], 1);
	check_still_tunneled(l, 5000);
	rte_mempool_put_bulk(l->channel.messages, objects, n);
	channel_message_put(&l->channel, miss(l, 6000, &f));
}

static void an_empty_packet_pool_costs_introductions_only(void **state)
{
	static void *objects[LCORE_PACKETS];
	struct frame_spec s = { .family = BATON_IPV4, .proto = IPPROTO_UDP, .payload = 1472 };
	struct lcore *l = *state;
	struct plumb_message *m;
	struct frame f;
	unsigned n;

	frame_build(&s, &f);
	lcore_receive(l, 0, &f);
	m = lcore_told(l, PLUMB_MISS);
	n = pool_empty(l->packets, objects, LCORE_PACKETS);
	lcore_answer(l, m, PLUMB_ACTION_TUNNEL, EP_UDP4);
	lcore_poll(l);
	assert_int_equal(l->w->counters.drops[DROP_BUFFERS_EXHAUSTED], 1);
	rte_pktmbuf_free(lcore_sent(l, 1)); /* the packet; the host will ask for the mapping */
	lcore_expect_silence(l);
	rte_mempool_put_bulk(l->packets, objects, n);
}

static void a_full_port_drops_by_name(void **state)
{
	struct frame_spec s = { .family = BATON_IPV4, .proto = IPPROTO_TCP, .sport = 5000 };
	struct lcore *l = *state;
	struct frame f;

	frame_of(IPPROTO_TCP, 5000, &f);
	lcore_tunnel(l, &f, EP_TCP4);
	frame_build(&s, &f);
	for (unsigned i = 0; i < 200; i++)
		lcore_receive(l, 0, &f);
	assert_int_equal(l->w->counters.drops[DROP_TX_FULL], 200 - 128);
	assert_int_equal(l->w->counters.tx_packets, 1 + 128);
	for (unsigned i = 0; i < 128; i++)
		rte_pktmbuf_free(lcore_sent(l, 1));
	check_still_tunneled(l, 5000);
}

static void ask(struct lcore *l, struct plumb_query *q)
{
	struct plumb_message *m = channel_message_get(&l->channel);

	m->type = PLUMB_QUERY;
	m->query = q;
	atomic_store(&q->done, 0);
	lcore_tell(l, m);
	lcore_poll(l);
	assert_int_equal(atomic_load(&q->done), 1);
}

static void a_query_pages_through_all_routes_once(void **state)
{
	static struct plumb_query q;
	bool seen[200] = { false };
	struct lcore *l = *state;
	unsigned pages = 0, n = 0;
	struct frame f;

	for (uint16_t i = 0; i < 200; i++) {
		frame_of(IPPROTO_TCP, (uint16_t)(5000 + i), &f);
		lcore_tunnel(l, &f, EP_TCP4);
	}
	q = (struct plumb_query){ .family = BATON_IPV4 };
	do {
		ask(l, &q);
		for (unsigned i = 0; i < q.n_rows; i++, n++) {
			unsigned which = ntohs(q.rows[i].route.key.sport_be) - 5000u;

			assert_true(which < 200);
			assert_false(seen[which]);
			seen[which] = true;
			assert_int_equal(q.rows[i].flow_id,
					 route_flow_id(l->w->routes4, lcore_route(l, &q.rows[i].route.key)));
			assert_int_equal(q.rows[i].route.vip, VIP_TCP4);
			assert_int_equal(q.rows[i].route.endpoint, EP_TCP4);
			assert_int_equal(q.rows[i].route.action, PLUMB_ACTION_TUNNEL);
			assert_int_equal(q.rows[i].packets, 1);
		}
		pages++;
	} while (q.cursor);
	assert_int_equal(n, 200);
	assert_true(pages >= 4);
}

static void a_query_by_key_finds_one_route_or_none(void **state)
{
	static struct plumb_query q;
	struct lcore *l = *state;
	struct frame f;

	frame_of(IPPROTO_TCP, 5000, &f);
	lcore_tunnel(l, &f, EP_TCP4);
	q = (struct plumb_query){ .family = BATON_IPV4, .match = 1, .key = f.tuple };
	ask(l, &q);
	assert_int_equal(q.n_rows, 1);
	assert_memory_equal(&q.rows[0].route.key, &f.tuple, sizeof f.tuple);
	q.key.sport_be = htons(5001);
	ask(l, &q);
	assert_int_equal(q.n_rows, 0);
	/* a cursor from nowhere begins again */
	q = (struct plumb_query){ .family = BATON_IPV4, .cursor = UINT32_MAX };
	ask(l, &q);
	assert_int_equal(q.n_rows, 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, lcore_setup, lcore_teardown)
		T(few_routes_end_in_one_turn),
		T(idle_routes_end_and_their_classifier_hears_it),
		T(routes_in_use_stay),
		T(closed_routes_end_sooner),
		T(routes_of_a_removed_vip_end_at_once_though_they_are_in_use),
		T(routes_of_a_vip_beyond_the_view_end),
		T(a_full_table_refuses_and_leaves_the_others_alone),
		T(no_refused_route_goes_unreported),
		T(an_idle_route_stays_until_it_can_be_reported),
		T(a_full_ring_to_the_classifier_costs_new_connections_only),
		T(an_empty_message_pool_costs_new_connections_only),
		T(an_empty_packet_pool_costs_introductions_only),
		T(a_full_port_drops_by_name),
		T(a_query_pages_through_all_routes_once),
		T(a_query_by_key_finds_one_route_or_none),
#undef T
	};

	return cmocka_run_group_tests(tests, lcore_group_setup, NULL);
}
