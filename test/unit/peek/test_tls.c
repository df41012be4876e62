/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "bytes.h"
#include "peek/cursor.h"

static struct bytes input;

static enum peek_verdict tls(const struct bytes *b)
{
	return bytes_parse(APPLICATION_TLS, b->b, b->len, PEEK_MAX_LEN);
}

static void load(const char *name)
{
	bytes_load(&input, name);
	assert_int_equal(tls(&input), PEEK_COMPLETE);
	assert_int_equal(bytes_head.kind, PEEK_TLS);
	assert_int_equal(bytes_head.len, input.len);
	assert_none(bytes_head.method);
	assert_int_equal(bytes_head.n_fields, 0);
}

static void browser(void **state)
{
	load("peek_tls/chromium");
	assert_true(input.len > 1700); /* post-quantum key share */
	assert_span(bytes_head.sni, "shop.example.org");
	assert_int_equal(bytes_head.n_alpn, 2);
	assert_span(bytes_head.alpn[0], "h2");
	assert_span(bytes_head.alpn[1], "http/1.1");
	assert_int_equal(bytes_head.session_id.len, 32);
	assert_none(bytes_head.ticket);
}

static void curl_and_openssl(void **state)
{
	load("peek_tls/curl13");
	assert_span(bytes_head.sni, "shop.example.org");
	assert_int_equal(bytes_head.n_alpn, 2);
	load("peek_tls/curl12");
	assert_span(bytes_head.sni, "shop.example.org");
	load("peek_tls/openssl_nosni");
	assert_none(bytes_head.sni);
	assert_int_equal(bytes_head.n_alpn, 0);
	load("peek_tls/openssl_alpn");
	assert_span(bytes_head.alpn[1], "http/1.1");
}

static void resumption(void **state)
{
	load("peek_tls/openssl_ticket");
	assert_true(bytes_head.ticket.len > 100);
	load("peek_tls/openssl_psk");
	assert_true(bytes_head.ticket.len > 100);
	load("peek_tls/openssl_session_id");
	assert_none(bytes_head.ticket);
	assert_int_equal(bytes_head.session_id.len, 32);
}

/* The handshake bytes of one record in records of so many bytes. */
static void in_records(const struct bytes *from, uint32_t size, struct bytes *ret)
{
	ret->len = 0;
	for (uint32_t at = 5; at < from->len; at += size) {
		uint32_t n = from->len - at < size ? from->len - at : size;

		bytes_add(ret, "\x16\x03\x01", 3);
		bytes_add_number(ret, n, 2);
		bytes_add(ret, from->b + at, n);
	}
}

static void several_records(void **state)
{
	static struct bytes from, b;

	bytes_load(&from, "peek_tls/chromium");
	for (uint32_t size = 1; size < from.len; size += size < 8 ? 1 : 311) {
		in_records(&from, size, &b);
		assert_int_equal(tls(&b), PEEK_COMPLETE);
		assert_int_equal(bytes_head.len, b.len);
		assert_span(bytes_head.sni, "shop.example.org");
		assert_span(bytes_head.alpn[1], "http/1.1");
		assert_int_equal(bytes_head.session_id.len, 32);
		assert_memory_equal(bytes_head.session_id.p, from.b + 5 + 4 + 2 + 32 + 1, 32);
	}
}

static void what_follows_is_not_read(void **state)
{
	bytes_load(&input, "peek_tls/curl13");
	bytes_add(&input, "GET / HTTP/1.1", 14);
	assert_int_equal(tls(&input), PEEK_COMPLETE);
	assert_int_equal(bytes_head.len, input.len - 14);
}

struct extension {
	uint16_t type;
	uint16_t len;
	const char *data;
};

/* A ClientHello in one record: 3 bytes of session id, one cipher, and these extensions. */
static void hello(struct bytes *b, const struct extension *e, unsigned n)
{
	uint32_t extensions = 0;
	uint32_t body;

	for (unsigned i = 0; i < n; i++)
		extensions += 4u + e[i].len;
	body = 2 + 32 + 1 + 3 + 2 + 2 + 1 + 1 + 2 + extensions;
	b->len = 0;
	bytes_add(b, "\x16\x03\x01", 3);
	bytes_add_number(b, body + 4, 2);
	bytes_add_number(b, 1, 1);
	bytes_add_number(b, body, 3);
	bytes_add_number(b, 0x0303, 2);
	bytes_add(b, "0123456789abcdef0123456789abcdef", 32);
	bytes_add(b, "\3sid", 4);
	bytes_add(b, "\0\2\x13\1\1\0", 6);
	bytes_add_number(b, extensions, 2);
	for (unsigned i = 0; i < n; i++) {
		bytes_add_number(b, e[i].type, 2);
		bytes_add_number(b, e[i].len, 2);
		bytes_add(b, e[i].data, e[i].len);
	}
}

