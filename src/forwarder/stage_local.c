/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarder/echo.h"
#include "forwarder/stages.h"

/* To the control thread, which works the neighbourhood and the exception ports. */
static void local_to_control(struct forwarder_worker *w, struct rte_mbuf *m)
{
	w->counters.local_packets++;
	if (!channel_to_control(w->channel, m))
		w->counters.drops[DROP_CONTROL_BUSY]++;
}

void stage_exception(struct forwarder_worker *w, struct rte_mbuf *m, enum forwarder_drop otherwise)
{
	if (w->view->ports[m->port].exception)
		local_to_control(w, m);
	else
		stage_drop(w, m, otherwise);
}

static void local_echo(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info)
{
	const struct view_local *local = view_local_find(w->view, info->tuple.daddr, info->tuple.family);
	uint32_t len;

	if (!local) {
		stage_drop(w, m, DROP_NOT_LOCAL);
		return;
	}
	len = echo_reply(stage_bytes(m), rte_pktmbuf_data_len(m), info, w->view->ports[m->port].mac);
	if (!len) {
		stage_drop(w, m, DROP_BAD_ECHO);
		return;
	}
	rte_pktmbuf_trim(m, (uint16_t)(rte_pktmbuf_data_len(m) - len));
	w->counters.echo_replies++;
	stage_tx(w, m, m->port);
}

void stage_local(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info)
{
	switch ((enum packet_kind)info->kind) {
	case PACKET_ARP:
	case PACKET_ND:
		local_to_control(w, m);
		break;
	case PACKET_ECHO:
		local_echo(w, m, info);
		break;
	case PACKET_FRAGMENT:
	case PACKET_OTHER_IP:
		if (view_local_find(w->view, info->tuple.daddr, info->tuple.family))
			stage_exception(w, m, info->kind == PACKET_FRAGMENT ? DROP_FRAGMENT : DROP_NO_SERVICE);
		else if (info->tuple.daddr[0] == 0xff ||
			 (info->tuple.family == BATON_IPV4 && info->tuple.daddr[0] >= 224))
			stage_exception(w, m,
					DROP_NOT_LOCAL); /* multicast: routing protocols behind the exception port */
		else if (!stage_reply(w, m, info))
			stage_drop(w, m, info->kind == PACKET_FRAGMENT ? DROP_FRAGMENT : DROP_NOT_LOCAL);
		break;
	case PACKET_OTHER_LINK:
		stage_exception(w, m, DROP_UNKNOWN_LINK);
		break;
	case PACKET_BAD:
	case PACKET_FLOW:
		w->counters.bad[info->bad]++;
		rte_pktmbuf_free(m);
		break;
	}
}
