/* SPDX-License-Identifier: BSD-3-Clause */
/* The forwarder's end of the plumbing protocol (include/baton/plumb.h). */
#include <arpa/inet.h>
#include <stdatomic.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

#include "baton/snat.h"
#include "forwarder/rewrite.h"
#include "forwarder/stages.h"

#define PLUMBING_BURST 32
#define PLUMBING_QUERY_BUCKETS 256

uint16_t plumbing_classifier(const struct forwarder_worker *w, const struct baton_tuple *key)
{
	uint16_t n = w->channel->n_classifiers, port_be;
	const struct view_local *local;
	const uint8_t *client;
	uint64_t a[2];

	if (n == 1)
		return 0;
	/* packets to a VIP come from the client, replies of NATed hosts go to it */
	local = view_local_find(w->view, key->daddr, key->family);
	if (local && local->kind == VIEW_LOCAL_SNAT)
		return snat_slice_owner(w->snat_port_first, w->snat_port_last, n, ntohs(key->dport_be));
	client = local ? key->saddr : key->daddr;
	port_be = local ? key->sport_be : key->dport_be;
	memcpy(a, client, sizeof a);
	return (uint16_t)((((a[0] ^ a[1] ^ port_be) * 0x9e3779b97f4a7c15ull) >> 32) % n);
}

bool plumbing_report(struct forwarder_worker *w, enum plumb_type type, const struct baton_tuple *key, uint8_t tcp_flags)
{
	struct plumb_message *m = channel_message_get(w->channel);

	if (!m)
		return false;
	m->type = (uint8_t)type;
	m->forwarder = (uint8_t)w->index;
	m->tcp_flags = tcp_flags;
	m->route.key = *key;
	return channel_to_classifier(w->channel, plumbing_classifier(w, key), m);
}

/* Would the route that is there do just what the new one says? */
static bool plumbing_is_same(struct route_table *t, uint32_t index, const struct plumb_route *r)
{
	const struct route *have = route_at(t, index);

	if (have->state == BATON_CONN_FIN || have->state == BATON_CONN_CLOSED)
		return false;
	if (have->action != r->action || have->endpoint != r->endpoint || have->vip != r->vip)
		return false;
	if (r->action != PLUMB_ACTION_NAT && r->action != PLUMB_ACTION_RETURN)
		return true;
	return !memcmp(&route_nat_at(t, index)->to, &r->nat, sizeof r->nat);
}

/* Deltas and rewrite targets, once, so that the packet path only adds. */
static void plumbing_fill(struct forwarder_worker *w, struct route_table *t, uint32_t index,
			  const struct plumb_route *r)
{
	const struct view_forwarder *f = &w->view->forwarders[w->index];
	struct route *route = route_at(t, index);
	struct baton_tuple to;

	switch (r->action) {
	case PLUMB_ACTION_TUNNEL:
		rewrite_tunnel_tuple(&r->key, r->key.family == BATON_IPV4 ? f->tunnel4.b : f->tunnel6.b,
				     w->view->endpoints[r->endpoint].addr, route_flow_id(t, index), &to);
		break;
	case PLUMB_ACTION_NAT:
	case PLUMB_ACTION_RETURN:
		to = r->nat;
		route_nat_at(t, index)->to = to;
		route_nat_at(t, index)->nexthop = r->nexthop;
		route_nat_at(t, index)->port = r->port;
		memcpy(route_nat_at(t, index)->mac, r->mac, sizeof r->mac);
		break;
	default:
		return;
	}
	rewrite_deltas(&r->key, &to, &route->l3_delta, &route->l4_delta);
}

static int plumbing_add_route(struct forwarder_worker *w, const struct plumb_route *r)
{
	struct route_table *t = stage_table(w, r->key.family);
	uint32_t index;
	int err = route_add(t, r, w->now_s, &index);

	if (err == -EEXIST) {
		if (plumbing_is_same(t, index, r))
			return 0;
		route_del(t, index);
		w->counters.routes_replaced++;
		err = route_add(t, r, w->now_s, &index);
	}
	if (err < 0)
		return err;
	plumbing_fill(w, t, index, r);
	w->counters.routes_added++;
	return 0;
}

/* A packet that belongs to a route plumbed a moment ago, or came by another lcore. */
static void plumbing_packet(struct forwarder_worker *w, struct rte_mbuf *m)
{
	w->counters.rx_packets--; /* counted when it came in */
	w->counters.rx_bytes -= rte_pktmbuf_pkt_len(m);
	forwarder_worker_burst(w, &m, 1);
}

