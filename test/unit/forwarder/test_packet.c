/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <ctype.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/packet.h"
#include "forwarder/packet_flow.h"
#include "frames.h"

#define V4 .family = BATON_IPV4
#define V6 .family = BATON_IPV6
#define TCP .proto = IPPROTO_TCP
#define UDP .proto = IPPROTO_UDP
#define ICMP4 .proto = IPPROTO_ICMP
#define ICMP6 .proto = IPPROTO_ICMPV6

struct good_case {
	struct frame_spec spec;
	enum packet_kind kind;
};

static const struct good_case good_cases[] = {
	{ { "tcp4", V4, TCP, .payload = 5 }, PACKET_FLOW },
	{ { "tcp4 bare", V4, TCP, .tcp_flags = 0x02 }, PACKET_FLOW },
	{ { "tcp4 padded", V4, TCP, .padding = 6 }, PACKET_FLOW },
	{ { "tcp4 options", V4, TCP, .options = 8, .tcp_options = 12, .payload = 3 }, PACKET_FLOW },
	{ { "tcp4 most options", V4, TCP, .options = 40, .tcp_options = 40 }, PACKET_FLOW },
	{ { "tcp4 do not fragment", V4, TCP, .fragment = 0x4000 }, PACKET_FLOW },
	{ { "tcp4 vlan", V4, TCP, .vlans = 1, .payload = 9 }, PACKET_FLOW },
	{ { "tcp4 two vlans", V4, TCP, .vlans = 2, .padding = 2 }, PACKET_FLOW },
	{ { "udp4", V4, UDP, .payload = 12 }, PACKET_FLOW },
	{ { "udp4 empty", V4, UDP, .padding = 18 }, PACKET_FLOW },
	{ { "udp4 from class e", V4, UDP, .src = "240.0.0.1" }, PACKET_FLOW },
	{ { "udp4 from the last unicast address", V4, UDP, .src = "223.255.255.255" }, PACKET_FLOW },
	{ { "tcp6", V6, TCP, .payload = 5 }, PACKET_FLOW },
	{ { "tcp6 vlan padded", V6, TCP, .vlans = 1, .padding = 4 }, PACKET_FLOW },
	{ { "udp6", V6, UDP, .payload = 1 }, PACKET_FLOW },
	{ { "tcp6 hop-by-hop", V6, TCP, .extension = "h" }, PACKET_FLOW },
	{ { "tcp6 many headers", V6, TCP, .extension = "hdrd", .payload = 2 }, PACKET_FLOW },
	{ { "udp6 seven headers", V6, UDP, .extension = "hdddddd" }, PACKET_FLOW },
	{ { "echo4", V4, ICMP4, .icmp_type = 8, .payload = 56 }, PACKET_ECHO },
	{ { "echo6", V6, ICMP6, .icmp_type = 128, .payload = 56 }, PACKET_ECHO },
	{ { "echo6 behind header", V6, ICMP6, .icmp_type = 128, .extension = "d" }, PACKET_ECHO },
	{ { "echo reply 4", V4, ICMP4, .icmp_type = 0 }, PACKET_OTHER_IP },
	{ { "unreachable 6", V6, ICMP6, .icmp_type = 1, .payload = 48 }, PACKET_OTHER_IP },
	{ { "icmpv6 in ipv4", V4, ICMP6, .icmp_type = 128 }, PACKET_OTHER_IP },
	{ { "icmp in ipv6", V6, ICMP4, .icmp_type = 8 }, PACKET_OTHER_IP },
	{ { "router solicitation", V6, ICMP6, .icmp_type = 133, .src = "::", .dst = "ff02::2" }, PACKET_ND },
	{ { "neighbour solicitation", V6, ICMP6, .icmp_type = 135, .dst = "ff02::1:ff00:80", .payload = 24 },
	  PACKET_ND },
	{ { "duplicate address detection", V6, ICMP6, .icmp_type = 135, .src = "::", .dst = "ff02::1:ff00:80",
	    .payload = 16 },
	  PACKET_ND },
	{ { "neighbour solicitation, unicast", V6, ICMP6, .icmp_type = 135, .payload = 24 }, PACKET_ND },
	{ { "redirect", V6, ICMP6, .icmp_type = 137, .payload = 32 }, PACKET_ND },
	{ { "mld", V6, ICMP6, .icmp_type = 143, .extension = "h", .src = "::", .dst = "ff02::16" }, PACKET_OTHER_IP },
	{ { "router renumbering", V6, ICMP6, .icmp_type = 138 }, PACKET_OTHER_IP },
	{ { "echo4 to all", V4, ICMP4, .icmp_type = 8, .dst = "255.255.255.255" }, PACKET_OTHER_IP },
	{ { "echo6 to all", V6, ICMP6, .icmp_type = 128, .dst = "ff02::1" }, PACKET_OTHER_IP },
	{ { "dhcp", V4, UDP, .src = "0.0.0.0", .dst = "255.255.255.255", .payload = 240 }, PACKET_OTHER_IP },
	{ { "vrrp", V4, .proto = 112, .dst = "224.0.0.18", .payload = 12 }, PACKET_OTHER_IP },
	{ { "tcp to a group", V4, TCP, .dst = "239.1.2.3" }, PACKET_OTHER_IP },
	{ { "tcp6 to a group", V6, TCP, .dst = "ff05::1" }, PACKET_OTHER_IP },
	{ { "fragment to a group", V4, UDP, .dst = "224.1.1.1", .fragment = 0x2000 }, PACKET_OTHER_IP },
	{ { "fragment to a group 6", V6, UDP, .dst = "ff02::5", .extension = "f", .fragment = 1 }, PACKET_OTHER_IP },
	{ { "sctp", V4, .proto = 132, .payload = 8 }, PACKET_OTHER_IP },
	{ { "esp6", V6, .proto = 50, .payload = 8 }, PACKET_OTHER_IP },
	{ { "no next header", V6, .proto = 59 }, PACKET_OTHER_IP },
	{ { "first fragment 4", V4, UDP, .fragment = 0x2000, .payload = 64 }, PACKET_FRAGMENT },
	{ { "middle fragment 4", V4, TCP, .fragment = 0x2010, .payload = 64 }, PACKET_FRAGMENT },
	{ { "last fragment 4", V4, UDP, .fragment = 0x0010, .payload = 3 }, PACKET_FRAGMENT },
	{ { "echo fragment", V4, ICMP4, .icmp_type = 8, .fragment = 0x2000 }, PACKET_FRAGMENT },
	{ { "fragment 6", V6, UDP, .extension = "f", .fragment = 0x0101, .payload = 64 }, PACKET_FRAGMENT },
	{ { "atomic fragment 6", V6, TCP, .extension = "hf" }, PACKET_FRAGMENT },
};

