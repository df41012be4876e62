/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets of a burst that have no route: while the lcore does not keep up, only
 * as many as the budget allows go on to the stages, and the others are dropped
 * for as little as that can cost.
 */
#ifndef BATON_FORWARDER_BURST_MISS_H
#define BATON_FORWARDER_BURST_MISS_H

#include "forwarder/burst_plain.h"

/* The VIP that the last miss of the burst was for: in a flood most of the next ones are too. */
struct burst_vip {
	uint8_t addr[16];
	uint8_t family; /* 0: none yet */
};

BURST_INLINE enum miss_kind burst_miss_to_vip(const struct burst_packet *p)
{
	bool opens = packet_flow_proto(&p->flow) == IPPROTO_TCP &&
		     (p->flow.tcp_flags & (PACKET_TCP_SYN | PACKET_TCP_ACK | PACKET_TCP_RST)) == PACKET_TCP_SYN;

	return opens ? MISS_OPENING : MISS_UNDERWAY;
}

BURST_INLINE enum miss_kind burst_miss_kind(const struct view *v, const struct burst_packet *p, bool six,
					    struct burst_vip *vip)
{
	const uint8_t *daddr = p->frame + p->flow.l3 + (six ? 24 : 16);
	uint8_t family = six ? BATON_IPV6 : BATON_IPV4, addr[16] = { 0 };
	const struct view_local *local;

	if (likely(vip->family == family && !memcmp(vip->addr, daddr, six ? 16 : 4)))
		return burst_miss_to_vip(p);
	memcpy(addr, daddr, six ? 16 : 4);
	local = view_local_find(v, addr, family);
	if (!local || local->kind == VIEW_LOCAL_SNAT)
		return MISS_UNDERWAY;
	if (local->kind != VIEW_LOCAL_VIP)
		return MISS_OWN;
	memcpy(vip->addr, addr, sizeof vip->addr);
	vip->family = family;
	return burst_miss_to_vip(p);
}

static __attribute__((noinline)) void burst_trace_refused(struct forwarder_worker *w, const struct burst_packet *p,
							  enum forwarder_drop reason)
{
	struct packet_info info;

	packet_flow_info(&p->flow, p->frame, &info);
	w->subject = &info.tuple;
	stage_trace_drop(w, reason);
	w->subject = NULL;
}

/* What hosts send through the device is traffic that never has a route (stage_reply.c): it is not limited. */
BURST_INLINE bool burst_miss_allowed(struct burst *b, const struct burst_packet *p, bool six, struct burst_vip *vip)
{
	static const enum forwarder_drop reasons[MISS_N_KINDS] = { DROP_FLOOD_OPENING, DROP_FLOOD_UNDERWAY,
								   DROP_FLOOD_OWN };
	enum miss_kind kind;

	if (likely(!b->w->misses.pays) || b->ports[p->m->port].replies)
		return true;
	kind = burst_miss_kind(b->w->view, p, six, vip);
	if (miss_budget_take(&b->w->misses, kind))
		return true;
	b->w->counters.drops[reasons[kind]]++;
	if (unlikely(b->w->view->trace))
		burst_trace_refused(b->w, p, reasons[kind]);
	return false;
}

#endif