static void plumbing_add(struct forwarder_worker *w, struct plumb_message *m)
{
	struct rte_mbuf *packet = m->packet;

	if (plumbing_add_route(w, &m->route) < 0) {
		w->counters.drops[DROP_ROUTE_TABLE_FULL]++;
		plumbing_report(w, PLUMB_ADD_FAILED, &m->route.key, 0);
		return;
	}
	m->packet = NULL;
	if (packet)
		plumbing_packet(w, packet);
}

static void plumbing_set_state(struct forwarder_worker *w, const struct plumb_message *m)
{
	struct route_table *t = stage_table(w, m->route.key.family);
	int64_t index = route_find(t, &m->route.key);

	if (index >= 0)
		route_at(t, (uint32_t)index)->state = m->route.state & 0xf;
}

static void plumbing_delete(struct forwarder_worker *w, const struct plumb_message *m)
{
	struct route_table *t = stage_table(w, m->route.key.family);
	int64_t index = route_find(t, &m->route.key);

	if (index < 0)
		return;
	route_del(t, (uint32_t)index);
	w->counters.routes_deleted++;
}

struct plumbing_query_arg {
	struct forwarder_worker *w;
	struct plumb_query *q;
};

static bool plumbing_query_row(struct route_table *t, uint32_t index, void *arg)
{
	struct plumbing_query_arg *a = arg;
	struct plumb_query_row *row = &a->q->rows[a->q->n_rows];
	const struct route *r = route_at(t, index);

	if (a->q->n_rows == PLUMB_QUERY_ROWS)
		return false;
	memset(row, 0, sizeof *row);
	route_key_at(t, index, &row->route.key);
	row->route.nat = route_nat_at(t, index)->to;
	row->route.vip = r->vip;
	row->route.endpoint = r->endpoint;
	row->route.action = r->action;
	row->route.state = r->state;
	row->flow_id = route_flow_id(t, index);
	row->packets = r->packets;
	row->idle_s = (uint16_t)(a->w->now_s - r->last_used_s);
	a->q->n_rows++;
	return false;
}

static void plumbing_query(struct forwarder_worker *w, struct plumb_query *q)
{
	struct route_table *t = stage_table(w, q->family);
	struct plumbing_query_arg arg = { w, q };

	q->n_rows = 0;
	if (q->match) {
		int64_t index = route_find(t, &q->key);

		if (index >= 0)
			plumbing_query_row(t, (uint32_t)index, &arg);
		q->cursor = 0;
	} else {
		/* a bucket has at most 32 routes: stop while the next one still fits */
		for (unsigned i = 0; i < PLUMBING_QUERY_BUCKETS && q->n_rows <= PLUMB_QUERY_ROWS - 32; i++) {
			route_scan(t, &q->cursor, 1, plumbing_query_row, &arg);
			if (!q->cursor)
				break;
		}
	}
	atomic_store_explicit(&q->done, 1, memory_order_release);
}

static void plumbing_handle(struct forwarder_worker *w, struct plumb_message *m)
{
	struct rte_mbuf *packet;

	switch ((enum plumb_type)m->type) {
	case PLUMB_ADD:
		plumbing_add(w, m);
		break;
	case PLUMB_DELETE:
		plumbing_delete(w, m);
		break;
	case PLUMB_SET_STATE:
		plumbing_set_state(w, m);
		break;
	case PLUMB_SEND:
	case PLUMB_PACKET:
		packet = m->packet;
		m->packet = NULL;
		if (m->type == PLUMB_SEND)
			stage_tx(w, packet, m->route.port);
		else
			plumbing_packet(w, packet);
		break;
	case PLUMB_QUERY:
		plumbing_query(w, m->query);
		break;
	case PLUMB_MISS:
	case PLUMB_FINAL:
	case PLUMB_AGED:
	case PLUMB_ADD_FAILED:
		break; /* go the other way */
	}
}

unsigned plumbing_poll(struct forwarder_worker *w)
{
	void *messages[PLUMBING_BURST];
	unsigned n = rte_ring_dequeue_burst(w->channel->to_forwarder[w->index], messages, PLUMBING_BURST, NULL);

	for (unsigned i = 0; i < n; i++)
		rte_prefetch0(messages[i]);
	for (unsigned i = 0; i < n; i++) {
		plumbing_handle(w, messages[i]);
		channel_message_put(w->channel, messages[i]);
	}
	return n;
}
