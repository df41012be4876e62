/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From what sources say (agent/health.h) to what balancers are told
 * (health/host.h): load is smoothed, health digested into a target directive,
 * which a wish may lower. Remembers per row what this takes. No clock, no
 * files, no sockets. One thread.
 */
#ifndef BATON_AGENT_TELLER_H
#define BATON_AGENT_TELLER_H

#include <stdbool.h>
#include <stdint.h>

#include "agent/config.h"
#include "agent/health.h"
#include "health/digest.h"
#include "health/host.h"

/* A row as it was before the agent was started again. */
struct teller_memory {
	struct health_app_id id;
	uint8_t current; /* enum health_directive that balancers acted on */
	bool was_healthy;
};

struct teller;

/* All must outlive it. NULL if memory is short. */
struct teller *teller_new(const struct agent_config *c, struct agent_health *h);
/* Takes NULL. */
void teller_free(struct teller *t);
/* From now on this configuration; teller_tell() applies it to all rows. */
void teller_config(struct teller *t, const struct agent_config *c);

/* What is remembered of an earlier run; copied. 0 or -ENOMEM. */
int teller_remember(struct teller *t, const struct teller_memory *rows, unsigned n);
/* Whether all rows remembered are there again and have a known health. */
bool teller_complete(const struct teller *t);

/*
 * Bring host's table in line. Times as in health/host.h. all: every row, not only
 * those that have changed. Rows that the table has no room for are counted.
 */
void teller_tell(struct teller *t, struct health_host *host, bool all, uint64_t now_ns);
/* When the load is to be looked at again; UINT64_MAX: nobody tells any. */
uint64_t teller_due(const struct teller *t);
/* Whether the row was ever told as healthy, for the next run's memory. */
bool teller_was_healthy(const struct teller *t, const struct health_app_id *id);
uint64_t teller_refused(const struct teller *t);

#endif
