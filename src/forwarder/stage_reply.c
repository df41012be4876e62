/* SPDX-License-Identifier: BSD-3-Clause */
/* Hosts that have no way to the clients but through the device: the answers of servers on this very machine. */
#include "forwarder/rewrite.h"
#include "forwarder/stages.h"

bool stage_reply(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info)
{
	const struct view_port *port = &w->view->ports[m->port];
	const struct view_local *source;
	uint16_t nexthop;

	if (likely(!port->replies))
		return false;
	nexthop = info->tuple.family == BATON_IPV4 ? port->replies_gateway4 : port->replies_gateway6;
	source = view_local_find(w->view, info->tuple.saddr, info->tuple.family);
	if (nexthop == VIEW_NONE || !source || source->kind != VIEW_LOCAL_VIP)
		return false;
	if (!rewrite_hop(stage_bytes(m) + info->l2_len, info->tuple.family)) {
		stage_drop(w, m, DROP_TTL);
		return true;
	}
	w->counters.replies_passed++;
	stage_tx_nexthop(w, m, nexthop, (uint16_t)(info->end - info->l2_len));
	return true;
}
