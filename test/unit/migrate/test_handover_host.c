/* SPDX-License-Identifier: BSD-3-Clause */
/* The host's side of a hand-over, step by step: offer, refusals, route. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "world.h"

#define SYN PACKET_TCP_SYN
#define ACK PACKET_TCP_ACK
#define FIN PACKET_TCP_FIN
#define RST PACKET_TCP_RST
static void acknowledged_bytes_arrive_though_links_lose(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	world_long_head(w, 12000);
	world_shake(w);
	world_data(w, 0, 1400, 0);
	for (uint32_t at = 1400; at < 11200; at += 1400)
		world_data(w, at, at + 1400, 0);
	world_run(w, 6 * WORLD_MS);
	assert_int_equal(world_last(w)->s.ack, w->client_isn + 1 + 11200);
	w->hosts[0].says_nothing = true;
	w->lose = 50;
	world_data(w, 11200, 12000, 0);
	for (unsigned i = 0; i < 500 && handover_n_pending(w->h); i++)
		world_run(w, 10 * WORLD_MS);
	assert_int_equal(w->routed, 0);
	assert_true(w->hosts[0].received >= 11200);
	assert_memory_equal(w->hosts[0].stream, w->stream, w->hosts[0].received);
	world_all_gone(w);
}

/* The second request comes while the host makes its socket. */
static void pipelined_data_is_kept(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	assert_int_equal(world_data(w, WORLD_HEAD_LEN, 500, 0), HANDOVER_KEPT);
	assert_int_equal(world_data(w, 500, 900, FIN), HANDOVER_KEPT);
	assert_int_equal(world_data(w, 0, WORLD_HEAD_LEN, 0), HANDOVER_TAKEN); /* a repetition is not */
	world_run(w, 10 * WORLD_MS);
	assert_int_equal(w->n_delivered, 2);
	world_socket_has(w, 0, 900);
	assert_true(w->hosts[0].fin);
	world_all_gone(w);
}

static void body_behind_the_head_follows(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	world_shake(w);
	world_data(w, 0, 1460, 0); /* more than one datagram takes */
	world_run(w, 10 * WORLD_MS);
	assert_true(w->n_injected > 0);
	world_socket_has(w, 0, 1460);
	world_all_gone(w);
}

static void resets_end_it(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	world_shake(w);
	world_data(w, 0, 10, 0);
	world_say(w, RST, w->client_isn - 100000, 0, NULL, 0); /* not in the window */
	assert_int_equal(handover_n_pending(w->h), 1);
	world_say(w, RST, w->client_isn + 11, 0, NULL, 0);
	assert_int_equal(handover_n_pending(w->h), 0);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_data(w, WORLD_HEAD_LEN, 100, 0);
	world_run(w, WORLD_MS / 10); /* the host has it, we do not know */
	world_say(w, RST, w->client_isn + 101, 0, NULL, 0);
	assert_int_equal(handover_n_pending(w->h), 0);
	world_run(w, 10 * WORLD_MS);
	assert_int_equal(w->hosts[0].n_aborted, 1);
	assert_false(w->hosts[0].open);
	assert_int_equal(w->n_placed, 0);
	world_all_gone(w);
}

static void client_begins_anew(void **state)
{
	struct world *w = world_ready(BATON_IPV4);
	uint32_t first;

	w->hosts[0].dead = true;
	world_shake(w);
	first = w->server_isn;
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_run(w, 10 * WORLD_MS);
	w->client_isn += 5000000;
	world_shake(w);
	assert_int_not_equal(w->server_isn, first);
	assert_int_equal(world_counter(w, pending_reset), 0);
	w->hosts[0].dead = false;
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	assert_int_equal(world_counter(w, pending_reset), 1);
	assert_int_equal(world_counter(w, aborts_sent), 1);
	world_run(w, 10 * WORLD_MS);
	assert_int_equal(w->hosts[0].server_isn, w->server_isn);
	world_socket_has(w, 0, WORLD_HEAD_LEN);
	world_all_gone(w);
}

