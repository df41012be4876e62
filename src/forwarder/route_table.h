/* SPDX-License-Identifier: BSD-3-Clause */
/* Inside of the route table, for route*.c and their tests. */
#ifndef BATON_FORWARDER_ROUTE_TABLE_H
#define BATON_FORWARDER_ROUTE_TABLE_H

#include "forwarder/route.h"

#define ROUTE_SLOTS 31  /* entries of one bucket */
#define ROUTE_PLACES 32 /* indexes of one bucket; the last one names no entry */
#define ROUTE_BURST 64  /* most keys of one bulk lookup */
#define ROUTE_BANK_BUCKETS ((1u << BATON_FLOW_INDEX_BITS) / ROUTE_PLACES) /* as an index tells apart */
#define ROUTE_MAX_BUCKETS (ROUTE_MAX_BANKS * ROUTE_BANK_BUCKETS)
#define ROUTE_ROUND_KEYS 9

#define ROUTE_TAG_FREE 0
#define ROUTE_TAG_BARRED 0xffff /* a place that must not be used; equals no key's tag */

struct route_bucket {
	uint16_t tag[ROUTE_SLOTS];
	/*
	 * How many entries passed by here on the way from their own bucket,
	 * which was full, to a later one. 0 ends a search. At 65535 it stays:
	 * searches then go on for longer than they must, but never too short.
	 */
	uint16_t overflow;
} __attribute__((aligned(64)));

_Static_assert(sizeof(struct route_bucket) == 64, "one cache line");

/* One way to hash keys and compare tags, as the CPU allows. */
struct route_form {
	const char *name;
	bool (*supported)(void);
	uint64_t (*hash)(const struct route_table *t, const struct baton_tuple *key);
	/* Bit i is set if slot i has this tag. */
	uint32_t (*match)(const struct route_bucket *b, uint16_t tag);
	int64_t (*find)(const struct route_table *t, const struct baton_tuple *key, uint64_t hash);
	void (*find_bulk)(const struct route_table *t, const struct baton_tuple *const keys[], unsigned n,
			  int64_t ret_index[]);
};

struct route_table {
	const struct route_form *form;
	struct route_bucket *buckets;
	union {
		struct route4 *entries4;
		struct route6 *entries6;
		void *entries;
	};
	uint32_t n_buckets;
	uint32_t count;
	uint32_t n_cold; /* routes whose packets need the cold half */
	uint32_t capacity;
	uint32_t bank_share; /* 2^32 / places of a bank; 0: all are one bank */
	uint8_t family;
	bool nat_expected; /* the cold halves are there, and worth fetching ahead */
	uint8_t turn;      /* slot where the next search for a free one starts */
	uint64_t sip_key[2];
	uint64_t generation_seed;
	uint8_t round_keys[ROUTE_ROUND_KEYS][16] __attribute__((aligned(16)));
	struct route_nat *nat;
	void *(*alloc)(size_t size, void *arg);
	void (*free)(void *p, void *arg);
	void *arg;
};

/* All forms built in, slowest first, ended by NULL; the first runs everywhere. */
extern const struct route_form *const route_forms[];

/* As route_table_new(), with a form the CPU supports. */
struct route_table *route_table_new_form(const struct route_table_params *p, const struct route_form *form);

/* Bucket from the low half of the hash without a division (Lemire 2019), tag from bits above it. */
static inline uint32_t route_home(const struct route_table *t, uint64_t hash)
{
	return (uint32_t)((hash & UINT32_MAX) * t->n_buckets >> 32);
}

/*
 * The banks are stretches of the table, all of one length but for the last: no
 * longer than an index can tell apart, so that the low bits of a place are
 * enough of a name within its bank. With equal parts rather than full ones even
 * the smallest table uses all addresses, and a missing one shows at once.
 */
static inline uint32_t route_bank_share(uint32_t n_banks, uint32_t n_buckets)
{
	return n_banks > 1 ? (uint32_t)(((uint64_t)n_banks << 32) / ((uint64_t)n_buckets * ROUTE_PLACES)) : 0;
}

static inline uint32_t route_bank_by(uint32_t bank_share, uint32_t place)
{
	return (uint32_t)((uint64_t)place * bank_share >> 32);
}

static inline uint32_t route_bank_of(const struct route_table *t, uint32_t place)
{
	return route_bank_by(t->bank_share, place);
}

/* The place in this bank whose low bits are index; one beyond the table if there is none. */
static inline uint32_t route_place_in(const struct route_table *t, uint32_t bank, uint32_t index)
{
	uint64_t first = t->bank_share ? (((uint64_t)bank << 32) + t->bank_share - 1) / t->bank_share : 0;
	uint64_t place = first + ((index - first) & BATON_FLOW_INDEX_MAX);

	if (place >= (uint64_t)t->n_buckets * ROUTE_PLACES || route_bank_of(t, (uint32_t)place) != bank)
		return UINT32_MAX;
	return (uint32_t)place;
}

/* 1 to 65534 */
static inline uint16_t route_tag(uint64_t hash)
{
	return (uint16_t)(((hash >> 48) * 0xfffe >> 16) + 1);
}

#endif
