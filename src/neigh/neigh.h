/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Neighbourhood: who has which link address. Answers ARP requests (RFC 826) and
 * neighbour solicitations (RFC 4861) for the device's own addresses, and keeps
 * the link addresses of the next hops it was told to watch (hosts on the same
 * link, gateways). Clients are not watched: replies to them go back where their
 * packet came from, or to a gateway.
 *
 * Pure: frames in, frames out, time as argument. One thread (control).
 */
#ifndef BATON_NEIGH_NEIGH_H
#define BATON_NEIGH_NEIGH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baton/addr.h"

/* RFC 4861 section 7.3.2, and for ARP the same. */
enum neigh_state {
	NEIGH_INCOMPLETE, /* asked, never heard */
	NEIGH_REACHABLE,
	NEIGH_PROBE,  /* link address known, confirmation asked for */
	NEIGH_FAILED, /* did not answer; asked again from time to time */
};

/* X(name, text) */
#define NEIGH_COUNTERS(X)                                                                              \
	X(arp_requests_answered, "ARP requests for own addresses answered")                            \
	X(nd_solicits_answered, "neighbour solicitations for own addresses answered")                  \
	X(replies_learned, "ARP replies and neighbour advertisements used")                            \
	X(solicits_sent, "ARP requests and neighbour solicitations sent")                              \
	X(ignored, "ARP and ND packets that concern nobody here")                                      \
	X(malformed, "ARP and ND packets refused: bad length, option, checksum, hop limit or address") \
	X(conflicts, "packets in which another machine claims one of our addresses")                   \
	X(moved, "next hops whose link address changed")                                               \
	X(failed, "next hops that stopped answering")

struct neigh_counters {
#define X(name, text) uint64_t name;
	NEIGH_COUNTERS(X)
#undef X
};

/* One DPDK port as the neighbourhood sees it. */
struct neigh_port {
	uint8_t mac[6];
	struct baton_addr source4; /* interface addresses: source of ARP requests and solicitations */
	struct baton_addr source6; /* family 0: none */
};

/* Says whether the device answers for addr on port. Called while handling input. */
typedef bool (*neigh_is_local_fn)(void *arg, uint16_t port, const struct baton_addr *addr);
/* A frame to send. The bytes are valid during the call only. */
typedef void (*neigh_emit_fn)(void *arg, uint16_t port, const uint8_t *frame, size_t len);
/*
 * A next hop's link address or state changed. mac is NULL unless state is
 * REACHABLE or PROBE. May read the neighbourhood, but change nothing in it.
 */
typedef void (*neigh_change_fn)(void *arg, uint16_t id, enum neigh_state state, const uint8_t mac[6]);

/* Times and tries of 0 stand for their defaults. */
struct neigh_params {
	uint16_t max_nexthops;
	uint32_t reachable_ms;    /* confirmation is valid this long, then PROBE (default 3000) */
	uint32_t retransmit_ms;   /* between two tries (default 1000) */
	uint32_t tries;           /* unanswered before FAILED (default 3) */
	uint32_t failed_retry_ms; /* between tries in FAILED (default 1000) */
	neigh_is_local_fn is_local;
	neigh_emit_fn emit;
	neigh_change_fn change;
	void *arg;
};

struct neigh;

/* NULL if memory is short. */
struct neigh *neigh_new(const struct neigh_params *p);
/* Takes NULL. */
void neigh_free(struct neigh *n);
/* 0, or -EINVAL: port above 31, not a station's MAC, wrong address family. Set before the first input on that port. */
int neigh_port_set(struct neigh *n, uint16_t port, const struct neigh_port *p);

/*
 * Watch a next hop. 0 and *ret_id; the same (port, addr) gives the same id for
 * the life of the table. -ENOSPC if the table is full; -EINVAL if the port is
 * not set or addr is no unicast address. Starts soliciting in state INCOMPLETE;
 * does nothing if it is watched already.
 */
int neigh_nexthop_add(struct neigh *n, uint16_t port, const struct baton_addr *addr, uint64_t now_ns, uint16_t *ret_id);
/* Stop watching, in state INCOMPLETE without link address; the id stays reserved for this (port, addr). */
void neigh_nexthop_del(struct neigh *n, uint16_t id);

struct neigh_nexthop_info {
	struct baton_addr addr;
	uint16_t port;
	uint8_t watched;
	uint8_t state; /* enum neigh_state */
	uint8_t mac[6];
	uint64_t confirmed_ns; /* monotonic; 0: never */
	uint32_t moves;
};
/* Highest id + 1, and one by id: 0 or -ENOENT. */
uint16_t neigh_n_nexthops(const struct neigh *n);
int neigh_nexthop_info(const struct neigh *n, uint16_t id, struct neigh_nexthop_info *ret);

/*
 * An ARP or ND frame that came in on port, Ethernet header included. Bad ones
 * are counted, never fatal. May bring the next deadline nearer: poll afterwards.
 */
void neigh_input(struct neigh *n, uint16_t port, const uint8_t *frame, size_t len, uint64_t now_ns);
/* Announce an own address on port: gratuitous ARP or unsolicited advertisement. */
void neigh_announce(struct neigh *n, uint16_t port, const struct baton_addr *addr);
/*
 * Do what is due, a bounded part of it; returns the monotonic time of the next
 * thing to do (not in the future: call again), UINT64_MAX if there is none.
 */
uint64_t neigh_poll(struct neigh *n, uint64_t now_ns);

const struct neigh_counters *neigh_counters_get(const struct neigh *n);

#endif