static void implied_by_the_clients_acknowledgement(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_run(w, WORLD_MS / 10);
	assert_true(w->hosts[0].open);
	assert_int_equal(w->n_placed, 0);
	assert_int_equal(world_say(w, ACK, w->client_isn + 1 + WORLD_HEAD_LEN, w->server_isn + 1 + 300, NULL, 0),
			 HANDOVER_KEPT);
	assert_int_equal(w->n_placed, 1);
	assert_int_equal(w->n_delivered, 1);
	assert_int_equal(world_counter(w, created_implied), 1);
	world_run(w, 10 * WORLD_MS);
	world_socket_has(w, 0, WORLD_HEAD_LEN);
	world_all_gone(w);
}

static void refused_goes_elsewhere(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	w->hosts[0].refusal = BATON_SHIM_REFUSAL_BACKLOG_FULL;
	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_run(w, 10 * WORLD_MS);
	assert_int_equal(w->routed, 1);
	world_socket_has(w, 1, WORLD_HEAD_LEN);
	assert_int_equal(w->hosts[0].n_created, 0);
	assert_int_equal(world_counter(w, tried_elsewhere), 1);
	assert_int_equal(handover_counters_get(w->h)->refusals[BATON_SHIM_REFUSAL_BACKLOG_FULL], 1);
	world_all_gone(w);
}

static void refused_everywhere_is_reset(void **state)
{
	for (unsigned attempts = 1; attempts <= 3; attempts++) {
		struct world *w = world_ready(BATON_IPV4);

		w->app.attempts = attempts;
		w->hosts[0].refusal = w->hosts[1].refusal = BATON_SHIM_REFUSAL_NO_LISTENER;
		world_shake(w);
		world_data(w, 0, WORLD_HEAD_LEN, 0);
		world_data(w, WORLD_HEAD_LEN, 200, 0); /* kept, and must be given back */
		world_run(w, 10 * WORLD_MS);
		assert_int_equal(world_last(w)->s.flags, RST | ACK);
		assert_int_equal(world_last(w)->s.seq, w->server_isn + 1);
		assert_int_equal(world_last(w)->s.ack, w->client_isn + 1 + WORLD_HEAD_LEN);
		assert_int_equal(world_counter(w, no_endpoint), 1);
		assert_int_equal(w->hosts[1].n_refused, attempts > 1);
		world_all_gone(w);
	}
}

static void unsent_goes_elsewhere_at_once(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	w->shim_fails[0] = true;
	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_run(w, 10 * WORLD_MS);
	assert_int_equal(w->routed, 1);
	world_socket_has(w, 1, WORLD_HEAD_LEN);
	world_all_gone(w);
}

static void silent_host_is_given_time_then_the_client_is_reset(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	w->hosts[0].dead = true;
	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_run(w, 1800 * WORLD_MS);
	assert_int_equal(w->n_out, 1);
	world_run(w, 1500 * WORLD_MS);
	assert_int_equal(world_last(w)->s.flags, RST | ACK);
	assert_int_equal(world_counter(w, host_silent), 1);
	assert_int_equal(world_counter(w, aborts_sent), 1);
	assert_int_equal(w->hosts[1].n_created, 0); /* it may have answered the client: nobody else is asked */
	world_all_gone(w);
}

static void full_accept_queue_is_tried_again(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	w->hosts[0].full_until_ns = w->now_ns + 100 * WORLD_MS;
	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_run(w, 300 * WORLD_MS);
	assert_int_equal(w->routed, 0);
	assert_int_equal(w->hosts[0].n_created, 1);
	world_socket_has(w, 0, WORLD_HEAD_LEN);
	world_all_gone(w);
}

/* The client uses a port again: the first CREATE only makes room for the second. */
static void leftover_of_another_connection_is_no_reason_to_wait(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	w->hosts[0].open = true;
	w->hosts[0].client_isn = w->client_isn - 1000;
	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_run(w, 2 * WORLD_MS); /* before the schedule's first repetition */
	assert_int_equal(w->hosts[0].n_created, 1);
	assert_int_equal(world_counter(w, creates_repeated), 1);
	world_run(w, 2 * WORLD_MS);
	assert_int_equal(w->routed, 0);
	world_socket_has(w, 0, WORLD_HEAD_LEN);
	world_all_gone(w);
}

