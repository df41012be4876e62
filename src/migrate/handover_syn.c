/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of a handshake that leaves nothing behind but a hint. */
#include "migrate/handover_internal.h"

#include "base/clock.h"

static uint64_t wall_s(const struct handover *h)
{
	return h->wall_ns / CLOCK_NS_PER_S;
}

/* Never 0. */
static uint32_t now_s(const struct handover *h)
{
	return (uint32_t)(h->now_ns / CLOCK_NS_PER_S) + 1;
}

static void refuse(struct handover *h, const struct handover_packet *pkt, const struct segment *s)
{
	struct segment reset = { .ack = s->seq + segment_span(s),
				 .flags = PACKET_TCP_RST | PACKET_TCP_ACK,
				 .options = { .wscale = TCP_OPTIONS_NO_WSCALE } };

	h->counters.syns_refused++;
	h->counters.resets_sent++;
	handover_step(h, &pkt->info->tuple, TRACE_SYN_REFUSED, s->options.mss, 0);
	handover_reply(h, pkt, &reset);
}

/* Data in a SYN is not looked at: the client sends it again, as after any SYN-ACK without Fast Open (RFC 7413). */
enum handover_verdict handover_syn(struct handover *h, const struct application *app, const struct handover_packet *pkt,
				   const struct segment *s)
{
	const struct baton_tuple *key = &pkt->info->tuple;
	const struct tcp_options *o = &s->options;
	uint16_t mss_min = key->family == BATON_IPV4 ? COOKIE_MSS_MIN_IPV4 : COOKIE_MSS_MIN_IPV6;
	struct cookie_options agreed = { .mss = o->mss ? o->mss : mss_min,
					 .wscale = app->window_scaling ? o->wscale : COOKIE_NO_WSCALE,
					 .sack = app->sack && o->sack };
	struct segment answer = { .ack = s->seq + 1, .flags = PACKET_TCP_SYN | PACKET_TCP_ACK };
	uint64_t hash = pending_hash(&h->table, key);
	const struct pending *p;

	if (agreed.mss < mss_min) {
		refuse(h, pkt, s);
		return HANDOVER_TAKEN;
	}
	answer.options = (struct tcp_options){
		.mss = handover_mss(h->view, app, key->family, pkt->port),
		.wscale = agreed.wscale == COOKIE_NO_WSCALE ? TCP_OPTIONS_NO_WSCALE : HANDOVER_WSCALE,
		.sack = agreed.sack,
		.timestamps = app->timestamps && o->timestamps,
		.tsval = handover_clock_ms(h),
		.tsecr = o->tsval,
	};
	answer.window = (uint16_t)handover_window(app);
	p = pending_find(&h->table, key, hash);
	/* a late copy of the SYN must not get another number, an epoch later, than the first */
	if (p && p->client_isn == s->seq)
		answer.seq = p->server_isn;
	else
		answer.seq = cookie_make(h->view->cookies, key, s->seq, &agreed, wall_s(h));
	recent_note_begun(&h->recent, hash, s->seq, answer.seq, now_s(h));
	h->counters.syns_answered++;
	handover_step(h, key, TRACE_SYN_ANSWERED, answer.options.mss, answer.window);
	handover_reply(h, pkt, &answer);
	return HANDOVER_TAKEN;
}

static bool check(const struct handover *h, const struct handover_packet *pkt, uint32_t client_isn, uint32_t server_isn,
		  struct cookie_options *ret)
{
	return cookie_check(h->view->cookies, &pkt->info->tuple, client_isn, server_isn, wall_s(h), ret);
}

/* To a client that has said nothing yet. */
static void answer_silent(struct handover *h, const struct application *app, const struct handover_packet *pkt,
			  const struct segment *s, uint8_t flags, uint32_t ack, const struct cookie_options *agreed)
{
	struct segment answer = { .seq = s->ack, .ack = ack, .flags = flags };
	uint32_t window = handover_window(app);

	if (agreed->wscale != COOKIE_NO_WSCALE)
		window = (window + (1u << HANDOVER_WSCALE) - 1) >> HANDOVER_WSCALE;
	answer.window = (uint16_t)window;
	answer.options = (struct tcp_options){ .wscale = TCP_OPTIONS_NO_WSCALE,
					       .timestamps = s->options.timestamps,
					       .tsval = handover_tsval(h, s->options.tsecr),
					       .tsecr = s->options.tsval };
	handover_reply(h, pkt, &answer);
}

/* The segment right behind the handshake. */
static void first_segment(struct handover *h, const struct application *app, const struct handover_packet *pkt,
			  const struct segment *s, uint64_t hash, const struct cookie_options *agreed)
{
	if (s->len) {
		handover_begin(h, app, pkt, s, hash, agreed);
	} else if (s->flags & PACKET_TCP_FIN) {
		h->counters.closes_answered++;
		handover_step(h, &pkt->info->tuple, TRACE_CLOSE_ANSWERED, 0, 0);
		answer_silent(h, app, pkt, s, PACKET_TCP_FIN | PACKET_TCP_ACK, s->seq + 1, agreed);
	} else {
		recent_note(&h->recent, hash, s->seq - 1, s->ack - 1, now_s(h));
	}
}

enum handover_verdict handover_fresh(struct handover *h, const struct application *app,
				     const struct handover_packet *pkt, const struct segment *s, uint64_t hash)
{
	struct cookie_options agreed;

	if (check(h, pkt, s->seq - 1, s->ack - 1, &agreed)) {
		first_segment(h, app, pkt, s, hash, &agreed);
		return HANDOVER_TAKEN;
	}
	if (s->len <= 1 && !(s->flags & PACKET_TCP_FIN) && check(h, pkt, s->seq, s->ack - 1, &agreed)) {
		/* keep-alive probe: one before the next number (RFC 9293, 3.8.4) */
		h->counters.probes_answered++;
		handover_step(h, &pkt->info->tuple, TRACE_PROBE_ANSWERED, 0, 0);
		answer_silent(h, app, pkt, s, PACKET_TCP_ACK, s->seq + 1, &agreed);
		return HANDOVER_TAKEN;
	}
	/* the last acknowledgement to a client that finished without a word */
	if (!segment_span(s) && check(h, pkt, s->seq - 2, s->ack - 2, &agreed))
		return HANDOVER_TAKEN;
	if (recent_has(&h->recent, hash, s->seq, s->ack, now_s(h))) {
		h->counters.segments_early++;
		handover_step(h, &pkt->info->tuple, TRACE_EARLY, s->len, 0);
		return HANDOVER_TAKEN;
	}
	h->counters.cookies_bad++;
	handover_step(h, &pkt->info->tuple, TRACE_COOKIE_BAD, s->flags, s->len);
	return HANDOVER_UNKNOWN;
}
