/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdbool.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/shim.h"

static const struct shim_keyring ring = {
	.keys = { { .sip = { 0x1111, 0x2222 }, .id = 5 }, { .sip = { 0x3333, 0x4444 }, .id = 9 } },
	.n_keys = 2,
};
static const uint8_t device[16] = { 192, 0, 2, 1 }, host[16] = { 192, 0, 2, 9 };

static const struct {
	uint8_t type;
	int len;
} types[] = {
	{ BATON_SHIM_INTRODUCE, BATON_SHIM_INTRODUCE_LEN }, { BATON_SHIM_UNKNOWN, BATON_SHIM_UNKNOWN_LEN },
	{ BATON_SHIM_RESYNC, BATON_SHIM_RESYNC_LEN },       { BATON_SHIM_CREATE, BATON_SHIM_CREATE_LEN },
	{ BATON_SHIM_ABORT, BATON_SHIM_CREATE_LEN },        { BATON_SHIM_STATE, BATON_SHIM_CONN_LEN },
	{ BATON_SHIM_ENDED, BATON_SHIM_CONN_LEN },
};
#define N_TYPES (sizeof types / sizeof types[0])

static const struct baton_tuple tuple4 = {
	.saddr = { 198, 51, 100, 7 },
	.daddr = { 203, 0, 113, 80 },
	.sport_be = 0x1234,
	.dport_be = 0xbb01,
	.family = BATON_IPV4,
	.proto = IPPROTO_TCP,
};

/* A whole datagram of a type, with a body that is valid for it. */
static size_t make(uint8_t type, uint64_t seq, const struct shim_keyring *keys, uint8_t dst[128])
{
	union {
		struct baton_shim_flow flow;
		struct baton_shim_create create;
		struct baton_shim_conn conn;
		uint8_t b[64];
	} body = { .b = { 1, 2, 3, 4 } };
	int n;

	if (type == BATON_SHIM_INTRODUCE)
		shim_flow_from_tuple(&body.flow, 0x01020304, &tuple4);
	else if (type == BATON_SHIM_CREATE || type == BATON_SHIM_ABORT)
		body.create = (struct baton_shim_create){
			.client_isn = 1, .options = 7, .family = 4, .sport = tuple4.sport_be, .dport = tuple4.dport_be
		};
	else if (type == BATON_SHIM_STATE || type == BATON_SHIM_ENDED)
		body.conn = (struct baton_shim_conn){ .client_isn = 1,
						      .state = BATON_SHIM_CONN_REFUSED,
						      .reason = BATON_SHIM_REFUSAL_OTHER,
						      .family = 4,
						      .sport = tuple4.sport_be,
						      .dport = tuple4.dport_be };
	n = shim_encode(dst, 128, keys, type, &body, seq, device, host);
	assert_true(n > 0);
	return (size_t)n;
}

/* Decode a copy of exactly this size, at an odd address. */
static enum shim_verdict decode(const uint8_t *p, size_t len, struct replay_window *w)
{
	uint8_t *copy = malloc(len + 1);
	const struct baton_shim_hdr *hdr = NULL;
	const void *body = NULL;
	enum shim_verdict v;

	assert_non_null(copy);
	memcpy(copy + 1, p, len);
	v = shim_decode(copy + 1, len, &ring, w, device, host, &hdr, &body);
	if (v == SHIM_OK || v == SHIM_REPLAYED || v == SHIM_STALE) {
		assert_ptr_equal(hdr, copy + 1);
		assert_ptr_equal(body, copy + 1 + sizeof *hdr);
	} else {
		assert_null(hdr);
		assert_null(body);
	}
	free(copy);
	return v;
}

/* Sign changed bytes again, so that only the change itself can be refused. */
static void sign(uint8_t *p, const struct shim_key *key)
{
	struct siphash_state s;
	uint64_t mac;
	uint16_t len;

	memset(p + 16, 0, 8);
	memcpy(&len, p + 4, 2);
	siphash_init(&s, &key->sip);
	siphash_add_words(&s, device, 2);
	siphash_add_words(&s, host, 2);
	siphash_add_words(&s, p, ntohs(len) / 8u);
	mac = htobe64(siphash_end(&s));
	memcpy(p + 16, &mac, 8);
}

