/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classifier service: the loop around a classifier on its lcore. Takes misses,
 * finals and aged routes from the forwarders' rings, lets the classifier
 * decide, and sends plumbing messages and packets back.
 */
#ifndef BATON_CLASSIFIER_SERVICE_H
#define BATON_CLASSIFIER_SERVICE_H

#include <stdint.h>

#include "classifier/classifier.h"
#include "plumb/channel.h"

/* Why the service dropped a packet or message. X(name, text) */
#define CLASSIFIER_SERVICE_COUNTERS(X)                                      \
	X(packets, "packets taken from forwarders")                         \
	X(resets_sent, "resets sent to clients")                            \
	X(forwarder_busy, "messages lost: the ring to a forwarder is full") \
	X(messages_exhausted, "messages lost: no free plumbing message")    \
	X(control_busy, "allotment requests put off: the ring to the health handler is full")

struct classifier_service_counters {
#define X(name, text) uint64_t name;
	CLASSIFIER_SERVICE_COUNTERS(X)
#undef X
};

struct classifier_service {
	uint16_t index;
	struct classifier *classifier;               /* owned */
	struct channel *channel;                     /* borrowed */
	struct classifier_service_counters counters; /* one writer: the lcore */
};

/* Takes the classifier over. */
void classifier_service_init(struct classifier_service *s, uint16_t index, struct classifier *c,
			     struct channel *channel);
void classifier_service_fini(struct classifier_service *s);
/* One turn; view is valid during it. Returns how much work it found. */
unsigned classifier_service_poll(struct classifier_service *s, const struct view *view, uint64_t now_ns);

#endif
