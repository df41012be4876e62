/* SPDX-License-Identifier: BSD-3-Clause */
#include "migrate/handover_internal.h"

#include <netinet/in.h>
#include <string.h>

#include "base/clock.h"
#include "forwarder/ip_header.h"

#define TCP_LEN 20
#define MTU_DEFAULT 1500
#define MTU_MIN 576 /* what every IPv4 host takes (RFC 791) */
#define WINDOW_MAX 65535
#define ECHO_AHEAD_MS (2 * COOKIE_EPOCH_S * 1000u)

/* Back to where the link header l2 came from; key is the client's. */
static void send_back(struct handover *h, uint8_t forwarder, uint16_t port, const uint8_t *l2, uint32_t l2_len,
		      const struct baton_tuple *key, const struct segment *s)
{
	struct baton_tuple back;
	uint32_t len;

	baton_tuple_reverse(key, &back);
	packet_link_reverse(h->frame, l2, l2_len);
	len = l2_len + segment_write(h->frame + l2_len, &back, s);
	h->env->send(h->arg, forwarder, port, h->frame, len);
}

void handover_reply(struct handover *h, const struct handover_packet *pkt, const struct segment *s)
{
	send_back(h, pkt->forwarder, pkt->port, pkt->frame, pkt->info->l2_len, &pkt->info->tuple, s);
}

uint32_t handover_clock_ms(const struct handover *h)
{
	return (uint32_t)(h->wall_ns / CLOCK_NS_PER_MS);
}

/* An echo from far ahead is none of ours: the clocks of devices that share connections are not that far apart. */
uint32_t handover_tsval(const struct handover *h, uint32_t client_tsecr)
{
	uint32_t now_ms = handover_clock_ms(h);

	return client_tsecr - now_ms <= ECHO_AHEAD_MS ? client_tsecr : now_ms;
}

/*
 * What is left of the window in the SYN-ACK: its right edge stays where it is.
 * Rounded up, since an edge must not move left (RFC 9293, 3.8.6).
 */
static uint16_t window_left(const struct pending *p, uint32_t next)
{
	uint32_t left = next < p->announced ? p->announced - next : 0;

	if (p->wscale != COOKIE_NO_WSCALE)
		left = (left + (1u << HANDOVER_WSCALE) - 1) >> HANDOVER_WSCALE;
	return (uint16_t)left;
}

void handover_say(struct handover *h, struct pending *p, uint8_t flags, uint32_t seq, uint32_t next,
		  const uint8_t *data, uint32_t len)
{
	struct segment s = {
		.seq = seq,
		.ack = p->client_isn + 1 + next,
		.flags = flags,
		.window = flags & PACKET_TCP_RST ? 0 : window_left(p, next),
		.options = { .wscale = TCP_OPTIONS_NO_WSCALE, .timestamps = p->timestamps },
		.data = data,
		.len = len,
	};

	s.options.tsval = handover_tsval(h, p->last_tsecr);
	s.options.tsecr = p->last_tsval;
	send_back(h, p->forwarder, p->port, p->l2, p->l2_len, &p->key, &s);
}

void handover_acknowledge(struct handover *h, struct pending *p)
{
	if (!p->acked)
		h->counters.heads_acknowledged++;
	p->acked = gather_have(&p->gather);
	p->ack_due = false;
	h->counters.acks_sent++;
	handover_step(h, &p->key, TRACE_ACKNOWLEDGED, p->acked, 0);
	handover_say(h, p, PACKET_TCP_ACK, p->server_isn + 1, p->acked, NULL, 0);
}

/* At what the client expects next, or it would not believe it (RFC 5961, 3.2). */
void handover_reset(struct handover *h, struct pending *p)
{
	uint32_t next = gather_have(&p->gather);

	if (p->fin && p->fin_at == next)
		next++;
	h->counters.resets_sent++;
	handover_step(h, &p->key, TRACE_RESET_SENT, 0, 0);
	handover_say(h, p, PACKET_TCP_RST | PACKET_TCP_ACK, p->client_ack, next, NULL, 0);
}

uint32_t handover_mtu(const struct view *v, uint16_t port)
{
	uint32_t mtu = port < VIEW_MAX_PORTS ? v->ports[port].mtu : 0;

	if (mtu < MTU_MIN)
		return MTU_DEFAULT;
	return mtu < HANDOVER_MTU_MAX ? mtu : HANDOVER_MTU_MAX;
}

uint16_t handover_mss(const struct view *v, const struct application *app, uint8_t family, uint16_t port)
{
	uint32_t most = handover_mtu(v, port) - ip_header_len(family) - TCP_LEN;

	return (uint16_t)(app->mss && app->mss < most ? app->mss : most);
}

uint32_t handover_window(const struct application *app)
{
	if (app->head_max > WINDOW_MAX)
		return WINDOW_MAX;
	return app->head_max > HANDOVER_WINDOW_MIN ? app->head_max : HANDOVER_WINDOW_MIN;
}
