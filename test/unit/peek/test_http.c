/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "bytes.h"

#define HOST "Host: a.example\r\n"

static enum peek_verdict http(const char *text)
{
	return bytes_parse_text(APPLICATION_HTTP, text);
}

static void load(const char *name)
{
	static struct bytes b;

	bytes_load(&b, name);
	assert_int_equal(bytes_parse(APPLICATION_HTTP, b.b, b.len, PEEK_MAX_LEN), PEEK_COMPLETE);
	assert_int_equal(bytes_head.kind, PEEK_HTTP);
}

static void heads_of_programs(void **state)
{
	load("peek_http/curl");
	assert_span(bytes_head.method, "GET");
	assert_span(bytes_head.host, "shop.example.org");
	assert_span(bytes_head.path, "/cart/list");
	assert_span(bytes_head.query, "item=42&sort=price");
	assert_int_equal(bytes_head.n_fields, 4);
	assert_span(bytes_head.fields[1].name, "User-Agent");
	assert_span(peek_head_field(&bytes_head, "accept"), "*/*");
	assert_none(bytes_head.sni);

	load("peek_http/chromium");
	assert_span(bytes_head.host, "shop.example.org");
	assert_span(bytes_head.path, "/start");
	assert_span(bytes_head.query, "lang=de");
	assert_int_equal(bytes_head.n_fields, 7);
	assert_span(peek_head_field(&bytes_head, "Accept-Encoding"), "gzip, deflate");

	load("peek_http/wget");
	assert_span(bytes_head.host, "127.0.0.1");
	assert_span(bytes_head.path, "/file.bin");
	assert_none(bytes_head.query);
}

static void what_follows_the_head_is_not_read(void **state)
{
	load("peek_http/curl_post");
	assert_span(bytes_head.method, "POST");
	assert_span(peek_head_field(&bytes_head, "Content-Length"), "10");
	assert_int_equal(bytes_head.len, 162);

	assert_int_equal(http("GET / HTTP/1.1\r\n" HOST "\r\n\x01 GET"), PEEK_COMPLETE);
	assert_int_equal(bytes_head.len, strlen("GET / HTTP/1.1\r\n" HOST "\r\n"));
}

static void targets_of_proxies(void **state)
{
	load("peek_http/curl_proxy");
	assert_span(bytes_head.host, "shop.example.org");
	assert_span(bytes_head.path, "/through/proxy");
	assert_span(bytes_head.query, "q=1");

	load("peek_http/curl_connect");
	assert_span(bytes_head.method, "CONNECT");
	assert_span(bytes_head.host, "shop.example.org");
	assert_none(bytes_head.path);
}

static void upgrade_is_http1_and_preface_is_alien(void **state)
{
	static struct bytes b;

	load("peek_http/curl_upgrade");
	assert_span(peek_head_field(&bytes_head, "Upgrade"), "h2c");

	bytes_load(&b, "peek_http/curl_h2c");
	assert_int_equal(bytes_parse(APPLICATION_HTTP, b.b, b.len, PEEK_MAX_LEN), PEEK_ALIEN);
	/* known as soon as the version is there */
	assert_int_equal(http("PRI * HTTP/2"), PEEK_ALIEN);
	assert_int_equal(http("PRI * HTTP/"), PEEK_MORE);
}

static void absolute_target_overrides_host(void **state)
{
	assert_int_equal(http("GET http://B.Example.:8080?x=1 HTTP/1.1\r\n" HOST "\r\n"), PEEK_COMPLETE);
	assert_span(bytes_head.host, "b.example");
	assert_span(bytes_head.path, "/");
	assert_span(bytes_head.query, "x=1");
	assert_int_equal(http("GET HTTPS://[2001:DB8::1]:80/p HTTP/1.1\r\n" HOST "\r\n"), PEEK_COMPLETE);
	assert_span(bytes_head.host, "[2001:db8::1]");
	assert_span(bytes_head.path, "/p");
	assert_none(bytes_head.query);
}

