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
void ids_retire_all(struct ids *s);
/* True while the id belongs to a key that is no longer configured. */
bool ids_is_retired(const struct ids *s, uint16_t id);
/*
 * To be called from time to time with what is known of a retired id's use.
 * Once it was found unused for rest_ns without a break it is released: true.
 * The end of its use can't be seen from here, hence never at the first look.
 */
bool ids_rest(struct ids *s, uint16_t id, bool in_use, uint64_t now_ns, uint64_t rest_ns);
/* Highest id in use + 1. */
uint16_t ids_n(const struct ids *s);

#endif
