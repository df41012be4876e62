/* SPDX-License-Identifier: BSD-3-Clause */
#include "turns.h"

#include <string.h>

#include <rte_cycles.h>

void turns_clear(struct turns *t)
{
	memset(t, 0, sizeof *t);
}

static unsigned class_of(uint64_t cycles)
{
	unsigned bit;

	if (cycles / TURNS_FINE_STEP < TURNS_N_FINE)
		return (unsigned)(cycles / TURNS_FINE_STEP);
	bit = 63 - (unsigned)__builtin_clzll(cycles);
	return TURNS_N_FINE + 8 * (bit - TURNS_FINE_BITS) + (unsigned)(cycles >> (bit - 3) & 7);
}

/* Where a class ends. */
static double end_of(unsigned class)
{
	unsigned coarse = class - TURNS_N_FINE;

	if (class < TURNS_N_FINE)
		return (double)(class + 1) * TURNS_FINE_STEP;
	return (double)((9ull + coarse % 8) << (TURNS_FINE_BITS + coarse / 8 - 3));
}

void turns_add(struct turns *t, uint64_t cycles)
{
	t->classes[class_of(cycles)]++;
	t->longest = cycles > t->longest ? cycles : t->longest;
	t->n++;
}

static double below(const struct turns *t, uint64_t rank)
{
	unsigned i = 0;

	for (uint64_t seen = 0; i < TURNS_N_FINE + TURNS_N_COARSE - 1 && (seen += t->classes[i]) < rank; i++)
		;
	return end_of(i) < (double)t->longest ? end_of(i) : (double)t->longest;
}

void turns_summarise(const struct turns *t, struct bench_turns *ret)
{
	double ns = 1e9 / (double)rte_get_tsc_hz();

	*ret = (struct bench_turns){ 0 };
	if (!t->n)
		return;
	ret->median = below(t, t->n / 2) * ns;
	ret->p99 = below(t, t->n - t->n / 100) * ns;
	ret->p999 = below(t, t->n - t->n / 1000) * ns;
	ret->longest = (double)t->longest * ns;
}
