/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Frames, hosts' words, configurations and time for a hand-over. Each step:
 * kind, argument, length (2 bytes), then that many bytes. Segments are built
 * from a few bytes with right numbers and a checksum, or they would get nowhere.
 * The highest bit of the first byte says IPv6.
 * At the end every kept packet must be back and nothing pending.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "migrate/handover.h"
#include "migrate/segment.h"
#include "rules_double.h"

#define MS 1000000ull
#define N_PACKETS 64
#define N_PORTS 4

enum { STEP_FRAME, STEP_SYN, STEP_SEGMENT, STEP_WORD, STEP_TIME, STEP_VIEW, N_STEPS };

static struct handover *h;
static struct view *view;
static struct application app;
static struct rules rules;
static const struct cookie_keyring cookies = { { { 1, 2 } }, 1 };
static struct baton_tuple base;
static uint32_t client_isn[N_PORTS], server_isn[N_PORTS];
static uint64_t now_ns;
static struct trace_filters everybody;
static bool packets[N_PACKETS]; /* kept by the hand-over */
static uint8_t moods;           /* bit 0: env.shim fails; 1: env.place fails; 2: no endpoint */

/* Link addresses and type; everything behind them is 0. */
static uint8_t *link_begin(uint8_t *frame)
{
	frame[0] = 2;
	frame[12] = base.family == BATON_IPV4 ? 0x08 : 0x86;
	frame[13] = base.family == BATON_IPV4 ? 0x00 : 0xdd;
	return frame + 14;
}

static void expect(bool what)
{
	if (!what)
		abort();
}

static void check_frame(const uint8_t *frame, uint32_t len)
{
	struct packet_info info;
	struct segment s;

	packet_parse(frame, len, &info);
	expect(info.kind == PACKET_FLOW && info.end == len && segment_read(frame, &info, &s));
}

static void env_send(void *arg, uint8_t forwarder, uint16_t port, const uint8_t *frame, uint32_t len)
{
	struct packet_info info;
	struct segment s;
	unsigned i;

	check_frame(frame, len);
	packet_parse(frame, len, &info);
	segment_read(frame, &info, &s);
	i = ntohs(info.tuple.dport_be) % N_PORTS;
	if (s.flags & PACKET_TCP_SYN) {
		client_isn[i] = s.ack - 1;
		server_isn[i] = s.seq;
	}
}

static void env_inject(void *arg, uint8_t forwarder, uint16_t port, const uint8_t *frame, uint32_t len)
{
	check_frame(frame, len);
}

static bool env_shim(void *arg, uint8_t forwarder, uint16_t endpoint, enum baton_shim_type type,
		     const struct baton_shim_create *body, const uint8_t *l2, uint16_t l2_len, const uint8_t *inner,
		     uint16_t inner_len)
{
	uint32_t ip_len = base.family == BATON_IPV4 ? 20 : 40;
	uint8_t frame[1600] = { 0 };

	expect(endpoint < view->n_endpoints && l2_len >= 14 && l2_len <= 22);
	expect(ip_len + 8 + BATON_SHIM_CREATE_LEN + inner_len <= 1500);
	if (inner_len) {
		memcpy(link_begin(frame), inner, inner_len);
		check_frame(frame, 14u + inner_len);
	}
	return !(moods & 1);
}

static uint16_t env_choose(void *arg, uint16_t service, const struct handover_keys *keys, const uint16_t *tried,
			   unsigned n_tried)
{
	return moods & 4 ? VIEW_NONE : (uint16_t)(n_tried % 3); /* one more than there are */
}

static void env_key(void *arg, uint16_t vip, const struct baton_affinity *a, const uint8_t *bytes, uint32_t len,
		    struct session_key *ret)
{
	memset(ret, 0, sizeof *ret);
	for (uint32_t i = 0; i < len; i++)
		ret->h[0] += bytes[i]; /* they can be read */
}

static int env_place(void *arg, const struct baton_tuple *key, uint8_t forwarder, uint16_t vip, uint16_t endpoint,
		     uint8_t state, const struct handover_keys *keys)
{
	return moods & 2 ? -1 : 0;
}

