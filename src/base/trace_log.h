/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Trace log: who is traced until when, and the newest steps of all of them.
 * Readers ask for what is behind a number and thereby keep their trace alive;
 * one that nobody asks for any more ends by itself. Not thread-safe.
 */
#ifndef BATON_BASE_TRACE_LOG_H
#define BATON_BASE_TRACE_LOG_H

#include "baton/trace.h"

#define TRACE_SECONDS_MAX 3600 /* for which one may go on without being asked for */

struct trace_log;

/* With room for so many steps. NULL if memory is short. */
struct trace_log *trace_log_new(unsigned max);
/* Takes NULL. */
void trace_log_free(struct trace_log *l);

/*
 * Trace these clients until then (monotonic), or longer if that was said
 * before. 0: known; 1: new, see trace_log_filters(); -ENOSPC: too many at once.
 */
int trace_log_ask(struct trace_log *l, const struct trace_filter *f, uint64_t until_ns);
/* Somebody new asks for a trace that may be running: the step that it begins stands there for this one too. */
void trace_log_join(struct trace_log *l, const struct trace_filter *f, uint64_t wall_ns);
/* Traces whose time is over end. How many did. */
unsigned trace_log_expire(struct trace_log *l, uint64_t now_ns, uint64_t wall_ns);
/* Who is traced. */
void trace_log_filters(const struct trace_log *l, struct trace_filters *ret);
/* They are in force: those that are new begin now. */
void trace_log_in_force(struct trace_log *l, const struct trace_filters *f, uint64_t wall_ns);

/* Add a step, in the place of the oldest one if need be; its number is given here. */
void trace_log_add(struct trace_log *l, const struct trace_record *r);
/*
 * The first step of these clients (NULL: all) with number seq or above that is
 * not older than since_ns (wall clock). Borrowed, or NULL.
 */
const struct trace_record *trace_log_next(const struct trace_log *l, uint64_t seq, uint64_t since_ns,
					  const struct trace_filter *f);

#endif
