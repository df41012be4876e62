/* SPDX-License-Identifier: BSD-3-Clause */
/* Bounded reader of big-endian fields. After the first fault everything reads as nothing, and .bad stays true. */
#ifndef BATON_PEEK_CURSOR_H
#define BATON_PEEK_CURSOR_H

#include <stdbool.h>
#include <stdint.h>

#include "peek/head.h"

struct cursor {
	const uint8_t *p;
	uint32_t left;
	bool bad;
};

static inline struct cursor cursor_of(struct peek_span s)
{
	return (struct cursor){ .p = s.p, .left = s.len };
}

static inline struct peek_span cursor_bytes(struct cursor *c, uint32_t n)
{
	struct peek_span s = { 0 };

	if (c->bad || n > c->left) {
		c->bad = true;
		c->left = 0;
		return s;
	}
	s = (struct peek_span){ c->p, n };
	c->p += n;
	c->left -= n;
	return s;
}

static inline uint32_t cursor_number(struct cursor *c, uint32_t n_bytes)
{
	struct peek_span s = cursor_bytes(c, n_bytes);
	uint32_t value = 0;

	for (uint32_t i = 0; i < s.len; i++)
		value = value << 8 | s.p[i];
	return value;
}

/* A vector of RFC 8446, section 3.4: its length in n_bytes, then at least min and at most max bytes. */
static inline struct peek_span cursor_vector(struct cursor *c, uint32_t n_bytes, uint32_t min, uint32_t max)
{
	uint32_t len = cursor_number(c, n_bytes);

	if (len < min || len > max)
		c->bad = true;
	return cursor_bytes(c, len);
}

#endif
