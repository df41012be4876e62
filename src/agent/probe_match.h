/* SPDX-License-Identifier: BSD-3-Clause */
/* Whether an answer's status and body are what the probe wants. Pure. */
#ifndef BATON_AGENT_PROBE_MATCH_H
#define BATON_AGENT_PROBE_MATCH_H

#include <regex.h>

#include "agent/probe_config.h"
#include "agent/probe_reason.h"

/*
 * Judge an answer. expression is that of c->body_matches, compiled, or NULL;
 * body may hold any bytes, and ends with a NUL that len does not count.
 */
void probe_match(const struct probe_config *c, const regex_t *expression, long status, const char *body, size_t len,
		 struct probe_result *ret);

#endif
