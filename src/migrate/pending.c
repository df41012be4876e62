/* SPDX-License-Identifier: BSD-3-Clause */
#include "migrate/pending.h"

#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

static void lists_init(struct pending_table *t, const struct handover_params *p)
{
	memset(t->buckets, 0xff, ((size_t)t->mask + 1) * sizeof *t->buckets);
	for (uint32_t i = 0; i < p->max_pending; i++)
		t->all[i].next = i + 1 < p->max_pending ? i + 1 : PENDING_NONE;
	for (uint32_t i = 0; i < p->max_held; i++)
		t->held[i].next = i + 1 < p->max_held ? i + 1 : PENDING_NONE;
	for (uint32_t i = 0; i < p->max_large; i++)
		t->large_free[i] = i;
	t->first_free = 0;
	t->first_held_free = p->max_held ? 0 : PENDING_NONE;
	t->n_large_free = p->max_large;
}

int pending_init(struct pending_table *t, const struct handover_params *p)
{
	uint32_t n_buckets = 16;

	while (n_buckets < p->max_pending)
		n_buckets *= 2;
	memcpy(&t->hash_key, p->hash_key, sizeof t->hash_key);
	t->mask = n_buckets - 1;
	t->all = calloc(p->max_pending, sizeof *t->all);
	t->buckets = malloc(n_buckets * sizeof *t->buckets);
	/* + 1: none at all is no failure */
	t->small = malloc((size_t)p->max_pending * HANDOVER_SMALL_HEAD);
	t->large = malloc((size_t)p->max_large * HANDOVER_LARGE_HEAD + 1);
	t->large_free = malloc(((size_t)p->max_large + 1) * sizeof *t->large_free);
	t->held = calloc((size_t)p->max_held + 1, sizeof *t->held);
	if (!t->all || !t->buckets || !t->small || !t->large || !t->large_free || !t->held ||
	    wheel_init(&t->wheel, p->max_pending) < 0)
		return -ENOMEM;
	lists_init(t, p);
	return 0;
}

void pending_fini(struct pending_table *t)
{
	wheel_fini(&t->wheel);
	free(t->held);
	free(t->large_free);
	free(t->large);
	free(t->small);
	free(t->buckets);
	free(t->all);
}

uint64_t pending_hash(const struct pending_table *t, const struct baton_tuple *key)
{
	struct siphash_state s;

	siphash_init(&s, &t->hash_key);
	siphash_add_words(&s, key, sizeof *key / 8);
	return siphash_end(&s);
}

struct pending *pending_find(const struct pending_table *t, const struct baton_tuple *key, uint64_t hash)
{
	for (uint32_t i = t->buckets[hash & t->mask]; i != PENDING_NONE; i = t->all[i].next)
		if (t->all[i].hash == hash && !memcmp(&t->all[i].key, key, sizeof *key))
			return &t->all[i];
	return NULL;
}

static void count(struct pending_table *t, int by)
{
	uint32_t n = atomic_load_explicit(&t->n, memory_order_relaxed);

	atomic_store_explicit(&t->n, n + (uint32_t)by, memory_order_relaxed);
}

struct pending *pending_add(struct pending_table *t, const struct baton_tuple *key, uint64_t hash)
{
	uint32_t id = t->first_free;
	struct pending *p;

	if (id == PENDING_NONE)
		return NULL;
	p = &t->all[id];
	t->first_free = p->next;
	memset(p, 0, sizeof *p);
	p->key = *key;
	p->hash = hash;
	p->id = id;
	p->large = PENDING_NONE;
	p->held_first = PENDING_NONE;
	p->held_last = PENDING_NONE;
	p->next = t->buckets[hash & t->mask];
	t->buckets[hash & t->mask] = id;
	count(t, 1);
	return p;
}

void pending_del(struct pending_table *t, struct pending *p)
{
	uint32_t *at = &t->buckets[p->hash & t->mask];

	while (*at != p->id)
		at = &t->all[*at].next;
	*at = p->next;
	if (p->large != PENDING_NONE)
		t->large_free[t->n_large_free++] = p->large;
	wheel_clear(&t->wheel, p->id);
	p->next = t->first_free;
	t->first_free = p->id;
	count(t, -1);
}

uint8_t *pending_bytes(const struct pending_table *t, const struct pending *p)
{
	if (p->large != PENDING_NONE)
		return t->large + (size_t)p->large * HANDOVER_LARGE_HEAD;
	return t->small + (size_t)p->id * HANDOVER_SMALL_HEAD;
}

uint32_t pending_room(const struct pending *p)
{
	return p->large != PENDING_NONE ? HANDOVER_LARGE_HEAD : HANDOVER_SMALL_HEAD;
}

bool pending_grow(struct pending_table *t, struct pending *p)
{
	const uint8_t *small = pending_bytes(t, p);

	if (p->large != PENDING_NONE)
		return true;
	if (!t->n_large_free)
		return false;
	p->large = t->large_free[--t->n_large_free];
	memcpy(pending_bytes(t, p), small, HANDOVER_SMALL_HEAD);
	return true;
}

bool pending_hold(struct pending_table *t, struct pending *p, void *packet, uint8_t forwarder)
{
	uint32_t id = t->first_held_free;

	if (id == PENDING_NONE || p->n_held == PENDING_HELD_MAX)
		return false;
	t->first_held_free = t->held[id].next;
	t->held[id] = (struct held_packet){ packet, PENDING_NONE, forwarder };
	if (p->held_last != PENDING_NONE)
		t->held[p->held_last].next = id;
	else
		p->held_first = id;
	p->held_last = id;
	p->n_held++;
	return true;
}

void *pending_unhold(struct pending_table *t, struct pending *p, uint8_t *ret_forwarder)
{
	uint32_t id = p->held_first;
	struct held_packet *held;

	if (id == PENDING_NONE)
		return NULL;
	held = &t->held[id];
	p->held_first = held->next;
	if (p->held_first == PENDING_NONE)
		p->held_last = PENDING_NONE;
	p->n_held--;
	held->next = t->first_held_free;
	t->first_held_free = id;
	*ret_forwarder = held->forwarder;
	return held->packet;
}
