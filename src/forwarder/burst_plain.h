/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Plain hits: the connection is under way and its route says tunnel or NAT. All
 * that can make a packet special is tested before anything is written, so that
 * stage_hit() finds the packet and the route as they were.
 */
#ifndef BATON_FORWARDER_BURST_PLAIN_H
#define BATON_FORWARDER_BURST_PLAIN_H

#include <rte_byteorder.h>

#include "base/bytes.h"
#include "forwarder/checksum.h"
#include "forwarder/packet_flow.h"
#include "forwarder/route_table.h"
#include "forwarder/stages.h"

#define BURST_INLINE static inline __attribute__((always_inline))

/* One packet on its way through the passes. */
struct burst_packet {
	struct rte_mbuf *m;
	uint8_t *frame;
	uint64_t addresses; /* IPv4: both */
	struct packet_flow flow;
	uint32_t place; /* pass 1: bucket; pass 2: entry, if there is one */
	uint16_t tag;
};

/* Packets of one family, in their order. */
struct burst_lane {
	unsigned n;
	uint32_t found; /* bits: has a place; the others are not there any more */
	struct burst_packet p[WORKER_BURST];
};

/* A burst between two passes. */
struct burst_set {
	struct burst_lane v4, v6;
};

/* A table's memory, so that the passes need not ask the table for it again and again. */
struct burst_table {
	const struct route_bucket *buckets;
	union {
		struct route4 *entries4;
		struct route6 *entries6;
	};
	struct route_nat *nat;
	uint32_t bank_share;
	bool cold; /* there are packets that need theirs */
};

BURST_INLINE struct burst_table burst_table(const struct route_table *t)
{
	return (struct burst_table){ .buckets = t->buckets,
				     .entries4 = t->entries4,
				     .nat = t->nat,
				     .bank_share = t->bank_share,
				     .cold = t->n_cold };
}

/* What a burst needs of worker and view, and what it counts. */
struct burst {
	struct forwarder_worker *w;
	const struct view_endpoint *endpoints;
	const struct view_nexthop *nexthops;
	const struct view_port *ports;
	const struct view_forwarder *forwarder;
	const struct view_vip *vips;
	uint16_t n_endpoints, n_nexthops, n_vips, now_s;
	uint64_t hits, tx_bytes;
};

/* Where a packet leaves by, and what its addresses and ports will be. */
struct burst_way {
	uint64_t macs_first; /* destination and source, 12 bytes as they stand in the frame */
	uint32_t macs_last;
	uint16_t port, mtu; /* mtu 0: not known */
	const uint8_t *saddr, *daddr;
	uint32_t ports; /* as they go into the packet */
	bool back;      /* towards the client */
};

BURST_INLINE bool burst_way_nexthop(const struct burst *b, uint16_t nexthop, struct burst_way *way)
{
	const struct view_nexthop *hop = &b->nexthops[nexthop];

	if (unlikely(nexthop >= b->n_nexthops))
		return false;
	way->macs_first = bytes_load64(hop->dst_mac);
	way->macs_last = bytes_load32(hop->src_mac + 2);
	way->port = hop->port;
	way->mtu = hop->mtu;
	return true;
}

BURST_INLINE bool burst_way_tunnel(const struct burst *b, const struct burst_table *t, const struct route *r,
				   uint32_t place, bool six, struct burst_way *way)
{
	const struct view_endpoint *ep = &b->endpoints[r->endpoint];

	if (unlikely(r->endpoint >= b->n_endpoints || !ep->family || !(r->flags & ROUTE_FLAG_INTRODUCED)))
		return false;
	way->saddr = (six ? b->forwarder->tunnel6 : b->forwarder->tunnel4)[route_bank_by(t->bank_share, place)].b;
	way->daddr = ep->addr;
	way->ports = rte_cpu_to_be_32(baton_flow_id(r->generation, place));
	way->back = false;
	return burst_way_nexthop(b, ep->nexthop, way);
}

/* What a packet becomes that a compact route turns around: known without the route's cold half. */
BURST_INLINE bool burst_way_compact(const struct burst *b, const struct burst_packet *p, const struct route *r,
				    bool six, struct burst_way *way)
{
	const uint8_t *own = p->frame + p->flow.l3 + (six ? 8 : 12);

	way->back = r->action == PLUMB_ACTION_RETURN;
	if (way->back) {
		const struct view_vip *vip = &b->vips[r->vip];

		if (unlikely(r->vip >= b->n_vips || !vip->addr.family))
			return false;
		way->saddr = vip->addr.b;
		way->daddr = own + (six ? 16 : 4);
		way->ports = (packet_flow_ports(&p->flow) & ~0xffffu) | vip->port_be;
		return burst_way_nexthop(b, r->hot, way);
	}
	const struct view_endpoint *ep = &b->endpoints[r->endpoint];

	if (unlikely(r->endpoint >= b->n_endpoints || !ep->family))
		return false;
	if (r->flags & ROUTE_FLAG_SOURCE) {
		way->saddr = six ? b->w->source6.b : b->w->source4.b;
		way->ports = r->hot | (uint32_t)ep->port_be << 16;
	} else {
		way->saddr = own;
		way->ports = (packet_flow_ports(&p->flow) & 0xffff) | (uint32_t)ep->port_be << 16;
	}
	way->daddr = ep->addr;
	return burst_way_nexthop(b, ep->nexthop, way);
}

