/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps of a client's connections, as they come, from a device or from the agent of a host. */
#ifndef BATON_BATONCTL_TRACE_H
#define BATON_BATONCTL_TRACE_H

#include <stdint.h>
#include <jansson.h>

#include "baton/trace.h"
#include "batonctl/batonctl.h"

/* A trace goes on for so long after the last request, in case batonctl is killed. */
#define TRACE_LINGERS_S 10

/*
 * Ask for the steps from number seq on that are not older than since_ns, and
 * append them to rows (docs/telemetry.md). An exit code, after complaining.
 */
typedef int (*trace_fetch_fn)(void *arg, uint64_t seq, uint64_t since_ns, json_t *rows);

/* The client among the words, at place i, the last one. 0, or BATONCTL_USAGE after complaining. */
int trace_client(const struct options *o, unsigned i, struct trace_filter *ret);
/* Print steps until Ctrl-C or the end of --seconds. An exit code. */
int trace_follow(const struct options *o, trace_fetch_fn fetch, void *arg);

#endif
