/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the structs of baton/health.h and the protobuf tree; for the codec only. */
#ifndef BATON_WIRE_CODEC_TREE_H
#define BATON_WIRE_CODEC_TREE_H

#include "health.pb-c.h"
#include "wire/codec.h"

/* size zeroed bytes, aligned for anything, until the arena is used for the next message. NULL: full. */
void *codec_arena_alloc(struct codec_arena *a, size_t size);

/* Whether a tree, however it came to be, is one of a message that we would send. */
enum codec_error codec_tree_check(const Wire__Message *tree);

/* Tree of m in the arena; borrows m's strings. Checks only what a tree can't hold. */
enum codec_error codec_tree_from(const struct health_message *m, struct codec_arena *a, Wire__Message *ret);
/* Message of a tree that was checked. CODEC_OK or CODEC_NO_ROOM. */
enum codec_error codec_tree_to(const Wire__Message *tree, struct codec_arena *a, struct health_message *ret);

#endif
