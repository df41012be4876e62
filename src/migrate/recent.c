/* SPDX-License-Identifier: BSD-3-Clause */
#include "migrate/recent.h"

#include <errno.h>
#include <stdlib.h>

#define RECENT_LIFE_S 128   /* as long as a cookie */
#define RECENT_HOLD_S 2     /* in which most clients send their first bytes, and send them again */
#define RECENT_WINDOW 65536 /* bytes that a client can send before it hears more */
#define RECENT_WAYS 4       /* places of one hash: one cache line */

int recent_init(struct recent *r, size_t n)
{
	size_t size = 16;

	while (size < n)
		size *= 2;
	r->entries = aligned_alloc(RECENT_WAYS * sizeof *r->entries, size * sizeof *r->entries);
	if (!r->entries)
		return -ENOMEM;
	for (size_t i = 0; i < size; i++)
		r->entries[i] = (struct recent_entry){ 0 };
	r->mask = (uint32_t)(size / RECENT_WAYS - 1);
	return 0;
}

void recent_fini(struct recent *r)
{
	free(r->entries);
	r->entries = NULL;
}

static struct recent_entry *ways(const struct recent *r, uint64_t hash)
{
	return r->entries + (size_t)(hash & r->mask) * RECENT_WAYS;
}

static struct recent_entry *find(const struct recent *r, uint64_t hash)
{
	struct recent_entry *e = ways(r, hash);

	for (unsigned i = 0; i < RECENT_WAYS; i++)
		if (e[i].at_s && e[i].tag == (uint32_t)(hash >> 32))
			return &e[i];
	return NULL;
}

/* Its own place, else a free one, else the oldest. */
static struct recent_entry *place(const struct recent *r, uint64_t hash, uint32_t now_s)
{
	struct recent_entry *e = ways(r, hash), *best = find(r, hash);

	if (best)
		return best;
	best = e;
	for (unsigned i = 0; i < RECENT_WAYS; i++) {
		if (!e[i].at_s)
			return &e[i];
		if (now_s - e[i].at_s > now_s - best->at_s)
			best = &e[i];
	}
	return best;
}

void recent_note(struct recent *r, uint64_t hash, uint32_t client_isn, uint32_t server_isn, uint32_t now_s)
{
	*place(r, hash, now_s) = (struct recent_entry){ (uint32_t)(hash >> 32), client_isn, server_isn, now_s };
}

void recent_note_begun(struct recent *r, uint64_t hash, uint32_t client_isn, uint32_t server_isn, uint32_t now_s)
{
	struct recent_entry *e = place(r, hash, now_s);

	if (!e->at_s || e->tag == (uint32_t)(hash >> 32) || now_s - e->at_s >= RECENT_HOLD_S)
		*e = (struct recent_entry){ (uint32_t)(hash >> 32), client_isn, server_isn, now_s };
}

void recent_forget(struct recent *r, uint64_t hash)
{
	struct recent_entry *e = find(r, hash);

	if (e)
		*e = (struct recent_entry){ 0 };
}

bool recent_has(const struct recent *r, uint64_t hash, uint32_t seq, uint32_t ack, uint32_t now_s)
{
	const struct recent_entry *e = find(r, hash);

	return e && now_s - e->at_s <= RECENT_LIFE_S && ack == e->server_isn + 1 &&
	       seq - (e->client_isn + 1) < RECENT_WINDOW;
}
