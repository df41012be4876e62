/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of `./dev bench host`. */
#ifndef BATON_TEST_BPF_BENCH_HOST_H
#define BATON_TEST_BPF_BENCH_HOST_H

#include <stdint.h>

/* The kernel's statistics of a program, while they are switched on (BPF_ENABLE_STATS). */
struct bench_stats {
	uint64_t ns, runs;
};

struct bench_stats bench_stats_of(int prog_fd);

/*
 * Connections handed over, made by the kernel's own code and accepted. In
 * network namespaces of its own, in which the calling thread stays, pinned to
 * one core. Prints. 0 or -1.
 */
int bench_creates(void);

#endif
