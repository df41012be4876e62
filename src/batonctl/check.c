/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>

#include "batonctl/batonctl.h"
#include "config/config.h"

#define CHECK_MAX_FINDINGS 64

int check_command(const struct options *o)
{
	static struct config_error findings[CHECK_MAX_FINDINGS];
	const char *file = o->n_words ? o->words[0] : options_config(o);
	struct config *c = NULL;
	unsigned n = 0;
	int err;

	if (o->n_words > 1) {
		fprintf(stderr, "batonctl: check takes one file\n");
		return BATONCTL_USAGE;
	}
	err = config_load(file, &c, findings, CHECK_MAX_FINDINGS, &n);
	for (unsigned i = 0; i < n; i++)
		puts(findings[i].text);
	if (!err)
		printf("%s: ok, %u VIPs, %u ports, %u lcores\n", file, c->n_vips, c->n_ports, c->n_lcores);
	config_free(c);
	return err ? BATONCTL_NEGATIVE : BATONCTL_OK;
}