static void other_targets(void **state)
{
	assert_int_equal(http("OPTIONS * HTTP/1.1\r\n" HOST "\r\n"), PEEK_COMPLETE);
	assert_span(bytes_head.path, "*");
	assert_int_equal(http("GET /? HTTP/1.1\r\n" HOST "\r\n"), PEEK_COMPLETE);
	assert_span(bytes_head.path, "/");
	assert_span(bytes_head.query, "");
	assert_int_equal(http("GET //a/http://b?c?d HTTP/1.1\r\n" HOST "\r\n"), PEEK_COMPLETE);
	assert_span(bytes_head.path, "//a/http://b");
	assert_span(bytes_head.query, "c?d");
	assert_int_equal(http("GET /\xc3\xa4 HTTP/1.1\r\n" HOST "\r\n"), PEEK_COMPLETE);
	assert_span(bytes_head.path, "/\xc3\xa4");
}

static void host_field(void **state)
{
	static const char *const good[][2] = {
		{ "A.Example", "a.example" },
		{ "a.example:", "a.example" },
		{ "a.example:80", "a.example" },
		{ "192.0.2.1:8", "192.0.2.1" },
		{ "[::1]", "[::1]" },
		{ "[v1.x:y]:1", "[v1.x:y]" },
		{ "a_b", "a_b" },
		{ "a%41", "a%41" },
		{ "", "" },
		{ "a.", "a" },
		{ ".", "." },
	};
	static const char *const bad[] = { "a b",    "a/b", "u@a",   "a:x",  "a:1:2",   "[::1", "[]",
					   "[::1]x", "::1", "a,b:x", "\xff", "[::1]:x", "a\"b", "a:80 b" };
	char text[200];

	for (unsigned i = 0; i < sizeof good / sizeof good[0]; i++) {
		snprintf(text, sizeof text, "GET / HTTP/1.1\r\nhOsT: \t%s \t\r\n\r\n", good[i][0]);
		assert_int_equal(http(text), PEEK_COMPLETE);
		assert_span(bytes_head.host, good[i][1]);
	}
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: %s\r\n\r\n", bad[i]);
		if (http(text) != PEEK_ALIEN)
			fail_msg("host %s was taken", bad[i]);
	}
}

static void one_host_or_http_1_0(void **state)
{
	assert_int_equal(http("GET / HTTP/1.1\r\n\r\n"), PEEK_ALIEN);
	assert_int_equal(http("GET / HTTP/1.9\r\n\r\n"), PEEK_ALIEN);
	assert_int_equal(http("GET http://a.example/ HTTP/1.1\r\n\r\n"), PEEK_ALIEN);
	assert_int_equal(http("GET / HTTP/1.1\r\n" HOST "hOST: a.example\r\n\r\n"), PEEK_ALIEN);
	assert_int_equal(http("GET / HTTP/1.0\r\n" HOST HOST "\r\n"), PEEK_ALIEN);
	assert_int_equal(http("GET / HTTP/1.0\r\n\r\n"), PEEK_COMPLETE);
	assert_none(bytes_head.host);
	load("peek_http/curl_10");
	assert_span(bytes_head.host, "127.0.0.1");
}

static void line_ends(void **state)
{
	assert_int_equal(http("GET / HTTP/1.1\nHost: a.example\nX: 1\n\n"), PEEK_COMPLETE);
	assert_span(peek_head_field(&bytes_head, "x"), "1");
	assert_int_equal(http("GET / HTTP/1.1\nHost: a.example\n\r\n"), PEEK_COMPLETE);
	assert_int_equal(http("\r\n\n\r\nGET / HTTP/1.1\r\n" HOST "\n"), PEEK_COMPLETE);
	assert_span(bytes_head.method, "GET");
	assert_int_equal(bytes_head.len, strlen("\r\n\n\r\nGET / HTTP/1.1\r\n" HOST "\n"));
	/* a CR alone is no line end */
	assert_int_equal(http("\rGET"), PEEK_ALIEN);
	assert_int_equal(http("GET / HTTP/1.1\rHost: a\r\n\r\n"), PEEK_ALIEN);
	assert_int_equal(http("GET / HTTP/1.1\r\nHost: a\rX: b\r\n\r\n"), PEEK_ALIEN);
	assert_int_equal(http("GET / HTTP/1.1\r\n" HOST "\rX"), PEEK_ALIEN);
	assert_int_equal(http("GET / HTTP/1.1\r\n" HOST "X: 1\r\r\n\r\n"), PEEK_ALIEN);
}