#define N_GOOD (sizeof good_cases / sizeof good_cases[0])

/* What the packet path's own parser takes is a flow, and just this one. Returns if it took it. */
static bool check_flow(const uint8_t *b, uint32_t len, const struct packet_info *p)
{
	struct packet_flow f = packet_flow(b, len);
	struct packet_info info;

	if (!f.family)
		return false;
	packet_flow_info(&f, b, &info);
	assert_memory_equal(p, &info, sizeof info);
	return true;
}

/* Parse a copy of exactly this size, so that a sanitizer sees each byte too many. */
static void parse_exact(const uint8_t *b, uint32_t len, struct packet_info *ret)
{
	uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, b, len);
	memset(ret, 0xa5, sizeof *ret);
	packet_parse(copy, len, ret);
	check_flow(copy, len, ret);
	free(copy);
}

static void assert_zero(const void *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		assert_int_equal(((const uint8_t *)p)[i], 0);
}

static void test_good(void **state)
{
	struct packet_info p;
	struct frame f;

	for (unsigned i = 0; i < N_GOOD; i++) {
		const struct frame_spec *s = &good_cases[i].spec;

		frame_build(s, &f);
		parse_exact(f.b, f.len, &p);
		if (p.kind != good_cases[i].kind)
			fail_msg("%s: kind %u, bad %s", s->name, p.kind, packet_bad_name(p.bad));
		if (p.kind != PACKET_FLOW)
			f.tuple.sport_be = f.tuple.dport_be = 0;
		assert_memory_equal(&p.tuple, &f.tuple, sizeof f.tuple);
		assert_int_equal(p.bad, 0);
		assert_int_equal(p.l2_len, f.l3);
		assert_int_equal(p.l4_offset, f.l4);
		assert_int_equal(p.end, f.end);
		assert_int_equal(p.tcp_flags, p.kind == PACKET_FLOW && s->proto == IPPROTO_TCP ? f.b[f.l4 + 13] : 0);
	}
}

