/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * From status to target directive (requirement H3), by these rules, first that
 * fits:
 *   operator's override           → what the operator said
 *   unknown, never yet healthy    → inactive
 *   unknown, was healthy before   → draining: nothing speaks against what is established
 *   failing                       → .failing of the rules (inactive unless configured)
 *   overload                      → draining, until the load is back at .overload_off
 *   healthy                       → active
 * Pure; one user at a time.
 */
#ifndef BATON_HEALTH_DIGEST_H
#define BATON_HEALTH_DIGEST_H

#include "baton/health.h"

/* Of one application, configured. */
struct health_rules {
	uint8_t failing;       /* enum health_directive: HEALTH_INACTIVE or HEALTH_DRAINING */
	uint16_t overload_on;  /* hundredths of a percent; at this load overload begins. 0: never */
	uint16_t overload_off; /* at this load or below it ends */
};

/* What an operator forces; wins over every status. */
struct health_override {
	bool set;
	uint8_t directive; /* enum health_directive */
	char reason[HEALTH_REASON_MAX];
};

/* What is remembered of one application. All zero: nothing known yet. */
struct health_digest {
	bool was_healthy;
	bool overloaded;
};

/* Failing is inactive, overload from 95 % to 85 % of HEALTH_LOAD_FULL. */
struct health_rules health_rules_default(void);
/* 0; -EINVAL: .failing is another directive, or overload_off above overload_on. */
int health_rules_check(const struct health_rules *r);

/*
 * Set row->target and row->reason from row->state and row->load. detail: what
 * the source of the status says ("connection refused"), or NULL. o: NULL is
 * the same as not set. Nothing else of the row changes.
 */
void health_digest_apply(struct health_digest *d, const struct health_rules *r, const struct health_override *o,
			 const char *detail, struct health_row *row);

#endif
