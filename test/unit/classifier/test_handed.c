/* SPDX-License-Identifier: BSD-3-Clause */
/* Connections that are accepted by the classifier itself: handed over, refused, ended by their hosts. */
#include "fixture.h"

#include <errno.h>
#include <string.h>

#include "baton/application.h"

#define NOW SECONDS(1000)

struct bench {
	struct view *v;
	struct classifier *c;
};

static const struct application app;

static int setup(void **state)
{
	static struct bench b;
	struct classifier_params p = fixture_params();

	b.v = fixture_view(IPPROTO_TCP, BATON_MODE_TUNNEL, 3);
	b.v->vips[0].application = &app;
	b.c = fixture_classifier(&p);
	*state = &b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	classifier_free(b->c);
	view_free(b->v);
	return 0;
}

static enum classifier_verdict decide(struct bench *b, uint32_t client, uint8_t flags, uint8_t forwarder,
				      struct classifier_decision *ret)
{
	struct classifier_packet p = fixture_packet(b->v, client, flags, forwarder);

	classifier_decide(b->c, b->v, &p, NOW, ret);
	return ret->verdict;
}

static int place(struct bench *b, uint32_t client, uint16_t endpoint, uint8_t state, struct plumb_route *ret)
{
	struct classifier_handed h = {
		.key = fixture_packet(b->v, client, ACK, 1).key, .endpoint = endpoint, .forwarder = 1, .state = state
	};

	return classifier_place(b->c, b->v, &h, NOW, ret);
}

static struct plumb_host report(const struct bench *b, uint32_t client, uint16_t endpoint, uint8_t state)
{
	struct plumb_host m = {
		.key = fixture_packet(b->v, client, ACK, 1).key, .state = state, .report = 1, .routed = 1
	};

	memcpy(m.from, b->v->endpoints[endpoint].addr, sizeof m.from);
	return m;
}

static struct classifier_ended ended(struct bench *b, uint32_t client, uint16_t endpoint, uint8_t state)
{
	struct plumb_host m = report(b, client, endpoint, state);
	struct classifier_ended e;

	memset(&e, 0xaa, sizeof e);
	classifier_ended(b->c, b->v, &m, 1, NOW, &e);
	return e;
}

static const struct classifier_counters *counted(const struct bench *b)
{
	return classifier_counters_get(b->c);
}

static void unknown_packets_are_for_the_hand_over(void **state)
{
	static const uint8_t flags[] = { SYN, ACK, ACK | FIN, RST, SYN | ACK };
	struct bench *b = *state;
	struct classifier_decision d;

	for (unsigned i = 0; i < sizeof flags; i++) {
		assert_int_equal(decide(b, 1, flags[i], 0, &d), CLASSIFIER_ACCEPT);
		assert_int_equal(d.n_routes + d.n_deletes + d.n_changes, 0);
	}
	assert_int_equal(decide(b, 1, SYN | FIN, 0, &d), CLASSIFIER_DROP);
	assert_int_equal(classifier_n_connections(b->c), 0);
	/* of other VIPs and of what is no TCP they are not */
	b->v->vips[0].application = NULL;
	assert_int_equal(decide(b, 1, SYN, 0, &d), CLASSIFIER_PLUMB);
}

static void what_nobody_wants_follows_the_policy(void **state)
{
	struct bench *b = *state;
	struct classifier_packet p = fixture_packet(b->v, 1, ACK, 0);
	struct classifier_decision d;

	b->v->vips[0].unknown = BATON_UNKNOWN_RESET;
	classifier_unknown(b->c, b->v, &p, NOW, &d);
	assert_int_equal(d.verdict, CLASSIFIER_RESET);
	p.tcp_flags = RST;
	classifier_unknown(b->c, b->v, &p, NOW, &d);
	assert_int_equal(d.verdict, CLASSIFIER_DROP);
	p.tcp_flags = SYN;
	classifier_unknown(b->c, b->v, &p, NOW, &d);
	assert_int_equal(d.verdict, CLASSIFIER_DROP);
	p.tcp_flags = ACK;
	b->v->vips[0].unknown = BATON_UNKNOWN_DROP;
	classifier_unknown(b->c, b->v, &p, NOW, &d);
	assert_int_equal(d.verdict, CLASSIFIER_DROP);
	b->v->vips[0].unknown = BATON_UNKNOWN_HASH;
	classifier_unknown(b->c, b->v, &p, NOW, &d);
	assert_int_equal(d.verdict, CLASSIFIER_PLUMB);
	assert_int_equal(d.n_routes, 1);
	assert_int_equal(counted(b)->guessed, 1);
	p.vip = 7;
	classifier_unknown(b->c, b->v, &p, NOW, &d);
	assert_int_equal(d.verdict, CLASSIFIER_DROP);
	assert_int_equal(counted(b)->refused_no_vip, 1);
}

