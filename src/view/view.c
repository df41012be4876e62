/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The indexes hold their keys: a lookup reads one slot, and what it finds only
 * on success. At most half of the slots are used, so probing ends soon. What
 * is in them comes from the configuration; packets can't make it grow.
 */
#include "baton/view.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/bytes.h"

#define CACHE_LINE 64
#define MIN_SLOTS 8

struct view_slot {
	uint64_t addr[2];
	uint64_t last; /* family and, in the index of VIPs, protocol and port; 0: slot is free */
	uint16_t id;
	uint8_t zero[6];
};

_Static_assert(sizeof(struct view_slot) == 32, "two to a cache line");

struct view_hash {
	uint32_t mask; /* slots - 1 */
	struct view_slot *slots;
};

struct view_index {
	struct view_hash vips;
	struct view_hash locals;
};

/* Zeroed, cache-line aligned; never of size 0. */
static void *alloc_lines(size_t n, size_t size)
{
	size_t bytes = (n * size + CACHE_LINE) / CACHE_LINE * CACHE_LINE;
	void *p = aligned_alloc(CACHE_LINE, bytes);

	if (p)
		memset(p, 0, bytes);
	return p;
}

struct view *view_new(uint16_t n_vips, uint16_t n_endpoints, uint16_t n_nexthops, uint16_t n_locals)
{
	struct view *v = alloc_lines(1, sizeof *v);

	if (!v)
		return NULL;
	v->vips = alloc_lines(n_vips, sizeof *v->vips);
	v->endpoints = alloc_lines(n_endpoints, sizeof *v->endpoints);
	v->endpoint_names = alloc_lines(n_endpoints, sizeof *v->endpoint_names);
	v->nexthops = alloc_lines(n_nexthops, sizeof *v->nexthops);
	v->locals = alloc_lines(n_locals, sizeof *v->locals);
	if (!v->vips || !v->endpoints || !v->endpoint_names || !v->nexthops || !v->locals) {
		view_free(v);
		return NULL;
	}
	v->n_vips = n_vips;
	v->n_endpoints = n_endpoints;
	v->n_nexthops = n_nexthops;
	v->n_locals = n_locals;
	return v;
}

static void index_free(struct view_index *x)
{
	if (!x)
		return;
	free(x->vips.slots);
	free(x->locals.slots);
	free(x);
}

void view_free(struct view *v)
{
	if (!v)
		return;
	for (unsigned i = 0; i < v->n_vips; i++)
		free((void *)v->vips[i].endpoints);
	free(v->vips);
	free(v->endpoints);
	free(v->endpoint_names);
	free(v->nexthops);
	free(v->locals);
	index_free(v->index);
	free(v);
}

int view_vip_set_endpoints(struct view *v, uint16_t vip, const uint16_t *ids, uint16_t n)
{
	uint16_t *copy = NULL;

	if (n) {
		copy = malloc(n * sizeof *copy);
		if (!copy)
			return -ENOMEM;
		memcpy(copy, ids, n * sizeof *copy);
	}
	free((void *)v->vips[vip].endpoints);
	v->vips[vip].endpoints = copy;
	v->vips[vip].n_endpoints = n;
	return 0;
}

/* The last word of a key. */
static uint64_t last_word(uint8_t family, uint8_t proto, uint16_t port_be)
{
	return (uint64_t)port_be << 32 | (uint64_t)proto << 8 | family;
}

/* Mixing as in the finaliser of SplitMix64 (Steele, Lea, Flood 2014). */
static uint32_t key_hash(uint64_t addr0, uint64_t addr1, uint64_t last)
{
	uint64_t h = addr0 ^ (addr1 << 31 | addr1 >> 33) ^ last;

	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ h >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)(h ^ h >> 31);
}

/* The slot that holds this key, or the free one where it would go. */
static struct view_slot *hash_probe(const struct view_hash *h, const uint8_t addr[16], uint64_t last)
{
	uint64_t addr0 = bytes_load64(addr), addr1 = bytes_load64(addr + 8);
	uint32_t i = key_hash(addr0, addr1, last) & h->mask;

	for (;; i = (i + 1) & h->mask) {
		struct view_slot *s = &h->slots[i];

		if (!s->last || (s->addr[0] == addr0 && s->addr[1] == addr1 && s->last == last))
			return s;
	}
}

static int hash_init(struct view_hash *h, uint32_t n)
{
	uint32_t size = MIN_SLOTS;

	while (size < 2 * n)
		size *= 2;
	h->slots = alloc_lines(size, sizeof *h->slots);
	h->mask = size - 1;
	return h->slots ? 0 : -ENOMEM;
}

static int hash_add(struct view_hash *h, const uint8_t addr[16], uint64_t last, uint16_t id)
{
	struct view_slot *s = hash_probe(h, addr, last);

	if (s->last)
		return -EEXIST;
	memcpy(s->addr, addr, sizeof s->addr);
	s->last = last;
	s->id = id;
	return 0;
}

static int index_fill(struct view_index *x, const struct view *v)
{
	int err = hash_init(&x->vips, v->n_vips);

	if (!err)
		err = hash_init(&x->locals, v->n_locals);
	for (uint16_t i = 0; !err && i < v->n_vips; i++) {
		const struct view_vip *vip = &v->vips[i];

		if (vip->addr.family && !vip->pool)
			err = hash_add(&x->vips, vip->addr.b, last_word(vip->addr.family, vip->proto, vip->port_be), i);
	}
	for (uint16_t i = 0; !err && i < v->n_locals; i++) {
		const struct baton_addr *addr = &v->locals[i].addr;

		if (addr->family)
			err = hash_add(&x->locals, addr->b, last_word(addr->family, 0, 0), i);
	}
	return err;
}

int view_seal(struct view *v)
{
	struct view_index *x = calloc(1, sizeof *x);
	int err = x ? index_fill(x, v) : -ENOMEM;

	if (err) {
		index_free(x);
		return err;
	}
	index_free(v->index);
	v->index = x;
	return 0;
}

uint16_t view_vip_find(const struct view *v, const uint8_t addr[16], uint8_t family, uint8_t proto, uint16_t port_be)
{
	const struct view_slot *s = hash_probe(&v->index->vips, addr, last_word(family, proto, port_be));

	return s->last ? s->id : VIEW_NONE;
}

const struct view_local *view_local_find(const struct view *v, const uint8_t addr[16], uint8_t family)
{
	const struct view_slot *s = hash_probe(&v->index->locals, addr, last_word(family, 0, 0));

	return s->last ? &v->locals[s->id] : NULL;
}
