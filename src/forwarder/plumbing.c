/* SPDX-License-Identifier: BSD-3-Clause */
/* The forwarder's end of the plumbing protocol (include/baton/plumb.h). */
#include <arpa/inet.h>
#include <stdatomic.h>
#include <string.h>

#include <rte_byteorder.h>
#include <rte_mbuf.h>
#include <rte_prefetch.h>
#include <rte_ring.h>

#include "baton/snat.h"
#include "forwarder/compact.h"
#include "forwarder/rewrite.h"
#include "forwarder/stages.h"

#define PLUMBING_QUERY_BUCKETS 256

/* Each client's port belongs to one classifier, whichever side of a connection one sees. */
static uint16_t plumbing_client_classifier(const struct forwarder_worker *w, const uint8_t addr[16], uint16_t port_be)
{
	uint64_t a[2];

	memcpy(a, addr, sizeof a);
	return (uint16_t)((((a[0] ^ a[1] ^ port_be) * 0x9e3779b97f4a7c15ull) >> 32) % w->channel->n_classifiers);
}

uint16_t plumbing_classifier(const struct forwarder_worker *w, const struct baton_tuple *key)
{
	const struct view_local *local;

	if (w->channel->n_classifiers == 1)
		return 0;
	/* packets to a VIP come from the client, replies of NATed hosts go to it */
	local = view_local_find(w->view, key->daddr, key->family);
	if (!local)
		return plumbing_client_classifier(w, key->daddr, key->dport_be);
	if (local->kind == VIEW_LOCAL_SNAT)
		return snat_slice_owner(w->snat_port_first, w->snat_port_last, w->channel->n_classifiers,
					ntohs(key->dport_be));
	return plumbing_client_classifier(w, key->saddr, key->sport_be);
}

/* Of a route, even if its VIP is gone from the view: the client is its source, or where a return route leads. */
static uint16_t plumbing_route_classifier(const struct forwarder_worker *w, const struct baton_tuple *key,
					  const struct baton_tuple *nat, uint8_t action)
{
	if (action == PLUMB_ACTION_RETURN)
		return plumbing_client_classifier(w, nat->daddr, nat->dport_be);
	return plumbing_client_classifier(w, key->saddr, key->sport_be);
}

bool plumbing_send(struct forwarder_worker *w, uint16_t classifier, struct plumb_message *m)
{
	if (outbox_put(&w->to_classifier[classifier], m))
		return true;
	channel_message_put(w->channel, m);
	return false;
}

bool plumbing_report(struct forwarder_worker *w, enum plumb_type type, struct route_table *t, uint32_t index,
		     uint8_t tcp_flags)
{
	struct plumb_message *m = channel_message_get(w->channel);
	uint16_t classifier;

	if (!m)
		return false;
	m->type = (uint8_t)type;
	m->forwarder = (uint8_t)w->index;
	m->tcp_flags = tcp_flags;
	route_key_at(t, index, &m->route.key);
	classifier =
		plumbing_route_classifier(w, &m->route.key, &route_nat_at(t, index)->to, route_at(t, index)->action);
	return plumbing_send(w, classifier, m);
}

/*
 * The route had no room: the message goes back as it came. If the classifier's
 * ring is full it waits here, and no other message is taken meanwhile: the
 * classifier must not go on believing in the route.
 */
