/* SPDX-License-Identifier: BSD-3-Clause */
/* The client's side of a hand-over, step by step: handshake, head, decision. */
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
static void one_segment(void **state)
{
	for (unsigned i = 0; i < 6; i++) {
		struct world *w = world_ready(i & 1 ? BATON_IPV6 : BATON_IPV4);

		w->vlans = i / 2;
		world_shake(w);
		world_say(w, ACK, w->client_isn + 1, w->server_isn + 1, NULL, 0);
		assert_int_equal(handover_n_pending(w->h), 0);
		assert_int_equal(w->n_out, 1); /* the SYN-ACK, and nothing else */
		assert_int_equal(world_data(w, 0, WORLD_HEAD_LEN, 0), HANDOVER_TAKEN);
		assert_int_equal(handover_n_pending(w->h), 1);
		w->hosts[0].says_nothing = true;
		world_run(w, 10 * WORLD_MS);
		assert_int_equal(w->routed, 0);
		assert_int_equal(w->n_out, 1); /* nothing was acknowledged from here */
		assert_memory_equal(w->out[0].l2 + 12, w->vlans ? "\x81\x00" : i & 1 ? "\x86\xdd" : "\x08\x00", 2);
		world_socket_has(w, 0, WORLD_HEAD_LEN);
		assert_int_equal(world_counter(w, created), 1);
		assert_int_equal(world_counter(w, heads_http), 1);
		assert_int_equal(w->n_injected, 1); /* nothing follows, so something has to introduce the flow */
		world_all_gone(w);
	}
}

/* What the SYN-ACK says, and what the host is told of it, for all that a client may offer and an application allow. */
static void options_agree(void **state)
{
	for (unsigned i = 0; i < 64; i++) {
		struct world *w = world_ready(i & 1 ? BATON_IPV6 : BATON_IPV4);
		bool ts = (i & 2) && (i & 32 || i & 16), sack = (i & 4) && (i & 32), ws = (i & 8) && (i & 32);
		const struct world_out *o;
		const struct baton_shim_create *b = &w->hosts[0].body;

		w->options = (struct tcp_options){
			.mss = 1400, .wscale = i & 8 ? 3 : TCP_OPTIONS_NO_WSCALE, .sack = i & 4, .timestamps = i & 2
		};
		w->app.timestamps = i & 32 || i & 16;
		w->app.sack = w->app.window_scaling = i & 32;
		w->app.mss = i & 16 ? 1300 : 0;
		world_shake(w);
		o = world_last(w);
		assert_int_equal(o->s.options.timestamps, ts);
		assert_int_equal(o->s.options.sack, sack);
		assert_int_equal(o->s.options.wscale, ws ? 7 : TCP_OPTIONS_NO_WSCALE);
		assert_int_equal(o->s.options.mss, i & 16 ? 1300 : i & 1 ? 1440 : 1460);
		assert_int_equal(o->s.options.tsecr, ts ? w->tsval : 0);
		assert_true(o->s.window >= w->app.head_max);
		world_data(w, 0, WORLD_HEAD_LEN, 0);
		world_run(w, 10 * WORLD_MS);
		world_socket_has(w, 0, WORLD_HEAD_LEN);
		assert_int_equal(b->options, ws * BATON_TCP_WSCALE | sack * BATON_TCP_SACK | ts * BATON_TCP_TIMESTAMPS);
		assert_int_equal(b->client_wscale, ws ? 3 : 0);
		assert_int_equal(b->server_wscale, ws ? 7 : 0);
		assert_int_equal(ntohs(b->mss), 1400);
		assert_in_range(ntohl(b->server_tsval), ts ? w->tsecr : 0, ts ? w->tsecr + 20 : 0);
		world_all_gone(w);
	}
}

/* Whatever the clock says; an echo from a device whose clock is ahead is not undercut, nonsense is not followed. */
static void timestamps_follow_the_clock(void **state)
{
	for (unsigned i = 0; i < 40; i++) {
		struct world *w = world_ready(BATON_IPV4);
		uint32_t now_ms;

		w->wall_ns += i * 3 * 86400ull * WORLD_S; /* 40 times 3 days: more than twice round */
		now_ms = (uint32_t)(w->wall_ns / WORLD_MS);
		world_shake(w);
		assert_int_equal(world_last(w)->s.options.tsval, now_ms);
		w->tsecr += i % 4 == 1 ? 5000 : i % 4 == 2 ? 500000 : 0;
		world_data(w, 0, WORLD_HEAD_LEN, 0);
		world_run(w, 10 * WORLD_MS);
		assert_int_equal(ntohl(w->hosts[0].body.server_tsval), now_ms + (i % 4 == 1 ? 5000 : 0));
		world_all_gone(w);
	}
}

