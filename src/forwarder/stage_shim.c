/* SPDX-License-Identifier: BSD-3-Clause */
/* What hosts say about tunneled flows and their connections. */
#include <netinet/in.h>
#include <string.h>

#include <rte_byteorder.h>

#include "forwarder/outer.h"
#include "forwarder/stages.h"

/* A wall clock in nanoseconds gets there in the year 2262; above, the numbers might run out. */
#define SHIM_SEQ_ABSURD (1ull << 63)

static const enum forwarder_drop shim_drops[] = {
	[SHIM_MALFORMED] = DROP_SHIM_MALFORMED,
	[SHIM_VERSION] = DROP_SHIM_VERSION,
	[SHIM_UNKNOWN_KEY] = DROP_SHIM_UNKNOWN_KEY,
	[SHIM_FORGED] = DROP_SHIM_FORGED,
};

/* Is this the address of a host we serve? Slow, but only for authenticated senders seen the first time. */
static bool shim_is_host(const struct view *v, const uint8_t addr[16], uint8_t family)
{
	for (unsigned i = 0; i < v->n_endpoints; i++)
		if (v->endpoints[i].family == family && !memcmp(v->endpoints[i].addr, addr, 16))
			return true;
	return false;
}

/* The sender's replay window; made at its first authentic datagram. NULL if there are too many senders. */
static struct worker_peer *shim_peer(struct forwarder_worker *w, const uint8_t addr[16])
{
	static const uint8_t none[16];
	uint32_t mask = w->max_peers - 1u, hash;
	uint64_t a[2];

	memcpy(a, addr, sizeof a);
	hash = (uint32_t)(((a[0] ^ a[1]) * 0x9e3779b97f4a7c15ull) >> 32);
	for (uint32_t i = 0; i <= mask; i++) {
		struct worker_peer *p = &w->peers[(hash + i) & mask];

		if (!memcmp(p->addr, addr, 16))
			return p;
		if (!memcmp(p->addr, none, 16)) {
			if (w->n_peers >= w->max_peers / 4 * 3)
				return NULL;
			w->n_peers++;
			memcpy(p->addr, addr, 16);
			return p;
		}
	}
	return NULL;
}

/* A host does not know a flow of ours: introduce it, if it is a flow to that host. */
static void shim_unknown(struct forwarder_worker *w, const struct rte_mbuf *m, const struct packet_info *info,
			 uint32_t bank, const void *body)
{
	const struct baton_tuple *from = &info->tuple;
	struct route_table *t = stage_table(w, from->family);
	struct baton_shim_unknown u;
	int64_t index;

	memcpy(&u, body, sizeof u);
	index = route_find_flow(t, bank, rte_be_to_cpu_32(u.flow_id));
	if (index >= 0) {
		const struct route *r = route_at(t, (uint32_t)index);

		if (r->action == PLUMB_ACTION_TUNNEL &&
		    !memcmp(w->view->endpoints[r->endpoint].addr, from->saddr, 16)) {
			w->counters.unknown_flows++;
			stage_trace_route(w, t, (uint32_t)index, TRACE_UNKNOWN_FLOW, 0, 0);
			stage_introduce_flow(w, t, (uint32_t)index, m, info->l2_len);
			return;
		}
	}
	w->counters.unknown_flows_gone++;
}

static void shim_tuple(const struct baton_shim_conn *c, struct baton_tuple *ret)
{
	memset(ret, 0, sizeof *ret);
	memcpy(ret->saddr, c->saddr, sizeof ret->saddr);
	memcpy(ret->daddr, c->daddr, sizeof ret->daddr);
	ret->sport_be = c->sport;
	ret->dport_be = c->dport;
	ret->family = c->family;
	ret->proto = IPPROTO_TCP;
}

/*
 * Is the host's connection the one that has the route? Clients use their ports
 * again; bank and flow id tell one connection from the next. Of a connection that
 * was handed over and has sent nothing since, the host knows no flow.
 */
