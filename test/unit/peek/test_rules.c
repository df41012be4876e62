/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <string.h>

#include "bytes.h"
#include "peek/rules.h"

static struct baton_tuple client;

static void client_is(const char *text)
{
	struct baton_addr a;

	assert_int_equal(baton_addr_parse(text, &a), 0);
	client = (struct baton_tuple){ .family = a.family };
	memcpy(client.saddr, a.b, 16);
}

static struct rules *compile(const struct rules_spec *specs, unsigned n)
{
	char why[300] = "";
	unsigned at = 99;
	struct rules *r = rules_new(specs, n, why, sizeof why, &at);

	if (!r)
		fail_msg("rule %u: %s", at, why);
	return r;
}

static void request(const char *target, const char *lines)
{
	static char text[60000]; /* bytes_head points into it */

	snprintf(text, sizeof text, "GET %s HTTP/1.1\r\nHost: Shop.Example\r\n%s\r\n", target, lines);
	assert_int_equal(bytes_parse_text(APPLICATION_HTTP, text), PEEK_COMPLETE);
}

static void hello(const char *name)
{
	static struct bytes b;

	bytes_load(&b, name);
	assert_int_equal(bytes_parse(APPLICATION_TLS, b.b, b.len, PEEK_MAX_LEN), PEEK_COMPLETE);
}

/* Does a rule of this one condition take what is in bytes_head? */
static bool condition_holds(struct rules_condition *c)
{
	struct rules_spec spec = { .n_conditions = 1, .conditions = c, .action = RULES_POOL, .pool = 3 };
	struct rules *r = compile(&spec, 1);
	struct rules_verdict v;

	rules_apply(r, 0, &bytes_head, &client, &v);
	assert_int_equal(v.pool, v.rule == 0 ? 3 : 0);
	assert_int_equal(v.action, RULES_POOL);
	rules_free(r);
	return v.rule == 0;
}

static bool holds(uint8_t subject, const char *name, uint8_t match, const char *text)
{
	struct rules_pattern p = { match, (char *)text };
	struct rules_condition c = { .subject = subject, .name = (char *)name, .n_patterns = 1, .patterns = &p };
	bool plain = condition_holds(&c);

	c.negate = true;
	assert_int_equal(condition_holds(&c), !plain);
	return plain;
}

static void ways_to_compare(void **state)
{
	request("/img/a.png", "");
	assert_true(holds(RULES_PATH, NULL, RULES_EXACT, "/img/a.png"));
	assert_false(holds(RULES_PATH, NULL, RULES_EXACT, "/img/a.pn"));
	assert_false(holds(RULES_PATH, NULL, RULES_EXACT, "/img/a.png2"));
	assert_false(holds(RULES_PATH, NULL, RULES_EXACT, "/IMG/a.png"));
	assert_true(holds(RULES_PATH, NULL, RULES_PREFIX, "/img/"));
	assert_true(holds(RULES_PATH, NULL, RULES_PREFIX, "/img/a.png"));
	assert_false(holds(RULES_PATH, NULL, RULES_PREFIX, "/img/a.png2"));
	assert_false(holds(RULES_PATH, NULL, RULES_PREFIX, "img/"));
	assert_true(holds(RULES_PATH, NULL, RULES_SUFFIX, ".png"));
	assert_false(holds(RULES_PATH, NULL, RULES_SUFFIX, ".PNG"));
	assert_false(holds(RULES_PATH, NULL, RULES_SUFFIX, "x/img/a.png"));
	assert_true(holds(RULES_PATH, NULL, RULES_REGEX, "[a-c]\\.png$"));
	assert_false(holds(RULES_PATH, NULL, RULES_REGEX, "^[a-c]\\.png$"));
	assert_true(holds(RULES_PATH, NULL, RULES_PRESENT, NULL));
}