static bool plumbing_add_failed(struct forwarder_worker *w, struct plumb_message *m)
{
	uint16_t classifier = plumbing_route_classifier(w, &m->route.key, &m->route.nat, m->route.action);

	if (m->packet)
		rte_pktmbuf_free(m->packet);
	m->packet = NULL;
	m->type = PLUMB_ADD_FAILED;
	m->forwarder = (uint8_t)w->index;
	if (outbox_put(&w->to_classifier[classifier], m))
		return true;
	w->failed_add = m;
	return false;
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

static void plumbing_fill_way_back(struct route_nat *nat, const struct plumb_route *r)
{
	nat->nexthop = r->nexthop;
	nat->port = r->port;
	memcpy(nat->mac, r->mac, sizeof nat->mac);
}

/* Deltas and rewrite targets, once, so that the packet path only adds. */
static void plumbing_fill(struct forwarder_worker *w, struct route_table *t, uint32_t index,
			  const struct plumb_route *r)
{
	struct route *route = route_at(t, index);
	struct baton_tuple to;

	switch (r->action) {
	case PLUMB_ACTION_TUNNEL:
		rewrite_tunnel_tuple(&r->key, stage_tunnel_addr(w, r->key.family, route_bank(t, index))->b,
				     w->view->endpoints[r->endpoint].addr, route_flow_id(t, index), &to);
		break;
	case PLUMB_ACTION_NAT:
	case PLUMB_ACTION_RETURN:
		to = r->nat;
		route_nat_at(t, index)->to = to;
		plumbing_fill_way_back(route_nat_at(t, index), r);
		compact_mark(w, t, index, r);
		break;
	default:
		return;
	}
	rewrite_deltas(&r->key, &to, &route->l3_delta, &route->l4_delta);
}

void plumbing_forget(struct forwarder_worker *w, const struct route *r)
{
	if (r->endpoint != VIEW_NONE)
		w->endpoints[r->endpoint].routes--;
}

/* Ids rest before they are used again, so this is a message that was on its way for seconds. */
static bool plumbing_is_current(const struct view *v, const struct plumb_route *r)
{
	return r->vip < v->n_vips &&
	       (r->endpoint == VIEW_NONE || (r->endpoint < v->n_endpoints && v->endpoints[r->endpoint].family));
}

static int plumbing_add_route(struct forwarder_worker *w, const struct plumb_route *r, uint32_t *ret_index)
{
	struct route_table *t = stage_table(w, r->key.family);
	int err;

	if (!plumbing_is_current(w->view, r))
		return -ENOENT;
	err = route_add(t, r, w->now_s, ret_index);
	if (err == -EEXIST) {
		if (plumbing_is_same(t, *ret_index, r)) {
			stage_trace_plumb(w, r, TRACE_PLUMBED_SAME);
			if (r->action == PLUMB_ACTION_RETURN) { /* the client may have moved */
				plumbing_fill_way_back(route_nat_at(t, *ret_index), r);
				compact_mark(w, t, *ret_index, r);
			}
			return 0;
		}
		stage_trace_route(w, t, *ret_index, TRACE_REPLACED, 0, 0);
		plumbing_forget(w, route_at(t, *ret_index));
		route_del(t, *ret_index);
		w->counters.routes_replaced++;
		err = route_add(t, r, w->now_s, ret_index);
	}
	if (err < 0)
		return err;
	plumbing_fill(w, t, *ret_index, r);
	if (r->endpoint != VIEW_NONE)
		w->endpoints[r->endpoint].routes++;
	w->counters.routes_added++;
	stage_trace_plumb(w, r, TRACE_PLUMBED);
	return 0;
}

/* A packet that came by another lcore. */
static void plumbing_packet(struct forwarder_worker *w, struct rte_mbuf *m)
{
	w->counters.rx_packets--; /* counted when it came in */
	w->counters.rx_bytes -= rte_pktmbuf_pkt_len(m);
	forwarder_worker_burst(w, &m, 1);
}

/* The packet of an added route: it was parsed when it missed. */
static void plumbing_follow(struct forwarder_worker *w, const struct plumb_message *m, struct rte_mbuf *packet,
			    uint32_t index)
{
	const struct packet_info info = { .kind = PACKET_FLOW,
					  .tcp_flags = m->tcp_flags,
					  .l2_len = (uint8_t)m->l3_offset,
					  .l4_offset = m->l4_offset,
					  .end = m->end,
					  .tuple = m->route.key };

	w->subject = w->view->trace ? &info.tuple : NULL;
	stage_hit(w, packet, &info, index);
	w->subject = NULL;
}

/* False: the message lives on. */
static bool plumbing_add(struct forwarder_worker *w, struct plumb_message *m)
{
	struct rte_mbuf *packet = m->packet;
	uint32_t index;

	if (plumbing_add_route(w, &m->route, &index) < 0) {
		w->counters.drops[DROP_ROUTE_TABLE_FULL] += packet != NULL;
		stage_trace_plumb(w, &m->route, TRACE_PLUMB_FAILED);
		plumbing_add_failed(w, m);
		return false;
	}
	m->packet = NULL;
	if (packet)
		plumbing_follow(w, m, packet, index);
	return true;
}

static void plumbing_set_state(struct forwarder_worker *w, const struct plumb_message *m)
{
	struct route_table *t = stage_table(w, m->route.key.family);
	int64_t index = route_find(t, &m->route.key);

	if (index < 0)
		return;
	route_at(t, (uint32_t)index)->state = m->route.state & 0xf;
	stage_trace_route(w, t, (uint32_t)index, TRACE_ROUTE_STATE, 0, m->route.state);
}

static void plumbing_delete(struct forwarder_worker *w, const struct plumb_message *m)
{
	struct route_table *t = stage_table(w, m->route.key.family);
	int64_t index = route_find(t, &m->route.key);

	if (index < 0)
		return;
	stage_trace_route(w, t, (uint32_t)index, TRACE_ROUTE_DELETED, 0, 0);
	plumbing_forget(w, route_at(t, (uint32_t)index));
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
	row->bank = route_bank(t, index);
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

/* False: the message lives on. */
static bool plumbing_handle(struct forwarder_worker *w, struct plumb_message *m)
{
	struct rte_mbuf *packet;

	switch ((enum plumb_type)m->type) {
	case PLUMB_ADD:
		return plumbing_add(w, m);
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
	case PLUMB_SHIM:
		packet = m->packet;
		m->packet = NULL;
		stage_shim_send(w, packet, m);
		break;
	case PLUMB_QUERY:
		plumbing_query(w, m->query);
		break;
	case PLUMB_HOST:
	case PLUMB_MISS:
	case PLUMB_FINAL:
	case PLUMB_AGED:
	case PLUMB_ADD_FAILED:
		break; /* go the other way */
	}
	return true;
}

/* Messages that are so many don't wait for memory one by one. */
#define PLUMBING_MANY 8

enum plumbing_step {
	PLUMBING_FETCHED,
	PLUMBING_BUCKETS, /* of their routes have been asked for */
	PLUMBING_ENTRIES, /* have been asked for too */
};

/* Keys of one family that the messages are about to look for. */
static unsigned plumbing_keys(const struct forwarder_worker *w, uint8_t family, const struct baton_tuple *ret[])
{
	unsigned n = 0;

	for (unsigned i = 0; i < w->n_messages; i++) {
		const struct plumb_message *m = w->messages[i];

		if ((m->type == PLUMB_ADD || m->type == PLUMB_DELETE || m->type == PLUMB_SET_STATE) &&
		    m->route.key.family == family)
			ret[n++] = &m->route.key;
	}
	return n;
}

typedef void (*plumbing_prefetch_fn)(const struct route_table *t, const struct baton_tuple *const keys[], unsigned n);

static void plumbing_prefetch_both(const struct forwarder_worker *w, plumbing_prefetch_fn prefetch)
{
	const struct baton_tuple *keys[WORKER_PLUMBING_BURST];

	prefetch(w->routes4, keys, plumbing_keys(w, BATON_IPV4, keys));
	prefetch(w->routes6, keys, plumbing_keys(w, BATON_IPV6, keys));
}

void plumbing_prefetch(struct forwarder_worker *w)
{
	if (w->messages_step != PLUMBING_BUCKETS)
		return;
	plumbing_prefetch_both(w, route_prefetch_entries);
	w->messages_step = PLUMBING_ENTRIES;
}

/* False: the messages wait until the next turn. */
static bool plumbing_is_ready(struct forwarder_worker *w)
{
	if (w->messages_step != PLUMBING_FETCHED)
		return true;
	plumbing_prefetch_both(w, route_prefetch_buckets);
	w->messages_step = PLUMBING_BUCKETS;
	if (w->n_messages < PLUMBING_MANY)
		return false;
	plumbing_prefetch(w);
	return true;
}

unsigned plumbing_poll(struct forwarder_worker *w)
{
	struct plumb_message *failed = w->failed_add;
	unsigned n = 0;

	w->failed_add = NULL;
	if (failed && !plumbing_add_failed(w, failed))
		return 0;
	if (!w->n_messages || !plumbing_is_ready(w))
		return 0;
	while (n < w->n_messages && !w->failed_add) {
		struct plumb_message *m = w->messages[n++];

		if (plumbing_handle(w, m))
			channel_message_put(w->channel, m);
	}
	w->n_messages -= (uint16_t)n;
	memmove(w->messages, w->messages + n, w->n_messages * sizeof *w->messages);
	return n;
}

void plumbing_fetch(struct forwarder_worker *w)
{
	if (w->n_messages)
		return;
	w->n_messages = (uint16_t)rte_ring_dequeue_burst(w->channel->to_forwarder[w->index], (void **)w->messages,
							 WORKER_PLUMBING_BURST, NULL);
	w->messages_step = PLUMBING_FETCHED;
	for (unsigned i = 0; i < w->n_messages; i++) {
		rte_prefetch0(w->messages[i]);
		rte_prefetch0((const uint8_t *)w->messages[i] + RTE_CACHE_LINE_SIZE);
	}
}