/* The packet path's own parser takes all flows but those with IP options or extension headers. */
static void test_usual(void **state)
{
	struct packet_info p;
	struct frame f;

	for (unsigned i = 0; i < N_GOOD; i++) {
		const struct frame_spec *s = &good_cases[i].spec;
		bool usual = good_cases[i].kind == PACKET_FLOW && !s->extension;

		frame_build(s, &f);
		if (f.tuple.family == BATON_IPV4)
			usual = usual && f.l4 == f.l3 + 20 && f.tuple.saddr[0] < 224;
		packet_parse(f.b, f.len, &p);
		if (check_flow(f.b, f.len, &p) != usual)
			fail_msg("%s", s->name);
	}
}

/* Every shorter frame is refused for a reason, unless only padding is gone. */
static void test_every_prefix(void **state)
{
	struct packet_info p;
	struct frame f;

	for (unsigned i = 0; i < N_GOOD; i++) {
		frame_build(&good_cases[i].spec, &f);
		for (uint32_t len = 0; len < f.len; len++) {
			parse_exact(f.b, len, &p);
			if (len >= f.end) {
				assert_int_equal(p.kind, good_cases[i].kind);
				continue;
			}
			assert_int_equal(p.kind, PACKET_BAD);
			if (len < f.l3)
				assert_int_equal(p.bad, PACKET_BAD_SHORT_LINK);
			else if (len < f.l3 + (f.tuple.family == BATON_IPV4 ? 20 : 40))
				assert_int_equal(p.bad, PACKET_BAD_SHORT_IP);
			else
				assert_true(p.bad == PACKET_BAD_IP_HEADER_LEN || p.bad == PACKET_BAD_IP_TOTAL_LEN);
			p.kind = p.bad = 0;
			assert_zero(&p, sizeof p);
		}
	}
}

/* A change to one byte of a correct frame, counted from the start of layer 3 or 4, and its consequence. */
struct bad_case {
	struct frame_spec spec;
	bool l4;
	int at; /* -1: no change */
	uint8_t value;
	enum packet_bad why;
};