static void env_drop(void *arg, const struct baton_tuple *key, uint8_t forwarder, uint16_t vip)
{
}

static void env_release(void *arg, void *packet)
{
	bool *p = packet;

	expect(*p);
	*p = false;
}

static void env_deliver(void *arg, uint8_t forwarder, void *packet)
{
	env_release(arg, packet);
}

static void env_trace(void *arg, const struct baton_tuple *key, const struct trace_step *step)
{
	struct trace_record r = { .event = step->event, .a = step->a, .b = step->b, .key = *key };
	char text[TRACE_SAY_MAX];

	expect(step->event < TRACE_N_EVENTS && key->family == base.family);
	trace_text_set(&r, step->text ? step->text : "", step->text_len);
	expect(strlen(trace_say(&r, text, sizeof text)) > 0);
}

static const struct handover_env env = { env_send,  env_inject, env_shim,    env_choose,  env_key,
					 env_place, env_drop,   env_deliver, env_release, env_trace };

static void input(const uint8_t *frame, uint32_t len)
{
	struct handover_packet pkt = { .frame = frame };
	struct packet_info info;
	unsigned i = 0;

	packet_parse(frame, len, &info);
	while (i < N_PACKETS && packets[i])
		i++;
	if (i == N_PACKETS || info.kind != PACKET_FLOW)
		return;
	pkt.info = &info;
	pkt.packet = &packets[i];
	packets[i] = true;
	if (handover_input(h, view, &pkt, now_ns, now_ns) != HANDOVER_KEPT)
		env_release(NULL, &packets[i]);
}

/* Flags, offset (2 bytes), acknowledgement beyond (1 byte), then data. */
static void step_segment(uint8_t arg, const uint8_t *data, size_t len, bool syn)
{
	uint8_t frame[14 + SEGMENT_HEADER_MAX + 1500] = { 0 };
	struct segment s = { .options = { .wscale = TCP_OPTIONS_NO_WSCALE }, .window = 1000 };
	struct baton_tuple t = base;
	unsigned i = arg % N_PORTS;

	t.sport_be = htons((uint16_t)(N_PORTS * 100 + i));
	if (len < 4)
		return;
	s.options.timestamps = arg & 16;
	s.options.tsval = data[1];
	if (syn) {
		s.flags = PACKET_TCP_SYN;
		s.seq = (uint32_t)data[0] << 24 | data[1];
		s.options.mss = (uint16_t)(data[2] << 8 | data[3]);
		s.options.sack = arg & 32;
		s.options.wscale = arg & 64 ? data[1] % 15 : TCP_OPTIONS_NO_WSCALE;
	} else {
		s.flags = data[0] & 0x0f & ~PACKET_TCP_SYN;
		s.flags |= s.flags & PACKET_TCP_RST ? 0 : PACKET_TCP_ACK;
		s.seq = client_isn[i] + (uint32_t)(data[1] << 8 | data[2]);
		s.ack = server_isn[i] + 1 + data[3] % 128;
	}
	s.data = data + 4;
	s.len = (uint32_t)(len - 4 < 1400 ? len - 4 : 1400);
	input(frame, 14 + segment_write(link_begin(frame), &t, &s));
}

static void step_word(uint8_t arg, const uint8_t *data, size_t len)
{
	struct plumb_host m = { .key = base };
	unsigned i = arg % N_PORTS;

	if (len < 4)
		return;
	m.key.sport_be = htons((uint16_t)(N_PORTS * 100 + i));
	memcpy(m.from, view->endpoints[arg >> 4 & 1].addr, 16);
	m.client_isn = client_isn[i];
	m.server_isn = server_isn[i];
	m.next_seq = client_isn[i] + (uint32_t)(data[0] << 8 | data[1]);
	m.state = data[2];
	m.reason = data[3];
	m.report = arg >> 5 & 1;
	handover_host(h, view, &m, now_ns, now_ns);
}

