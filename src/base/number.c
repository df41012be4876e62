/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/number.h"

#include <errno.h>

int number_parse(const char *text, uint64_t min, uint64_t max, uint64_t *ret)
{
	uint64_t n = 0;

	if (!*text)
		return -EINVAL;
	for (; *text; text++)
		if (*text < '0' || *text > '9' || __builtin_mul_overflow(n, 10u, &n) ||
		    __builtin_add_overflow(n, (unsigned)(*text - '0'), &n))
			return -EINVAL;
	if (n < min || n > max)
		return -EINVAL;
	*ret = n;
	return 0;
}
