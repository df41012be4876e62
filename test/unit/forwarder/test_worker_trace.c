/* SPDX-License-Identifier: BSD-3-Clause */
/* The forwarder lcore: steps of a traced client's connections, in their order; of nobody else's. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "lcore.h"

#define CLIENT4 "198.51.100.7"
#define CLIENT6 "2001:db8:1::7"
#define OTHER4 "198.51.100.8"
#define STEPS_END                       \
	{                               \
		.event = TRACE_N_EVENTS \
	}

struct step {
	uint16_t event;
	uint32_t a, b;
};

static struct trace_filters traced;

static void trace(struct lcore *l, const char *client)
{
	traced = (struct trace_filters){ .n = 1 };
	assert_int_equal(trace_filter_parse(client, &traced.list[0]), 0);
	l->view->trace = &traced;
}

static bool next_record(struct lcore *l, struct trace_record *ret)
{
	return rte_ring_dequeue_elem(l->channel.traces, ret, sizeof *ret) == 0;
}

/* These records and no more, all of this connection as its client sees it. */
static void steps_are(struct lcore *l, const struct baton_tuple *key, const struct step *steps)
{
	struct trace_record r;

	for (; steps->event != TRACE_N_EVENTS; steps++) {
		if (!next_record(l, &r))
			fail_msg("no step %s", trace_event_name(steps->event));
		assert_string_equal(trace_event_name(r.event), trace_event_name(steps->event));
		assert_int_equal(r.who, TRACE_FORWARDER);
		assert_int_equal(r.a, steps->a);
		assert_int_equal(r.b, steps->b);
		assert_memory_equal(&r.key, key, sizeof r.key);
		assert_true(r.time_ns);
	}
	if (next_record(l, &r))
		fail_msg("step %s", trace_event_name(r.event));
}

static void frame_make(struct frame *f, uint8_t family, const char *client, uint8_t flags, uint8_t ttl)
{
	struct frame_spec s = { .family = family, .proto = IPPROTO_TCP, .src = client, .tcp_flags = flags, .ttl = ttl };

	frame_build(&s, f);
}

static void set_state(struct lcore *l, enum plumb_type type, const struct baton_tuple *key, uint8_t state)
{
	struct plumb_message *m = channel_message_get(&l->channel);

	m->type = type;
	m->route = (struct plumb_route){ .key = *key, .state = state };
	lcore_tell(l, m);
	lcore_poll(l);
}

static void life_of_a_tunnel(struct lcore *l, uint8_t family, const char *client)
{
	const uint8_t fin = PACKET_TCP_FIN | PACKET_TCP_ACK;
	struct frame f;
	uint32_t flow;

	trace(l, client);
	frame_make(&f, family, client, PACKET_TCP_SYN, 0);
	flow = lcore_tunnel(l, &f, family == BATON_IPV4 ? EP_TCP4 : EP_TCP6);
	steps_are(l, &f.tuple,
		  (const struct step[]){ { TRACE_MISS, PACKET_TCP_SYN, 0 },
					 { TRACE_PLUMBED, PLUMB_ACTION_TUNNEL, BATON_CONN_SYN },
					 { TRACE_INTRODUCED, flow, 0 },
					 STEPS_END });
	frame_make(&f, family, client, PACKET_TCP_ACK, 0);
	lcore_receive(l, 0, &f);
	rte_pktmbuf_free(lcore_sent(l, 1));
	steps_are(l, &f.tuple, (const struct step[]){ STEPS_END }); /* plain packets are no steps */
	frame_make(&f, family, client, PACKET_TCP_ACK, 1);
	lcore_receive(l, 0, &f);
	steps_are(l, &f.tuple, (const struct step[]){ { TRACE_DROPPED, 0, 0 }, STEPS_END });
	frame_make(&f, family, client, fin, 0);
	lcore_receive(l, 0, &f);
	rte_pktmbuf_free(lcore_sent(l, 1));
	channel_message_put(&l->channel, lcore_told(l, PLUMB_FINAL));
	steps_are(l, &f.tuple, (const struct step[]){ { TRACE_FINAL, fin, 0 }, STEPS_END });
	set_state(l, PLUMB_SET_STATE, &f.tuple, BATON_CONN_CLOSED);
	steps_are(l, &f.tuple, (const struct step[]){ { TRACE_ROUTE_STATE, 0, BATON_CONN_CLOSED }, STEPS_END });
	set_state(l, PLUMB_DELETE, &f.tuple, 0);
	steps_are(l, &f.tuple, (const struct step[]){ { TRACE_ROUTE_DELETED, 0, 0 }, STEPS_END });
}

static void a_tunneled_connection_is_followed(void **state)
{
	life_of_a_tunnel(*state, BATON_IPV4, CLIENT4);
	life_of_a_tunnel(*state, BATON_IPV6, CLIENT6);
}