BURST_INLINE bool burst_way_nat(const struct burst *b, const struct route *r, const struct route_nat *nat,
				struct burst_way *way)
{
	const uint8_t *source;

	way->saddr = nat->to.saddr;
	way->daddr = nat->to.daddr;
	way->ports = bytes_load32(&nat->to.sport_be);
	way->back = r->action == PLUMB_ACTION_RETURN;
	if (!way->back) {
		const struct view_endpoint *ep = &b->endpoints[r->endpoint];

		return likely(r->endpoint < b->n_endpoints && ep->family) && burst_way_nexthop(b, ep->nexthop, way);
	}
	if (nat->nexthop != VIEW_NONE)
		return burst_way_nexthop(b, nat->nexthop, way);
	/* back the way the client's packet came */
	way->port = nat->port;
	way->mtu = b->ports[nat->port].mtu;
	source = b->ports[nat->port].mac;
	way->macs_first = bytes_load32(nat->mac) | (uint64_t)bytes_load16(nat->mac + 4) << 32 |
			  (uint64_t)bytes_load16(source) << 48;
	way->macs_last = bytes_load32(source + 2);
	return true;
}

/* Addresses, ports, checksums, one hop less. */
BURST_INLINE void burst_rewrite4(uint8_t *l3, const struct burst_way *way, uint16_t delta)
{
	uint32_t ttl_proto_sum = bytes_load32(l3 + 8);
	uint16_t sum = checksum_moved((uint16_t)(ttl_proto_sum >> 16), delta);

	ttl_proto_sum = (uint16_t)(ttl_proto_sum - 1) | (uint32_t)sum << 16;
	memcpy(l3 + 8, &ttl_proto_sum, 4);
	memcpy(l3 + 12, way->saddr, 4);
	memcpy(l3 + 16, way->daddr, 4);
}

BURST_INLINE void burst_rewrite6(uint8_t *l3, const struct burst_way *way)
{
	l3[7]--;
	memcpy(l3 + 8, way->saddr, 16);
	memcpy(l3 + 24, way->daddr, 16);
}

BURST_INLINE void burst_rewrite_transport(uint8_t *l4, bool udp, uint32_t ports, uint16_t delta)
{
	uint8_t *at = l4 + (unlikely(udp) ? 6 : 16);
	uint16_t sum = bytes_load16(at), moved = checksum_moved(sum, delta);

	if (unlikely(udp)) {
		if (!sum)
			moved = 0; /* none stays none */
		else if (!moved)
			moved = 0xffff;
	}
	memcpy(l4, &ports, 4);
	memcpy(at, &moved, 2);
}

BURST_INLINE void burst_count(struct burst *b, struct route *r, bool back, uint32_t bytes)
{
	b->hits++;
	r->last_used_s = b->now_s;
	r->packets++;
	if (likely(r->endpoint != VIEW_NONE))
		stage_count_endpoint(&b->w->endpoints[r->endpoint], back, bytes);
}

/* False: nothing has been touched, and the packet is stage_hit()'s. */
BURST_INLINE bool burst_plain(struct burst *b, struct burst_packet *p, const struct burst_table *t, struct route *r,
			      bool six)
{
	uint32_t l3_len = (uint32_t)(p->flow.end - p->flow.l3);
	uint8_t *frame = p->frame, *l3 = frame + p->flow.l3;
	struct burst_way way;

	if (unlikely(p->flow.tcp_flags & (PACKET_TCP_FIN | PACKET_TCP_SYN | PACKET_TCP_RST) ||
		     r->state == BATON_CONN_SYN))
		return false;
	if (likely(r->action == PLUMB_ACTION_TUNNEL)) {
		if (unlikely(!burst_way_tunnel(b, t, r, p->place, six, &way)))
			return false;
	} else if (r->flags & ROUTE_FLAG_COMPACT) {
		if (unlikely(!burst_way_compact(b, p, r, six, &way)))
			return false;
	} else if (unlikely(r->action == PLUMB_ACTION_DROP || !burst_way_nat(b, r, &t->nat[p->place], &way))) {
		return false;
	}
	if (unlikely(l3_len > way.mtu || l3[six ? 7 : 8] <= 1))
		return false;
	burst_count(b, r, way.back, l3_len);
	if (six)
		burst_rewrite6(l3, &way);
	else
		burst_rewrite4(l3, &way, r->l3_delta);
	burst_rewrite_transport(frame + p->flow.l4, packet_flow_proto(&p->flow) == IPPROTO_UDP, way.ports, r->l4_delta);
	memcpy(frame, &way.macs_first, 8);
	memcpy(frame + 8, &way.macs_last, 4);
	b->tx_bytes += rte_pktmbuf_pkt_len(p->m);
	stage_tx_put(b->w, p->m, way.port);
	return true;
}

#endif