#define EXT(type, data)                     \
	{                                   \
		type, sizeof data - 1, data \
	}
#define SNI_A EXT(0, "\0\4\0\0\1a")
#define PSK_ID                         \
	EXT(41, "\0\x08\0\2id\0\0\0\0" \
		"\0\x21"               \
		"\x20"                 \
		"0123456789abcdef0123456789abcdef")
#define GREASE EXT(0xaaaa, "\0")

static enum peek_verdict with(const struct extension *e, unsigned n)
{
	static struct bytes b;

	hello(&b, e, n);
	return tls(&b);
}

#define WITH(...)                                       \
	with((const struct extension[]){ __VA_ARGS__ }, \
	     sizeof(const struct extension[]){ __VA_ARGS__ } / sizeof(struct extension))

static void good_extensions(void **state)
{
	assert_int_equal(WITH(GREASE,
			      EXT(0, "\0\x0c\0\0\x09"
				     "A.ExaMPLe"),
			      EXT(0x1a1a, "")),
			 PEEK_COMPLETE);
	assert_span(bytes_head.sni, "a.example");
	assert_span(bytes_head.session_id, "sid");
	assert_int_equal(WITH(EXT(0, "\0\5\0\0\2a.")), PEEK_COMPLETE);
	assert_span(bytes_head.sni, "a");
	/* a name of a type that nobody has defined */
	assert_int_equal(WITH(EXT(0, "\0\x08\7\0\1x\0\0\1a")), PEEK_COMPLETE);
	assert_span(bytes_head.sni, "a");
	assert_int_equal(WITH(EXT(35, "")), PEEK_COMPLETE);
	assert_none(bytes_head.ticket);
	assert_int_equal(WITH(EXT(35, "ticket")), PEEK_COMPLETE);
	assert_span(bytes_head.ticket, "ticket");
	/* the identity is what a TLS 1.3 server goes by */
	assert_int_equal(WITH(EXT(35, "ticket"), PSK_ID), PEEK_COMPLETE);
	assert_span(bytes_head.ticket, "id");
	assert_int_equal(WITH(EXT(16, "\0\x06\2\x0a\x0a\2h2")), PEEK_COMPLETE);
	assert_int_equal(bytes_head.n_alpn, 2);
	assert_span(bytes_head.alpn[0], "\x0a\x0a");
}

static void bad_extensions(void **state)
{
	assert_int_equal(WITH(SNI_A, SNI_A), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(35, "a"), EXT(35, "b")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(16, "\0\2\1a"), EXT(16, "\0\2\1b")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(0, "")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(0, "\0\0")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(0, "\0\3\0\0\0")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(0, "\0\4\0\0\2a")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(0, "\0\4\0\0\1ab")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(0, "\0\5\0\0\1a")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(0, "\0\x08\0\0\1a\0\0\1b")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(0, "\0\4\0\0\1\0")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(0, "\0\4\0\0\1 ")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(0, "\0\4\0\0\1\x7f")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(16, "")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(16, "\0\0")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(16, "\0\2\0\1")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(16, "\0\2\2h")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(16, "\0\2\1hh")), PEEK_ALIEN);
	assert_int_equal(WITH(PSK_ID, GREASE), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(41, "\0\x07\0\1i\0\0\0\0")), PEEK_ALIEN);
	assert_int_equal(WITH(EXT(41, "\0\x07\0\4i\0\0\0\0\0\x21"
				      "0123456789abcdef0123456789abcdef")),
			 PEEK_ALIEN);
	assert_int_equal(WITH(EXT(41, "")), PEEK_ALIEN);
}

