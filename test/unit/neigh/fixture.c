/* SPDX-License-Identifier: BSD-3-Clause */
#include "fixture.h"

#include <stdlib.h>

static bool fixture_is_local(void *arg, uint16_t port, const struct baton_addr *addr)
{
	static const char *const local[2][2] = { { "192.0.2.1", "2001:db8::1" }, { "192.0.2.2", "2001:db8::2" } };
	struct baton_addr a[4] = { addr_of(local[port][0]), addr_of(local[port][1]), addr_of("192.0.2.80"),
				   addr_of("2001:db8::80") };

	for (unsigned i = 0; i < 4; i++) {
		if (baton_addr_equal(&a[i], addr))
			return true;
	}
	return false;
}

static void fixture_emit(void *arg, uint16_t port, const uint8_t *frame, size_t len)
{
	struct fixture *f = arg;

	assert_true(len >= 60 && len <= sizeof f->sent[0].frame);
	if (f->n_sent < FIXTURE_MAX) {
		f->sent[f->n_sent] = (struct sent){ .port = port, .len = len };
		memcpy(f->sent[f->n_sent].frame, frame, len);
	}
	f->n_sent++;
}

static void fixture_change(void *arg, uint16_t id, enum neigh_state state, const uint8_t mac[6])
{
	struct fixture *f = arg;

	assert_int_equal(mac != NULL, state == NEIGH_REACHABLE || state == NEIGH_PROBE);
	if (f->n_changed < FIXTURE_MAX) {
		struct changed *c = &f->changed[f->n_changed];

		*c = (struct changed){ .id = id, .state = state, .has_mac = mac != NULL };
		if (mac)
			memcpy(c->mac, mac, sizeof c->mac);
	}
	f->n_changed++;
}

int fixture_setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);
	struct neigh_params p = {
		.max_nexthops = 8,
		.reachable_ms = 3000,
		.retransmit_ms = 1000,
		.tries = 3,
		.failed_retry_ms = 2000,
		.is_local = fixture_is_local,
		.emit = fixture_emit,
		.change = fixture_change,
		.arg = f,
	};
	struct neigh_port port0 = { .source4 = addr_of("192.0.2.1"), .source6 = addr_of("2001:db8::1") };
	struct neigh_port port1 = { .source4 = addr_of("192.0.2.2"), .source6 = addr_of("2001:db8::2") };

	memcpy(port0.mac, OUR_MAC, 6);
	memcpy(port1.mac, OUR_MAC_PORT1, 6);
	f->n = neigh_new(&p);
	if (!f->n || neigh_port_set(f->n, 0, &port0) || neigh_port_set(f->n, 1, &port1))
		return -1;
	*state = f;
	return 0;
}

int fixture_teardown(void **state)
{
	struct fixture *f = *state;

	neigh_free(f->n);
	free(f);
	return 0;
}

void fixture_clear(struct fixture *f)
{
	f->n_sent = 0;
	f->n_changed = 0;
}

struct baton_addr addr_of(const char *text)
{
	struct baton_addr a;

	assert_int_equal(baton_addr_parse(text, &a), 0);
	return a;
}

/* From memory of exactly the frame's size, so that a sanitizer sees every byte read too many. */
void input(struct fixture *f, uint16_t port, const struct frame *frame, uint64_t now_ns)
{
	uint8_t *exact = malloc(frame->len ? frame->len : 1);

	assert_non_null(exact);
	memcpy(exact, frame->b, frame->len);
	neigh_input(f->n, port, exact, frame->len, now_ns);
	free(exact);
}

uint16_t watch(struct fixture *f, uint16_t port, const char *addr, uint64_t now_ns)
{
	struct baton_addr a = addr_of(addr);
	uint16_t id = UINT16_MAX;

	assert_int_equal(neigh_nexthop_add(f->n, port, &a, now_ns, &id), 0);
	return id;
}

enum neigh_state state_of(const struct fixture *f, uint16_t id)
{
	struct neigh_nexthop_info info;

	assert_int_equal(neigh_nexthop_info(f->n, id, &info), 0);
	return (enum neigh_state)info.state;
}

void frame_add(struct frame *f, const void *bytes, size_t len)
{
	assert_true(f->len + len <= sizeof f->b);
	if (len)
		memcpy(f->b + f->len, bytes, len);
	f->len += len;
}

static void frame_add16(struct frame *f, uint16_t v)
{
	frame_add(f, (uint8_t[]){ (uint8_t)(v >> 8), (uint8_t)v }, 2);
}

struct frame frame_link(const char *dst, const char *src, const void *tags, unsigned n_tags, uint16_t type)
{
	struct frame f = { .len = 0 };

	frame_add(&f, dst, 6);
	frame_add(&f, src, 6);
	frame_add(&f, tags, n_tags * 4);
	frame_add16(&f, type);
	return f;
}

void frame_add_arp(struct frame *f, unsigned operation, const char *sender_mac, const char *sender,
		   const char *target_mac, const char *target)
{
	struct baton_addr s = addr_of(sender), t = addr_of(target);

	frame_add(f, "\x00\x01\x08\x00\x06\x04", 6);
	frame_add16(f, (uint16_t)operation);
	frame_add(f, sender_mac, 6);
	frame_add(f, s.b, 4);
	frame_add(f, target_mac, 6);
	frame_add(f, t.b, 4);
}

struct frame frame_arp(const char *dst, unsigned operation, const char *sender_mac, const char *sender,
		       const char *target_mac, const char *target)
{
	struct frame f = frame_link(dst, sender_mac, NULL, 0, 0x0806);

	frame_add_arp(&f, operation, sender_mac, sender, target_mac, target);
	return f;
}

uint16_t icmp6_checksum(const uint8_t *ipv6, size_t icmp_len)
{
	uint64_t sum = 58 + icmp_len;

	for (size_t i = 0; i < 32; i++)
		sum += (uint64_t)ipv6[8 + i] << (i % 2 ? 0 : 8);
	for (size_t i = 0; i < icmp_len; i++)
		sum += (uint64_t)ipv6[40 + i] << (i % 2 ? 0 : 8);
	return (uint16_t)(0xffff - (sum % 0xffff ? sum % 0xffff : 0xffff));
}

struct frame frame_nd(const struct nd_spec *s)
{
	struct frame f = frame_link(s->eth_dst ? s->eth_dst : OUR_MAC, s->eth_src ? s->eth_src : HOST_MAC, s->tags,
				    s->n_tags, 0x86dd);
	struct baton_addr src = addr_of(s->src), dst = addr_of(s->dst), target = addr_of(s->target);
	size_t ipv6 = f.len;
	uint16_t sum;

	frame_add(&f, "\x60\x00\x00\x00", 4);
	frame_add16(&f, (uint16_t)(24 + s->options_len));
	frame_add(&f, (uint8_t[]){ 58, (uint8_t)(255 - s->hop_limit_less) }, 2);
	frame_add(&f, src.b, 16);
	frame_add(&f, dst.b, 16);
	frame_add(&f, (uint8_t[]){ s->type, s->code, 0, 0, s->flags, 0, 0, 0 }, 8);
	frame_add(&f, target.b, 16);
	frame_add(&f, s->options, s->options_len);
	sum = (uint16_t)(icmp6_checksum(f.b + ipv6, 24 + s->options_len) + s->checksum_off);
	f.b[ipv6 + 42] = (uint8_t)(sum >> 8);
	f.b[ipv6 + 43] = (uint8_t)sum;
	return f;
}
