/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hand-overs between a client that sends, waits and repeats as TCP does, and
 * hosts of many tempers, over links that lose, repeat and reorder in every
 * direction. Whatever happens:
 *
 *  - what a host's socket has received is how the client's stream begins, byte by byte;
 *  - a second host gets the connection only if the first refused it;
 *  - the client gets all its bytes delivered, or a reset, or (links permitting) neither for lack of time only;
 *  - nothing stays pending, no buffer and no packet is lost.
 *
 * test_handover_random [first seed] [how many]
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "world.h"

#define RUNS 3000
#define RTO_NS (200 * WORLD_MS)
#define FLIGHT (10 * 1400u)
#define RUN_NS (400 * WORLD_S)

static uint64_t first_seed = 1;
static unsigned n_runs = RUNS;

/* The client's end of TCP, as simple as can be: go back to the oldest when the timer ends. */
struct client {
	uint32_t total, piece; /* bytes to say; bytes in a segment */
	uint32_t una, next;    /* acknowledged, sent */
	uint32_t heard;        /* bytes from the host */
	uint32_t checked[WORLD_HOSTS];
	uint64_t timer_ns;
	uint32_t backoff;
	bool shaken, fin, fin_sent, fin_acked, reset, gave_up;
};

static struct client c;

static void acknowledge(struct world *w)
{
	world_say(w, PACKET_TCP_ACK, w->client_isn + 1 + c.next + c.fin_sent, w->server_isn + 1 + c.heard, NULL, 0);
}

static void transmit(struct world *w, uint32_t from, uint32_t to)
{
	bool last = to == c.total && c.fin;

	world_say(w, PACKET_TCP_ACK | (last ? PACKET_TCP_FIN : 0), w->client_isn + 1 + from,
		  w->server_isn + 1 + c.heard, w->stream + from, to - from);
	c.fin_sent |= last;
}

static void from_device(struct world *w, const struct segment *s)
{
	uint32_t acked = s->ack - (w->client_isn + 1), at = s->seq - (w->server_isn + 1);

	if (s->flags & PACKET_TCP_RST) {
		c.reset |= s->seq == w->server_isn + 1 + c.heard;
		return;
	}
	if (s->flags & PACKET_TCP_SYN) {
		if (c.shaken)
			return;
		c.shaken = true;
		w->server_isn = s->seq;
		w->timestamps = s->options.timestamps;
		if (world_chance(w, 80))
			acknowledge(w);
		return;
	}
	if (!c.shaken)
		return;
	if (s->options.timestamps)
		w->tsecr = s->options.tsval;
	assert_true(acked <= c.next + c.fin_sent); /* nobody acknowledges what was not said */
	if (acked > c.una) {
		c.una = acked < c.total ? acked : c.total;
		c.fin_acked = c.fin_sent && acked == c.total + 1;
		c.backoff = 0;
		c.timer_ns = w->now_ns + RTO_NS;
	}
	if (s->len && at <= c.heard && at + s->len > c.heard)
		c.heard = at + s->len;
	if (s->len)
		acknowledge(w);
}

static void client_turn(struct world *w)
{
	if (!c.shaken) {
		if (w->now_ns >= c.timer_ns) {
			world_say(w, PACKET_TCP_SYN, w->client_isn, 0, NULL, 0);
			c.timer_ns = w->now_ns + RTO_NS;
		}
		return;
	}
	while (c.next < c.total && c.next - c.una < FLIGHT) {
		uint32_t left = c.total - c.next, len = left < c.piece ? left : c.piece, from = c.next;

		c.next += len;
		transmit(w, from, c.next);
		if (world_chance(w, 20))
			break; /* the application pauses */
	}
	if ((c.una == c.next && c.fin_acked == c.fin) || w->now_ns < c.timer_ns)
		return;
	/* from the oldest on, in other pieces than before */
	transmit(w, c.una, c.next - c.una < 1400 ? c.next : c.una + 1 + world_random(w, 1400));
	c.backoff += c.backoff < 3;
	c.timer_ns = w->now_ns + (RTO_NS << c.backoff);
}

static void draw_world(struct world *w)
{
	static const uint8_t refusals[] = { BATON_SHIM_REFUSAL_NONE, BATON_SHIM_REFUSAL_NONE,
					    BATON_SHIM_REFUSAL_BACKLOG_FULL };

	w->lose = world_chance(w, 50) ? world_random(w, 30) : 0;
	w->repeat = world_chance(w, 50) ? world_random(w, 30) : 0;
	w->reorder = world_chance(w, 50) ? world_random(w, 40) : 0;
	w->options.timestamps = world_chance(w, 50);
	w->options.sack = world_chance(w, 50);
	w->options.wscale = world_chance(w, 50) ? 7 : TCP_OPTIONS_NO_WSCALE;
	w->client_isn = (uint32_t)frame_random(&w->seed);
	w->vlans = world_random(w, 3);
	w->app.head_max = 1000 + world_random(w, 64000);
	w->app.timeout_ms = 500 + world_random(w, 4000);
	w->app.otherwise = world_chance(w, 20) ? APPLICATION_OTHERWISE_RESET : APPLICATION_OTHERWISE_DEFAULT;
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		w->hosts[i].refusal = refusals[world_random(w, 3)];
		w->hosts[i].dead = world_chance(w, 5);
		w->hosts[i].reply_after = world_random(w, 3000);
		w->hosts[i].reply_len = world_chance(w, 50) ? 1 + world_random(w, 900) : 0;
		if (world_chance(w, 20))
			w->hosts[i].full_until_ns = w->now_ns + world_random(w, 1000) * WORLD_MS;
	}
}

