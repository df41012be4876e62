/* SPDX-License-Identifier: BSD-3-Clause */
/* Names and texts of the tc program's counters, and of the agent's own. */
#ifndef BATON_AGENT_COUNTER_H
#define BATON_AGENT_COUNTER_H

#include <stdint.h>

#include "baton/abi/agent_maps.h"

/* Name ("drop_shim_forged") and explanation, static storage. */
const char *agent_counter_name(enum agent_counter c);
const char *agent_counter_text(enum agent_counter c);
/* The same of the agent's own. */
const char *agent_own_name(enum agent_own_counter c);
const char *agent_own_text(enum agent_own_counter c);
/* Sums over all CPUs of the counters in map fd. 0 or -errno. */
int agent_counters_read(int fd, uint64_t ret[AGENT_N_COUNTERS]);

#endif
