/* SPDX-License-Identifier: BSD-3-Clause */
#include "world.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define VIP 0
#define POOL 1
#define MTU 1500
#define LINK_NS 50000ull /* a way takes this long */

enum event_kind { TO_CLIENT, TO_HOST_SHIM, TO_HOST_TUNNEL, TO_DEVICE_WORD };

struct world_event {
	struct world_event *next;
	uint64_t at_ns;
	enum event_kind kind;
	unsigned host;
	uint8_t type;
	struct baton_shim_create body;
	struct plumb_host word;
	uint32_t len;
	uint8_t frame[WORLD_FRAME_MAX + 64];
};

uint32_t world_random(struct world *w, uint32_t below)
{
	return (uint32_t)(frame_random(&w->seed) % below);
}

bool world_chance(struct world *w, unsigned percent)
{
	return percent && world_random(w, 100) < percent;
}

/* In the order of their times; equal ones in the order they were sent. */
static void enqueue(struct world *w, const struct world_event *e)
{
	struct world_event *copy = malloc(sizeof *copy), **at = &w->events;

	assert_non_null(copy);
	*copy = *e;
	copy->at_ns = w->now_ns + LINK_NS;
	if (world_chance(w, w->reorder))
		copy->at_ns += world_random(w, 8000000);
	while (*at && (*at)->at_ns <= copy->at_ns)
		at = &(*at)->next;
	copy->next = *at;
	*at = copy;
}

static void transmit(struct world *w, const struct world_event *e)
{
	if (world_chance(w, w->lose))
		return;
	enqueue(w, e);
	if (world_chance(w, w->repeat))
		enqueue(w, e);
}

/* Parse a whole frame, and complain about any that a client or host would. */
static void read_frame(const uint8_t *frame, uint32_t len, struct segment *ret, struct packet_info *info)
{
	packet_parse(frame, len, info);
	assert_int_equal(info->kind, PACKET_FLOW);
	assert_int_equal(info->end, len);
	assert_true(len - info->l2_len <= MTU);
	assert_int_equal(frame_checksum(&info->tuple, frame + info->l4_offset, len - info->l4_offset), 0);
	assert_true(segment_read(frame, info, ret));
}

static void to_client(struct world *w, const struct segment *s, const uint8_t *l2)
{
	struct world_out *o;

	if (w->to_client) {
		w->to_client(w, s);
		return;
	}
	assert_true(w->n_out < WORLD_OUT_MAX);
	o = &w->out[w->n_out++];
	o->s = *s;
	memcpy(o->data, s->data, s->len);
	o->s.data = o->data;
	memcpy(o->l2, l2, sizeof o->l2);
}

/* ---- a host ---- */

static void host_say(struct world *w, struct world_host *host, uint32_t seq, uint32_t len)
{
	struct world_event e = { .kind = TO_CLIENT };
	static const uint8_t reply[1000];
	struct segment s = { .seq = seq,
			     .ack = host->client_isn + 1 + host->received + host->fin,
			     .flags = PACKET_TCP_ACK,
			     .window = 500,
			     .options = { .wscale = TCP_OPTIONS_NO_WSCALE, .timestamps = w->timestamps },
			     .data = reply,
			     .len = len };
	struct baton_tuple back = w->tuple;

	if (host->says_nothing)
		return;
	s.options.tsval = (uint32_t)(w->wall_ns / WORLD_MS);
	s.options.tsecr = w->tsval;
	memcpy(back.saddr, w->tuple.daddr, 16);
	memcpy(back.daddr, w->tuple.saddr, 16);
	back.sport_be = w->tuple.dport_be;
	back.dport_be = w->tuple.sport_be;
	memset(e.frame, 2, 12);
	e.frame[12] = w->tuple.family == BATON_IPV4 ? 0x08 : 0x86;
	e.frame[13] = w->tuple.family == BATON_IPV4 ? 0x00 : 0xdd;
	e.len = 14 + segment_write(e.frame + 14, &back, &s);
	transmit(w, &e);
}

