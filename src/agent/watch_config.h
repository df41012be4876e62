/* SPDX-License-Identifier: BSD-3-Clause */
/* How applications are watched from outside, as configured. */
#ifndef BATON_AGENT_WATCH_CONFIG_H
#define BATON_AGENT_WATCH_CONFIG_H

#include "agent/load_sampler.h"
#include "agent/probe_config.h"

#define WATCH_MAX_PROBES 8 /* of one application; each is one of the AGENT_HEALTH_MAX_WORDS */

enum watch_unit_stopped {
	WATCH_UNIT_REMOVE,  /* the row is there while the unit is active */
	WATCH_UNIT_FAILING, /* the row is always there */
};

/* Of one application. */
struct watch_app {
	struct probe_config *probes;
	unsigned n_probes;
	char *unit;       /* NULL: none */
	int unit_stopped; /* enum watch_unit_stopped */
	struct load_config load;
};

/* Of all together. */
struct watch_general {
	char *bus_address;
	int max_commands;
	int load_interval_s;
};

extern const struct conf_key watch_general_keys[];
/* Names for the key unit_stopped. */
extern const struct conf_name watch_unit_stopped_names[];

/* For .check of the key unit. */
int watch_unit_check(const void *value, char *why, size_t size);
/* What the schema can't say; path is that of the application. */
void watch_app_check(struct conf_findings *f, const struct conf_doc *doc, const char *path, const struct watch_app *a,
		     bool tcp);
/* Whether the row is to be there only while the unit is active. */
bool watch_app_follows_unit(const struct watch_app *a);

#endif
