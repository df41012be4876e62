/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stable small ids: the same key keeps its id from one configuration to the
 * next, and an id is free for another key only after it was released. Routes
 * on the packet path hold such ids. Control thread only.
 */
#ifndef BATON_BATOND_IDS_H
#define BATON_BATOND_IDS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct ids;

/* Keys of key_size bytes, compared byte by byte. NULL if memory is short. */
struct ids *ids_new(uint16_t max, size_t key_size);
void ids_free(struct ids *s);
/* The key's id, given now if it has none. 0, or -ENOSPC. The id is live then. */
int ids_get(struct ids *s, const void *key, uint16_t *ret_id);
/* Mark all live ids as retired; ids_get makes those that are still wanted live again. */
void ids_retire_all(struct ids *s, uint64_t now_ns);
/* True while the id belongs to a key that is configured. */
bool ids_is_live(const struct ids *s, uint16_t id);
/* True if the id was retired longer ago than age_ns. */
bool ids_is_retired_since(const struct ids *s, uint16_t id, uint64_t now_ns, uint64_t age_ns);
void ids_release(struct ids *s, uint16_t id);
/* Highest id in use + 1. */
uint16_t ids_n(const struct ids *s);

#endif