static void host_receive(struct world *w, struct world_host *host, const struct segment *s)
{
	int32_t offset = (int32_t)(s->seq - (host->client_isn + 1));
	uint32_t end = (uint32_t)offset + s->len;

	if (offset <= (int32_t)host->received && (int32_t)end > (int32_t)host->received) {
		uint32_t skip = host->received - (uint32_t)offset;

		memcpy(host->stream + host->received, s->data + skip, s->len - skip);
		host->received = end;
	}
	if (s->flags & PACKET_TCP_FIN && end == host->received)
		host->fin = true;
	if (s->ack - (host->server_isn + 1) <= host->reply_len && s->ack - (host->server_isn + 1) > host->sent)
		host->sent = s->ack - (host->server_isn + 1);
	if (host->received >= host->reply_after && host->reply_len && host->sent < host->reply_len)
		host_say(w, host, host->server_isn + 1, host->reply_len);
	else if (segment_span(s))
		host_say(w, host, host->server_isn + 1 + host->sent, 0);
}

static void host_word(struct world *w, unsigned i, const struct baton_shim_create *b, uint8_t state)
{
	struct world_host *host = &w->hosts[i];
	struct world_event e = { .kind = TO_DEVICE_WORD, .host = i };

	e.word = (struct plumb_host){ .key = w->tuple,
				      .client_isn = ntohl(b->client_isn),
				      .server_isn = ntohl(b->server_isn),
				      .next_seq = host->client_isn + 1 + host->received + host->fin,
				      .state = state,
				      .reason = state == BATON_SHIM_CONN_REFUSED ? host->refusal : 0 };
	memcpy(e.word.from, host->addr, 16);
	transmit(w, &e);
}

static void host_create(struct world *w, unsigned i, const struct baton_shim_create *b, const struct segment *s)
{
	struct world_host *host = &w->hosts[i];
	bool same = host->client_isn == ntohl(b->client_isn) && host->server_isn == ntohl(b->server_isn);

	if ((host->open || host->ended) && same) {
		if (host->lingers)
			host_word(w, i, b, BATON_SHIM_CONN_LINGERS);
		else if (host->ended)
			host_word(w, i, b, BATON_SHIM_CONN_ENDED);
		else if (s && (int32_t)(s->seq + s->len - (host->client_isn + 1 + host->received)) > 0)
			host_receive(w, host, s);
		else
			host_word(w, i, b, BATON_SHIM_CONN_OPEN);
		return;
	}
	if (host->open) {
		host->open = false; /* another one has the 4-tuple: the next finds a listener */
		return;
	}
	if (host->refusal) {
		host->n_refused++;
		host_word(w, i, b, BATON_SHIM_CONN_REFUSED);
		return;
	}
	if (!s || s->seq != ntohl(b->client_isn) + 1) {
		host_word(w, i, b, BATON_SHIM_CONN_NONE);
		return;
	}
	if (w->now_ns < host->full_until_ns)
		return;
	assert_int_equal(s->ack, ntohl(b->server_isn) + 1);
	assert_true(!w->timestamps || s->options.tsval == ntohl(b->client_tsval));
	host->open = true;
	host->ended = host->fin = false;
	host->received = host->sent = 0;
	host->client_isn = ntohl(b->client_isn);
	host->server_isn = ntohl(b->server_isn);
	host->body = *b;
	host->n_created++;
	host_receive(w, host, s);
}

static void host_abort(struct world_host *host, const struct baton_shim_create *b)
{
	host->n_aborted++;
	if (host->open && host->client_isn == ntohl(b->client_isn) && host->server_isn == ntohl(b->server_isn)) {
		host->open = false;
		host->ended = true;
	}
}

/* ---- what the hand-over asks for ---- */

static void env_send(void *arg, uint8_t forwarder, uint16_t port, const uint8_t *frame, uint32_t len)
{
	struct world_event e = { .kind = TO_CLIENT, .len = len };
	struct world *w = arg;
	struct packet_info info;
	struct segment s;

	read_frame(frame, len, &s, &info);
	memcpy(e.frame, frame, len);
	if (!(s.flags & (PACKET_TCP_SYN | PACKET_TCP_RST)) && s.ack - (w->client_isn + 1) > w->acknowledged)
		w->acknowledged = s.ack - (w->client_isn + 1);
	if (w->to_client)
		transmit(arg, &e);
	else
		to_client(arg, &s, frame);
}

static void tunnel(struct world *w, const uint8_t *frame, uint32_t len)
{
	struct world_event e = { .kind = TO_HOST_TUNNEL, .host = (unsigned)w->routed, .len = len };

	memcpy(e.frame, frame, len);
	transmit(w, &e);
}

