/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BATON_BASE_CONF_SCAN_H
#define BATON_BASE_CONF_SCAN_H

#include <stddef.h>

/*
 * Check a text's syntax before libconfig 1.5 sees it. That library leaks
 * strings when it meets a syntax error, truncates large integers silently,
 * follows @include, and says no more than "syntax error"; here all of these
 * are refused with a reason. text[len] is NUL. 0, or -EINVAL with the line
 * (from 1) and the reason in static storage. What passes is libconfig's
 * language but for doubled keys and arrays of mixed types.
 */
int conf_scan(const char *text, size_t len, unsigned *ret_line, const char **ret_why);

#endif
