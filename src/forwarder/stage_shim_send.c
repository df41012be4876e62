/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shim datagrams on behalf of a classifier: it knows what to say to the host,
 * the forwarder has the tunnel address and its sequence numbers. They come from
 * the address of the bank where the connection's route is or will be: hosts tell
 * an older datagram from a newer one among those of one address.
 */
#include <string.h>

#include "forwarder/outer.h"
#include "forwarder/stages.h"

void stage_shim_send(struct forwarder_worker *w, struct rte_mbuf *m, const struct plumb_message *msg)
{
	uint8_t family = msg->route.key.family, body[SHIM_BODY_MAX];
	uint16_t l2_len = msg->l3_offset, overhead = (uint16_t)(outer_len(family) + sizeof(struct baton_shim_hdr));
	size_t body_len = shim_body_len(msg->shim_type);
	const struct baton_addr *src =
		stage_tunnel_addr(w, family, route_key_bank(stage_table(w, family), &msg->route.key));
	const struct view_endpoint *ep;
	uint16_t payload;
	uint8_t *frame;

	if (msg->route.endpoint >= w->view->n_endpoints) {
		stage_drop(w, m, DROP_ROUTE_DROP);
		return;
	}
	ep = &w->view->endpoints[msg->route.endpoint];
	if (ep->family != family || src->family != family || !body_len || rte_pktmbuf_data_len(m) < l2_len + body_len) {
		stage_drop(w, m, DROP_ROUTE_DROP);
		return;
	}
	memcpy(body, stage_bytes(m) + l2_len, body_len);
	payload = (uint16_t)(rte_pktmbuf_data_len(m) - l2_len + sizeof(struct baton_shim_hdr));
	frame = (uint8_t *)rte_pktmbuf_prepend(m, overhead);
	if (!frame) {
		stage_drop(w, m, DROP_TOO_LONG);
		return;
	}
	memmove(frame, frame + overhead, l2_len); /* link header with its VLAN tags */
	shim_encode(frame + l2_len + outer_len(family), sizeof(struct baton_shim_hdr) + body_len, w->view->keys,
		    msg->shim_type, body, w->seq++, src->b, ep->addr);
	outer_write(frame + l2_len, family, payload, src->b, ep->addr, w->view->shim_port_be);
	w->counters.shims_sent++;
	stage_tx_nexthop(w, m, ep->nexthop, (uint16_t)(outer_len(family) + payload));
}
