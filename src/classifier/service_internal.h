/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the classifier service share; for nobody else. */
#ifndef BATON_CLASSIFIER_SERVICE_INTERNAL_H
#define BATON_CLASSIFIER_SERVICE_INTERNAL_H

#include "classifier/service.h"

struct rte_mbuf;

/* service_send.c: messages to forwarders. What can't be sent is counted and given back. */

bool service_send(struct classifier_service *s, struct plumb_message *m);
struct plumb_message *service_message(struct classifier_service *s, enum plumb_type type, uint8_t forwarder);
void service_delete(struct classifier_service *s, const struct classifier_delete *d, unsigned n);
void service_set_state(struct classifier_service *s, const struct classifier_state_change *c, unsigned n);
/* A route is gone, or had no room. */
void service_aged(struct classifier_service *s, const struct baton_tuple *key, uint8_t forwarder, bool add_failed,
		  uint64_t now_ns);
/* A buffer with room for a frame of len bytes, as if it had come in by port; or NULL. */
struct rte_mbuf *service_frame(struct classifier_service *s, uint16_t port, uint32_t len);
/* Takes the packet: PLUMB_SEND (out of its port) or PLUMB_PACKET. */
bool service_hand(struct classifier_service *s, enum plumb_type type, uint8_t forwarder, struct rte_mbuf *b);
/* Plumb a route that no packet follows. False: the classifier knows that it could not be. */
bool service_add(struct classifier_service *s, uint8_t forwarder, const struct plumb_route *r, uint64_t now_ns);

/* service_trace.c: nothing happens there while nobody is traced */

static inline void service_trace(struct classifier_service *s, const struct baton_tuple *t,
				 const struct trace_step *step)
{
	if (s->view->trace)
		channel_trace(s->channel, s->view, TRACE_CLASSIFIER, s->index, t, step);
}

/* What a decision is made from: the counters that it moves name its reasons. */
struct service_reasons {
	bool traced;
	struct classifier_counters before;
	uint64_t session_hits;
};

void service_reasons_begin(const struct classifier_service *s, const struct baton_tuple *t,
			   struct service_reasons *ret);
/* d: what was decided of a packet, or NULL. */
void service_reasons_tell(struct classifier_service *s, const struct baton_tuple *t, struct service_reasons *r,
			  const struct classifier_decision *d);
/* handover_env.trace */
void service_trace_step(void *arg, const struct baton_tuple *key, const struct trace_step *step);

/* service_handover.c */

/* Is the packet of a connection that begins? It has been taken then, and m is done with. */
bool service_accept(struct classifier_service *s, struct plumb_message *m);

#endif
