/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <netinet/in.h>
#include <string.h>

#include "frames.h"
#include "migrate/segment.h"

#define V4 .family = BATON_IPV4, .proto = IPPROTO_TCP
#define V6 .family = BATON_IPV6, .proto = IPPROTO_TCP

static const struct frame_spec specs[] = {
	{ "plain", V4, .seq = 77, .ack = 0xfffffff0, .payload = 33 },
	{ "ipv6", V6, .seq = 77, .ack = 5, .payload = 1400 },
	{ "no data", V4, .tcp_flags = PACKET_TCP_FIN | PACKET_TCP_ACK },
	{ "tags, padding", V4, .vlans = 2, .payload = 3, .padding = 20 },
	{ "extensions", V6, .extension = "hd", .payload = 7 },
	{ "ip options", V4, .options = 8, .payload = 9 },
};

static void reads_frames(void **state)
{
	for (unsigned i = 0; i < sizeof specs / sizeof specs[0]; i++) {
		struct packet_info info;
		struct segment s;
		struct frame f;

		print_message("%s\n", specs[i].name);
		frame_build(&specs[i], &f);
		packet_parse(f.b, f.len, &info);
		assert_true(segment_read(f.b, &info, &s));
		assert_int_equal(s.seq, specs[i].seq);
		assert_int_equal(s.ack, specs[i].ack);
		assert_int_equal(s.len, specs[i].payload);
		assert_int_equal(segment_span(&s), specs[i].payload + (s.flags & PACKET_TCP_FIN));
		assert_ptr_equal(s.data + s.len, f.b + f.end);
	}
}

static bool readable(const struct frame *f)
{
	struct packet_info info;
	struct segment s;

	packet_parse(f->b, f->len, &info);
	return segment_read(f->b, &info, &s);
}

static void refuses_damaged_frames(void **state)
{
	struct frame_spec spec = { "", V4, .payload = 31 };
	struct frame f;

	frame_build(&spec, &f);
	assert_true(readable(&f));
	f.b[f.end - 1] ^= 4; /* wrong checksum */
	assert_false(readable(&f));
	f.b[f.end - 1] ^= 4;
	f.b[0] |= 1; /* to a group */
	assert_false(readable(&f));
	f.b[0] &= 0xfe;
	f.b[6] |= 1;
	assert_false(readable(&f));
}

/* A written packet passes the parser and an independent checksum, and says the same. */
static void writes_packets(void **state)
{
	uint8_t data[1400], frame[14 + SEGMENT_HEADER_MAX + sizeof data];

	memset(data, 0x5a, sizeof data);
	for (unsigned i = 0; i < 64; i++) {
		struct baton_tuple t = { .family = i & 1 ? BATON_IPV6 : BATON_IPV4, .proto = IPPROTO_TCP };
		struct segment in = { .seq = 0xdeadbeef, .ack = 42, .window = 0xfedc, .data = data }, out;
		struct packet_info info;
		uint32_t len;

		memset(t.saddr, 0x20, t.family == BATON_IPV4 ? 4 : 16);
		memset(t.daddr, 0x21, t.family == BATON_IPV4 ? 4 : 16);
		t.sport_be = 0x1234;
		t.dport_be = 0x4321;
		in.flags = i & 2 ? PACKET_TCP_ACK | SEGMENT_TCP_PSH : PACKET_TCP_SYN | PACKET_TCP_ACK;
		in.len = i & 4 ? 1399 : 0;
		in.options.mss = i & 8 ? 1460 : 0;
		in.options.wscale = i & 16 ? 7 : TCP_OPTIONS_NO_WSCALE;
		in.options.timestamps = i & 32;
		memset(frame, 0xee, sizeof frame); /* what was there does not matter */
		memset(frame, 2, 12);
		frame[12] = t.family == BATON_IPV4 ? 0x08 : 0x86;
		frame[13] = t.family == BATON_IPV4 ? 0x00 : 0xdd;
		len = segment_write(frame + 14, &t, &in);
		assert_int_equal(len, segment_header_len(t.family, &in.options) + in.len);
		packet_parse(frame, 14 + len, &info);
		assert_int_equal(info.kind, PACKET_FLOW);
		assert_int_equal(info.end, 14 + len);
		assert_memory_equal(&info.tuple, &t, sizeof t);
		assert_int_equal(frame_checksum(&t, frame + info.l4_offset, (uint32_t)(info.end - info.l4_offset)), 0);
		assert_true(segment_read(frame, &info, &out));
		assert_int_equal(out.seq, in.seq);
		assert_int_equal(out.ack, in.ack);
		assert_int_equal(out.window, in.window);
		assert_int_equal(out.flags, in.flags);
		assert_int_equal(out.len, in.len);
		assert_int_equal(out.options.mss, in.options.mss);
		assert_int_equal(out.options.wscale, in.options.wscale);
		assert_memory_equal(out.data, data, in.len);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads_frames),
		cmocka_unit_test(refuses_damaged_frames),
		cmocka_unit_test(writes_packets),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
