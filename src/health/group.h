/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A host's part in its group (requirement H7; docs/groups.md): who leads, and
 * what the leader tells the balancers for all. Pure: time is an argument
 * (monotonic), messages go in and out as structs; no memory but the struct; one
 * user at a time.
 *
 * Election. The leader shows itself to all members every interval. Who does not
 * hear a leader for the lease, and for a time more that grows with its place in
 * the list, leads itself, in a term greater than all it has heard of. Of two
 * leaders that hear each other the one of the lesser term, and of equal terms
 * the one further down the list, gives way at once. The waiting by place is that
 * of VRRP (RFC 5798, skew time), the terms are those of Raft (Ongaro and
 * Ousterhout 2014) without its votes: each side of a split shall have a leader,
 * for a leader says nothing but whom it hears itself. A member that returns
 * follows whom it finds, even if it stands before it in the list.
 */
#ifndef BATON_HEALTH_GROUP_H
#define BATON_HEALTH_GROUP_H

#include "baton/health.h"

#define HEALTH_GROUP_EVERYONE HEALTH_MAX_MEMBERS /* all other members */
#define HEALTH_GROUP_NOBODY HEALTH_MAX_MEMBERS
#define HEALTH_GROUP_TERM_MAX (UINT64_MAX / 2) /* no true term comes near; greater ones are malformed */

#define HEALTH_GROUP_COUNTERS(X)                                                                \
	X(ADVERTS, adverts, "times the leader showed itself to members")                        \
	X(CONSOLIDATED, consolidated, "consolidated heartbeats sent to balancers")              \
	X(ENTRIES, entries, "members' entries in them")                                         \
	X(WHOLE, whole, "consolidated heartbeats with every entry")                             \
	X(REPORTS, reports, "own heartbeats told to the leader")                                \
	X(OWN, own, "own heartbeats left to be sent to the balancers, as no leader tells them") \
	X(LEADS, leads, "times this host began to lead")                                        \
	X(YIELDS, yields, "times it gave way to another leader")                                \
	X(FOLLOWS, follows, "times it began to follow another leader")                          \
	X(LOST, lost, "times a leader was silent for the lease")                                \
	X(WORSE, worse, "messages of leaders that have to give way")                            \
	X(FOREIGN, foreign, "messages of hosts or groups other than the configured")            \
	X(MISPLACED, misplaced, "reports that came to this host though it does not lead")       \
	X(OLD, old, "reports older than what is known already")                                 \
	X(MALFORMED, malformed, "messages that contradict themselves")

enum health_group_counter {
#define X(NAME, name, text) HEALTH_GROUP_COUNTER_##NAME,
	HEALTH_GROUP_COUNTERS(X)
#undef X
		HEALTH_GROUP_N_COUNTERS
};

struct health_group_settings {
	uint64_t group;                       /* its id */
	uint64_t members[HEALTH_MAX_MEMBERS]; /* ids of the hosts, the same list in the whole group */
	unsigned n_members;
	unsigned own; /* our place in it */
	uint64_t incarnation;
	uint32_t interval_ms; /* between heartbeats: of members, of the leader, to members and to balancers */
	uint32_t lease_ms;    /* silence after which a leader is none */
	uint32_t skew_ms;     /* waited longer for each place in the list; longer than a way through the network */
	uint32_t own_ms;      /* own heartbeats are sent that often all the same, for balancers that hear no leader */
	uint32_t alone_ms;    /* so long own heartbeats are sent after a balancer asked for one */
	uint32_t slow_ms;     /* membership only: between two messages if nothing changes */
	uint8_t mode;         /* HEALTH_GROUP_CONTENT or HEALTH_GROUP_MEMBERSHIP */
	bool compress;        /* leave out entries that did not change */
};

struct health_group_ops {
	/* A message to a member, or HEALTH_GROUP_EVERYONE. Borrowed; must not call back. */
	void (*to_member)(void *context, unsigned member, const struct health_message *m);
	/* A message to every balancer. Borrowed; must not call back. */
	void (*to_balancers)(void *context, const struct health_message *m);
	void *context;
};

/* What a leader knows of a member. */
struct health_group_report {
	struct health_group_entry entry;
	uint64_t heard_ns; /* 0: never */
	bool changed;      /* since it was last told */
};

struct health_group {
	struct health_group_settings settings;
	struct health_group_ops ops;
	unsigned leader; /* place of the leader followed; own: leads itself; HEALTH_GROUP_NOBODY */
	uint64_t term;   /* the leader's */
	uint64_t term_max;
	uint64_t lease_ns;   /* when the leader is none */
	uint64_t claim_ns;   /* when to lead oneself */
	uint64_t covered_ns; /* last time the leader said that it hears us; 0: never */
	uint64_t own_ns;     /* when one is due though the leader tells them */
	uint64_t alone_ns;   /* own heartbeats until then */

	/* as a leader */
	uint64_t told; /* number of the last consolidated heartbeat; goes on over terms */
	uint64_t tell_ns, slow_ns;
	uint64_t answer_ns;  /* earliest time to correct another leader again */
	uint64_t told_heard; /* membership: whom the last one named */
	unsigned repeat;     /* membership: so often yet, as a message may be lost */
	bool whole;          /* the next has every entry */
	struct health_group_report reports[HEALTH_MAX_MEMBERS];
	struct health_group_entry entries[HEALTH_MAX_MEMBERS]; /* of the message being sent */

	uint64_t counters[HEALTH_GROUP_N_COUNTERS];
};

/* Interval 1 s, lease 3 s, skew 20 ms, own 30 s, alone 10 s, slow 10 s, content, compressed. No members. */
struct health_group_settings health_group_settings_default(void);
/*
 * 0; -EINVAL: a time or id is 0, less than two or too many members, one of them
 * twice, or the lease shorter than two intervals.
 */
int health_group_init(struct health_group *g, const struct health_group_settings *settings,
		      const struct health_group_ops *ops, uint64_t now_ns);

/*
 * The own heartbeat is due: m as health_host sends it. Whether it has to go to
 * the balancers; it was told to the leader if there is one.
 */
bool health_group_heartbeat(struct health_group *g, const struct health_message *m, uint64_t now_ns);
/* A balancer asked for our heartbeat or table: it may not hear the leader. */
void health_group_asked(struct health_group *g, uint64_t now_ns);
/* A message from a member, authenticated: HEARTBEAT or GROUP_HEARTBEAT, about m->host itself. */
void health_group_receive(struct health_group *g, const struct health_message *m, uint64_t now_ns);
/* GROUP_ASK of a balancer. */
void health_group_receive_ask(struct health_group *g, const struct health_message *m);
/* Do what is due. Returns when to call again at the latest, if nothing happens before. */
uint64_t health_group_poll(struct health_group *g, uint64_t now_ns);
/* Before the end of the program: members need not wait for the lease. */
void health_group_resign(struct health_group *g, uint64_t now_ns);

/* Sum over entries in order of their index, one after the other; begin with 0. FNV-1a (RFC 9923), 64 bits; no names. */
uint64_t health_group_sum(uint64_t sum, const struct health_group_entry *e);
/* Name ("adverts") and explanation, static storage. */
const char *health_group_counter_name(enum health_group_counter c);
const char *health_group_counter_text(enum health_group_counter c);

#endif
