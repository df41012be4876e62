/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The agent's work on one machine: put everything in place, keep it in line
 * with the configuration, take it away again. What it puts in place goes on
 * working while no agent runs.
 */
#ifndef BATON_AGENT_SERVICE_H
#define BATON_AGENT_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/config.h"
#include "agent/loop.h"

struct service;
struct steps;

/*
 * Check the machine, load or take over the datapath, attach it, add the virtual
 * addresses. Takes c over, also when it fails. l is borrowed. 0 and *ret, or -errno after logging.
 */
int service_start(struct loop *l, struct agent_config *c, struct service **ret);
/*
 * Bring a running datapath in line with c, which is taken over; on -errno (after
 * logging) the old configuration stays.
 */
int service_reload(struct service *s, struct agent_config *c);
/* Some housekeeping. Milliseconds until it is wanted again. */
int service_tick(struct service *s, uint64_t now_ns);
/* The configuration in use; borrowed until the next reload. */
const struct agent_config *service_config(const struct service *s);
/* Steps of traced connections, agent/steps.h; NULL: there is no datapath. */
struct steps *service_steps(struct service *s);
/* Let go; the datapath stays. Takes NULL. */
void service_stop(struct service *s);

/* Undo everything on this machine. Not while an agent runs. 0 or -errno, after logging. */
int service_remove(const struct agent_config *c);
/* Whether an agent runs with this run_dir. */
bool service_is_running(const struct agent_config *c);

#endif
