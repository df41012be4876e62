/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The host has a socket. The client will not send again what we have
 * acknowledged, so that is repeated until the socket has received it; then the
 * route is plumbed, and the rest goes the way of all packets.
 */
#include "migrate/handover_internal.h"

#include <string.h>

#include "base/clock.h"
#include "forwarder/ip_header.h"

#define FEED_BURST 4 /* segments before the next question */
#define TCP_MAX 60

static const uint16_t waits_ms[] = { 1, 2, 4, 8, 16, 32, 64, 128, 256, 512, 1000 };

#define N_WAITS (sizeof waits_ms / sizeof waits_ms[0])

static void feed(struct handover *h, struct pending *p)
{
	uint32_t at = p->received, room = handover_shim_room(h, p);

	for (unsigned i = 0; i < FEED_BURST && at < p->acked; i++) {
		uint32_t to = p->acked - at < room ? p->acked : at + room;

		h->counters.creates_repeated++;
		handover_step_host(h, p, TRACE_FED, at, to);
		handover_shim(h, p, BATON_SHIM_CREATE, at, to);
		at = to;
	}
	h->counters.questions_sent++;
	handover_step_host(h, p, TRACE_ASKED, 0, 0);
	handover_shim(h, p, BATON_SHIM_CREATE, 0, 0);
	handover_arm(h, p, h->now_ns + waits_ms[p->step] * CLOCK_NS_PER_MS);
}

static void gone(struct handover *h, struct pending *p)
{
	h->counters.view_changed++;
	handover_step_host(h, p, TRACE_VIEW_CHANGED, 0, 0);
	handover_abort(h, p);
	handover_reset(h, p);
	handover_forget(h, p);
}

void handover_open(struct handover *h, struct pending *p)
{
	if (p->received >= p->acked) {
		handover_place(h, p, p->received, BATON_CONN_ESTABLISHED);
		return;
	}
	if (!handover_endpoint_there(h, p)) {
		gone(h, p);
		return;
	}
	p->state = PENDING_FEEDING;
	p->step = 0;
	feed(h, p);
}

void handover_feed_timer(struct handover *h, struct pending *p)
{
	if (!handover_endpoint_there(h, p)) {
		gone(h, p);
	} else if (++p->step == N_WAITS) {
		handover_give_up(h, p);
	} else {
		feed(h, p);
	}
}

/* A segment of the client's, as if it had just come in. */
static void inject(struct handover *h, struct pending *p, uint32_t from, uint32_t len, bool fin)
{
	struct segment s = {
		.seq = p->client_isn + 1 + from,
		.ack = p->server_isn + 1,
		.flags = PACKET_TCP_ACK,
		.window = p->window,
		.options = { .wscale = TCP_OPTIONS_NO_WSCALE,
			     .timestamps = p->timestamps,
			     .tsval = p->first_tsval,
			     .tsecr = p->first_tsecr },
		.data = pending_bytes(&h->table, p) + from,
		.len = len,
	};
	uint32_t n = p->l2_len;

	if (len)
		s.flags |= SEGMENT_TCP_PSH;
	if (fin)
		s.flags |= PACKET_TCP_FIN;
	memcpy(h->frame, p->l2, n);
	n += segment_write(h->frame + n, &p->key, &s);
	h->env->inject(h->arg, p->forwarder, p->port, h->frame, n);
}

/* True if there was any. */
static bool inject_rest(struct handover *h, struct pending *p, uint32_t from)
{
	uint32_t most = handover_mtu(h->view, p->port) - ip_header_len(p->key.family) - TCP_MAX;
	bool fin = false, any = p->fin;

	for (unsigned i = 0; i < p->gather.n; i++) {
		uint32_t at = p->gather.ranges[i].from, to = p->gather.ranges[i].to;

		for (at = at < from ? from : at; at < to;) {
			uint32_t len = to - at < most ? to - at : most;

			fin = p->fin && at + len == p->fin_at;
			inject(h, p, at, len, fin);
			any = true;
			at += len;
		}
	}
	if (p->fin && !fin)
		inject(h, p, p->fin_at, 0, true);
	return any;
}

/* What came meanwhile, in its order. True if there was any. */
static bool deliver_held(struct handover *h, struct pending *p)
{
	bool any = false;
	uint8_t forwarder;
	void *packet;

	while ((packet = pending_unhold(&h->table, p, &forwarder))) {
		h->env->deliver(h->arg, forwarder, packet);
		any = true;
	}
	return any;
}

void handover_place(struct handover *h, struct pending *p, uint32_t from, uint8_t conn_state)
{
	bool follows;

	if (!handover_vip(h, p) || !handover_endpoint_there(h, p)) {
		gone(h, p);
		return;
	}
	if (h->env->place(h->arg, &p->key, p->forwarder, p->vip, p->endpoint, conn_state, &p->keys) < 0) {
		h->counters.place_failed++;
		handover_step_host(h, p, TRACE_PLACE_FAILED, 0, 0);
		handover_abort(h, p);
		handover_reset(h, p);
		handover_forget(h, p);
		return;
	}
	h->counters.created++;
	handover_step_host(h, p, TRACE_PLACED, 0, 0);
	follows = inject_rest(h, p, from);
	follows |= deliver_held(h, p);
	/*
	 * The first packet on the route tells the host which flow this is. A client that waits for a slow answer
	 * sends none, so an acknowledgement that says nothing new goes in its place.
	 */
	if (!follows)
		inject(h, p, gather_have(&p->gather), 0, false);
	pending_del(&h->table, p);
}
