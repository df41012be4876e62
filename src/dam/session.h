/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sessions: where connections with something in common went before
 * (requirements C3, S3, S6). This is the device's own portion, shared by its
 * classifier lcores; the calls are those that a table spread over devices
 * answers as well.
 *
 * A session is a keyed 128-bit digest of what the connections have in common
 * (a client's address, a cookie's value), the endpoint, and the time of its
 * last use. The table has a fixed number of places in buckets of two cache
 * lines, and a session may stand in either of two buckets; where both are full,
 * the one of them used longest ago goes: a flood of made-up cookies pushes old
 * sessions out, and does no other harm.
 */
#ifndef BATON_DAM_SESSION_H
#define BATON_DAM_SESSION_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baton/addr.h"
#include "baton/application.h"

struct sessions;

/* Made by sessions_key(). One that names an endpoint by itself (kind SERVER) is not remembered. */
struct session_key {
	uint64_t h[2];
	uint16_t endpoint; /* id of the endpoint that was named; VIEW_NONE: none */
};

/* Counters of one caller. X(name, text) */
#define SESSION_COUNTERS(X)                                                              \
	X(session_hits, "new connections that went where an earlier one of theirs went") \
	X(session_misses, "new connections with a key that no session has")              \
	X(session_unfit, "sessions not followed: their host does not take connections")  \
	X(session_added, "sessions noted")                                               \
	X(session_evicted, "sessions pushed out by newer ones")

struct session_counters {
#define X(name, text) uint64_t name;
	SESSION_COUNTERS(X)
#undef X
};

/* Room for n sessions (at least 1), 39 bytes each, keyed by 16 random bytes. NULL if memory is short. Any thread. */
struct sessions *sessions_new(uint32_t n, const uint8_t hash_key[16]);
/* Takes NULL. */
void sessions_free(struct sessions *s);

/*
 * Key of what the connections to a VIP (id) have in common: len bytes of that
 * kind, name being a->name; .endpoint is VIEW_NONE. Any lcore.
 */
void sessions_key(const struct sessions *s, uint16_t vip, const struct baton_affinity *a, const uint8_t *bytes,
		  size_t len, struct session_key *ret);

/*
 * Any lcore, without a lock: a find beside a change of the same session sees
 * the old one, the new one or none, never a mixture. now_s: monotonic seconds.
 */
/* True and the endpoint if the session is there and was used within its timeout; counts as use. */
bool sessions_find(struct sessions *s, const struct session_key *k, uint32_t now_s, uint16_t *ret_endpoint);
/*
 * Note a session, move or renew it. True if it is new; *ret_evicted: another one
 * that was alive had to go for it. With many lcores at the same two buckets at
 * once it may be left out.
 */
bool sessions_add(struct sessions *s, const struct session_key *k, uint16_t endpoint, uint32_t timeout_s,
		  uint32_t now_s, bool *ret_evicted);
void sessions_del(struct sessions *s, const struct session_key *k);

/* How many sessions are alive; walks the table. */
uint32_t sessions_count(const struct sessions *s, uint32_t now_s);

#endif
