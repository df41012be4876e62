/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/probe_reason.h"

#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static bool is_printable(char c)
{
	return c >= ' ' && c <= '~';
}

void probe_result_set(struct probe_result *r, bool good, const char *format, ...)
{
	va_list args;

	r->good = good;
	va_start(args, format);
	vsnprintf(r->reason, sizeof r->reason, format, args);
	va_end(args);
	for (char *p = r->reason; *p; p++)
		if (!is_printable(*p))
			*p = '?';
}

const char *probe_error_text(int err, char *buf, size_t size)
{
	const char *text = strerrordesc_np(err);

	snprintf(buf, size, "%s", text ? text : "unknown error");
	/* "Connection refused", but "RPC ..." */
	if (size > 1 && isupper((unsigned char)buf[0]) && !isupper((unsigned char)buf[1]))
		buf[0] = (char)tolower((unsigned char)buf[0]);
	return buf;
}

char *probe_last_line(const char *text, size_t len, char *buf, size_t size)
{
	size_t start, n = 0;

	while (len && (text[len - 1] == '\n' || text[len - 1] == '\r' || text[len - 1] == ' '))
		len--;
	for (start = len; start && text[start - 1] != '\n';)
		start--;
	for (; start < len && n + 1 < size; start++)
		buf[n++] = is_printable(text[start]) ? text[start] : '?';
	buf[n] = 0;
	return buf;
}
