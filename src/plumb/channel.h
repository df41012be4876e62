/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Channel: how plumbing messages, slow-path packets and allotments travel
 * between the lcores of one device. Rings hand ownership over; nobody shares.
 */
#ifndef BATON_PLUMB_CHANNEL_H
#define BATON_PLUMB_CHANNEL_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/allotment.h"
#include "baton/plumb.h"
#include "baton/trace.h"
#include "baton/view.h"

struct rte_mbuf;
struct rte_mempool;
struct rte_ring;

#define CHANNEL_MAX_CLASSIFIERS 32

/* Written at start, read-only afterwards. Rings: any producer, one consumer. */
struct channel {
	uint16_t n_forwarders, n_classifiers;
	struct rte_mempool *messages;                            /* struct plumb_message */
	struct rte_mempool *allotments;                          /* struct allotment */
	struct rte_ring *to_forwarder[VIEW_MAX_FORWARDERS];      /* struct plumb_message * */
	struct rte_ring *to_classifier[CHANNEL_MAX_CLASSIFIERS]; /* struct plumb_message * */
	struct rte_ring *allotted[CHANNEL_MAX_CLASSIFIERS];      /* struct allotment * */
	struct rte_ring *local_packets;                          /* struct rte_mbuf * for the control thread */
	struct rte_ring *allotment_requests;                     /* struct allotment_request, by value */
	struct rte_ring *traces;                                 /* struct trace_record, by value */
	_Atomic uint64_t traces_lost;                            /* writer: any lcore whose record found no room */
};

struct channel_params {
	uint16_t n_forwarders, n_classifiers;
	uint32_t n_messages; /* pool size */
	uint32_t ring_size;  /* of each message ring, power of two */
};

/* Needs EAL. 0, or -ENOMEM with everything taken back. */
int channel_init(struct channel *c, const struct channel_params *p);
void channel_fini(struct channel *c);

/* An empty message, or NULL if the pool is used up. Any thread. */
struct plumb_message *channel_message_get(struct channel *c);
/* Gives back the message and, if it still owns one, its packet. */
void channel_message_put(struct channel *c, struct plumb_message *m);

/*
 * Hand m over at once; lcores that send many have an outbox (outbox.h). False if the
 * ring is full; m is given back with its packet then too, so that the caller only counts.
 */
bool channel_to_forwarder(struct channel *c, struct plumb_message *m);
bool channel_to_classifier(struct channel *c, uint16_t classifier, struct plumb_message *m);
/*
 * A step of the connection with this tuple, seen from any side, by a forwarder
 * or classifier: to the control thread, if the view traces its client.
 * v->trace is set. Any lcore.
 */
void channel_trace(struct channel *c, const struct view *v, enum trace_who who, uint16_t index,
		   const struct baton_tuple *t, const struct trace_step *step);
/* Hand a packet to the control thread; freed if the ring is full (false). */
bool channel_to_control(struct channel *c, struct rte_mbuf *packet);

#endif