static void subjects_of_http(void **state)
{
	request("/p?a=1&b&c=x%20y&a=2&aa=3", "Cookie: sid=7; sid=8\r\nX-A: one\r\nx-a: two\r\nX-Empty:\r\n");
	assert_true(holds(RULES_METHOD, NULL, RULES_EXACT, "GET"));
	assert_false(holds(RULES_METHOD, NULL, RULES_EXACT, "get"));
	assert_true(holds(RULES_HOST, NULL, RULES_EXACT, "SHOP.example"));
	assert_true(holds(RULES_HOST, NULL, RULES_SUFFIX, ".EXAMPLE"));
	assert_true(holds(RULES_HOST, NULL, RULES_REGEX, "^SHOP\\."));
	assert_true(holds(RULES_PATH, NULL, RULES_EXACT, "/p"));
	assert_true(holds(RULES_QUERY, NULL, RULES_PREFIX, "a=1&"));
	assert_true(holds(RULES_QUERY, "a", RULES_EXACT, "1"));
	assert_true(holds(RULES_QUERY, "a", RULES_EXACT, "2"));
	assert_false(holds(RULES_QUERY, "a", RULES_EXACT, "3"));
	assert_false(holds(RULES_QUERY, "a", RULES_SUFFIX, "3"));
	assert_true(holds(RULES_QUERY, "b", RULES_PRESENT, NULL));
	assert_false(holds(RULES_QUERY, "b", RULES_PREFIX, "&"));
	assert_true(holds(RULES_QUERY, "c", RULES_EXACT, "x%20y"));
	assert_false(holds(RULES_QUERY, "d", RULES_PRESENT, NULL));
	assert_true(holds(RULES_HEADER, "X-a", RULES_EXACT, "one"));
	assert_true(holds(RULES_HEADER, "X-a", RULES_EXACT, "two"));
	assert_false(holds(RULES_HEADER, "X-a", RULES_EXACT, "three"));
	assert_true(holds(RULES_HEADER, "x-empty", RULES_PRESENT, NULL));
	assert_false(holds(RULES_HEADER, "x-none", RULES_PRESENT, NULL));
	assert_true(holds(RULES_COOKIE, "sid", RULES_EXACT, "7"));
	assert_false(holds(RULES_COOKIE, "sid", RULES_EXACT, "8"));
	assert_false(holds(RULES_COOKIE, "SID", RULES_PRESENT, NULL));
	assert_true(holds(RULES_PROTOCOL, NULL, RULES_EXACT, "http"));
	assert_false(holds(RULES_PROTOCOL, NULL, RULES_EXACT, "tls"));
	assert_false(holds(RULES_SNI, NULL, RULES_PRESENT, NULL));
	assert_false(holds(RULES_ALPN, NULL, RULES_PRESENT, NULL));
}

static void subjects_of_tls(void **state)
{
	hello("peek_tls/chromium");
	assert_true(holds(RULES_SNI, NULL, RULES_EXACT, "Shop.Example.org"));
	assert_true(holds(RULES_SNI, NULL, RULES_REGEX, "^SHOP"));
	assert_true(holds(RULES_ALPN, NULL, RULES_EXACT, "h2"));
	assert_true(holds(RULES_ALPN, NULL, RULES_EXACT, "http/1.1"));
	assert_false(holds(RULES_ALPN, NULL, RULES_EXACT, "h3"));
	assert_true(holds(RULES_PROTOCOL, NULL, RULES_EXACT, "tls"));
	assert_false(holds(RULES_HOST, NULL, RULES_PRESENT, NULL));
	assert_false(holds(RULES_PATH, NULL, RULES_PRESENT, NULL));
	peek_head_clear(&bytes_head);
	assert_true(holds(RULES_PROTOCOL, NULL, RULES_EXACT, "none"));
	assert_false(holds(RULES_PROTOCOL, NULL, RULES_EXACT, "http"));
	assert_false(holds(RULES_SNI, NULL, RULES_PRESENT, NULL));
}

static void clients(void **state)
{
	struct baton_prefix p[2];
	struct rules_condition c = { .subject = RULES_CLIENT, .n_prefixes = 2, .prefixes = p };

	assert_int_equal(baton_prefix_parse("10.0.0.0/8", &p[0]), 0);
	assert_int_equal(baton_prefix_parse("2001:db8::/32", &p[1]), 0);
	peek_head_clear(&bytes_head);
	client_is("10.1.2.3");
	assert_true(condition_holds(&c));
	client_is("2001:db8::1");
	assert_true(condition_holds(&c));
	client_is("11.1.2.3");
	assert_false(condition_holds(&c));
	c.negate = true;
	assert_true(condition_holds(&c));
}

