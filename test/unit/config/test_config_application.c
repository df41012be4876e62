/* SPDX-License-Identifier: BSD-3-Clause */
/* Mode application: what is read, and every finding. */
#include <errno.h>
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

static const char shop[] =
	"vip = {\n"
	" name = \"shop\"; address = \"10.0.0.100\"; port = 80; mode = \"application\";\n"
	" application = { protocol = \"http\"; };\n"
	" endpoints = ( { name = \"e1\"; host = \"10.0.0.11\"; } );\n"
	" affinity = ( { by = \"client\"; } );\n"
	" pools = ( { name = \"api\"; endpoints = ( { name = \"e2\"; host = \"10.0.0.12\"; } ); } );\n"
	" rules = (\n"
	"  { name = \"one\"; path_prefix = [ \"/api/\" ]; pool = \"api\"; },\n"
	"  { name = \"two\"; method = [ \"PUT\" ]; refuse = \"reset\"; }\n"
	" );\n"
	"};\n";

static int load(struct place *p, const char *from, const char *to)
{
	char *text = place_replaced(shop, from, to);

	place_write(p->device, place_device_text);
	place_vip_add(p, "shop.conf", text);
	free(text);
	return place_load(p);
}

static void loads(struct place *p, const char *from, const char *to)
{
	if (load(p, from, to) != 0 || p->n)
		fail_msg("%s", p->n ? p->errors[0].text : "not loaded");
}

/* One thing replaced gives exactly this finding, an error. */
static void refused(struct place *p, const char *from, const char *to, const char *expected)
{
	assert_int_equal(load(p, from, to), -EINVAL);
	assert_null(p->c);
	assert_string_equal(place_finding(p, 0), expected);
	assert_int_equal(p->n, 1);
}

static void warned(struct place *p, const char *from, const char *to, const char *expected)
{
	assert_int_equal(load(p, from, to), 0);
	assert_string_equal(place_finding(p, 0), expected);
	assert_int_equal(p->n, 1);
}

#define AT "vips/shop.conf"
#define RULE1 "path_prefix = [ \"/api/\" ];"
#define RULE2 "method = [ \"PUT\" ]; refuse = \"reset\";"

static void test_defaults(void **state)
{
	struct place *p = *state;
	const struct config_vip *v;

	loads(p, "protocol = \"http\";", "");
	v = &p->c->vips[0];
	assert_true(v->by_application);
	assert_int_equal(v->mode, BATON_MODE_TUNNEL);
	assert_int_equal(v->application.protocol, APPLICATION_HTTP);
	assert_int_equal(v->application.otherwise, APPLICATION_OTHERWISE_DEFAULT);
	assert_int_equal(v->application.head_max, 8192);
	assert_int_equal(v->application.timeout_ms, 5000);
	assert_int_equal(v->application.attempts, 3);
	assert_int_equal(v->application.mss, 0);
	assert_true(v->application.sack && v->application.timestamps && v->application.window_scaling);
	assert_int_equal(v->affinities[0].by, BATON_AFFINITY_CLIENT);
	assert_int_equal(v->affinities[0].timeout_s, 3600);
	assert_int_equal(v->pools[0].endpoints[0].port, 80);
	assert_int_equal(v->pools[0].endpoints[0].capacity, 50);
}

