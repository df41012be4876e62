/* SPDX-License-Identifier: BSD-3-Clause */
/* How the words about one row become its outcome; the rules stand in agent/health.h. Pure. */
#ifndef BATON_AGENT_HEALTH_RULES_H
#define BATON_AGENT_HEALTH_RULES_H

#include "agent/health.h"

#define AGENT_HEALTH_MAX_CAPACITY 99

/* Fill a's outcome in from its words and the host's wish. Whether it has changed. */
bool agent_health_combine(struct agent_app *a, uint8_t host_wish, const char *host_reason);
/* Copy a reason for people: cut, padded with 0 bytes, control characters as '?'. NULL: empty. */
void agent_health_reason_copy(char to[HEALTH_REASON_MAX], const char *from);

/* Whether text is UTF-8 without control characters, ended within size and 0 behind its end. */
bool agent_health_text_valid(const char *text, size_t size);

#endif
