/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/digest.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "base/text.h"
#include "health/row.h"

struct health_rules health_rules_default(void)
{
	return (struct health_rules){
		.failing = HEALTH_INACTIVE,
		.overload_on = HEALTH_LOAD_FULL / 100 * 95,
		.overload_off = HEALTH_LOAD_FULL / 100 * 85,
	};
}

int health_rules_check(const struct health_rules *r)
{
	if (r->failing != HEALTH_INACTIVE && r->failing != HEALTH_DRAINING)
		return -EINVAL;
	return r->overload_on && r->overload_off > r->overload_on ? -EINVAL : 0;
}

__attribute__((format(printf, 3, 4))) static void decide(struct health_row *row, enum health_directive target,
							 const char *format, ...)
{
	va_list args;

	row->target = (uint8_t)target;
	memset(row->reason, 0, sizeof(row->reason));
	va_start(args, format);
	vsnprintf(row->reason, sizeof(row->reason), format, args);
	va_end(args);
	/* others wrote parts of it, and what is too long was cut anywhere */
	text_clean(row->reason, sizeof(row->reason));
}

static void decide_unknown(const struct health_digest *d, struct health_row *row)
{
	if (d->was_healthy)
		decide(row, HEALTH_DRAINING, "nobody tells its health any more");
	else
		decide(row, HEALTH_INACTIVE, "not yet seen healthy");
}

static void decide_failing(const struct health_rules *r, const char *detail, struct health_row *row)
{
	decide(row, r->failing, "failing%s%s", detail && *detail ? ": " : "", detail ? detail : "");
}

static void note(struct health_digest *d, const struct health_rules *r, const struct health_row *row)
{
	if (row->state == HEALTH_HEALTHY)
		d->was_healthy = true;
	if (r->overload_on == 0 || row->load <= r->overload_off)
		d->overloaded = false;
	/* after it: where both limits are the same, at the limit counts as overload */
	if (r->overload_on && row->load >= r->overload_on)
		d->overloaded = true;
}

void health_digest_apply(struct health_digest *d, const struct health_rules *r, const struct health_override *o,
			 const char *detail, struct health_row *row)
{
	note(d, r, row);
	if (o && o->set)
		decide(row, o->directive, "operator: %.*s", (int)sizeof(o->reason),
		       o->reason[0] ? o->reason : "no reason given");
	else if (row->state == HEALTH_UNKNOWN)
		decide_unknown(d, row);
	else if (row->state == HEALTH_FAILING)
		decide_failing(r, detail, row);
	else if (d->overloaded)
		/* the limit, not the load: a reason that moves with every sample is news without news */
		decide(row, HEALTH_DRAINING, "overload: was at %u %% or more, not yet back at %u %%",
		       r->overload_on / 100u, r->overload_off / 100u);
	else
		decide(row, HEALTH_ACTIVE, "healthy%s%s", detail && *detail ? ": " : "", detail ? detail : "");
}