static const struct bad_case bad_cases[] = {
	{ { "version 6 in ipv4", V4, TCP }, 0, 0, 0x65, PACKET_BAD_IP_VERSION },
	{ { "version 4 in ipv6", V6, TCP }, 0, 0, 0x45, PACKET_BAD_IP_VERSION },
	{ { "header of 16", V4, TCP }, 0, 0, 0x44, PACKET_BAD_IP_HEADER_LEN },
	{ { "header of 0", V4, TCP }, 0, 0, 0x40, PACKET_BAD_IP_HEADER_LEN },
	{ { "header beyond frame", V4, UDP }, 0, 0, 0x4f, PACKET_BAD_IP_HEADER_LEN },
	{ { "total length 0", V4, UDP }, 0, 3, 0, PACKET_BAD_IP_TOTAL_LEN },
	{ { "total length 19", V4, UDP }, 0, 3, 19, PACKET_BAD_IP_TOTAL_LEN },
	{ { "total length below options", V4, UDP, .options = 8 }, 0, 3, 27, PACKET_BAD_IP_TOTAL_LEN },
	{ { "total length + 1", V4, UDP }, 0, 3, 29, PACKET_BAD_IP_TOTAL_LEN },
	{ { "total length huge", V4, UDP }, 0, 2, 0xff, PACKET_BAD_IP_TOTAL_LEN },
	{ { "payload length + 1", V6, UDP }, 0, 5, 9, PACKET_BAD_IP_TOTAL_LEN },
	{ { "payload length huge", V6, UDP }, 0, 4, 0xff, PACKET_BAD_IP_TOTAL_LEN },
	{ { "checksum", V4, TCP }, 0, 10, 0, PACKET_BAD_IP_CHECKSUM },
	{ { "checksum, ttl", V4, TCP }, 0, 8, 60, PACKET_BAD_IP_CHECKSUM },
	{ { "checksum, option", V4, TCP, .options = 4 }, 0, 23, 0, PACKET_BAD_IP_CHECKSUM },
	{ { "from group", V4, TCP, .src = "224.0.0.1" }, 0, -1, 0, PACKET_BAD_IP_SOURCE },
	{ { "from last group", V4, TCP, .src = "239.255.255.255" }, 0, -1, 0, PACKET_BAD_IP_SOURCE },
	{ { "from broadcast", V4, TCP, .src = "255.255.255.255" }, 0, -1, 0, PACKET_BAD_IP_SOURCE },
	{ { "from loopback", V4, UDP, .src = "127.0.0.1" }, 0, -1, 0, PACKET_BAD_IP_SOURCE },
	{ { "from last loopback", V4, UDP, .src = "127.255.255.255" }, 0, -1, 0, PACKET_BAD_IP_SOURCE },
	{ { "from zero", V4, UDP, .src = "0.0.0.0" }, 0, -1, 0, PACKET_BAD_IP_SOURCE },
	{ { "loopback to group", V4, UDP, .src = "127.0.0.1", .dst = "224.0.0.1" }, 0, -1, 0, PACKET_BAD_IP_SOURCE },
	{ { "from group 6", V6, TCP, .src = "ff02::1" }, 0, -1, 0, PACKET_BAD_IP_SOURCE },
	{ { "from loopback 6", V6, TCP, .src = "::1" }, 0, -1, 0, PACKET_BAD_IP_SOURCE },
	{ { "from zero 6", V6, UDP, .src = "::" }, 0, -1, 0, PACKET_BAD_IP_SOURCE },
	{ { "nd from zero to one", V6, ICMP6, .icmp_type = 135, .src = "::", .payload = 16 },
	  0,
	  -1,
	  0,
	  PACKET_BAD_IP_SOURCE },
	{ { "hop-by-hop not first", V6, TCP, .extension = "dh" }, 0, -1, 0, PACKET_BAD_IPV6_EXTENSION },
	{ { "eight headers", V6, TCP, .extension = "hddddddd" }, 0, -1, 0, PACKET_BAD_IPV6_EXTENSION },
	{ { "twenty headers", V6, TCP, .extension = "dddddddddddddddddddd" }, 0, -1, 0, PACKET_BAD_IPV6_EXTENSION },
	{ { "extension too long", V6, TCP, .extension = "h" }, 0, 41, 3, PACKET_BAD_IPV6_EXTENSION },
	{ { "extension longest", V6, UDP, .extension = "d" }, 0, 41, 0xff, PACKET_BAD_IPV6_EXTENSION },
	{ { "extension cut", V6, TCP, .extension = "h" }, 0, 5, 7, PACKET_BAD_IPV6_EXTENSION },
	{ { "extension missing", V6, TCP, .extension = "h" }, 0, 5, 0, PACKET_BAD_IPV6_EXTENSION },
	{ { "fragment header cut", V6, TCP, .extension = "f" }, 0, 5, 4, PACKET_BAD_IPV6_EXTENSION },
	{ { "source route to go", V6, TCP, .extension = "r" }, 0, 43, 1, PACKET_BAD_IPV6_EXTENSION },
	{ { "tcp of 19 bytes", V6, TCP }, 0, 5, 19, PACKET_BAD_SHORT_L4 },
	{ { "tcp of 0 bytes", V6, TCP }, 0, 5, 0, PACKET_BAD_SHORT_L4 },
	{ { "udp of 7 bytes", V6, UDP }, 0, 5, 7, PACKET_BAD_SHORT_L4 },
	{ { "tcp behind extension, short", V6, TCP, .extension = "h" }, 0, 5, 27, PACKET_BAD_SHORT_L4 },
	{ { "data offset 4", V4, TCP }, 1, 12, 0x40, PACKET_BAD_TCP_HEADER_LEN },
	{ { "data offset 0", V6, TCP }, 1, 12, 0, PACKET_BAD_TCP_HEADER_LEN },
	{ { "data offset + 1", V4, TCP }, 1, 12, 0x60, PACKET_BAD_TCP_HEADER_LEN },
	{ { "data offset in padding", V4, TCP, .padding = 40 }, 1, 12, 0xf0, PACKET_BAD_TCP_HEADER_LEN },
	{ { "udp length 7", V4, UDP }, 1, 5, 7, PACKET_BAD_UDP_LEN },
	{ { "udp length 0", V6, UDP }, 1, 5, 0, PACKET_BAD_UDP_LEN },
	{ { "udp length + 1", V4, UDP, .padding = 9 }, 1, 5, 9, PACKET_BAD_UDP_LEN },
	{ { "udp length huge", V6, UDP }, 1, 4, 0xff, PACKET_BAD_UDP_LEN },
	{ { "icmp of 7 bytes", V6, ICMP6, .icmp_type = 128 }, 0, 5, 7, PACKET_BAD_SHORT_ICMP },
	{ { "icmp of 0 bytes to group", V6, ICMP6, .dst = "ff02::1" }, 0, 5, 0, PACKET_BAD_SHORT_ICMP },
};

