/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What a request from the local socket does. Knows who registered what, who may
 * do what, and what becomes of an application whose process has gone; knows
 * nothing of sockets and clocks. One thread.
 *
 * - A client speaks about applications that it has registered, no others. Users
 *   other than root register at the host's own addresses only.
 * - A configured application belongs to root and its configured user; any other to
 *   the user who registered it first, as long as it is there. Processes of the
 *   same user may share one: the worst of them counts.
 * - One that stays as failing after its process has gone ("fail") is taken over
 *   by the next registration, or removed by an operator.
 */
#ifndef BATON_AGENT_LOCAL_DESK_H
#define BATON_AGENT_LOCAL_DESK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/config.h"
#include "agent/health.h"
#include "baton/abi/agent_socket.h"

#define LOCAL_MAX_REGISTRATIONS HEALTH_MAX_ROWS
#define LOCAL_MAX_OF_CLIENT 64
#define LOCAL_MAX_OF_USER 256 /* but root */
#define LOCAL_SILENCE_MIN_MS 100

/* All operators speak with one voice: about rows, and (drain) about what is wished of them. */
#define LOCAL_OPERATOR ((struct agent_source){ AGENT_SOURCE_OPERATOR, 0 })
#define LOCAL_OPERATOR_WISH ((struct agent_source){ AGENT_SOURCE_OPERATOR, 1 })

/* Who is at the other end. */
struct local_peer {
	uint32_t number; /* of the connection; never used again */
	pid_t pid;
	uid_t uid;
	bool is_operator;
	uint64_t heard_ns; /* the desk's: last request */
};

/* The row as balancers have been told, or NULL; borrowed until the next call. */
typedef const struct health_row *(*local_told_fn)(void *arg, const struct health_app_id *id);

struct local_desk;
struct steps;

/* config and h must outlive it (see local_desk_config()); told may be NULL. NULL if memory is short. */
struct local_desk *local_desk_new(const struct agent_config *c, struct agent_health *h, local_told_fn told, void *arg);
/* Takes NULL. */
void local_desk_free(struct local_desk *d);
/* From now on this configuration. */
void local_desk_config(struct local_desk *d, const struct agent_config *c);

/*
 * Serve one packet (aligned for 4-byte words). Bytes of the reply written into reply
 * (BATON_AGENT_REPLY_MAX of room, aligned likewise), or 0: this is no client of ours, hang up.
 */
size_t local_desk_serve(struct local_desk *d, struct local_peer *p, const uint8_t *packet, size_t len, uint64_t now_ns,
			uint8_t *reply);
/* Counter i, its name and explanation (static); false if there is none. */
typedef bool (*local_counter_fn)(void *arg, unsigned i, const char **ret_name, const char **ret_text,
				 uint64_t *ret_value);
/* Where the counters come from that clients may ask for. */
void local_desk_counters(struct local_desk *d, local_counter_fn fn, void *arg);
/* Where traces are asked for; NULL: this agent has no datapath. */
void local_desk_steps(struct local_desk *d, struct steps *s);
/* The connection has ended. */
void local_desk_leave(struct local_desk *d, const struct local_peer *p);
/* Whose silence lasts too long, fails. When to call again; UINT64_MAX: nobody promised to speak. */
uint64_t local_desk_tick(struct local_desk *d, uint64_t now_ns);
/* Registrations there are, those of ended processes included. */
unsigned local_desk_count(const struct local_desk *d);

#endif
