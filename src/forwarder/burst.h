/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The hot path: a burst in three passes (parse and hash; compare tags; compare
 * keys and forward), compiled in one piece for each form of the route table.
 * A packet that has a route and nothing else to it is forwarded here; all others
 * go through the stages, one file each (stages.h).
 */
#ifndef BATON_FORWARDER_BURST_H
#define BATON_FORWARDER_BURST_H

#include "forwarder/worker.h"

/* Take n ≤ WORKER_BURST frames; owns them. */
typedef void (*burst_fn)(struct forwarder_worker *w, struct rte_mbuf **packets, unsigned n);

/* The one for tables of this form; both tables of a worker have the same. */
burst_fn burst_for(const struct route_table *t);

#endif
