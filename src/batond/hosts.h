/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Live health on the appliance: the link to the hosts' agents, the cache of
 * their tables, what follows for the endpoints, and allotments from it
 * (requirements H4-H6, H8). Control thread; readers on telemetry threads hold
 * the control thread's lock.
 */
#ifndef BATON_BATOND_HOSTS_H
#define BATON_BATOND_HOSTS_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/health.h"
#include "batond/hosts_match.h"
#include "health/cache.h"
#include "health/group_cache.h"

#define HOSTS_EVENTS_KEPT 1024

/* X(name, text) */
#define HOSTS_COUNTERS(X)                                              \
	X(not_sent, "frames that the link did not take")               \
	X(not_encoded, "messages that could not be encoded or sealed") \
	X(not_their_own, "messages in which a host speaks as another") \
	X(not_decoded, "messages of hosts that could not be decoded")  \
	X(matches, "times the endpoints were compared with the hosts' rows")

struct hosts_counters {
#define X(name, text) uint64_t name;
	HOSTS_COUNTERS(X)
#undef X
};

struct batond;
struct seal_keyring;
struct view;

/* One line of the events log. */
struct hosts_event {
	uint64_t wall_ns;
	uint64_t host;
	char host_name[64];
	uint8_t kind, cause; /* enum health_event_kind, enum health_cause */
	bool has_row;
	struct health_row row; /* as it was (removed) or is now */
};

/* Nothing to do and b->hosts NULL if the configuration has no health.listen. */
int hosts_start(struct batond *b);
void hosts_stop(struct batond *b);
/* Receive, age, send what is due. Sets b->view_due if an endpoint's use changed. */
void hosts_poll(struct batond *b, uint64_t now_ns);
/* New keys after a reload; copied. */
void hosts_set_keys(struct batond *b, const struct seal_keyring *keys);
/* Work out what the cache says of each endpoint of the view; after every new view. */
void hosts_match(struct batond *b, const struct view *view, uint64_t now_ns);
/* Never NULL for an id of the view; .known false if health is off. */
const struct hosts_endpoint *hosts_endpoint_get(const struct batond *b, uint16_t id);
/* For telemetry; NULL if health is off. */
const struct health_cache *hosts_cache_get(const struct batond *b);
/* Never NULL. */
const struct hosts_counters *hosts_counters_get(const struct batond *b);
/* Frames of the health link by verdict, SEAL_N_VERDICTS numbers; NULL if health is off. */
const uint64_t *hosts_seal_counters_get(const struct batond *b);
/* NULL if health is off. */
const struct health_group_cache *hosts_groups_get(const struct batond *b);
/* The i-th newest event, NULL after the last. */
const struct hosts_event *hosts_event_get(const struct batond *b, unsigned i);

#endif
