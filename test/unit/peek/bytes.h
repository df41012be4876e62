/* SPDX-License-Identifier: BSD-3-Clause */
/* What the tests of src/peek share: heads of real programs, and parsing in every way to cut them. */
#ifndef BATON_TEST_PEEK_BYTES_H
#define BATON_TEST_PEEK_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "peek/head.h"

/* Where the captured heads are: main()'s first argument. */
extern const char *bytes_folder;

struct bytes {
	uint8_t b[PEEK_MAX_LEN + 1000];
	uint32_t len;
};

/* Filled by the calls below, until the next one. */
extern struct peek_head bytes_head;

/* Contents of a file of the folder. */
void bytes_load(struct bytes *ret, const char *name);
void bytes_add(struct bytes *b, const void *what, size_t len);
void bytes_add_number(struct bytes *b, uint32_t value, unsigned n_bytes);

/* Parse in one piece, at every cut in two, and byte by byte: all must agree. */
enum peek_verdict bytes_parse(enum application_protocol protocol, const void *bytes, uint32_t len, uint32_t max);
enum peek_verdict bytes_parse_text(enum application_protocol protocol, const char *text);

void bytes_assert_span(struct peek_span s, const char *text);
#define assert_span(s, text) bytes_assert_span(s, text)
#define assert_none(s) assert_null((s).p)

#endif
