/* SPDX-License-Identifier: BSD-3-Clause */
/* Numbers in text that came from outside. */
#ifndef BATON_BASE_NUMBER_H
#define BATON_BASE_NUMBER_H

#include <stdint.h>

/*
 * The whole text as a decimal number from min to max: digits and nothing else, neither sign nor space. 0, or -EINVAL
 * with *ret untouched. Any thread.
 */
int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret);

#endif
