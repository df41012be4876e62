/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/codec.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "wire/codec_tree.h"

#define ALIGNMENT _Alignof(max_align_t)

int codec_arena_init(struct codec_arena *a)
{
	a->memory = malloc(CODEC_ARENA_BYTES);
	a->size = CODEC_ARENA_BYTES;
	a->used = 0;
	return a->memory ? 0 : -ENOMEM;
}

void codec_arena_fini(struct codec_arena *a)
{
	free(a->memory);
	memset(a, 0, sizeof *a);
}

/* As protobuf-c asks for memory. */
static void *arena_take(void *arena, size_t size)
{
	struct codec_arena *a = arena;
	void *p = a->memory + a->used;

	if (size > a->size - a->used)
		return NULL;
	size = (size + ALIGNMENT - 1) & ~(ALIGNMENT - 1);
	a->used = size > a->size - a->used ? a->size : a->used + size;
	return p;
}

/* What protobuf-c gives back goes with all the rest. */
static void arena_give_back(void *arena, void *p)
{
}

void *codec_arena_alloc(struct codec_arena *a, size_t size)
{
	void *p = arena_take(a, size);

	return p ? memset(p, 0, size) : NULL;
}

enum codec_error codec_encode(const struct health_message *m, struct codec_arena *a, uint8_t *buf, size_t size,
			      size_t *ret_len)
{
	Wire__Message tree;
	enum codec_error e;
	size_t len;

	a->used = 0;
	e = codec_tree_from(m, a, &tree);
	if (e == CODEC_OK)
		e = codec_tree_check(&tree);
	if (e != CODEC_OK)
		return e;
	len = wire__message__get_packed_size(&tree);
	if (len > size || len > CODEC_MESSAGE_MAX)
		return CODEC_TOO_LONG;
	*ret_len = wire__message__pack(&tree, buf);
	return CODEC_OK;
}

enum codec_error codec_decode(const uint8_t *buf, size_t len, struct codec_arena *a, struct health_message *ret)
{
	ProtobufCAllocator allocator = { .alloc = arena_take, .free = arena_give_back, .allocator_data = a };
	struct health_message m;
	Wire__Message *tree;
	enum codec_error e;

	if (len > CODEC_MESSAGE_MAX)
		return CODEC_TOO_LONG;
	a->used = 0;
	tree = wire__message__unpack(&allocator, len, buf);
	if (!tree)
		return CODEC_SYNTAX;
	e = codec_tree_check(tree);
	if (e == CODEC_OK)
		e = codec_tree_to(tree, a, &m);
	if (e == CODEC_OK)
		*ret = m;
	return e;
}

static const char *const error_names[CODEC_N_ERRORS] = {
#define X(NAME, name, help) #name,
	CODEC_ERRORS(X)
#undef X
};

static const char *const error_helps[CODEC_N_ERRORS] = {
#define X(NAME, name, help) help,
	CODEC_ERRORS(X)
#undef X
};

const char *codec_error_name(enum codec_error e)
{
	return error_names[e];
}

const char *codec_error_help(enum codec_error e)
{
	return error_helps[e];
}