static void test_round_trip(void **state)
{
	uint8_t b[128];

	for (unsigned i = 0; i < N_TYPES; i++) {
		struct baton_shim_hdr hdr;
		size_t n = make(types[i].type, 0x1122334455667788, &ring, b);

		assert_int_equal(n, types[i].len);
		assert_int_equal(decode(b, n, NULL), SHIM_OK);
		memcpy(&hdr, b, sizeof hdr);
		assert_int_equal(ntohs(hdr.magic), BATON_SHIM_MAGIC);
		assert_int_equal(hdr.version, BATON_SHIM_VERSION);
		assert_int_equal(hdr.type, types[i].type);
		assert_int_equal(ntohs(hdr.len), n);
		assert_int_equal(hdr.key_id, 5);
		assert_int_equal(hdr.flags, 0);
		assert_true(be64toh(hdr.seq) == 0x1122334455667788);
	}
}

static void test_encode_refusals(void **state)
{
	struct shim_keyring none = { .n_keys = 0 };
	uint8_t b[128], body[SHIM_BODY_MAX] = { 0 };

	for (unsigned type = 0; type < 256; type++) {
		int n = shim_encode(b, sizeof b, &ring, (uint8_t)type, body, 1, device, host);

		assert_int_equal(n > 0, type >= BATON_SHIM_INTRODUCE && type <= BATON_SHIM_ENDED);
		if (n <= 0)
			assert_int_equal(n, -EINVAL);
	}
	for (unsigned i = 0; i < N_TYPES; i++) {
		memset(b, 0x77, sizeof b);
		for (size_t size = 0; size < (size_t)types[i].len; size++)
			assert_int_equal(shim_encode(b, size, &ring, types[i].type, body, 1, device, host), -ENOSPC);
		assert_int_equal(b[0], 0x77);
		assert_int_equal(shim_encode(b, (size_t)types[i].len, &ring, types[i].type, body, 1, device, host),
				 types[i].len);
	}
	assert_int_equal(shim_encode(b, sizeof b, &none, BATON_SHIM_UNKNOWN, body, 1, device, host), -EINVAL);
}

static void test_every_prefix(void **state)
{
	uint8_t b[128];

	for (unsigned i = 0; i < N_TYPES; i++) {
		size_t n = make(types[i].type, 1, &ring, b);

		for (size_t len = 0; len < n; len++)
			assert_int_equal(decode(b, len, NULL), SHIM_MALFORMED);
	}
}

/* Only INTRODUCE and CREATE may be longer than header and body: an inner packet follows, of any bytes. */
static void test_trailing_bytes(void **state)
{
	uint8_t b[160] = { 0 };

	for (unsigned i = 0; i < N_TYPES; i++) {
		size_t n = make(types[i].type, 1, &ring, b);
		bool inner = types[i].type == BATON_SHIM_INTRODUCE || types[i].type == BATON_SHIM_CREATE;
		enum shim_verdict want = inner ? SHIM_OK : SHIM_MALFORMED;

		for (size_t more = 1; more <= 40; more++) {
			b[n + more - 1] = (uint8_t)more;
			assert_int_equal(decode(b, n + more, NULL), want);
		}
	}
}

/* No bit of header, body or outer addresses can be changed unnoticed. */
static void test_every_bit(void **state)
{
	const struct baton_shim_hdr *hdr;
	const void *body;
	uint8_t b[128];

	for (unsigned i = 0; i < N_TYPES; i++) {
		size_t n = make(types[i].type, 77, &ring, b);

		for (size_t bit = 0; bit < n * 8; bit++) {
			struct replay_window w = { 0 };
			enum shim_verdict v;

			b[bit / 8] ^= (uint8_t)(1u << bit % 8);
			v = decode(b, n, &w);
			assert_int_not_equal(v, SHIM_OK);
			if (bit / 8 >= 8)
				assert_int_equal(v, SHIM_FORGED);
			assert_int_equal(w.top, 0); /* a forgery doesn't move the window */
			b[bit / 8] ^= (uint8_t)(1u << bit % 8);
		}
		for (unsigned bit = 0; bit < 256; bit++) {
			uint8_t src[16], dst[16];

			memcpy(src, device, 16);
			memcpy(dst, host, 16);
			(bit < 128 ? src : dst)[bit % 128 / 8] ^= (uint8_t)(1u << bit % 8);
			assert_int_equal(shim_decode(b, n, &ring, NULL, src, dst, &hdr, &body), SHIM_FORGED);
		}
		assert_int_equal(shim_decode(b, n, &ring, NULL, host, device, &hdr, &body), SHIM_FORGED);
	}
}