static void fields(void **state)
{
	assert_int_equal(http("GET / HTTP/1.1\r\n" HOST "Empty:\r\nSpaces: \t a  b\t \r\n"
			      "Colons:a:b\r\nHigh: \xe9\x80\r\nBlank: \t\r\nempty: second\r\n\r\n"),
			 PEEK_COMPLETE);
	assert_int_equal(bytes_head.n_fields, 7);
	assert_span(peek_head_field(&bytes_head, "EMPTY"), "");
	assert_span(peek_head_field(&bytes_head, "spaces"), "a  b");
	assert_span(peek_head_field(&bytes_head, "colons"), "a:b");
	assert_span(peek_head_field(&bytes_head, "high"), "\xe9\x80");
	assert_span(peek_head_field(&bytes_head, "blank"), "");
	assert_none(peek_head_field(&bytes_head, "empt"));
	assert_none(peek_head_field(&bytes_head, "emptyy"));
}

static void malformed(void **state)
{
	static const char *const bad[] = {
		" GET / HTTP/1.1",
		"GET  / HTTP/1.1",
		"GET  H",
		"GET\t/ HTTP/1.1",
		"GET / HTTP/1.1 ",
		"GET /  HTTP/1.1",
		"GET /\r\n",
		"GET\r\n",
		"G\xc4T / HTTP/1.1",
		"G[T / ",
		"GET /a#b",
		"GET /a\x01",
		"GET /a\x7f",
		"GET / http/1.1",
		"GET / HTTP/0.9",
		"GET / HTTP/2.0",
		"GET / HTTP/1.x",
		"GET / HTTP/1.10",
		"GET / HTTP/1.1\r\n folded",
		"GET / HTTP/1.1\r\n" HOST " folded",
		"GET / HTTP/1.1\r\n" HOST "\tfolded",
		"GET / HTTP/1.1\r\nHost : a",
		"GET / HTTP/1.1\r\nHost\r\n",
		"GET / HTTP/1.1\r\n: a",
		"GET / HTTP/1.1\r\nX: a\x01",
		"GET / HTTP/1.1\r\nX: a\x7f",
		"GET / HTTP/1.1\r\nX\xe4: a",
		"GET a.example HTTP/1.1\r\n" HOST "\r\n",
		"GET * HTTP/1.1\r\n" HOST "\r\n",
		"OPTIONS *a HTTP/1.1\r\n" HOST "\r\n",
		"GET http:// HTTP/1.1\r\n" HOST "\r\n",
		"GET http:///p HTTP/1.1\r\n" HOST "\r\n",
		"GET http:/a HTTP/1.1\r\n" HOST "\r\n",
		"GET ://a/ HTTP/1.1\r\n" HOST "\r\n",
		"GET 1http://a/ HTTP/1.1\r\n" HOST "\r\n",
		"GET http://user@a/ HTTP/1.1\r\n" HOST "\r\n",
		"GET http://user:pw@a/ HTTP/1.1\r\n" HOST "\r\n",
		"GET http://a:8x/ HTTP/1.1\r\n" HOST "\r\n",
		"CONNECT / HTTP/1.1\r\n" HOST "\r\n",
		"CONNECT :80 HTTP/1.1\r\n" HOST "\r\n",
		"CONNECT http://a.example/ HTTP/1.1\r\n" HOST "\r\n",
		"GET http://a.example/ HTTP/1.1\r\nHost: a b\r\n\r\n",
		"\x16\x03\x01\x02",
		"SSH-2.0-OpenSSH_9.2p1\r\n",
	};

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		if (http(bad[i]) != PEEK_ALIEN)
			fail_msg("taken: %s", bad[i]);
	/* a NUL is a character like any other that has no place there */
	assert_int_equal(bytes_parse(APPLICATION_HTTP, "GET /\0", 6, 100), PEEK_ALIEN);
	assert_int_equal(bytes_parse(APPLICATION_HTTP, "GET / HTTP/1.1\r\nX: \0", 20, 100), PEEK_ALIEN);
}

