/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A small world around one classifier: forwarders that keep their tables by
 * the rules in classifier.h, rings that hold messages up for a while, clients,
 * hosts, and a configuration that changes. All from one seed.
 */
#ifndef TEST_CLASSIFIER_WORLD_H
#define TEST_CLASSIFIER_WORLD_H

#include "classifier/state.h"
#include "fixture.h"

#define WORLD_FORWARDERS 3
#define WORLD_ROUTES 24 /* per forwarder: now and then too few */
#define WORLD_RING 4096
#define WORLD_ENDPOINTS 4
#define WORLD_CLIENTS 24
#define WORLD_CONNECTIONS 20 /* fewer than clients: now and then full */
#define WORLD_QUARANTINE_S 8
#define WORLD_TIMEOUT_NS SECONDS(5)
#define WORLD_PORT_FIRST 3000
#define WORLD_PORTS 6 /* now and then too few */

struct world_route {
	struct plumb_route r;
	uint64_t used_ns;
};

struct world_ring {
	struct plumb_message m[WORLD_RING];
	unsigned head, tail;
};

struct world_forwarder {
	struct world_route routes[WORLD_ROUTES];
	unsigned n_routes;
	struct world_ring to_classifier, from_classifier;
};

struct world {
	uint64_t random;
	uint64_t now_ns;
	uint64_t wait_ns; /* to pass before the next step */
	struct view *v;
	struct classifier *c;
	struct world_forwarder forwarders[WORLD_FORWARDERS];
	bool port_live[WORLD_FORWARDERS][WORLD_PORTS];
	uint64_t port_freed_ns[WORLD_FORWARDERS][WORLD_PORTS];
};

struct world *world_new(uint64_t seed, uint8_t proto);
void world_free(struct world *w);
uint32_t world_random(struct world *w, uint32_t below);
/* One thing happens: a packet, a message, a change of configuration, time. */
void world_step(struct world *w);
/* Deliver all that is on the rings, until nothing more comes of it. */
void world_settle(struct world *w);
/* Let time pass with nothing on the rings; idle routes age. */
void world_wait(struct world *w, uint64_t ns);

#endif
