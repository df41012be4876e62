/* SPDX-License-Identifier: BSD-3-Clause */
/* Route table: making it, adding, deleting and walking. Lookups are in route_form.h. */
#include "forwarder/route_table.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "tunnel/siphash.h"

/* One bucket for each 24.8 routes: 80 % load. */
#define LOAD_ROUTES 248u
#define LOAD_BUCKETS 10u

static void *alloc_libc(size_t size, void *arg)
{
	void *p = aligned_alloc(64, size);

	if (p)
		memset(p, 0, size);
	return p;
}

static void free_libc(void *p, void *arg)
{
	free(p);
}

static size_t entry_bytes(uint8_t family)
{
	return family == BATON_IPV6 ? sizeof(struct route6) : sizeof(struct route4);
}

static uint64_t buckets_for(uint32_t capacity)
{
	return ((uint64_t)capacity * LOAD_BUCKETS + LOAD_ROUTES - 1) / LOAD_ROUTES;
}

size_t route_table_memory(uint8_t family, uint32_t capacity)
{
	return buckets_for(capacity) * (sizeof(struct route_bucket) + ROUTE_PLACES * entry_bytes(family));
}

static size_t n_places(const struct route_table *t)
{
	return (size_t)t->n_buckets * ROUTE_PLACES;
}

/*
 * The cold halves take as much room as IPv6 entries, and tunneled routes never
 * touch theirs: the kernel hands these pages out as they are first used. Where
 * NAT is expected they come now and in large pages: with ten million routes small
 * ones cost half of a hit's time again, and clearing a large one takes too long
 * for an lcore that forwards.
 */
static struct route_nat *nat_map(const struct route_table *t, bool expected)
{
	size_t size = n_places(t) * sizeof(struct route_nat);
	void *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

	if (p == MAP_FAILED)
		return NULL;
#ifdef MADV_POPULATE_WRITE
	/* either may fail: then the pages come as if NAT were not expected */
	if (expected && madvise(p, size, MADV_HUGEPAGE) == 0 && madvise(p, size, MADV_POPULATE_WRITE) < 0)
		madvise(p, size, MADV_NOHUGEPAGE);
#endif
	return p;
}

/* All keys that the table needs from the one given: SipHash-2-4 of a counter. */
static uint64_t derive(const uint8_t hash_key[32], uint64_t counter)
{
	struct siphash_key k;
	struct siphash_state s;

	memcpy(&k, hash_key, sizeof k);
	siphash_init(&s, &k);
	siphash_add_words(&s, hash_key + sizeof k, 2);
	siphash_add(&s, counter);
	return siphash_end(&s);
}

static void set_keys(struct route_table *t, const uint8_t hash_key[32])
{
	uint64_t counter = 0;

	for (unsigned i = 0; i < ROUTE_ROUND_KEYS; i++) {
		uint64_t w[2] = { derive(hash_key, counter), derive(hash_key, counter + 1) };

		memcpy(t->round_keys[i], w, sizeof w);
		counter += 2;
	}
	t->sip_key[0] = derive(hash_key, counter++);
	t->sip_key[1] = derive(hash_key, counter++);
	t->generation_seed = derive(hash_key, counter);
}

/* Bar the places whose number ends in these 16 bits. */
static void bar_places(struct route_table *t, uint16_t low)
{
	if (low % ROUTE_PLACES == ROUTE_SLOTS)
		return;
	for (uint32_t b = low / ROUTE_PLACES; b < t->n_buckets; b += 65536 / ROUTE_PLACES)
		t->buckets[b].tag[low % ROUTE_PLACES] = ROUTE_TAG_BARRED;
}

static struct route_table *table_alloc(const struct route_table_params *p, uint32_t n_buckets)
{
	struct route_table *t = alloc_libc((sizeof *t + 63) / 64 * 64, NULL);

	if (!t)
		return NULL;
	t->family = p->family;
	t->capacity = p->capacity;
	t->n_buckets = n_buckets;
	t->alloc = p->alloc ? p->alloc : alloc_libc;
	t->free = p->alloc ? p->free : free_libc;
	t->arg = p->arg;
	t->buckets = t->alloc(n_buckets * sizeof *t->buckets, t->arg);
	t->entries = t->alloc(n_places(t) * entry_bytes(t->family), t->arg);
	t->nat_expected = p->nat;
	t->nat = nat_map(t, p->nat);
	if (!t->buckets || !t->entries || !t->nat) {
		route_table_free(t);
		return NULL;
	}
	return t;
}