static void env_inject(void *arg, uint8_t forwarder, uint16_t port, const uint8_t *frame, uint32_t len)
{
	struct world *w = arg;
	struct packet_info info;
	struct segment s;

	read_frame(frame, len, &s, &info);
	assert_memory_equal(&info.tuple, &w->tuple, sizeof w->tuple);
	assert_true(w->routed >= 0);
	w->n_injected++;
	tunnel(w, frame, len);
}

static bool env_shim(void *arg, uint8_t forwarder, uint16_t endpoint, enum baton_shim_type type,
		     const struct baton_shim_create *body, const uint8_t *l2, uint16_t l2_len, const uint8_t *inner,
		     uint16_t inner_len)
{
	struct world_event e = { .kind = TO_HOST_SHIM, .host = endpoint, .type = (uint8_t)type, .body = *body };
	struct world *w = arg;
	struct packet_info info;
	struct segment s;

	assert_true(endpoint < WORLD_HOSTS);
	assert_true(l2_len == 14 + 4 * w->vlans);
	if (w->shim_fails[endpoint])
		return false;
	memset(e.frame, 2, 12);
	e.frame[12] = w->tuple.family == BATON_IPV4 ? 0x08 : 0x86;
	e.frame[13] = w->tuple.family == BATON_IPV4 ? 0x00 : 0xdd;
	if (inner_len) {
		assert_true((w->tuple.family == BATON_IPV4 ? 20 : 40) + 8 + BATON_SHIM_CREATE_LEN + inner_len <= MTU);
		memcpy(e.frame + 14, inner, inner_len);
		e.len = 14u + inner_len;
		read_frame(e.frame, e.len, &s, &info);
		assert_memory_equal(&info.tuple, &w->tuple, sizeof w->tuple);
	}
	transmit(w, &e);
	return true;
}

static uint16_t env_choose(void *arg, uint16_t service, const struct handover_keys *keys, const uint16_t *tried,
			   unsigned n_tried)
{
	struct world *w = arg;

	w->service = service;
	for (uint16_t i = 0; i < WORLD_HOSTS; i++) {
		bool used = false;

		for (unsigned j = 0; j < n_tried; j++)
			used |= tried[j] == i;
		if (!used && w->view->endpoints[i].usable)
			return i;
	}
	return VIEW_NONE;
}

static void env_key(void *arg, uint16_t vip, const struct baton_affinity *a, const uint8_t *bytes, uint32_t len,
		    struct session_key *ret)
{
	((struct world *)arg)->n_keys++;
	*ret = (struct session_key){ .h = { len, bytes[0] } };
}

static int env_place(void *arg, const struct baton_tuple *key, uint8_t forwarder, uint16_t vip, uint16_t endpoint,
		     uint8_t state, const struct handover_keys *keys)
{
	struct world *w = arg;

	assert_memory_equal(key, &w->tuple, sizeof *key);
	assert_int_equal(vip, VIP);
	assert_true(endpoint < WORLD_HOSTS);
	if (w->place_result < 0)
		return w->place_result;
	/* nobody else has what was acknowledged */
	if (state == BATON_CONN_ESTABLISHED)
		assert_true(w->hosts[endpoint].received >= w->acknowledged);
	w->n_placed++;
	w->routed = endpoint;
	w->routed_state = state;
	return 0;
}

static void env_drop(void *arg, const struct baton_tuple *key, uint8_t forwarder, uint16_t vip)
{
	((struct world *)arg)->n_dropped++;
}

/* A packet in flight: its length, then its bytes. */
static void env_release(void *arg, void *packet)
{
	((struct world *)arg)->n_live--;
	free(packet);
}

static void env_deliver(void *arg, uint8_t forwarder, void *packet)
{
	struct world *w = arg;
	uint32_t len;

	memcpy(&len, packet, 4);
	assert_true(w->routed >= 0);
	w->n_delivered++;
	tunnel(w, (uint8_t *)packet + 4, len);
	env_release(arg, packet);
}

static void env_trace(void *arg, const struct baton_tuple *key, const struct trace_step *step)
{
	struct trace_record r = { .event = step->event, .a = step->a, .b = step->b, .key = *key };
	struct world *w = arg;
	char text[TRACE_SAY_MAX];
	size_t n = strlen(w->steps);

	assert_memory_equal(key, &w->tuple, sizeof *key);
	trace_text_set(&r, step->text ? step->text : "", step->text_len);
	snprintf(w->steps + n, sizeof w->steps - n, "%s\n", trace_say(&r, text, sizeof text));
}

