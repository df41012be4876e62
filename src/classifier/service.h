/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classifier service: the loop around a classifier on its lcore. Takes misses,
 * finals, aged routes and hosts' words from the forwarders' rings, lets the
 * classifier decide, and sends plumbing messages and packets back. Connections
 * to VIPs with an application go through its hand-over.
 */
#ifndef BATON_CLASSIFIER_SERVICE_H
#define BATON_CLASSIFIER_SERVICE_H

#include <stdbool.h>
#include <stdint.h>

#include "classifier/classifier.h"
#include "migrate/handover.h"
#include "plumb/channel.h"
#include "plumb/outbox.h"

struct rte_mempool;

/* Why the service dropped a packet or message. X(name, text) */
#define CLASSIFIER_SERVICE_COUNTERS(X)                                      \
	X(packets, "packets taken from forwarders")                         \
	X(resets_sent, "resets sent to clients")                            \
	X(forwarder_busy, "messages lost: the ring to a forwarder is full") \
	X(messages_exhausted, "messages lost: no free plumbing message")    \
	X(buffers_exhausted, "own packets not sent: no free packet buffer") \
	X(control_busy, "allotment requests put off: the ring to the health handler is full")

struct classifier_service_counters {
#define X(name, text) uint64_t name;
	CLASSIFIER_SERVICE_COUNTERS(X)
#undef X
};

struct classifier_service {
	uint16_t index;
	struct classifier *classifier;               /* owned */
	struct handover *handover;                   /* owned; NULL: no connections are accepted */
	struct channel *channel;                     /* borrowed */
	struct rte_mempool *packets;                 /* borrowed, for its own packets */
	struct classifier_service_counters counters; /* one writer: the lcore */
	struct outbox to_forwarder[VIEW_MAX_FORWARDERS];
	/* of this turn */
	const struct view *view;
	uint64_t now_ns, wall_ns;
	bool by_session;   /* the endpoint chosen last, while somebody is traced */
	uint8_t apart[64]; /* each turn writes: no line of it is the next one's */
};

/* Takes the classifier over. */
void classifier_service_init(struct classifier_service *s, uint16_t index, struct classifier *c,
			     struct channel *channel);
/*
 * Accept connections for VIPs with an application from now on; lcore, env and
 * arg of the parameters are filled in here. Before the lcore is launched. 0 or -ENOMEM.
 */
int classifier_service_accept(struct classifier_service *s, const struct handover_params *p,
			      struct rte_mempool *packets);
/* After its lcore has stopped; connections on their way to a host are forgotten. */
void classifier_service_fini(struct classifier_service *s);
/* One turn; view is valid during it. now_ns: monotonic, wall_ns: wall clock. Returns how much work it found. */
unsigned classifier_service_poll(struct classifier_service *s, const struct view *view, uint64_t now_ns,
				 uint64_t wall_ns);

#endif