static void test_everything_that_can_be_said(void **state)
{
	struct place *p = *state;
	const struct config_rule *r;

	loads(p, RULE1,
	      "host = [ \"a.example\", \"*.b.example\", \"*\", \"[2001:db8::1]\" ]; host_regex = [ \"^x\" ];\n"
	      "path = [ \"/x\", \"*\" ]; path_prefix = [ \"/api/\" ]; path_suffix = [ \".png\" ]; path_regex = [ \"y\" "
	      "];\n"
	      "query = [ \"a=1\" ]; query_regex = [ \"b\" ]; method = [ \"GET\", \"M-SEARCH\" ];\n"
	      "parameter = ( { name = \"id\"; value = [ \"1\" ]; } );\n"
	      "header = ( { name = \"X-A\"; prefix = [ \"p\" ]; suffix = [ \"s\" ]; regex = [ \"r\" ]; }, { name = "
	      "\"Y\"; } );\n"
	      "not_cookie = ( { name = \"beta\"; } ); protocol = [ \"http\" ];\n"
	      "client = [ \"192.0.2.0/24\", \"2001:db8::/32\" ]; not_client = [ \"192.0.2.1\" ]; not_path = [ \"/z\" "
	      "];");
	r = &p->c->vips[0].rules[0];
	assert_int_equal(r->texts[CONFIG_CONDITION_HOST][0].n, 4);
	assert_string_equal(r->texts[CONFIG_CONDITION_HOST][0].text[1], "*.b.example");
	assert_int_equal(r->texts[CONFIG_CONDITION_PATH][1].n, 1);
	assert_int_equal(r->fields[CONFIG_FIELD_HEADER][0].n, 2);
	assert_string_equal(r->fields[CONFIG_FIELD_HEADER][0].field[0].values[CONFIG_VALUE_SUFFIX].text[0], "s");
	assert_string_equal(r->fields[CONFIG_FIELD_COOKIE][1].field[0].name, "beta");
	assert_int_equal(r->clients[0].n, 2);
	assert_int_equal(r->clients[1].prefix[0].len, 32);
	assert_int_equal(rules_n(p->c->vips[0].compiled), 2);
	assert_string_equal(rules_name(p->c->vips[0].compiled, 1), "two");
}

static void test_rules_without_conditions_and_names(void **state)
{
	struct place *p = *state;

	loads(p, "name = \"two\"; " RULE2, "pool = \"default\";");
	assert_true(config_rule_is_unconditional(&p->c->vips[0].rules[1]));
	assert_false(config_rule_is_unconditional(&p->c->vips[0].rules[0]));
	assert_string_equal(rules_name(p->c->vips[0].compiled, 1), "2");
}

static void test_mode(void **state)
{
	struct place *p = *state;

	refused(p, "port = 80;", "port = 80; protocol = \"udp\";",
		AT ":2: vip.protocol: mode application is for TCP only");
	refused(p, "host = \"10.0.0.12\";", "host = \"10.0.0.12\"; port = 81;",
		AT ":6: vip.pools[0].endpoints[0].port: 81, but in mode application the server listens on the VIP's "
		   "port, 80");
	refused(p, "{ name = \"e2\"; host = \"10.0.0.12\"; }", "{ host = \"10.0.0.12\"; }, { host = \"10.0.0.12\"; }",
		AT ":6: vip.pools[0].endpoints[1].host: the same host and port as endpoints[0]");
	refused(p, "10.0.0.12", "10.0.0.100",
		AT ":6: vip.pools[0].endpoints[0].host: 10.0.0.100 is the address of VIP \"shop\"; a host has its own");
	warned(p, "host = \"10.0.0.12\";", "host = \"10.0.0.12\"; capacity = 0;",
	       AT ":6: vip.pools[0].endpoints: warning: all have capacity 0; every new connection will be refused");
	warned(p, "port = 80;", "port = 80; unknown = \"hash\";",
	       AT ":2: vip.unknown: warning: \"hash\" guesses among the VIP's own endpoints; a connection to a pool is "
		  "lost");
	refused(p, "protocol = \"http\";", "mss = 500;", AT ":3: vip.application.mss: 500 is less than 536");
	refused(p, "protocol = \"http\";", "head_max = 65536;",
		AT ":3: vip.application.head_max: 65536 is out of range 256-65535");
}

static void test_the_tunnel_is_needed(void **state)
{
	struct place *p = *state;
	char *device = place_replaced(place_device_text, "\"10.0.0.10\", ", "");

	place_write(p->device, device);
	free(device);
	place_vip_add(p, "shop.conf", shop);
	assert_int_equal(place_load(p), -EINVAL);
	assert_string_equal(
		place_finding(p, 0),
		"device.conf:5: lcores[0].tunnel: no IPv4 address, but VIP \"shop\" with mode application needs one");
}

