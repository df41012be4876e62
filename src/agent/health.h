/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What everybody on this machine says about its applications, and what comes
 * of it: one row per application. Several sources may speak about one row (the
 * configuration, the process itself, its unit, probes, an operator); their
 * words are kept apart and combined by these rules:
 *
 * - A row is there as long as one source that has added it has not taken it back.
 * - Health: failing if anybody says so; else unknown if somebody who has been
 *   announced as a judge has not said anything yet; else healthy if somebody
 *   says so; else unknown. An operator's word, while it stands, replaces all
 *   others.
 * - Load: the application's own figure if there is one, else what probes and
 *   units say, else the machine's; among equals the highest.
 * - Capacity: the operator's, else the application's, else the configured one.
 * - Wish (what the row is to be at most): the lowest that anybody asks for,
 *   the operator's wish for the whole host included.
 *
 * One object per host: the own one, and one for each that is watched for
 * another machine. One thread. Nothing here reads a clock or logs.
 */
#ifndef BATON_AGENT_HEALTH_H
#define BATON_AGENT_HEALTH_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/health.h"

#define AGENT_HEALTH_MAX_WORDS 16        /* sources about one row */
#define AGENT_HEALTH_NO_CAPACITY 255     /* says nothing about it */
#define AGENT_HEALTH_DEFAULT_CAPACITY 50 /* when nobody says anything */

enum agent_source_kind {
	AGENT_SOURCE_CONFIG,   /* the configuration file */
	AGENT_SOURCE_APP,      /* a process, by the local socket */
	AGENT_SOURCE_UNIT,     /* the service manager */
	AGENT_SOURCE_PROBE,    /* a look from outside */
	AGENT_SOURCE_KERNEL,   /* the machine's load */
	AGENT_SOURCE_OPERATOR, /* a person, by batonctl */
	AGENT_N_SOURCES
};

/* One who speaks. number tells sources of one kind apart: connection, probe, unit ... */
struct agent_source {
	enum agent_source_kind kind;
	uint32_t number;
};

/* What one source has said about one row. */
struct agent_word {
	struct agent_source source;
	bool added; /* wants the row to be there */
	bool judge; /* speaks about health, or is going to */
	bool has_load;
	uint8_t state;                       /* enum health_state */
	uint8_t wish;                        /* enum health_directive: at most this; HEALTH_ACTIVE: no wish */
	uint8_t capacity;                    /* 0-99 or AGENT_HEALTH_NO_CAPACITY */
	uint16_t load;                       /* hundredths of a percent */
	char reason[HEALTH_REASON_MAX];      /* for state */
	char wish_reason[HEALTH_REASON_MAX]; /* for wish */
};

/* Everything about one row. */
struct agent_app {
	struct health_app_id id;
	struct agent_word words[AGENT_HEALTH_MAX_WORDS];
	unsigned n_words;
	/* What comes of it, by the rules above. */
	uint8_t state, wish, capacity;
	uint16_t load;
	char reason[HEALTH_REASON_MAX];      /* of state */
	char wish_reason[HEALTH_REASON_MAX]; /* of wish */
	bool changed;                        /* since the last flush */
	bool gone;                           /* nobody has added it any more; seen by the flush only */
};

struct agent_health;

/* NULL if memory is short. */
struct agent_health *agent_health_new(void);
/* Takes NULL. */
void agent_health_free(struct agent_health *h);

/*
 * The source wants this row to be there; a second time changes the capacity
 * (0-99 or AGENT_HEALTH_NO_CAPACITY). judge: it is going to tell the health,
 * which is unknown until then. 0; -EINVAL: id or capacity is none; -ENOSPC: too many
 * rows, or sources about this one; -ENOMEM.
 */
int agent_health_add(struct agent_health *h, struct agent_source s, const struct health_app_id *id, uint8_t capacity,
		     bool judge);
/*
 * Take back all that the source has said about the row, which goes if nobody
 * else has added it. 0 or -ENOENT.
 */
int agent_health_del(struct agent_health *h, struct agent_source s, const struct health_app_id *id);
/* The same for every row. */
void agent_health_forget(struct agent_health *h, struct agent_source s);

/*
 * The next functions speak about a row that somebody has added: -ENOENT if
 * nobody has, -EINVAL for a value out of range, -ENOSPC if too many sources
 * speak about it. reason is for people, may be NULL, is cut to
 * HEALTH_REASON_MAX; control characters become '?'.
 */
int agent_health_report(struct agent_health *h, struct agent_source s, const struct health_app_id *id,
			enum health_state state, const char *reason);
/* No longer a judge of this row. */
int agent_health_abstain(struct agent_health *h, struct agent_source s, const struct health_app_id *id);
/* Up to HEALTH_LOAD_MAX, in hundredths of a percent of the capacity. */
int agent_health_load(struct agent_health *h, struct agent_source s, const struct health_app_id *id, uint32_t load);
/* At most this directive; HEALTH_ACTIVE takes the wish back. */
int agent_health_wish(struct agent_health *h, struct agent_source s, const struct health_app_id *id,
		      enum health_directive wish, const char *reason);
/* The operator's wish for all rows, also those to come. */
void agent_health_wish_host(struct agent_health *h, enum health_directive wish, const char *reason);
enum health_directive agent_health_host_wish(const struct agent_health *h, const char **ret_reason);

/* Borrowed until the next change; NULL if there is none. */
const struct agent_app *agent_health_find(const struct agent_health *h, const struct health_app_id *id);
/* The first row behind id in their order, which is that of memcmp; id NULL: the first of all. NULL at the end. */
const struct agent_app *agent_health_next(const struct agent_health *h, const struct health_app_id *id);
unsigned agent_health_count(const struct agent_health *h);
/* The source's word about a row, or NULL. */
const struct agent_word *agent_health_word(const struct agent_app *a, struct agent_source s);

/* Called for each row whose outcome has changed since the last time, also for those that have .gone. */
typedef void (*agent_health_change_fn)(const struct agent_app *a, void *arg);
void agent_health_flush(struct agent_health *h, agent_health_change_fn fn, void *arg);
/* Called at the first change after a flush. */
void agent_health_hook(struct agent_health *h, void (*fn)(void *arg), void *arg);

/* Whether the id is whole: addresses, port, protocol, unused bytes 0, text ended. */
bool agent_health_id_valid(const struct health_app_id *id);

#endif
