/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "bytes.h"

static void any_goes_by_the_first_byte(void **state)
{
	static struct bytes b;

	bytes_load(&b, "peek_tls/chromium");
	assert_int_equal(bytes_parse(APPLICATION_ANY, b.b, b.len, PEEK_MAX_LEN), PEEK_COMPLETE);
	assert_int_equal(bytes_head.kind, PEEK_TLS);
	bytes_load(&b, "peek_http/chromium");
	assert_int_equal(bytes_parse(APPLICATION_ANY, b.b, b.len, PEEK_MAX_LEN), PEEK_COMPLETE);
	assert_int_equal(bytes_head.kind, PEEK_HTTP);
	assert_int_equal(bytes_parse(APPLICATION_ANY, "\x80\x2e\x01\x03\x01", 5, 100), PEEK_ALIEN);
}

static void cleared(void **state)
{
	static const struct baton_affinity session = { .kind = BATON_AFFINITY_TLS_SESSION };

	memset(&bytes_head, 0xa5, sizeof bytes_head);
	peek_head_clear(&bytes_head);
	assert_int_equal(bytes_head.kind, PEEK_NOTHING);
	assert_int_equal(bytes_head.len, 0);
	assert_none(bytes_head.method);
	assert_none(bytes_head.host);
	assert_none(bytes_head.path);
	assert_none(bytes_head.query);
	assert_none(bytes_head.sni);
	assert_int_equal(bytes_head.n_alpn, 0);
	assert_none(peek_head_field(&bytes_head, "Host"));
	assert_none(peek_head_cookie(&bytes_head, "a"));
	assert_none(peek_head_affinity(&bytes_head, &session));
}

/* Into bytes_head: a request with these field lines. */
static void request(const char *lines)
{
	static char text[2000];

	snprintf(text, sizeof text, "GET / HTTP/1.1\r\nHost: a\r\n%s\r\n", lines);
	assert_int_equal(bytes_parse_text(APPLICATION_HTTP, text), PEEK_COMPLETE);
}

static void cookies(void **state)
{
	request("Cookie: a=1; b=2;c=3 ;\td = 4 ; e=\"five\"; f=x=y; g=\r\n");
	assert_span(peek_head_cookie(&bytes_head, "a"), "1");
	assert_span(peek_head_cookie(&bytes_head, "b"), "2");
	assert_span(peek_head_cookie(&bytes_head, "c"), "3");
	assert_span(peek_head_cookie(&bytes_head, "d"), "4");
	assert_span(peek_head_cookie(&bytes_head, "e"), "five");
	assert_span(peek_head_cookie(&bytes_head, "f"), "x=y");
	assert_span(peek_head_cookie(&bytes_head, "g"), "");
	assert_none(peek_head_cookie(&bytes_head, "A"));
	assert_none(peek_head_cookie(&bytes_head, "x"));
	assert_none(peek_head_cookie(&bytes_head, "five"));
}

static void cookies_in_several_fields(void **state)
{
	request("Cookie: a=1\r\nX-Cookie: c=0\r\nCOOKIE: b=2; a=3\r\ncookie:c=4\r\n");
	assert_span(peek_head_cookie(&bytes_head, "a"), "1");
	assert_span(peek_head_cookie(&bytes_head, "b"), "2");
	assert_span(peek_head_cookie(&bytes_head, "c"), "4");
}

static void odd_cookies(void **state)
{
	request("Cookie: ;;a;=b; aa=1 ;q=\"; r=\"x; s=\"\";a=2;\r\n");
	assert_span(peek_head_cookie(&bytes_head, "a"), "2");
	assert_span(peek_head_cookie(&bytes_head, "aa"), "1");
	assert_span(peek_head_cookie(&bytes_head, "q"), "\"");
	assert_span(peek_head_cookie(&bytes_head, "r"), "\"x");
	assert_span(peek_head_cookie(&bytes_head, "s"), "");
	request("Cookie:\r\n");
	assert_none(peek_head_cookie(&bytes_head, "a"));
}

static struct peek_span affinity(uint8_t kind, const char *name)
{
	struct baton_affinity a = { .kind = kind };

	snprintf(a.name, sizeof a.name, "%s", name);
	return peek_head_affinity(&bytes_head, &a);
}

static void affinities_of_http(void **state)
{
	request("X-User: bob\r\nX-Empty:\r\nCookie: sid=7; srv=ab.web2; none=\r\n");
	assert_span(affinity(BATON_AFFINITY_COOKIE, "sid"), "7");
	assert_span(affinity(BATON_AFFINITY_SERVER, "srv"), "ab.web2");
	assert_span(affinity(BATON_AFFINITY_HEADER, "x-user"), "bob");
	assert_none(affinity(BATON_AFFINITY_HEADER, "x-empty"));
	assert_none(affinity(BATON_AFFINITY_HEADER, "x-none"));
	assert_none(affinity(BATON_AFFINITY_COOKIE, "none"));
	assert_none(affinity(BATON_AFFINITY_CLIENT, ""));
	assert_none(affinity(BATON_AFFINITY_SNI, ""));
	assert_none(affinity(BATON_AFFINITY_TLS_SESSION, ""));
}

static void tls(const char *name)
{
	static struct bytes b;

	bytes_load(&b, name);
	assert_int_equal(bytes_parse(APPLICATION_TLS, b.b, b.len, PEEK_MAX_LEN), PEEK_COMPLETE);
}

static void affinities_of_tls(void **state)
{
	tls("peek_tls/openssl_ticket");
	assert_ptr_equal(affinity(BATON_AFFINITY_TLS_SESSION, "").p, bytes_head.ticket.p);
	tls("peek_tls/openssl_session_id");
	assert_ptr_equal(affinity(BATON_AFFINITY_TLS_SESSION, "").p, bytes_head.session_id.p);
	assert_span(affinity(BATON_AFFINITY_SNI, ""), "shop.example.org");
	assert_none(affinity(BATON_AFFINITY_COOKIE, "sid"));
	tls("peek_tls/openssl_nosni");
	assert_none(affinity(BATON_AFFINITY_SNI, ""));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(any_goes_by_the_first_byte),
		cmocka_unit_test(cleared),
		cmocka_unit_test(cookies),
		cmocka_unit_test(cookies_in_several_fields),
		cmocka_unit_test(odd_cookies),
		cmocka_unit_test(affinities_of_http),
		cmocka_unit_test(affinities_of_tls),
	};

	bytes_folder = argv[1];
	return argc == 2 ? cmocka_run_group_tests_name("peek_head", tests, NULL, NULL) : 2;
}
