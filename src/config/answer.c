/* SPDX-License-Identifier: BSD-3-Clause */
/* Short HTTP answers of rules, ready to be sent. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"

/*
 * The smallest segment that a client may ask for (RFC 9293, section 3.7.1)
 * without a time stamp option (RFC 7323, section 3.2, padded).
 */
#define ANSWER_MAX (536 - 12)

/* RFC 9110, section 15; RFC 6585. */
static const struct conf_name reasons[] = {
	{ "OK", 200 },
	{ "Created", 201 },
	{ "Accepted", 202 },
	{ "No Content", 204 },
	{ "Moved Permanently", 301 },
	{ "Found", 302 },
	{ "See Other", 303 },
	{ "Not Modified", 304 },
	{ "Temporary Redirect", 307 },
	{ "Permanent Redirect", 308 },
	{ "Bad Request", 400 },
	{ "Unauthorized", 401 },
	{ "Forbidden", 403 },
	{ "Not Found", 404 },
	{ "Method Not Allowed", 405 },
	{ "Not Acceptable", 406 },
	{ "Request Timeout", 408 },
	{ "Conflict", 409 },
	{ "Gone", 410 },
	{ "Content Too Large", 413 },
	{ "Unsupported Media Type", 415 },
	{ "Misdirected Request", 421 },
	{ "Upgrade Required", 426 },
	{ "Too Many Requests", 429 },
	{ "Unavailable For Legal Reasons", 451 },
	{ "Internal Server Error", 500 },
	{ "Not Implemented", 501 },
	{ "Bad Gateway", 502 },
	{ "Service Unavailable", 503 },
	{ "Gateway Timeout", 504 },
	{ 0 },
};

/* May be empty (RFC 9112, section 4). */
static const char *reason_of(const struct config_answer *a)
{
	if (a->reason)
		return a->reason;
	for (const struct conf_name *r = reasons; r->name; r++)
		if (r->value == a->status)
			return r->name;
	return "";
}

static bool is_bodiless(int status)
{
	return status == 204 || status == 304;
}

static void answer_print(FILE *out, const struct config_answer *a)
{
	size_t len = a->body ? strlen(a->body) : 0;

	fprintf(out, "HTTP/1.1 %d %s\r\n", a->status, reason_of(a));
	if (a->location)
		fprintf(out, "Location: %s\r\n", a->location);
	if (a->body || a->content_type)
		fprintf(out, "Content-Type: %s\r\n", a->content_type ? a->content_type : "text/plain; charset=utf-8");
	if (!is_bodiless(a->status))
		fprintf(out, "Content-Length: %zu\r\n", len);
	fprintf(out, "Connection: close\r\n\r\n%s", a->body ? a->body : "");
}

int config_answer_render(const struct config_answer *a, char **ret, size_t *ret_len, char *why, size_t size)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out;

	if (is_bodiless(a->status) && a->body) {
		snprintf(why, size, "an answer with status %d has no body", a->status);
		return -EINVAL;
	}
	out = open_memstream(&text, &len);
	if (!out)
		return -ENOMEM;
	answer_print(out, a);
	if (fclose(out) != 0) {
		free(text);
		return -ENOMEM;
	}
	if (len > ANSWER_MAX) {
		snprintf(why, size, "the answer has %zu bytes with its headers, but at most %d are possible", len,
			 ANSWER_MAX);
		free(text);
		return -EINVAL;
	}
	*ret = text;
	*ret_len = len;
	return 0;
}