static void too_many_protocols(void **state)
{
	static const char names[] = "\0\x22\1a\1b\1c\1d\1e\1f\1g\1h\1i\1j\1k\1l\1m\1n\1o\1p\1q";
	struct extension e = { 16, 2 + 2 * 16, "\0\x20\1a\1b\1c\1d\1e\1f\1g\1h\1i\1j\1k\1l\1m\1n\1o\1p" };

	assert_int_equal(with(&e, 1), PEEK_COMPLETE);
	assert_int_equal(bytes_head.n_alpn, PEEK_MAX_ALPN);
	assert_span(bytes_head.alpn[15], "p");
	e = (struct extension){ 16, 2 + 2 * 17, names };
	assert_int_equal(with(&e, 1), PEEK_TOO_LONG);
}

/* Change one byte and the whole is another thing. */
static enum peek_verdict changed(unsigned at, uint8_t to)
{
	static struct bytes b;
	static const struct extension e[] = { SNI_A };

	hello(&b, e, 1);
	b.b[at] = to;
	return tls(&b);
}

static void malformed(void **state)
{
	assert_int_equal(changed(0, 21), PEEK_ALIEN);   /* alert */
	assert_int_equal(changed(0, 23), PEEK_ALIEN);   /* application data */
	assert_int_equal(changed(0, 0x80), PEEK_ALIEN); /* SSLv2 */
	assert_int_equal(changed(1, 2), PEEK_ALIEN);    /* version of the record */
	assert_int_equal(changed(1, 0xfe), PEEK_ALIEN); /* DTLS */
	assert_int_equal(changed(2, 9), PEEK_COMPLETE); /* RFC 8446, 5.1: to be ignored */
	assert_int_equal(changed(3, 0x41), PEEK_ALIEN); /* record beyond 2^14 */
	assert_int_equal(changed(5, 2), PEEK_ALIEN);    /* ServerHello */
	assert_int_equal(changed(6, 1), PEEK_TOO_LONG); /* 64 KB and more */
	assert_int_equal(changed(8, 20), PEEK_ALIEN);   /* shorter than it is */
	assert_int_equal(changed(8, 200), PEEK_MORE);   /* longer than this record */
	assert_int_equal(changed(9, 2), PEEK_ALIEN);    /* version of the message */
	assert_int_equal(changed(43, 33), PEEK_ALIEN);  /* session id too long */
	assert_int_equal(changed(43, 1), PEEK_ALIEN);   /* what follows it is shifted */
	assert_int_equal(changed(48, 3), PEEK_ALIEN);   /* odd ciphers */
	assert_int_equal(changed(48, 0), PEEK_ALIEN);   /* no ciphers */
	assert_int_equal(changed(51, 0), PEEK_ALIEN);   /* no compression method */
	assert_int_equal(changed(54, 9), PEEK_ALIEN);   /* extensions shorter than they are */
	assert_int_equal(changed(54, 11), PEEK_ALIEN);  /* longer */
	assert_int_equal(changed(58, 5), PEEK_ALIEN);   /* extension shorter */
	assert_int_equal(changed(58, 7), PEEK_ALIEN);   /* longer */
	assert_int_equal(bytes_parse(APPLICATION_TLS, "\x16\x03\x01\0\0", 5, 100), PEEK_ALIEN);
	assert_int_equal(bytes_parse(APPLICATION_TLS, "\x80\x2e\x01\x03\x01", 5, 100), PEEK_ALIEN);
	assert_int_equal(bytes_parse(APPLICATION_TLS, "GET / HTTP", 10, 100), PEEK_ALIEN);
	/* the second record is something else */
	assert_int_equal(bytes_parse(APPLICATION_TLS, "\x16\x03\x01\0\1\1\x15", 7, 100), PEEK_ALIEN);
	/* the type of the message is judged where it stands, not later */
	assert_int_equal(bytes_parse(APPLICATION_TLS, "\x16\x03\x01\0\1\2", 6, 100), PEEK_ALIEN);
}

static void no_extensions(void **state)
{
	static struct bytes b;

	hello(&b, NULL, 0);
	assert_int_equal(tls(&b), PEEK_COMPLETE);
	b.len -= 2;
	b.b[4] -= 2;
	b.b[8] -= 2;
	assert_int_equal(tls(&b), PEEK_COMPLETE);
	assert_span(bytes_head.session_id, "sid");
	b.b[8] -= 1;
	assert_int_equal(tls(&b), PEEK_ALIEN);
}

