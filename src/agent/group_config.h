/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of the agent's configuration that is about its group. */
#ifndef BATON_AGENT_GROUP_CONFIG_H
#define BATON_AGENT_GROUP_CONFIG_H

#include <stdbool.h>

#include "base/conf.h"
#include "baton/health.h"

#define AGENT_GROUP_PORT "7473"

struct agent_group_member {
	char *name;
	struct baton_addr addr;
	int port;
};

struct agent_config_group {
	char *name; /* NULL: no group */
	struct agent_group_member *members;
	unsigned n_members;
	int mode; /* enum health_group_mode */
	bool compress;
};

struct agent_config;
struct group_link_settings;

/* For the schema of agent/config.c; speaks about struct agent_config. */
extern const struct conf_key agent_group_keys[];
/* After the schema: look for contradictions. */
void agent_group_check(const struct conf_doc *doc, const struct agent_config *c, struct conf_findings *f);
/* Whether both say the same. */
bool agent_group_equal(const struct agent_config_group *a, const struct agent_config_group *b);
/* What group_link_new() needs, but for the incarnation. n_members is 0 without a group. */
void agent_group_settings(const struct agent_config *c, struct group_link_settings *ret);

#endif
