/* SPDX-License-Identifier: BSD-3-Clause */
/* The loop around a classifier: messages and packets in, messages and packets out, nothing kept and nothing lost. */
#include "service_world.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "forwarder/packet.h"

static void frame_make(uint8_t proto, uint16_t client_port, uint8_t tcp_flags, struct frame *ret)
{
	struct frame_spec spec = { .family = BATON_IPV4,
				   .proto = proto,
				   .dst = "192.0.2.1",
				   .dport = 80,
				   .sport = client_port,
				   .tcp_flags = tcp_flags,
				   .seq = 1000,
				   .ack = 77000,
				   .payload = 5 };

	frame_build(&spec, ret);
}

static void miss(struct service_world *w, uint8_t forwarder, uint8_t proto, uint16_t client_port, uint8_t tcp_flags,
		 struct frame *ret)
{
	frame_make(proto, client_port, tcp_flags, ret);
	service_world_miss(w, forwarder, 1, ret, 0);
}

static void a_miss_becomes_a_route_that_its_packet_follows(void **state)
{
	struct service_world *w = service_world_new(IPPROTO_TCP, BATON_MODE_TUNNEL);
	struct plumb_message *m;
	struct frame f;

	miss(w, 1, IPPROTO_TCP, 5000, SYN, &f);
	m = service_world_told(w, 1, PLUMB_ADD);
	assert_memory_equal(&m->route.key, &f.tuple, sizeof f.tuple);
	assert_int_equal(m->route.action, PLUMB_ACTION_TUNNEL);
	assert_int_equal(m->route.state, BATON_CONN_SYN);
	assert_true(m->route.endpoint < 3);
	assert_memory_equal(rte_pktmbuf_mtod((struct rte_mbuf *)m->packet, void *), f.b, f.len);
	service_world_forget(w, m);
	assert_int_equal(w->s.counters.packets, 1);
	assert_int_equal(classifier_n_connections(w->s.classifier), 1);
	service_world_free(w);
}

static void the_way_back_is_plumbed_before_the_packet_goes(void **state)
{
	struct service_world *w = service_world_new(IPPROTO_TCP, BATON_MODE_FULL_NAT);
	struct plumb_message *back, *forth;
	struct frame f;

	miss(w, 0, IPPROTO_TCP, 5000, SYN, &f);
	back = service_world_told(w, 0, PLUMB_ADD);
	forth = service_world_told(w, 0, PLUMB_ADD);
	assert_null(back->packet);
	assert_int_equal(back->route.action, PLUMB_ACTION_RETURN);
	assert_int_equal(back->route.nexthop, VIEW_NONE);
	assert_int_equal(back->route.port, 1);
	assert_memory_equal(back->route.mac, f.b + 6, 6);
	assert_non_null(forth->packet);
	assert_int_equal(forth->route.action, PLUMB_ACTION_NAT);
	assert_memory_equal(forth->route.nat.saddr, back->route.key.daddr, 16);
	assert_int_equal(forth->route.nat.sport_be, back->route.key.dport_be);
	service_world_forget(w, back);
	service_world_forget(w, forth);
	service_world_free(w);
}

static uint16_t way_back(struct service_world *w, uint16_t client_port)
{
	struct plumb_message *m;
	uint16_t nexthop;
	struct frame f;

	miss(w, 0, IPPROTO_TCP, client_port, SYN, &f);
	m = service_world_told(w, 0, PLUMB_ADD);
	nexthop = m->route.nexthop;
	service_world_forget(w, m);
	service_world_forget(w, service_world_told(w, 0, PLUMB_ADD));
	return nexthop;
}

static void a_client_beyond_the_link_is_answered_by_the_gateway(void **state)
{
	struct service_world *w = service_world_new(IPPROTO_TCP, BATON_MODE_HALF_NAT);
	struct view_port *p = &w->view->ports[1];

	p->gateway4 = 3;
	assert_int_equal(way_back(w, 5000), 3);
	p->n_prefixes = 2;
	assert_int_equal(baton_prefix_parse("192.0.2.0/24", &p->prefixes[0]), 0);
	assert_int_equal(baton_prefix_parse("2001:db8::/32", &p->prefixes[1]), 0);
	assert_int_equal(way_back(w, 5001), 3);
	assert_int_equal(baton_prefix_parse("198.51.100.0/24", &p->prefixes[1]), 0);
	assert_int_equal(way_back(w, 5002), VIEW_NONE);
	service_world_free(w);
}

