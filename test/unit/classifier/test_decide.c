/* SPDX-License-Identifier: BSD-3-Clause */
/* Decisions in tunnel mode: which packet gets which verdict, and what is remembered. */
#include "fixture.h"

#include <string.h>

struct bench {
	struct view *v;
	struct classifier *c;
	const struct classifier_counters *n;
};

static struct bench bench_new(uint8_t proto, uint16_t n_endpoints)
{
	struct classifier_params p = fixture_params();
	struct bench b = { .v = fixture_view(proto, BATON_MODE_TUNNEL, n_endpoints), .c = fixture_classifier(&p) };

	b.n = classifier_counters_get(b.c);
	return b;
}

static void bench_free(struct bench *b)
{
	classifier_free(b->c);
	view_free(b->v);
}

static struct classifier_decision decide(struct bench *b, uint32_t client, uint8_t flags, uint8_t forwarder)
{
	struct classifier_packet p = fixture_packet(b->v, client, flags, forwarder);
	struct classifier_decision d;

	classifier_decide(b->c, b->v, &p, SECONDS(100), &d);
	return d;
}

static void aged(struct bench *b, uint32_t client, uint8_t forwarder)
{
	struct classifier_packet p = fixture_packet(b->v, client, 0, forwarder);
	struct classifier_delete del[2];

	assert_int_equal(classifier_aged(b->c, &p.key, forwarder, false, SECONDS(200), del), 0);
}

static void syn_is_plumbed_to_an_endpoint(void **state)
{
	struct bench b = bench_new(IPPROTO_TCP, 3);
	struct classifier_packet p = fixture_packet(b.v, 1, SYN, 0);
	struct classifier_decision d = decide(&b, 1, SYN, 0);

	assert_int_equal(d.verdict, CLASSIFIER_PLUMB);
	assert_int_equal(d.n_routes, 1);
	assert_int_equal(d.n_deletes, 0);
	assert_memory_equal(&d.routes[0].key, &p.key, sizeof(p.key));
	assert_int_equal(d.routes[0].action, PLUMB_ACTION_TUNNEL);
	assert_int_equal(d.routes[0].state, BATON_CONN_SYN);
	assert_int_equal(d.routes[0].vip, 0);
	assert_in_range(d.routes[0].endpoint, 0, 2);
	assert_int_equal(b.n->new_connections, 1);
	assert_int_equal(classifier_n_connections(b.c), 1);
	assert_int_equal(classifier_endpoint_connections(b.c, d.routes[0].endpoint), 1);
	bench_free(&b);
}

static void another_forwarder_gets_the_same_route(void **state)
{
	struct bench b = bench_new(IPPROTO_TCP, 3);
	struct classifier_decision d1 = decide(&b, 1, SYN, 0), d2;

	for (uint32_t i = 2; i < 7; i++)
		decide(&b, i, SYN, 0);
	d2 = decide(&b, 1, ACK, 3);
	assert_int_equal(d2.verdict, CLASSIFIER_PLUMB);
	assert_int_equal(d2.routes[0].endpoint, d1.routes[0].endpoint);
	assert_int_equal(d2.routes[0].state, BATON_CONN_ESTABLISHED);
	assert_int_equal(b.n->replumbed, 1);
	assert_int_equal(classifier_n_connections(b.c), 6);
	bench_free(&b);
}

static void connection_ends_with_its_last_route(void **state)
{
	struct bench b = bench_new(IPPROTO_TCP, 1);

	decide(&b, 1, SYN, 0);
	decide(&b, 1, ACK, 1);
	aged(&b, 1, 0);
	assert_int_equal(classifier_n_connections(b.c), 1);
	aged(&b, 1, 0);
	assert_int_equal(classifier_n_connections(b.c), 1);
	aged(&b, 1, 1);
	assert_int_equal(classifier_n_connections(b.c), 0);
	assert_int_equal(classifier_endpoint_connections(b.c, 0), 0);
	assert_int_equal(classifier_endpoint_total(b.c, 0), 1);
	assert_int_equal(b.n->ended_idle, 1);
	bench_free(&b);
}

