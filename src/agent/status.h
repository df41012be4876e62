/* SPDX-License-Identifier: BSD-3-Clause */
/* baton-agent --status: read the pinned maps, whether the agent runs or not. */
#ifndef BATON_AGENT_STATUS_H
#define BATON_AGENT_STATUS_H

#include <stdbool.h>
#include <stdio.h>

#include "agent/config.h"

/* Print counters, number of flows and up to max_flows of them. 0 or -errno, after logging. */
int status_print(const struct agent_config *c, FILE *out, bool json, unsigned max_flows);

#endif