struct route_table *route_table_new_form(const struct route_table_params *p, const struct route_form *form)
{
	uint64_t n_buckets = buckets_for(p->capacity);
	uint64_t most = p->n_banks ? p->n_banks * (uint64_t)ROUTE_BANK_BUCKETS : ROUTE_MAX_BUCKETS;
	struct route_table *t;

	if ((p->family != BATON_IPV4 && p->family != BATON_IPV6) || !p->capacity || n_buckets > most ||
	    p->n_banks > ROUTE_MAX_BANKS)
		return NULL;
	t = table_alloc(p, (uint32_t)n_buckets);
	if (!t)
		return NULL;
	t->form = form;
	t->bank_share = route_bank_share(p->n_banks, t->n_buckets);
	set_keys(t, p->hash_key);
	/* A flow id fills both ports: port 0 is refused by many a middlebox. */
	bar_places(t, 0);
	if (p->reserved_port)
		bar_places(t, p->reserved_port);
	return t;
}

struct route_table *route_table_new(const struct route_table_params *p)
{
	const struct route_form *best = route_forms[0];

	for (unsigned i = 0; route_forms[i]; i++)
		if (route_forms[i]->supported())
			best = route_forms[i];
	return route_table_new_form(p, best);
}

void route_table_free(struct route_table *t)
{
	if (!t)
		return;
	if (t->buckets)
		t->free(t->buckets, t->arg);
	if (t->entries)
		t->free(t->entries, t->arg);
	if (t->nat)
		munmap(t->nat, n_places(t) * sizeof *t->nat);
	free(t);
}

uint32_t route_table_count(const struct route_table *t)
{
	return t->count;
}

uint32_t route_table_capacity(const struct route_table *t)
{
	return t->capacity;
}

uint32_t route_table_buckets(const struct route_table *t)
{
	return t->n_buckets;
}

size_t route_table_bytes(const struct route_table *t)
{
	return sizeof *t + t->n_buckets * sizeof *t->buckets + n_places(t) * (entry_bytes(t->family) + sizeof *t->nat);
}

const char *route_table_form(const struct route_table *t)
{
	return t->form->name;
}

static uint32_t next_bucket(const struct route_table *t, uint32_t b)
{
	return b + 1 == t->n_buckets ? 0 : b + 1;
}

/* Holds a route; index may be anything. */
static bool is_live(const struct route_table *t, uint32_t index)
{
	uint32_t slot = index % ROUTE_PLACES;
	uint16_t tag;

	if (index >= n_places(t) || slot >= ROUTE_SLOTS)
		return false;
	tag = t->buckets[index / ROUTE_PLACES].tag[slot];
	return tag != ROUTE_TAG_FREE && tag != ROUTE_TAG_BARRED;
}

/* The first one of these from turn on. */
static uint32_t free_slot(uint32_t free, uint8_t turn)
{
	uint32_t later = free & ~0u << turn;

	return (uint32_t)__builtin_ctz(later ? later : free);
}

/*
 * Take a free place for this hash: there is one, for less than all are in use.
 * The slot to start from goes round, so that a place that has just become free
 * tends to rest before it is used again.
 */
static uint32_t take_place(struct route_table *t, uint64_t hash)
{
	uint32_t b = route_home(t, hash), free, slot;

	while (!(free = t->form->match(&t->buckets[b], ROUTE_TAG_FREE))) {
		if (t->buckets[b].overflow != UINT16_MAX)
			t->buckets[b].overflow++;
		b = next_bucket(t, b);
	}
	slot = free_slot(free, t->turn);
	t->turn = (uint8_t)((slot + 1) % ROUTE_SLOTS);
	t->buckets[b].tag[slot] = route_tag(hash);
	return b * ROUTE_PLACES + slot;
}

/*
 * 1 to 255, so that the source port of a flow id is not 0 either. A place
 * starts anywhere: what a host remembers of an earlier run of this device
 * then rarely fits.
 */
static uint8_t next_generation(const struct route_table *t, uint32_t index, uint8_t last)
{
	if (!last)
		return (uint8_t)(((t->generation_seed ^ index) * 0x9e3779b97f4a7c15ull >> 32) % 255 + 1);
	return last == 255 ? 1 : (uint8_t)(last + 1);
}

