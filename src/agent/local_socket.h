/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The local socket: takes connections, looks who they are, feeds their packets
 * to the desk. A client that does not read its answers is not read from either;
 * one that never stops talking gets its turn like the others. One thread.
 */
#ifndef BATON_AGENT_LOCAL_SOCKET_H
#define BATON_AGENT_LOCAL_SOCKET_H

#include "agent/config.h"
#include "agent/local_desk.h"
#include "agent/loop.h"

#define LOCAL_COUNTERS(X)                                                                  \
	X(ACCEPTED, accepted, "connections taken")                                         \
	X(REFUSED_USER, refused_user, "connections of users who may not")                  \
	X(REFUSED_FULL, refused_full, "connections beyond max_clients or a user's share")  \
	X(HUNG_UP, hung_up, "connections ended for packets that are none of the protocol") \
	X(REQUESTS, requests, "requests served")                                           \
	X(STALLED, stalled, "times a client did not read its answers")

enum local_counter {
#define X(NAME, name, text) LOCAL_COUNTER_##NAME,
	LOCAL_COUNTERS(X)
#undef X
		LOCAL_N_COUNTERS
};

struct local_socket;

/* Listen at run_dir/agent.sock, in the place of what was there. All must outlive it. 0 and *ret, or -errno. */
int local_socket_new(struct loop *l, const struct agent_config *c, struct local_desk *d, struct local_socket **ret);
/* From now on this configuration; who is connected stays. */
void local_socket_config(struct local_socket *s, const struct agent_config *c);
/* Close all connections and remove the socket. Takes NULL. */
void local_socket_free(struct local_socket *s);
const uint64_t *local_socket_counters(const struct local_socket *s);
/* Name ("refused_user") and explanation, static storage. */
const char *local_counter_name(enum local_counter c);
const char *local_counter_text(enum local_counter c);

#endif