static bool shim_is_routed(const struct forwarder_worker *w, const struct baton_tuple *key, uint32_t bank,
			   uint32_t flow_id)
{
	struct route_table *t = stage_table(w, key->family);
	int64_t index = route_find(t, key);
	const struct route *r;

	if (index < 0)
		return false;
	r = route_at(t, (uint32_t)index);
	if (r->action != PLUMB_ACTION_TUNNEL || r->flags & ROUTE_FLAG_ANEW)
		return false;
	if (!(r->flags & ROUTE_FLAG_INTRODUCED))
		return flow_id == 0;
	return route_bank(t, (uint32_t)index) == bank && route_flow_id(t, (uint32_t)index) == flow_id;
}

/* A host's word about a connection goes to the classifier that has, or had, its client. */
static void shim_conn(struct forwarder_worker *w, const struct packet_info *info, uint32_t bank, const void *body,
		      bool report)
{
	struct plumb_message *msg;
	struct baton_shim_conn c;
	struct baton_tuple key;

	memcpy(&c, body, sizeof c);
	shim_tuple(&c, &key);
	msg = channel_message_get(w->channel);
	if (!msg) {
		w->counters.host_reports_lost++;
		return;
	}
	msg->type = PLUMB_HOST;
	msg->forwarder = (uint8_t)w->index;
	msg->host =
		(struct plumb_host){ .key = key,
				     .client_isn = rte_be_to_cpu_32(c.client_isn),
				     .server_isn = rte_be_to_cpu_32(c.server_isn),
				     .next_seq = rte_be_to_cpu_32(c.next_seq),
				     .detail = rte_be_to_cpu_16(c.detail),
				     .state = c.state,
				     .reason = c.reason,
				     .report = report,
				     .routed = report && shim_is_routed(w, &key, bank, rte_be_to_cpu_32(c.flow_id)) };
	memcpy(msg->host.from, info->tuple.saddr, sizeof msg->host.from);
	if (plumbing_send(w, plumbing_classifier(w, &key), msg))
		w->counters.host_reports++;
	else
		w->counters.host_reports_lost++;
}

/*
 * A host has seen higher numbers than ours. Taken whatever its own number is,
 * or two that are both behind would never agree; it can only raise ours.
 */
static void shim_resync(struct forwarder_worker *w, const void *body)
{
	struct baton_shim_resync r;
	uint64_t top;

	memcpy(&r, body, sizeof r);
	top = rte_be_to_cpu_64(r.top_seq);
	if (top >= SHIM_SEQ_ABSURD) {
		w->counters.drops[DROP_SHIM_MALFORMED]++;
		return;
	}
	if (top < w->seq)
		return; /* answered already */
	w->seq = top + 1;
	w->counters.resyncs++;
}

/* The sender is below its window (its clock was set back): tell it how high the numbers have been. */
static void shim_ask_resync(struct forwarder_worker *w, const struct rte_mbuf *m, const struct packet_info *info,
			    const struct worker_peer *peer, uint64_t seq)
{
	struct baton_shim_resync body = { rte_cpu_to_be_64(peer->window.top), rte_cpu_to_be_64(seq) };
	const uint8_t *from = rte_pktmbuf_mtod(m, const uint8_t *);
	struct rte_mbuf *answer = rte_pktmbuf_alloc(w->packets);
	uint16_t outer = outer_len(info->tuple.family);
	uint8_t *frame;

	if (!answer) {
		w->counters.drops[DROP_BUFFERS_EXHAUSTED]++;
		return;
	}
	frame = (uint8_t *)rte_pktmbuf_append(answer, (uint16_t)(info->l2_len + outer + BATON_SHIM_RESYNC_LEN));
	memcpy(frame, from, info->l2_len);
	memcpy(frame, from + 6, 6);
	memcpy(frame + 6, w->view->ports[m->port].mac, 6);
	shim_encode(frame + info->l2_len + outer, BATON_SHIM_RESYNC_LEN, w->view->keys, BATON_SHIM_RESYNC, &body,
		    w->seq++, info->tuple.daddr, info->tuple.saddr);
	outer_write(frame + info->l2_len, info->tuple.family, BATON_SHIM_RESYNC_LEN, info->tuple.daddr,
		    info->tuple.saddr, w->view->shim_port_be);
	stage_tx(w, answer, m->port);
}