static struct route *set_key(struct route_table *t, uint32_t index, const struct baton_tuple *key)
{
	if (t->family == BATON_IPV6) {
		struct route6 *e = &t->entries6[index];

		memcpy(e->saddr, key->saddr, 16);
		memcpy(e->daddr, key->daddr, 16);
		e->sport_be = key->sport_be;
		e->dport_be = key->dport_be;
		return &e->r;
	}
	struct route4 *e = &t->entries4[index];

	memcpy(&e->saddr_be, key->saddr, 4);
	memcpy(&e->daddr_be, key->daddr, 4);
	e->sport_be = key->sport_be;
	e->dport_be = key->dport_be;
	return &e->r;
}

static bool has_cold_half(uint8_t action)
{
	return action == PLUMB_ACTION_NAT || action == PLUMB_ACTION_RETURN;
}

static void set_nat(struct route_nat *n, const struct plumb_route *r)
{
	*n = (struct route_nat){ .to = r->nat, .nexthop = r->nexthop, .port = r->port };
	memcpy(n->mac, r->mac, sizeof n->mac);
}

int route_add(struct route_table *t, const struct plumb_route *r, uint16_t now_s, uint32_t *ret_index)
{
	uint64_t hash;
	int64_t found;
	uint32_t index;
	struct route *e;

	if (r->key.family != t->family)
		return -EINVAL;
	hash = t->form->hash(t, &r->key);
	found = t->form->find(t, &r->key, hash);
	if (found >= 0) {
		*ret_index = (uint32_t)found;
		return -EEXIST;
	}
	if (t->count >= t->capacity)
		return -ENOSPC;
	index = take_place(t, hash);
	e = set_key(t, index, &r->key);
	*e = (struct route){
		.proto = r->key.proto,
		.generation = next_generation(t, index, e->generation),
		.action = r->action,
		.state = r->state & 0xf,
		.endpoint = r->endpoint,
		.vip = r->vip,
		.last_used_s = now_s,
	};
	if (has_cold_half(r->action)) {
		set_nat(&t->nat[index], r);
		t->n_cold++;
	}
	t->count++;
	*ret_index = index;
	return 0;
}

static bool is_cold(const struct route *r)
{
	return has_cold_half(r->action) && !(r->flags & ROUTE_FLAG_COMPACT);
}

void route_set_compact(struct route_table *t, uint32_t index, bool compact)
{
	struct route *r = route_at(t, index);

	t->n_cold -= is_cold(r);
	r->flags = (uint8_t)((r->flags & ~ROUTE_FLAG_COMPACT) | (compact ? ROUTE_FLAG_COMPACT : 0)) & 0xf;
	t->n_cold += is_cold(r);
}

void route_del(struct route_table *t, uint32_t index)
{
	struct baton_tuple key;
	uint32_t b;

	if (!is_live(t, index))
		return;
	route_key_at(t, index, &key);
	for (b = route_home(t, t->form->hash(t, &key)); b != index / ROUTE_PLACES; b = next_bucket(t, b))
		if (t->buckets[b].overflow != UINT16_MAX)
			t->buckets[b].overflow--;
	t->buckets[b].tag[index % ROUTE_PLACES] = ROUTE_TAG_FREE;
	route_at(t, index)->proto = 0; /* equals no key, for those who have its place from before */
	t->n_cold -= is_cold(route_at(t, index));
	t->count--;
}

int64_t route_find(const struct route_table *t, const struct baton_tuple *key)
{
	return t->form->find(t, key, t->form->hash(t, key));
}

void route_find_bulk(const struct route_table *t, const struct baton_tuple *const keys[], unsigned n,
		     int64_t ret_index[])
{
	t->form->find_bulk(t, keys, n, ret_index);
}

static const void *entry_at(const struct route_table *t, uint32_t index)
{
	return t->family == BATON_IPV6 ? (const void *)&t->entries6[index] : &t->entries4[index];
}

void route_prefetch_buckets(const struct route_table *t, const struct baton_tuple *const keys[], unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		__builtin_prefetch(&t->buckets[route_home(t, t->form->hash(t, keys[i]))], 1);
}