static void test_bad(void **state)
{
	struct packet_info p;
	struct frame f;

	for (unsigned i = 0; i < sizeof bad_cases / sizeof bad_cases[0]; i++) {
		const struct bad_case *c = &bad_cases[i];

		frame_build(&c->spec, &f);
		if (c->at >= 0) {
			f.b[(c->l4 ? f.l4 : f.l3) + (unsigned)c->at] = c->value;
		}
		parse_exact(f.b, f.len, &p);
		if (p.kind != PACKET_BAD || p.bad != c->why)
			fail_msg("%s: kind %u, %s instead of %s", c->spec.name, p.kind, packet_bad_name(p.bad),
				 packet_bad_name(c->why));
	}
}

static void test_port_zero(void **state)
{
	struct packet_info p;
	struct frame f;

	for (unsigned i = 0; i < N_GOOD; i++) {
		if (good_cases[i].kind != PACKET_FLOW)
			continue;
		for (unsigned at = 0; at <= 2; at += 2) {
			frame_build(&good_cases[i].spec, &f);
			memset(f.b + f.l4 + at, 0, 2);
			parse_exact(f.b, f.len, &p);
			assert_int_equal(p.kind, PACKET_BAD);
			assert_int_equal(p.bad, PACKET_BAD_PORT_ZERO);
		}
	}
}

static void test_tcp_flags(void **state)
{
	struct packet_info p;
	struct frame f;

	for (unsigned flags = 0; flags < 256; flags++) {
		bool syn = flags & PACKET_TCP_SYN, fin = flags & PACKET_TCP_FIN, rst = flags & PACKET_TCP_RST;
		bool good = (syn || rst || flags & PACKET_TCP_ACK) && !(syn && (fin || rst));

		frame_build(&(struct frame_spec){ "flags", V4, TCP }, &f);
		f.b[f.l4 + 13] = (uint8_t)flags;
		parse_exact(f.b, f.len, &p);
		assert_int_equal(p.kind, good ? PACKET_FLOW : PACKET_BAD);
		assert_int_equal(good ? p.tcp_flags : p.bad, good ? flags : (unsigned)PACKET_BAD_TCP_FLAGS);
	}
}

static void test_arp(void **state)
{
	static const uint8_t header[8] = { 0, 1, 8, 0, 6, 4, 0, 1 };
	static const uint8_t vlan[4] = { 0, 7, 8, 6 };
	struct packet_info p;
	uint8_t b[64] = { 0 };

	for (unsigned tagged = 0; tagged < 2; tagged++) {
		unsigned l3 = 14 + tagged * 4;

		memcpy(b + 12, tagged ? "\x81\x00" : "\x08\x06", 2);
		if (tagged)
			memcpy(b + 14, vlan, sizeof vlan);
		memcpy(b + l3, header, sizeof header);
		parse_exact(b, sizeof b, &p);
		assert_int_equal(p.kind, PACKET_ARP);
		assert_int_equal(p.l2_len, l3);
		assert_int_equal(p.end, l3 + 28);
		assert_zero(&p.tuple, sizeof p.tuple);
		for (uint32_t len = l3; len < l3 + 28; len++) {
			parse_exact(b, len, &p);
			assert_int_equal(p.kind, PACKET_BAD);
			assert_int_equal(p.bad, PACKET_BAD_SHORT_ARP);
		}
		for (unsigned i = 0; i < 6; i++) {
			b[l3 + i] ^= 0x10;
			parse_exact(b, sizeof b, &p);
			assert_int_equal(p.bad, PACKET_BAD_SHORT_ARP);
			b[l3 + i] ^= 0x10;
		}
	}
}

