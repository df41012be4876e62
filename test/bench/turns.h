/* SPDX-License-Identifier: BSD-3-Clause */
/* How long turns of a loop took: counts by class, which cost a turn next to nothing. One lcore writes. */
#ifndef BATON_TEST_BENCH_TURNS_H
#define BATON_TEST_BENCH_TURNS_H

#include <stdint.h>

#include "report.h"

#define TURNS_FINE_STEP 8 /* TSC cycles of one class */
#define TURNS_N_FINE 131072
#define TURNS_FINE_BITS 20                          /* 8 cycles times 131072 */
#define TURNS_N_COARSE (8 * (64 - TURNS_FINE_BITS)) /* an eighth of a power of two each, for what was interrupted */

struct turns {
	uint64_t n, longest;
	uint32_t classes[TURNS_N_FINE + TURNS_N_COARSE];
} __attribute__((aligned(64)));

void turns_clear(struct turns *t);
void turns_add(struct turns *t, uint64_t cycles);
/* Nanoseconds, all 0 if there was none. */
void turns_summarise(const struct turns *t, struct bench_turns *ret);

#endif