static void a_placed_connection_is_known_from_then_on(void **state)
{
	struct bench *b = *state;
	struct classifier_decision d;
	struct plumb_route r;

	assert_int_equal(place(b, 1, 2, BATON_CONN_ESTABLISHED, &r), 0);
	assert_int_equal(r.action, PLUMB_ACTION_TUNNEL);
	assert_int_equal(r.endpoint, 2);
	assert_int_equal(r.vip, 0);
	assert_int_equal(r.state, BATON_CONN_ESTABLISHED);
	assert_int_equal(classifier_n_connections(b->c), 1);
	assert_int_equal(classifier_endpoint_connections(b->c, 2), 1);
	assert_int_equal(classifier_endpoint_total(b->c, 2), 1);
	assert_int_equal(counted(b)->handed_over, 1);
	assert_int_equal(place(b, 1, 0, BATON_CONN_ESTABLISHED, &r), -EEXIST);
	/* its packets come by another lcore now */
	assert_int_equal(decide(b, 1, ACK, 3, &d), CLASSIFIER_PLUMB);
	assert_int_equal(d.routes[0].endpoint, 2);
}

static void its_first_state_may_be_fin(void **state)
{
	struct bench *b = *state;
	struct classifier_decision d;
	struct plumb_route r;

	assert_int_equal(place(b, 1, 2, BATON_CONN_FIN, &r), 0);
	assert_int_equal(r.state, BATON_CONN_FIN);
	/* and its port may be used again: the old route goes first */
	assert_int_equal(decide(b, 1, SYN, 1, &d), CLASSIFIER_ACCEPT);
	assert_int_equal(d.n_deletes, 1);
	assert_int_equal(d.deletes[0].forwarders, 1u << 1);
	assert_int_equal(classifier_n_connections(b->c), 0);
	assert_int_equal(counted(b)->ended_final, 1);
}

static void what_can_not_be_placed_is_refused(void **state)
{
	struct bench *b = *state;
	struct plumb_route r;

	assert_int_equal(place(b, 1, 3, BATON_CONN_ESTABLISHED, &r), -ENOENT);
	assert_int_equal(place(b, 1, VIEW_NONE, BATON_CONN_ESTABLISHED, &r), -ENOENT);
	b->v->endpoints[1].vip = 5; /* the id was given to another VIP's meanwhile */
	assert_int_equal(place(b, 1, 1, BATON_CONN_ESTABLISHED, &r), -ENOENT);
	b->v->endpoints[1].vip = 0;
	b->v->endpoints[1].family = 0;
	assert_int_equal(place(b, 1, 1, BATON_CONN_ESTABLISHED, &r), -ENOENT);
	for (uint32_t i = 0; i < fixture_params().max_connections; i++)
		assert_int_equal(place(b, 10 + i, 0, BATON_CONN_ESTABLISHED, &r), 0);
	assert_int_equal(place(b, 1, 0, BATON_CONN_ESTABLISHED, &r), -ENOSPC);
	assert_int_equal(counted(b)->refused_inventory_full, 1);
	b->v->vips[0].addr.family = 0;
	assert_int_equal(place(b, 1, 0, BATON_CONN_ESTABLISHED, &r), -ENOENT);
}

static int refuse(struct bench *b, uint32_t client, struct plumb_route *ret)
{
	struct baton_tuple key = fixture_packet(b->v, client, ACK, 1).key;

	return classifier_refuse(b->c, b->v, &key, 1, 0, NOW, ret);
}

