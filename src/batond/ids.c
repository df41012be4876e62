/* SPDX-License-Identifier: BSD-3-Clause */
#include "batond/ids.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum ids_state { IDS_FREE, IDS_LIVE, IDS_RETIRED };

struct ids_entry {
	enum ids_state state;
	uint64_t unused_since_ns; /* RETIRED; 0: in use when last looked at */
};

struct ids {
	uint16_t max, n;
	size_t key_size;
	uint64_t *hashes; /* first thing compared, so that a search reads little */
	struct ids_entry *entries;
	uint8_t *keys;
};

struct ids *ids_new(uint16_t max, size_t key_size)
{
	struct ids *s = calloc(1, sizeof *s);

	if (!s)
		return NULL;
	s->max = max;
	s->key_size = key_size;
	s->hashes = calloc(max, sizeof *s->hashes);
	s->entries = calloc(max, sizeof *s->entries);
	s->keys = calloc(max, key_size);
	if (s->hashes && s->entries && s->keys)
		return s;
	ids_free(s);
	return NULL;
}

void ids_free(struct ids *s)
{
	if (!s)
		return;
	free(s->hashes);
	free(s->entries);
	free(s->keys);
	free(s);
}

/* FNV-1a; keys come from the operator's files. */
static uint64_t ids_hash(const uint8_t *key, size_t n)
{
	uint64_t h = 0xcbf29ce484222325ull;

	for (size_t i = 0; i < n; i++)
		h = (h ^ key[i]) * 0x100000001b3ull;
	return h;
}

static int ids_find(const struct ids *s, const void *key, uint64_t hash)
{
	for (unsigned i = 0; i < s->n; i++)
		if (s->hashes[i] == hash && s->entries[i].state != IDS_FREE &&
		    !memcmp(s->keys + i * s->key_size, key, s->key_size))
			return (int)i;
	return -ENOENT;
}

static int ids_find_free(const struct ids *s)
{
	for (unsigned i = 0; i < s->max; i++)
		if (s->entries[i].state == IDS_FREE)
			return (int)i;
	return -ENOSPC;
}

int ids_get(struct ids *s, const void *key, uint16_t *ret_id)
{
	uint64_t hash = ids_hash(key, s->key_size);
	int id = ids_find(s, key, hash);

	if (id < 0) {
		id = ids_find_free(s);
		if (id < 0)
			return id;
		s->hashes[id] = hash;
		memcpy(s->keys + (size_t)id * s->key_size, key, s->key_size);
		if (id >= s->n)
			s->n = (uint16_t)(id + 1);
	}
	s->entries[id].state = IDS_LIVE;
	*ret_id = (uint16_t)id;
	return 0;
}

void ids_retire_all(struct ids *s)
{
	for (unsigned i = 0; i < s->n; i++) {
		if (s->entries[i].state != IDS_LIVE)
			continue;
		s->entries[i].state = IDS_RETIRED;
		s->entries[i].unused_since_ns = 0;
	}
}

bool ids_is_retired(const struct ids *s, uint16_t id)
{
	return id < s->n && s->entries[id].state == IDS_RETIRED;
}

bool ids_rest(struct ids *s, uint16_t id, bool in_use, uint64_t now_ns, uint64_t rest_ns)
{
	struct ids_entry *e = &s->entries[id];

	if (!ids_is_retired(s, id))
		return false;
	if (in_use) {
		e->unused_since_ns = 0;
		return false;
	}
	if (!e->unused_since_ns)
		e->unused_since_ns = now_ns;
	if (now_ns - e->unused_since_ns < rest_ns)
		return false;
	e->state = IDS_FREE;
	while (s->n && s->entries[s->n - 1].state == IDS_FREE)
		s->n--;
	return true;
}

uint16_t ids_n(const struct ids *s)
{
	return s->n;
}
