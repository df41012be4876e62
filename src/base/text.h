/* SPDX-License-Identifier: BSD-3-Clause */
/* Text that came from outside and will be shown to people. */
#ifndef BATON_BASE_TEXT_H
#define BATON_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>

/*
 * Whether there are a NUL within size bytes and before it nothing but
 * well-formed UTF-8 (RFC 3629) without control characters, so that it can stand
 * in JSON and on a terminal. Any thread.
 */
bool text_valid(const char *text, size_t size);

/*
 * Make it so: bad bytes turn into '?', and what does not fit into size bytes
 * (at least 1) goes, whole characters at a time. Any thread.
 */
void text_clean(char *text, size_t size);

#endif
