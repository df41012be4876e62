/* SPDX-License-Identifier: BSD-3-Clause */
/* Look at the machine before anything is changed. */
#ifndef BATON_AGENT_PREFLIGHT_H
#define BATON_AGENT_PREFLIGHT_H

#include "agent/config.h"

/* Log one line for each thing that is missing or doubtful. Number of missing ones; doubtful ones don't count. */
unsigned preflight_run(const struct agent_config *c);

/* Parse "6.1.0-13-amd64" to 6 << 16 | 1; 0 if it is no version. */
unsigned preflight_kernel_parse(const char *release);

#endif