void route_prefetch_entries(const struct route_table *t, const struct baton_tuple *const keys[], unsigned n)
{
	uint8_t turn = t->turn;

	for (unsigned i = 0; i < n; i++) {
		uint64_t hash = t->form->hash(t, keys[i]);
		uint32_t b = route_home(t, hash), found = t->form->match(&t->buckets[b], route_tag(hash)), free;

		if (found) {
			__builtin_prefetch(entry_at(t, b * ROUTE_PLACES + (uint32_t)__builtin_ctz(found)), 1);
			continue;
		}
		free = t->form->match(&t->buckets[b], ROUTE_TAG_FREE);
		if (free) {
			uint32_t slot = free_slot(free, turn);

			turn = (uint8_t)((slot + 1) % ROUTE_SLOTS);
			__builtin_prefetch(entry_at(t, b * ROUTE_PLACES + slot), 1);
			if (t->nat_expected)
				__builtin_prefetch(&t->nat[b * ROUTE_PLACES + slot], 1);
		}
	}
}

struct route *route_at(struct route_table *t, uint32_t index)
{
	return t->family == BATON_IPV6 ? &t->entries6[index].r : &t->entries4[index].r;
}

struct route_nat *route_nat_at(struct route_table *t, uint32_t index)
{
	return &t->nat[index];
}

void route_key_at(const struct route_table *t, uint32_t index, struct baton_tuple *ret)
{
	*ret = (struct baton_tuple){ .family = t->family };
	if (t->family == BATON_IPV6) {
		const struct route6 *e = &t->entries6[index];

		memcpy(ret->saddr, e->saddr, 16);
		memcpy(ret->daddr, e->daddr, 16);
		ret->sport_be = e->sport_be;
		ret->dport_be = e->dport_be;
		ret->proto = e->r.proto;
	} else {
		const struct route4 *e = &t->entries4[index];

		memcpy(ret->saddr, &e->saddr_be, 4);
		memcpy(ret->daddr, &e->daddr_be, 4);
		ret->sport_be = e->sport_be;
		ret->dport_be = e->dport_be;
		ret->proto = e->r.proto;
	}
}

static uint8_t generation_at(const struct route_table *t, uint32_t index)
{
	return t->family == BATON_IPV6 ? t->entries6[index].r.generation : t->entries4[index].r.generation;
}

uint32_t route_flow_id(const struct route_table *t, uint32_t index)
{
	return baton_flow_id(generation_at(t, index), index);
}

uint32_t route_bank(const struct route_table *t, uint32_t index)
{
	return route_bank_of(t, index);
}

uint32_t route_key_bank(const struct route_table *t, const struct baton_tuple *key)
{
	return route_bank_of(t, route_home(t, t->form->hash(t, key)) * ROUTE_PLACES);
}

int64_t route_find_flow(const struct route_table *t, uint32_t bank, uint32_t flow_id)
{
	uint32_t index = route_place_in(t, bank, baton_flow_index(flow_id));

	if (!is_live(t, index) || generation_at(t, index) != baton_flow_generation(flow_id))
		return -ENOENT;
	return index;
}

/* Each slot is looked at again before its visit: the one before may have deleted it. */
static void scan_bucket(struct route_table *t, uint32_t b, route_visit_fn visit, void *arg)
{
	for (uint32_t index = b * ROUTE_PLACES; index < b * ROUTE_PLACES + ROUTE_SLOTS; index++)
		if (is_live(t, index) && visit(t, index, arg))
			route_del(t, index);
}

void route_scan(struct route_table *t, uint32_t *cursor, uint32_t n_buckets, route_visit_fn visit, void *arg)
{
	uint32_t b = *cursor < t->n_buckets ? *cursor : 0;

	for (uint32_t n = 0; n < n_buckets && b < t->n_buckets; n++)
		scan_bucket(t, b++, visit, arg);
	*cursor = b < t->n_buckets ? b : 0;
}

void route_prefetch_scan(const struct route_table *t, uint32_t cursor)
{
	uint32_t b = cursor < t->n_buckets ? cursor : 0, per_line = t->family == BATON_IPV6 ? 1 : 2;

	__builtin_prefetch(&t->buckets[b]);
	for (uint32_t i = 0; i < ROUTE_SLOTS; i += per_line)
		__builtin_prefetch(entry_at(t, b * ROUTE_PLACES + i));
}
