/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is around a hand-over: a view with a VIP, a client, two hosts that
 * behave as baton/abi/shim.h says, and links between them that lose, repeat and
 * reorder as told. Everything follows from a seed.
 */
#ifndef BATON_TEST_WORLD_H
#define BATON_TEST_WORLD_H

#include "frames.h"
#include "migrate/handover.h"
#include "migrate/segment.h"
#include "rules_double.h"

#define WORLD_STREAM_MAX (256 * 1024)
#define WORLD_FRAME_MAX 2048
#define WORLD_HOSTS 2
#define WORLD_MS 1000000ull
#define WORLD_S 1000000000ull
#define WORLD_OUT_MAX 64
#define WORLD_HEAD "GET /index.html HTTP/1.1\r\nHost: www.example.org\r\n\r\n"
#define WORLD_HEAD_LEN ((uint32_t)sizeof WORLD_HEAD - 1)

/* A host's socket, if it has one. */
struct world_host {
	uint8_t addr[16];
	/* how it behaves */
	bool dead;              /* hears nothing */
	uint8_t refusal;        /* enum baton_shim_refusal; NONE: takes connections */
	uint64_t full_until_ns; /* till then CREATE is dropped without a word, as a full accept queue does */
	uint32_t reply_after;   /* bytes received before it answers the client */
	uint32_t reply_len;
	bool says_nothing; /* to the client: no acknowledgements */
	/* its connection */
	bool open, ended, lingers;
	uint32_t client_isn, server_isn;
	uint32_t received;
	bool fin;
	uint32_t sent;
	unsigned n_created, n_aborted, n_refused, n_unknown;
	struct baton_shim_create body; /* that created it */
	uint8_t stream[WORLD_STREAM_MAX];
};

/* What came to the client, oldest first. */
struct world_out {
	struct segment s;
	uint8_t data[WORLD_FRAME_MAX];
	uint8_t l2[SEGMENT_LINK_MAX];
};

struct world_event;

struct world {
	struct handover *h;
	struct view *view;
	struct view_vip *vip;
	struct application app;
	struct rules rules;
	struct cookie_keyring cookies;
	uint64_t now_ns, wall_ns, seed;
	/* links: in percent */
	unsigned lose, repeat, reorder;
	bool shim_fails[WORLD_HOSTS]; /* env.shim can not send */
	int place_result;
	struct world_event *events;
	struct world_host hosts[WORLD_HOSTS];
	int routed; /* number of the host, or -1 */
	uint8_t routed_state;
	unsigned n_placed, n_dropped, n_injected, n_delivered, n_live, n_unknown, n_keys;
	uint16_t service;      /* asked for last */
	uint32_t acknowledged; /* bytes of the client's stream, by the device */
	char steps[4096];      /* what the trace told, a line each, if the view traces the client */

	/* the client */
	struct baton_tuple tuple;
	unsigned vlans;
	struct tcp_options options; /* offered */
	bool timestamps;            /* agreed */
	uint32_t tsval, tsecr;
	uint32_t client_isn, server_isn;
	uint8_t stream[WORLD_STREAM_MAX];
	struct world_out out[WORLD_OUT_MAX];
	unsigned n_out;
	void (*to_client)(struct world *w, const struct segment *s); /* NULL: into .out only */
};

/* family, seed; limits of the hand-over as given. */
struct world *world_new(uint8_t family, uint64_t seed, uint32_t max_pending, uint32_t max_large, uint32_t max_held);
/* Fails the test if anything is left. */
void world_free(struct world *w);

/* The client says this now; flags without ACK: no acknowledgement. Numbers are absolute. */
enum handover_verdict world_say(struct world *w, uint8_t flags, uint32_t seq, uint32_t ack, const void *data,
				uint32_t len);
/* Handshake: SYN, SYN-ACK. Sets server_isn. */
void world_shake(struct world *w);
/* Bytes [from, to) of the stream. */
enum handover_verdict world_data(struct world *w, uint32_t from, uint32_t to, uint8_t more_flags);
/* Time goes on: links deliver, timers run. */
void world_run(struct world *w, uint64_t ns);
/* Last segment to the client, or NULL. */
const struct world_out *world_last(const struct world *w);
/* True once in a while. */
bool world_chance(struct world *w, unsigned percent);
uint32_t world_random(struct world *w, uint32_t below);

/* Room for 16, of them 2 large, and 64 packets; the client is about to say WORLD_HEAD. */
struct world *world_ready(uint8_t family);
/* A head of that many bytes in all instead. */
void world_long_head(struct world *w, uint32_t len);
/* The host's socket has the first len bytes of the client's stream, and nothing else. */
void world_socket_has(const struct world *w, unsigned host, uint32_t len);
/* Nothing is pending; the end. */
void world_all_gone(struct world *w);

#define world_counter(w, name) (handover_counters_get((w)->h)->name)

#endif
