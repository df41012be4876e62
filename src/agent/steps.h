/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Steps of connections whose clients are traced (docs/trace.md): the programs
 * tell them by a ring buffer, operators ask for them. One thread.
 */
#ifndef BATON_AGENT_STEPS_H
#define BATON_AGENT_STEPS_H

#include "agent/datapath.h"
#include "agent/loop.h"
#include "baton/abi/agent_maps.h"
#include "baton/trace.h"

struct steps;

/* Filters as the programs take them. Pure. */
void steps_tracing(struct agent_tracing *ret, const struct trace_filters *f);
/* A step as it is told to people; time_ns: wall clock. Pure. */
void steps_record(struct trace_record *ret, const struct agent_step *s, uint64_t time_ns);

/* d is borrowed and loaded; l may be NULL, then steps_poll() is to be called. 0 and *ret, or -errno after logging. */
int steps_start(struct loop *l, const struct datapath *d, struct steps **ret);
/* Takes NULL. Nobody is traced any more. */
void steps_stop(struct steps *s);
/* Take what there is; end traces that nobody asks for. */
void steps_poll(struct steps *s, uint64_t now_ns);

/* Trace these clients for so many seconds from now; first: see trace_log_join(). 0 or -ENOSPC. */
int steps_ask(struct steps *s, const struct trace_filter *f, uint32_t seconds, bool first);
/* As trace_log_next(). */
const struct trace_record *steps_next(struct steps *s, uint64_t seq, uint64_t since_ns, const struct trace_filter *f);

#endif