static void stopped_endpoint_loses_its_connections(void **state)
{
	struct bench b = bench_new(IPPROTO_TCP, 2);
	struct classifier_delete del[4];
	uint32_t gone = 0, there;

	for (uint32_t client = 1; client <= 10; client++)
		decide(&b, client, SYN, client % 2);
	there = classifier_endpoint_connections(b.c, 0);
	assert_in_range(there, 1, 9);
	assert_int_equal(classifier_stop(b.c, b.v, SECONDS(101), 100, del, 4), 0);
	b.v->endpoints[0].stop = 1;
	for (unsigned turn = 0; turn < 10; turn++) {
		unsigned n = classifier_stop(b.c, b.v, SECONDS(101), 3, del, 4);

		assert_in_range(n, 0, 3);
		for (unsigned i = 0; i < n; i++)
			assert_true(del[i].forwarders == 1 || del[i].forwarders == 2);
		gone += n;
	}
	assert_int_equal(gone, there);
	assert_int_equal(b.n->ended_stopped, there);
	assert_int_equal(classifier_endpoint_connections(b.c, 0), 0);
	assert_int_equal(classifier_n_connections(b.c), 10 - there);
	bench_free(&b);
}

static void fin_and_rst_change_the_state(void **state)
{
	struct bench b = bench_new(IPPROTO_TCP, 1);
	struct classifier_packet p = fixture_packet(b.v, 1, 0, 0);
	struct classifier_state_change ch[2];

	decide(&b, 1, SYN, 0);
	decide(&b, 1, ACK, 2);
	assert_int_equal(classifier_final(b.c, &p.key, 2, FIN | ACK, ch), 1);
	assert_int_equal(ch[0].state, BATON_CONN_FIN);
	assert_int_equal(ch[0].forwarders, 1u << 0 | 1u << 2);
	/* a repeated FIN is no news, nor is one from a forwarder without the route */
	assert_int_equal(classifier_final(b.c, &p.key, 2, FIN | ACK, ch), 0);
	assert_int_equal(classifier_final(b.c, &p.key, 1, RST, ch), 0);
	assert_int_equal(classifier_final(b.c, &p.key, 0, RST, ch), 1);
	assert_int_equal(ch[0].state, BATON_CONN_CLOSED);
	aged(&b, 1, 0);
	aged(&b, 1, 2);
	assert_int_equal(b.n->ended_final, 1);
	assert_int_equal(b.n->ended_idle, 0);
	bench_free(&b);
}

static void fin_that_misses_is_noted_and_told_to_the_others(void **state)
{
	struct bench b = bench_new(IPPROTO_TCP, 1);
	struct classifier_decision d;

	decide(&b, 1, SYN, 0);
	d = decide(&b, 1, FIN | ACK, 1);
	assert_int_equal(d.routes[0].state, BATON_CONN_FIN);
	assert_int_equal(d.n_changes, 1);
	assert_int_equal(d.changes[0].forwarders, 1u << 0);
	assert_int_equal(d.changes[0].state, BATON_CONN_FIN);
	bench_free(&b);
}

static void syn_on_a_closing_connection_is_a_new_one(void **state)
{
	struct bench b = bench_new(IPPROTO_TCP, 2);
	struct classifier_packet p = fixture_packet(b.v, 1, 0, 0);
	struct classifier_state_change ch[2];
	struct classifier_decision d2;

	decide(&b, 1, SYN, 0);
	decide(&b, 1, ACK, 1);
	assert_int_equal(classifier_final(b.c, &p.key, 0, FIN, ch), 1);
	d2 = decide(&b, 1, SYN, 0);
	assert_int_equal(d2.verdict, CLASSIFIER_PLUMB);
	assert_int_equal(d2.routes[0].state, BATON_CONN_SYN);
	/* the asking forwarder replaces its route, the other one must drop it */
	assert_int_equal(d2.n_deletes, 1);
	assert_int_equal(d2.deletes[0].forwarders, 1u << 1);
	assert_int_equal(b.n->new_connections, 2);
	assert_int_equal(b.n->ended_final, 1);
	assert_int_equal(classifier_n_connections(b.c), 1);
	/* late news of the old connection's route on forwarder 1 mean nothing to the new one */
	aged(&b, 1, 1);
	assert_int_equal(classifier_n_connections(b.c), 1);
	/* a repeated SYN keeps its endpoint */
	assert_int_equal(decide(&b, 1, SYN, 0).routes[0].endpoint, d2.routes[0].endpoint);
	bench_free(&b);
}

static void closing_connection_that_finds_no_endpoint_is_deleted_everywhere(void **state)
{
	struct bench b = bench_new(IPPROTO_TCP, 1);
	struct classifier_packet p = fixture_packet(b.v, 1, 0, 0);
	struct classifier_state_change ch[2];
	struct classifier_decision d;

	decide(&b, 1, SYN, 0);
	assert_int_equal(classifier_final(b.c, &p.key, 0, RST, ch), 1);
	b.v->endpoints[0].usable = 0;
	d = decide(&b, 1, SYN, 0);
	assert_int_equal(d.verdict, CLASSIFIER_DROP);
	assert_int_equal(d.n_deletes, 1);
	assert_int_equal(d.deletes[0].forwarders, 1u << 0);
	assert_int_equal(b.n->refused_no_endpoint, 1);
	assert_int_equal(classifier_n_connections(b.c), 0);
	bench_free(&b);
}

