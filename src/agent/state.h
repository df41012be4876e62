/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the agent has changed on this machine, so that a later --remove can put
 * all of it back. A small text file, written whole before each change.
 */
#ifndef BATON_AGENT_STATE_H
#define BATON_AGENT_STATE_H

#include <net/if.h>
#include <stdbool.h>
#include <stddef.h>

#include "baton/abi/agent_maps.h"
#include "baton/addr.h"

#define STATE_UNCHANGED (-1)

struct agent_state {
	char device[IF_NAMESIZE]; /* with our filter on it; empty: none */
	bool clsact;              /* the qdisc is ours */
	bool bpffs;               /* the mount is ours */
	int arp_ignore;           /* value before, or STATE_UNCHANGED */
	int arp_announce;
	struct baton_addr vips[AGENT_MAX_VIPS]; /* put on the loopback interface by us */
	unsigned n_vips;
};

/* Nothing changed yet. */
void agent_state_init(struct agent_state *s);
/* Parse a state text. 0 and *ret, or -EINVAL and the number of the first line that is wrong. */
int agent_state_parse(const char *text, struct agent_state *ret, unsigned *ret_line);
/* Read the file; an absent one is an empty state. 0, -EINVAL with *ret_line, or -errno with line 0. */
int agent_state_load(const char *path, struct agent_state *ret, unsigned *ret_line);
/* Write the file by way of a temporary one beside it, synced. 0 or -errno. */
int agent_state_save(const char *path, const struct agent_state *s);

bool agent_state_has_vip(const struct agent_state *s, const struct baton_addr *a);
/* 0, or -ENOSPC. Adding one that is there does nothing. */
int agent_state_add_vip(struct agent_state *s, const struct baton_addr *a);
void agent_state_del_vip(struct agent_state *s, const struct baton_addr *a);

#endif
