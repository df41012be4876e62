/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A rule's answer: sent from here, with the end of the connection. What the
 * client says after that is acknowledged and not looked at.
 */
#include "migrate/handover_internal.h"

#include <string.h>

#include "base/clock.h"

#define RESEND_NS (300 * CLOCK_NS_PER_MS)
#define LIFE_NS (5 * CLOCK_NS_PER_S) /* for the client to finish */
#define TIMESTAMPS_LEN 12

static uint32_t answer_seq(const struct pending *p, uint32_t at)
{
	return p->server_isn + 1 + at;
}

/* What the client has not acknowledged of it, FIN included. */
static void send_answer(struct handover *h, struct pending *p)
{
	uint32_t most = p->mss - TIMESTAMPS_LEN, at = p->answer_acked, mtu = handover_mtu(h->view, p->port);

	if (most > mtu - SEGMENT_HEADER_MAX)
		most = mtu - SEGMENT_HEADER_MAX;
	while (at <= p->answer_len) {
		uint32_t left = p->answer_len - at, len = left < most ? left : most;
		uint8_t flags = PACKET_TCP_ACK | SEGMENT_TCP_PSH;

		if (len == left)
			flags |= PACKET_TCP_FIN;
		handover_say(h, p, flags, answer_seq(p, at), p->answer_next, pending_bytes(&h->table, p) + at, len);
		at += len + (len == left);
	}
}

static void arm(struct handover *h, struct pending *p)
{
	uint64_t due = h->now_ns + (RESEND_NS << p->step);

	handover_arm(h, p, due < p->deadline_ns ? due : p->deadline_ns);
}

void handover_answer(struct handover *h, struct pending *p, const char *answer, uint32_t len)
{
	uint32_t have = gather_have(&p->gather);

	if (len > HANDOVER_LARGE_HEAD || (len > HANDOVER_SMALL_HEAD && !pending_grow(&h->table, p))) {
		handover_reset(h, p);
		handover_forget(h, p);
		return;
	}
	memcpy(pending_bytes(&h->table, p), answer, len);
	p->state = PENDING_ANSWERING;
	p->answer_len = len;
	p->fin = p->fin && p->fin_at == have; /* beyond a gap: the client sends it again */
	p->answer_next = have + p->fin;
	p->step = 0;
	p->deadline_ns = h->now_ns + LIFE_NS;
	handover_step(h, &p->key, TRACE_ANSWERED, len, 0);
	send_answer(h, p);
	arm(h, p);
}

/* In order, or it is not counted. True if there is something to acknowledge. */
static bool take(struct pending *p, const struct segment *s)
{
	int32_t offset = handover_offset(p, s->seq);
	uint32_t end = (uint32_t)offset + segment_span(s);

	if (!segment_span(s))
		return false;
	if (offset <= (int32_t)p->answer_next && (int32_t)end > (int32_t)p->answer_next && !p->fin) {
		p->answer_next = end;
		p->fin = s->flags & PACKET_TCP_FIN;
	}
	return true;
}

void handover_answered(struct handover *h, struct pending *p, const struct segment *s)
{
	uint32_t acked = s->ack - answer_seq(p, 0), before = p->answer_next, all = p->answer_len + 1;

	if (acked > all)
		return;
	if (acked > p->answer_acked)
		p->answer_acked = acked;
	if (take(p, s)) {
		if (p->answer_acked < all && p->answer_next == before)
			send_answer(h, p); /* it repeats its request: it has not heard us */
		else
			handover_say(h, p, PACKET_TCP_ACK, answer_seq(p, all), p->answer_next, NULL, 0);
	}
	if (p->answer_acked == all && p->fin)
		handover_forget(h, p);
}

void handover_answer_timer(struct handover *h, struct pending *p)
{
	if (h->now_ns >= p->deadline_ns) {
		handover_forget(h, p);
		return;
	}
	p->step++;
	send_answer(h, p);
	arm(h, p);
}
