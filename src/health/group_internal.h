/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the files of a host's part in its group. */
#ifndef BATON_HEALTH_GROUP_INTERNAL_H
#define BATON_HEALTH_GROUP_INTERNAL_H

#include "base/clock.h"
#include "health/group.h"

static inline uint64_t group_ms(uint32_t ms)
{
	return ms * CLOCK_NS_PER_MS;
}

static inline void group_count(struct health_group *g, enum health_group_counter c)
{
	g->counters[c]++;
}

static inline bool group_leads(const struct health_group *g)
{
	return g->leader == g->settings.own;
}

/* group_tell.c: forget what was known of the members, the own entry too. */
void group_tell_begin(struct health_group *g, uint64_t now_ns);
/* Keep a member's heartbeat. */
void group_tell_report(struct health_group *g, unsigned member, const struct health_message *m, uint64_t now_ns);
/* Show ourselves to a member or everyone. */
void group_tell_member(struct health_group *g, unsigned member, uint8_t mode, uint64_t now_ns);
/* What is due to members and balancers; when to call again. */
uint64_t group_tell_poll(struct health_group *g, uint64_t now_ns);

#endif
