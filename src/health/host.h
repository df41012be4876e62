/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host's end of the health protocol (requirements H4-H6; docs/health-protocol.md):
 * the authoritative table, and what is to be told about it. Pure: time is an
 * argument (monotonic), messages go in and out as structs; one user at a time.
 *
 * Changes are collected and go out with the next health_host_poll, several in
 * one message. Whoever changes a row for health's sake polls at once.
 */
#ifndef BATON_HEALTH_HOST_H
#define BATON_HEALTH_HOST_H

#include "baton/health.h"
#include "health/table.h"

#define HEALTH_HOST_COUNTERS(X)                                                               \
	X(HEARTBEATS, heartbeats, "heartbeats sent")                                          \
	X(ROW_CHANGES, row_changes, "row change messages sent")                               \
	X(CHANGES, changes, "changes in them")                                                \
	X(SNAPSHOTS, snapshots, "snapshot messages sent")                                     \
	X(POSTULATES, postulates, "postulates sent")                                          \
	X(MOVES, moves, "rows whose current directive followed the target")                   \
	X(ASKED, asked, "snapshots asked for by balancers")                                   \
	X(OBJECTIONS, objections, "objections to postulates")                                 \
	X(OBJECTIONS_LATE, objections_late, "objections to postulates that no longer matter") \
	X(NOT_OURS, not_ours, "messages about another host or another run of this one")       \
	X(MALFORMED, malformed, "messages that contradict themselves")                        \
	X(UNEXPECTED, unexpected, "messages that only hosts send")

enum health_host_counter {
#define X(NAME, name, text) HEALTH_HOST_COUNTER_##NAME,
	HEALTH_HOST_COUNTERS(X)
#undef X
		HEALTH_HOST_N_COUNTERS
};

struct health_host_settings {
	uint64_t id;
	uint64_t incarnation;           /* larger than that of every earlier run */
	const char *name;               /* DNS name, "" or NULL: none; copied */
	uint32_t interval_ms;           /* between heartbeats */
	uint32_t name_every;            /* every so many heartbeats carry the name */
	uint32_t postulate_ms;          /* between repetitions of a postulate, at first */
	uint32_t postulate_repetitions; /* as many without objection are needed */
	uint32_t quiet_ms;              /* how long an objection may take: longer than a round trip */
	uint32_t answer_ms;             /* between two snapshot messages, and two heartbeats asked for */
};

struct health_host_ops {
	/* A message to every balancer. Borrowed; of the host it may call health_host_receive only. */
	void (*send)(void *context, const struct health_message *m);
	/* The current directive of a row followed its target. May be NULL; must not call back. */
	void (*moved)(void *context, const struct health_row *row);
	void *context;
};

#define HEALTH_HOST_SENT 32 /* postulates whose time is remembered */

/* A row whose current directive is not yet its target. */
struct health_host_waiting {
	struct health_app_id id;
	uint64_t first; /* id of the first postulate that counts for it */
};

struct health_host {
	struct health_host_settings settings;
	struct health_host_ops ops;
	char name[HEALTH_NAME_MAX];
	struct health_table table; /* read it; change it by the functions only */
	uint64_t seq;              /* of the last change told */
	bool stopped;

	struct health_change pending[HEALTH_MESSAGE_ROWS]; /* done to the table, not told yet */
	unsigned n_pending;

	uint64_t heartbeat_ns; /* when the next is due */
	uint64_t heartbeat_sent_ns;
	uint32_t heartbeat_number;
	bool heartbeat_wanted;

	uint64_t chunks_wanted; /* to be sent, in n_chunks chunks */
	unsigned n_chunks;
	unsigned chunk_next; /* who is looked at first, so that all get their turn */
	uint64_t answer_ns;  /* earliest time of the next snapshot message */

	struct health_host_waiting *waiting;
	unsigned n_waiting;
	uint64_t postulate_id;              /* of the last one sent */
	unsigned postulate_run;             /* sent since it was last worth hurrying */
	uint64_t sent_ns[HEALTH_HOST_SENT]; /* when, by id */

	uint64_t counters[HEALTH_HOST_N_COUNTERS];
};

/* Heartbeats each second, name every 10; 3 repetitions 100 ms apart, quiet 200 ms; answers 20 ms apart. */
struct health_host_settings health_host_settings_default(void);
/*
 * Take a new table into service; a heartbeat is due at once. 0; -ENOMEM;
 * -EINVAL: id, a time or a number is 0, the heartbeat's interval none that
 * balancers believe, repetitions too many or quiet_ms too long to be
 * remembered (HEALTH_HOST_SENT), or the name too long.
 */
int health_host_init(struct health_host *h, const struct health_host_settings *settings,
		     const struct health_host_ops *ops, uint64_t now_ns);
void health_host_fini(struct health_host *h);

/*
 * Add a row or change the one with its id. .current is heeded for a new row
 * only (a table kept across a restart); afterwards it is the protocol's.
 * 0 or as health_table_set. A row equal to what is there is no change.
 */
int health_host_set(struct health_host *h, const struct health_row *row);
/* 0 or -ENOENT. */
int health_host_delete(struct health_host *h, const struct health_app_id *id);
/* Whether the row is there and its current directive is its target. */
bool health_host_settled(const struct health_host *h, const struct health_app_id *id);

/* A message from a balancer. The answer comes with the next poll. */
void health_host_receive(struct health_host *h, const struct health_message *m, uint64_t now_ns);
/* Send what is due. Returns when to call again at the latest, if nothing happens before. */
uint64_t health_host_poll(struct health_host *h, uint64_t now_ns);
/* Say goodbye; nothing is sent after it. */
void health_host_goodbye(struct health_host *h);

/* Name ("row_changes") and explanation, static storage. */
const char *health_host_counter_name(enum health_host_counter c);
const char *health_host_counter_text(enum health_host_counter c);

#endif
