/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarder/rewrite.h"
#include "forwarder/stages.h"

void stage_tunnel(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info, uint32_t index)
{
	struct route_table *t = stage_table(w, info->tuple.family);
	const struct route *r = route_at(t, index);
	const struct view_endpoint *ep = &w->view->endpoints[r->endpoint];
	const struct baton_addr *source = stage_tunnel_addr(w, info->tuple.family, route_bank(t, index));
	uint8_t *frame = stage_bytes(m);
	struct baton_tuple to;

	rewrite_tunnel_tuple(&info->tuple, source->b, ep->addr, route_flow_id(t, index), &to);
	if (unlikely(!rewrite_apply(frame + info->l2_len, frame + info->l4_offset, &to, r->l3_delta, r->l4_delta))) {
		stage_drop(w, m, DROP_TTL);
		return;
	}
	stage_tx_nexthop(w, m, ep->nexthop, (uint16_t)(info->end - info->l2_len));
}
