/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The stages of the packet path, one file each. A stage that is given a packet
 * owns it: it sends it, hands it on or drops it with a counted reason.
 */
#ifndef BATON_FORWARDER_STAGES_H
#define BATON_FORWARDER_STAGES_H

#include <rte_mbuf.h>

#include "forwarder/worker.h"

static inline uint8_t *stage_bytes(struct rte_mbuf *m)
{
	return rte_pktmbuf_mtod(m, uint8_t *);
}

/* stage_trace.c: the packet of w->subject is dropped. */
void stage_trace_drop(struct forwarder_worker *w, enum forwarder_drop reason);

static inline void stage_drop(struct forwarder_worker *w, struct rte_mbuf *m, enum forwarder_drop reason)
{
	if (unlikely(w->subject))
		stage_trace_drop(w, reason);
	w->counters.drops[reason]++;
	rte_pktmbuf_free(m);
}

static inline struct route_table *stage_table(const struct forwarder_worker *w, uint8_t family)
{
	return family == BATON_IPV4 ? w->routes4 : w->routes6;
}

/* A packet to an endpoint, or back from it. */
static inline __attribute__((always_inline)) void stage_count_endpoint(struct forwarder_endpoint_counters *c, bool back,
								       uint32_t bytes)
{
	if (back) {
		c->return_packets++;
		c->return_bytes += bytes;
	} else {
		c->packets++;
		c->bytes += bytes;
	}
}

/* F: where tunneled packets and shim datagrams about the routes of this bank come from. */
static inline const struct baton_addr *stage_tunnel_addr(const struct forwarder_worker *w, uint8_t family,
							 uint32_t bank)
{
	const struct view_forwarder *f = &w->view->forwarders[w->index];

	return family == BATON_IPV4 ? &f->tunnel4[bank] : &f->tunnel6[bank];
}

static inline void stage_trace(struct forwarder_worker *w, const struct baton_tuple *t, const struct trace_step *step)
{
	if (unlikely(w->view->trace))
		channel_trace(w->channel, w->view, TRACE_FORWARDER, w->index, t, step);
}

/* stage_trace.c: */

/* A step of a route that is in the table. */
void stage_trace_route(struct forwarder_worker *w, struct route_table *t, uint32_t index, enum trace_event event,
		       uint32_t a, uint32_t b);
/* A step of a route that the classifier wants. */
void stage_trace_plumb(struct forwarder_worker *w, const struct plumb_route *r, enum trace_event event);

/* stage_hit.c: a packet and its route. */
void stage_hit(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info, uint32_t index);
/* stage_miss.c: a TCP or UDP packet without a route; punt: to its classifier. */
void stage_miss(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info);
void stage_punt(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info, uint16_t vip);
/* stage_local.c: everything that is not a whole TCP or UDP packet, and what belongs to the device itself. */
void stage_local(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info);
void stage_exception(struct forwarder_worker *w, struct rte_mbuf *m, enum forwarder_drop otherwise);
/*
 * stage_reply.c: a packet to a foreign address. True if it is an answer from a VIP that came in by a port whose hosts
 * answer through the device: it is on its way then, or dropped. Else it stays the caller's.
 */
bool stage_reply(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info);
/* stage_introduce.c: send a packet of a tunneled flow together with its mapping, or the mapping alone. */
void stage_introduce(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info, uint32_t index);
/* cause: a packet of the same family whose link header of l2_len bytes, VLAN tags included, is taken over. */
void stage_introduce_flow(struct forwarder_worker *w, struct route_table *t, uint32_t index,
			  const struct rte_mbuf *cause, uint16_t l2_len);
/* stage_tunnel.c: a packet of an introduced flow. */
void stage_tunnel(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info, uint32_t index);
/* stage_shim.c: a datagram to the shim port of a tunnel address. */
void stage_shim(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info,
		const struct view_local *local);
/* stage_shim_send.c: a shim datagram that a classifier has prepared (PLUMB_SHIM); takes m, not msg. */
void stage_shim_send(struct forwarder_worker *w, struct rte_mbuf *m, const struct plumb_message *msg);
/* stage_tx.c: out of a port, link header complete; with next hop: if l3_len bytes fit, with link addresses written. */
void stage_tx(struct forwarder_worker *w, struct rte_mbuf *m, uint16_t port);
void stage_tx_flush(struct forwarder_worker *w, uint16_t port);
void stage_tx_nexthop(struct forwarder_worker *w, struct rte_mbuf *m, uint16_t nexthop, uint16_t l3_len);

/* Into the queue of a port, without counting its bytes. */
static inline void stage_tx_put(struct forwarder_worker *w, struct rte_mbuf *m, uint16_t port)
{
	struct worker_tx *tx = &w->tx[port];

	tx->packets[tx->n++] = m;
	if (unlikely(tx->n == WORKER_TX_MAX))
		stage_tx_flush(w, port);
}

/*
 * plumbing.c: messages from classifiers and control, fetched at the end of a
 * turn and handled at the beginning of the next or the one after that, returning
 * how many: so the view they are handled with is at least as new as the one they
 * were made with. Few of them wait that one turn for their routes' memory, which
 * comes while packets are forwarded (prefetch: between receiving and ageing).
 */
void plumbing_fetch(struct forwarder_worker *w);
void plumbing_prefetch(struct forwarder_worker *w);
unsigned plumbing_poll(struct forwarder_worker *w);
/* To the classifier at the end of this turn. False if its ring is full; m is given back with its packet then too. */
bool plumbing_send(struct forwarder_worker *w, uint16_t classifier, struct plumb_message *m);
/* Tell its classifier about a route of ours; false if that was not possible. */
bool plumbing_report(struct forwarder_worker *w, enum plumb_type type, struct route_table *t, uint32_t index,
		     uint8_t tcp_flags);
/* A route is about to be deleted: its endpoint has one less. */
void plumbing_forget(struct forwarder_worker *w, const struct route *r);
/* Index of the classifier that knows, or will know, the connection of a packet without a route. */
uint16_t plumbing_classifier(const struct forwarder_worker *w, const struct baton_tuple *key);

/* ageing.c: a bounded step over both tables. Returns how many routes were found to have ended. */
unsigned ageing_poll(struct forwarder_worker *w);

#endif