/* Told again and again that there is nothing, it does not send more CREATEs than the schedule has. */
static void full_accept_queue_is_not_flooded(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	w->hosts[0].full_until_ns = w->now_ns + 20000 * WORLD_MS;
	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_run(w, 500 * WORLD_MS);
	assert_int_equal(world_counter(w, creates_repeated), 6);
	world_run(w, 3000 * WORLD_MS);
	world_all_gone(w);
}

static void ended_host_connection_is_reset(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	world_shake(w);
	w->lose = 0;
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_run(w, WORLD_MS / 10);
	w->hosts[0].open = false;
	w->hosts[0].ended = true;
	world_run(w, 10 * WORLD_MS);
	assert_int_equal(world_counter(w, host_ended), 1);
	assert_int_equal(world_last(w)->s.flags, RST | ACK);
	world_all_gone(w);
}

static void lingering_connection_gets_its_route(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_run(w, WORLD_MS / 10);
	w->hosts[0].lingers = true;
	world_run(w, 10 * WORLD_MS);
	assert_int_equal(w->routed, 0);
	assert_int_equal(w->routed_state, BATON_CONN_CLOSED);
	world_all_gone(w);
}

static void strange_words_are_ignored(void **state)
{
	struct world *w = world_ready(BATON_IPV4);
	struct plumb_host m = { .key = w->tuple, .state = BATON_SHIM_CONN_OPEN };

	w->hosts[0].dead = true;
	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	m.client_isn = w->client_isn;
	m.server_isn = w->server_isn;
	m.next_seq = w->client_isn + 1 + WORLD_HEAD_LEN;
	memcpy(m.from, w->hosts[1].addr, 16); /* another host's word */
	assert_false(handover_host(w->h, w->view, &m, w->now_ns, w->wall_ns));
	memcpy(m.from, w->hosts[0].addr, 16);
	m.server_isn++;
	assert_false(handover_host(w->h, w->view, &m, w->now_ns, w->wall_ns));
	m.server_isn--;
	m.next_seq += 100000; /* more than there is */
	assert_true(handover_host(w->h, w->view, &m, w->now_ns, w->wall_ns));
	m.state = 77;
	assert_true(handover_host(w->h, w->view, &m, w->now_ns, w->wall_ns));
	assert_int_equal(w->n_placed, 0);
	assert_int_equal(handover_n_pending(w->h), 1);
	assert_int_equal(world_counter(w, strays), 2);
	world_free(w);
}

/* One large buffer, one connection after the other: each needs it. */
static void large_buffers_come_back(void **state)
{
	struct world *w = world_new(BATON_IPV4, 1, 16, 1, 8);

	world_long_head(w, 8000);
	for (uint16_t port = 1; port <= 5; port++) {
		w->tuple.sport_be = port;
		w->routed = -1;
		w->acknowledged = 0;
		w->client_isn += 1000000;
		world_shake(w);
		for (uint32_t at = 0; at < 8000; at += 1000)
			world_data(w, at, at + 1000, 0);
		world_run(w, 10 * WORLD_MS);
		assert_int_equal(world_counter(w, created), port);
	}
	assert_int_equal(world_counter(w, heads_no_room), 0);
	world_all_gone(w);
}

/* The client has heard the host, and what we have acknowledged is not all there: no route before it is. */
static void implied_does_not_excuse_acknowledged_bytes(void **state)
{
	struct world *w = world_ready(BATON_IPV4);
	struct plumb_host refusal = { .key = w->tuple, .state = BATON_SHIM_CONN_REFUSED };

	world_long_head(w, 5600);
	world_shake(w);
	for (uint32_t at = 0; at < 4200; at += 1400)
		world_data(w, at, at + 1400, 0);
	world_run(w, 7 * WORLD_MS);
	assert_int_equal(w->acknowledged, 4200);
	world_data(w, 4200, 5600, 0);
	world_run(w, WORLD_MS / 10);
	assert_true(w->hosts[0].open);
	world_say(w, PACKET_TCP_ACK, w->client_isn + 1 + 5600, w->server_isn + 2, NULL, 0);
	assert_int_equal(w->n_placed, 0);
	/* an old refusal does not send it elsewhere */
	refusal.client_isn = w->client_isn;
	refusal.server_isn = w->server_isn;
	memcpy(refusal.from, w->hosts[0].addr, 16);
	handover_host(w->h, w->view, &refusal, w->now_ns, w->wall_ns);
	assert_int_equal(world_counter(w, refused_by_host), 0);
	world_run(w, 20 * WORLD_MS);
	assert_int_equal(w->routed, 0);
	world_socket_has(w, 0, 5600);
	assert_int_equal(w->hosts[1].n_created, 0);
	world_all_gone(w);
}

