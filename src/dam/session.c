/* SPDX-License-Identifier: BSD-3-Clause */
#include "dam/session.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "baton/view.h"
#include "tunnel/siphash.h"

enum {
	BUCKET_PLACES = 5,
	KEY_PLACES = 2 * BUCKET_PLACES, /* where a session may stand */
	ADD_ATTEMPTS = 8,               /* each one that fails is another lcore's success */
};

/* Values of a place's tag that no session has. */
#define TAG_FREE 0
#define TAG_CLAIMED 1

/*
 * One place is three words at the same index.
 *
 * tag: half of the digest. Who changes it from what it was to TAG_CLAIMED, by
 * compare and exchange, owns the place until it stores the new tag.
 * body: 48 more bits of the digest, and the endpoint: one word, so that an
 * endpoint is never taken for another session's.
 * use: seconds of the last use, and the timeout.
 */
struct bucket {
	_Atomic uint64_t tag[BUCKET_PLACES];
	_Atomic uint64_t body[BUCKET_PLACES];
	_Atomic uint64_t use[BUCKET_PLACES];
	uint64_t zero;
};

_Static_assert(sizeof(struct bucket) == 128, "two cache lines");

struct sessions {
	struct siphash_key keys[2];
	uint32_t n_buckets;
	struct bucket *buckets;
};

/* A place as it was read. */
struct place {
	_Atomic uint64_t *tag, *body, *use;
	uint64_t was_tag, was_use;
};

static uint64_t body_of(const struct session_key *k, uint16_t endpoint)
{
	return (k->h[1] & ~(uint64_t)UINT16_MAX) | endpoint;
}

static bool body_is(uint64_t body, const struct session_key *k)
{
	return !((body ^ k->h[1]) & ~(uint64_t)UINT16_MAX);
}

static uint64_t use_of(uint32_t now_s, uint32_t timeout_s)
{
	return (uint64_t)now_s << 32 | timeout_s;
}

/* Seconds since the last use; another lcore's clock may be a moment ahead. */
static uint32_t age_s(uint64_t use, uint32_t now_s)
{
	int32_t age = (int32_t)(now_s - (uint32_t)(use >> 32));

	return age > 0 ? (uint32_t)age : 0;
}

static bool expired(uint64_t use, uint32_t now_s)
{
	return age_s(use, now_s) > (uint32_t)use;
}

static uint64_t derived(const struct siphash_key *key, uint64_t n)
{
	struct siphash_state st;

	siphash_init(&st, key);
	siphash_add(&st, n);
	return siphash_end(&st);
}

struct sessions *sessions_new(uint32_t n, const uint8_t hash_key[16])
{
	struct sessions *s = calloc(1, sizeof *s);
	size_t size;

	if (!s)
		return NULL;
	memcpy(&s->keys[0], hash_key, sizeof s->keys[0]);
	/* the digest's other half is under a key of its own */
	s->keys[1] = (struct siphash_key){ derived(&s->keys[0], 1), derived(&s->keys[0], 2) };
	/* two thirds full with n: then hardly a session is without a free place (Azar et al. 1999, two choices) */
	s->n_buckets = (uint32_t)((uint64_t)n * 3 / (2 * BUCKET_PLACES)) + 2;
	size = (size_t)s->n_buckets * sizeof *s->buckets;
	s->buckets = n ? aligned_alloc(64, size) : NULL;
	if (!s->buckets) {
		sessions_free(s);
		return NULL;
	}
	memset(s->buckets, 0, size); /* all memory at start */
	return s;
}

void sessions_free(struct sessions *s)
{
	if (!s)
		return;
	free(s->buckets);
	free(s);
}

static void digest_add(struct siphash_state *st, const uint8_t *bytes, size_t len)
{
	uint64_t rest = 0;

	siphash_add_words(st, bytes, (unsigned)(len / 8));
	if (len % 8) {
		memcpy(&rest, bytes + len / 8 * 8, len % 8);
		siphash_add_words(st, &rest, 1);
	}
}

void sessions_key(const struct sessions *s, uint16_t vip, const struct baton_affinity *a, const uint8_t *bytes,
		  size_t len, struct session_key *ret)
{
	size_t name_len = strnlen(a->name, sizeof a->name);

	for (unsigned i = 0; i < 2; i++) {
		struct siphash_state st;

		siphash_init(&st, &s->keys[i]);
		/* lengths in front: no two things give the same words */
		siphash_add(&st, (uint64_t)vip << 16 | (uint64_t)a->kind << 8 | name_len);
		siphash_add(&st, len);
		digest_add(&st, (const uint8_t *)a->name, name_len);
		digest_add(&st, bytes, len);
		ret->h[i] = siphash_end(&st);
	}
	ret->endpoint = VIEW_NONE;
}

static uint64_t tag_of(const struct session_key *k)
{
	return k->h[0] > TAG_CLAIMED ? k->h[0] : k->h[0] + 2;
}

/* The places a session may stand in: those of the first bucket, then of the second. */
static void places_of(const struct sessions *s, const struct session_key *k, struct place ret[KEY_PLACES])
{
	uint64_t n = s->n_buckets, first = (k->h[0] >> 32) * n >> 32;
	uint64_t second = first + 1 + ((k->h[0] & UINT32_MAX) * (n - 1) >> 32); /* another one */
	struct bucket *both[] = { &s->buckets[first], &s->buckets[second < n ? second : second - n] };

	for (unsigned i = 0; i < KEY_PLACES; i++) {
		struct bucket *b = both[i / BUCKET_PLACES];
		unsigned at = i % BUCKET_PLACES;

		ret[i] = (struct place){ .tag = &b->tag[at], .body = &b->body[at], .use = &b->use[at] };
	}
}

