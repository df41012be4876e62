/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The loop around a classifier to test: DPDK without huge pages, rings without
 * forwarders, so that the test is the forwarder.
 */
#ifndef TEST_CLASSIFIER_SERVICE_WORLD_H
#define TEST_CLASSIFIER_SERVICE_WORLD_H

#include "classifier/service.h"
#include "fixture.h"
#include "frames.h"

#define N_FORWARDERS 2
#define N_PACKETS 255
#define N_MESSAGES 511
#define RING 64
#define NOW SECONDS(1000)
#define WALL SECONDS(1700000000)

struct service_world {
	struct channel channel;
	struct classifier_service s;
	struct view *view;
};

extern struct rte_mempool *service_world_packets; /* N_PACKETS of them */

/* Once for a test program. */
int service_world_setup(void **state);
/* With fixture_view(). */
struct service_world *service_world_new(uint8_t proto, uint8_t mode);
/* Fails if something is left in a ring, or a packet or message is missing. */
void service_world_free(struct service_world *w);

/* An empty message about a key. */
struct plumb_message *service_world_message(struct service_world *w, enum plumb_type type, uint8_t forwarder,
					    const struct baton_tuple *key);
/* Turns of the loop at NOW until it finds nothing to do. */
void service_world_poll(struct service_world *w);
/* The frame came in by port on the forwarder and has no route. */
void service_world_miss(struct service_world *w, uint8_t forwarder, uint16_t port, const struct frame *f, uint16_t vip);
/* The oldest message to a forwarder; fails if there is none or it has another type. */
struct plumb_message *service_world_told(struct service_world *w, uint8_t forwarder, enum plumb_type type);
void service_world_forget(struct service_world *w, struct plumb_message *m);

#endif
