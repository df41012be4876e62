/* SPDX-License-Identifier: BSD-3-Clause */
/* Times, counted in classes that are half a percent wide. */
#ifndef TAIL_SAMPLES_H
#define TAIL_SAMPLES_H

#include <math.h>
#include <stdint.h>

#define SAMPLES_STEP 1.005
#define SAMPLES_MIN_MS 1e-3
enum { SAMPLES_N = 4800 }; /* up to hours */

struct samples {
	uint64_t n;
	double sum_ms;
	uint64_t classes[SAMPLES_N];
};

static inline void samples_add(struct samples *s, double ms)
{
	double i = ms > SAMPLES_MIN_MS ? log(ms / SAMPLES_MIN_MS) / log(SAMPLES_STEP) : 0;

	s->classes[i < SAMPLES_N - 1 ? (unsigned)i : SAMPLES_N - 1]++;
	s->sum_ms += ms;
	s->n++;
}

/* The time that this part of all stays below (middle of its class). */
static inline double samples_quantile(const struct samples *s, double part)
{
	uint64_t seen = 0;

	for (unsigned i = 0; i < SAMPLES_N; i++) {
		seen += s->classes[i];
		if ((double)seen >= part * (double)s->n)
			return SAMPLES_MIN_MS * pow(SAMPLES_STEP, i + 0.5);
	}
	return INFINITY;
}

#endif
