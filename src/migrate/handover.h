/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hand-over (requirements M1-M6, C7): takes a client's TCP connection for a
 * VIP with an application, reads its first bytes, chooses a host, and lets the
 * host's kernel carry the connection on. One per classifier lcore.
 *
 *   SYN ──► SYN-ACK with a cookie; nothing is kept
 *   first bytes ──► pending: collected until the head is complete
 *   choice ──► CREATE to the host, asked about and repeated until it is there
 *   there ──► the route is plumbed, packets that came meanwhile follow, forgotten
 *
 * Nothing the client sent is acknowledged unless it can not go on without, so
 * its own retransmission repairs what is lost before the host has it. What was
 * acknowledged is sent until the host's socket has received it.
 *
 * A connection goes to another host only if the first one refused it in so
 * many words, or nothing was ever sent to it: a host that is merely silent may
 * have answered the client already.
 *
 * Pure: frames, bodies and time in; what is to be done goes out through struct
 * handover_env, called from within the calls below.
 */
#ifndef BATON_MIGRATE_HANDOVER_H
#define BATON_MIGRATE_HANDOVER_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/abi/shim.h"
#include "baton/plumb.h"
#include "baton/trace.h"
#include "baton/view.h"
#include "dam/session.h"
#include "forwarder/packet.h"
#include "migrate/cookie.h"
#include "peek/rules.h"

struct handover;

/* Counters, one writer (the lcore), read by anybody. X(name, text) */
#define HANDOVER_COUNTERS(X)                                                                        \
	X(syns_answered, "SYNs answered with a cookie")                                             \
	X(syns_refused, "SYNs answered with a reset: an MSS below 536, for IPv6 1220")              \
	X(checksums_bad, "packets with a wrong TCP checksum, or malformed options")                 \
	X(cookies_bad, "packets that are neither of a pending connection nor carry a valid cookie") \
	X(segments_early, "segments that came before their connection's first; the client repeats") \
	X(probes_answered, "keep-alive probes of connections that said nothing yet")                \
	X(closes_answered, "connections that the client finished without a word")                   \
	X(pending_begun, "connections whose first bytes came")                                      \
	X(pending_full, "connections not begun: too many are pending")                              \
	X(pending_reset, "pending connections that the client reset or began anew")                 \
	X(heads_http, "HTTP heads understood")                                                      \
	X(heads_tls, "ClientHellos understood")                                                     \
	X(heads_alien, "first bytes that were neither, or malformed")                               \
	X(heads_too_long, "heads longer than head_max, or with too many fields")                    \
	X(heads_late, "heads not complete in time, or before the client finished")                  \
	X(heads_no_room, "heads that could not be kept: no large buffer was free")                  \
	X(heads_acknowledged, "heads too long to go without an acknowledgement")                    \
	X(rule_reset, "connections reset by a rule, or because nothing was understood")             \
	X(rule_dropped, "connections dropped by a rule, or because nothing was understood")         \
	X(rule_answered, "connections answered by a rule")                                          \
	X(no_endpoint, "connections reset: no endpoint took them")                                  \
	X(creates_sent, "connections offered to a host, first time")                                \
	X(creates_repeated, "connections offered to a host again")                                  \
	X(questions_sent, "questions to a host whether a connection is there")                      \
	X(created, "connections that a host's kernel carries on")                                   \
	X(created_implied, "of those: known by the client's acknowledgement of the host's data")    \
	X(refused_by_host, "refusals by hosts")                                                     \
	X(tried_elsewhere, "connections offered to another host after a refusal")                   \
	X(host_silent, "connections reset: their host did not take them in time")                   \
	X(host_ended, "connections that their host ended before they were handed over")             \
	X(view_changed, "connections reset: their VIP or host left the configuration")              \
	X(place_failed, "connections reset: no room in the inventory")                              \
	X(resets_sent, "resets sent to clients")                                                    \
	X(aborts_sent, "hosts told to end a connection")                                            \
	X(acks_sent, "acknowledgements sent to clients")                                            \
	X(held, "packets kept until their connection was handed over")                              \
	X(held_dropped, "packets not kept: too many; the client sends them again")                  \
	X(strays, "answers of hosts about connections that are not pending")

struct handover_counters {
#define X(name, text) uint64_t name;
	HANDOVER_COUNTERS(X)
#undef X
	uint64_t refusals[BATON_SHIM_N_REFUSALS]; /* refused_by_host, by reason */
};

/* Keys of the sessions that a connection may belong to. */
struct handover_keys {
	uint32_t present; /* bit i: the client has what affinity i of the VIP goes by, and key[i] is set */
	struct session_key key[BATON_MAX_AFFINITIES];
};

