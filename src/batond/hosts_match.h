/* SPDX-License-Identifier: BSD-3-Clause */
/* Which row of which host speaks of which endpoint, and what follows for its use. Pure. */
#ifndef BATON_BATOND_HOSTS_MATCH_H
#define BATON_BATOND_HOSTS_MATCH_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/health.h"
#include "baton/view.h"
#include "health/cache.h"

/* What the cache says of an endpoint. Index: endpoint id. */
struct hosts_endpoint {
	bool known;    /* a present host has a row for it */
	uint64_t host; /* id of that host */
	struct health_row row;
	uint64_t heard_ns;    /* monotonic; host's last sign of life */
	uint64_t reported_ns; /* monotonic; since when load and capacity are what they are */
	uint64_t active_ns;   /* monotonic; since when it may get connections, 0: it may not */
};

/*
 * Work out endpoints[0 … view->n_endpoints] (one more than there are) anew from
 * what they were. 0 and whether the use of one of them changed (active,
 * inactive, capacity; load alone is no change), or -ENOMEM with nothing touched.
 */
int hosts_match_endpoints(const struct view *view, const struct health_cache *cache, struct hosts_endpoint *endpoints,
			  uint64_t now_ns, bool *ret_changed);

#endif