static void test_header_refusals(void **state)
{
	static const struct {
		unsigned at;
		uint8_t value;
		enum shim_verdict want;
	} cases[] = {
		{ 0, 0, SHIM_MALFORMED },   { 1, 0, SHIM_MALFORMED },
		{ 2, 0, SHIM_VERSION },     { 2, BATON_SHIM_VERSION + 1, SHIM_VERSION },
		{ 3, 0, SHIM_MALFORMED },   { 3, 4, SHIM_MALFORMED },
		{ 3, 255, SHIM_MALFORMED }, { 3, BATON_SHIM_UNKNOWN, SHIM_MALFORMED },
		{ 4, 1, SHIM_MALFORMED },   { 5, 0, SHIM_MALFORMED },
		{ 5, 71, SHIM_MALFORMED },  { 5, 73, SHIM_MALFORMED },
		{ 6, 6, SHIM_UNKNOWN_KEY }, { 7, 1, SHIM_MALFORMED },
		{ 6, 9, SHIM_FORGED }, /* a key there is, but not the one that signed */
	};
	uint8_t b[128];

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		size_t n = make(BATON_SHIM_INTRODUCE, 1, &ring, b);

		b[cases[i].at] = cases[i].value;
		assert_int_equal(decode(b, n, NULL), cases[i].want);
	}
}

/* Fields that even an authenticated INTRODUCE may not have. */
static void test_flow_refusals(void **state)
{
	static const struct {
		unsigned at;
		uint8_t value;
		enum shim_verdict want;
	} cases[] = {
		{ 4, 6, SHIM_OK },           { 4, 0, SHIM_MALFORMED },  { 4, 5, SHIM_MALFORMED },
		{ 5, IPPROTO_UDP, SHIM_OK }, { 5, 0, SHIM_MALFORMED },  { 5, IPPROTO_ICMP, SHIM_MALFORMED },
		{ 10, 1, SHIM_MALFORMED },   { 15, 1, SHIM_MALFORMED }, { 20, 1, SHIM_MALFORMED },
		{ 31, 1, SHIM_MALFORMED },   { 36, 1, SHIM_MALFORMED }, { 47, 1, SHIM_MALFORMED },
		{ 16, 1, SHIM_OK },
	};
	uint8_t b[128];

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct replay_window w = { 0 };
		size_t n = make(BATON_SHIM_INTRODUCE, 5, &ring, b);

		b[sizeof(struct baton_shim_hdr) + cases[i].at] = cases[i].value;
		sign(b, &ring.keys[0]);
		assert_int_equal(decode(b, n, &w), cases[i].want);
		assert_int_equal(w.top, cases[i].want == SHIM_OK ? 5 : 0);
	}
}

/* The same of the types that speak of connections. */
static void test_connection_refusals(void **state)
{
	static const struct {
		uint8_t type;
		unsigned at;
		uint8_t value;
		enum shim_verdict want;
	} cases[] = {
		{ BATON_SHIM_CREATE, 20, 8, SHIM_MALFORMED }, { BATON_SHIM_CREATE, 20, 0, SHIM_OK },
		{ BATON_SHIM_CREATE, 21, 6, SHIM_OK },        { BATON_SHIM_CREATE, 21, 0, SHIM_MALFORMED },
		{ BATON_SHIM_CREATE, 26, 1, SHIM_MALFORMED }, { BATON_SHIM_CREATE, 31, 1, SHIM_MALFORMED },
		{ BATON_SHIM_CREATE, 36, 1, SHIM_MALFORMED }, { BATON_SHIM_CREATE, 63, 1, SHIM_MALFORMED },
		{ BATON_SHIM_CREATE, 35, 1, SHIM_OK },        { BATON_SHIM_ABORT, 20, 8, SHIM_MALFORMED },
		{ BATON_SHIM_STATE, 16, 0, SHIM_OK },         { BATON_SHIM_STATE, 16, 5, SHIM_MALFORMED },
		{ BATON_SHIM_STATE, 17, 11, SHIM_MALFORMED }, { BATON_SHIM_STATE, 20, 5, SHIM_MALFORMED },
		{ BATON_SHIM_STATE, 21, 1, SHIM_MALFORMED },  { BATON_SHIM_STATE, 26, 1, SHIM_MALFORMED },
		{ BATON_SHIM_STATE, 31, 1, SHIM_MALFORMED },  { BATON_SHIM_STATE, 36, 1, SHIM_MALFORMED },
		{ BATON_SHIM_STATE, 63, 1, SHIM_MALFORMED },  { BATON_SHIM_ENDED, 17, 255, SHIM_MALFORMED },
	};
	uint8_t b[128];

	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		struct replay_window w = { 0 };
		size_t n = make(cases[i].type, 5, &ring, b);

		b[sizeof(struct baton_shim_hdr) + cases[i].at] = cases[i].value;
		sign(b, &ring.keys[0]);
		assert_int_equal(decode(b, n, &w), cases[i].want);
		assert_int_equal(w.top, cases[i].want == SHIM_OK ? 5 : 0);
	}
}

