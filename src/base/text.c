/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/text.h"

#include <stdint.h>
#include <string.h>

/*
 * Bytes of the character at p, of n bytes that are there; 0: none that may be
 * shown. Ranges of the second byte as in RFC 3629 section 4.
 */
static size_t char_len(const uint8_t *p, size_t n)
{
	size_t len = p[0] >= 0xf0 ? 4 : p[0] >= 0xe0 ? 3 : 2;
	uint8_t low = 0x80, high = 0xbf;

	if (p[0] < 0x80)
		return p[0] >= 0x20 && p[0] != 0x7f;
	if (p[0] < 0xc2 || p[0] > 0xf4 || n < len)
		return 0;
	if (p[0] == 0xe0)
		low = 0xa0; /* shorter forms exist */
	else if (p[0] == 0xed)
		high = 0x9f; /* surrogates */
	else if (p[0] == 0xf0)
		low = 0x90;
	else if (p[0] == 0xf4)
		high = 0x8f; /* above U+10FFFF */
	else if (p[0] == 0xc2)
		low = 0xa0; /* U+0080-U+009F: control characters */
	if (p[1] < low || p[1] > high)
		return 0;
	for (size_t i = 2; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

bool text_valid(const char *text, size_t size)
{
	const uint8_t *p = (const uint8_t *)text;
	size_t n = strnlen(text, size), len;

	if (n == size)
		return false;
	for (; n; p += len, n -= len) {
		len = char_len(p, n);
		if (!len)
			return false;
	}
	return true;
}

void text_clean(char *text, size_t size)
{
	uint8_t *p = (uint8_t *)text;
	size_t n = strnlen(text, size), len;
	bool cut = n == size;

	if (cut)
		text[--n] = '\0';
	for (; n; p += len, n -= len) {
		len = char_len(p, n);
		if (len)
			continue;
		/* the start of a character that the end cut off */
		if (cut && n < 4 && p[0] >= 0xc2) {
			*p = '\0';
			return;
		}
		*p = '?';
		len = 1;
	}
}