static void floods_fill_the_table_and_no_more(void **state)
{
	struct world *w = world_new(BATON_IPV4, 3, 16, 2, 8);
	unsigned n = 0;

	memcpy(w->stream, WORLD_HEAD, WORLD_HEAD_LEN);
	for (uint16_t port = 1; port <= 100; port++) {
		w->tuple.sport_be = port;
		world_shake(w);
		world_data(w, 0, 10, 0);
		w->n_out = 0;
	}
	assert_int_equal(handover_n_pending(w->h), 16);
	assert_int_equal(world_counter(w, pending_full), 84);
	w->hosts[0].dead = true;
	w->tuple.sport_be = 5; /* one of those that were first is not hurt */
	world_shake(w);
	world_data(w, 10, WORLD_HEAD_LEN, 0);
	for (unsigned i = 0; i < 20; i++)
		n += world_data(w, WORLD_HEAD_LEN + i, WORLD_HEAD_LEN + i + 1, 0) == HANDOVER_KEPT;
	assert_int_equal(n, 8);
	assert_int_equal(world_counter(w, held_dropped), 12);
	world_free(w);
}

static void configuration_changes_meanwhile(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	world_shake(w);
	world_data(w, 0, 10, 0);
	w->vip->application = NULL;
	world_run(w, 10 * WORLD_MS);
	assert_int_equal(world_last(w)->s.flags, RST | ACK);
	world_all_gone(w);

	w = world_ready(BATON_IPV4);
	w->hosts[0].dead = true;
	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_run(w, 10 * WORLD_MS);
	memset(w->view->endpoints[0].addr, 9, 4); /* its id is another one's */
	world_run(w, 500 * WORLD_MS);
	assert_int_equal(world_last(w)->s.flags, RST | ACK);
	assert_int_equal(world_counter(w, view_changed), 1);
	world_all_gone(w);
}

static void full_inventory_resets(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	w->place_result = -ENOSPC;
	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_data(w, WORLD_HEAD_LEN, 100, 0);
	world_run(w, 10 * WORLD_MS);
	assert_int_equal(world_counter(w, place_failed), 1);
	assert_int_equal(w->hosts[0].n_aborted, 1);
	assert_int_equal(world_last(w)->s.flags, RST | ACK);
	world_all_gone(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(acknowledged_bytes_arrive_though_links_lose),
		cmocka_unit_test(pipelined_data_is_kept),
		cmocka_unit_test(body_behind_the_head_follows),
		cmocka_unit_test(resets_end_it),
		cmocka_unit_test(client_begins_anew),
		cmocka_unit_test(implied_by_the_clients_acknowledgement),
		cmocka_unit_test(refused_goes_elsewhere),
		cmocka_unit_test(refused_everywhere_is_reset),
		cmocka_unit_test(unsent_goes_elsewhere_at_once),
		cmocka_unit_test(silent_host_is_given_time_then_the_client_is_reset),
		cmocka_unit_test(full_accept_queue_is_tried_again),
		cmocka_unit_test(leftover_of_another_connection_is_no_reason_to_wait),
		cmocka_unit_test(full_accept_queue_is_not_flooded),
		cmocka_unit_test(ended_host_connection_is_reset),
		cmocka_unit_test(lingering_connection_gets_its_route),
		cmocka_unit_test(strange_words_are_ignored),
		cmocka_unit_test(large_buffers_come_back),
		cmocka_unit_test(implied_does_not_excuse_acknowledged_bytes),
		cmocka_unit_test(floods_fill_the_table_and_no_more),
		cmocka_unit_test(configuration_changes_meanwhile),
		cmocka_unit_test(full_inventory_resets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
