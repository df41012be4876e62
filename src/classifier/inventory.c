/* SPDX-License-Identifier: BSD-3-Clause */
#include "classifier/inventory.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "base/bytes.h"

#define HUGE_PAGE ((size_t)2 << 20)

/*
 * Zeroed. Connections are found in no order, so nearly each one needs its page's
 * address anew: in 2 MB pages, if the kernel has them to give, these stay known.
 */
static void *huge_new(size_t size)
{
	void *p = NULL;

	if (size < HUGE_PAGE)
		return calloc(1, size);
	if (posix_memalign(&p, HUGE_PAGE, size) != 0)
		return NULL;
	madvise(p, size, MADV_HUGEPAGE);
	memset(p, 0, size);
	return p;
}

int inventory_init(struct inventory *inv, uint32_t max, bool nat, const uint8_t hash_key[16])
{
	uint32_t n_buckets = 16;

	if (max == 0 || max > INVENTORY_MAX)
		return -EINVAL;
	while (n_buckets < 2 * max) /* most chains have one place or none */
		n_buckets *= 2;

	memset(inv, 0, sizeof(*inv));
	memcpy(&inv->hash_key, hash_key, sizeof(inv->hash_key));
	inv->max = max;
	inv->mask = n_buckets - 1;
	inv->free = INVENTORY_NONE;
	inv->buckets = huge_new((size_t)n_buckets * sizeof(*inv->buckets));
	/* where nothing is NATed the second halves stay untouched, and so take no memory */
	inv->conns = huge_new(max * sizeof(*inv->conns));
	inv->nats = nat ? huge_new(max * sizeof(*inv->nats)) : calloc(max, sizeof(*inv->nats));
	if (!inv->buckets || !inv->conns || !inv->nats) {
		inventory_fini(inv);
		return -ENOMEM;
	}
	memset(inv->buckets, 0xff, (size_t)n_buckets * sizeof(*inv->buckets));
	return 0;
}

void inventory_fini(struct inventory *inv)
{
	free(inv->buckets);
	free(inv->conns);
	free(inv->nats);
	memset(inv, 0, sizeof(*inv));
}

uint32_t inventory_hash(const struct inventory *inv, const struct baton_tuple *key)
{
	struct siphash_state s;

	siphash_init(&s, &inv->hash_key);
	/* the last word says the family, and so how many come before it */
	if (key->family == BATON_IPV4) {
		siphash13_add(&s, bytes_load32(key->saddr) | (uint64_t)bytes_load32(key->daddr) << 32);
	} else {
		siphash13_add(&s, bytes_load64(key->saddr));
		siphash13_add(&s, bytes_load64(key->saddr + 8));
		siphash13_add(&s, bytes_load64(key->daddr));
		siphash13_add(&s, bytes_load64(key->daddr + 8));
	}
	return (uint32_t)siphash13_end(&s, bytes_load64(&key->sport_be));
}

static struct conn *place_of(const struct inventory *inv, uint32_t link)
{
	return &inv->conns[link >> 1];
}

static uint32_t *next_of(const struct inventory *inv, uint32_t link)
{
	return link & 1 ? &inv->nats[link >> 1].next : &inv->conns[link >> 1].next;
}

static const struct baton_tuple *key_of(const struct inventory *inv, uint32_t link)
{
	return link & 1 ? &inv->nats[link >> 1].key : &inv->conns[link >> 1].key;
}

static uint32_t hash_of(const struct inventory *inv, uint32_t link)
{
	return link & 1 ? inv->nats[link >> 1].hash : inv->conns[link >> 1].hash;
}

static uint32_t find_link(const struct inventory *inv, const struct baton_tuple *key, uint32_t hash)
{
	uint32_t link = inv->buckets[hash & inv->mask];

	while (link != INVENTORY_NONE) {
		if (hash_of(inv, link) == hash && memcmp(key_of(inv, link), key, sizeof(*key)) == 0)
			break;
		link = *next_of(inv, link);
	}
	return link;
}

struct conn *inventory_find(const struct inventory *inv, const struct baton_tuple *key, uint32_t hash,
			    enum conn_side *ret_side)
{
	uint32_t link = find_link(inv, key, hash);

	if (link == INVENTORY_NONE)
		return NULL;
	*ret_side = link & 1 ? CONN_HOST : CONN_CLIENT;
	return place_of(inv, link);
}

static void chain(struct inventory *inv, uint32_t link)
{
	uint32_t *bucket = &inv->buckets[hash_of(inv, link) & inv->mask];

	*next_of(inv, link) = *bucket;
	*bucket = link;
}

static void unchain(struct inventory *inv, uint32_t link)
{
	uint32_t *at = &inv->buckets[hash_of(inv, link) & inv->mask];

	while (*at != link)
		at = next_of(inv, *at);
	*at = *next_of(inv, link);
}

static struct conn *place_take(struct inventory *inv)
{
	struct conn *k;

	if (inv->free == INVENTORY_NONE)
		return &inv->conns[inv->n_used++];
	k = place_of(inv, inv->free);
	inv->free = k->next;
	memset(k, 0, sizeof(*k));
	return k;
}

int inventory_add(struct inventory *inv, const struct baton_tuple *key, uint32_t hash,
		  const struct baton_tuple *host_key, struct conn **ret)
{
	uint32_t host_hash = 0;
	uint32_t link;
	struct conn *k;

	if (host_key) {
		/* nobody knew this key before: its bucket comes while the other is searched */
		host_hash = inventory_hash(inv, host_key);
		inventory_prefetch(inv, host_hash);
	}
	if (inventory_full(inv))
		return -ENOSPC;
	if (find_link(inv, key, hash) != INVENTORY_NONE)
		return -EEXIST;
	if (host_key &&
	    (find_link(inv, host_key, host_hash) != INVENTORY_NONE || memcmp(host_key, key, sizeof(*key)) == 0))
		return -EEXIST;

	k = place_take(inv);
	link = (uint32_t)(k - inv->conns) << 1;
	k->key = *key;
	k->hash = hash;
	chain(inv, link);
	if (host_key) {
		struct conn_nat *nat = inventory_nat(inv, k);

		memset(nat, 0, sizeof(*nat));
		nat->key = *host_key;
		nat->hash = host_hash;
		chain(inv, link | CONN_HOST);
	}
	/* the mode says which halves are chained; the caller may only refine it */
	k->mode = host_key ? BATON_MODE_HALF_NAT : BATON_MODE_TUNNEL;
	inv->n++;
	*ret = k;
	return 0;
}

void inventory_del(struct inventory *inv, struct conn *k)
{
	uint32_t link = (uint32_t)(k - inv->conns) << 1;

	unchain(inv, link);
	if (k->mode != BATON_MODE_TUNNEL)
		unchain(inv, link | CONN_HOST);
	k->key.family = 0; /* the place is free */
	k->next = inv->free;
	inv->free = link;
	inv->n--;
}
