/* SPDX-License-Identifier: BSD-3-Clause */
/* How long turns of a loop took: counts by class, which cost a turn next to nothing. */
#include <string.h>

#include <rte_cycles.h>

#include "bench.h"

#define FINE_STEP 8 /* TSC cycles of one class */
#define N_FINE 131072
#define FINE_BITS 20                    /* 8 cycles times 131072 */
#define N_COARSE (8 * (64 - FINE_BITS)) /* of an eighth of a power of two each, for what was interrupted */

static uint32_t classes[N_FINE + N_COARSE];
static uint64_t n_turns, longest;

void turns_clear(void)
{
	memset(classes, 0, sizeof classes);
	n_turns = longest = 0;
}

static unsigned class_of(uint64_t cycles)
{
	unsigned bit;

	if (cycles / FINE_STEP < N_FINE)
		return (unsigned)(cycles / FINE_STEP);
	bit = 63 - (unsigned)__builtin_clzll(cycles);
	return N_FINE + 8 * (bit - FINE_BITS) + (unsigned)(cycles >> (bit - 3) & 7);
}

/* Where a class ends. */
static double end_of(unsigned class)
{
	unsigned coarse = class - N_FINE;

	if (class < N_FINE)
		return (double)(class + 1) * FINE_STEP;
	return (double)((9ull + coarse % 8) << (FINE_BITS + coarse / 8 - 3));
}

void turns_add(uint64_t cycles)
{
	classes[class_of(cycles)]++;
	longest = cycles > longest ? cycles : longest;
	n_turns++;
}

static double below(uint64_t rank)
{
	unsigned i = 0;

	for (uint64_t seen = 0; i < N_FINE + N_COARSE - 1 && (seen += classes[i]) < rank; i++)
		;
	return end_of(i) < (double)longest ? end_of(i) : (double)longest;
}

void turns_summarise(struct bench_turns *ret)
{
	double ns = 1e9 / (double)rte_get_tsc_hz();

	*ret = (struct bench_turns){ 0 };
	if (!n_turns)
		return;
	ret->median = below(n_turns / 2) * ns;
	ret->p99 = below(n_turns - n_turns / 100) * ns;
	ret->p999 = below(n_turns - n_turns / 1000) * ns;
	ret->longest = (double)longest * ns;
}
