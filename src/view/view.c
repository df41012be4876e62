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

#define CACHE_LINE 64
#define MIN_SLOTS 8

struct view_slot {
	uint64_t addr[2];
	uint16_t port_be; /* 0 in the index of locals */
	uint8_t proto;    /* 0 in the index of locals */
	uint8_t family;   /* 0: slot is free */
	uint16_t id;
	uint8_t zero[10];
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

static struct view_slot slot_of(const uint8_t addr[16], uint8_t family, uint8_t proto, uint16_t port_be)
{
	struct view_slot s = { .port_be = port_be, .proto = proto, .family = family };

	memcpy(s.addr, addr, sizeof s.addr);
	return s;
}

/* Mixing as in the finaliser of SplitMix64 (Steele, Lea, Flood 2014). */
static uint32_t slot_hash(const struct view_slot *s)
{
	uint64_t h = s->addr[0] ^ (s->addr[1] << 31 | s->addr[1] >> 33);

	h ^= (uint64_t)s->port_be << 32 | (uint64_t)s->proto << 8 | s->family;
	h = (h ^ h >> 30) * 0xbf58476d1ce4e5b9ull;
	h = (h ^ h >> 27) * 0x94d049bb133111ebull;
	return (uint32_t)(h ^ h >> 31);
}

static bool slot_equal(const struct view_slot *a, const struct view_slot *b)
{
	return a->addr[0] == b->addr[0] && a->addr[1] == b->addr[1] && a->port_be == b->port_be &&
	       a->proto == b->proto && a->family == b->family;
}

/* The slot that holds this key, or the free one where it would go. */
static struct view_slot *hash_probe(const struct view_hash *h, const struct view_slot *key)
{
	uint32_t i = slot_hash(key) & h->mask;

	while (h->slots[i].family && !slot_equal(&h->slots[i], key))
		i = (i + 1) & h->mask;
	return &h->slots[i];
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

static int hash_add(struct view_hash *h, const struct view_slot *key, uint16_t id)
{
	struct view_slot *s = hash_probe(h, key);

	if (s->family)
		return -EEXIST;
	*s = *key;
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
		struct view_slot key = slot_of(vip->addr.b, vip->addr.family, vip->proto, vip->port_be);

		if (key.family && !vip->pool)
			err = hash_add(&x->vips, &key, i);
	}
	for (uint16_t i = 0; !err && i < v->n_locals; i++) {
		struct view_slot key = slot_of(v->locals[i].addr.b, v->locals[i].addr.family, 0, 0);

		if (key.family)
			err = hash_add(&x->locals, &key, i);
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
	struct view_slot key = slot_of(addr, family, proto, port_be);
	const struct view_slot *s = hash_probe(&v->index->vips, &key);

	return s->family ? s->id : VIEW_NONE;
}

const struct view_local *view_local_find(const struct view *v, const uint8_t addr[16], uint8_t family)
{
	struct view_slot key = slot_of(addr, family, 0, 0);
	const struct view_slot *s = hash_probe(&v->index->locals, &key);

	return s->family ? &v->locals[s->id] : NULL;
}
