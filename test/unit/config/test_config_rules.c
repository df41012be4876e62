/* SPDX-License-Identifier: BSD-3-Clause */
/* What rules mean: from the file's words to the choice for a client's bytes. */
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/schema.h"
#include "peek/rules.h"

#include "place.h"

static struct peek_head head; /* too large for a stack */

/* A VIP with one rule of these conditions, leading to its one pool. */
static struct rules *rules_of(struct place *p, const char *conditions)
{
	char text[1024];

	snprintf(text, sizeof text,
		 "vip = { name = \"shop\"; address = \"10.0.0.100\"; port = 80; mode = \"application\";\n"
		 " application = { protocol = \"any\"; }; endpoints = ( { host = \"10.0.0.11\"; } );\n"
		 " pools = ( { name = \"api\"; endpoints = ( { host = \"10.0.0.12\"; } ); } );\n"
		 " rules = ( { %s pool = \"api\"; } ); };\n",
		 conditions);
	place_write(p->device, place_device_text);
	place_vip_add(p, "shop.conf", text);
	if (place_load(p) != 0)
		fail_msg("%s", p->errors[0].text);
	return p->c->vips[0].compiled;
}

static struct rules_verdict apply(struct rules *r, const char *request)
{
	struct baton_tuple key = { .saddr = { 192, 0, 2, 7 }, .family = BATON_IPV4, .proto = IPPROTO_TCP };
	struct peek_state state = { 0 };
	struct rules_verdict v;
	uint32_t n = (uint32_t)strlen(request);

	memset(&head, 0, sizeof head);
	if (n)
		assert_int_equal(peek_head(&state, APPLICATION_HTTP, (const uint8_t *)request, n, 8192, &head),
				 PEEK_COMPLETE);
	rules_apply(r, 0, &head, &key, &v);
	return v;
}

/* Does the rule with these conditions take the request? */
static bool takes(struct place *p, const char *conditions, const char *request)
{
	return apply(rules_of(p, conditions), request).pool == 1;
}

#define GET(path, more) "GET " path " HTTP/1.1\r\nHost: www.Shop.example:80\r\n" more "\r\n"

static void test_hosts(void **state)
{
	struct place *p = *state;

	assert_true(takes(p, "host = [ \"www.shop.example\" ];", GET("/", "")));
	assert_true(takes(p, "host = [ \"x.example\", \"*.shop.example\" ];", GET("/", "")));
	assert_false(takes(p, "host = [ \"shop.example\" ];", GET("/", "")));
	assert_false(takes(p, "host = [ \"*.www.shop.example\" ];", GET("/", "")));
	assert_true(takes(p, "host = [ \"*\" ];", GET("/", "")));
	assert_false(takes(p, "host = [ \"*\" ];", "GET / HTTP/1.0\r\n\r\n"));
	assert_true(takes(p, "not_host = [ \"*\" ];", "GET / HTTP/1.0\r\n\r\n"));
	assert_true(takes(p, "host_regex = [ \"^www\\\\.\" ];", GET("/", "")));
	assert_false(takes(p, "not_host = [ \"*.shop.example\" ];", GET("/", "")));
	assert_true(takes(p, "not_host_regex = [ \"^api\\\\.\" ];", GET("/", "")));
}

static void test_paths_and_queries(void **state)
{
	struct place *p = *state;

	assert_true(takes(p, "path = [ \"/a\", \"/b\" ];", GET("/b?c=d", "")));
	assert_false(takes(p, "path = [ \"/a\", \"/b\" ];", GET("/bb", "")));
	assert_true(takes(p, "path_prefix = [ \"/api/\" ];", GET("/api/x", "")));
	assert_false(takes(p, "path_prefix = [ \"/api/\" ];", GET("/x/api/", "")));
	assert_true(takes(p, "path_suffix = [ \".png\" ];", GET("/x.png?y", "")));
	assert_false(takes(p, "path_suffix = [ \".png\" ];", GET("/x?y.png", "")));
	assert_true(takes(p, "path_regex = [ \"^/\\\\d+$\" ];", GET("/42", "")));
	assert_false(takes(p, "not_path_regex = [ \"^/\\\\d+$\" ];", GET("/42", "")));
	assert_true(takes(p, "query = [ \"a=1&b=2\" ];", GET("/?a=1&b=2", "")));
	assert_false(takes(p, "query = [ \"a=1\" ];", GET("/?a=1&b=2", "")));
	assert_true(takes(p, "query_regex = [ \"b=\" ];", GET("/?a=1&b=2", "")));
	assert_true(takes(p, "parameter = ( { name = \"b\"; value = [ \"1\", \"2\" ]; } );", GET("/?a=1&b=2", "")));
	assert_false(takes(p, "parameter = ( { name = \"b\"; value = [ \"1\" ]; } );", GET("/?a=1&b=2", "")));
	assert_true(takes(p, "parameter = ( { name = \"b\"; } );", GET("/?a=1&b=2", "")));
	assert_true(takes(p, "not_parameter = ( { name = \"c\"; } );", GET("/?a=1&b=2", "")));
}

