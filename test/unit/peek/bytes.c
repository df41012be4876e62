/* SPDX-License-Identifier: BSD-3-Clause */
#include "bytes.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/first_bytes.h"

const char *bytes_folder;
struct peek_head bytes_head;

void bytes_load(struct bytes *ret, const char *name)
{
	char path[512];
	FILE *f;

	snprintf(path, sizeof path, "%s/%s", bytes_folder, name);
	f = fopen(path, "rb");
	assert_non_null(f);
	ret->len = (uint32_t)fread(ret->b, 1, sizeof ret->b, f);
	fclose(f);
	assert_in_range(ret->len, 1, PEEK_MAX_LEN);
}

void bytes_add(struct bytes *b, const void *what, size_t len)
{
	assert_true(len <= sizeof b->b - b->len);
	memcpy(b->b + b->len, what, len);
	b->len += (uint32_t)len;
}

void bytes_add_number(struct bytes *b, uint32_t value, unsigned n_bytes)
{
	while (n_bytes--) {
		uint8_t byte = (uint8_t)(value >> 8 * n_bytes);

		bytes_add(b, &byte, 1);
	}
}

static void cut(const struct first_bytes *in, const uint32_t *cuts, unsigned n, enum peek_verdict *ret)
{
	const char *why = first_bytes_cut(in, cuts, n, &bytes_head, ret);

	if (why)
		fail_msg("%s; cut at %u of %u in %u pieces", why, n ? cuts[0] : 0, in->len, n + 1);
}

enum peek_verdict bytes_parse(enum application_protocol protocol, const void *bytes, uint32_t len, uint32_t max)
{
	struct first_bytes in = { .protocol = (uint8_t)protocol, .bytes = bytes, .len = len, .max = max };
	uint32_t *all = calloc(len + 1, sizeof *all);
	/* long ones: some hundred cuts will do */
	uint32_t step = 1 + len / 3000;
	enum peek_verdict v;

	assert_non_null(all);
	for (uint32_t i = 0; i < len; i += step)
		cut(&in, &i, 1, &v);
	for (uint32_t i = 0; i < len / step; i++)
		all[i] = i * step;
	cut(&in, all, len / step, &v);
	free(all);
	return v;
}

enum peek_verdict bytes_parse_text(enum application_protocol protocol, const char *text)
{
	return bytes_parse(protocol, text, (uint32_t)strlen(text), PEEK_MAX_LEN);
}

void bytes_assert_span(struct peek_span s, const char *text)
{
	assert_non_null(s.p);
	assert_int_equal(s.len, strlen(text));
	assert_memory_equal(s.p, text, s.len);
}