static void test_second_key(void **state)
{
	struct shim_keyring rolled = { .keys = { ring.keys[1], ring.keys[0] }, .n_keys = 2 };
	struct shim_keyring other = { .keys = { { .sip = { 1, 2 }, .id = 5 } }, .n_keys = 1 };
	uint8_t b[128];
	size_t n = make(BATON_SHIM_UNKNOWN, 1, &rolled, b);

	assert_int_equal(b[6], 9);
	assert_int_equal(decode(b, n, NULL), SHIM_OK);
	n = make(BATON_SHIM_UNKNOWN, 1, &other, b);
	assert_int_equal(decode(b, n, NULL), SHIM_FORGED);
	other.keys[0].id = 6;
	n = make(BATON_SHIM_UNKNOWN, 1, &other, b);
	assert_int_equal(decode(b, n, NULL), SHIM_UNKNOWN_KEY);
}

static void test_replay(void **state)
{
	struct replay_window w = { 0 };
	uint8_t b[128];
	size_t n;

	n = make(BATON_SHIM_INTRODUCE, 1000000, &ring, b);
	assert_int_equal(decode(b, n, &w), SHIM_OK);
	assert_int_equal(decode(b, n, &w), SHIM_REPLAYED);
	n = make(BATON_SHIM_UNKNOWN, 999999, &ring, b);
	assert_int_equal(decode(b, n, &w), SHIM_OK);
	assert_int_equal(decode(b, n, &w), SHIM_REPLAYED);
	n = make(BATON_SHIM_UNKNOWN, 1000000 - REPLAY_WINDOW, &ring, b);
	assert_int_equal(decode(b, n, &w), SHIM_STALE);
	n = make(BATON_SHIM_UNKNOWN, 1000001 - REPLAY_WINDOW, &ring, b);
	assert_int_equal(decode(b, n, &w), SHIM_OK);
	assert_true(w.top == 1000000);
}

static void test_flow_from_tuple(void **state)
{
	struct baton_tuple t6 = { .sport_be = 1, .dport_be = 2, .family = BATON_IPV6, .proto = IPPROTO_UDP };
	struct baton_shim_flow f;

	memset(&f, 0xff, sizeof f);
	shim_flow_from_tuple(&f, 0xa1b2c3d4, &tuple4);
	assert_int_equal(ntohl(f.flow_id), 0xa1b2c3d4);
	assert_int_equal(f.family, 4);
	assert_int_equal(f.proto, IPPROTO_TCP);
	assert_int_equal(f.sport, tuple4.sport_be);
	assert_int_equal(f.dport, tuple4.dport_be);
	assert_memory_equal(f.saddr, tuple4.saddr, 16);
	assert_memory_equal(f.daddr, tuple4.daddr, 16);
	assert_memory_equal(f.zero, "\0\0\0\0\0\0", 6);
	memset(t6.saddr, 0x20, 16);
	memset(t6.daddr, 0x30, 16);
	shim_flow_from_tuple(&f, 1, &t6);
	assert_int_equal(f.family, 6);
	assert_memory_equal(f.saddr, t6.saddr, 16);
	assert_memory_equal(f.daddr, t6.daddr, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),
		cmocka_unit_test(test_encode_refusals),
		cmocka_unit_test(test_every_prefix),
		cmocka_unit_test(test_trailing_bytes),
		cmocka_unit_test(test_every_bit),
		cmocka_unit_test(test_header_refusals),
		cmocka_unit_test(test_flow_refusals),
		cmocka_unit_test(test_second_key),
		cmocka_unit_test(test_replay),
		cmocka_unit_test(test_flow_from_tuple),
		cmocka_unit_test(test_connection_refusals),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