static void an_unknown_connection_is_reset_where_it_came_from(void **state)
{
	struct service_world *w = service_world_new(IPPROTO_TCP, BATON_MODE_TUNNEL);
	struct plumb_message *m;
	const uint8_t *b;
	struct frame f;

	miss(w, 1, IPPROTO_TCP, 5000, ACK, &f);
	m = service_world_told(w, 1, PLUMB_SEND);
	assert_int_equal(m->route.port, 1);
	assert_int_equal(rte_pktmbuf_data_len((struct rte_mbuf *)m->packet), 14 + 20 + 20);
	b = rte_pktmbuf_mtod((struct rte_mbuf *)m->packet, const uint8_t *);
	assert_memory_equal(b, f.b + 6, 6);
	assert_memory_equal(b + 6, f.b, 6);
	assert_memory_equal(b + 26, f.tuple.daddr, 4);
	assert_memory_equal(b + 30, f.tuple.saddr, 4);
	assert_memory_equal(b + 34, &f.tuple.dport_be, 2);
	assert_memory_equal(b + 36, &f.tuple.sport_be, 2);
	assert_int_equal(b[47], RST);
	assert_memory_equal(b + 38, f.b + f.l4 + 8, 4); /* its sequence number is what the packet acknowledged */
	assert_true(frame_checksums_right(b + 14, b + 34, 20, IPPROTO_TCP));
	service_world_forget(w, m);
	assert_int_equal(w->s.counters.resets_sent, 1);
	service_world_free(w);
}

static void what_gets_no_reset_is_dropped(void **state)
{
	struct service_world *w = service_world_new(IPPROTO_TCP, BATON_MODE_TUNNEL);
	struct frame f;

	miss(w, 0, IPPROTO_TCP, 5000, RST, &f);
	frame_make(IPPROTO_TCP, 5000, ACK, &f);
	f.b[f.l4 + 16] ^= 1; /* wrong checksum */
	service_world_miss(w, 0, 1, &f, 0);
	w->view->vips[0].unknown = BATON_UNKNOWN_DROP;
	miss(w, 0, IPPROTO_TCP, 5000, ACK, &f);
	/* a reply of no connection; a VIP that is gone */
	frame_make(IPPROTO_TCP, 5000, ACK, &f);
	service_world_miss(w, 0, 1, &f, VIEW_NONE);
	service_world_miss(w, 0, 1, &f, 7);
	assert_int_equal(w->s.counters.packets, 5);
	assert_int_equal(w->s.counters.resets_sent, 0);
	service_world_free(w);
}

static void connect_through(struct service_world *w, uint8_t forwarder, uint16_t client_port, struct frame *f)
{
	miss(w, forwarder, IPPROTO_TCP, client_port, SYN, f);
	service_world_forget(w, service_world_told(w, forwarder, PLUMB_ADD));
}

static void the_end_of_a_connection_reaches_all_that_hold_it(void **state)
{
	struct service_world *w = service_world_new(IPPROTO_TCP, BATON_MODE_TUNNEL);
	struct plumb_message *m;
	struct frame f;

	connect_through(w, 0, 5000, &f);
	connect_through(w, 1, 5000, &f); /* the client's packets come by another lcore now */
	m = service_world_message(w, PLUMB_FINAL, 1, &f.tuple);
	m->tcp_flags = RST;
	assert_true(channel_to_classifier(&w->channel, 0, m));
	service_world_poll(w);
	for (uint8_t i = 0; i < 2; i++) {
		m = service_world_told(w, i, PLUMB_SET_STATE);
		assert_memory_equal(&m->route.key, &f.tuple, sizeof f.tuple);
		assert_int_equal(m->route.state, BATON_CONN_CLOSED);
		service_world_forget(w, m);
	}
	assert_int_equal(classifier_n_connections(w->s.classifier), 1);
	for (uint8_t i = 0; i < 2; i++) {
		assert_true(channel_to_classifier(&w->channel, 0, service_world_message(w, PLUMB_AGED, i, &f.tuple)));
		while (classifier_service_poll(&w->s, w->view, NOW + SECONDS(60), WALL))
			;
	}
	assert_int_equal(classifier_n_connections(w->s.classifier), 0);
	service_world_free(w);
}

