/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Walk over the table of connections in bounded steps: forget what ended long
 * ago, end what no device wants, report what the event has not.
 */
#ifndef BATON_AGENT_CONN_SWEEP_H
#define BATON_AGENT_CONN_SWEEP_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/config.h"
#include "agent/ends.h"

struct conn_sweep;

/* What is to be done with an entry. */
enum conn_fate {
	CONN_KEEP,
	CONN_FORGET,    /* delete the entry */
	CONN_LOST,      /* the same, because it never became a socket although the kernel was to create it */
	CONN_UNCLAIMED, /* end the connection */
	CONN_REPORT,    /* tell its device of the end */
};

/* Each end without a report falls between the beginnings of two passes, and the second one reports it. */
struct conn_pass {
	uint64_t since_ns; /* the one before; 0: there was none */
	uint64_t began_ns; /* this one */
};

/* Pure. */
enum conn_fate conn_fate(const struct agent_conn_key *key, const struct agent_conn *c,
			 const struct agent_config *config, const struct conn_pass *pass, uint64_t now_ns);

/* NULL if memory is short. */
struct conn_sweep *conn_sweep_new(void);
/* Takes NULL. */
void conn_sweep_free(struct conn_sweep *s);
/* Visit some thousand entries of map fd. 1: the pass has come to its end, 0: go on, -errno. */
int conn_sweep_step(struct conn_sweep *s, int fd, struct ends *e, const struct agent_config *c, uint64_t now_ns);

/* Return false to end the walk. */
typedef bool (*conn_visit_fn)(const struct agent_conn_key *key, const struct agent_conn *c, void *arg);
/* Show every entry of map fd once (those that come or go meanwhile: perhaps). 0 or -errno. */
int conn_walk(int fd, conn_visit_fn visit, void *arg);

#endif