static void odd_ciphers_and_what_is_left_over(void **state)
{
	static struct bytes b;

	/* three bytes of ciphers, one compression method, the end */
	hello(&b, NULL, 0);
	memcpy(b.b + 47, "\0\3\x13\1\1\1", 6);
	b.len--;
	b.b[4]--;
	b.b[8]--;
	assert_int_equal(tls(&b), PEEK_ALIEN);
	/* a byte behind the extensions */
	hello(&b, NULL, 0);
	bytes_add(&b, "", 1);
	b.b[4]++;
	b.b[8]++;
	assert_int_equal(tls(&b), PEEK_ALIEN);
}

static void cursor_is_bounded(void **state)
{
	struct cursor c = cursor_of((struct peek_span){ (const uint8_t *)"\1a\2b", 4 });

	assert_span(cursor_vector(&c, 1, 0, 255), "a");
	assert_false(c.bad);
	assert_none(cursor_vector(&c, 1, 0, 255));
	assert_true(c.bad);
	assert_int_equal(c.left, 0);
	assert_int_equal(cursor_number(&c, 1), 0);
	c = cursor_of((struct peek_span){ (const uint8_t *)"ab", 2 });
	assert_span(cursor_bytes(&c, 2), "ab");
	assert_false(c.bad);
	cursor_number(&c, 1);
	assert_true(c.bad);
}

static void limits(void **state)
{
	bytes_load(&input, "peek_tls/chromium");
	assert_int_equal(bytes_parse(APPLICATION_TLS, input.b, input.len, input.len), PEEK_COMPLETE);
	assert_int_equal(bytes_parse(APPLICATION_TLS, input.b, input.len - 1, input.len), PEEK_MORE);
	assert_int_equal(bytes_parse(APPLICATION_TLS, input.b, input.len, input.len - 1), PEEK_TOO_LONG);
	/* known from the length that is announced: nobody waits for the rest */
	assert_int_equal(bytes_parse(APPLICATION_TLS, input.b, 9, input.len - 1), PEEK_TOO_LONG);
	assert_int_equal(bytes_parse(APPLICATION_TLS, input.b, 8, input.len - 1), PEEK_MORE);
	assert_int_equal(bytes_parse(APPLICATION_TLS, input.b, 3, 3), PEEK_TOO_LONG);
}

/* A hello of all the bytes there may be, in the largest records. */
static void longest(void **state)
{
	static struct bytes from, b;
	static char data[65000];
	struct extension e[] = { SNI_A, { 21, sizeof data, data } };

	hello(&from, e, 2);
	in_records(&from, 1 << 14, &b);
	assert_int_equal(tls(&b), PEEK_COMPLETE);
	assert_span(bytes_head.sni, "a");
	in_records(&from, 500, &b);
	assert_int_equal(tls(&b), PEEK_TOO_LONG);
}

/* A record that was read whole is not looked at again until all are there. */
static void records_are_walked_once(void **state)
{
	static struct bytes from, b;
	struct peek_state s = { 0 };
	uint32_t len = 0;

	bytes_load(&from, "peek_tls/chromium");
	in_records(&from, 100, &b);
	while (++len < b.len) {
		assert_int_equal(peek_head(&s, APPLICATION_TLS, b.b, len, PEEK_MAX_LEN, &bytes_head), PEEK_MORE);
		assert_int_equal(s.scanned, len / 105 * 105);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(browser),
		cmocka_unit_test(curl_and_openssl),
		cmocka_unit_test(resumption),
		cmocka_unit_test(several_records),
		cmocka_unit_test(what_follows_is_not_read),
		cmocka_unit_test(good_extensions),
		cmocka_unit_test(bad_extensions),
		cmocka_unit_test(too_many_protocols),
		cmocka_unit_test(malformed),
		cmocka_unit_test(no_extensions),
		cmocka_unit_test(odd_ciphers_and_what_is_left_over),
		cmocka_unit_test(cursor_is_bounded),
		cmocka_unit_test(limits),
		cmocka_unit_test(longest),
		cmocka_unit_test(records_are_walked_once),
	};

	bytes_folder = argv[1];
	return argc == 2 ? cmocka_run_group_tests_name("peek_tls", tests, NULL, NULL) : 2;
}
