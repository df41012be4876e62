/* SPDX-License-Identifier: BSD-3-Clause */
#include "migrate/handover.h"

#include <netinet/in.h>
#include <stdalign.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "migrate/handover_internal.h"

#define RECENT_PER_PENDING 4   /* clients that say nothing yet, for each that does */
#define POLL_BUDGET 64         /* timers looked at in a turn */
#define SEQ_WINDOW (2 * 65536) /* bytes around a connection's first that may be of it: the host has announced more */
#define ACK_WINDOW (16 << 20)  /* bytes that a host can have sent and the client acknowledged in between */

struct handover *handover_new(const struct handover_params *p)
{
	struct handover *h;

	if (!p->max_pending || p->max_pending > INT32_MAX || p->max_held > INT32_MAX || p->max_large > p->max_pending ||
	    p->lcore >= RULES_MAX_LCORES)
		return NULL;
	h = aligned_alloc(alignof(struct handover), sizeof *h);
	if (!h)
		return NULL;
	memset(h, 0, sizeof *h);
	h->env = p->env;
	h->arg = p->arg;
	h->lcore = p->lcore;
	if (pending_init(&h->table, p) < 0 ||
	    recent_init(&h->recent, (size_t)p->max_pending * RECENT_PER_PENDING) < 0) {
		pending_fini(&h->table);
		free(h);
		return NULL;
	}
	return h;
}

void handover_free(struct handover *h)
{
	if (!h)
		return;
	for (uint32_t i = 0; i <= h->table.mask; i++)
		while (h->table.buckets[i] != PENDING_NONE)
			handover_forget(h, &h->table.all[h->table.buckets[i]]);
	recent_fini(&h->recent);
	pending_fini(&h->table);
	free(h);
}

void handover_forget(struct handover *h, struct pending *p)
{
	uint8_t forwarder;
	void *packet;

	while ((packet = pending_unhold(&h->table, p, &forwarder)))
		h->env->release(h->arg, packet);
	pending_del(&h->table, p);
}

static const struct view_vip *vip_at(const struct view *v, uint16_t id, const struct baton_tuple *key)
{
	const struct view_vip *vip = id < v->n_vips ? &v->vips[id] : NULL;

	if (!vip || vip->addr.family != key->family || vip->port_be != key->dport_be || vip->pool ||
	    memcmp(vip->addr.b, key->daddr, sizeof key->daddr) != 0)
		return NULL;
	return vip;
}

const struct view_vip *handover_vip(const struct handover *h, const struct pending *p)
{
	return vip_at(h->view, p->vip, &p->key);
}

static const struct application *application_of(const struct handover *h, const struct pending *p)
{
	const struct view_vip *vip = handover_vip(h, p);

	return vip ? vip->application : NULL;
}

enum handover_verdict handover_hold(struct handover *h, struct pending *p, const struct handover_packet *pkt)
{
	if (!pending_hold(&h->table, p, pkt->packet, pkt->forwarder)) {
		h->counters.held_dropped++;
		handover_step_host(h, p, TRACE_HELD_DROPPED, pkt->info->tcp_flags, 0);
		return HANDOVER_TAKEN;
	}
	h->counters.held++;
	handover_step_host(h, p, TRACE_HELD, pkt->info->tcp_flags, 0);
	return HANDOVER_KEPT;
}

static void drop_pending(struct handover *h, struct pending *p)
{
	if (p->state == PENDING_OFFERED || p->state == PENDING_FEEDING)
		handover_abort(h, p);
	handover_forget(h, p);
}

/* Its VIP has no application any more: nobody knows what to do with it. */
static void orphan(struct handover *h, struct pending *p)
{
	h->counters.view_changed++;
	handover_step(h, &p->key, TRACE_VIEW_CHANGED, 0, 0);
	handover_reset(h, p);
	drop_pending(h, p);
}

static void reset_by_client(struct handover *h, struct pending *p, const struct segment *s)
{
	int32_t offset = handover_offset(p, s->seq);

	if (offset < 0 || offset >= SEQ_WINDOW)
		return;
	h->counters.pending_reset++;
	handover_step(h, &p->key, TRACE_CLIENT_RESET, 0, 0);
	drop_pending(h, p);
}

/* Has the client begun anew, with a handshake that it has forgotten the pending one for? */
static bool begun_anew(const struct handover *h, const struct pending *p, const struct handover_packet *pkt,
		       const struct segment *s)
{
	struct cookie_options agreed;

	return s->len && s->ack - 1 != p->server_isn && s->seq - 1 != p->client_isn &&
	       cookie_check(h->view->cookies, &pkt->info->tuple, s->seq - 1, s->ack - 1, h->wall_ns / CLOCK_NS_PER_S,
			    &agreed);
}

static void remember(struct pending *p, const struct segment *s)
{
	if (s->options.timestamps && (int32_t)(s->options.tsval - p->last_tsval) >= 0) {
		p->last_tsval = s->options.tsval;
		p->last_tsecr = s->options.tsecr;
	}
	if ((int32_t)(s->ack - p->client_ack) >= 0) {
		p->client_ack = s->ack;
		p->window = s->window;
	}
}