static void first_rule_all_conditions_any_pattern(void **state)
{
	struct rules_pattern paths[] = { { RULES_PREFIX, (char *)"/a" }, { RULES_PREFIX, (char *)"/b" } };
	struct rules_pattern host[] = { { RULES_EXACT, (char *)"shop.example" } };
	struct rules_pattern other[] = { { RULES_EXACT, (char *)"other.example" } };
	struct rules_condition both[] = { { .subject = RULES_PATH, .n_patterns = 2, .patterns = paths },
					  { .subject = RULES_HOST, .n_patterns = 1, .patterns = other } };
	struct rules_condition first[] = { both[0], { .subject = RULES_HOST, .n_patterns = 1, .patterns = host } };
	struct rules_spec specs[] = {
		{ .name = (char *)"never", .n_conditions = 2, .conditions = both, .action = RULES_DROP },
		{ .n_conditions = 2, .conditions = first, .pool = 5 },
		{ .name = (char *)"rest",
		  .action = RULES_ANSWER,
		  .answer = (char *)"HTTP/1.1 404\r\n\r\n",
		  .answer_len = 16 },
		{ .name = (char *)"behind", .action = RULES_RESET },
	};
	struct rules *r = compile(specs, 4);
	struct rules_verdict v;

	assert_int_equal(rules_n(r), 4);
	assert_string_equal(rules_name(r, 0), "never");
	assert_string_equal(rules_name(r, 1), "2");
	request("/bx", "");
	rules_apply(r, 0, &bytes_head, &client, &v);
	assert_int_equal(v.rule, 1);
	assert_int_equal(v.action, RULES_POOL);
	assert_int_equal(v.pool, 5);
	assert_null(v.answer);
	request("/c", "");
	rules_apply(r, 31, &bytes_head, &client, &v);
	assert_int_equal(v.rule, 2);
	assert_int_equal(v.action, RULES_ANSWER);
	assert_int_equal(v.answer_len, 16);
	assert_memory_equal(v.answer, "HTTP/1.1 404\r\n\r\n", 16);
	rules_apply(r, 0, &bytes_head, &client, &v);
	/* who speaks no HTTP gets no HTTP */
	hello("peek_tls/curl13");
	rules_apply(r, 0, &bytes_head, &client, &v);
	assert_int_equal(v.rule, 2);
	assert_int_equal(v.action, RULES_RESET);
	assert_int_equal(rules_hits(r, 0), 0);
	assert_int_equal(rules_hits(r, 1), 1);
	assert_int_equal(rules_hits(r, 2), 3);
	assert_int_equal(rules_hits(r, 4), 0);
	rules_free(r);
}

static void no_rule(void **state)
{
	struct rules *r = compile(NULL, 0);
	struct rules_verdict v = { .action = 9, .pool = 9 };

	peek_head_clear(&bytes_head);
	rules_apply(r, 7, &bytes_head, &client, &v);
	assert_int_equal(v.rule, 0);
	assert_int_equal(v.action, RULES_POOL);
	assert_int_equal(v.pool, 0);
	assert_int_equal(rules_n(r), 0);
	assert_int_equal(rules_hits(r, 0), 1);
	rules_free(r);
	rules_free(NULL);
}

/* What was compiled does not need what it was compiled from. */
static void copies_are_kept(void **state)
{
	char text[] = "/a", name[] = "rule", answer[] = "HTTP/1.1 200\r\n\r\n";
	struct rules_pattern p = { RULES_EXACT, text };
	struct rules_condition c = { .subject = RULES_PATH, .n_patterns = 1, .patterns = &p };
	struct rules_spec spec = { .name = name,
				   .n_conditions = 1,
				   .conditions = &c,
				   .action = RULES_ANSWER,
				   .answer = answer,
				   .answer_len = sizeof answer - 1 };
	struct rules *r = compile(&spec, 1);
	struct rules_verdict v;

	memset(text, 'x', sizeof text);
	memset(name, 'x', sizeof name);
	memset(answer, 'x', sizeof answer);
	memset(&c, 0, sizeof c);
	memset(&spec, 0, sizeof spec);
	request("/a", "");
	rules_apply(r, 0, &bytes_head, &client, &v);
	assert_int_equal(v.rule, 0);
	assert_string_equal(rules_name(r, 0), "rule");
	assert_memory_equal(v.answer, "HTTP/1.1 200\r\n\r\n", v.answer_len);
	rules_free(r);
}

