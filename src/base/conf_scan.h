/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BATON_BASE_CONF_SCAN_H
#define BATON_BASE_CONF_SCAN_H

#include <stddef.h>

/*
 * Look for what libconfig 1.5 would accept but must not reach it: @include, NUL
 * bytes, integers that it would truncate silently, and nesting deep enough to
 * matter to its recursive parts. text[len] is NUL. 0, or -EINVAL with the line
 * (from 1) and a reason in static storage.
 */
int conf_scan(const char *text, size_t len, unsigned *ret_line, const char **ret_why);

#endif