static void small_mss_is_refused(void **state)
{
	static const uint16_t least[] = { 536, 1220 };

	for (unsigned i = 0; i < 2; i++) {
		struct world *w = world_ready(i ? BATON_IPV6 : BATON_IPV4);

		w->options.mss = least[i] - 1;
		world_say(w, SYN, 77, 0, NULL, 0);
		assert_int_equal(world_last(w)->s.flags, RST | ACK);
		assert_int_equal(world_last(w)->s.ack, 78);
		assert_int_equal(world_counter(w, syns_refused), 1);
		w->options.mss = 0; /* the least is meant */
		world_say(w, SYN, 79, 0, NULL, 0);
		assert_int_equal(world_last(w)->s.flags, SYN | ACK);
		assert_int_equal(world_counter(w, syns_refused), 1);
		world_all_gone(w);
	}
}

static void syn_flood_leaves_nothing(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	for (uint32_t i = 0; i < 5000; i++) {
		w->tuple.sport_be = (uint16_t)(i + 1);
		world_say(w, SYN, i, 0, w->stream, i % 2 ? 100 : 0);
		w->n_out = 0;
	}
	assert_int_equal(world_counter(w, syns_answered), 5000);
	assert_int_equal(handover_n_pending(w->h), 0);
	world_all_gone(w);
}

static void forged_cookies_begin_nothing(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	world_shake(w);
	for (uint32_t i = 1; i < 5000; i++) {
		w->server_isn += i * 2654435761u;
		assert_int_equal(world_data(w, 0, WORLD_HEAD_LEN, 0), HANDOVER_UNKNOWN);
	}
	assert_int_equal(world_counter(w, cookies_bad), 4999);
	assert_int_equal(handover_n_pending(w->h), 0);
	world_all_gone(w);
}

static void byte_by_byte(void **state)
{
	struct world *w = world_ready(BATON_IPV6);

	world_shake(w);
	for (uint32_t i = 0; i < WORLD_HEAD_LEN; i++) {
		world_data(w, i, i + 1, 0);
		world_run(w, 7 * WORLD_MS); /* it waits for an acknowledgement each time */
		if (i + 1 == WORLD_HEAD_LEN)
			break;
		assert_int_equal(world_last(w)->s.flags, ACK);
		assert_int_equal(world_last(w)->s.ack, w->client_isn + 2 + i);
	}
	assert_int_equal(world_counter(w, heads_acknowledged), 1);
	world_socket_has(w, 0, WORLD_HEAD_LEN);
	assert_int_equal(w->routed, 0);
	world_all_gone(w);
}

static void out_of_order_and_overlapping(void **state)
{
	struct world *w = world_ready(BATON_IPV4);
	uint8_t other[WORLD_HEAD_LEN];

	memset(other, 'Z', sizeof other);
	world_shake(w);
	world_data(w, 0, 5, 0);
	world_data(w, 20, 30, 0);
	world_data(w, 10, 15, 0);
	/* what came first stays, whatever is said later */
	world_say(w, ACK, w->client_isn + 1, w->server_isn + 1, other, 5);
	world_say(w, ACK, w->client_isn + 21, w->server_isn + 1, other, 10);
	world_data(w, 3, 22, 0);
	assert_int_equal(world_counter(w, heads_http), 0);
	world_data(w, 28, WORLD_HEAD_LEN, 0);
	assert_int_equal(world_counter(w, heads_http), 1);
	world_run(w, 10 * WORLD_MS);
	world_socket_has(w, 0, WORLD_HEAD_LEN);
	world_all_gone(w);
}

/* Segments of 1400 bytes in bursts of ten, as a client sends that hears acknowledgements. */
static void heads_of_all_sizes(void **state)
{
	static const uint32_t sizes[] = { 1000, 1400, 4096, 4097, 16384, 65000 };

	for (unsigned i = 0; i < sizeof sizes / 4; i++) {
		struct world *w = world_ready(i & 1 ? BATON_IPV4 : BATON_IPV6);
		uint32_t at = 0;

		w->app.head_max = 65535;
		world_long_head(w, sizes[i]);
		world_shake(w);
		while (at < sizes[i]) {
			uint32_t to = at + 1400 < sizes[i] ? at + 1400 : sizes[i];

			world_data(w, at, to, 0);
			at = to;
			w->n_out = 0;
		}
		world_run(w, 50 * WORLD_MS);
		assert_int_equal(w->routed, 0);
		world_run(w, 50 * WORLD_MS);
		world_socket_has(w, 0, sizes[i]);
		world_all_gone(w);
	}
}

