/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The next hops, by id and by (port, address). Only what the configuration
 * names takes a place, so that nothing on the link can fill the table.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "neigh/internal.h"

int table_init(struct neigh *n)
{
	uint16_t capacity = n->params.max_nexthops;

	n->n_buckets = 2;
	while (n->n_buckets < 2u * capacity)
		n->n_buckets *= 2;
	n->buckets = calloc(n->n_buckets, sizeof *n->buckets);
	n->nexthops = calloc(capacity ? capacity : 1, sizeof *n->nexthops);
	if (!n->buckets || !n->nexthops)
		return -ENOMEM;
	return due_init(&n->due, capacity);
}

void table_fini(struct neigh *n)
{
	due_fini(&n->due);
	free(n->nexthops);
	free(n->buckets);
}

/* FNV-1a. No key needed: nobody but the operator chooses what is stored. */
static uint32_t table_hash(uint16_t port, const struct baton_addr *addr)
{
	uint32_t h = 2166136261u;

	h = (h ^ port) * 16777619u;
	for (size_t i = 0; i < sizeof addr->b; i++)
		h = (h ^ addr->b[i]) * 16777619u;
	return h ^ h >> 16;
}

/* Bucket that holds the key, or the free one where it belongs. At most half are in use, so there is one. */
static uint32_t *table_bucket(const struct neigh *n, uint16_t port, const struct baton_addr *addr)
{
	uint32_t i = table_hash(port, addr);

	for (;; i++) {
		uint32_t *b = &n->buckets[i & (n->n_buckets - 1)];
		const struct neigh_nexthop_info *info;

		if (!*b)
			return b;
		info = &n->nexthops[*b - 1].info;
		if (info->port == port && baton_addr_equal(&info->addr, addr))
			return b;
	}
}

int table_find_watched(const struct neigh *n, uint16_t port, const struct baton_addr *addr)
{
	uint32_t b = *table_bucket(n, port, addr);

	return b && n->nexthops[b - 1].info.watched ? (int)(b - 1) : -ENOENT;
}

static bool table_may_be_nexthop(const struct baton_addr *a)
{
	static const struct baton_addr zero;

	if (a->family == BATON_IPV4)
		return a->b[0] != 0 && a->b[0] != 127 && a->b[0] < 224;
	return a->family == BATON_IPV6 && a->b[0] != 0xff && memcmp(a->b, zero.b, sizeof a->b) != 0;
}

int neigh_nexthop_add(struct neigh *n, uint16_t port, const struct baton_addr *addr, uint64_t now_ns, uint16_t *ret_id)
{
	struct neigh_nexthop *nh;
	uint32_t *bucket;

	if (port >= NEIGH_MAX_PORTS || !n->ports[port].set || !table_may_be_nexthop(addr))
		return -EINVAL;
	bucket = table_bucket(n, port, addr);
	if (!*bucket) {
		if (n->n_nexthops == n->params.max_nexthops)
			return -ENOSPC;
		nh = &n->nexthops[n->n_nexthops];
		nh->info = (struct neigh_nexthop_info){ .addr = *addr, .port = port, .state = NEIGH_INCOMPLETE };
		*bucket = ++n->n_nexthops;
	}
	*ret_id = (uint16_t)(*bucket - 1);
	if (!n->nexthops[*ret_id].info.watched)
		state_start(n, *ret_id, now_ns);
	return 0;
}

void neigh_nexthop_del(struct neigh *n, uint16_t id)
{
	if (id < n->n_nexthops && n->nexthops[id].info.watched)
		state_stop(n, id);
}

uint16_t neigh_n_nexthops(const struct neigh *n)
{
	return n->n_nexthops;
}

int neigh_nexthop_info(const struct neigh *n, uint16_t id, struct neigh_nexthop_info *ret)
{
	if (id >= n->n_nexthops)
		return -ENOENT;
	*ret = n->nexthops[id].info;
	return 0;
}