/* Neither it nor its opposite holds, other patterns still do, and it is counted. */
static void undecided(void **state)
{
	char path[1500];
	struct rules_pattern p[] = { { RULES_REGEX, (char *)"^/.*b" }, { RULES_SUFFIX, (char *)"z" } };
	struct rules_condition c[] = { { .subject = RULES_PATH, .n_patterns = 1, .patterns = p },
				       { .subject = RULES_PATH, .n_patterns = 1, .patterns = p, .negate = true },
				       { .subject = RULES_PATH, .n_patterns = 2, .patterns = p } };
	struct rules_spec specs[] = { { .n_conditions = 1, .conditions = &c[0] },
				      { .n_conditions = 1, .conditions = &c[1] },
				      { .n_conditions = 1, .conditions = &c[2] } };
	struct rules *r = compile(specs, 3);
	struct rules_verdict v;

	memset(path, 'b', sizeof path);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	request(path, "");
	rules_apply(r, 2, &bytes_head, &client, &v);
	assert_int_equal(v.rule, 3);
	assert_int_equal(rules_undecided(r), 3);
	path[sizeof path - 2] = 'z';
	request(path, "");
	rules_apply(r, 3, &bytes_head, &client, &v);
	assert_int_equal(v.rule, 2);
	assert_int_equal(rules_undecided(r), 5);
	request("/b", "");
	rules_apply(r, 2, &bytes_head, &client, &v);
	assert_int_equal(v.rule, 0);
	assert_int_equal(rules_undecided(r), 5);
	rules_free(r);
}

/* After some that could not be decided, no more regular expressions are tried for this client. */
static void patience_ends(void **state)
{
	struct rules_pattern slow[8], quick = { RULES_REGEX, (char *)"^/a" };
	struct rules_condition c[] = { { .subject = RULES_PATH, .n_patterns = 8, .patterns = slow },
				       { .subject = RULES_PATH, .n_patterns = 1, .patterns = &quick } };
	struct rules_spec specs[] = { { .n_conditions = 1, .conditions = &c[0] },
				      { .n_conditions = 1, .conditions = &c[1] } };
	char path[1000];
	struct rules *r;
	struct rules_verdict v;

	for (unsigned i = 0; i < 8; i++)
		slow[i] = (struct rules_pattern){ RULES_REGEX, (char *)"(a+)+[0-9]" };
	r = compile(specs, 2);
	memset(path, 'a', sizeof path);
	path[0] = '/';
	path[sizeof path - 1] = '\0';
	request(path, "");
	rules_apply(r, 0, &bytes_head, &client, &v);
	assert_int_equal(v.rule, 2);
	assert_int_equal(rules_undecided(r), 2);
	request("/aaa", "");
	rules_apply(r, 0, &bytes_head, &client, &v);
	assert_int_equal(v.rule, 1);
	rules_free(r);
}

/* Nor does a client get more work done by saying much: 100 values of 300 bytes for two expressions. */
static void budget_ends(void **state)
{
	struct rules_pattern p[] = { { RULES_REGEX, (char *)"^b" }, { RULES_REGEX, (char *)"^c" } };
	struct rules_condition c[] = {
		{ .subject = RULES_HEADER, .name = (char *)"x", .n_patterns = 1, .patterns = &p[0] },
		{ .subject = RULES_HEADER, .name = (char *)"x", .n_patterns = 1, .patterns = &p[1], .negate = true },
	};
	struct rules_spec specs[] = { { .n_conditions = 1, .conditions = &c[0] },
				      { .n_conditions = 1, .conditions = &c[1] } };
	struct rules *r = compile(specs, 2);
	struct rules_verdict v;
	static char lines[50000];
	size_t len = 0;

	for (unsigned i = 0; i < 100; i++) {
		len += (size_t)snprintf(lines + len, sizeof lines - len, "X: %0300u\r\n", i);
		if (i == 50) {
			request("/", lines);
			rules_apply(r, 0, &bytes_head, &client, &v);
			assert_int_equal(v.rule, 1);
			assert_int_equal(rules_undecided(r), 0);
		}
	}
	request("/", lines);
	rules_apply(r, 0, &bytes_head, &client, &v);
	assert_int_equal(v.rule, 2);
	assert_int_equal(rules_undecided(r), 1);
	rules_free(r);
}

struct refusal {
	const char *text;
	struct rules_condition condition;
	struct rules_pattern pattern;
};