/* Eight segments without a pause, and whatever is repeated. */
static void waiting_clients_are_acknowledged_at_once(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	world_long_head(w, 15000);
	world_shake(w);
	for (uint32_t at = 0; at < 8 * 1400; at += 1400) {
		assert_int_equal(w->n_out, 1);
		world_data(w, at, at + 1400, 0);
	}
	assert_int_equal(w->n_out, 2);
	assert_int_equal(world_last(w)->s.ack, w->client_isn + 1 + 8 * 1400);
	/* the right edge of the window stays where it was */
	assert_in_range((world_last(w)->s.window << 7) + 8 * 1400, w->out[0].s.window, w->out[0].s.window + 127);
	world_data(w, 8 * 1400, 9 * 1400, 0);
	assert_int_equal(w->n_out, 2);
	world_data(w, 8 * 1400, 9 * 1400, 0);
	assert_int_equal(w->n_out, 3);
	assert_int_equal(world_last(w)->s.ack, w->client_isn + 1 + 9 * 1400);
	assert_int_equal(world_counter(w, heads_acknowledged), 1);
	world_free(w);
}

static void fin_at_once(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, FIN);
	world_run(w, 10 * WORLD_MS);
	world_socket_has(w, 0, WORLD_HEAD_LEN);
	assert_true(w->hosts[0].fin);
	world_all_gone(w);
}

static void fin_without_a_word(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	world_shake(w);
	world_say(w, ACK | FIN, w->client_isn + 1, w->server_isn + 1, NULL, 0);
	assert_int_equal(world_last(w)->s.flags, ACK | FIN);
	assert_int_equal(world_last(w)->s.seq, w->server_isn + 1);
	assert_int_equal(world_last(w)->s.ack, w->client_isn + 2);
	assert_int_equal(world_say(w, ACK, w->client_isn + 2, w->server_isn + 2, NULL, 0), HANDOVER_TAKEN);
	assert_int_equal(w->n_out, 2);
	world_all_gone(w);
}

static void fin_before_the_head_is_complete(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	w->app.otherwise = APPLICATION_OTHERWISE_RESET;
	world_shake(w);
	world_data(w, 0, 10, FIN);
	assert_int_equal(world_last(w)->s.flags, RST | ACK);
	assert_int_equal(world_last(w)->s.seq, w->server_isn + 1);
	assert_int_equal(world_last(w)->s.ack, w->client_isn + 1 + 10 + 1);
	assert_int_equal(world_counter(w, heads_late), 1);
	world_all_gone(w);
}

static void probes_are_answered(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	world_shake(w);
	for (uint32_t len = 0; len < 2; len++) {
		assert_int_equal(world_say(w, ACK, w->client_isn, w->server_isn + 1, "x", len), HANDOVER_TAKEN);
		assert_int_equal(world_last(w)->s.flags, ACK);
		assert_int_equal(world_last(w)->s.seq, w->server_isn + 1);
		assert_int_equal(world_last(w)->s.ack, w->client_isn + 1);
	}
	assert_int_equal(w->n_out, 3);
	assert_int_equal(handover_n_pending(w->h), 0);
	world_all_gone(w);
}

static void segment_that_overtakes_the_first_is_dropped(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	assert_int_equal(world_data(w, 20, 30, 0), HANDOVER_UNKNOWN); /* could be of any lost connection */
	world_shake(w);
	assert_int_equal(world_data(w, 20, 30, 0), HANDOVER_TAKEN); /* the handshake's ACK is lost as well */
	world_say(w, ACK, w->client_isn + 1, w->server_isn + 1, NULL, 0);
	assert_int_equal(world_data(w, 20, 30, 0), HANDOVER_TAKEN);
	assert_int_equal(world_counter(w, segments_early), 2);
	w->server_isn++;
	assert_int_equal(world_data(w, 20, 30, 0), HANDOVER_UNKNOWN);
	assert_int_equal(handover_n_pending(w->h), 0);
	world_all_gone(w);
}

