/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/smooth.h"

#include "base/clock.h"
#include "health/digest.h"

struct health_smooth_rules health_smooth_rules_default(void)
{
	struct health_rules r = health_rules_default();

	return (struct health_smooth_rules){
		.time_constant_ms = 5000,
		.band = HEALTH_LOAD_FULL / 50,
		.step = HEALTH_LOAD_FULL / 5,
		.usual_gap_ms = 15000,
		.urgent_gap_ms = 250,
		.longest_gap_ms = 60000,
		.overload_on = r.overload_on,
		.overload_off = r.overload_off,
	};
}

static uint16_t rounded(double load)
{
	return (uint16_t)(load + 0.5);
}

void health_smooth_add(struct health_smooth *s, const struct health_smooth_rules *r, uint32_t load, uint64_t now_ns)
{
	double sample = load < HEALTH_LOAD_MAX ? load : HEALTH_LOAD_MAX;
	double passed_ms = s->sampled && now_ns > s->sample_ns ? (double)(now_ns - s->sample_ns) / CLOCK_NS_PER_MS : 0;

	/*
	 * A first-order low pass, stepped backwards (backward Euler): the weight
	 * dt / (tau + dt) stays below 1 however far apart the samples are. Samples
	 * without time between them have no weight.
	 */
	if (!s->sampled || r->time_constant_ms == 0)
		s->load = sample;
	else
		s->load += (sample - s->load) * passed_ms / (r->time_constant_ms + passed_ms);
	s->sampled = true;
	s->sample_ns = now_ns;

	if (rounded(s->load) <= r->overload_off)
		s->overloaded = false;
	if (r->overload_on && rounded(s->load) >= r->overload_on)
		s->overloaded = true;
}

static uint32_t gap_ms(const struct health_smooth *s, const struct health_smooth_rules *r)
{
	double moved = s->load < s->reported ? s->reported - s->load : s->load - s->reported;

	if (s->overloaded != s->overload_reported || moved >= r->step)
		return r->urgent_gap_ms;
	return moved >= r->band ? r->usual_gap_ms : r->longest_gap_ms;
}

uint64_t health_smooth_due(const struct health_smooth *s, const struct health_smooth_rules *r)
{
	if (!s->sampled)
		return UINT64_MAX;
	return s->ever_reported ? s->report_ns + gap_ms(s, r) * CLOCK_NS_PER_MS : s->sample_ns;
}

bool health_smooth_report(struct health_smooth *s, const struct health_smooth_rules *r, uint64_t now_ns,
			  uint16_t *ret_load)
{
	if (!s->sampled || (s->ever_reported && now_ns < health_smooth_due(s, r)))
		return false;
	s->ever_reported = true;
	s->report_ns = now_ns;
	s->reported = rounded(s->load);
	s->overload_reported = s->overloaded;
	*ret_load = s->reported;
	return true;
}