static const struct handover_env env = {
	.send = env_send,
	.inject = env_inject,
	.shim = env_shim,
	.choose = env_choose,
	.key = env_key,
	.place = env_place,
	.drop = env_drop,
	.deliver = env_deliver,
	.release = env_release,
	.trace = env_trace,
};

/* ---- the client ---- */

static uint32_t write_l2(const struct world *w, uint8_t *dst)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 9 };
	uint32_t at = 12;

	memcpy(dst, macs, sizeof macs);
	for (unsigned i = 0; i < w->vlans; i++, at += 4)
		memcpy(dst + at, (const uint8_t[]){ 0x81, 0, 0, (uint8_t)(5 + i) }, 4);
	memcpy(dst + at, w->tuple.family == BATON_IPV4 ? "\x08\x00" : "\x86\xdd", 2);
	return at + 2;
}

static enum handover_verdict input(struct world *w, const uint8_t *frame, uint32_t len)
{
	struct handover_packet pkt = { .frame = frame, .vip = VIP };
	enum handover_verdict verdict;
	struct packet_info info;
	uint8_t *packet = malloc(4 + len);

	packet_parse(frame, len, &info);
	memcpy(packet, &len, 4);
	memcpy(packet + 4, frame, len);
	pkt.info = &info;
	pkt.packet = packet;
	w->n_live++;
	verdict = handover_input(w->h, w->view, &pkt, w->now_ns, w->wall_ns);
	if (verdict != HANDOVER_KEPT)
		env_release(w, packet);
	w->n_unknown += verdict == HANDOVER_UNKNOWN;
	return verdict;
}

enum handover_verdict world_say(struct world *w, uint8_t flags, uint32_t seq, uint32_t ack, const void *data,
				uint32_t len)
{
	struct segment s = { .seq = seq, .ack = ack, .flags = flags, .window = 0x7fff, .data = data, .len = len };
	uint8_t frame[WORLD_FRAME_MAX + 64];
	uint32_t n = write_l2(w, frame);

	if (flags & PACKET_TCP_SYN)
		s.options = w->options;
	else
		s.options = (struct tcp_options){ .wscale = TCP_OPTIONS_NO_WSCALE, .timestamps = w->timestamps };
	s.options.tsval = w->tsval = (uint32_t)(w->now_ns / WORLD_MS);
	s.options.tsecr = w->tsecr;
	n += segment_write(frame + n, &w->tuple, &s);
	if (w->routed >= 0) {
		tunnel(w, frame, n);
		return HANDOVER_TAKEN;
	}
	return input(w, frame, n);
}

const struct world_out *world_last(const struct world *w)
{
	return w->n_out ? &w->out[w->n_out - 1] : NULL;
}

void world_shake(struct world *w)
{
	const struct world_out *o;

	assert_int_equal(world_say(w, PACKET_TCP_SYN, w->client_isn, 0, NULL, 0), HANDOVER_TAKEN);
	o = world_last(w);
	assert_non_null(o);
	assert_int_equal(o->s.flags, PACKET_TCP_SYN | PACKET_TCP_ACK);
	assert_int_equal(o->s.ack, w->client_isn + 1);
	w->server_isn = o->s.seq;
	w->timestamps = o->s.options.timestamps;
	w->tsecr = o->s.options.tsval;
}

enum handover_verdict world_data(struct world *w, uint32_t from, uint32_t to, uint8_t more_flags)
{
	return world_say(w, PACKET_TCP_ACK | more_flags, w->client_isn + 1 + from, w->server_isn + 1, w->stream + from,
			 to - from);
}

/* ---- time ---- */

static void happen(struct world *w, struct world_event *e)
{
	struct world_host *host = &w->hosts[e->host];
	struct packet_info info;
	struct segment s;

	if (e->len)
		read_frame(e->frame, e->len, &s, &info);
	switch (e->kind) {
	case TO_CLIENT:
		to_client(w, &s, e->frame);
		break;
	case TO_HOST_SHIM:
		if (host->dead)
			break;
		if (e->type == BATON_SHIM_ABORT)
			host_abort(host, &e->body);
		else
			host_create(w, e->host, &e->body, e->len ? &s : NULL);
		break;
	case TO_HOST_TUNNEL:
		if (host->open)
			host_receive(w, host, &s);
		else
			host->n_unknown++;
		break;
	case TO_DEVICE_WORD:
		handover_host(w->h, w->view, &e->word, w->now_ns, w->wall_ns);
		break;
	}
}

