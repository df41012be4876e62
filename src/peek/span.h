/* SPDX-License-Identifier: BSD-3-Clause */
/* What a head's spans are taken apart by. */
#ifndef BATON_PEEK_SPAN_H
#define BATON_PEEK_SPAN_H

#include <stdbool.h>
#include <string.h>

#include "peek/chars.h"
#include "peek/head.h"

/* Whether it is that name of len bytes, in any case. */
static inline bool span_is_name(struct peek_span s, const char *name, size_t len)
{
	if (s.len != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (chars_lower(s.p[i]) != chars_lower((uint8_t)name[i]))
			return false;
	return true;
}

static inline bool span_is_space(uint8_t c)
{
	return c == ' ' || c == '\t';
}

/* Without the white space around it. */
static inline struct peek_span span_trim(struct peek_span s)
{
	while (s.len && span_is_space(s.p[0])) {
		s.p++;
		s.len--;
	}
	while (s.len && span_is_space(s.p[s.len - 1]))
		s.len--;
	return s;
}

/* The part up to the next such byte; *s, which is not NULL, goes on behind it. */
static inline struct peek_span span_split(struct peek_span *s, uint8_t c)
{
	const uint8_t *stop = memchr(s->p, c, s->len);
	struct peek_span part = { s->p, stop ? (uint32_t)(stop - s->p) : s->len };
	uint32_t skip = part.len + (stop != NULL);

	s->p += skip;
	s->len -= skip;
	return part;
}

#endif