static enum handover_verdict pending_input(struct handover *h, struct pending *p, const struct application *app,
					   const struct handover_packet *pkt, const struct segment *s)
{
	int32_t offset = handover_offset(p, s->seq);

	/* not of this connection, or made up by somebody who does not see it (RFC 5961) */
	if (s->ack - (p->server_isn + 1) > ACK_WINDOW || offset < -SEQ_WINDOW || offset > SEQ_WINDOW)
		return HANDOVER_TAKEN;
	switch ((enum pending_state)p->state) {
	case PENDING_COLLECTING:
		if (s->ack != p->server_isn + 1)
			return HANDOVER_TAKEN; /* we have sent nothing beyond the SYN-ACK */
		if (!app) {
			orphan(h, p);
			return HANDOVER_TAKEN;
		}
		remember(p, s);
		handover_collect(h, p, app, s);
		return HANDOVER_TAKEN;
	case PENDING_OFFERED:
	case PENDING_FEEDING:
		remember(p, s);
		return handover_offered(h, p, pkt, s);
	case PENDING_ANSWERING:
		remember(p, s);
		handover_answered(h, p, s);
		return HANDOVER_TAKEN;
	}
	return HANDOVER_TAKEN;
}

static void moment(struct handover *h, const struct view *v, uint64_t now_ns, uint64_t wall_ns)
{
	h->view = v;
	h->now_ns = now_ns;
	h->wall_ns = wall_ns;
}

enum handover_verdict handover_input(struct handover *h, const struct view *v, const struct handover_packet *pkt,
				     uint64_t now_ns, uint64_t wall_ns)
{
	const struct packet_info *info = pkt->info;
	const struct view_vip *vip = vip_at(v, pkt->vip, &info->tuple);
	const struct application *app = vip && v->cookies ? vip->application : NULL;
	struct pending *p;
	struct segment s;
	uint64_t hash;

	if (info->kind != PACKET_FLOW || info->tuple.proto != IPPROTO_TCP)
		return HANDOVER_UNKNOWN;
	moment(h, v, now_ns, wall_ns);
	if (!segment_read(pkt->frame, info, &s)) {
		h->counters.checksums_bad++;
		handover_step(h, &info->tuple, TRACE_CHECKSUM_BAD, 0, 0);
		return HANDOVER_TAKEN;
	}
	if (s.flags & PACKET_TCP_SYN)
		return app && !(s.flags & PACKET_TCP_ACK) ? handover_syn(h, app, pkt, &s) : HANDOVER_UNKNOWN;
	hash = pending_hash(&h->table, &info->tuple);
	p = pending_find(&h->table, &info->tuple, hash);
	if (s.flags & PACKET_TCP_RST) {
		if (!p)
			return HANDOVER_UNKNOWN;
		reset_by_client(h, p, &s);
		return HANDOVER_TAKEN;
	}
	if (p && app && begun_anew(h, p, pkt, &s)) {
		h->counters.pending_reset++;
		handover_step(h, &p->key, TRACE_BEGUN_ANEW, 0, 0);
		drop_pending(h, p);
		p = NULL;
	}
	if (p)
		return pending_input(h, p, app, pkt, &s);
	return app ? handover_fresh(h, app, pkt, &s, hash) : HANDOVER_UNKNOWN;
}

static void timer(struct handover *h, struct pending *p)
{
	const struct application *app = application_of(h, p);

	switch ((enum pending_state)p->state) {
	case PENDING_COLLECTING:
		if (app)
			handover_collect_timer(h, p, app);
		else
			orphan(h, p);
		break;
	case PENDING_OFFERED:
		handover_offered_timer(h, p);
		break;
	case PENDING_FEEDING:
		handover_feed_timer(h, p);
		break;
	case PENDING_ANSWERING:
		handover_answer_timer(h, p);
		break;
	}
}

unsigned handover_poll(struct handover *h, const struct view *v, uint64_t now_ns, uint64_t wall_ns)
{
	unsigned budget = POLL_BUDGET;
	uint32_t id;

	moment(h, v, now_ns, wall_ns);
	while ((id = wheel_pop(&h->table.wheel, now_ns, &budget)) != WHEEL_NONE)
		timer(h, &h->table.all[id]);
	return POLL_BUDGET - budget;
}

/* About a pending connection, from the host that it was offered to last? */
static struct pending *told_about(const struct handover *h, const struct plumb_host *m)
{
	struct pending *p = pending_find(&h->table, &m->key, pending_hash(&h->table, &m->key));

	if (!p || p->client_isn != m->client_isn || p->server_isn != m->server_isn)
		return NULL;
	if ((p->state != PENDING_OFFERED && p->state != PENDING_FEEDING) ||
	    memcmp(p->host, m->from, sizeof p->host) != 0)
		return NULL;
	return p;
}

bool handover_host(struct handover *h, const struct view *v, const struct plumb_host *m, uint64_t now_ns,
		   uint64_t wall_ns)
{
	struct pending *p = told_about(h, m);

	if (!p) {
		h->counters.strays += !m->report;
		return false;
	}
	moment(h, v, now_ns, wall_ns);
	handover_told(h, p, m);
	return true;
}

const struct handover_counters *handover_counters_get(const struct handover *h)
{
	return &h->counters;
}

uint32_t handover_n_pending(const struct handover *h)
{
	return atomic_load_explicit(&h->table.n, memory_order_relaxed);
}
