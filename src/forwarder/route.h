/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Route table: connection key → route, for one address family and one
 * forwarder lcore, which alone reads and writes it (no lock, no RCU).
 *
 * Layout: buckets of one cache line, 31 16-bit tags and an overflow count;
 * entry i of bucket b stands at place b * 32 + i and never moves, so that the
 * place can be in the flow id. Probing goes on linearly by bucket. The hash is
 * keyed (attackers choose addresses and ports).
 *
 * Banks: a flow id has room for the low 24 bits of a place. What tells the rest
 * is the address that the route is tunneled from: the places are parted into as
 * many banks as the lcore has tunnel addresses of the family.
 */
#ifndef BATON_FORWARDER_ROUTE_H
#define BATON_FORWARDER_ROUTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baton/abi/flow_id.h"
#include "baton/addr.h"
#include "baton/plumb.h"
#include "baton/proto.h"

#define ROUTE_MAX_BANKS 8

enum route_flag {
	ROUTE_FLAG_INTRODUCED = 1, /* tunnel: the mapping has been sent to the host */
	ROUTE_FLAG_COMPACT = 2, /* NAT, RETURN: the cold half says nothing that is not known without it (compact.h) */
	ROUTE_FLAG_SOURCE = 4,  /* compact NAT: from the worker's own source address, port .hot */
	ROUTE_FLAG_ANEW = 8,    /* a SYN on it went to the classifier: its client begins another connection */
};

/* The part of an entry that both families share. 20 bytes. */
struct route {
	uint8_t proto;
	uint8_t generation;   /* of the place; part of the flow id */
	uint8_t action;       /* enum plumb_action */
	uint8_t state : 4;    /* enum baton_conn_state */
	uint8_t flags : 4;    /* enum route_flag */
	uint16_t endpoint;    /* id in the view, VIEW_NONE for DROP */
	uint16_t vip;         /* id in the view */
	uint16_t l3_delta;    /* ones' complement sum to add to the IPv4 header checksum: addresses, a hop less */
	uint16_t l4_delta;    /* the same for the TCP or UDP checksum */
	uint16_t last_used_s; /* clock of the lcore, seconds, wraps */
	uint16_t hot;         /* compact NAT: source port, network order; compact RETURN: next hop */
	uint32_t packets;
};

struct route4 {
	uint32_t saddr_be, daddr_be;
	uint16_t sport_be, dport_be;
	struct route r;
};

struct route6 {
	uint8_t saddr[16], daddr[16];
	uint16_t sport_be, dport_be;
	struct route r;
	uint8_t zero[8];
};

/* Cold half of a NAT or RETURN route, in an array beside the entries. */
struct route_nat {
	struct baton_tuple to; /* the packet's addresses and ports afterwards */
	uint16_t nexthop;      /* RETURN: id, or VIEW_NONE: .mac on .port */
	uint16_t port;
	uint8_t mac[6];
	uint8_t zero[14];
};

_Static_assert(sizeof(struct route4) == 32, "two entries to a cache line");
_Static_assert(sizeof(struct route6) == 64, "one entry to a cache line");
_Static_assert(sizeof(struct route_nat) == 64, "one to a cache line");

struct route_table;

struct route_table_params {
	uint8_t family;    /* BATON_IPV4 or BATON_IPV6 */
	uint32_t capacity; /* routes it must hold; at most 13 M for each bank (places and their 80 % load) */
	uint8_t n_banks;   /* up to ROUTE_MAX_BANKS; 0: flow ids are not needed, and any number of routes is fine */
	uint16_t reserved_port; /* host order: no place whose low 16 bits are this is used (0: none), so that
				   no flow id puts the shim's port into the destination port */
	uint8_t hash_key[32];   /* random */
	bool nat;               /* NAT routes are to be expected */
	/*
	 * Zeroed, cache-line aligned memory; NULL: from the C library. The cold
	 * halves of NAT routes come from the kernel: all at once in large pages if
	 * .nat is set and there is room, else page by page as they are used.
	 */
	void *(*alloc)(size_t size, void *arg);
	void (*free)(void *p, void *arg);
	void *arg;
};