static void a_refused_route_ends_its_connection_and_the_way_back(void **state)
{
	struct service_world *w = service_world_new(IPPROTO_TCP, BATON_MODE_FULL_NAT);
	struct baton_tuple back;
	struct plumb_message *m;
	unsigned n = 0;
	struct frame f;

	miss(w, 0, IPPROTO_TCP, 5000, SYN, &f);
	m = service_world_told(w, 0, PLUMB_ADD);
	back = m->route.key;
	service_world_forget(w, m);
	service_world_forget(w, service_world_told(w, 0, PLUMB_ADD));
	assert_true(channel_to_classifier(&w->channel, 0, service_world_message(w, PLUMB_ADD_FAILED, 0, &f.tuple)));
	service_world_poll(w);
	while (rte_ring_count(w->channel.to_forwarder[0])) {
		m = service_world_told(w, 0, PLUMB_DELETE);
		n += memcmp(&m->route.key, &back, sizeof back) == 0;
		service_world_forget(w, m);
	}
	assert_int_equal(n, 1);
	assert_int_equal(classifier_n_connections(w->s.classifier), 0);
	service_world_free(w);
}

static unsigned stuff(struct service_world *w, uint8_t forwarder, unsigned room)
{
	struct rte_ring *r = w->channel.to_forwarder[forwarder];
	unsigned n = 0;

	for (; rte_ring_free_count(r) > room; n++)
		assert_int_equal(rte_ring_enqueue(r, channel_message_get(&w->channel)), 0);
	return n;
}

static void drain(struct service_world *w, uint8_t forwarder)
{
	void *m;

	while (rte_ring_dequeue(w->channel.to_forwarder[forwarder], &m) == 0)
		channel_message_put(&w->channel, m);
}

/* With no place, or one, for the two routes: neither the packet, nor a message, nor a connection stays. */
static void a_full_ring_to_the_forwarder_costs_the_connection_only(void **state)
{
	for (uint8_t mode = BATON_MODE_TUNNEL; mode < BATON_N_MODES; mode++) {
		for (unsigned room = 0; room <= (mode != BATON_MODE_TUNNEL); room++) {
			struct service_world *w = service_world_new(IPPROTO_TCP, mode);
			struct frame f;

			stuff(w, 0, room);
			for (uint16_t i = 0; i < 20; i++)
				miss(w, 0, IPPROTO_TCP, (uint16_t)(5000 + i), SYN, &f);
			assert_true(w->s.counters.forwarder_busy >= 20);
			assert_int_equal(classifier_n_connections(w->s.classifier), 0);
			drain(w, 0);
			miss(w, 0, IPPROTO_TCP, 5000, SYN, &f);
			assert_int_equal(classifier_n_connections(w->s.classifier), 1);
			drain(w, 0);
			service_world_free(w);
		}
	}
}

static void an_empty_message_pool_costs_the_connection_only(void **state)
{
	struct service_world *w = service_world_new(IPPROTO_TCP, BATON_MODE_FULL_NAT);
	static struct plumb_message *all[N_MESSAGES];
	struct plumb_message *m;
	unsigned n = 0;
	struct frame f;

	frame_make(IPPROTO_TCP, 5000, SYN, &f);
	m = service_world_message(w, PLUMB_MISS, 0, &f.tuple);
	m->tcp_flags = SYN;
	m->packet = rte_pktmbuf_alloc(service_world_packets);
	memcpy(rte_pktmbuf_append(m->packet, (uint16_t)f.len), f.b, f.len);
	((struct rte_mbuf *)m->packet)->port = 1;
	m->route.port = 1;
	assert_true(channel_to_classifier(&w->channel, 0, m));
	while ((all[n] = channel_message_get(&w->channel)) != NULL)
		n++;
	service_world_poll(w);
	/* the way back could not be plumbed, so the packet must not go */
	while (rte_ring_count(w->channel.to_forwarder[0]))
		service_world_forget(w, service_world_told(w, 0, PLUMB_DELETE));
	assert_true(w->s.counters.messages_exhausted >= 1);
	assert_int_equal(classifier_n_connections(w->s.classifier), 0);
	while (n)
		channel_message_put(&w->channel, all[--n]);
	miss(w, 0, IPPROTO_TCP, 5000, SYN, &f);
	service_world_forget(w, service_world_told(w, 0, PLUMB_ADD));
	service_world_forget(w, service_world_told(w, 0, PLUMB_ADD));
	service_world_free(w);
}

