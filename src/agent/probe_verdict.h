/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rise and fall: when results of single attempts change what is thought of an
 * application. The first result counts at once, whichever it is; from then on a
 * change takes as many results in a row as configured. Pure.
 */
#ifndef BATON_AGENT_PROBE_VERDICT_H
#define BATON_AGENT_PROBE_VERDICT_H

#include <stdbool.h>

#include "baton/health.h"

struct probe_verdict {
	enum health_state state; /* HEALTH_UNKNOWN: no result yet */
	int streak;              /* results in a row that speak against .state */
};

/* Take a result in. Whether .state has changed, which is what is to be reported. */
static inline bool probe_verdict_take(struct probe_verdict *v, bool good, int rise, int fall)
{
	enum health_state says = good ? HEALTH_HEALTHY : HEALTH_FAILING;

	if (v->state == says) {
		v->streak = 0;
		return false;
	}
	if (v->state != HEALTH_UNKNOWN && ++v->streak < (good ? rise : fall))
		return false;
	v->state = says;
	v->streak = 0;
	return true;
}

#endif
