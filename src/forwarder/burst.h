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

/* Each takes n ≤ WORKER_BURST frames and owns them. */
struct burst_path {
	/* They are on their way when it returns. */
	void (*now)(struct forwarder_worker *w, struct rte_mbuf **packets, unsigned n);
	/*
	 * What was held goes first. hold: those with a route wait for the next call, so that their entries arrive
	 * while that one parses. n may be 0.
	 */
	void (*next)(struct forwarder_worker *w, struct rte_mbuf **packets, unsigned n, bool hold);
};

/* The one for tables of this form; both tables of a worker have the same. */
const struct burst_path *burst_for(const struct route_table *t);

/* Room for what is held and for what is parsed meanwhile; from rte_malloc. NULL if memory is short. */
struct burst_set *burst_sets_new(void);
/* Free the packets that are held: the worker ends. */
void burst_drop_held(struct forwarder_worker *w);

#endif