static void a_refused_connection_gets_a_route_that_drops(void **state)
{
	struct bench *b = *state;
	struct classifier_decision d;
	struct classifier_delete gone[2];
	struct plumb_route r;

	assert_int_equal(refuse(b, 1, &r), 0);
	assert_int_equal(r.action, PLUMB_ACTION_DROP);
	assert_int_equal(r.endpoint, VIEW_NONE);
	assert_int_equal(r.state, BATON_CONN_CLOSED);
	assert_int_equal(refuse(b, 1, &r), -EEXIST);
	/* on every forwarder that sees the client */
	assert_int_equal(decide(b, 1, ACK, 2, &d), CLASSIFIER_PLUMB);
	assert_int_equal(d.routes[0].action, PLUMB_ACTION_DROP);
	/* it ages like any other */
	classifier_aged(b->c, &r.key, 1, false, NOW + SECONDS(60), gone);
	assert_int_equal(classifier_n_connections(b->c), 1);
	classifier_aged(b->c, &r.key, 2, false, NOW + SECONDS(60), gone);
	assert_int_equal(classifier_n_connections(b->c), 0);
	/* and does not outlive a new beginning */
	assert_int_equal(refuse(b, 1, &r), 0);
	assert_int_equal(decide(b, 1, SYN, 1, &d), CLASSIFIER_ACCEPT);
	assert_int_equal(d.n_deletes, 1);
	assert_int_equal(classifier_n_connections(b->c), 0);
	assert_int_equal(counted(b)->drop_routes, 2);
}

static void refused_connections_leave_room_for_others(void **state)
{
	struct bench *b = *state;
	uint32_t max = fixture_params().max_connections, n = 0;
	struct classifier_delete gone[2];
	struct plumb_route r;

	while (refuse(b, n, &r) == 0)
		n++;
	assert_int_equal(n, max / 8);
	assert_int_equal(refuse(b, n, &r), -ENOSPC);
	assert_int_equal(counted(b)->drop_routes_full, 2);
	for (uint32_t i = 0; i < max - n; i++)
		assert_int_equal(place(b, 5000 + i, 0, BATON_CONN_ESTABLISHED, &r), 0);
	/* whose end makes room again */
	r.key = fixture_packet(b->v, 0, ACK, 1).key;
	classifier_aged(b->c, &r.key, 1, false, NOW + SECONDS(60), gone);
	assert_int_equal(refuse(b, n, &r), 0);
	/* no stop of an endpoint touches them */
	b->v->any_stop = true;
	b->v->endpoints[0].stop = 1;
	for (uint32_t i = 0; i < max; i++) {
		struct classifier_delete d[32];

		classifier_stop(b->c, b->v, NOW, 64, d, 32);
	}
	assert_int_equal(classifier_n_connections(b->c), max / 8);
}

static void its_host_ends_a_connection(void **state)
{
	struct bench *b = *state;
	struct classifier_decision d;
	struct classifier_ended e;
	struct plumb_route r;

	assert_int_equal(place(b, 1, 2, BATON_CONN_ESTABLISHED, &r), 0);
	decide(b, 1, ACK, 3, &d);
	e = ended(b, 1, 2, BATON_SHIM_CONN_ENDED);
	assert_int_equal(e.n_changes, 0);
	assert_int_equal(e.n_deletes, 1);
	assert_memory_equal(&e.deletes[0].key, &r.key, sizeof r.key);
	assert_int_equal(e.deletes[0].forwarders, 1u << 1 | 1u << 3);
	assert_int_equal(classifier_n_connections(b->c), 0);
	assert_int_equal(classifier_endpoint_connections(b->c, 2), 0);
	assert_int_equal(counted(b)->ended_by_host, 1);
	e = ended(b, 1, 2, BATON_SHIM_CONN_ENDED);
	assert_int_equal(e.n_deletes + e.n_changes, 0);
	assert_int_equal(counted(b)->reports_strange, 1);
}

static void one_that_lingers_is_closed(void **state)
{
	struct bench *b = *state;
	struct classifier_decision d;
	struct classifier_ended e;
	struct plumb_route r;

	assert_int_equal(place(b, 1, 2, BATON_CONN_ESTABLISHED, &r), 0);
	e = ended(b, 1, 2, BATON_SHIM_CONN_LINGERS);
	assert_int_equal(e.n_deletes, 0);
	assert_int_equal(e.n_changes, 1);
	assert_int_equal(e.changes[0].state, BATON_CONN_CLOSED);
	assert_int_equal(e.changes[0].forwarders, 1u << 1);
	/* the client's last packets go there still; its next connection begins anew */
	assert_int_equal(decide(b, 1, ACK | FIN, 1, &d), CLASSIFIER_PLUMB);
	assert_int_equal(d.routes[0].endpoint, 2);
	assert_int_equal(decide(b, 1, SYN, 1, &d), CLASSIFIER_ACCEPT);
}

