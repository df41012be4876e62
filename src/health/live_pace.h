/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pace of an application on its host: what part of its configured capacity it
 * can do at present, from the requests it finished and the time its workers
 * were busy. Tells a host that a neighbour, heat or a lock slows down from one
 * that merely has much to do; its queue alone tells that only later. Pure.
 */
#ifndef BATON_HEALTH_LIVE_PACE_H
#define BATON_HEALTH_LIVE_PACE_H

#include <stdint.h>

struct live_pace {
	double n_done, busy_ns; /* recent; older ones count less */
};

/*
 * n_done requests were finished and workers were busy for busy_ns (the sum over
 * n_workers) since the last call. Call it once per report or more often.
 */
void live_pace_add(struct live_pace *p, uint32_t n_done, double busy_ns, unsigned n_workers);
/*
 * Capacity to report, 1-99, where the configured one goes with service_ns, the
 * busy time of a request at full speed (mean).
 */
uint8_t live_pace_capacity(const struct live_pace *p, uint8_t configured, double service_ns);

#endif
