/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>

#include "forwarder/echo.h"
#include "frames.h"

#define PING4 .family = BATON_IPV4, .proto = IPPROTO_ICMP, .icmp_type = 8
#define PING6 .family = BATON_IPV6, .proto = IPPROTO_ICMPV6, .icmp_type = 128

static const uint8_t own_mac[6] = { 2, 0, 0, 0, 0, 0xaa };

static const struct frame_spec pings[] = {
	{ "ping4", PING4, .payload = 56 },
	{ "ping4 empty, padded", PING4, .padding = 18 },
	{ "ping4 odd", PING4, .payload = 33 },
	{ "ping4 options", PING4, .options = 12, .payload = 20 },
	{ "ping4 two vlans", PING4, .vlans = 2, .payload = 9 },
	{ "ping4 full size", PING4, .payload = 1472 },
	{ "ping6", PING6, .payload = 56 },
	{ "ping6 empty", PING6 },
	{ "ping6 odd, vlan", PING6, .vlans = 1, .payload = 7 },
	{ "ping6 extensions", PING6, .extension = "hd", .payload = 11, .padding = 3 },
};

#define N_PINGS (sizeof pings / sizeof pings[0])

static uint32_t reply(struct frame *f)
{
	struct packet_info p;

	packet_parse(f->b, f->len, &p);
	return echo_reply(f->b, f->len, &p, own_mac);
}

static void check_reply(const struct frame *request, const struct frame *f, uint32_t len)
{
	bool v4 = request->tuple.family == BATON_IPV4;
	uint32_t header = v4 ? 20 : 40, icmp_len = request->end - request->l4;
	const uint8_t *l3 = f->b + request->l3, *icmp = l3 + header;
	struct packet_info p;

	assert_int_equal(len, request->l3 + header + icmp_len);
	assert_memory_equal(f->b, request->b + 6, 6);
	assert_memory_equal(f->b + 6, own_mac, 6);
	assert_memory_equal(f->b + 12, request->b + 12, request->l3 - 12);
	packet_parse(f->b, len, &p);
	assert_int_equal(p.kind, PACKET_OTHER_IP);
	assert_int_equal(p.end, len);
	assert_memory_equal(p.tuple.saddr, request->tuple.daddr, 16);
	assert_memory_equal(p.tuple.daddr, request->tuple.saddr, 16);
	assert_true(frame_checksums_right(l3, icmp, icmp_len, request->tuple.proto));
	assert_int_equal(l3[v4 ? 8 : 7], 64);
	/* 0xb9: class 0xb8 goes back, ECN does not */
	assert_int_equal(v4 ? l3[1] : (l3[0] << 4 | l3[1] >> 4) & 0xff, 0xb8);
	assert_int_equal(icmp[0], v4 ? 0 : 129);
	assert_int_equal(icmp[1], 0);
	assert_memory_equal(icmp + 4, request->b + request->l4 + 4, icmp_len - 4);
}

static void test_reply(void **state)
{
	struct frame request, f;

	for (unsigned i = 0; i < N_PINGS; i++) {
		frame_build(&pings[i], &request);
		f = request;
		check_reply(&request, &f, reply(&f));
	}
}

static void assert_refused(struct frame *f)
{
	struct frame before = *f;

	assert_int_equal(reply(f), 0);
	assert_memory_equal(f, &before, sizeof before);
}

/* One wrong bit anywhere in the ICMP message. */
static void test_wrong_checksum(void **state)
{
	struct frame f;

	for (unsigned i = 0; i < N_PINGS; i++) {
		frame_build(&pings[i], &f);
		for (uint32_t bit = 8; bit < (f.end - f.l4) * 8; bit += 7) {
			f.b[f.l4 + bit / 8] ^= (uint8_t)(1u << bit % 8);
			assert_refused(&f);
			f.b[f.l4 + bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
	}
}

static void test_link_group(void **state)
{
	struct frame f;

	for (unsigned i = 0; i < N_PINGS; i++) {
		frame_build(&pings[i], &f);
		f.b[0] |= 1;
		assert_refused(&f);
		f.b[0] &= 0xfe;
		f.b[6] |= 1;
		assert_refused(&f);
	}
}

static void test_other_kinds(void **state)
{
	static const struct frame_spec others[] = {
		{ "echo reply", .family = BATON_IPV4, .proto = IPPROTO_ICMP, .icmp_type = 0, .payload = 8 },
		{ "echo reply 6", .family = BATON_IPV6, .proto = IPPROTO_ICMPV6, .icmp_type = 129 },
		{ "tcp", .family = BATON_IPV4, .proto = IPPROTO_TCP },
		{ "ping to all", PING4, .dst = "255.255.255.255" },
		{ "ping to group", PING6, .dst = "ff02::1" },
		{ "ping fragment", PING4, .fragment = 0x2000 },
		{ "ping from group", PING4, .src = "224.0.0.1" },
	};
	struct frame f;

	for (unsigned i = 0; i < sizeof others / sizeof others[0]; i++) {
		frame_build(&others[i], &f);
		assert_refused(&f);
	}
}

/* A length that is not the one that was parsed. */
static void test_shorter_frame(void **state)
{
	struct packet_info p;
	struct frame f;

	frame_build(&pings[0], &f);
	packet_parse(f.b, f.len, &p);
	assert_int_equal(echo_reply(f.b, f.end - 1, &p, own_mac), 0);
	assert_int_equal(echo_reply(f.b, f.end, &p, own_mac), f.end);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_reply),         cmocka_unit_test(test_wrong_checksum),
		cmocka_unit_test(test_link_group),    cmocka_unit_test(test_other_kinds),
		cmocka_unit_test(test_shorter_frame),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
