/* SPDX-License-Identifier: BSD-3-Clause */
#include <netinet/in.h>
#include <string.h>

#include "forwarder/stages.h"

/*
 * In 256ths of a classifier's ring. First packets of connections leave room for packets of
 * connections that may exist, and both leave room for what is told of routes, which must not get lost.
 */
#define MISS_FILL_OPENING 192
#define MISS_FILL 224

static bool miss_has_room(const struct forwarder_worker *w, const struct packet_info *info, uint16_t classifier)
{
	bool opens = info->tuple.proto == IPPROTO_TCP && info->tcp_flags & PACKET_TCP_SYN;

	return outbox_fill(&w->to_classifier[classifier]) < (opens ? MISS_FILL_OPENING : MISS_FILL);
}

void stage_punt(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info, uint16_t vip)
{
	uint16_t classifier = plumbing_classifier(w, &info->tuple);
	struct plumb_message *msg;

	stage_trace(w, &info->tuple,
		    &(struct trace_step){ .event = TRACE_MISS, .endpoint = VIEW_NONE, .a = info->tcp_flags });
	if (!miss_has_room(w, info, classifier)) {
		stage_drop(w, m, DROP_CLASSIFIER_BUSY);
		return;
	}
	msg = channel_message_get(w->channel);
	if (!msg) {
		stage_drop(w, m, DROP_MESSAGES_EXHAUSTED);
		return;
	}
	msg->type = PLUMB_MISS;
	msg->forwarder = (uint8_t)w->index;
	msg->tcp_flags = info->tcp_flags;
	msg->vip = vip;
	msg->l3_offset = info->l2_len;
	msg->l4_offset = info->l4_offset;
	msg->end = info->end;
	msg->route.key = info->tuple;
	msg->route.port = m->port;
	memcpy(msg->route.mac, rte_pktmbuf_mtod_offset(m, const uint8_t *, 6), sizeof msg->route.mac);
	msg->packet = m;
	w->counters.misses++;
	if (plumbing_send(w, classifier, msg))
		return;
	w->counters.drops[DROP_CLASSIFIER_BUSY]++;
	if (w->subject)
		stage_trace_drop(w, DROP_CLASSIFIER_BUSY);
}

void stage_miss(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info)
{
	const struct baton_tuple *t = &info->tuple;
	const struct view_local *local = view_local_find(w->view, t->daddr, t->family);
	uint16_t vip;

	if (!local) {
		if (stage_reply(w, m, info))
			return;
		if (w->view->any_half_nat)
			stage_punt(w, m, info, VIEW_NONE);
		else
			stage_drop(w, m, DROP_NOT_LOCAL);
		return;
	}
	if (view_local_find(w->view, t->saddr, t->family)) {
		/* else its replies would be addressed to this device, and take routes of their own */
		stage_drop(w, m, DROP_OWN_SOURCE);
		return;
	}
	switch (local->kind) {
	case VIEW_LOCAL_VIP:
		vip = view_vip_find(w->view, t->daddr, t->family, t->proto, t->dport_be);
		if (vip != VIEW_NONE)
			stage_punt(w, m, info, vip);
		else
			stage_exception(w, m, DROP_NO_SERVICE);
		break;
	case VIEW_LOCAL_SNAT:
		stage_punt(w, m, info, VIEW_NONE);
		break;
	case VIEW_LOCAL_TUNNEL:
		if (t->proto == IPPROTO_UDP && t->dport_be == w->view->shim_port_be)
			stage_shim(w, m, info, local);
		else
			stage_exception(w, m, DROP_NO_SERVICE);
		break;
	default:
		stage_exception(w, m, DROP_NO_SERVICE);
	}
}