/* What a hand-over asks of the lcore around it; arg is params.arg. Called synchronously; copies what it keeps. */
struct handover_env {
	/* Send a complete frame out of the port, by this forwarder. */
	void (*send)(void *arg, uint8_t forwarder, uint16_t port, const uint8_t *frame, uint32_t len);
	/* Take a frame as if it had come in by that port on this forwarder. */
	void (*inject)(void *arg, uint8_t forwarder, uint16_t port, const uint8_t *frame, uint32_t len);
	/*
	 * Shim datagram of a type to the endpoint's host; l2 is the link header (l2_len bytes, VLAN tags
	 * included) to follow, inner (inner_len bytes, maybe 0) goes behind the body. False: could not be sent.
	 */
	bool (*shim)(void *arg, uint8_t forwarder, uint16_t endpoint, enum baton_shim_type type,
		     const struct baton_shim_create *body, const uint8_t *l2, uint16_t l2_len, const uint8_t *inner,
		     uint16_t inner_len);
	/*
	 * Endpoint for a connection to the service (id of a VIP or pool), none of the n_tried ones: by sessions, in
	 * the order of the VIP's affinities, then by allotment. VIEW_NONE: none.
	 */
	uint16_t (*choose)(void *arg, uint16_t service, const struct handover_keys *keys, const uint16_t *tried,
			   unsigned n_tried);
	/* The key of an affinity of a VIP (CLIENT: 4 or 16 bytes of address; else what the head has). */
	void (*key)(void *arg, uint16_t vip, const struct baton_affinity *a, const uint8_t *bytes, uint32_t len,
		    struct session_key *ret);
	/*
	 * The connection is the host's: into the inventory, its route to the forwarder, sessions noted.
	 * state: enum baton_conn_state. 0 or -errno.
	 */
	int (*place)(void *arg, const struct baton_tuple *key, uint8_t forwarder, uint16_t vip, uint16_t endpoint,
		     uint8_t state, const struct handover_keys *keys);
	/* A route that drops what this client sends. */
	void (*drop)(void *arg, const struct baton_tuple *key, uint8_t forwarder, uint16_t vip);
	/*
	 * A kept packet goes its way: as if it had come in on this forwarder; or nowhere. May be called for the
	 * packet of a handover_input() that has not returned yet; it returns HANDOVER_KEPT then.
	 */
	void (*deliver)(void *arg, uint8_t forwarder, void *packet);
	void (*release)(void *arg, void *packet);
	/* A step of the connection, while the view traces somebody; to CHOSEN its text is to be added. May be NULL. */
	void (*trace)(void *arg, const struct baton_tuple *key, const struct trace_step *step);
};

struct handover_params {
	uint16_t lcore;       /* index of the classifier, below RULES_MAX_LCORES */
	uint32_t max_pending; /* connections at once */
	uint32_t max_large;   /* of them, with a head beyond HANDOVER_SMALL_HEAD: HANDOVER_LARGE_HEAD bytes each */
	uint32_t max_held;    /* packets kept at once, for all */
	uint8_t hash_key[16]; /* random */
	const struct handover_env *env;
	void *arg;
};

#define HANDOVER_SMALL_HEAD 4096  /* bytes that every pending connection has room for */
#define HANDOVER_LARGE_HEAD 65536 /* more than any window we announce, and than any head_max */

/* A packet to a VIP with an application that no route and no inventory knows. */
struct handover_packet {
	const struct packet_info *info; /* of .frame */
	const uint8_t *frame;           /* info->end bytes or more */
	void *packet;                   /* what is kept, delivered or released */
	uint16_t vip;                   /* id */
	uint16_t port;                  /* DPDK port it came in by */
	uint8_t forwarder;
};

enum handover_verdict {
	HANDOVER_TAKEN,   /* done with; the packet is the caller's again */
	HANDOVER_KEPT,    /* the packet is the hand-over's until env.deliver or env.release */
	HANDOVER_UNKNOWN, /* of no connection that is beginning: the VIP's policy; the packet is the caller's */
};

/* All memory is taken here. NULL if it is short or a parameter is out of range. */
struct handover *handover_new(const struct handover_params *p);
/* Takes NULL. Releases what it keeps. */
void handover_free(struct handover *h);

/* now_ns: monotonic, here and below; wall_ns: for cookies and timestamps. The view has application and cookies. */
enum handover_verdict handover_input(struct handover *h, const struct view *v, const struct handover_packet *p,
				     uint64_t now_ns, uint64_t wall_ns);
/* A host's word (STATE or ENDED). True if it was about a pending connection. */
bool handover_host(struct handover *h, const struct view *v, const struct plumb_host *m, uint64_t now_ns,
		   uint64_t wall_ns);
/* What is due: questions, repetitions, deadlines. Bounded work. Returns how much it found. */
unsigned handover_poll(struct handover *h, const struct view *v, uint64_t now_ns, uint64_t wall_ns);

const struct handover_counters *handover_counters_get(const struct handover *h);
/* May be read by any thread. */
uint32_t handover_n_pending(const struct handover *h);

#endif