/* Is the session in this place? With its body and its use of one and the same moment. */
static bool place_has(struct place *p, const struct session_key *k, uint64_t *ret_body)
{
	p->was_tag = atomic_load_explicit(p->tag, memory_order_acquire);
	if (p->was_tag != tag_of(k))
		return false;
	*ret_body = atomic_load_explicit(p->body, memory_order_acquire);
	p->was_use = atomic_load_explicit(p->use, memory_order_acquire);
	return atomic_load_explicit(p->tag, memory_order_relaxed) == p->was_tag && body_is(*ret_body, k);
}

bool sessions_find(struct sessions *s, const struct session_key *k, uint32_t now_s, uint16_t *ret_endpoint)
{
	struct place places[KEY_PLACES];
	uint64_t body;

	places_of(s, k, places);
	for (unsigned i = 0; i < KEY_PLACES; i++) {
		struct place *p = &places[i];

		if (!place_has(p, k, &body) || expired(p->was_use, now_s))
			continue;
		/* by exchange: the place may be another session's by now */
		if (age_s(p->was_use, now_s) > 0)
			atomic_compare_exchange_strong(p->use, &p->was_use, use_of(now_s, (uint32_t)p->was_use));
		*ret_endpoint = (uint16_t)body;
		return true;
	}
	return false;
}

static void place_clear(struct place *p)
{
	atomic_compare_exchange_strong(p->tag, &p->was_tag, TAG_FREE);
}

/* Move or renew where it stands; a second copy, left by two lcores at once, goes. */
static bool renew(struct place places[KEY_PLACES], const struct session_key *k, uint16_t endpoint, uint64_t use)
{
	bool done = false;
	uint64_t body;

	for (unsigned i = 0; i < KEY_PLACES; i++) {
		struct place *p = &places[i];

		if (!place_has(p, k, &body))
			continue;
		if (done)
			place_clear(p);
		else if (atomic_compare_exchange_strong(p->body, &body, body_of(k, endpoint)))
			done = atomic_compare_exchange_strong(p->use, &p->was_use, use) || place_has(p, k, &body);
	}
	return done;
}

/* A free place in the emptier bucket, else an expired one, else that used longest ago. NULL: all are being changed. */
static struct place *victim(struct place places[KEY_PLACES], uint32_t now_s, bool *ret_alive)
{
	struct place *free_at[2] = { NULL, NULL }, *oldest = NULL;
	unsigned n_free[2] = { 0, 0 };
	uint64_t worst = 0;

	for (unsigned i = 0; i < KEY_PLACES; i++) {
		struct place *p = &places[i];
		uint64_t badness;

		p->was_tag = atomic_load_explicit(p->tag, memory_order_acquire);
		p->was_use = atomic_load_explicit(p->use, memory_order_acquire);
		if (p->was_tag == TAG_CLAIMED)
			continue;
		if (p->was_tag == TAG_FREE) {
			free_at[i / BUCKET_PLACES] = p;
			n_free[i / BUCKET_PLACES]++;
			continue;
		}
		badness = ((uint64_t)expired(p->was_use, now_s) << 32 | age_s(p->was_use, now_s)) + 1;
		if (badness > worst) {
			worst = badness;
			oldest = p;
		}
	}
	*ret_alive = false;
	if (n_free[0] || n_free[1])
		return free_at[n_free[1] > n_free[0]];
	*ret_alive = oldest && !expired(oldest->was_use, now_s);
	return oldest;
}

bool sessions_add(struct sessions *s, const struct session_key *k, uint16_t endpoint, uint32_t timeout_s,
		  uint32_t now_s, bool *ret_evicted)
{
	uint64_t use = use_of(now_s, timeout_s);
	struct place places[KEY_PLACES];
	bool alive;

	*ret_evicted = false;
	places_of(s, k, places);
	if (renew(places, k, endpoint, use))
		return false;
	for (unsigned i = 0; i < ADD_ATTEMPTS; i++) {
		struct place *p = victim(places, now_s, &alive);

		if (!p || !atomic_compare_exchange_strong(p->tag, &p->was_tag, TAG_CLAIMED))
			continue;
		atomic_store_explicit(p->body, body_of(k, endpoint), memory_order_release);
		atomic_store_explicit(p->use, use, memory_order_release);
		atomic_store_explicit(p->tag, tag_of(k), memory_order_release);
		*ret_evicted = alive;
		return true;
	}
	return false;
}

void sessions_del(struct sessions *s, const struct session_key *k)
{
	struct place places[KEY_PLACES];
	uint64_t body;

	places_of(s, k, places);
	for (unsigned i = 0; i < KEY_PLACES; i++)
		if (place_has(&places[i], k, &body))
			place_clear(&places[i]);
}

uint32_t sessions_count(const struct sessions *s, uint32_t now_s)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < s->n_buckets; i++) {
		struct bucket *b = &s->buckets[i];

		for (unsigned at = 0; at < BUCKET_PLACES; at++)
			n += atomic_load_explicit(&b->tag[at], memory_order_acquire) > TAG_CLAIMED &&
			     !expired(atomic_load_explicit(&b->use[at], memory_order_relaxed), now_s);
	}
	return n;
}
