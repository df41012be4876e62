/* SPDX-License-Identifier: BSD-3-Clause */
/* Virtual addresses on the loopback interface, by rtnetlink. */
#ifndef BATON_AGENT_LOOPBACK_H
#define BATON_AGENT_LOOPBACK_H

#include "agent/config.h"
#include "agent/state.h"

/*
 * Put c's vips on lo (/32, /128 nodad). Those that somebody else has put there
 * are left alone; ours are noted in s, saved to state_path before. 0 or -errno,
 * after logging.
 */
int loopback_add(const struct agent_config *c, struct agent_state *s, const char *state_path);
/* Take away those that s notes as ours and c (NULL: none) does not have. 0 or -errno, after logging. */
int loopback_remove(const struct agent_config *c, struct agent_state *s);

#endif