/* An HTTP head of some length, and a body. */
static void draw_stream(struct world *w)
{
	uint32_t head = 40 + (world_chance(w, 70) ? world_random(w, 3000) : world_random(w, 50000));

	memcpy(w->stream, "GET / HTTP/1.0\r\nX: ", 19);
	memcpy(w->stream + head - 4, "\r\n\r\n", 4);
	c.total = head + (world_chance(w, 50) ? world_random(w, 20000) : 0);
	c.piece = world_chance(w, 20) ? 1 + world_random(w, 40) : 100 + world_random(w, 1300);
	if (c.piece < 41 && c.total > 2000)
		c.piece = 1400;
	c.fin = world_chance(w, 30);
	w->client_isn -= world_chance(w, 30) ? c.total : 0;
}

static void check_prefix(const struct world *w)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		uint32_t had = c.checked[i], has = w->hosts[i].received;

		assert_true(has <= c.next);
		if (has > had)
			assert_memory_equal(w->hosts[i].stream + had, w->stream + had, has - had);
		c.checked[i] = has;
		assert_true(!w->hosts[i].fin || w->hosts[i].received == c.total);
	}
}

static bool finished(const struct world *w)
{
	const struct world_host *host = w->routed < 0 ? NULL : &w->hosts[w->routed];

	if (c.reset)
		return true;
	return host && host->received == c.total && (!c.fin || host->fin);
}

static bool well(const struct world *w)
{
	for (unsigned i = 0; i < WORLD_HOSTS; i++)
		if (w->hosts[i].dead || w->hosts[i].refusal)
			return false;
	return !w->lose && w->app.otherwise == APPLICATION_OTHERWISE_DEFAULT;
}

/* Outcomes, to see that the runs are not all of one kind. */
static unsigned n_delivered, n_reset, n_elsewhere, n_acknowledged, n_implied, n_lost;

static void run(uint64_t seed)
{
	struct world *w = world_new(seed % 2 ? BATON_IPV4 : BATON_IPV6, seed, 4, 2, 40);
	uint64_t end = w->now_ns + RUN_NS;

	memset(&c, 0, sizeof c);
	draw_world(w);
	draw_stream(w);
	w->to_client = from_device;
	while (w->now_ns < end && !finished(w)) {
		client_turn(w);
		world_run(w, world_chance(w, 50) ? WORLD_MS / 5 : 3 * WORLD_MS);
		check_prefix(w);
	}
	world_run(w, 10 * WORLD_S); /* all deadlines are over */
	memset(c.checked, 0, sizeof c.checked);
	check_prefix(w);
	assert_int_equal(handover_n_pending(w->h), 0);
	if (w->hosts[0].n_created && w->hosts[1].n_created)
		assert_true(w->hosts[0].n_refused || w->hosts[1].n_refused);
	assert_true(w->n_placed <= 1);
	assert_true(w->hosts[0].n_created + w->hosts[1].n_created <= 1 || w->hosts[0].refusal || w->hosts[1].refusal);
	/* where nothing gets lost for good, and nobody refuses, nothing else can come out */
	if (well(w))
		assert_true(finished(w) && !c.reset);
	/* a client that has heard nothing was reset, and has not heard it, or its host has forgotten it */
	if (!finished(w))
		assert_true(world_counter(w, resets_sent) || w->hosts[0].n_unknown || w->hosts[1].n_unknown);
	n_delivered += finished(w) && !c.reset;
	n_reset += c.reset;
	n_lost += !finished(w);
	n_elsewhere += world_counter(w, tried_elsewhere) > 0;
	n_acknowledged += world_counter(w, heads_acknowledged) > 0;
	n_implied += world_counter(w, created_implied) > 0;
	world_free(w);
}

static uint64_t now; /* what the teardown names if it was the last */

static int name_seed(void **state)
{
	if (now != first_seed + n_runs - 1)
		print_message("failed: seed %llu\n", (unsigned long long)now);
	return 0;
}

static void whatever_happens(void **state)
{
	for (uint64_t seed = first_seed; seed < first_seed + n_runs; seed++) {
		now = seed;
		run(seed);
	}
	print_message("%u runs: %u delivered, %u reset, %u neither; %u went elsewhere, %u acknowledged, %u implied\n",
		      n_runs, n_delivered, n_reset, n_lost, n_elsewhere, n_acknowledged, n_implied);
	if (n_runs < RUNS)
		return;
	assert_true(n_delivered > n_runs / 2);
	assert_true(n_reset && n_elsewhere && n_acknowledged && n_implied);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_teardown(whatever_happens, name_seed),
	};

	if (argc > 1)
		first_seed = strtoull(argv[1], NULL, 0);
	if (argc > 2)
		n_runs = (unsigned)strtoul(argv[2], NULL, 0);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
