/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Allotments from the configured capacities alone (requirement H8, before any
 * host reports its load). Request in, response out: whoever answers from live
 * health has the same interface. Pure; any thread, with a view it may read.
 */
#ifndef BATON_HEALTH_STATIC_SOURCE_H
#define BATON_HEALTH_STATIC_SOURCE_H

#include <stdint.h>

#include "baton/allotment.h"
#include "baton/view.h"

/* Allotments are good for this long if the caller has no reason for another time. */
#define STATIC_SOURCE_VALID_NS 1000000000ull

/*
 * Answer a request: tokens in exact proportion to the capacities of the usable
 * endpoints, at least as many as wanted. Where every endpoint with a capacity
 * is unusable they all get their tokens, with .panic set: balanced over all of
 * them rather than over none. Endpoints of capacity 0 or retired never get
 * any; if no others are left the allotment is empty.
 * now_ns: monotonic clock. 0; -ENOENT: no such VIP; -E2BIG: more than
 * ALLOTMENT_MAX_ENDPOINTS endpoints.
 */
int static_source_answer(const struct view *v, const struct allotment_request *request, uint64_t now_ns,
			 uint64_t valid_ns, struct allotment *ret);

#endif
