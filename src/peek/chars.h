/* SPDX-License-Identifier: BSD-3-Clause */
/* Which characters may stand where in a request head. */
#ifndef BATON_PEEK_CHARS_H
#define BATON_PEEK_CHARS_H

#include <stdbool.h>
#include <stdint.h>

enum {
	CHAR_TOKEN = 1,  /* tchar of RFC 9110, section 5.6.2 */
	CHAR_TARGET = 2, /* visible but '#' (a target has no fragment), and bytes above ASCII, which servers take too */
	CHAR_VALUE = 4,  /* field-vchar, space and tab of RFC 9110, section 5.5 */
	CHAR_HOST = 8,   /* of reg-name in RFC 3986, section 3.2.2; covers IPv4 addresses */
};

extern const uint8_t chars_classes[256];

static inline bool chars_is(uint8_t c, uint8_t classes)
{
	return chars_classes[c] & classes;
}

static inline uint8_t chars_lower(uint8_t c)
{
	return c >= 'A' && c <= 'Z' ? (uint8_t)(c + ('a' - 'A')) : c;
}

#endif
