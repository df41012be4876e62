/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The agent's work on health: the table of what is said here (agent/health.h),
 * the local socket, the host's end of the protocol, the balancers, and what
 * outlives the agent.
 *
 * An agent that was started again says nothing to the balancers until all rows
 * of the run before are there again, or for HEALTH_SERVICE_HUSH_MS: applications
 * come back within that time, and the balancers, who miss three heartbeats
 * before they give a host up, see no change. One thread.
 */
#ifndef BATON_AGENT_HEALTH_SERVICE_H
#define BATON_AGENT_HEALTH_SERVICE_H

#include <stdio.h>

#include "agent/config.h"
#include "agent/health.h"
#include "agent/loop.h"

#define HEALTH_SERVICE_HUSH_MS 1000

struct health_service;
struct steps;

/* config must outlive it or be followed by health_service_reload(). 0 and *ret, or -errno after logging. */
int health_service_start(struct loop *l, const struct agent_config *c, struct health_service **ret);
/* Bring all in line with c. 0, or -errno after logging: part of it is not in effect. */
int health_service_reload(struct health_service *s, const struct agent_config *c);
/* Say goodbye, keep what is to be kept. Takes NULL. */
void health_service_stop(struct health_service *s);

/* Where operators' traces are asked for; may be NULL. */
void health_service_steps(struct health_service *s, struct steps *steps);
/* For further sources on this host. */
struct agent_health *health_service_table(struct health_service *s);

/* The files that stay in a run directory, removed. */
void health_service_remove_files(const char *run_dir);

#endif
