/* SPDX-License-Identifier: BSD-3-Clause */
/* Walk over the flow table in bounded steps; delete what is idle or no longer served. */
#ifndef BATON_AGENT_SWEEP_H
#define BATON_AGENT_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/config.h"

struct sweep;

/* NULL if memory is short. Frees itself with sweep_free(). */
struct sweep *sweep_new(void);
/* Takes NULL. */
void sweep_free(struct sweep *s);

/*
 * Visit some thousand flows of map fd, where the last step ended. c says how
 * long each may be idle and which addresses are served. 1: the pass has come
 * to its end, the next step begins a new one; 0: go on; -errno.
 */
int sweep_step(struct sweep *s, int fd, const struct agent_config *c, uint64_t now_ns);
/* Flows that the last whole pass left, and those that all passes have deleted. */
uint64_t sweep_live(const struct sweep *s);
uint64_t sweep_deleted(const struct sweep *s);

/* Whether this flow is to go. Pure. */
bool sweep_expired(const struct agent_flow_key *key, const struct agent_flow *f, const struct agent_config *c,
		   uint64_t now_ns);

/* Return false to end the walk. */
typedef bool (*flow_visit_fn)(const struct agent_flow_key *key, const struct agent_flow *f, void *arg);
/* Show every flow of map fd once (those that come or go meanwhile: perhaps). 0 or -errno. */
int flow_walk(int fd, flow_visit_fn visit, void *arg);

#endif
