/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "forwarder/checksum.h"
#include "forwarder/packet.h"
#include "forwarder/rewrite.h"
#include "frames.h"

#define N_ROUNDS 20000

static uint64_t seed = 0x2545f4914f6cdd1d;

/* Mostly anything, sometimes all zeros or all ones: the edges of ones' complement. */
static void random_bytes(void *p, size_t len)
{
	uint64_t edge = frame_random(&seed) % 8;

	for (size_t i = 0; i < len; i++)
		((uint8_t *)p)[i] = edge == 0 ? 0 : edge == 1 ? 0xff : (uint8_t)frame_random(&seed);
}

static void random_tuple(const struct baton_tuple *like, struct baton_tuple *ret)
{
	size_t n = like->family == BATON_IPV4 ? 4 : 16;

	memset(ret, 0, sizeof *ret);
	ret->family = like->family;
	ret->proto = like->proto;
	random_bytes(ret->saddr, n);
	random_bytes(ret->daddr, n);
	random_bytes(&ret->sport_be, 2);
	random_bytes(&ret->dport_be, 2);
}

static void random_spec(struct frame_spec *ret)
{
	static const char *const extensions[] = { NULL, NULL, "h", "hd", "d" };

	*ret = (struct frame_spec){
		.family = frame_random(&seed) & 1 ? BATON_IPV4 : BATON_IPV6,
		.proto = frame_random(&seed) & 1 ? IPPROTO_TCP : IPPROTO_UDP,
		.vlans = (unsigned)(frame_random(&seed) % 3),
		.options = (unsigned)(frame_random(&seed) % 4 * 4),
		.tcp_options = (unsigned)(frame_random(&seed) % 4 * 4),
		.payload = (unsigned)(frame_random(&seed) % 700),
		.extension = extensions[frame_random(&seed) % 5],
	};
}

static bool checksums_right(const struct frame *f)
{
	return frame_checksums_right(f->b + f->l3, f->b + f->l4, f->end - f->l4, f->tuple.proto);
}

static void assert_carries(const struct frame *f, const struct baton_tuple *t)
{
	const uint8_t *l3 = f->b + f->l3;
	bool v4 = t->family == BATON_IPV4;

	assert_memory_equal(l3 + (v4 ? 12 : 8), t->saddr, v4 ? 4 : 16);
	assert_memory_equal(l3 + (v4 ? 16 : 24), t->daddr, v4 ? 4 : 16);
	assert_memory_equal(f->b + f->l4, &t->sport_be, 2);
	assert_memory_equal(f->b + f->l4 + 2, &t->dport_be, 2);
}

static bool apply(struct frame *f, const struct baton_tuple *from, const struct baton_tuple *to)
{
	uint16_t l3, l4;

	rewrite_deltas(from, to, &l3, &l4);
	return rewrite_apply(f->b + f->l3, f->b + f->l4, to, l3, l4);
}

static void put_ttl(struct frame *f, uint8_t ttl)
{
	uint8_t *l3 = f->b + f->l3;

	l3[f->tuple.family == BATON_IPV4 ? 8 : 7] = ttl;
	if (f->tuple.family == BATON_IPV4)
		checksum_ipv4_write(l3);
}

static void test_there_and_back(void **state)
{
	struct frame_spec s;
	struct baton_tuple to;
	struct frame f, before;

	for (unsigned i = 0; i < N_ROUNDS; i++) {
		random_spec(&s);
		frame_build(&s, &f);
		assert_true(checksums_right(&f));
		before = f;
		random_tuple(&f.tuple, &to);
		assert_true(apply(&f, &f.tuple, &to));
		assert_true(checksums_right(&f));
		assert_carries(&f, &to);
		assert_true(apply(&f, &to, &f.tuple));
		assert_true(checksums_right(&f));
		/* but for two hops, this is the packet that came in: no checksum in another spelling */
		put_ttl(&f, 61);
		assert_memory_equal(f.b, before.b, f.len);
	}
}

static void test_ttl(void **state)
{
	struct frame f, before;
	struct baton_tuple to;

	for (unsigned v6 = 0; v6 < 2; v6++)
		for (unsigned ttl = 0; ttl < 256; ttl++) {
			struct frame_spec s = { .family = v6 ? BATON_IPV6 : BATON_IPV4, .proto = IPPROTO_TCP };

			frame_build(&s, &f);
			put_ttl(&f, (uint8_t)ttl);
			before = f;
			random_tuple(&f.tuple, &to);
			assert_int_equal(apply(&f, &f.tuple, &to), ttl > 1);
			if (ttl <= 1) {
				assert_memory_equal(f.b, before.b, f.len);
				continue;
			}
			assert_int_equal(f.b[f.l3 + (v6 ? 7 : 8)], ttl - 1);
			assert_true(checksums_right(&f));
		}
}

