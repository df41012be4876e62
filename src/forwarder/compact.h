/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Compact NAT routes. What a NAT route turns a packet into stands in the cold
 * half of its entry: a second cache line for each packet. Mostly it is known
 * otherwise: the endpoint's address and port, the VIP's, the packet's own, and
 * one source address of the worker. Such a route is marked, and the hot path
 * does not read its cold half; only replies of full NAT still need theirs.
 */
#ifndef BATON_FORWARDER_COMPACT_H
#define BATON_FORWARDER_COMPACT_H

#include "forwarder/worker.h"

/*
 * Mark the route, which is just as r says, if it can be compact. The worker
 * takes the first source address of a family that it sees for its own.
 */
void compact_mark(struct forwarder_worker *w, struct route_table *t, uint32_t index, const struct plumb_route *r);

#endif