/* NULL if memory is short or a parameter out of range. */
struct route_table *route_table_new(const struct route_table_params *p);
void route_table_free(struct route_table *t);

uint32_t route_table_count(const struct route_table *t);
uint32_t route_table_capacity(const struct route_table *t);
/* Work of one full round of route_scan(). */
uint32_t route_table_buckets(const struct route_table *t);
/* What a table of that capacity takes from .alloc, in bytes. */
size_t route_table_memory(uint8_t family, uint32_t capacity);
/* Address space, cold halves included. */
size_t route_table_bytes(const struct route_table *t);
/* Hash and tag comparison chosen for this CPU, for people: "avx512_aes", "scalar" … */
const char *route_table_form(const struct route_table *t);

/*
 * Insert what r says. 0 and *ret_index; -EEXIST and the index of the entry that
 * has the key already (left as it is); -ENOSPC if the table holds its capacity;
 * -EINVAL for a key of the other family.
 * Deltas are left 0: the caller fills them in with the addresses it will write.
 */
int route_add(struct route_table *t, const struct plumb_route *r, uint16_t now_s, uint32_t *ret_index);
/* Does nothing if there is no entry at index. The place keeps its generation. */
void route_del(struct route_table *t, uint32_t index);

/* Index of the key's entry, or -ENOENT. */
int64_t route_find(const struct route_table *t, const struct baton_tuple *key);
/*
 * The same for n ≤ 64 keys at once, with prefetch over the burst. keys[i] is
 * of the table's family. ret_index[i] < 0 where there is none.
 */
void route_find_bulk(const struct route_table *t, const struct baton_tuple *const keys[], unsigned n,
		     int64_t ret_index[]);

/*
 * Have the memory fetched that finding, adding or deleting these keys, in this
 * order, will touch: their buckets, and, once those are there, the entries.
 * Neither waits.
 */
void route_prefetch_buckets(const struct route_table *t, const struct baton_tuple *const keys[], unsigned n);
void route_prefetch_entries(const struct route_table *t, const struct baton_tuple *const keys[], unsigned n);

/* Entry by index: the shared part, the cold part, the key. Index from find or add. */
struct route *route_at(struct route_table *t, uint32_t index);
struct route_nat *route_nat_at(struct route_table *t, uint32_t index);
/* Set or clear ROUTE_FLAG_COMPACT of a route with a cold half. */
void route_set_compact(struct route_table *t, uint32_t index, bool compact);
void route_key_at(const struct route_table *t, uint32_t index, struct baton_tuple *ret);
/* Flow id, and the bank whose address goes with it; 0 to n_banks - 1. */
uint32_t route_flow_id(const struct route_table *t, uint32_t index);
uint32_t route_bank(const struct route_table *t, uint32_t index);
/* The bank that a route of this key will be in; rarely, if its part of the table is full, another. */
uint32_t route_key_bank(const struct route_table *t, const struct baton_tuple *key);
/* Index of the live entry with this flow id (index and generation) in this bank, or -ENOENT. */
int64_t route_find_flow(const struct route_table *t, uint32_t bank, uint32_t flow_id);

/* Return true to have the entry deleted. */
typedef bool (*route_visit_fn)(struct route_table *t, uint32_t index, void *arg);
/*
 * Visit the live entries of at most n_buckets buckets from *cursor on (0 at
 * first; ends early and goes back to 0 at the end of the table). Bounded work,
 * for ageing and listing. visit may delete entries itself.
 */
void route_scan(struct route_table *t, uint32_t *cursor, uint32_t n_buckets, route_visit_fn visit, void *arg);
/* Have the memory fetched that visiting the bucket at cursor will read; does not wait. */
void route_prefetch_scan(const struct route_table *t, uint32_t cursor);

#endif
