/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The balancer's end of the health protocol (requirements H4-H6;
 * docs/health-protocol.md): copies of the tables of many hosts. Messages may
 * come in any order, late, twice or never. Pure: time is an argument
 * (monotonic), messages go in and out as structs; one user at a time.
 */
#ifndef BATON_HEALTH_CACHE_H
#define BATON_HEALTH_CACHE_H

#include "baton/health.h"
#include "health/table.h"

#define HEALTH_CACHE_COUNTERS(X)                                                                         \
	X(HEARTBEATS, heartbeats, "heartbeats received")                                                 \
	X(GOODBYES, goodbyes, "goodbyes received")                                                       \
	X(ROW_CHANGES, row_changes, "row change messages received")                                      \
	X(SNAPSHOTS, snapshots, "snapshot messages received")                                            \
	X(POSTULATES, postulates, "postulates received")                                                 \
	X(ROWS_CHANGED, rows_changed, "rows added, changed or deleted")                                  \
	X(GAPS, gaps, "row changes missed, seen by the sequence number")                                 \
	X(DIFFERENCES, differences, "heartbeats and postulates whose content differed")                  \
	X(ASKS, asks, "snapshots and heartbeats asked for")                                              \
	X(OBJECTIONS, objections, "objections sent to postulates")                                       \
	X(AGED_OUT, aged_out, "hosts given up after missed heartbeats")                                  \
	X(RESTARTS, restarts, "hosts seen again with a newer incarnation")                               \
	X(OLD_INCARNATION, old_incarnation, "messages of an earlier run of a host or after its goodbye") \
	X(OLD, old, "messages older than what is known already")                                         \
	X(NO_ROOM_HOST, no_room_host, "messages of hosts beyond the limit of hosts")                     \
	X(NO_ROOM_ROW, no_room_row, "rows beyond the limit of rows or for want of memory")               \
	X(MALFORMED, malformed, "messages or rows that contradict themselves")                           \
	X(UNEXPECTED, unexpected, "messages that only balancers send, and those of groups")

enum health_cache_counter {
#define X(NAME, name, text) HEALTH_CACHE_COUNTER_##NAME,
	HEALTH_CACHE_COUNTERS(X)
#undef X
		HEALTH_CACHE_N_COUNTERS
};

/* What happened (events log). HOST_*: .before and .after are NULL. */
#define HEALTH_EVENTS(X)                                                           \
	X(HOST_APPEARED, host_appeared, "first message of a host")                 \
	X(HOST_RESTARTED, host_restarted, "message of a newer incarnation")        \
	X(HOST_LEFT, host_left, "goodbye")                                         \
	X(HOST_AGED_OUT, host_aged_out, "heartbeats missed")                       \
	X(ROW_ADDED, row_added, "a row that was not there")                        \
	X(ROW_CHANGED, row_changed, "a row whose bytes are others, load included") \
	X(ROW_REMOVED, row_removed, "a row that is no longer there")

enum health_event_kind {
#define X(NAME, name, text) HEALTH_EVENT_##NAME,
	HEALTH_EVENTS(X)
#undef X
		HEALTH_N_EVENTS
};

/* Why it happened. */
#define HEALTH_CAUSES(X)                                      \
	X(ROW_CHANGE, row_change, "the host told a change")   \
	X(SNAPSHOT, snapshot, "a snapshot differed")          \
	X(RESTART, restart, "the host's agent was restarted") \
	X(GOODBYE, goodbye, "the host said goodbye")          \
	X(SILENCE, silence, "the host was not heard of")      \
	X(MESSAGE, message, "the host was heard of")          \
	X(FORGOTTEN, forgotten, "the host was forgotten on request")

enum health_cause {
#define X(NAME, name, text) HEALTH_CAUSE_##NAME,
	HEALTH_CAUSES(X)
#undef X
		HEALTH_N_CAUSES
};

struct health_cache_host;

struct health_event {
	uint8_t kind;  /* enum health_event_kind */
	uint8_t cause; /* enum health_cause */
	uint64_t now_ns;
	const struct health_cache_host *host;
	const struct health_row *before; /* ROW_CHANGED, ROW_REMOVED */
	const struct health_row *after;  /* ROW_ADDED, ROW_CHANGED; .reason says why */
};

struct health_cache_settings {
	uint32_t max_hosts; /* memory for their heads is taken at the start */
	uint32_t max_rows;  /* of all hosts together */
	uint32_t ask_ms;    /* an ask without answer is repeated after this, doubled each time */
	uint32_t ask_max_ms;
};