static void limits(void **state)
{
	static const char line[] = "GET / HTTP/1.1\r\n" HOST;
	static struct bytes b;
	uint32_t len;

	b.len = 0;
	bytes_add(&b, line, strlen(line));
	for (unsigned i = 1; i < PEEK_MAX_FIELDS; i++)
		bytes_add(&b, "A: b\r\n", 6);
	len = b.len;
	bytes_add(&b, "\r\n", 2);
	assert_int_equal(bytes_parse(APPLICATION_HTTP, b.b, b.len, PEEK_MAX_LEN), PEEK_COMPLETE);
	assert_int_equal(bytes_head.n_fields, PEEK_MAX_FIELDS);
	/* just long enough, and a byte too long */
	assert_int_equal(bytes_parse(APPLICATION_HTTP, b.b, b.len, b.len), PEEK_COMPLETE);
	assert_int_equal(bytes_parse(APPLICATION_HTTP, b.b, b.len, b.len - 1), PEEK_TOO_LONG);
	assert_int_equal(bytes_parse(APPLICATION_HTTP, b.b, b.len - 1, b.len), PEEK_MORE);
	/* a field too many, before its line is complete */
	b.len = len;
	bytes_add(&b, "A", 1);
	assert_int_equal(bytes_parse(APPLICATION_HTTP, b.b, b.len, PEEK_MAX_LEN), PEEK_TOO_LONG);
	assert_int_equal(bytes_parse(APPLICATION_HTTP, "", 0, 0), PEEK_TOO_LONG);
	assert_int_equal(bytes_parse(APPLICATION_HTTP, "", 0, 1), PEEK_MORE);
}

static void longest(void **state)
{
	static struct bytes b;

	/* a host of nearly all there is, and an empty path */
	b.len = 0;
	bytes_add(&b, "GET http://", 11);
	memset(b.b + b.len, 'A', PEEK_MAX_LEN);
	b.len = PEEK_MAX_LEN - 21;
	bytes_add(&b, " HTTP/1.0\r\nHost: \r\n\r\n", 21);
	assert_int_equal(bytes_parse(APPLICATION_HTTP, b.b, b.len, 1000000), PEEK_COMPLETE);
	assert_int_equal(bytes_head.host.len, PEEK_MAX_LEN - 21 - 11);
	assert_span(bytes_head.path, "/");
	memset(b.b, 'A', PEEK_MAX_LEN + 1);
	assert_int_equal(bytes_parse(APPLICATION_HTTP, b.b, PEEK_MAX_LEN + 1, 1000000), PEEK_TOO_LONG);
}

/* Each byte is gone over once: what was there is behind the mark whatever it was. */
static void nothing_is_scanned_twice(void **state)
{
	struct peek_state s = { 0 };
	static struct bytes b;
	uint32_t len = 0;

	bytes_load(&b, "peek_http/chromium");
	while (++len < b.len) {
		assert_int_equal(peek_head(&s, APPLICATION_HTTP, b.b, len, PEEK_MAX_LEN, &bytes_head), PEEK_MORE);
		assert_int_equal(s.scanned, len);
	}
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(heads_of_programs),
		cmocka_unit_test(what_follows_the_head_is_not_read),
		cmocka_unit_test(targets_of_proxies),
		cmocka_unit_test(upgrade_is_http1_and_preface_is_alien),
		cmocka_unit_test(absolute_target_overrides_host),
		cmocka_unit_test(other_targets),
		cmocka_unit_test(host_field),
		cmocka_unit_test(one_host_or_http_1_0),
		cmocka_unit_test(line_ends),
		cmocka_unit_test(fields),
		cmocka_unit_test(malformed),
		cmocka_unit_test(limits),
		cmocka_unit_test(longest),
		cmocka_unit_test(nothing_is_scanned_twice),
	};

	bytes_folder = argv[1];
	return argc == 2 ? cmocka_run_group_tests_name("peek_http", tests, NULL, NULL) : 2;
}
