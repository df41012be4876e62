/* SPDX-License-Identifier: BSD-3-Clause */
#include "peek/regex.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PCRE2_CODE_UNIT_WIDTH 8
#include <pcre2.h>

struct regex {
	pcre2_code *code;
	bool jit;
};

struct regex_scratch {
	pcre2_match_data *data;
	pcre2_match_context *bounds;
	size_t used;
	/* for the two above and for the backtracking of the interpreter: with it, nothing is left to allocate */
	_Alignas(64) uint8_t memory[(REGEX_HEAP_MAX_KIB + 4) * 1024];
};

static void *scratch_take(PCRE2_SIZE size, void *arg)
{
	struct regex_scratch *s = arg;
	void *p = s->memory + s->used;

	size = (size + 15) & ~(PCRE2_SIZE)15;
	if (size > sizeof s->memory - s->used)
		return NULL;
	s->used += size;
	return p;
}

/* All goes at once, with the scratch. */
static void scratch_give(void *p, void *arg)
{
}

struct regex_scratch *regex_scratch_new(void)
{
	struct regex_scratch *s = aligned_alloc(64, sizeof *s);
	pcre2_general_context *general;

	if (!s)
		return NULL;
	memset(s, 0, sizeof *s);
	general = pcre2_general_context_create(scratch_take, scratch_give, s);
	s->data = general ? pcre2_match_data_create(1, general) : NULL;
	s->bounds = general ? pcre2_match_context_create(general) : NULL;
	if (!s->data || !s->bounds) {
		regex_scratch_free(s);
		return NULL;
	}
	pcre2_set_match_limit(s->bounds, REGEX_STEPS_MAX);
	pcre2_set_depth_limit(s->bounds, REGEX_STEPS_MAX);
	pcre2_set_heap_limit(s->bounds, REGEX_HEAP_MAX_KIB);
	return s;
}

void regex_scratch_free(struct regex_scratch *s)
{
	free(s);
}

/* Bytes, not characters: what clients send is not always UTF-8. */
static pcre2_code *compile(const char *pattern, uint32_t options, size_t skip, char *why, size_t size)
{
	PCRE2_UCHAR message[256];
	PCRE2_SIZE at;
	int error;
	pcre2_code *code =
		pcre2_compile((PCRE2_SPTR)pattern, PCRE2_ZERO_TERMINATED, options | PCRE2_NEVER_UTF, &error, &at, NULL);

	if (!code) {
		pcre2_get_error_message(error, message, sizeof message);
		snprintf(why, size, "regular expression \"%s\", at character %zu: %s", pattern + skip,
			 at > skip ? at - skip : 0, (char *)message);
	}
	return code;
}

static bool is_anchored(const pcre2_code *code)
{
	uint32_t options = 0;

	pcre2_pattern_info(code, PCRE2_INFO_ALLOPTIONS, &options);
	return options & PCRE2_ANCHORED;
}

/* The same, but looking for where it begins is part of the match, and so of what is bounded. */
static pcre2_code *compile_anchored(const char *pattern, uint32_t options, char *why, size_t size)
{
	static const char before[] = "(?s:.*?)(?:";
	size_t room = strlen(before) + strlen(pattern) + 2;
	char *whole = malloc(room);
	pcre2_code *code;

	if (!whole) {
		snprintf(why, size, "no memory");
		return NULL;
	}
	snprintf(whole, room, "%s%s)", before, pattern);
	code = compile(whole, options | PCRE2_ANCHORED, strlen(before), why, size);
	free(whole);
	return code;
}

/*
 * What would mean something else behind that: verbs, of which most steer where
 * matches begin, and recursion into the whole. In brackets or \\Q…\\E they are
 * found, too, where they mean nothing: a backslash tells them apart.
 */
static const char *unfit(const char *p)
{
	static const char *const recursions[] = { "(?R)", "(?0)", "\\g<0>", "\\g'0'" };

	for (; *p; p++) {
		for (unsigned i = 0; i < sizeof recursions / sizeof recursions[0]; i++)
			if (!strncmp(p, recursions[i], strlen(recursions[i])))
				return "recursion into the whole pattern is not supported";
		if (p[0] == '(' && p[1] == '*' && p[2] >= 'A' && p[2] <= 'Z')
			return "verbs are not supported; before an asterisk, write \\( for the character";
		if (*p == '\\' && p[1])
			p++;
	}
	return NULL;
}

/* Good by itself, before anything is put around it. */
static pcre2_code *compile_fit(const char *pattern, uint32_t options, char *why, size_t size)
{
	pcre2_code *code = compile(pattern, options, 0, why, size);
	const char *fault = code ? unfit(pattern) : NULL;

	if (fault) {
		snprintf(why, size, "regular expression \"%s\": %s", pattern, fault);
	} else if (!code || is_anchored(code)) {
		return code;
	}
	pcre2_code_free(code);
	return fault ? NULL : compile_anchored(pattern, options, why, size);
}

struct regex *regex_new(const char *pattern, bool any_case, bool jit, char *why, size_t size)
{
	pcre2_code *code = compile_fit(pattern, any_case ? PCRE2_CASELESS : 0, why, size);
	struct regex *r;
	size_t jit_size = 0;

	if (!code)
		return NULL;
	r = calloc(1, sizeof *r);
	if (!r) {
		pcre2_code_free(code);
		snprintf(why, size, "no memory");
		return NULL;
	}
	r->code = code;
	/* refused where memory may not be written and run: then it is interpreted */
	if (jit && pcre2_jit_compile(code, PCRE2_JIT_COMPLETE) == 0)
		pcre2_pattern_info(code, PCRE2_INFO_JITSIZE, &jit_size);
	r->jit = jit_size > 0;
	return r;
}

void regex_free(struct regex *r)
{
	if (!r)
		return;
	pcre2_code_free(r->code);
	free(r);
}

bool regex_is_jit(const struct regex *r)
{
	return r->jit;
}

enum regex_result regex_match(const struct regex *r, struct regex_scratch *s, struct peek_span subject)
{
	int n;

	if (subject.len > REGEX_SUBJECT_MAX)
		return REGEX_UNDECIDED;
	if (r->jit)
		n = pcre2_jit_match(r->code, subject.p, subject.len, 0, 0, s->data, s->bounds);
	else
		n = pcre2_match(r->code, subject.p, subject.len, 0, PCRE2_NO_JIT, s->data, s->bounds);
	if (n >= 0)
		return REGEX_YES;
	return n == PCRE2_ERROR_NOMATCH ? REGEX_NO : REGEX_UNDECIDED;
}