static void test_methods_headers_and_cookies(void **state)
{
	struct place *p = *state;

	assert_true(takes(p, "method = [ \"PUT\", \"GET\" ];", GET("/", "")));
	assert_false(takes(p, "not_method = [ \"PUT\", \"GET\" ];", GET("/", "")));
	assert_true(takes(p, "header = ( { name = \"x-a\"; } );", GET("/", "X-A: \r\n")));
	assert_false(takes(p, "header = ( { name = \"x-a\"; } );", GET("/", "X-B: 1\r\n")));
	assert_true(takes(p, "header = ( { name = \"X-A\"; value = [ \"1\" ]; } );", GET("/", "X-A: 1\r\n")));
	assert_true(takes(p, "header = ( { name = \"X-A\"; prefix = [ \"1\" ]; } );", GET("/", "X-A: 12\r\n")));
	assert_true(takes(p, "header = ( { name = \"X-A\"; suffix = [ \"2\" ]; } );", GET("/", "X-A: 12\r\n")));
	assert_true(takes(p, "header = ( { name = \"X-A\"; regex = [ \"^1.$\" ]; } );", GET("/", "X-A: 12\r\n")));
	assert_true(takes(p, "cookie = ( { name = \"s\"; prefix = [ \"v\" ]; } );", GET("/", "Cookie: a=b; s=v1\r\n")));
	assert_false(takes(p, "not_cookie = ( { name = \"s\"; } );", GET("/", "Cookie: a=b; s=v1\r\n")));
	assert_true(takes(p, "not_cookie = ( { name = \"t\"; } );", GET("/", "Cookie: a=b; s=v1\r\n")));
}

static void test_lists_are_joined_by_and(void **state)
{
	struct place *p = *state;

	assert_true(takes(p, "path_prefix = [ \"/a\" ]; path_suffix = [ \"z\" ];", GET("/a/z", "")));
	assert_false(takes(p, "path_prefix = [ \"/a\" ]; path_suffix = [ \"z\" ];", GET("/a/y", "")));
	assert_false(takes(p, "header = ( { name = \"X-A\"; prefix = [ \"1\" ]; suffix = [ \"3\" ]; } );",
			   GET("/", "X-A: 12\r\n")));
	assert_false(takes(p, "header = ( { name = \"X-A\"; }, { name = \"X-B\"; } );", GET("/", "X-A: 12\r\n")));
	assert_false(takes(p, "path = [ \"/\" ]; not_header = ( { name = \"X-A\"; } );", GET("/", "X-A: 12\r\n")));
	assert_true(takes(p, "", GET("/", "")));
}

static void test_clients_and_protocols(void **state)
{
	struct place *p = *state;

	assert_true(takes(p, "client = [ \"198.51.100.0/24\", \"192.0.2.0/29\" ];", GET("/", "")));
	assert_false(takes(p, "client = [ \"192.0.2.8/29\", \"2001:db8::/32\" ];", GET("/", "")));
	assert_false(takes(p, "not_client = [ \"192.0.2.7\" ];", GET("/", "")));
	assert_true(takes(p, "protocol = [ \"tls\", \"http\" ];", GET("/", "")));
	assert_false(takes(p, "not_protocol = [ \"http\" ];", GET("/", "")));
	assert_true(takes(p, "protocol = [ \"none\" ];", ""));
	assert_true(takes(p, "not_path = [ \"/\" ];", ""));
	assert_false(takes(p, "path_prefix = [ \"/\" ];", ""));
}

