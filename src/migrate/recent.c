/* SPDX-License-Identifier: BSD-3-Clause */
#include "migrate/recent.h"

#include <errno.h>
#include <stdlib.h>

#define RECENT_LIFE_S 128   /* as long as a cookie */
#define RECENT_WINDOW 65536 /* bytes that a client can send before it hears more */

int recent_init(struct recent *r, uint32_t n)
{
	uint32_t size = 16;

	while (size < n)
		size *= 2;
	r->entries = calloc(size, sizeof *r->entries);
	r->mask = size - 1;
	return r->entries ? 0 : -ENOMEM;
}

void recent_fini(struct recent *r)
{
	free(r->entries);
	r->entries = NULL;
}

void recent_note(struct recent *r, uint64_t hash, uint32_t client_isn, uint32_t server_isn, uint32_t now_s)
{
	r->entries[hash & r->mask] = (struct recent_entry){ (uint32_t)(hash >> 32), client_isn, server_isn, now_s };
}

bool recent_has(const struct recent *r, uint64_t hash, uint32_t seq, uint32_t ack, uint32_t now_s)
{
	const struct recent_entry *e = &r->entries[hash & r->mask];

	return e->at_s && e->tag == (uint32_t)(hash >> 32) && now_s - e->at_s <= RECENT_LIFE_S &&
	       ack == e->server_isn + 1 && seq - (e->client_isn + 1) < RECENT_WINDOW;
}