void world_run(struct world *w, uint64_t ns)
{
	uint64_t end = w->now_ns + ns;

	while (w->now_ns < end) {
		uint64_t step = w->events ? WORLD_MS / 10 : WORLD_MS; /* only timers are left */
		uint64_t by = end - w->now_ns < step ? end - w->now_ns : step;

		w->now_ns += by;
		w->wall_ns += by;
		while (w->events && w->events->at_ns <= w->now_ns) {
			struct world_event *e = w->events;

			w->events = e->next;
			happen(w, e);
			free(e);
		}
		handover_poll(w->h, w->view, w->now_ns, w->wall_ns);
	}
}

/* ---- beginning and end ---- */

static void fill_view(struct world *w, uint8_t family)
{
	struct view *v = w->view;

	w->vip = &v->vips[VIP];
	v->vips[VIP].addr.family = family;
	memcpy(v->vips[VIP].addr.b, w->tuple.daddr, 16);
	v->vips[VIP].port_be = w->tuple.dport_be;
	v->vips[VIP].proto = IPPROTO_TCP;
	v->vips[VIP].application = &w->app;
	v->vips[POOL] = v->vips[VIP];
	v->vips[POOL].pool = 1;
	v->vips[POOL].application = NULL;
	v->cookies = &w->cookies;
	v->ports[0].mtu = MTU;
	v->nexthops[0].mtu = MTU;
	for (unsigned i = 0; i < WORLD_HOSTS; i++) {
		memset(w->hosts[i].addr, (int)(0x50 + i), family == BATON_IPV4 ? 4 : 16);
		memcpy(v->endpoints[i].addr, w->hosts[i].addr, 16);
		v->endpoints[i].family = family;
		v->endpoints[i].usable = 1;
	}
}

struct world *world_new(uint8_t family, uint64_t seed, uint32_t max_pending, uint32_t max_large, uint32_t max_held)
{
	struct world *w = calloc(1, sizeof *w);
	struct handover_params p = { .max_pending = max_pending,
				     .max_large = max_large,
				     .max_held = max_held,
				     .hash_key = { 1 },
				     .env = &env,
				     .arg = w };

	assert_non_null(w);
	w->seed = seed * 0x9e3779b97f4a7c15ull + 1;
	w->now_ns = 5 * WORLD_S;
	w->wall_ns = 1700000000 * WORLD_S;
	w->routed = -1;
	w->tuple = (struct baton_tuple){ .sport_be = htons(40007), .dport_be = htons(80), .family = family };
	w->tuple.proto = IPPROTO_TCP;
	memset(w->tuple.saddr, 0x21, family == BATON_IPV4 ? 4 : 16);
	memset(w->tuple.daddr, 0x20, family == BATON_IPV4 ? 4 : 16);
	w->options = (struct tcp_options){ .mss = 1400, .wscale = 7, .sack = true, .timestamps = true };
	w->client_isn = 0xfffff000; /* wraps on the way */
	w->app = (struct application){ .protocol = APPLICATION_HTTP,
				       .sack = true,
				       .timestamps = true,
				       .window_scaling = true,
				       .head_max = 16384,
				       .timeout_ms = 2000,
				       .attempts = 2 };
	w->cookies = (struct cookie_keyring){ { { 1, 2 } }, 1 };
	w->view = view_new(2, WORLD_HOSTS, 1, 0);
	assert_non_null(w->view);
	fill_view(w, family);
	w->h = handover_new(&p);
	assert_non_null(w->h);
	for (uint32_t i = 0; i < WORLD_STREAM_MAX; i++)
		w->stream[i] = (uint8_t)('a' + (i * 7 + i / 251) % 26);
	return w;
}

void world_free(struct world *w)
{
	handover_free(w->h);
	while (w->events) {
		struct world_event *e = w->events;

		w->events = e->next;
		free(e);
	}
	assert_int_equal(w->n_live, 0);
	view_free(w->view);
	free(w);
}
