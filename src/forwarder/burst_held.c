/* SPDX-License-Identifier: BSD-3-Clause */
/* Where a burst waits between two turns. */
#include <rte_malloc.h>
#include <rte_mbuf.h>

#include "forwarder/burst.h"
#include "forwarder/burst_plain.h"

struct burst_set *burst_sets_new(void)
{
	return rte_zmalloc("bursts", 2 * sizeof(struct burst_set), RTE_CACHE_LINE_SIZE);
}

static void burst_free_lane(const struct burst_lane *lane)
{
	for (uint32_t found = lane->found; found; found &= found - 1)
		rte_pktmbuf_free(lane->p[__builtin_ctz(found)].m);
}

void burst_drop_held(struct forwarder_worker *w)
{
	const struct burst_set *held = &w->sets[w->set];

	if (!w->holds)
		return;
	if (held->v4.n)
		burst_free_lane(&held->v4);
	if (held->v6.n)
		burst_free_lane(&held->v6);
	w->holds = false;
}
