/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "peek/chars.h"
#include "peek/http.h"

static bool is_text(struct peek_span s, const char *text)
{
	return s.len == strlen(text) && !memcmp(s.p, text, s.len);
}

static struct peek_span rest_from(struct peek_span s, uint32_t at)
{
	return (struct peek_span){ s.p + at, s.len - at };
}

/* Index of the first of two bytes, or the length. */
static uint32_t find_either(struct peek_span s, uint8_t a, uint8_t b)
{
	uint32_t i = 0;

	while (i < s.len && s.p[i] != a && s.p[i] != b)
		i++;
	return i;
}

/* Nothing, or a colon and maybe digits (RFC 3986, section 3.2.3). */
static bool port_is_good(struct peek_span s)
{
	if (s.len && s.p[0] != ':')
		return false;
	for (uint32_t i = 1; i < s.len; i++)
		if (s.p[i] < '0' || s.p[i] > '9')
			return false;
	return true;
}

static bool chars_are(struct peek_span s, uint8_t class, uint8_t besides)
{
	for (uint32_t i = 0; i < s.len; i++)
		if (!chars_is(s.p[i], class) && s.p[i] != besides)
			return false;
	return true;
}

static bool literal_parse(struct peek_span authority, struct peek_span *ret_host)
{
	uint32_t close = find_either(authority, ']', ']');
	struct peek_span inner = { authority.p + 1, close - 1 };

	if (close == authority.len || !inner.len || !chars_are(inner, CHAR_HOST, ':') ||
	    !port_is_good(rest_from(authority, close + 1)))
		return false;
	*ret_host = (struct peek_span){ authority.p, close + 1 };
	return true;
}

bool http_authority_parse(struct peek_span authority, struct peek_span *ret_host)
{
	struct peek_span host = { authority.p, find_either(authority, ':', ':') };

	if (authority.len && authority.p[0] == '[')
		return literal_parse(authority, ret_host);
	if (!chars_are(host, CHAR_HOST, '.') || !port_is_good(rest_from(authority, host.len)))
		return false;
	if (host.len > 1 && host.p[host.len - 1] == '.')
		host.len--;
	*ret_host = host;
	return true;
}

static void split_query(struct peek_span s, struct http_target *ret)
{
	uint32_t at = find_either(s, '?', '?');

	ret->path = (struct peek_span){ s.p, at };
	ret->query = at < s.len ? rest_from(s, at + 1) : (struct peek_span){ 0 };
}

/* Length of "scheme://", or 0. */
static uint32_t scheme_len(struct peek_span s)
{
	uint32_t i = 0;

	if (!s.len || chars_lower(s.p[0]) < 'a' || chars_lower(s.p[0]) > 'z')
		return 0;
	while (i < s.len && chars_is(s.p[i], CHAR_TOKEN))
		i++;
	return s.len - i >= 3 && !memcmp(s.p + i, "://", 3) ? i + 3 : 0;
}

/* RFC 9110, section 4.2: no empty host, no user name. */
static bool absolute_parse(struct peek_span target, struct http_target *ret)
{
	struct peek_span rest = rest_from(target, scheme_len(target));
	uint32_t at = find_either(rest, '/', '?');
	struct http_target t;

	if (rest.len == target.len || !http_authority_parse((struct peek_span){ rest.p, at }, &t.host) || !t.host.len)
		return false;
	split_query(rest_from(rest, at), &t);
	*ret = t;
	return true;
}

static bool authority_form_parse(struct peek_span target, struct http_target *ret)
{
	struct http_target t = { 0 };

	if (!http_authority_parse(target, &t.host) || !t.host.len)
		return false;
	*ret = t;
	return true;
}

bool http_target_parse(struct peek_span method, struct peek_span target, struct http_target *ret)
{
	if (is_text(method, "CONNECT"))
		return authority_form_parse(target, ret);
	if (target.p[0] != '/' && !(is_text(target, "*") && is_text(method, "OPTIONS")))
		return absolute_parse(target, ret);
	ret->host = (struct peek_span){ 0 };
	split_query(target, ret);
	return true;
}