static void nobody_else_is_followed(void **state)
{
	struct lcore *l = *state;
	struct frame f;

	trace(l, OTHER4);
	frame_make(&f, BATON_IPV4, CLIENT4, PACKET_TCP_SYN, 0);
	lcore_tunnel(l, &f, EP_TCP4);
	frame_make(&f, BATON_IPV4, CLIENT4, PACKET_TCP_ACK, 1);
	lcore_receive(l, 0, &f);
	set_state(l, PLUMB_DELETE, &f.tuple, 0);
	l->view->trace = NULL;
	frame_make(&f, BATON_IPV4, OTHER4, PACKET_TCP_SYN, 0);
	lcore_tunnel(l, &f, EP_TCP4);
	steps_are(l, &f.tuple, (const struct step[]){ STEPS_END });
}

static void tell_route(struct lcore *l, const struct plumb_route *r)
{
	struct plumb_message *m = channel_message_get(&l->channel);

	m->type = PLUMB_ADD;
	m->route = *r;
	lcore_tell(l, m);
	lcore_poll(l);
}

/* Packets of a return route come from the host; its steps are the client's all the same. */
static void both_routes_of_nat_are_the_clients(void **state)
{
	struct lcore *l = *state;
	struct plumb_route way = { .vip = VIP_TCP4, .endpoint = EP_TCP4, .action = PLUMB_ACTION_NAT }, back;
	struct baton_tuple seen;
	struct frame f, reply;

	trace(l, CLIENT4);
	way.state = BATON_CONN_ESTABLISHED;
	frame_make(&f, BATON_IPV4, CLIENT4, PACKET_TCP_ACK, 0);
	frame_build(&(struct frame_spec){ .family = BATON_IPV4, .proto = IPPROTO_TCP, .src = SNAT4, .dst = HOST4 },
		    &reply);
	way.key = f.tuple;
	way.nat = reply.tuple;
	tell_route(l, &way);
	tell_route(l, &way);
	frame_build(&(struct frame_spec){ .family = BATON_IPV4, .proto = IPPROTO_TCP, .src = HOST4, .dst = SNAT4 },
		    &reply);
	back = way;
	back.action = PLUMB_ACTION_RETURN;
	back.key = reply.tuple;
	memcpy(back.nat.saddr, f.tuple.daddr, 16);
	memcpy(back.nat.daddr, f.tuple.saddr, 16);
	back.nat.sport_be = f.tuple.dport_be;
	back.nat.dport_be = f.tuple.sport_be;
	back.nexthop = HOP_CLIENT;
	tell_route(l, &back);
	back.endpoint = EP_UDP4;
	tell_route(l, &back);
	back.endpoint = N_ENDPOINTS; /* is gone */
	back.key.sport_be ^= 1;
	tell_route(l, &back);
	channel_message_put(&l->channel, lcore_told(l, PLUMB_ADD_FAILED));
	seen = way.key;
	steps_are(l, &seen,
		  (const struct step[]){ { TRACE_PLUMBED, PLUMB_ACTION_NAT, BATON_CONN_ESTABLISHED },
					 { TRACE_PLUMBED_SAME, PLUMB_ACTION_NAT, BATON_CONN_ESTABLISHED },
					 { TRACE_PLUMBED, PLUMB_ACTION_RETURN, BATON_CONN_ESTABLISHED },
					 { TRACE_REPLACED, 0, 0 },
					 { TRACE_PLUMBED, PLUMB_ACTION_RETURN, BATON_CONN_ESTABLISHED },
					 { TRACE_PLUMB_FAILED, PLUMB_ACTION_RETURN, BATON_CONN_ESTABLISHED },
					 STEPS_END });
}

static void steps_without_room_are_counted(void **state)
{
	struct lcore *l = *state;
	unsigned room = rte_ring_get_capacity(l->channel.traces);
	struct trace_record r;
	struct frame f;

	trace(l, CLIENT4);
	frame_make(&f, BATON_IPV4, CLIENT4, PACKET_TCP_SYN, 0);
	lcore_tunnel(l, &f, EP_TCP4);
	frame_make(&f, BATON_IPV4, CLIENT4, PACKET_TCP_ACK, 1);
	for (unsigned i = 0; i < room; i++)
		lcore_receive(l, 0, &f);
	assert_int_equal(l->channel.traces_lost, 3); /* as many as stood there before */
	for (unsigned i = 0; i < room; i++)
		assert_true(next_record(l, &r));
	assert_false(next_record(l, &r));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, lcore_setup, lcore_teardown)
		T(a_tunneled_connection_is_followed),
		T(nobody_else_is_followed),
		T(both_routes_of_nat_are_the_clients),
		T(steps_without_room_are_counted),
#undef T
	};

	return cmocka_run_group_tests(tests, lcore_group_setup, NULL);
}