struct health_cache_ops {
	/* A message to host m->host. Borrowed; must not call back into the cache. */
	void (*send)(void *context, const struct health_message *m);
	/* Something changed. May be NULL. Everything in it is borrowed; must not call back. */
	void (*event)(void *context, const struct health_event *e);
	void *context;
};

enum health_presence {
	HEALTH_FREE,    /* the place holds no host */
	HEALTH_PRESENT, /* heard of in time */
	HEALTH_AGED,    /* not heard of; no rows. Its next message makes it present */
	HEALTH_LEFT,    /* said goodbye; no rows. Only a newer incarnation makes it present */
};

struct health_cache_host {
	uint64_t id;
	uint8_t presence; /* enum health_presence */
	/*
	 * The table is the host's as of .seq. Not complete: the newest rows known,
	 * but some may be missing or out of date, and it is being healed.
	 */
	bool complete;
	bool truncated; /* some rows found no room here; no objections to postulates then */
	bool inherited; /* rows are those of an earlier incarnation until the first content indicator */
	uint64_t incarnation;
	uint64_t seq;
	uint64_t heard_ns; /* last sign of life, for the age of information */
	uint32_t interval_ms;
	char name[HEALTH_NAME_MAX]; /* DNS name, "" as long as it is not known */
	struct health_table table;

	uint64_t ask_chunks; /* still to come */
	uint16_t ask_n_chunks;
	bool asking;
	uint64_t ask_ns; /* when to repeat it */
	uint32_t ask_gap_ms;
};

struct health_cache {
	struct health_cache_settings settings;
	struct health_cache_ops ops;
	struct health_cache_host *hosts; /* max_hosts places */
	uint32_t n_rows;
	uint64_t generation; /* grows with every change of a row or a host's presence */
	uint64_t counters[HEALTH_CACHE_N_COUNTERS];
};

/* 256 hosts, 65536 rows, asks repeated after 200 ms up to 5 s. */
struct health_cache_settings health_cache_settings_default(void);
/* 0; -EINVAL: a setting is 0; -ENOMEM. */
int health_cache_init(struct health_cache *c, const struct health_cache_settings *settings,
		      const struct health_cache_ops *ops);
void health_cache_fini(struct health_cache *c);

/* A message from a host (already authenticated). */
void health_cache_receive(struct health_cache *c, const struct health_message *m, uint64_t now_ns);
/*
 * Somebody trustworthy says that this run of the host is alive; of its table
 * nothing. 0; -ENOENT: another run is known here, or none, or it is not present.
 */
int health_cache_alive(struct health_cache *c, uint64_t host, uint64_t incarnation, uint64_t now_ns);
/* From now on a sign of life is expected that often (clipped). 0; -ENOENT: not present. */
int health_cache_expect(struct health_cache *c, uint64_t host, uint32_t interval_ms);
/* Age hosts out, repeat asks. Returns when to call again at the latest, if no message comes before. */
uint64_t health_cache_poll(struct health_cache *c, uint64_t now_ns);
/*
 * Forget a host and its incarnation: for a host that proved to be alive with a
 * smaller one (its clock was set back and its state lost). 0 or -ENOENT.
 */
int health_cache_forget(struct health_cache *c, uint64_t host, uint64_t now_ns);

/* The host or NULL; borrowed until the next receive, poll or forget. */
const struct health_cache_host *health_cache_find(const struct health_cache *c, uint64_t host);
/* Next host after *i (begin with 0), which moves on; NULL: no more. */
const struct health_cache_host *health_cache_next(const struct health_cache *c, uint32_t *i);
/*
 * Every row that meets the filter, of every host. Returns how many; visit may
 * be NULL. Cost grows with the rows of the table: who asks often keeps what it
 * found until .generation moves.
 */
unsigned health_cache_visit(const struct health_cache *c, const struct health_app_filter *f,
			    void (*visit)(void *context, const struct health_cache_host *host,
					  const struct health_row *row),
			    void *context);

/* Names ("aged_out") and explanations, static storage. */
const char *health_cache_counter_name(enum health_cache_counter c);
const char *health_cache_counter_text(enum health_cache_counter c);
const char *health_event_name(enum health_event_kind k);
/* A clause for people: "the host said goodbye". */
const char *health_cause_text(enum health_cause c);

#endif
