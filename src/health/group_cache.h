/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The balancer's end of groups (requirement H7; docs/groups.md): makes of a
 * leader's consolidated heartbeat one heartbeat for each member and gives it to
 * the cache, which does not know that it came by way of a leader. Hosts that
 * are not heard of are asked themselves before the cache gives them up.
 * Groups are not configured here: a leader says for whom it speaks. Pure, as
 * the cache is; one user at a time, the cache's.
 */
#ifndef BATON_HEALTH_GROUP_CACHE_H
#define BATON_HEALTH_GROUP_CACHE_H

#include "baton/health.h"
#include "health/cache.h"

#define HEALTH_GROUP_CACHE_COUNTERS(X)                                                                  \
	X(HEARD, heard, "consolidated heartbeats received")                                             \
	X(ENTRIES, entries, "members' entries in them")                                                 \
	X(EXPANDED, expanded, "heartbeats of members that came of them")                                \
	X(UNKNOWN, unknown, "consolidated heartbeats that speak of entries not known here")             \
	X(ASKED_LEADERS, asked_leaders, "times a leader was asked for every entry")                     \
	X(ASKED_MEMBERS, asked_members, "times a host was asked, as neither it nor a leader was heard") \
	X(DROPPED, dropped, "members that a leader no longer hears and that did not answer")            \
	X(NEW_LEADERS, new_leaders, "leaders, or runs of them, heard for the first time")               \
	X(OLD, old, "consolidated heartbeats older than what is known already")                         \
	X(NO_ROOM, no_room, "consolidated heartbeats of leaders beyond the limit, or no memory")        \
	X(MALFORMED, malformed, "messages that contradict themselves")

enum health_group_cache_counter {
#define X(NAME, name, text) HEALTH_GROUP_CACHE_COUNTER_##NAME,
	HEALTH_GROUP_CACHE_COUNTERS(X)
#undef X
		HEALTH_GROUP_CACHE_N_COUNTERS
};

struct health_group_cache_settings {
	uint32_t max_leaders; /* at a time; a silent one's place is given away */
	uint32_t ask_ms;      /* between two asks to one leader */
};

struct health_group_leader;

struct health_group_cache {
	struct health_group_cache_settings settings;
	struct health_cache *cache; /* borrowed; also sends through its .ops.send */
	struct health_group_leader *leaders;
	uint64_t *asked_ns; /* by place in the cache */
	uint64_t counters[HEALTH_GROUP_CACHE_N_COUNTERS];
};

/* 256 leaders, asks 200 ms apart. */
struct health_group_cache_settings health_group_cache_settings_default(void);
/* 0; -EINVAL: a setting is 0; -ENOMEM. */
int health_group_cache_init(struct health_group_cache *c, const struct health_group_cache_settings *settings,
			    struct health_cache *cache);
void health_group_cache_fini(struct health_group_cache *c);

/* GROUP_HEARTBEAT, authenticated: m->host is who sent it. */
void health_group_cache_receive(struct health_group_cache *c, const struct health_message *m, uint64_t now_ns);
/* To be called before health_cache_poll. Returns when to call again at the latest. */
uint64_t health_group_cache_poll(struct health_group_cache *c, uint64_t now_ns);

/* To be shown. The leader that spoke last for a host within its interval and a half; 0: none, it speaks itself. */
uint64_t health_group_cache_leader_of(const struct health_group_cache *c, uint64_t host, uint64_t now_ns);

/* Names ("asked_leaders") and explanations, static storage. */
const char *health_group_cache_counter_name(enum health_group_cache_counter c);
const char *health_group_cache_counter_text(enum health_group_cache_counter c);

#endif