static void step_view(uint8_t arg, const uint8_t *data, size_t len)
{
	view->vips[0].application = arg & 1 ? NULL : &app;
	view->endpoints[0].addr[0] = arg & 2 ? 9 : 7;
	moods = arg >> 2 & 7;
	view->trace = arg & 32 ? &everybody : NULL;
	app.rules = arg & 32 ? &rules : NULL;
	app.protocol = arg >> 6 ? APPLICATION_ANY : APPLICATION_HTTP;
	if (len < 4)
		return;
	app.head_max = (uint32_t)(data[0] << 8 | data[1]);
	app.otherwise = data[2] % 3;
	app.attempts = 1 + data[2] % 10;
	rules.verdict.action = data[3] % 4;
	rules.verdict.rule = data[3] >> 7;
	rules.verdict.pool = data[3] >> 5 & 3;
}

static void step(uint8_t kind, uint8_t arg, const uint8_t *data, size_t len)
{
	switch (kind % N_STEPS) {
	case STEP_FRAME:
		input(data, (uint32_t)len);
		break;
	case STEP_SYN:
	case STEP_SEGMENT:
		step_segment(arg, data, len, kind % N_STEPS == STEP_SYN);
		break;
	case STEP_WORD:
		step_word(arg, data, len);
		break;
	case STEP_TIME:
		now_ns += (uint64_t)arg * arg * MS / 10; /* up to 6.5 s */
		handover_poll(h, view, now_ns, now_ns);
		break;
	case STEP_VIEW:
		step_view(arg, data, len);
		break;
	}
}

static void begin(uint8_t family)
{
	static const char answer[] = "HTTP/1.1 403 Forbidden\r\n\r\n";
	struct handover_params p = { .max_pending = 3, .max_large = 1, .max_held = 5, .hash_key = { 1 }, .env = &env };

	base = (struct baton_tuple){ .saddr = { 5, 1 }, .daddr = { 6, 1 }, .family = family, .proto = IPPROTO_TCP };
	base.dport_be = htons(80);
	everybody = (struct trace_filters){ .n = 1, .list = { { .client = { .addr.family = family } } } };
	now_ns = 1000000 * MS;
	moods = 0;
	rules.verdict = (struct rules_verdict){ .answer = answer, .answer_len = sizeof answer - 1 };
	app = (struct application){ .sack = true, .timestamps = true, .window_scaling = true, .head_max = 9000 };
	app.timeout_ms = 3000;
	app.attempts = 2;
	app.n_pools = 1;
	view = view_new(2, 2, 1, 0);
	h = handover_new(&p);
	expect(view && h);
	view->cookies = &cookies;
	view->ports[0].mtu = 1500;
	view->vips[0].addr.family = family;
	memcpy(view->vips[0].addr.b, base.daddr, 16);
	view->vips[0].port_be = base.dport_be;
	view->vips[0].application = &app;
	view->vips[0].n_affinities = 2;
	view->vips[0].affinities[0].kind = BATON_AFFINITY_CLIENT;
	view->vips[0].affinities[1].kind = BATON_AFFINITY_TLS_SESSION;
	for (uint8_t i = 0; i < 2; i++) {
		view->endpoints[i].family = family;
		view->endpoints[i].addr[0] = (uint8_t)(7 + i);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned steps = 0;

	begin(size && data[0] & 0x80 ? BATON_IPV6 : BATON_IPV4);
	while (size >= 4 && steps++ < 200) {
		size_t len = (size_t)data[2] << 8 | data[3];

		if (len > size - 4)
			len = size - 4;
		step(data[0] & 0x7f, data[1], data + 4, len);
		data += 4 + len;
		size -= 4 + len;
	}
	/* time heals all: in 20 s nothing is pending, and nothing kept */
	for (unsigned i = 0; i < 400; i++) {
		now_ns += 50 * MS;
		handover_poll(h, view, now_ns, now_ns);
	}
	expect(handover_n_pending(h) == 0);
	for (unsigned i = 0; i < N_PACKETS; i++)
		expect(!packets[i]);
	handover_free(h);
	view_free(view);
	return 0;
}
