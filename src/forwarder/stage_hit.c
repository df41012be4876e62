/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>

#include "forwarder/rewrite.h"
#include "forwarder/stages.h"

static bool hit_is_syn(const struct packet_info *info)
{
	return info->tuple.proto == IPPROTO_TCP &&
	       (info->tcp_flags & (PACKET_TCP_SYN | PACKET_TCP_ACK)) == PACKET_TCP_SYN;
}

static void hit_nat(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info, uint32_t index)
{
	struct route_table *t = stage_table(w, info->tuple.family);
	const struct route *r = route_at(t, index);
	const struct route_nat *nat = route_nat_at(t, index);
	uint16_t l3_len = (uint16_t)(info->end - info->l2_len);
	uint8_t *frame = stage_bytes(m);

	if (unlikely(!rewrite_apply(frame + info->l2_len, frame + info->l4_offset, &nat->to, r->l3_delta,
				    r->l4_delta))) {
		stage_drop(w, m, DROP_TTL);
		return;
	}
	if (r->action == PLUMB_ACTION_NAT) {
		stage_tx_nexthop(w, m, w->view->endpoints[r->endpoint].nexthop, l3_len);
	} else if (nat->nexthop != VIEW_NONE) {
		stage_tx_nexthop(w, m, nat->nexthop, l3_len);
	} else if (unlikely(l3_len > w->view->ports[nat->port].mtu)) {
		stage_drop(w, m, DROP_TOO_LONG);
	} else {
		/* back the way the client's packet came */
		__builtin_memcpy(frame, nat->mac, 6);
		__builtin_memcpy(frame + 6, w->view->ports[nat->port].mac, 6);
		stage_tx(w, m, nat->port);
	}
}

/*
 * Is the endpoint in this view? Its id is released when no connection has it,
 * so only a route that outlived its connection (a PLUMB_DELETE got lost) has none.
 */
static bool hit_has_endpoint(const struct forwarder_worker *w, const struct route *r)
{
	return r->endpoint < w->view->n_endpoints && w->view->endpoints[r->endpoint].family;
}

/*
 * The classifier will say the same, and knows it before it hears of anything
 * later; but a client that resets may have its next SYN here before that.
 */
static void hit_final(struct forwarder_worker *w, struct route_table *t, uint32_t index, uint8_t tcp_flags)
{
	struct route *r = route_at(t, index);

	stage_trace_route(w, t, index, TRACE_FINAL, tcp_flags, 0);
	/*
	 * A client that resets before its handshake is over answers something old: its last connection's host had not
	 * heard of the end. Its SYN, which it repeats at once, belongs to where the first one went.
	 */
	if (r->state == BATON_CONN_SYN && tcp_flags & PACKET_TCP_RST && r->action != PLUMB_ACTION_RETURN)
		return;
	/* nor of one for which the classifier is choosing anew: it would take this for the new one's end */
	if (r->flags & ROUTE_FLAG_ANEW && (r->state == BATON_CONN_FIN || r->state == BATON_CONN_CLOSED))
		return;
	if (!plumbing_report(w, PLUMB_FINAL, t, index, tcp_flags)) {
		w->counters.finals_lost++;
		return;
	}
	w->counters.finals_reported++;
	if (tcp_flags & PACKET_TCP_RST)
		r->state = BATON_CONN_CLOSED;
	else if (r->state == BATON_CONN_SYN || r->state == BATON_CONN_ESTABLISHED)
		r->state = BATON_CONN_FIN;
}

void stage_hit(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info, uint32_t index)
{
	struct route_table *t = stage_table(w, info->tuple.family);
	struct route *r = route_at(t, index);
	uint8_t final = info->tcp_flags & (PACKET_TCP_FIN | PACKET_TCP_RST);
	bool syn = hit_is_syn(info);

	if (unlikely(syn && (r->state == BATON_CONN_FIN || r->state == BATON_CONN_CLOSED))) {
		/* the client uses its port again: a new connection; the old route stays until it is replaced */
		r->last_used_s = w->now_s;
		r->flags |= ROUTE_FLAG_ANEW;
		stage_punt(w, m, info, r->vip);
		return;
	}
	r->last_used_s = w->now_s;
	r->packets++;
	if (unlikely(r->state == BATON_CONN_SYN && !(info->tcp_flags & (PACKET_TCP_SYN | PACKET_TCP_RST))))
		r->state = BATON_CONN_ESTABLISHED;
	w->counters.hits++;
	if (likely(r->endpoint != VIEW_NONE))
		stage_count_endpoint(&w->endpoints[r->endpoint], r->action == PLUMB_ACTION_RETURN,
				     (uint32_t)(info->end - info->l2_len));
	if (unlikely(final))
		hit_final(w, t, index, info->tcp_flags);
	/* a client that has forgotten its connection: the host ends that, and the next has the same flow id */
	if (unlikely(syn && r->state == BATON_CONN_ESTABLISHED))
		r->flags |= ROUTE_FLAG_ANEW;
	if (unlikely((r->action == PLUMB_ACTION_TUNNEL || r->action == PLUMB_ACTION_NAT) && !hit_has_endpoint(w, r))) {
		r->state = BATON_CONN_CLOSED; /* ages soon, and a SYN begins anew */
		stage_drop(w, m, DROP_ROUTE_DROP);
		return;
	}
	switch (r->action) {
	case PLUMB_ACTION_TUNNEL:
		if (unlikely(syn || !(r->flags & ROUTE_FLAG_INTRODUCED)))
			stage_introduce(w, m, info, index);
		else
			stage_tunnel(w, m, info, index);
		break;
	case PLUMB_ACTION_NAT:
	case PLUMB_ACTION_RETURN:
		hit_nat(w, m, info, index);
		break;
	default:
		stage_drop(w, m, DROP_ROUTE_DROP);
	}
}