static void unknown_packets_follow_the_policy(void **state)
{
	struct bench b = bench_new(IPPROTO_TCP, 3);
	struct classifier_decision d;

	b.v->vips[0].unknown = BATON_UNKNOWN_RESET;
	assert_int_equal(decide(&b, 1, ACK, 0).verdict, CLASSIFIER_RESET);
	assert_int_equal(decide(&b, 1, SYN | ACK, 0).verdict, CLASSIFIER_RESET);
	assert_int_equal(decide(&b, 1, RST, 0).verdict, CLASSIFIER_DROP);
	assert_int_equal(b.n->unknown_reset, 2);
	assert_int_equal(b.n->unknown_dropped, 1);
	b.v->vips[0].unknown = BATON_UNKNOWN_DROP;
	assert_int_equal(decide(&b, 1, ACK, 0).verdict, CLASSIFIER_DROP);
	assert_int_equal(b.n->unknown_dropped, 2);
	assert_int_equal(classifier_n_connections(b.c), 0);
	b.v->vips[0].unknown = BATON_UNKNOWN_HASH;
	assert_int_equal(decide(&b, 1, SYN | FIN, 0).verdict, CLASSIFIER_DROP);
	assert_int_equal(b.n->unknown_dropped, 3);
	d = decide(&b, 1, ACK, 0);
	assert_int_equal(d.verdict, CLASSIFIER_PLUMB);
	assert_int_equal(d.routes[0].state, BATON_CONN_ESTABLISHED);
	assert_int_equal(b.n->guessed, 1);
	assert_int_equal(b.n->new_connections, 0);
	bench_free(&b);
}

static void unusable_endpoints_get_nothing_new_and_keep_what_they_have(void **state)
{
	struct bench b = bench_new(IPPROTO_TCP, 2);
	uint16_t first = decide(&b, 1, SYN, 0).routes[0].endpoint;

	decide(&b, 1, ACK, 1);
	b.v->endpoints[first].usable = 0;
	for (uint32_t i = 2; i < 20; i++)
		assert_int_equal(decide(&b, i, SYN, 0).routes[0].endpoint, 1 - first);
	assert_int_equal(decide(&b, 1, ACK, 2).routes[0].endpoint, first);
	b.v->endpoints[first].retired = 1;
	assert_int_equal(decide(&b, 1, ACK, 3).routes[0].endpoint, first);
	b.v->endpoints[1 - first].usable = 0;
	assert_int_equal(decide(&b, 100, SYN, 0).verdict, CLASSIFIER_DROP);
	assert_int_equal(b.n->refused_no_endpoint, 1);
	bench_free(&b);
}

static void udp_leaves_a_silent_host_and_stays_on_a_draining_one(void **state)
{
	struct bench b = bench_new(IPPROTO_UDP, 2);
	struct classifier_decision d = decide(&b, 1, 0, 0);
	uint16_t first = d.routes[0].endpoint;

	assert_int_equal(d.routes[0].state, BATON_CONN_UDP);
	b.v->endpoints[first].usable = 0;
	b.v->endpoints[first].retired = 1;
	assert_int_equal(decide(&b, 1, 0, 1).routes[0].endpoint, first);
	b.v->endpoints[first].retired = 0;
	b.v->vips[0].unreachable = BATON_UNREACHABLE_KEEP;
	assert_int_equal(decide(&b, 1, 0, 1).routes[0].endpoint, first);
	b.v->vips[0].unreachable = BATON_UNREACHABLE_AVOID;
	d = decide(&b, 1, 0, 1);
	assert_int_equal(d.routes[0].endpoint, 1 - first);
	assert_int_equal(d.n_deletes, 1);
	assert_int_equal(d.deletes[0].forwarders, 1u << 0);
	assert_int_equal(b.n->placed_anew, 1);
	assert_int_equal(classifier_n_connections(b.c), 1);
	bench_free(&b);
}

static void full_inventory_refuses_new_ones_only(void **state)
{
	struct bench b = bench_new(IPPROTO_TCP, 2);

	for (uint32_t i = 0; i < 1500; i++)
		decide(&b, i, SYN, 0);
	assert_int_equal(classifier_n_connections(b.c), 1000);
	assert_int_equal(b.n->refused_inventory_full, 500);
	for (uint32_t i = 0; i < 1000; i++)
		assert_int_equal(decide(&b, i, ACK, 1).verdict, CLASSIFIER_PLUMB);
	assert_int_equal(b.n->replumbed, 1000);
	aged(&b, 7, 0);
	aged(&b, 7, 1);
	assert_int_equal(decide(&b, 5000, SYN, 0).verdict, CLASSIFIER_PLUMB);
	assert_int_equal(decide(&b, 5001, SYN, 0).verdict, CLASSIFIER_DROP);
	bench_free(&b);
}

