/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/conf_scan.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#define CONF_SCAN_DEPTH_MAX 32

struct scan {
	const char *p;
	unsigned line;
	unsigned depth;
	const char *why;
};

/* libconfig takes @include only at the start of a line; refused there even inside comments and strings. */
static int scan_include(const char *text, unsigned *ret_line)
{
	unsigned line = 1;

	for (const char *p = text; p; line++) {
		p += strspn(p, " \t");
		if (!strncmp(p, "@include", 8)) {
			*ret_line = line;
			return -EINVAL;
		}
		p = strchr(p, '\n');
		if (p)
			p++;
	}
	return 0;
}

static void scan_string(struct scan *s)
{
	for (s->p++; *s->p && *s->p != '"'; s->p++) {
		if (*s->p == '\\' && s->p[1])
			s->p++;
		if (*s->p == '\n')
			s->line++;
	}
	if (*s->p)
		s->p++;
}

static void scan_block_comment(struct scan *s)
{
	for (s->p += 2; *s->p && strncmp(s->p, "*/", 2); s->p++)
		if (*s->p == '\n')
			s->line++;
	if (*s->p)
		s->p += 2;
}

static void scan_name(struct scan *s)
{
	while (isalnum((unsigned char)*s->p) || (*s->p && strchr("-_*", *s->p)))
		s->p++;
}

/* libconfig 1.5 converts with atoi(): 4294967376 would become port 80. */
static int scan_number(struct scan *s)
{
	bool hex = s->p[0] == '0' && (s->p[1] == 'x' || s->p[1] == 'X');
	unsigned long long v;
	char *end;

	errno = 0;
	v = strtoull(s->p, &end, hex ? 16 : 10);
	if (!hex && (*end == '.' || *end == 'e' || *end == 'E')) {
		strtod(s->p, &end);
	} else if (errno || v > INT32_MAX) {
		s->why = "number too large (the largest is 2147483647)";
		return -EINVAL;
	}
	s->p = end;
	while (*s->p == 'L')
		s->p++;
	return 0;
}

static int scan_other(struct scan *s)
{
	char c = *s->p++;

	if (c == '\n')
		s->line++;
	if (c == '{' || c == '(' || c == '[') {
		if (++s->depth > CONF_SCAN_DEPTH_MAX) {
			s->why = "nested too deeply";
			return -EINVAL;
		}
	}
	if ((c == '}' || c == ')' || c == ']') && s->depth)
		s->depth--;
	return 0;
}

static int scan_token(struct scan *s)
{
	const char *p = s->p;

	if (*p == '"')
		scan_string(s);
	else if (*p == '#' || (p[0] == '/' && p[1] == '/'))
		s->p += strcspn(p, "\n");
	else if (p[0] == '/' && p[1] == '*')
		scan_block_comment(s);
	else if (isalpha((unsigned char)*p) || *p == '*')
		scan_name(s);
	else if (isdigit((unsigned char)*p))
		return scan_number(s);
	else
		return scan_other(s);
	return 0;
}

int conf_scan(const char *text, size_t len, unsigned *ret_line, const char **ret_why)
{
	struct scan s = { .p = text, .line = 1 };
	unsigned include_line;

	while (*s.p) {
		if (scan_token(&s) < 0) {
			*ret_line = s.line;
			*ret_why = s.why;
			return -EINVAL;
		}
	}
	if ((size_t)(s.p - text) != len) {
		*ret_line = s.line;
		*ret_why = "the file holds a NUL byte";
		return -EINVAL;
	}
	if (scan_include(text, &include_line) < 0) {
		*ret_line = include_line;
		*ret_why = "@include is not supported";
		return -EINVAL;
	}
	return 0;
}