static void flood_does_not_push_out_finished_handshakes(void **state)
{
	struct world *w = world_ready(BATON_IPV4);
	struct baton_tuple own = w->tuple;

	world_shake(w);
	world_say(w, ACK, w->client_isn + 1, w->server_isn + 1, NULL, 0);
	for (uint32_t i = 0; i < 5000; i++) {
		w->tuple.sport_be = (uint16_t)(i + 1);
		if (w->tuple.sport_be != own.sport_be)
			world_say(w, SYN, i, 0, NULL, 0);
		w->n_out = 0;
	}
	w->tuple = own;
	assert_int_equal(world_data(w, 20, 30, 0), HANDOVER_TAKEN);
	assert_int_equal(world_counter(w, segments_early), 1);
	world_all_gone(w);
}

static void late_copy_of_the_syn_gets_the_same_number(void **state)
{
	struct world *w = world_ready(BATON_IPV4);
	uint32_t first;

	world_shake(w);
	first = w->server_isn;
	world_data(w, 0, 10, 0);
	w->wall_ns += COOKIE_EPOCH_S * WORLD_S;
	world_say(w, SYN, w->client_isn, 0, NULL, 0);
	assert_int_equal(world_last(w)->s.seq, first);
	world_say(w, SYN, w->client_isn + 1, 0, NULL, 0);
	assert_int_not_equal(world_last(w)->s.seq, first);
	assert_int_equal(handover_n_pending(w->h), 1);
	world_free(w);
}

static void late_heads_go_by_the_setting(void **state)
{
	for (uint8_t otherwise = 0; otherwise <= APPLICATION_OTHERWISE_DROP; otherwise++) {
		struct world *w = world_ready(BATON_IPV4);

		w->app.otherwise = otherwise;
		world_shake(w);
		world_data(w, 0, 10, 0);
		world_run(w, 1900 * WORLD_MS);
		assert_int_equal(world_counter(w, heads_late), 0);
		world_run(w, 200 * WORLD_MS);
		assert_int_equal(world_counter(w, heads_late), 1);
		assert_int_equal(w->routed, otherwise == APPLICATION_OTHERWISE_DEFAULT ? 0 : -1);
		assert_int_equal(w->n_dropped, otherwise == APPLICATION_OTHERWISE_DROP);
		assert_int_equal(world_last(w)->s.flags & RST, otherwise == APPLICATION_OTHERWISE_RESET ? RST : 0);
		world_all_gone(w);
	}
}

static void alien_and_too_long_heads_are_counted(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	world_shake(w);
	w->stream[0] = 0;
	world_data(w, 0, 10, 0);
	assert_int_equal(world_counter(w, heads_alien), 1);
	world_run(w, 10 * WORLD_MS);
	world_socket_has(w, 0, 10); /* to the VIP's own endpoints, as it is */
	world_all_gone(w);

	w = world_ready(BATON_IPV4);
	w->app.head_max = 1000;
	world_long_head(w, 3000);
	world_shake(w);
	world_data(w, 0, 1400, 0);
	assert_int_equal(world_counter(w, heads_too_long), 1);
	world_run(w, 10 * WORLD_MS);
	world_socket_has(w, 0, 1400);
	world_all_gone(w);
}

static void no_large_buffer(void **state)
{
	struct world *w = world_new(BATON_IPV4, 1, 16, 0, 64);

	world_long_head(w, 6000);
	world_shake(w);
	for (uint32_t at = 0; at < 6000; at += 1000)
		world_data(w, at, at + 1000, 0);
	assert_int_equal(world_counter(w, heads_no_room), 1);
	world_run(w, 10 * WORLD_MS);
	world_socket_has(w, 0, HANDOVER_SMALL_HEAD); /* the rest is the client's still */
	world_data(w, HANDOVER_SMALL_HEAD, 5000, 0);
	world_data(w, 5000, 6000, 0);
	world_run(w, 10 * WORLD_MS);
	world_socket_has(w, 0, 6000);
	world_all_gone(w);
}

static void rules_choose_pools(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	w->app.rules = &w->rules;
	w->app.n_pools = 1;
	w->app.pools[0] = 1;
	w->rules.verdict = (struct rules_verdict){ .action = RULES_POOL, .pool = 1 };
	w->vip->n_affinities = 2;
	w->vip->affinities[0] = (struct baton_affinity){ .kind = BATON_AFFINITY_COOKIE, .name = "sid" };
	w->vip->affinities[1] = (struct baton_affinity){ .kind = BATON_AFFINITY_CLIENT };
	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	assert_int_equal(w->service, 1);
	assert_int_equal(w->n_keys, 1); /* it has no cookie */
	assert_int_equal(w->rules.n_asked, 1);
	assert_int_equal(w->rules.last.kind, PEEK_HTTP);
	world_free(w);
}