static void test_udp_without_checksum(void **state)
{
	struct frame_spec s = { .family = BATON_IPV4, .proto = IPPROTO_UDP, .payload = 3, .no_checksum = true };
	struct baton_tuple to;
	struct frame f;

	for (unsigned i = 0; i < 100; i++) {
		frame_build(&s, &f);
		random_tuple(&f.tuple, &to);
		assert_true(apply(&f, &f.tuple, &to));
		assert_int_equal(f.b[f.l4 + 6] | f.b[f.l4 + 7], 0);
		assert_carries(&f, &to);
		assert_int_equal(frame_checksum(NULL, f.b + f.l3, 20), 0);
	}
}

/* Ports chosen so that the new sum is 0: UDP must say 0xffff, TCP says 0. */
static void test_checksum_that_becomes_zero(void **state)
{
	static const uint8_t protos[] = { IPPROTO_UDP, IPPROTO_TCP };

	for (unsigned i = 0; i < 4; i++) {
		uint8_t proto = protos[i & 1];
		struct frame_spec s = { .family = i & 2 ? BATON_IPV6 : BATON_IPV4, .proto = proto, .payload = 11 };
		struct baton_tuple to;
		uint16_t checksum;
		struct frame f;
		unsigned at;

		frame_build(&s, &f);
		at = f.l4 + (proto == IPPROTO_UDP ? 6 : 16);
		to = f.tuple;
		memcpy(&checksum, f.b + at, 2);
		/* the sum of the packet is ~checksum: raise a port by checksum, and it is all ones */
		to.sport_be = checksum_fold((uint32_t)to.sport_be + checksum);
		assert_true(apply(&f, &f.tuple, &to));
		memcpy(&checksum, f.b + at, 2);
		assert_int_equal(checksum, proto == IPPROTO_UDP ? 0xffff : 0);
		assert_true(checksums_right(&f));
	}
}

static void test_tunnel_tuple(void **state)
{
	struct frame_spec s = { .family = BATON_IPV4, .proto = IPPROTO_UDP, .payload = 1 };
	const uint8_t device[16] = { 192, 0, 2, 1 }, host[16] = { 192, 0, 2, 9 };
	struct baton_tuple t;
	struct packet_info p;
	struct frame f;

	memset(&t, 0xff, sizeof t);
	frame_build(&s, &f);
	rewrite_tunnel_tuple(&f.tuple, device, host, 0xa1b2c3d4, &t);
	assert_true(apply(&f, &f.tuple, &t));
	packet_parse(f.b, f.len, &p);
	assert_int_equal(p.kind, PACKET_FLOW);
	assert_memory_equal(&p.tuple, &t, sizeof t);
	assert_int_equal(ntohs(p.tuple.sport_be), 0xa1b2);
	assert_int_equal(ntohs(p.tuple.dport_be), 0xc3d4);
	assert_memory_equal(p.tuple.saddr, device, 16);
	assert_memory_equal(p.tuple.daddr, host, 16);
	assert_true(checksums_right(&f));
}

static void test_full_checksum(void **state)
{
	struct frame_spec s;
	struct frame f, before;

	for (unsigned i = 0; i < 2000; i++) {
		random_spec(&s);
		frame_build(&s, &f);
		before = f;
		assert_int_equal(checksum_transport(&f.tuple, f.b + f.l4, f.end - f.l4), 0);
		f.b[f.l4 + (s.proto == IPPROTO_TCP ? 16 : 6)] ^= 0x5a;
		assert_int_not_equal(checksum_transport(&f.tuple, f.b + f.l4, f.end - f.l4), 0);
		checksum_transport_write(&f.tuple, f.b + f.l4, f.end - f.l4);
		if (s.family == BATON_IPV4) {
			f.b[f.l3 + 10] ^= 0x5a;
			checksum_ipv4_write(f.b + f.l3);
		}
		assert_memory_equal(f.b, before.b, f.len);
	}
	for (unsigned i = 0; i < 2; i++) {
		uint8_t proto = i ? IPPROTO_TCP : IPPROTO_UDP;
		uint16_t sum;

		frame_build(&(struct frame_spec){ .family = BATON_IPV4, .proto = proto }, &f);
		/* the source port takes the checksum's part, so that 0 is left for it */
		memcpy(&sum, f.b + f.l4 + (i ? 16 : 6), 2);
		sum = checksum_fold((uint32_t)f.tuple.sport_be + sum);
		memcpy(f.b + f.l4, &sum, 2);
		checksum_transport_write(&f.tuple, f.b + f.l4, f.end - f.l4);
		memcpy(&sum, f.b + f.l4 + (i ? 16 : 6), 2);
		assert_int_equal(sum, i ? 0 : 0xffff);
	}
	/* the example of RFC 1071, section 3 */
	assert_int_equal(ntohs(checksum_of("\x00\x01\xf2\x03\xf4\xf5\xf6\xf7", 8)), (uint16_t)~0xddf2);
	assert_int_equal(ntohs(checksum_of("\x01\x02\x03", 3)), (uint16_t)~0x0402);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_there_and_back),       cmocka_unit_test(test_ttl),
		cmocka_unit_test(test_udp_without_checksum), cmocka_unit_test(test_checksum_that_becomes_zero),
		cmocka_unit_test(test_tunnel_tuple),         cmocka_unit_test(test_full_checksum),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
