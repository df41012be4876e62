/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Regular expressions over bytes that an attacker may choose: PCRE2 with bounds
 * on what one match may cost, and without any allocation while matching.
 */
#ifndef BATON_PEEK_REGEX_H
#define BATON_PEEK_REGEX_H

#include <stdbool.h>
#include <stddef.h>

#include "peek/head.h"

/*
 * Bounds of one match. PCRE2 counts steps back and forth per starting point, so
 * patterns are compiled to have only one (docs/decisions/0013-first-bytes.md,
 * which has the times this makes).
 */
#define REGEX_SUBJECT_MAX 1024
#define REGEX_STEPS_MAX 10000
#define REGEX_HEAP_MAX_KIB 20 /* PCRE2's first allocation: it never needs another */

enum regex_result {
	REGEX_NO,
	REGEX_YES,
	REGEX_UNDECIDED, /* subject too long, or a bound was reached */
};

struct regex;
/* What matching needs; one for each thread that matches. */
struct regex_scratch;

/* NULL with the reason. jit: compile to machine code if the machine lets us. Any thread. */
struct regex *regex_new(const char *pattern, bool any_case, bool jit, char *why, size_t size);
/* Takes NULL. */
void regex_free(struct regex *r);
bool regex_is_jit(const struct regex *r);

struct regex_scratch *regex_scratch_new(void);
/* Takes NULL. */
void regex_scratch_free(struct regex_scratch *s);

/* Does it match anywhere in the bytes? */
enum regex_result regex_match(const struct regex *r, struct regex_scratch *s, struct peek_span subject);

#endif