static void test_other_link(void **state)
{
	uint8_t *big = calloc(1, 70000), b[64] = { 0 };
	struct packet_info p;

	memcpy(b + 12, "\x88\xcc", 2);
	parse_exact(b, 14, &p);
	assert_int_equal(p.kind, PACKET_OTHER_LINK);
	assert_int_equal(p.end, 14);
	assert_zero(&p.tuple, sizeof p.tuple);
	/* a third tag is one too many */
	for (unsigned i = 0; i < 3; i++)
		memcpy(b + 12 + 4 * i, "\x81\x00", 2);
	memcpy(b + 24, "\x08\x00", 2);
	parse_exact(b, sizeof b, &p);
	assert_int_equal(p.kind, PACKET_OTHER_LINK);
	assert_int_equal(p.l2_len, 22);
	assert_non_null(big);
	parse_exact(big, 70000, &p);
	assert_int_equal(p.kind, PACKET_OTHER_LINK);
	assert_int_equal(p.end, UINT16_MAX);
	free(big);
}

static void set_ip_len(uint8_t *l3, uint32_t total)
{
	bool v4 = l3[0] >> 4 == 4;
	uint32_t field = v4 ? total : total - 40, at = v4 ? 2 : 4;
	uint16_t sum;

	l3[at] = (uint8_t)(field >> 8);
	l3[at + 1] = (uint8_t)field;
	if (!v4)
		return;
	memset(l3 + 10, 0, 2);
	sum = frame_checksum(NULL, l3, (l3[0] & 15u) * 4);
	l3[10] = (uint8_t)(sum >> 8);
	l3[11] = (uint8_t)sum;
}

/* An IP packet whose end does not fit into .end is refused, not wrapped. */
static void test_end_of_16_bits(void **state)
{
	uint8_t *big = calloc(1, 70000);
	struct packet_info p;
	struct frame f;

	assert_non_null(big);
	for (unsigned v6 = 0; v6 < 2; v6++) {
		frame_build(&(struct frame_spec){ "big", .family = v6 ? BATON_IPV6 : BATON_IPV4, TCP }, &f);
		memcpy(big, f.b, f.len);
		for (unsigned total = 65535 - 14 - 1; total <= (v6 ? 65535 + 40 : 65535); total++) {
			set_ip_len(big + 14, total);
			packet_parse(big, 70000, &p);
			check_flow(big, 65535, &p);
			assert_int_equal(p.kind, total + 14 <= 65535 ? PACKET_FLOW : PACKET_BAD);
			if (p.kind == PACKET_FLOW)
				assert_int_equal(p.end, total + 14);
			else
				assert_int_equal(p.bad, PACKET_BAD_IP_TOTAL_LEN);
		}
	}
	free(big);
}

/* What holds for any result, however strange the frame. */
static void check_invariants(const uint8_t *b, uint32_t len, const struct packet_info *p)
{
	assert_in_range(p->kind, PACKET_FLOW, PACKET_BAD);
	if (p->kind == PACKET_BAD) {
		assert_in_range(p->bad, 0, PACKET_N_BAD - 1);
		return;
	}
	assert_true(p->l2_len >= 14 && p->l2_len <= 22);
	assert_true(p->l2_len <= p->l4_offset && p->l4_offset <= p->end && p->end <= len);
	if (p->kind != PACKET_FLOW)
		return;
	assert_true(p->end - p->l4_offset >= (p->tuple.proto == IPPROTO_TCP ? 20 : 8));
	assert_memory_equal(b + p->l4_offset, &p->tuple.sport_be, 2);
	assert_memory_equal(b + p->l4_offset + 2, &p->tuple.dport_be, 2);
	assert_zero(p->tuple.zero, sizeof p->tuple.zero);
	if (p->tuple.family == BATON_IPV4) {
		assert_zero(p->tuple.saddr + 4, 12);
		assert_zero(p->tuple.daddr + 4, 12);
	}
}

