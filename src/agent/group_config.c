/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/group_config.h"

#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include "agent/config.h"
#include "agent/group_link.h"

static const struct conf_name modes[] = { { "content", HEALTH_GROUP_CONTENT },
					  { "membership", HEALTH_GROUP_MEMBERSHIP },
					  { 0 } };

static const struct conf_key member_keys[] = {
	{ "name", CONF_STRING, CONF_FIELD(struct agent_group_member, name), .required = true, .min = 1, .max = 63,
	  .check = conf_check_name, .help = "The host's name, as its own agent is told it." },
	{ "address", CONF_ADDR, CONF_FIELD(struct agent_group_member, addr), .required = true,
	  .help = "Where that host listens for its group." },
	{ "port", CONF_INT, CONF_FIELD(struct agent_group_member, port), .min = 1, .max = 65535,
	  .def = AGENT_GROUP_PORT, .help = "TCP port of the same." },
	{ 0 },
};

const struct conf_key agent_group_keys[] = {
	{ "name", CONF_STRING, CONF_FIELD(struct agent_config, group.name), .min = 1, .max = 63,
	  .check = conf_check_name, .help = "Name of the group, the same for all members; without it there is none." },
	{ "members", CONF_LIST, CONF_HEAP(struct agent_config, group.members, group.n_members, HEALTH_MAX_MEMBERS),
	  .keys = member_keys,
	  .help = "All hosts of the group, this one too; the same list in the same order on each." },
	{ "mode", CONF_ENUM, CONF_FIELD(struct agent_config, group.mode), .names = modes, .def = "content",
	  .help = "content: the leader passes on each member's heartbeat; membership: only who comes and goes." },
	{ "compress", CONF_BOOL, CONF_FIELD(struct agent_config, group.compress), .def = "true",
	  .help = "Leave out members whose tables did not change." },
	{ 0 },
};

static unsigned own_place(const struct agent_config *c)
{
	unsigned i = 0;

	while (i < c->group.n_members && (!c->name || strcmp(c->group.members[i].name, c->name) != 0))
		i++;
	return i;
}

void agent_group_check(const struct conf_doc *doc, const struct agent_config *c, struct conf_findings *f)
{
	const struct agent_config_group *g = &c->group;

	if (!g->name) {
		if (g->n_members)
			conf_error(f, doc, "agent.group", "has members but no name");
		return;
	}
	if (g->n_members < 2)
		conf_error(f, doc, "agent.group", "needs two members at least");
	if (own_place(c) == g->n_members)
		conf_error(f, doc, "agent.group", "this host's name is not among the members");
	if (c->health.host_id)
		conf_error(f, doc, "agent.group", "members know each other by name; leave health.host_id out");
	if (!c->health.n_balancers)
		conf_error(f, doc, "agent.group", "is of no use without balancers");
	for (unsigned i = 0; i < g->n_members; i++)
		for (unsigned j = 0; j < i; j++)
			if (!strcmp(g->members[i].name, g->members[j].name))
				conf_error(f, doc, "agent.group", "\"%s\" is a member twice", g->members[i].name);
}

static bool members_equal(const struct agent_group_member *a, const struct agent_group_member *b)
{
	return !strcmp(a->name, b->name) && baton_addr_equal(&a->addr, &b->addr) && a->port == b->port;
}

bool agent_group_equal(const struct agent_config_group *a, const struct agent_config_group *b)
{
	if (!a->name || !b->name)
		return !a->name && !b->name;
	if (strcmp(a->name, b->name) != 0 || a->n_members != b->n_members || a->mode != b->mode ||
	    a->compress != b->compress)
		return false;
	for (unsigned i = 0; i < a->n_members; i++)
		if (!members_equal(&a->members[i], &b->members[i]))
			return false;
	return true;
}

void agent_group_settings(const struct agent_config *c, struct group_link_settings *ret)
{
	const struct agent_config_group *g = &c->group;

	*ret = (struct group_link_settings){ .group = health_group_settings_default() };
	if (!g->name)
		return;
	ret->group.group = agent_config_name_id(g->name);
	ret->group.own = own_place(c);
	ret->group.mode = (uint8_t)g->mode;
	ret->group.compress = g->compress;
	ret->group.interval_ms = (uint32_t)c->health.heartbeat_ms;
	ret->group.lease_ms = 3 * ret->group.interval_ms;
	ret->group.own_ms = 30 * ret->group.interval_ms;
	ret->group.alone_ms = 10 * ret->group.interval_ms;
	if (ret->group.slow_ms < ret->group.interval_ms)
		ret->group.slow_ms = ret->group.interval_ms;
	ret->n_members = g->n_members;
	for (unsigned i = 0; i < g->n_members; i++) {
		ret->members[i].host = agent_config_name_id(g->members[i].name);
		ret->members[i].addr = g->members[i].addr;
		ret->members[i].port = (uint16_t)g->members[i].port;
	}
}
