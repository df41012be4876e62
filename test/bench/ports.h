/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets over real ports: a generator and a sink on one DPDK port, the device on
 * another, whatever lies between them. No more packets are under way than fit
 * into the smallest queue, so none has a reason to get lost.
 */
#ifndef BATON_TEST_BENCH_PORTS_H
#define BATON_TEST_BENCH_PORTS_H

#include "bench.h"

/*
 * Measure devices with the flows asked for between the two ports of the command
 * line, or two that rings join. 0 or -errno, with a line on standard error.
 */
int ports_run(const struct bench_options *o, struct bench_source *s, struct rte_mempool *pool, struct bench_report *r);

#endif