static void test_server_names(void **state)
{
	struct baton_tuple key = { .family = BATON_IPV4, .proto = IPPROTO_TCP };
	static const char name[] = "WWW.bank.example", h2[] = "h2";
	struct place *p = *state;
	struct rules_verdict v;

	memset(&head, 0, sizeof head);
	head.kind = PEEK_TLS;
	head.sni = (struct peek_span){ (const uint8_t *)name, sizeof name - 1 };
	head.n_alpn = 1;
	head.alpn[0] = (struct peek_span){ (const uint8_t *)h2, 2 };
	rules_apply(rules_of(p, "sni = [ \"*.bank.example\" ]; alpn = [ \"http/1.1\", \"h2\" ];"), 0, &head, &key, &v);
	assert_int_equal(v.pool, 1);
	rules_apply(rules_of(p, "sni = [ \"bank.example\" ];"), 0, &head, &key, &v);
	assert_int_equal(v.pool, 0);
	rules_apply(rules_of(p, "not_alpn = [ \"h2\" ];"), 0, &head, &key, &v);
	assert_int_equal(v.pool, 0);
	rules_apply(rules_of(p, "sni_regex = [ \"bank\" ]; protocol = [ \"tls\" ];"), 0, &head, &key, &v);
	assert_int_equal(v.pool, 1);
}

static const char many[] =
	"vip = { name = \"shop\"; address = \"10.0.0.100\"; port = 80; mode = \"application\";\n"
	" endpoints = ( { host = \"10.0.0.11\"; } ); pools = (\n"
	"  { name = \"one\"; endpoints = ( { host = \"10.0.0.12\"; } ); },\n"
	"  { name = \"two\"; endpoints = ( { host = \"10.0.0.13\"; } ); } );\n"
	" rules = ( { path = [ \"/1\" ]; pool = \"one\"; }, { path = [ \"/2\" ]; pool = \"two\"; },\n"
	"  { path = [ \"/d\" ]; pool = \"default\"; }, { path = [ \"/r\" ]; refuse = \"reset\"; },\n"
	"  { path = [ \"/x\" ]; refuse = \"drop\"; }, { path = [ \"/a\" ]; answer = { status = 404; }; } ); };\n";

static struct rules *many_load(struct place *p)
{
	place_write(p->device, place_device_text);
	place_vip_add(p, "shop.conf", many);
	assert_int_equal(place_load(p), 0);
	return p->c->vips[0].compiled;
}

static void test_actions_and_pool_numbers(void **state)
{
	static const char not_found[] = "HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\nConnection: close\r\n\r\n";
	struct rules *r = many_load(*state);
	struct rules_verdict v;

	assert_int_equal(apply(r, GET("/1", "")).pool, 1);
	assert_int_equal(apply(r, GET("/2", "")).pool, 2);
	v = apply(r, GET("/d", ""));
	assert_int_equal(v.rule, 2);
	assert_int_equal(v.action, RULES_POOL);
	assert_int_equal(v.pool, 0);
	assert_int_equal(apply(r, GET("/r", "")).action, RULES_RESET);
	assert_int_equal(apply(r, GET("/x", "")).action, RULES_DROP);
	v = apply(r, GET("/a", ""));
	assert_int_equal(v.action, RULES_ANSWER);
	assert_int_equal(v.answer_len, strlen(not_found));
	assert_memory_equal(v.answer, not_found, v.answer_len);
	assert_int_equal(apply(r, GET("/", "")).rule, 6);
}

/* What a reload does with a configuration that was read again. */
static void test_hits_go_on_in_equal_rules(void **state)
{
	struct place *p = *state;
	struct config *old;

	many_load(p);
	old = p->c;
	p->c = NULL;
	apply(old->vips[0].compiled, GET("/2", ""));
	apply(old->vips[0].compiled, GET("/2", ""));
	apply(old->vips[0].compiled, GET("/", ""));
	many_load(p);
	assert_int_equal(rules_hits(p->c->vips[0].compiled, 1), 0);
	config_rules_exchange(old, p->c);
	config_free(old);
	assert_int_equal(rules_hits(p->c->vips[0].compiled, 1), 2);
	assert_int_equal(rules_hits(p->c->vips[0].compiled, 6), 1);
	assert_int_equal(apply(p->c->vips[0].compiled, GET("/2", "")).pool, 2);
}

#define T(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_hosts),
		T(test_paths_and_queries),
		T(test_methods_headers_and_cookies),
		T(test_lists_are_joined_by_and),
		T(test_clients_and_protocols),
		T(test_server_names),
		T(test_actions_and_pool_numbers),
		T(test_hits_go_on_in_equal_rules),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
