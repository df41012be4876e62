/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Inventory: every connection a classifier has placed, found by the key of
 * either direction, and which forwarders hold its routes (requirement C5).
 * A chained hash whose links lie in the entries; all memory is taken at start,
 * so that a flood can fill it but not grow it. One lcore, no lock.
 */
#ifndef BATON_CLASSIFIER_INVENTORY_H
#define BATON_CLASSIFIER_INVENTORY_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/addr.h"
#include "baton/view.h"
#include "tunnel/siphash.h"

#define INVENTORY_NONE UINT32_MAX
#define INVENTORY_MAX (1u << 30)

/* Which way a key or route looks. */
enum conn_side {
	CONN_CLIENT, /* packets from the client */
	CONN_HOST,   /* replies through the device, NAT modes only */
};

/* What has been seen of the end of a TCP connection. Bits. */
enum conn_seen {
	CONN_SEEN_FIN_CLIENT = 1 << CONN_CLIENT,
	CONN_SEEN_FIN_HOST = 1 << CONN_HOST,
	CONN_SEEN_RST = 4,
};

/* One connection: all that tunnel mode needs. */
struct conn {
	struct baton_tuple key; /* client → VIP; family 0: free place */
	uint32_t hash;
	uint32_t next;       /* link: place * 2 + side, or INVENTORY_NONE */
	uint32_t holders[2]; /* by side: bit per forwarder that was told to hold the route */
	uint16_t vip, endpoint;
	uint8_t state;     /* enum baton_conn_state */
	uint8_t mode;      /* enum baton_mode when it was placed */
	uint8_t seen;      /* enum conn_seen */
	uint8_t plumbed_s; /* when a route was last sent to a forwarder; seconds, wraps */
};

/* Second half of a NATed connection, in an array beside the first. */
struct conn_nat {
	struct baton_tuple key; /* host → client, or host → source-NAT address */
	uint32_t hash;
	uint32_t next;
	uint16_t pool;    /* port pool the source port came from (full NAT) */
	uint16_t nexthop; /* towards the client: as in struct plumb_route */
	uint16_t port;
	uint8_t mac[6];
	uint8_t zero[4];
};

_Static_assert(sizeof(struct conn) == 64, "one cache line");
_Static_assert(sizeof(struct conn_nat) == 64, "one cache line");

struct inventory {
	struct siphash_key hash_key;
	uint32_t *buckets; /* links */
	uint32_t mask;
	uint32_t max, n;
	uint32_t free;   /* list of free places through conn.next, as links */
	uint32_t n_used; /* places from here on were never used */
	struct conn *conns;
	struct conn_nat *nats;
};

/* Room for max connections (1 … INVENTORY_MAX); nat: second halves are to be expected. 0, -EINVAL or -ENOMEM. */
int inventory_init(struct inventory *inv, uint32_t max, bool nat, const uint8_t hash_key[16]);
void inventory_fini(struct inventory *inv);

static inline bool inventory_full(const struct inventory *inv)
{
	return inv->n == inv->max;
}

/* Keyed hash: clients choose addresses and ports, and must not choose the chain. */
uint32_t inventory_hash(const struct inventory *inv, const struct baton_tuple *key);
/*
 * Fetch what inventory_find() reads first, its bucket; then, called some time later, the first place of its chain.
 * Always inline: GCC 12 takes a function that only fetches ahead for one without effect, and drops calls to it
 * (its bug 109985).
 */
static inline __attribute__((always_inline)) void inventory_prefetch(const struct inventory *inv, uint32_t hash)
{
	__builtin_prefetch(&inv->buckets[hash & inv->mask]);
}

static inline __attribute__((always_inline)) void inventory_prefetch_place(const struct inventory *inv, uint32_t hash)
{
	uint32_t link = inv->buckets[hash & inv->mask];

	if (link != INVENTORY_NONE)
		__builtin_prefetch(link & 1 ? (const void *)&inv->nats[link >> 1] : &inv->conns[link >> 1]);
}

/* The connection that has this key on either side, or NULL. Valid until it is deleted. */
struct conn *inventory_find(const struct inventory *inv, const struct baton_tuple *key, uint32_t hash,
			    enum conn_side *ret_side);
/*
 * A new connection with these keys (host_key NULL in tunnel mode); everything
 * else in it is 0. 0, -ENOSPC, or -EEXIST if one of the keys is taken.
 */
int inventory_add(struct inventory *inv, const struct baton_tuple *key, uint32_t hash,
		  const struct baton_tuple *host_key, struct conn **ret);
void inventory_del(struct inventory *inv, struct conn *k);

static inline struct conn_nat *inventory_nat(const struct inventory *inv, const struct conn *k)
{
	return &inv->nats[k - inv->conns];
}

#endif