static void test_other_modes_have_none_of_it(void **state)
{
	struct place *p = *state;

	assert_int_equal(load(p, "\"application\"", "\"half-nat\""), -EINVAL);
	assert_int_equal(p->n, 3);
	assert_string_equal(place_finding(p, 0), AT ":3: vip.application: needs mode = \"application\"");
	assert_string_equal(place_finding(p, 1), AT ":6: vip.pools: needs mode = \"application\"");
	assert_string_equal(place_finding(p, 2), AT ":7: vip.rules: needs mode = \"application\"");
}

static void test_other_modes_know_clients_alone(void **state)
{
	struct place *p = *state;

	place_vip_refused(p, "port = 80;", "port = 80; affinity = ( { by = \"sni\"; } );",
			  "vips/web.conf:4: vip.affinity[0]: \"sni\" needs mode = \"application\"");
}

static void test_pools(void **state)
{
	struct place *p = *state;

	refused(p, "name = \"api\";", "name = \"default\";",
		AT ":6: vip.pools[0].name: \"default\" means the VIP's own endpoints; take another name");
	refused(p, "endpoints = ( { name = \"e2\"; host = \"10.0.0.12\"; } );", "",
		AT ":6: vip.pools[0].endpoints: required, but missing");
	refused(p, "{ name = \"e2\"; host = \"10.0.0.12\"; }", "",
		AT ":6: vip.pools[0].endpoints: 0 entries, but at least 1 are needed");
	refused(p, "pools = (", "pools = ( { name = \"api\"; endpoints = ( { host = \"10.0.0.13\"; } ); },",
		AT ":6: vip.pools[1].name: \"api\" is used already by pools[0]");
	warned(p, "pools = (", "pools = ( { name = \"img\"; endpoints = ( { host = \"10.0.0.13\"; } ); },",
	       AT ":6: vip.pools[0].name: warning: no rule leads to \"img\"");
}

static void test_own_endpoints_may_be_missing(void **state)
{
	struct place *p = *state;

	warned(p, "{ name = \"e1\"; host = \"10.0.0.11\"; }", "",
	       AT ":4: vip.endpoints: warning: none; a connection that no rule takes will be refused");
	place_write(p->device, place_device_text);
	place_vip_add(p, "shop.conf",
		      "vip = { name = \"s\"; address = \"10.0.0.100\"; port = 443; mode = \"application\";\n"
		      " application = { protocol = \"tls\"; otherwise = \"reset\"; };\n"
		      " pools = ( { name = \"a\"; endpoints = ( { host = \"10.0.0.11\"; } ); } );\n"
		      " rules = ( { sni = [ \"a.example\" ]; pool = \"a\"; }, { refuse = \"reset\"; } ); };\n");
	assert_int_equal(place_load(p), 0);
	assert_int_equal(p->n, 0);
}

static void test_actions(void **state)
{
	struct place *p = *state;

	refused(p, "refuse = \"reset\";", "pool = \"apo\";",
		AT ":9: vip.rules[1].pool: there is no pool \"apo\"; did you mean \"api\"?");
	refused(p, "refuse = \"reset\";", "pool = \"somewhere-else\";",
		AT ":9: vip.rules[1].pool: there is no pool \"somewhere-else\"");
	refused(p, " refuse = \"reset\";", "", AT ":9: vip.rules[1]: has none of pool, refuse and answer");
	refused(p, "refuse = \"reset\";", "refuse = \"reset\"; pool = \"default\";",
		AT ":9: vip.rules[1]: has more than one of pool, refuse and answer");
	refused(p, "refuse = \"reset\";", "refuse = \"reset\"; answer = { status = 403; };",
		AT ":9: vip.rules[1]: has more than one of pool, refuse and answer");
	refused(p, "refuse = \"reset\";", "answer = { body = \"x\"; };", AT ":9: vip.rules[1].answer: needs a status");
	refused(p, "refuse = \"reset\";", "answer = { status = 204; body = \"x\"; };",
		AT ":9: vip.rules[1].answer: an answer with status 204 has no body");
	refused(p, "refuse = \"reset\";", "answer = { status = 101; };",
		AT ":9: vip.rules[1].answer.status: 101 is out of range 200-599");
	refused(p, "refuse = \"reset\";", "answer = { status = 403; reason = \"a\\nb\"; };",
		AT ":9: vip.rules[1].answer.reason: holds a control character");
	refused(p, "name = \"two\";", "name = \"one\";",
		AT ":9: vip.rules[1].name: \"one\" is used already by rules[0]");
	warned(p, RULE1, "", AT ":9: vip.rules[1]: warning: never reached: rules[0] holds for every connection");
}

