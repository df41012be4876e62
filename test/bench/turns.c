/* SPDX-License-Identifier: BSD-3-Clause */
/* How long turns of a loop took: counts by class, which cost a turn next to nothing. */
#include <string.h>

#include <rte_cycles.h>

#include "bench.h"

#define TURN_STEP 8 /* TSC cycles of one class */
#define TURN_CLASSES 131072

static uint32_t classes[TURN_CLASSES];
static uint64_t n_turns, longest;

void turns_clear(void)
{
	memset(classes, 0, sizeof classes);
	n_turns = longest = 0;
}

void turns_add(uint64_t cycles)
{
	classes[cycles / TURN_STEP < TURN_CLASSES ? cycles / TURN_STEP : TURN_CLASSES - 1]++;
	longest = cycles > longest ? cycles : longest;
	n_turns++;
}

static double below(uint64_t rank)
{
	unsigned i = 0;

	for (uint64_t seen = 0; i < TURN_CLASSES - 1 && (seen += classes[i]) < rank; i++)
		;
	return (double)(i + 1) * TURN_STEP;
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
