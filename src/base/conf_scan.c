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
	const char *why; /* set by the first mistake */
};

static int scan_refuse(struct scan *s, const char *why)
{
	s->why = why;
	return -EINVAL;
}

/* libconfig takes @include only at the start of a line; refused there even inside comments and strings. */
static int scan_includes(struct scan *s, const char *text)
{
	unsigned line = 1;

	for (const char *p = text; p; line++) {
		p += strspn(p, " \t");
		if (!strncmp(p, "@include", 8)) {
			s->line = line;
			return scan_refuse(s, "@include is not supported");
		}
		p = strchr(p, '\n');
		if (p)
			p++;
	}
	return 0;
}

static int scan_block_comment(struct scan *s)
{
	for (s->p += 2; *s->p && strncmp(s->p, "*/", 2); s->p++)
		s->line += *s->p == '\n';
	if (!*s->p)
		return scan_refuse(s, "comment without end");
	s->p += 2;
	return 0;
}

/* To the next token. */
static int scan_space(struct scan *s)
{
	int err = 0;

	while (!err) {
		if (*s->p == '#' || (s->p[0] == '/' && s->p[1] == '/'))
			s->p += strcspn(s->p, "\n");
		else if (s->p[0] == '/' && s->p[1] == '*')
			err = scan_block_comment(s);
		else if (*s->p && strchr(" \t\n\r\f", *s->p))
			s->line += *s->p++ == '\n';
		else
			return 0;
	}
	return err;
}

static int scan_string(struct scan *s)
{
	unsigned line = s->line;

	for (s->p++; *s->p && *s->p != '"'; s->p++) {
		if (*s->p == '\\' && s->p[1])
			s->p++;
		line += *s->p == '\n';
	}
	if (!*s->p)
		return scan_refuse(s, "string without end");
	s->line = line;
	s->p++;
	return 0;
}

/* Strings that follow one another are one value. */
static int scan_strings(struct scan *s)
{
	int err = 0;

	while (!err && *s->p == '"') {
		err = scan_string(s);
		if (!err)
			err = scan_space(s);
	}
	return err;
}

static bool name_begins(const struct scan *s)
{
	return isalpha((unsigned char)*s->p) || *s->p == '*';
}

static size_t name_skip(struct scan *s)
{
	const char *begin = s->p;

	while (isalnum((unsigned char)*s->p) || (*s->p && strchr("-_*", *s->p)))
		s->p++;
	return (size_t)(s->p - begin);
}

static int scan_boolean(struct scan *s)
{
	const char *word = s->p;
	size_t n = name_skip(s);

	if ((n == 4 && !strncasecmp(word, "true", 4)) || (n == 5 && !strncasecmp(word, "false", 5)))
		return 0;
	return scan_refuse(s, "expected a value; text stands in \"quotes\"");
}

/* libconfig 1.5 converts with atoi(): 4294967376 would become port 80. */
static int scan_number(struct scan *s)
{
	const char *digits = s->p + (*s->p == '-' || *s->p == '+');
	bool hex = digits[0] == '0' && (digits[1] == 'x' || digits[1] == 'X');
	unsigned long long v = 0;
	char *end = (char *)digits;

	errno = 0;
	if (isdigit((unsigned char)*digits))
		v = strtoull(digits, &end, hex ? 16 : 10);
	if (!hex && *end && strchr(".eE", *end)) {
		strtod(digits, &end);
		v = 0;
	}
	if (end == digits)
		return scan_refuse(s, "expected a value");
	if (errno == ERANGE || v > INT32_MAX)
		return scan_refuse(s, "number too large (the largest is 2147483647)");
	s->p = end;
	while (*s->p == 'L')
		s->p++;
	return 0;
}

static int scan_settings(struct scan *s, char close);
static int scan_elements(struct scan *s, char close);

static int scan_inside(struct scan *s, char open)
{
	int err;

	if (++s->depth > CONF_SCAN_DEPTH_MAX)
		return scan_refuse(s, "nested too deeply");
	s->p++;
	if (open == '{')
		err = scan_settings(s, '}');
	else
		err = scan_elements(s, open == '(' ? ')' : ']');
	s->depth--;
	return err;
}

static int scan_value(struct scan *s)
{
	if (*s->p == '"')
		return scan_strings(s);
	if (*s->p == '{' || *s->p == '(' || *s->p == '[')
		return scan_inside(s, *s->p);
	if (name_begins(s))
		return scan_boolean(s);
	if (isdigit((unsigned char)*s->p) || (*s->p && strchr("+-.", *s->p)))
		return scan_number(s);
	return scan_refuse(s, *s->p ? "expected a value" : "the file ends where a value is expected");
}

/* Behind an opening bracket or parenthesis, up to and with the closing one. */
static int scan_elements(struct scan *s, char close)
{
	int err = scan_space(s);

	while (!err && *s->p != close) {
		err = scan_value(s);
		if (!err)
			err = scan_space(s);
		if (err || *s->p == close)
			break;
		if (*s->p != ',')
			return scan_refuse(s, close == ')' ? "expected ',' or ')'" : "expected ',' or ']'");
		s->p++;
		err = scan_space(s);
	}
	if (!err)
		s->p++;
	return err;
}

static int scan_setting(struct scan *s)
{
	int err;

	if (!name_begins(s))
		return scan_refuse(s, *s->p ? "expected a key" : "the file ends, but a '}' is missing");
	name_skip(s);
	err = scan_space(s);
	if (!err && *s->p != '=' && *s->p != ':')
		return scan_refuse(s, "expected '=' behind a key");
	if (!err)
		s->p++;
	if (!err)
		err = scan_space(s);
	if (!err)
		err = scan_value(s);
	if (!err)
		err = scan_space(s);
	if (!err && (*s->p == ';' || *s->p == ','))
		s->p++;
	return err ? err : scan_space(s);
}

/* Up to and with close, or for close NUL the end of the text. */
static int scan_settings(struct scan *s, char close)
{
	int err = scan_space(s);

	while (!err && *s->p != close)
		err = scan_setting(s);
	if (!err && close)
		s->p++;
	return err;
}

int conf_scan(const char *text, size_t len, unsigned *ret_line, const char **ret_why)
{
	struct scan s = { .p = text, .line = 1 };
	int err = scan_includes(&s, text);

	if (!err)
		err = scan_settings(&s, 0);
	if (strlen(text) != len) {
		/* whatever came before: no text file */
		s.line = 1;
		for (const char *p = text; *p; p++)
			s.line += *p == '\n';
		err = scan_refuse(&s, "the file holds a NUL byte");
	}
	if (err < 0) {
		*ret_line = s.line;
		*ret_why = s.why;
	}
	return err;
}