static void test_words_of_conditions(void **state)
{
	struct place *p = *state;

	refused(p, RULE1, "path = [ \"api\" ];", AT ":8: vip.rules[0].path[0]: \"api\": a path begins with '/'");
	refused(p, RULE1, "not_path_prefix = [ \"/a?b=1\" ];",
		AT ":8: vip.rules[0].not_path_prefix[0]: \"/a?b=1\": a path ends before '?'; see query and parameter");
	refused(p, RULE1, "method = [ \"get\" ];",
		AT ":8: vip.rules[0].method[0]: \"get\": methods are written in capitals");
	refused(p, RULE1, "host = [ \"a.example:80\" ];",
		AT ":8: vip.rules[0].host[0]: \"a.example:80\" is no host name (without port)");
	refused(p, RULE1, "host = [ \"a.*.example\" ];",
		AT ":8: vip.rules[0].host[0]: \"a.*.example\": '*' stands for all before the first dot or alone; else "
		   "use a regex");
	refused(p, RULE1, "header = ( { name = \"X:\"; } );",
		AT ":8: vip.rules[0].header[0].name: \"X:\" is no name: letters, digits and !#$%&'*+-.^_`|~ only");
	refused(p, RULE1, "header = ( { value = [ \"1\" ]; } );",
		AT ":8: vip.rules[0].header[0].name: required, but missing");
	refused(p, RULE1, "protocol = [ \"ssh\" ];",
		AT ":8: vip.rules[0].protocol[0]: \"ssh\" is not one of http, tls, none");
	refused(p, RULE1, "client = [ \"here\" ];",
		AT ":8: vip.rules[0].client[0]: \"here\" is not an address with prefix length, such as 192.0.2.1/24");
	refused(p, RULE1, "path_prefx = [ \"/\" ];",
		AT ":8: vip.rules[0].path_prefx: unknown key; did you mean \"path_prefix\"?");
}

static void test_conditions_of_the_other_protocol(void **state)
{
	struct place *p = *state;

	refused(p, RULE1, "sni = [ \"a.example\" ];",
		AT ":8: vip.rules[0].sni: is of TLS, but application.protocol is \"http\"");
	refused(p, RULE1, "not_alpn = [ \"h2\" ];",
		AT ":8: vip.rules[0].not_alpn: is of TLS, but application.protocol is \"http\"");
	refused(p, RULE1, "protocol = [ \"none\", \"tls\" ];",
		AT ":8: vip.rules[0].protocol: is of TLS, but application.protocol is \"http\"");
	assert_int_equal(load(p, "protocol = \"http\"", "protocol = \"tls\""), -EINVAL);
	assert_int_equal(p->n, 2);
	assert_string_equal(place_finding(p, 0),
			    AT ":8: vip.rules[0].path_prefix: is of HTTP, but application.protocol is \"tls\"");
	assert_string_equal(place_finding(p, 1),
			    AT ":9: vip.rules[1].method: is of HTTP, but application.protocol is \"tls\"");
	loads(p, "protocol = \"http\"", "protocol = \"any\"");
}

