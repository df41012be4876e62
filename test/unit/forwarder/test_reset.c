/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/reset.h"
#include "frames.h"

#define FIN PACKET_TCP_FIN
#define SYN PACKET_TCP_SYN
#define RST PACKET_TCP_RST
#define ACK PACKET_TCP_ACK
#define V4 .family = BATON_IPV4, .proto = IPPROTO_TCP
#define V6 .family = BATON_IPV6, .proto = IPPROTO_TCP

/* What the reset says, by RFC 9293, 3.10.7.1. */
struct reset_case {
	struct frame_spec spec;
	uint8_t flags;
	uint32_t seq, ack;
};

static const struct reset_case cases[] = {
	{ { "syn", V4, .tcp_flags = SYN, .seq = 1000, .ack = 77, .tcp_options = 20 }, RST | ACK, 0, 1001 },
	{ { "syn with data", V4, .tcp_flags = SYN, .seq = 1000, .payload = 10 }, RST | ACK, 0, 1011 },
	{ { "syn, number wraps", V6, .tcp_flags = SYN, .seq = 0xffffffff }, RST | ACK, 0, 0 },
	{ { "syn ack", V4, .tcp_flags = SYN | ACK, .seq = 1, .ack = 500 }, RST, 500, 0 },
	{ { "ack", V4, .tcp_flags = ACK, .seq = 5, .ack = 0x80000001 }, RST, 0x80000001, 0 },
	{ { "data", V6, .tcp_flags = ACK | 8, .seq = 5, .ack = 6, .payload = 1400 }, RST, 6, 0 },
	{ { "fin", V4, .tcp_flags = FIN | ACK, .seq = 5, .ack = 9, .payload = 3 }, RST, 9, 0 },
	{ { "padding is not data", V4, .tcp_flags = SYN, .seq = 20, .padding = 30 }, RST | ACK, 0, 21 },
	{ { "two vlans, options", V4, .vlans = 2, .options = 8, .tcp_flags = SYN, .seq = 3 }, RST | ACK, 0, 4 },
	{ { "vlan, extensions", V6, .vlans = 1, .extension = "hd", .tcp_flags = SYN, .seq = 3 }, RST | ACK, 0, 4 },
};

#define N_CASES (sizeof cases / sizeof cases[0])

static uint32_t load32(const uint8_t *p)
{
	uint32_t v;

	memcpy(&v, p, 4);
	return ntohl(v);
}

static uint32_t build(const struct frame *f, uint8_t *dst, uint32_t size)
{
	struct packet_info p;

	packet_parse(f->b, f->len, &p);
	return reset_build(dst, size, f->b, &p);
}

static void check_reset(const struct reset_case *c, const struct frame *f, const uint8_t *b, uint32_t len)
{
	bool v4 = c->spec.family == BATON_IPV4;
	const uint8_t *l3 = b + f->l3, *tcp = l3 + (v4 ? 20 : 40);
	struct packet_info p;

	assert_int_equal(len, f->l3 + (v4 ? 40 : 60));
	assert_memory_equal(b, f->b + 6, 6);
	assert_memory_equal(b + 6, f->b, 6);
	assert_memory_equal(b + 12, f->b + 12, f->l3 - 12);
	packet_parse(b, len, &p);
	assert_int_equal(p.kind, PACKET_FLOW);
	assert_int_equal(p.end, len);
	assert_int_equal(p.tcp_flags, c->flags);
	assert_memory_equal(p.tuple.saddr, f->tuple.daddr, 16);
	assert_memory_equal(p.tuple.daddr, f->tuple.saddr, 16);
	assert_int_equal(p.tuple.sport_be, f->tuple.dport_be);
	assert_int_equal(p.tuple.dport_be, f->tuple.sport_be);
	assert_int_equal(load32(tcp + 4), c->seq);
	assert_int_equal(load32(tcp + 8), c->ack);
	assert_int_equal(tcp[12], 0x50);
	assert_int_equal(load32(tcp + 14) >> 16, 0); /* window */
	assert_int_equal(l3[v4 ? 8 : 7], 64);
	assert_true(frame_checksums_right(l3, tcp, 20, IPPROTO_TCP));
}

static void test_numbers(void **state)
{
	uint8_t b[RESET_MAX];
	struct frame f;

	for (unsigned i = 0; i < N_CASES; i++) {
		frame_build(&cases[i].spec, &f);
		check_reset(&cases[i], &f, b, build(&f, b, sizeof b));
	}
}

/* Written into memory of exactly that size, and not at all into less. */
static void test_room(void **state)
{
	struct frame f;

	for (unsigned i = 0; i < N_CASES; i++) {
		uint8_t b[RESET_MAX], *exact;
		uint32_t len;

		frame_build(&cases[i].spec, &f);
		len = build(&f, b, sizeof b);
		assert_in_range(len, 54, RESET_MAX);
		exact = malloc(len);
		assert_non_null(exact);
		for (uint32_t size = 0; size < len; size++)
			assert_int_equal(build(&f, exact, size), 0);
		assert_int_equal(build(&f, exact, len), len);
		free(exact);
	}
}

static void test_never_answered(void **state)
{
	static const struct frame_spec specs[] = {
		{ "reset", V4, .tcp_flags = RST },
		{ "reset with ack", V6, .tcp_flags = RST | ACK },
		{ "reset with fin", V4, .tcp_flags = RST | FIN },
		{ "udp", .family = BATON_IPV4, .proto = IPPROTO_UDP },
		{ "fragment", V4, .fragment = 0x2000 },
		{ "to group", V4, .dst = "224.0.0.1" },
		{ "no flags that mean anything", V4, .tcp_flags = 8 },
		{ "wrong checksum", V4, .tcp_flags = SYN, .no_checksum = true },
	};
	uint8_t b[RESET_MAX];
	struct frame f;

	for (unsigned i = 0; i < sizeof specs / sizeof specs[0]; i++) {
		frame_build(&specs[i], &f);
		assert_int_equal(build(&f, b, sizeof b), 0);
	}
	frame_build(&cases[0].spec, &f);
	f.b[0] |= 1;
	assert_int_equal(build(&f, b, sizeof b), 0);
	f.b[0] &= 0xfe;
	f.b[6] |= 1;
	assert_int_equal(build(&f, b, sizeof b), 0);
}

/* A reset is never answered by another: two devices can't keep each other busy. */
static void test_no_reset_for_a_reset(void **state)
{
	uint8_t b[RESET_MAX];
	struct frame f, r = { .len = 0 };

	for (unsigned i = 0; i < N_CASES; i++) {
		frame_build(&cases[i].spec, &f);
		r.len = build(&f, r.b, sizeof r.b);
		assert_int_not_equal(r.len, 0);
		assert_int_equal(build(&r, b, sizeof b), 0);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_room),
		cmocka_unit_test(test_never_answered),
		cmocka_unit_test(test_no_reset_for_a_reset),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
