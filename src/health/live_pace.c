/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/live_pace.h"

#include <math.h>

/* Shorter: more noise of single requests. Longer: a burst of slowness is over before it is seen. */
#define PACE_NS 70e6
/* So many requests at full speed are taken for granted: an idle host is not slow. */
#define PACE_PRIOR 2

void live_pace_add(struct live_pace *p, uint32_t n_done, double busy_ns, unsigned n_workers)
{
	double keep = n_workers ? exp(-busy_ns / n_workers / PACE_NS) : 1;

	p->n_done = p->n_done * keep + n_done;
	p->busy_ns = p->busy_ns * keep + busy_ns;
}

uint8_t live_pace_capacity(const struct live_pace *p, uint8_t configured, double service_ns)
{
	double pace = (p->n_done + PACE_PRIOR) * service_ns / (p->busy_ns + PACE_PRIOR * service_ns);

	return (uint8_t)fmin(fmax(round(pace * configured), 1), 99);
}