static void test_answers_are_for_http(void **state)
{
	struct place *p = *state;
	char *tls = place_replaced(shop, "protocol = \"http\"", "protocol = \"tls\"");
	char *sni = place_replaced(tls, RULE1, "sni = [ \"a.example\" ];");
	char *answers = place_replaced(sni, RULE2, "answer = { status = 403; };");

	place_write(p->device, place_device_text);
	place_vip_add(p, "shop.conf", answers);
	assert_int_equal(place_load(p), -EINVAL);
	assert_string_equal(place_finding(p, 0),
			    AT ":9: vip.rules[1].answer: is HTTP, but application.protocol is \"tls\"");
	assert_int_equal(p->n, 1);
	free(tls);
	free(sni);
	free(answers);
}

static void test_affinities(void **state)
{
	struct place *p = *state;

	refused(p, "by = \"client\";", "by = \"cookie\";", AT ":5: vip.affinity[0]: \"cookie\" needs a name");
	refused(p, "by = \"client\";", "by = \"client\"; name = \"x\";",
		AT ":5: vip.affinity[0]: \"client\" has no name");
	refused(p, "by = \"client\";", "by = \"cookie\"; name = \"a=b\";",
		AT ":5: vip.affinity[0].name: \"a=b\" is no name: letters, digits and !#$%&'*+-.^_`|~ only");
	refused(p, "by = \"client\";", "by = \"tls-session\";",
		AT ":5: vip.affinity[0]: \"tls-session\" is of TLS, but application.protocol is \"http\"");
	refused(p, "{ by = \"client\"; }", "{ by = \"client\"; }, { by = \"client\"; timeout_s = 5; }",
		AT ":5: vip.affinity[1]: the same as affinity[0]");
	refused(p, "by = \"client\";", "by = \"mood\";",
		AT ":5: vip.affinity[0].by: \"mood\" is not one of client, cookie, header, tls-session, sni, server");
	loads(p, "by = \"client\";", "by = \"server\"; name = \"SERVER\";");
	assert_int_equal(load(p, "{ by = \"client\"; } );\n pools = ( { name = \"api\"; endpoints = ( { name = \"e2\";",
			      "{ by = \"server\"; name = \"S\"; } );\n pools = ( { name = \"api\"; endpoints = ( {"),
			 0);
	assert_int_equal(p->n, 1);
	assert_string_equal(place_finding(p, 0),
			    AT ":6: vip.pools[0].endpoints[0]: warning: has no name for the affinity by \"server\" to "
			       "find it by");
}

static void test_rules_that_do_not_compile(void **state)
{
	static const char expected[] = AT ":9: vip.rules[1]: ";
	struct place *p = *state;

	assert_int_equal(load(p, RULE2, "path_regex = [ \"(\" ]; refuse = \"drop\";"), -EINVAL);
	assert_int_equal(p->n, 1);
	assert_memory_equal(place_finding(p, 0), expected, sizeof expected - 1);
}

static struct config_vip *vip_of(struct config *c)
{
	return &c->vips[0];
}

static struct config *another(struct place *p, const char *from, const char *to)
{
	struct config *c = p->c;

	p->c = NULL;
	loads(p, from, to);
	return c;
}

/* What a reload does: equal rules change places, so that counts go on. */
static void test_rules_are_exchanged_where_they_are_equal(void **state)
{
	struct place *p = *state;
	struct rules *before, *after;
	struct config *old;

	loads(p, "shop", "shop");
	before = vip_of(p->c)->compiled;
	old = another(p, "10.0.0.12", "10.0.0.13"); /* another host, the same rules */
	after = vip_of(p->c)->compiled;
	assert_ptr_not_equal(before, after);
	config_rules_exchange(old, p->c);
	assert_ptr_equal(vip_of(p->c)->compiled, before);
	assert_ptr_equal(vip_of(old)->compiled, after);
	config_rules_exchange(old, p->c);
	assert_ptr_equal(vip_of(p->c)->compiled, after);
	assert_ptr_equal(vip_of(old)->compiled, before);
	config_free(old);
}

