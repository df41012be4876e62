/* SPDX-License-Identifier: BSD-3-Clause */
#ifndef BATON_BATOND_HOSTS_INTERNAL_H
#define BATON_BATOND_HOSTS_INTERNAL_H

#include "batond/batond.h"
#include "batond/hosts.h"
#include "health/group_cache.h"
#include "wire/codec.h"
#include "wire/link.h"
#include "wire/seal.h"

struct hosts {
	struct link *link;
	struct seal *seal;
	struct codec_arena arena, out_arena; /* a message may be answered while it is read */
	struct health_cache cache;
	struct health_group_cache groups; /* of leaders that speak for several hosts */
	bool cache_made, groups_made;
	uint64_t poll_ns, beacon_ns; /* when due */
	uint64_t matched_generation; /* of the cache that .endpoints were worked out from */
	struct hosts_endpoint endpoints[BATOND_MAX_ENDPOINTS + 1];
	struct hosts_event events[HOSTS_EVENTS_KEPT]; /* ring */
	uint64_t n_events;
	struct hosts_counters counters;
	uint8_t in[LINK_FRAME_MAX], opened[LINK_FRAME_MAX]; /* as it came; the text in it */
	uint8_t text[CODEC_MESSAGE_MAX], out[LINK_FRAME_MAX];
};

#endif