/* False: not new; counted, and answered where that helps. */
static bool shim_is_new(struct forwarder_worker *w, const struct rte_mbuf *m, const struct packet_info *info,
			struct worker_peer *peer, uint64_t seq)
{
	switch (replay_check(&peer->window, seq)) {
	case REPLAY_OK:
		return true;
	case REPLAY_SEEN:
		w->counters.drops[DROP_SHIM_REPLAYED]++;
		return false;
	case REPLAY_TOO_OLD:
		w->counters.drops[DROP_SHIM_STALE]++;
		shim_ask_resync(w, m, info, peer, seq);
		return false;
	}
	return false;
}

/* bank: of the address that it came to. */
static void shim_input(struct forwarder_worker *w, const struct rte_mbuf *m, const struct packet_info *info,
		       uint32_t bank)
{
	const uint8_t *payload = rte_pktmbuf_mtod(m, const uint8_t *) + info->l4_offset + 8;
	size_t len = (size_t)(info->end - info->l4_offset - 8);
	const struct baton_shim_hdr *at;
	struct worker_peer *peer = NULL;
	struct baton_shim_hdr hdr;
	const void *body;
	enum shim_verdict v;

	v = shim_decode(payload, len, w->view->keys, NULL, info->tuple.saddr, info->tuple.daddr, &at, &body);
	if (v != SHIM_OK) {
		w->counters.drops[shim_drops[v]]++;
		return;
	}
	memcpy(&hdr, at, sizeof hdr);
	if (shim_is_host(w->view, info->tuple.saddr, info->tuple.family))
		peer = shim_peer(w, info->tuple.saddr);
	if (!peer)
		w->counters.drops[DROP_SHIM_FOREIGN]++;
	else if (hdr.type == BATON_SHIM_RESYNC)
		shim_resync(w, body);
	else if (hdr.type != BATON_SHIM_UNKNOWN && hdr.type != BATON_SHIM_STATE && hdr.type != BATON_SHIM_ENDED)
		w->counters.drops[DROP_SHIM_MALFORMED]++;
	else if (!shim_is_new(w, m, info, peer, rte_be_to_cpu_64(hdr.seq)))
		return;
	else if (hdr.type == BATON_SHIM_UNKNOWN)
		shim_unknown(w, m, info, bank, body);
	else
		shim_conn(w, info, bank, body, hdr.type == BATON_SHIM_ENDED);
}

/* The NIC gave another lcore's datagram to this queue: its owner has the table. */
static void shim_to_owner(struct forwarder_worker *w, struct rte_mbuf *m, uint8_t owner)
{
	struct plumb_message *msg = channel_message_get(w->channel);

	if (!msg) {
		stage_drop(w, m, DROP_MESSAGES_EXHAUSTED);
		return;
	}
	msg->type = PLUMB_PACKET;
	msg->forwarder = owner;
	msg->packet = m;
	if (!channel_to_forwarder(w->channel, msg))
		w->counters.drops[DROP_FORWARDER_BUSY]++;
}

void stage_shim(struct forwarder_worker *w, struct rte_mbuf *m, const struct packet_info *info,
		const struct view_local *local)
{
	if (local->forwarder != w->index) {
		shim_to_owner(w, m, local->forwarder);
		return;
	}
	shim_input(w, m, info, local->bank);
	rte_pktmbuf_free(m);
}