static void stays(struct place *p, const char *from, const char *to)
{
	struct config *old;
	struct rules *after;

	loads(p, "shop", "shop");
	old = another(p, from, to);
	after = vip_of(p->c)->compiled;
	config_rules_exchange(old, p->c);
	assert_ptr_equal(vip_of(p->c)->compiled, after);
	config_free(old);
}

static void test_other_rules_begin_anew(void **state)
{
	struct place *p = *state;

	stays(p, "/api/", "/apj/");
	stays(p, "\"PUT\"", "\"PUT\", \"POST\"");
	stays(p, "method", "not_method");
	stays(p, "refuse = \"reset\"", "refuse = \"drop\"");
	stays(p, "name = \"two\"", "name = \"three\"");
	stays(p, "port = 80", "port = 81"); /* another service */
}

static void answer_is(const struct config_answer *a, const char *expected)
{
	char why[CONF_WHY_SIZE], *text = NULL;
	size_t len = 0;

	assert_int_equal(config_answer_render(a, &text, &len, why, sizeof why), 0);
	assert_string_equal(text, expected);
	assert_int_equal(len, strlen(expected));
	free(text);
}

static void test_answers_as_bytes(void **state)
{
	struct config_answer forbidden = { .status = 403, .body = "no\n" };
	struct config_answer moved = { .status = 301, .location = "https://a.example/" };
	struct config_answer own = { .status = 599, .reason = "Out", .content_type = "text/html", .body = "<p>" };
	struct config_answer nothing = { .status = 204 };
	struct config_answer unknown = { .status = 418 };

	answer_is(&forbidden, "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n"
			      "Content-Length: 3\r\nConnection: close\r\n\r\nno\n");
	answer_is(&moved, "HTTP/1.1 301 Moved Permanently\r\nLocation: https://a.example/\r\n"
			  "Content-Length: 0\r\nConnection: close\r\n\r\n");
	answer_is(&own, "HTTP/1.1 599 Out\r\nContent-Type: text/html\r\n"
			"Content-Length: 3\r\nConnection: close\r\n\r\n<p>");
	answer_is(&nothing, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
	answer_is(&unknown, "HTTP/1.1 418 \r\nContent-Length: 0\r\nConnection: close\r\n\r\n");
}

static void test_an_answer_fits_one_segment(void **state)
{
	char body[513], why[CONF_WHY_SIZE], *text = NULL;
	struct config_answer a = { .status = 403, .body = body };
	size_t len, head = strlen("HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain; charset=utf-8\r\n"
				  "Content-Length: 400\r\nConnection: close\r\n\r\n");

	memset(body, 'x', sizeof body);
	body[524 - head] = 0;
	assert_int_equal(config_answer_render(&a, &text, &len, why, sizeof why), 0);
	assert_int_equal(len, 524);
	free(text);
	body[524 - head] = 'x';
	body[524 - head + 1] = 0;
	assert_int_equal(config_answer_render(&a, &text, &len, why, sizeof why), -EINVAL);
	assert_string_equal(why, "the answer has 525 bytes with its headers, but at most 524 are possible");
}

#define T(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_defaults),
		T(test_everything_that_can_be_said),
		T(test_rules_without_conditions_and_names),
		T(test_mode),
		T(test_the_tunnel_is_needed),
		T(test_other_modes_have_none_of_it),
		T(test_other_modes_know_clients_alone),
		T(test_pools),
		T(test_own_endpoints_may_be_missing),
		T(test_actions),
		T(test_words_of_conditions),
		T(test_conditions_of_the_other_protocol),
		T(test_answers_are_for_http),
		T(test_affinities),
		T(test_rules_that_do_not_compile),
		T(test_rules_are_exchanged_where_they_are_equal),
		T(test_other_rules_begin_anew),
		cmocka_unit_test(test_answers_as_bytes),
		cmocka_unit_test(test_an_answer_fits_one_segment),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