static void vanished_vip_refuses_and_foreign_replies_are_dropped(void **state)
{
	struct bench b = bench_new(IPPROTO_TCP, 1);
	struct classifier_packet p = fixture_packet(b.v, 9, SYN, 0);
	struct classifier_decision d;

	decide(&b, 1, SYN, 0);
	b.v->vips[0].addr.family = 0;
	assert_int_equal(decide(&b, 2, SYN, 0).verdict, CLASSIFIER_DROP);
	assert_int_equal(b.n->refused_no_vip, 1);
	assert_int_equal(decide(&b, 1, ACK, 1).verdict, CLASSIFIER_PLUMB);
	p.vip = 77;
	classifier_decide(b.c, b.v, &p, SECONDS(100), &d);
	assert_int_equal(d.verdict, CLASSIFIER_DROP);
	assert_int_equal(b.n->refused_no_vip, 2);
	p.vip = VIEW_NONE;
	classifier_decide(b.c, b.v, &p, SECONDS(100), &d);
	assert_int_equal(d.verdict, CLASSIFIER_DROP);
	assert_int_equal(b.n->reply_unmatched, 1);
	bench_free(&b);
}

static void full_route_table_refuses_the_connection(void **state)
{
	struct bench b = bench_new(IPPROTO_TCP, 1);
	struct classifier_packet p = fixture_packet(b.v, 1, SYN, 0);
	struct classifier_delete del[2];

	decide(&b, 1, SYN, 0);
	decide(&b, 1, SYN, 0);
	/* the second PLUMB_ADD may yet find room: it must not outlive the connection */
	assert_int_equal(classifier_aged(b.c, &p.key, 0, true, SECONDS(100), del), 1);
	assert_int_equal(del[0].forwarders, 1u << 0);
	assert_memory_equal(&del[0].key, &p.key, sizeof(p.key));
	assert_int_equal(classifier_n_connections(b.c), 0);
	assert_int_equal(b.n->refused_table_full, 1);
	assert_int_equal(classifier_aged(b.c, &p.key, 0, true, SECONDS(100), del), 0);
	/* an established one lives on where it has a route */
	decide(&b, 1, SYN, 0);
	decide(&b, 1, ACK, 1);
	assert_int_equal(classifier_aged(b.c, &p.key, 1, true, SECONDS(100), del), 1);
	assert_int_equal(del[0].forwarders, 1u << 1);
	assert_int_equal(classifier_n_connections(b.c), 1);
	assert_int_equal(b.n->replumb_failed, 1);
	bench_free(&b);
}

static void absurd_parameters_are_refused(void **state)
{
	struct classifier_params p = fixture_params();

	p.max_connections = 0;
	assert_null(classifier_new(&p));
	p = fixture_params();
	p.index = 1;
	assert_null(classifier_new(&p));
	p = fixture_params();
	p.n_forwarders = 33;
	assert_null(classifier_new(&p));
	p = fixture_params();
	p.snat_port_last = 1023;
	assert_null(classifier_new(&p));
	p = fixture_params();
	p.n_classifiers = 200;
	p.index = 150;
	p.snat_port_last = 1100;
	assert_null(classifier_new(&p));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(syn_is_plumbed_to_an_endpoint),
		cmocka_unit_test(another_forwarder_gets_the_same_route),
		cmocka_unit_test(connection_ends_with_its_last_route),
		cmocka_unit_test(stopped_endpoint_loses_its_connections),
		cmocka_unit_test(fin_and_rst_change_the_state),
		cmocka_unit_test(fin_that_misses_is_noted_and_told_to_the_others),
		cmocka_unit_test(syn_on_a_closing_connection_is_a_new_one),
		cmocka_unit_test(closing_connection_that_finds_no_endpoint_is_deleted_everywhere),
		cmocka_unit_test(unknown_packets_follow_the_policy),
		cmocka_unit_test(unusable_endpoints_get_nothing_new_and_keep_what_they_have),
		cmocka_unit_test(udp_leaves_a_silent_host_and_stays_on_a_draining_one),
		cmocka_unit_test(full_inventory_refuses_new_ones_only),
		cmocka_unit_test(vanished_vip_refuses_and_foreign_replies_are_dropped),
		cmocka_unit_test(full_route_table_refuses_the_connection),
		cmocka_unit_test(absurd_parameters_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
