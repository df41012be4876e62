/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Load of one application, smoothed and reported seldom (requirement H2): one to
 * four times a minute, and at once only if it moved far or passed an overload
 * limit. Health does not come through here: it goes out as it is. Exponential
 * average over irregular samples; pure, the time is an argument.
 */
#ifndef BATON_HEALTH_SMOOTH_H
#define BATON_HEALTH_SMOOTH_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/health.h"

struct health_smooth_rules {
	uint32_t time_constant_ms; /* 0: no smoothing */
	uint16_t band;             /* hundredths of a percent: less than this is no change */
	uint16_t step;             /* a move as large as this is reported at once */
	uint32_t usual_gap_ms;     /* between two reports of usual changes */
	uint32_t urgent_gap_ms;    /* between two reports of any kind */
	uint32_t longest_gap_ms;   /* then it is reported though it did not change */
	uint16_t overload_on;      /* passing these is reported at once, as in struct health_rules; 0: never */
	uint16_t overload_off;
};

/* All zero: nothing known yet. */
struct health_smooth {
	double load; /* smoothed, hundredths of a percent */
	uint64_t sample_ns;
	uint64_t report_ns;
	uint16_t reported;
	bool sampled, ever_reported, overloaded, overload_reported;
};

/* Time constant 5 s, band 2 %, step 20 %, gaps 15 s, 250 ms, 60 s, overload as health_rules_default. */
struct health_smooth_rules health_smooth_rules_default(void);

/* A sample: hundredths of a percent, clipped at HEALTH_LOAD_MAX; monotonic clock. */
void health_smooth_add(struct health_smooth *s, const struct health_smooth_rules *r, uint32_t load, uint64_t now_ns);
/* Whether the load is to be reported now; then it counts as reported and *ret_load is what to tell. */
bool health_smooth_report(struct health_smooth *s, const struct health_smooth_rules *r, uint64_t now_ns,
			  uint16_t *ret_load);
/* When to ask health_smooth_report again if no sample comes before. UINT64_MAX: nothing to report. */
uint64_t health_smooth_due(const struct health_smooth *s, const struct health_smooth_rules *r);

#endif
