/* SPDX-License-Identifier: BSD-3-Clause */
/* What can be shown, and how to fetch it. docs/telemetry.md describes the rows. */
#ifndef BATON_BATONCTL_SHOW_H
#define BATON_BATONCTL_SHOW_H

#include <stdbool.h>
#include <jansson.h>

#include "batonctl/batonctl.h"
#include "batonctl/table.h"

struct show_thing {
	const char *name;    /* "ports" */
	const char *request; /* "/baton/ports" */
	const struct column *columns;
	bool keyed;                      /* the request takes the filters: batond searches, not batonctl */
	bool by_client, by_vip, by_host; /* rows have such a field to filter by */
	const char *zero_key;            /* rows with 0 here are left out unless --all; NULL: none */
	const char *help;
};

/* All things, the last with name NULL. */
extern const struct show_thing show_things[];

/* NULL if there is none of that name. With count, routes are counted, not listed. */
const struct show_thing *show_find(const char *name, bool count);
/* Names of all things, NULL behind the last; static. */
const char *const *show_names(void);

/*
 * Fetch all pages: 0 and *ret, an array of rows (new reference), *ret_more if
 * there were more than the limit; or -errno with the reason in why.
 */
int show_fetch(int fd, const struct show_thing *t, const struct options *o, json_t **ret, bool *ret_more, char *why);

#endif
