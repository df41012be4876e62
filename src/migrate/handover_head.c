/* SPDX-License-Identifier: BSD-3-Clause */
/* A client's first bytes, until there are enough of them to decide. */
#include "migrate/handover_internal.h"

#include <string.h>

#include "base/clock.h"

/*
 * A client that waits for an acknowledgement before it goes on (its first
 * flight is out, or it holds back small segments, RFC 896) gets one after this
 * long without anything new: far below its retransmission timer.
 */
#define ACK_WAIT_NS (5 * CLOCK_NS_PER_MS)
#define ACK_SEGMENTS 8 /* so that a first flight of ten goes on without a pause */

static void arm(struct handover *h, struct pending *p)
{
	uint64_t due = p->deadline_ns;

	if (p->ack_due && p->progress_ns + ACK_WAIT_NS < due)
		due = p->progress_ns + ACK_WAIT_NS;
	handover_arm(h, p, due);
}

/* True if that was the end of collecting. */
static bool examine(struct handover *h, struct pending *p, const struct application *app)
{
	uint32_t have = gather_have(&p->gather);
	enum handover_end end;

	switch (peek_head(&p->peek, app->protocol, pending_bytes(&h->table, p), have, app->head_max, &h->head)) {
	case PEEK_COMPLETE:
		end = HEAD_COMPLETE;
		break;
	case PEEK_ALIEN:
		end = HEAD_ALIEN;
		break;
	case PEEK_TOO_LONG:
		end = HEAD_TOO_LONG;
		break;
	default:
		if (p->fin && p->fin_at <= have)
			end = HEAD_LATE;
		else if (have == pending_room(p))
			end = HEAD_NO_ROOM;
		else
			return false;
	}
	handover_decide(h, p, app, end);
	return true;
}

/* Put a segment's data where it belongs, as far as window and buffer go. */
static void put(struct handover *h, struct pending *p, const struct segment *s, int32_t offset)
{
	uint32_t skip = offset < 0 ? (uint32_t)-offset : 0, from = offset < 0 ? 0 : (uint32_t)offset;
	uint32_t room = p->announced, len;

	if (skip > s->len)
		return;
	len = s->len - skip;
	if (from + len > HANDOVER_SMALL_HEAD && !pending_grow(&h->table, p))
		room = room < HANDOVER_SMALL_HEAD ? room : HANDOVER_SMALL_HEAD;
	if (from > room)
		return;
	if (s->flags & PACKET_TCP_FIN && from + len <= room && !p->fin) {
		p->fin = true;
		p->fin_at = from + len;
	}
	if (len > room - from)
		len = room - from;
	gather_put(&p->gather, pending_bytes(&h->table, p), from, s->data + skip, len);
}

void handover_collect(struct handover *h, struct pending *p, const struct application *app, const struct segment *s)
{
	uint32_t before = gather_have(&p->gather), have;
	int32_t offset = handover_offset(p, s->seq);
	bool fin = p->fin;

	if (offset > (int32_t)p->announced || offset < -(int32_t)HANDOVER_LARGE_HEAD)
		return;
	if (!segment_span(s) && offset != -1)
		return; /* nothing but a window */
	put(h, p, s, offset);
	have = gather_have(&p->gather);
	p->ack_due = true;
	if (have > before || (p->fin && !fin)) {
		p->progress_ns = h->now_ns;
		handover_step(h, &p->key, before ? TRACE_MORE_BYTES : TRACE_FIRST_BYTES, have, 0);
		if (examine(h, p, app))
			return;
		if (have - p->acked >= ACK_SEGMENTS * (uint32_t)p->mss)
			handover_acknowledge(h, p);
	} else if (offset + (int32_t)s->len <= (int32_t)before) {
		handover_acknowledge(h, p); /* it says again what is here: it waits for us */
	}
	arm(h, p);
}

void handover_collect_timer(struct handover *h, struct pending *p, const struct application *app)
{
	if (h->now_ns >= p->deadline_ns) {
		handover_decide(h, p, app, HEAD_LATE);
		return;
	}
	if (p->ack_due && h->now_ns >= p->progress_ns + ACK_WAIT_NS)
		handover_acknowledge(h, p);
	arm(h, p);
}

/* What the cookie and the first segment say of the connection. */
static void fill(struct pending *p, const struct application *app, const struct handover_packet *pkt,
		 const struct segment *s, const struct cookie_options *agreed)
{
	p->state = PENDING_COLLECTING;
	p->forwarder = pkt->forwarder;
	p->vip = pkt->vip;
	p->port = pkt->port;
	p->l2_len = pkt->info->l2_len;
	memcpy(p->l2, pkt->frame, p->l2_len);
	p->client_isn = s->seq - 1;
	p->server_isn = s->ack - 1;
	p->mss = agreed->mss;
	p->wscale = agreed->wscale;
	p->sack = agreed->sack;
	/* once agreed they are in every segment (RFC 7323, 3.2), so the cookie need not say */
	p->timestamps = s->options.timestamps;
	p->first_tsval = p->last_tsval = s->options.tsval;
	p->first_tsecr = p->last_tsecr = s->options.tsecr;
	p->client_ack = s->ack;
	p->window = s->window;
	p->announced = handover_window(app);
}

void handover_begin(struct handover *h, const struct application *app, const struct handover_packet *pkt,
		    const struct segment *s, uint64_t hash, const struct cookie_options *agreed)
{
	struct pending *p = pending_add(&h->table, &pkt->info->tuple, hash);

	if (!p) {
		h->counters.pending_full++;
		handover_step(h, &pkt->info->tuple, TRACE_PENDING_FULL, 0, 0);
		return;
	}
	h->counters.pending_begun++;
	recent_forget(&h->recent, hash);
	fill(p, app, pkt, s, agreed);
	p->deadline_ns = h->now_ns + app->timeout_ms * CLOCK_NS_PER_MS;
	handover_collect(h, p, app, s);
}