/* Packets that are shorter than their headers want, in frames that end with them. */
static void test_every_packet_length(void **state)
{
	struct packet_info p;
	struct frame f;

	for (unsigned i = 0; i < N_GOOD; i++) {
		enum packet_kind kind = good_cases[i].kind;
		uint32_t header;

		frame_build(&good_cases[i].spec, &f);
		header = f.tuple.family == BATON_IPV4 ? (f.b[f.l3] & 15u) * 4 : 40;
		for (uint32_t total = header; total < f.end - f.l3; total++) {
			uint32_t l4_len = f.l3 + total < f.l4 ? 0 : f.l3 + total - f.l4;

			set_ip_len(f.b + f.l3, total);
			parse_exact(f.b, f.l3 + total, &p);
			check_invariants(f.b, f.l3 + total, &p);
			if (f.l3 + total < f.l4)
				assert_int_equal(p.bad, PACKET_BAD_IPV6_EXTENSION);
			else if (kind == PACKET_FLOW)
				/* UDP says its length a second time, so that any cut is seen */
				assert_int_equal(p.kind == PACKET_BAD,
						 f.tuple.proto == IPPROTO_UDP ||
							 l4_len < 20 + good_cases[i].spec.tcp_options);
			else if (kind == PACKET_ECHO || kind == PACKET_ND)
				assert_int_equal(p.kind == PACKET_BAD, l4_len < 8);
			else if (kind == PACKET_FRAGMENT)
				assert_int_equal(p.kind, PACKET_FRAGMENT);
		}
	}
}

static void test_mutations(void **state)
{
	uint64_t seed = 0x9e3779b97f4a7c15;
	struct packet_info p;
	struct frame f;

	for (unsigned i = 0; i < 60000; i++) {
		frame_build(&good_cases[i % N_GOOD].spec, &f);
		for (unsigned n = 1 + frame_random(&seed) % 3; n; n--) {
			uint32_t room = f.len - 12 < 72 ? f.len - 12 : 72;

			f.b[12 + frame_random(&seed) % room] = (uint8_t)frame_random(&seed);
		}
		/* half of them with the header checksum made right again, so that they get further */
		if (f.b[f.l3] >> 4 == 4 && frame_random(&seed) & 1) {
			uint32_t header = (f.b[f.l3] & 15u) * 4;
			uint16_t sum;

			memset(f.b + f.l3 + 10, 0, 2);
			sum = frame_checksum(NULL, f.b + f.l3, header);
			f.b[f.l3 + 10] = (uint8_t)(sum >> 8);
			f.b[f.l3 + 11] = (uint8_t)sum;
		}
		if (frame_random(&seed) % 4 == 0)
			f.len = (uint32_t)(frame_random(&seed) % (f.len + 1));
		parse_exact(f.b, f.len, &p);
		check_invariants(f.b, f.len, &p);
	}
}

static void test_names(void **state)
{
	static const char *const names[] = {
#define X(name, text) "BAD_" #name,
		PACKET_BAD_REASONS(X)
#undef X
	};

	for (unsigned i = 0; i < PACKET_N_BAD; i++) {
		const char *got = packet_bad_name(i);

		for (unsigned n = 0; n <= strlen(names[i]); n++)
			assert_int_equal(got[n], tolower(names[i][n]));
		assert_true(strlen(packet_bad_text(i)) > 10);
	}
	assert_string_equal(packet_bad_name(PACKET_N_BAD), "?");
	assert_string_equal(packet_bad_text(PACKET_N_BAD), "?");
}

static void test_link_reverse(void **state)
{
	static const uint8_t there[18] = { 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 0x81, 0, 0, 5, 8, 0 };
	static const uint8_t back[18] = { 7, 8, 9, 10, 11, 12, 1, 2, 3, 4, 5, 6, 0x81, 0, 0, 5, 8, 0 };
	uint8_t got[sizeof there];

	packet_link_reverse(got, there, sizeof there);
	assert_memory_equal(got, back, sizeof back);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good),
		cmocka_unit_test(test_usual),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_bad),
		cmocka_unit_test(test_port_zero),
		cmocka_unit_test(test_tcp_flags),
		cmocka_unit_test(test_arp),
		cmocka_unit_test(test_other_link),
		cmocka_unit_test(test_end_of_16_bits),
		cmocka_unit_test(test_every_packet_length),
		cmocka_unit_test(test_mutations),
		cmocka_unit_test(test_link_reverse),
		cmocka_unit_test(test_names),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
