/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Cost of the pure part of a hand-over: SYN, ACK, request, question, the host's
 * word, route. Frames and words are made outside of the measured time; the
 * environment does nothing. Prints the median of rounds.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "migrate/handover.h"
#include "migrate/segment.h"

#define BATCH 1024 /* connections that are pending at once */
#define ROUNDS 101
#define FRAME 1600
#define REQUEST                                                                                     \
	"GET /some/page.html?with=query HTTP/1.1\r\nHost: www.example.org\r\nUser-Agent: bench\r\n" \
	"Accept: text/html\r\nCookie: sid=0123456789abcdef\r\n\r\n"

enum { PHASE_SYN, PHASE_ACK, PHASE_REQUEST, PHASE_QUESTION, PHASE_WORD, N_PHASES };

static const char *const names[N_PHASES] = { "SYN", "ACK", "request and CREATE", "question", "word and route" };

struct frame {
	uint8_t b[FRAME];
	struct packet_info info;
};

static struct frame frames[BATCH];
static uint32_t server_isn[BATCH];
static unsigned n_sent, n_placed;

static void env_send(void *arg, uint8_t forwarder, uint16_t port, const uint8_t *frame, uint32_t len)
{
	uint32_t seq;

	memcpy(&seq, frame + 14 + 20 + 4, 4);
	server_isn[n_sent++ % BATCH] = ntohl(seq);
}

static void env_inject(void *arg, uint8_t forwarder, uint16_t port, const uint8_t *frame, uint32_t len)
{
}

static bool env_shim(void *arg, uint8_t forwarder, uint16_t endpoint, enum baton_shim_type type,
		     const struct baton_shim_create *body, const uint8_t *l2, uint16_t l2_len, const uint8_t *inner,
		     uint16_t inner_len)
{
	return true;
}

static uint16_t env_choose(void *arg, uint16_t service, const struct handover_keys *keys, const uint16_t *tried,
			   unsigned n_tried)
{
	return 0;
}

static void env_key(void *arg, uint16_t vip, const struct baton_affinity *a, const uint8_t *bytes, uint32_t len,
		    struct session_key *ret)
{
	memset(ret, 0, sizeof *ret);
}

static int env_place(void *arg, const struct baton_tuple *key, uint8_t forwarder, uint16_t vip, uint16_t endpoint,
		     uint8_t state, const struct handover_keys *keys)
{
	n_placed++;
	return 0;
}

static void env_drop(void *arg, const struct baton_tuple *key, uint8_t forwarder, uint16_t vip)
{
}

static void env_packet(void *arg, uint8_t forwarder, void *packet)
{
}

static void env_release(void *arg, void *packet)
{
}

static const struct handover_env env = { env_send,  env_inject, env_shim,   env_choose,  env_key,
					 env_place, env_drop,   env_packet, env_release, NULL };

static struct baton_tuple tuple_of(unsigned i)
{
	struct baton_tuple t = { .saddr = { 10, (uint8_t)(i >> 8), (uint8_t)i, 1 }, .daddr = { 192, 0, 2, 1 } };

	t.family = BATON_IPV4;
	t.proto = IPPROTO_TCP;
	t.sport_be = htons((uint16_t)(1024 + i));
	t.dport_be = htons(80);
	return t;
}

static void make_frame(unsigned i, unsigned phase, uint32_t isn)
{
	struct segment s = { .seq = isn + (phase != PHASE_SYN), .window = 500, .options = { .timestamps = true } };
	struct baton_tuple t = tuple_of(i);
	struct frame *f = &frames[i];

	s.flags = phase == PHASE_SYN ? PACKET_TCP_SYN : PACKET_TCP_ACK;
	s.ack = phase == PHASE_SYN ? 0 : server_isn[i] + 1;
	s.options.mss = phase == PHASE_SYN ? 1460 : 0;
	s.options.sack = phase == PHASE_SYN;
	s.options.wscale = phase == PHASE_SYN ? 7 : TCP_OPTIONS_NO_WSCALE;
	s.data = (const uint8_t *)REQUEST;
	s.len = phase == PHASE_REQUEST ? sizeof REQUEST - 1 : 0;
	memset(f->b, 2, 12);
	f->b[12] = 8;
	f->b[13] = 0;
	packet_parse(f->b, 14 + segment_write(f->b + 14, &t, &s), &f->info);
}

static void run_phase(struct handover *h, const struct view *v, unsigned phase, uint32_t isn, uint64_t now)
{
	struct plumb_host m = { .client_isn = isn, .next_seq = isn + sizeof REQUEST, .state = BATON_SHIM_CONN_OPEN };

	memcpy(m.from, v->endpoints[0].addr, 16);
	if (phase == PHASE_QUESTION) {
		while (handover_poll(h, v, now, now))
			;
		return;
	}
	for (unsigned i = 0; i < BATCH; i++) {
		struct handover_packet p = { .info = &frames[i].info, .frame = frames[i].b };

		if (phase == PHASE_WORD) {
			m.key = tuple_of(i);
			m.server_isn = server_isn[i];
			handover_host(h, v, &m, now, now);
		} else {
			handover_input(h, v, &p, now, now);
		}
	}
}

static int compare(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

int main(void)
{
	static double spent[N_PHASES + 1][ROUNDS];
	struct handover_params p = { .max_pending = 65536, .max_large = 16, .max_held = 16, .env = &env };
	struct cookie_keyring cookies = { { { 1, 2 } }, 1 };
	struct application app = { .sack = true, .timestamps = true, .window_scaling = true, .head_max = 16384 };
	struct view *v = view_new(1, 1, 1, 0);
	struct handover *h = handover_new(&p);
	uint64_t now = CLOCK_NS_PER_S;

	if (!v || !h)
		return 1;
	app.attempts = 1;
	app.timeout_ms = 1000;
	v->cookies = &cookies;
	v->ports[0].mtu = 1500;
	v->endpoints[0].family = BATON_IPV4;
	v->vips[0].addr.family = BATON_IPV4;
	memcpy(v->vips[0].addr.b, tuple_of(0).daddr, 16);
	v->vips[0].port_be = htons(80);
	v->vips[0].application = &app;
	for (uint32_t round = 0; round < ROUNDS; round++) {
		for (unsigned phase = 0; phase < N_PHASES; phase++) {
			uint64_t begin;

			for (unsigned i = 0; phase <= PHASE_REQUEST && i < BATCH; i++)
				make_frame(i, phase, round * 7919);
			now += 400000;
			begin = clock_monotonic_ns();
			run_phase(h, v, phase, round * 7919, now);
			spent[phase][round] = (double)(clock_monotonic_ns() - begin) / BATCH;
			spent[N_PHASES][round] += spent[phase][round];
		}
	}
	for (unsigned i = 0; i <= N_PHASES; i++) {
		qsort(spent[i], ROUNDS, sizeof spent[i][0], compare);
		printf("%-20s %7.0f ns\n", i < N_PHASES ? names[i] : "all", spent[i][ROUNDS / 2]);
	}
	printf("%u of %u handed over; %.0f a second and core\n", n_placed, BATCH * ROUNDS,
	       1e9 / spent[N_PHASES][ROUNDS / 2]);
	if (handover_counters_get(h)->questions_sent != BATCH * ROUNDS)
		n_placed = 0; /* measured something else */
	handover_free(h);
	view_free(v);
	return n_placed == BATCH * ROUNDS ? 0 : 1;
}
