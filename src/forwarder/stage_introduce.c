/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Introduction in band (requirement T2): the packet travels inside a shim
 * datagram that carries its mapping, so the mapping can't arrive after it.
 */
#include <string.h>

#include "forwarder/outer.h"
#include "forwarder/rewrite.h"
#include "forwarder/stages.h"

/* Bytes of IP, UDP and shim in front of the inner packet. */
static uint16_t introduce_overhead(uint8_t family)
{
	return (uint16_t)(outer_len(family) + BATON_SHIM_INTRODUCE_LEN);
}

/*
 * Fill in everything between link header and inner packet. l3 has room for the
 * overhead; inner_len bytes of inner packet follow it.
 */
static void introduce_write(struct forwarder_worker *w, uint8_t *l3, struct route_table *t, uint32_t index,
			    const struct baton_tuple *key, uint16_t inner_len)
{
	const struct view_endpoint *ep = &w->view->endpoints[route_at(t, index)->endpoint];
	const uint8_t *src = stage_tunnel_addr(w, key->family, route_bank(t, index))->b;
	uint16_t overhead = introduce_overhead(key->family);
	uint8_t *shim = l3 + overhead - BATON_SHIM_INTRODUCE_LEN;
	uint16_t payload = (uint16_t)(BATON_SHIM_INTRODUCE_LEN + inner_len);
	struct baton_shim_flow flow;

	shim_flow_from_tuple(&flow, route_flow_id(t, index), key);
	shim_encode(shim, BATON_SHIM_INTRODUCE_LEN, w->view->keys, BATON_SHIM_INTRODUCE, &flow, w->seq++, src,
		    ep->addr);
	outer_write(l3, key->family, payload, src, ep->addr, w->view->shim_port_be);
	route_at(t, index)->flags |= ROUTE_FLAG_INTRODUCED;
	w->counters.introductions++;
}

void stage_introduce_flow(struct forwarder_worker *w, struct route_table *t, uint32_t index,
			  const struct rte_mbuf *cause, uint16_t l2_len)
{
	struct rte_mbuf *m = rte_pktmbuf_alloc(w->packets);
	struct baton_tuple key;
	uint8_t *frame;

	if (!m) {
		w->counters.drops[DROP_BUFFERS_EXHAUSTED]++;
		return;
	}
	route_key_at(t, index, &key);
	frame = (uint8_t *)rte_pktmbuf_append(m, (uint16_t)(l2_len + introduce_overhead(key.family)));
	memcpy(frame, rte_pktmbuf_mtod(cause, const uint8_t *), l2_len);
	introduce_write(w, frame + l2_len, t, index, &key, 0);
	stage_trace_route(w, t, index, TRACE_INTRODUCED_ALONE, route_flow_id(t, index), 0);
	stage_tx_nexthop(w, m, w->view->endpoints[route_at(t, index)->endpoint].nexthop,
			 introduce_overhead(key.family));
}

void stage_introduce(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info, uint32_t index)
{
	struct route_table *t = stage_table(w, info->tuple.family);
	const struct view_endpoint *ep = &w->view->endpoints[route_at(t, index)->endpoint];
	uint16_t overhead = introduce_overhead(info->tuple.family);
	uint16_t inner = (uint16_t)(info->end - info->l2_len), mtu = 0;
	uint8_t *frame;

	if (ep->nexthop < w->view->n_nexthops)
		mtu = w->view->nexthops[ep->nexthop].mtu;
	if (mtu && inner + overhead > mtu) {
		/* no room for both in one packet: the mapping goes ahead */
		stage_introduce_flow(w, t, index, m, info->l2_len);
		stage_tunnel(w, m, info, index);
		return;
	}
	/* the inner packet goes through a router too */
	if (!rewrite_hop(stage_bytes(m) + info->l2_len, info->tuple.family)) {
		stage_drop(w, m, DROP_TTL);
		return;
	}
	rte_pktmbuf_trim(m, (uint16_t)(rte_pktmbuf_data_len(m) - info->end)); /* link padding */
	frame = (uint8_t *)rte_pktmbuf_prepend(m, overhead);
	if (!frame) {
		stage_drop(w, m, DROP_TOO_LONG);
		return;
	}
	memmove(frame, frame + overhead, info->l2_len); /* link header with its VLAN tags */
	introduce_write(w, frame + info->l2_len, t, index, &info->tuple, inner);
	stage_trace_route(w, t, index, TRACE_INTRODUCED, route_flow_id(t, index), 0);
	stage_tx_nexthop(w, m, ep->nexthop, (uint16_t)(overhead + inner));
}
