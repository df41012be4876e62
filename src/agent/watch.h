/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watches the configured applications from outside (probes, units, the
 * kernel's load) and says what it sees in the table of agent/health.h. One
 * thread, by the agent's loop. Logs what changes.
 */
#ifndef BATON_AGENT_WATCH_H
#define BATON_AGENT_WATCH_H

#include "agent/config.h"
#include "agent/health.h"
#include "agent/loop.h"

struct watch;

/* NULL if memory is short. Watches nothing yet. */
struct watch *watch_new(struct loop *l, struct agent_health *h);
/* Takes NULL. What has been said stays in the table. */
void watch_free(struct watch *w);
/*
 * Watch what c says, which must outlive it or be followed by another call; the
 * rows that the configuration adds are there already. What is known about
 * probes and units that stay is kept. 0; -errno after logging: part of it is
 * not watched.
 */
int watch_config_set(struct watch *w, const struct agent_config *c);

#endif