static void rules_refuse(void **state)
{
	static const uint8_t actions[] = { RULES_RESET, RULES_DROP };

	for (unsigned i = 0; i < 2; i++) {
		struct world *w = world_ready(BATON_IPV4);

		w->app.rules = &w->rules;
		w->rules.verdict.action = actions[i];
		world_shake(w);
		world_data(w, 0, WORLD_HEAD_LEN, 0);
		assert_int_equal(world_counter(w, rule_reset), i == 0);
		assert_int_equal(w->n_dropped, i == 1);
		assert_int_equal(w->n_out, 2 - i);
		world_all_gone(w);
	}
}

#define ANSWER "HTTP/1.1 403 Forbidden\r\nConnection: close\r\nContent-Length: 3\r\n\r\nno\n"

static void rules_answer(void **state)
{
	uint32_t len = sizeof ANSWER - 1;
	struct world *w = world_ready(BATON_IPV6);

	w->app.rules = &w->rules;
	w->rules.verdict = (struct rules_verdict){ .action = RULES_ANSWER, .answer = ANSWER, .answer_len = len };
	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	for (unsigned i = 0; i < 2; i++) {
		assert_int_equal(w->n_out, 2 + i);
		assert_int_equal(world_last(w)->s.len, len);
		assert_memory_equal(world_last(w)->s.data, ANSWER, len);
		assert_int_equal(world_last(w)->s.flags & ~SEGMENT_TCP_PSH, ACK | FIN);
		assert_int_equal(world_last(w)->s.seq, w->server_isn + 1);
		assert_int_equal(world_last(w)->s.ack, w->client_isn + 1 + WORLD_HEAD_LEN);
		world_data(w, 0, WORLD_HEAD_LEN, 0); /* it has not heard */
	}
	world_say(w, ACK, w->client_isn + 1 + WORLD_HEAD_LEN, w->server_isn + 2 + len, NULL, 0);
	assert_int_equal(handover_n_pending(w->h), 1);
	world_say(w, ACK | FIN, w->client_isn + 1 + WORLD_HEAD_LEN, w->server_isn + 2 + len, NULL, 0);
	assert_int_equal(world_last(w)->s.flags, ACK);
	assert_int_equal(world_last(w)->s.seq, w->server_isn + 2 + len);
	assert_int_equal(world_last(w)->s.ack, w->client_isn + 2 + WORLD_HEAD_LEN);
	world_all_gone(w);
}

static void answers_are_repeated_and_forgotten(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	w->app.rules = &w->rules;
	w->rules.verdict = (struct rules_verdict){ .action = RULES_ANSWER, .answer = ANSWER, .answer_len = 20 };
	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_run(w, 2 * WORLD_S);
	assert_in_range(w->n_out, 3, 8);
	world_run(w, 4 * WORLD_S);
	world_all_gone(w);
}

static void parameters_are_checked(void **state)
{
	struct handover_params p = { .max_pending = 0 };

	assert_null(handover_new(&p));
	p.max_pending = 4;
	p.lcore = RULES_MAX_LCORES;
	assert_null(handover_new(&p));
	p.lcore = 0;
	p.max_large = 5;
	assert_null(handover_new(&p));
	handover_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(one_segment),
		cmocka_unit_test(options_agree),
		cmocka_unit_test(timestamps_follow_the_clock),
		cmocka_unit_test(small_mss_is_refused),
		cmocka_unit_test(syn_flood_leaves_nothing),
		cmocka_unit_test(forged_cookies_begin_nothing),
		cmocka_unit_test(byte_by_byte),
		cmocka_unit_test(out_of_order_and_overlapping),
		cmocka_unit_test(heads_of_all_sizes),
		cmocka_unit_test(waiting_clients_are_acknowledged_at_once),
		cmocka_unit_test(fin_at_once),
		cmocka_unit_test(fin_without_a_word),
		cmocka_unit_test(fin_before_the_head_is_complete),
		cmocka_unit_test(probes_are_answered),
		cmocka_unit_test(segment_that_overtakes_the_first_is_dropped),
		cmocka_unit_test(flood_does_not_push_out_finished_handshakes),
		cmocka_unit_test(late_copy_of_the_syn_gets_the_same_number),
		cmocka_unit_test(late_heads_go_by_the_setting),
		cmocka_unit_test(alien_and_too_long_heads_are_counted),
		cmocka_unit_test(no_large_buffer),
		cmocka_unit_test(rules_choose_pools),
		cmocka_unit_test(rules_refuse),
		cmocka_unit_test(rules_answer),
		cmocka_unit_test(answers_are_repeated_and_forgotten),
		cmocka_unit_test(parameters_are_checked),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
