/* SPDX-License-Identifier: BSD-3-Clause */
/* Random numbers that a seed repeats exactly: splitmix64 (Steele, Lea, Flood: Fast splittable generators, 2014). */
#ifndef TAIL_RANDOM_H
#define TAIL_RANDOM_H

#include <math.h>
#include <stdint.h>

struct tail_random {
	uint64_t state;
};

static inline uint64_t random_u64(struct tail_random *r)
{
	uint64_t z = r->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

/* In (0, 1). */
static inline double random_unit(struct tail_random *r)
{
	return ((double)(random_u64(r) >> 11) + 0.5) / (double)(1ull << 53);
}

/* Below n. */
static inline unsigned random_below(struct tail_random *r, unsigned n)
{
	return (unsigned)(random_unit(r) * n);
}

static inline double random_exponential(struct tail_random *r, double mean)
{
	return -log(random_unit(r)) * mean;
}

/* Box and Muller, 1958. */
static inline double random_normal(struct tail_random *r)
{
	double radius = sqrt(-2 * log(random_unit(r)));

	return radius * cos(2 * M_PI * random_unit(r));
}

/* With this mean and coefficient of variation (standard deviation ÷ mean). */
static inline double random_log_normal(struct tail_random *r, double mean, double cv)
{
	double variance = log1p(cv * cv);

	return mean * exp(sqrt(variance) * random_normal(r) - variance / 2);
}

#endif
