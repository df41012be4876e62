/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "base/conf.h"
#include "batonctl/batonctl.h"

int batonctl_unknown(const char *what, const char *word, const char *const known[])
{
	const char *near = conf_nearest(word, known);

	fprintf(stderr, "batonctl: unknown %s \"%.64s\"", what, word);
	if (near) {
		fprintf(stderr, "; did you mean \"%s\"?\n", near);
		return BATONCTL_USAGE;
	}
	fprintf(stderr, "; there are:");
	for (; *known; known++)
		fprintf(stderr, " %s", *known);
	fputc('\n', stderr);
	return BATONCTL_USAGE;
}
