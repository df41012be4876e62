/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/seal_peers.h"

#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#define NONE UINT32_MAX
#define MS 1000000ull
/* An echo counts so long after its challenge was made: more than a slow round trip, less than a recording takes. */
#define CHALLENGE_LIFE_NS (10000 * MS)
#define ASK_GAP_NS (100 * MS)
#define ANSWER_GAP_NS (20 * MS)
/* A proven sender that was silent for so long may have to prove itself again; one that never did, sooner. */
#define SILENT_NS (60000 * MS)
#define EVICTION_GAP_NS (1000 * MS)

int seal_peers_init(struct seal_peers *t, uint32_t n_max)
{
	memset(t, 0, sizeof *t);
	t->n_max = n_max;
	t->n_buckets = 1;
	while (t->n_buckets < n_max)
		t->n_buckets *= 2;
	t->buckets = malloc(t->n_buckets * sizeof *t->buckets);
	t->peers = calloc(n_max, sizeof *t->peers);
	if (!t->buckets || !t->peers) {
		seal_peers_fini(t);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < t->n_buckets; i++)
		t->buckets[i] = NONE;
	for (uint32_t i = 0; i < n_max; i++)
		t->peers[i].next = i + 1 < n_max ? i + 1 : NONE;
	return 0;
}

void seal_peers_fini(struct seal_peers *t)
{
	free(t->buckets);
	free(t->peers);
	memset(t, 0, sizeof *t);
}

/* Ids may be configured and then small: spread them (multiplication by 2^64 / the golden ratio, Knuth 6.4). */
static uint32_t *bucket_of(struct seal_peers *t, uint64_t id)
{
	return &t->buckets[(id * 0x9e3779b97f4a7c15ull >> 32) & (t->n_buckets - 1)];
}

static void peer_remove(struct seal_peers *t, uint32_t index)
{
	struct seal_peer *p = &t->peers[index];
	uint32_t *at = bucket_of(t, p->id);

	while (*at != index)
		at = &t->peers[*at].next;
	*at = p->next;
	t->n--;
	t->n_proven -= p->proven;
	p->next = t->free;
	t->free = index;
}

static uint64_t age_ns(const struct seal_peer *p, uint64_t now_ns)
{
	return now_ns > p->heard_ns ? now_ns - p->heard_ns : 0;
}

/* Make room for one: who was silent for the longest time goes, if it was long enough. */
static void evict_silent(struct seal_peers *t, uint64_t now_ns)
{
	uint64_t oldest = 0;
	uint32_t index = NONE;

	if (now_ns < t->evict_from_ns)
		return;
	for (uint32_t i = 0; i < t->n_max; i++) {
		const struct seal_peer *p = &t->peers[i];
		uint64_t age = age_ns(p, now_ns);

		if (age >= (p->proven ? SILENT_NS : CHALLENGE_LIFE_NS) && age > oldest) {
			oldest = age;
			index = i;
		}
	}
	if (index == NONE)
		t->evict_from_ns = now_ns + EVICTION_GAP_NS;
	else
		peer_remove(t, index);
}

struct seal_peer *seal_peers_get(struct seal_peers *t, uint64_t id, uint64_t now_ns)
{
	uint32_t *bucket = bucket_of(t, id), index;
	struct seal_peer *p;

	for (index = *bucket; index != NONE; index = t->peers[index].next)
		if (t->peers[index].id == id)
			return &t->peers[index];
	if (t->n == t->n_max)
		evict_silent(t, now_ns);
	if (t->n == t->n_max)
		return NULL;
	index = t->free;
	p = &t->peers[index];
	t->free = p->next;
	*p = (struct seal_peer){ .id = id, .heard_ns = now_ns, .next = *bucket };
	*bucket = index;
	t->n++;
	return p;
}

uint64_t seal_peer_challenge(struct seal_peer *p, uint64_t now_ns)
{
	if (!p->challenge || now_ns - p->made_ns >= CHALLENGE_LIFE_NS) {
		do
			randombytes_buf(&p->challenge, sizeof p->challenge);
		while (!p->challenge);
		p->made_ns = now_ns;
	}
	p->asked_ns = now_ns;
	return p->challenge;
}

bool seal_peer_ask(struct seal_peer *p, uint64_t now_ns)
{
	return !p->challenge || now_ns - p->asked_ns >= ASK_GAP_NS;
}

bool seal_peer_answer(struct seal_peer *p, uint64_t incarnation, uint64_t now_ns)
{
	if (seal_peer_knows(p, incarnation))
		return true;
	if (p->answered_ns && now_ns - p->answered_ns < ANSWER_GAP_NS)
		return false;
	p->answered_ns = now_ns;
	return true;
}

/* A window in which everything up to seq was seen. */
static void window_start(struct replay_window *w, uint64_t seq)
{
	memset(w->bits, 0xff, sizeof w->bits);
	w->bits[(seq >> 6) & (REPLAY_WORDS - 1)] = ~0ull >> (63 - (seq & 63));
	w->top = seq;
}

bool seal_peers_prove(struct seal_peers *t, struct seal_peer *p, uint64_t incarnation, uint64_t seq, uint64_t echo,
		      uint64_t now_ns)
{
	if (!echo || echo != p->challenge || now_ns - p->made_ns >= CHALLENGE_LIFE_NS)
		return false;
	p->challenge = 0;
	p->heard_ns = now_ns;
	/* a replayed frame of an older run made us ask: who is known, keeps its window */
	if (seal_peer_knows(p, incarnation))
		return false;
	t->n_proven += !p->proven;
	p->proven = true;
	p->incarnation = incarnation;
	window_start(&p->window, seq);
	return true;
}