static void refused_conditions(void **state)
{
	static char x[] = "x", colon[] = "a:b", empty[] = "", ftp[] = "ftp", open[] = "a(", http[] = "http";
	static struct baton_prefix all = { .addr.family = BATON_IPV4 };
	static const struct refusal bad[] = {
		{ "about nothing known", { .subject = RULES_N_SUBJECTS }, { RULES_EXACT, x } },
		{ "no known way", { .subject = RULES_PATH }, { RULES_PRESENT + 1, x } },
		{ "pattern is empty", { .subject = RULES_PATH }, { RULES_PREFIX, empty } },
		{ "pattern is empty", { .subject = RULES_PATH }, { RULES_REGEX, NULL } },
		{ "name of a header or cookie", { .subject = RULES_HEADER }, { RULES_EXACT, x } },
		{ "name of a header or cookie", { .subject = RULES_HEADER, .name = colon }, { RULES_EXACT, x } },
		{ "name of a header or cookie", { .subject = RULES_COOKIE, .name = empty }, { RULES_EXACT, x } },
		{ "name of a parameter", { .subject = RULES_QUERY, .name = empty }, { RULES_EXACT, x } },
		{ "a protocol is", { .subject = RULES_PROTOCOL }, { RULES_EXACT, ftp } },
		{ "a protocol is", { .subject = RULES_PROTOCOL }, { RULES_PREFIX, http } },
		{ "needs prefixes", { .subject = RULES_CLIENT }, { RULES_EXACT, x } },
		{ "needs prefixes",
		  { .subject = RULES_CLIENT, .n_prefixes = 1, .prefixes = &all },
		  { RULES_EXACT, x } },
		{ "\"a(\", at character 2: missing closing", { .subject = RULES_PATH }, { RULES_REGEX, open } },
	};

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		struct rules_condition c = bad[i].condition;
		struct rules_pattern p = bad[i].pattern;
		struct rules_spec specs[] = { { .pool = 1 }, { .n_conditions = 1, .conditions = &c } };
		unsigned at = 99;
		char why[300] = "";

		c.n_patterns = 1;
		c.patterns = &p;
		assert_null(rules_new(specs, 2, why, sizeof why, &at));
		assert_int_equal(at, 1);
		if (!strstr(why, bad[i].text))
			fail_msg("%u: %s", i, why);
	}
}

static void refused_rules(void **state)
{
	static char longest[RULES_NAME_MAX + 1], same[] = "same", second[] = "2";
	struct rules_condition none = { .subject = RULES_PATH };
	const struct rules_spec bad[][2] = {
		{ { .pool = 1 }, { .action = RULES_ANSWER + 1 } },
		{ { .pool = 1 }, { .action = RULES_ANSWER } },
		{ { .pool = 1 }, { .name = longest } },
		{ { .name = same }, { .name = same } },
		{ { .name = second }, { .pool = 1 } },
		{ { .pool = 1 }, { .n_conditions = 1, .conditions = &none } },
	};
	static struct rules_spec many[APPLICATION_MAX_RULES + 1];
	unsigned at = 99;
	char why[300] = "";

	memset(longest, 'a', RULES_NAME_MAX);
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_null(rules_new(bad[i], 2, why, sizeof why, &at));
		assert_int_equal(at, 1);
	}
	longest[RULES_NAME_MAX - 1] = '\0';
	rules_free(compile(bad[2], 2));
	assert_null(rules_new(many, APPLICATION_MAX_RULES + 1, why, sizeof why, &at));
	rules_free(compile(many, APPLICATION_MAX_RULES));
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ways_to_compare),
		cmocka_unit_test(subjects_of_http),
		cmocka_unit_test(subjects_of_tls),
		cmocka_unit_test(clients),
		cmocka_unit_test(first_rule_all_conditions_any_pattern),
		cmocka_unit_test(no_rule),
		cmocka_unit_test(copies_are_kept),
		cmocka_unit_test(undecided),
		cmocka_unit_test(patience_ends),
		cmocka_unit_test(budget_ends),
		cmocka_unit_test(refused_conditions),
		cmocka_unit_test(refused_rules),
	};

	bytes_folder = argv[1];
	return argc == 2 ? cmocka_run_group_tests_name("peek_rules", tests, NULL, NULL) : 2;
}