static void a_reset_that_finds_no_place_is_dropped(void **state)
{
	struct service_world *w = service_world_new(IPPROTO_TCP, BATON_MODE_TUNNEL);
	struct frame f;

	stuff(w, 1, 0);
	miss(w, 1, IPPROTO_TCP, 5000, ACK, &f);
	assert_int_equal(w->s.counters.resets_sent, 0);
	assert_int_equal(w->s.counters.forwarder_busy, 1);
	drain(w, 1);
	service_world_free(w);
}

static void a_full_inventory_drops_and_keeps_nothing(void **state)
{
	struct service_world *w = service_world_new(IPPROTO_UDP, BATON_MODE_TUNNEL);
	uint32_t max = fixture_params().max_connections;
	struct frame f;

	for (uint32_t i = 0; i < max + 100; i++) {
		miss(w, 0, IPPROTO_UDP, (uint16_t)(5000 + i), 0, &f);
		drain(w, 0);
	}
	assert_int_equal(classifier_n_connections(w->s.classifier), max);
	assert_int_equal(classifier_counters_get(w->s.classifier)->refused_inventory_full, 100);
	service_world_free(w);
}

static void allotments_are_asked_for_used_and_given_back(void **state)
{
	struct service_world *w = service_world_new(IPPROTO_UDP, BATON_MODE_TUNNEL);
	struct allotment_request request;
	unsigned n = rte_mempool_avail_count(w->channel.allotments);
	struct allotment *a;
	struct frame f;
	void *p = NULL;

	service_world_poll(w);
	miss(w, 0, IPPROTO_UDP, 5000, 0, &f);
	drain(w, 0);
	assert_int_equal(rte_ring_dequeue_elem(w->channel.allotment_requests, &request, sizeof request), 0);
	assert_int_equal(request.vip, 0);
	assert_int_equal(request.classifier, 0);
	assert_int_equal(rte_mempool_get(w->channel.allotments, &p), 0);
	a = p;
	*a = fixture_allotment(ALLOTMENT_TOKENS, (const uint32_t[]){ 0, 5, 0 }, 3, NOW);
	assert_int_equal(rte_ring_enqueue(w->channel.allotted[0], a), 0);
	service_world_poll(w);
	assert_int_equal(rte_mempool_avail_count(w->channel.allotments), n);
	assert_int_equal(classifier_counters_get(w->s.classifier)->allotments_received, 1);
	for (uint16_t i = 1; i < 5; i++) {
		struct plumb_message *m;

		miss(w, 0, IPPROTO_UDP, (uint16_t)(5000 + i), 0, &f);
		m = service_world_told(w, 0, PLUMB_ADD);
		assert_int_equal(m->route.endpoint, 1);
		service_world_forget(w, m);
	}
	service_world_free(w);
}

static void messages_that_go_the_other_way_are_ignored(void **state)
{
	static const enum plumb_type types[] = { PLUMB_ADD,  PLUMB_DELETE, PLUMB_SET_STATE,
						 PLUMB_SEND, PLUMB_PACKET, PLUMB_QUERY };
	struct service_world *w = service_world_new(IPPROTO_TCP, BATON_MODE_TUNNEL);
	struct frame f;

	frame_make(IPPROTO_TCP, 5000, SYN, &f);
	for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
		struct plumb_message *m = service_world_message(w, types[i], 0, &f.tuple);

		m->packet = rte_pktmbuf_alloc(service_world_packets);
		assert_true(channel_to_classifier(&w->channel, 0, m));
	}
	service_world_poll(w);
	service_world_free(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_miss_becomes_a_route_that_its_packet_follows),
		cmocka_unit_test(the_way_back_is_plumbed_before_the_packet_goes),
		cmocka_unit_test(a_client_beyond_the_link_is_answered_by_the_gateway),
		cmocka_unit_test(an_unknown_connection_is_reset_where_it_came_from),
		cmocka_unit_test(what_gets_no_reset_is_dropped),
		cmocka_unit_test(the_end_of_a_connection_reaches_all_that_hold_it),
		cmocka_unit_test(a_refused_route_ends_its_connection_and_the_way_back),
		cmocka_unit_test(a_full_ring_to_the_forwarder_costs_the_connection_only),
		cmocka_unit_test(an_empty_message_pool_costs_the_connection_only),
		cmocka_unit_test(a_reset_that_finds_no_place_is_dropped),
		cmocka_unit_test(a_full_inventory_drops_and_keeps_nothing),
		cmocka_unit_test(allotments_are_asked_for_used_and_given_back),
		cmocka_unit_test(messages_that_go_the_other_way_are_ignored),
	};

	return cmocka_run_group_tests(tests, service_world_setup, NULL);
}