static void only_the_connections_own_host_is_believed(void **state)
{
	struct bench *b = *state;
	struct classifier_ended e;
	struct plumb_host m;
	struct plumb_route r;

	assert_int_equal(place(b, 1, 2, BATON_CONN_ESTABLISHED, &r), 0);
	e = ended(b, 1, 1, BATON_SHIM_CONN_ENDED);
	assert_int_equal(e.n_deletes + e.n_changes, 0);
	/* nor about what is refused, which is nobody's */
	assert_int_equal(refuse(b, 3, &r), 0);
	e = ended(b, 3, 1, BATON_SHIM_CONN_ENDED);
	assert_int_equal(e.n_deletes + e.n_changes, 0);
	assert_int_equal(counted(b)->reports_foreign, 2);
	/* other words mean no end */
	for (uint8_t s = BATON_SHIM_CONN_NONE; s <= BATON_SHIM_CONN_REFUSED; s++) {
		if (s == BATON_SHIM_CONN_ENDED || s == BATON_SHIM_CONN_LINGERS)
			continue;
		e = ended(b, 1, 2, s);
		assert_int_equal(e.n_deletes + e.n_changes, 0);
	}
	m = report(b, 1, 2, BATON_SHIM_CONN_ENDED);
	m.key.family = BATON_IPV6;
	classifier_ended(b->c, b->v, &m, 1, NOW, &e);
	assert_int_equal(e.n_deletes + e.n_changes, 0);
	assert_int_equal(classifier_n_connections(b->c), 2);
}

/* The client has begun anew, and its new connection is another one with the same key. */
static void the_end_of_the_one_before_ends_nothing(void **state)
{
	struct bench *b = *state;
	struct plumb_host m = report(b, 1, 2, BATON_SHIM_CONN_ENDED);
	struct classifier_ended e;
	struct plumb_route r;

	assert_int_equal(place(b, 1, 2, BATON_CONN_ESTABLISHED, &r), 0);
	m.routed = 0;
	classifier_ended(b->c, b->v, &m, 1, NOW, &e);
	assert_int_equal(e.n_deletes + e.n_changes, 0);
	/* a forwarder that has the old one's route still, while the new one is on another */
	m.routed = 1;
	classifier_ended(b->c, b->v, &m, 2, NOW, &e);
	assert_int_equal(e.n_deletes + e.n_changes, 0);
	assert_int_equal(counted(b)->reports_late, 2);
	assert_int_equal(classifier_n_connections(b->c), 1);
	classifier_ended(b->c, b->v, &m, 1, NOW, &e);
	assert_int_equal(e.n_deletes, 1);
}

static void hosts_of_plain_vips_report_as_well(void **state)
{
	struct bench *b = *state;
	struct classifier_decision d;
	struct classifier_ended e;

	b->v->vips[0].application = NULL;
	assert_int_equal(decide(b, 1, SYN, 1, &d), CLASSIFIER_PLUMB);
	e = ended(b, 1, d.routes[0].endpoint, BATON_SHIM_CONN_ENDED);
	assert_int_equal(e.n_deletes, 1);
	assert_int_equal(classifier_n_connections(b->c), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, setup, teardown)
		T(unknown_packets_are_for_the_hand_over),
		T(what_nobody_wants_follows_the_policy),
		T(a_placed_connection_is_known_from_then_on),
		T(its_first_state_may_be_fin),
		T(what_can_not_be_placed_is_refused),
		T(a_refused_connection_gets_a_route_that_drops),
		T(refused_connections_leave_room_for_others),
		T(its_host_ends_a_connection),
		T(one_that_lingers_is_closed),
		T(only_the_connections_own_host_is_believed),
		T(the_end_of_the_one_before_ends_nothing),
		T(hosts_of_plain_vips_report_as_well),
#undef T
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
