/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The links to the other members of this host's group, and its part in the
 * group (health/group.h; docs/groups.md). The one thing of the agent that
 * listens on the network, on the configured address and only with a group
 * configured; nothing is heard there but sealed frames under the group's keys.
 * Each member listens, and connects to those before it in the list. One thread.
 */
#ifndef BATON_AGENT_GROUP_LINK_H
#define BATON_AGENT_GROUP_LINK_H

#include "agent/loop.h"
#include "baton/addr.h"
#include "health/group.h"
#include "wire/seal.h"

struct group_member {
	uint64_t host;
	struct baton_addr addr;
	uint16_t port; /* host order */
};

struct group_link_settings {
	struct health_group_settings group; /* .members, .n_members are made of the next two */
	struct group_member members[HEALTH_MAX_MEMBERS];
	unsigned n_members; /* 0: no group */
};

struct group_link_ops {
	/* To all balancers. Borrowed. */
	void (*to_balancers)(void *context, const struct health_message *m);
	void *context;
};

struct group_link;

/* settings and keys are copied. 0 and *ret; NULL in it if there is no group; or -errno. */
int group_link_new(struct loop *l, const struct group_link_settings *settings, const struct seal_keyring *keys,
		   const struct group_link_ops *ops, struct group_link **ret);
/* The leader's resignation is sent if this host leads. Takes NULL. */
void group_link_free(struct group_link *g);
void group_link_set_keys(struct group_link *g, const struct seal_keyring *keys);

/* A message this host sends; whether it has to go to the balancers itself. Without group (NULL) all have to. */
bool group_link_outgoing(struct group_link *g, const struct health_message *m, uint64_t now_ns);
/* A message from a balancer; whether it was for the group alone. */
bool group_link_incoming(struct group_link *g, const struct health_message *m, uint64_t now_ns);
/* To be shown: borrowed; NULL without group. */
const struct health_group *group_link_state(const struct group_link *g);

#endif
