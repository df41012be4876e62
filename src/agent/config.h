/* SPDX-License-Identifier: BSD-3-Clause */
/* The agent's configuration as read and checked. Immutable after agent_config_load(). */
#ifndef BATON_AGENT_CONFIG_H
#define BATON_AGENT_CONFIG_H

#include <stdbool.h>

#include "agent/config_health.h"
#include "agent/group_config.h"
#include "base/conf.h"
#include "baton/abi/agent_maps.h"
#include "baton/addr.h"
#include "baton/proto.h"

struct agent_config {
	char *name;                                      /* of the host; NULL: none */
	char *device;                                    /* interface that the forwarders reach; NULL: no datapath */
	struct baton_addr addresses[AGENT_MAX_HOSTS];    /* H; all three sorted, see agent_config_has() */
	struct baton_addr forwarders[AGENT_MAX_DEVICES]; /* F */
	struct baton_addr vips[AGENT_MAX_VIPS];
	unsigned n_addresses, n_forwarders, n_vips;
	char *secret_file;
	char *run_dir;
	int shim_port;
	int max_flows;
	int idle_s[BATON_N_CONN_STATES];
	int unclaimed_s; /* for how long a connection may go without being introduced */
	int create_mark; /* 0: none */
	int reply_rate;  /* replies to one device per second */
	struct agent_config_health health;
	struct watch_general watch;
	struct agent_config_group group;
};

/* The schema, for the printed reference. */
extern const struct conf_key agent_config_keys[];

/* Read and check a file. 0 and *ret (to be freed), or -errno with findings in f. */
int agent_config_load(const char *path, struct conf_findings *f, struct agent_config **ret);
/* Takes NULL. */
void agent_config_free(struct agent_config *c);
/* Whether a is in one of the sorted lists. */
bool agent_config_has(const struct baton_addr *list, unsigned n, const struct baton_addr *a);
/* The first of the host's addresses in a family (0: any), or NULL. */
const struct baton_addr *agent_config_address(const struct agent_config *c, uint8_t family);
/*
 * What can't change while the agent runs: 0, or -EBUSY with a finding for each
 * key that differs.
 */
int agent_config_reload_check(const struct agent_config *old, const struct agent_config *new, struct conf_findings *f);

#endif
