/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the neighbourhood share among themselves. */
#ifndef BATON_NEIGH_INTERNAL_H
#define BATON_NEIGH_INTERNAL_H

#include "neigh/due.h"
#include "neigh/link.h"
#include "neigh/neigh.h"

#define NEIGH_MAX_PORTS 32
/* Longest frame that is ever sent: two tags, IPv6, a solicitation with one option. */
#define NEIGH_MAX_FRAME 128
/* RFC 5227 section 1.1: an address is defended at most once in this time. */
#define NEIGH_DEFEND_INTERVAL_NS (10ull * 1000 * 1000 * 1000)
/* Addresses share these by hash, so that defending needs no memory per address and has an upper rate. */
#define NEIGH_DEFEND_SLOTS 64

struct neigh_nexthop {
	struct neigh_nexthop_info info;
	uint64_t moved_ns; /* when the link address was last set; 0: never */
	uint64_t sent_ns;  /* last solicitation; 0: never */
	uint32_t n_sent;   /* in this state */
	bool awaiting;     /* a solicitation is out that was not answered yet */
};

struct neigh_port_state {
	struct neigh_port conf;
	bool set;
	uint64_t defended_ns[NEIGH_DEFEND_SLOTS]; /* 0: never */
};

struct neigh {
	struct neigh_params params;
	struct neigh_counters counters;
	struct neigh_port_state ports[NEIGH_MAX_PORTS];
	struct neigh_nexthop *nexthops;
	uint16_t n_nexthops;
	uint32_t *buckets;  /* (port, address) → id + 1, open addressing */
	uint32_t n_buckets; /* power of two, at least twice the capacity */
	struct due due;
};

/* What a packet says about a sender's link address. */
struct neigh_claim {
	const uint8_t *mac; /* NULL: it names none */
	bool solicited;     /* answers a solicitation (ARP: a reply to us; ND: flag S) */
	bool override;      /* may replace a known address (ARP: always; ND: flag O) */
};

/* table.c: the watched next hops. */
int table_init(struct neigh *n);
void table_fini(struct neigh *n);
/* Id of a watched next hop, or -ENOENT. */
int table_find_watched(const struct neigh *n, uint16_t port, const struct baton_addr *addr);

/* state.c: one next hop's life. */
void state_start(struct neigh *n, uint16_t id, uint64_t now_ns);
void state_stop(struct neigh *n, uint16_t id);
/* Returns whether the claim changed or confirmed anything. */
bool state_claim(struct neigh *n, uint16_t id, const struct neigh_claim *c, uint64_t now_ns);
/* The deadline of id has come. */
void state_due(struct neigh *n, uint16_t id, uint64_t now_ns);

/* neigh.c */
bool neigh_is_own_mac(const struct neigh *n, const uint8_t mac[LINK_MAC_LEN]);
/* Somebody else uses our address: count, and announce it again on the link h came from. */
void neigh_conflict(struct neigh *n, uint16_t port, const struct link_header *h, const struct baton_addr *addr,
		    uint64_t now_ns);
/* A claim about addr; returns whether it was of use. */
bool neigh_learn(struct neigh *n, uint16_t port, const struct link_header *h, const struct baton_addr *addr,
		 const struct neigh_claim *c, uint64_t now_ns);
/* Pads to the shortest frame; frame has NEIGH_MAX_FRAME bytes. */
void neigh_send(struct neigh *n, uint16_t port, uint8_t frame[NEIGH_MAX_FRAME], size_t len);

/* arp.c; payload without link header. */
void arp_input(struct neigh *n, uint16_t port, const struct link_header *h, const uint8_t *p, size_t len,
	       uint64_t now_ns);
/* mac NULL: to everybody. */
void arp_solicit(struct neigh *n, uint16_t port, const struct baton_addr *target, const uint8_t *mac);
/* With the tags of h, if not NULL. */
void arp_announce(struct neigh *n, uint16_t port, const struct link_header *h, const struct baton_addr *addr);

/* nd.c; the same for IPv6. */
void nd_input(struct neigh *n, uint16_t port, const struct link_header *h, const uint8_t *p, size_t len,
	      uint64_t now_ns);
void nd_solicit(struct neigh *n, uint16_t port, const struct baton_addr *target, const uint8_t *mac);
void nd_announce(struct neigh *n, uint16_t port, const struct link_header *h, const struct baton_addr *addr);

#endif
