/* SPDX-License-Identifier: BSD-3-Clause */
/* The parts of probes that need no machine around them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/probe_match.h"
#include "agent/probe_verdict.h"

static void test_first_result_counts_at_once(void **state)
{
	struct probe_verdict good = { 0 }, bad = { 0 };

	assert_true(probe_verdict_take(&good, true, 3, 3));
	assert_int_equal(good.state, HEALTH_HEALTHY);
	assert_true(probe_verdict_take(&bad, false, 3, 3));
	assert_int_equal(bad.state, HEALTH_FAILING);
}

static void test_changes_take_as_many_results_as_configured(void **state)
{
	/* g: good, b: bad; upper case: changes the state */
	static const char sequence[] = "GgbbgbbBbggbggGgbgbbBggbgbggG";
	struct probe_verdict v = { 0 };

	for (const char *p = sequence; *p; p++) {
		bool good = *p == 'g' || *p == 'G', changes = *p == 'G' || *p == 'B';

		assert_int_equal(probe_verdict_take(&v, good, 3, 3), changes);
		if (changes)
			assert_int_equal(v.state, good ? HEALTH_HEALTHY : HEALTH_FAILING);
	}
}

static void test_rise_and_fall_differ(void **state)
{
	struct probe_verdict v = { 0 };

	assert_true(probe_verdict_take(&v, true, 2, 1));
	assert_true(probe_verdict_take(&v, false, 2, 1));
	assert_false(probe_verdict_take(&v, true, 2, 1));
	assert_false(probe_verdict_take(&v, false, 2, 1));
	assert_false(probe_verdict_take(&v, true, 2, 1));
	assert_true(probe_verdict_take(&v, true, 2, 1));
}

static void test_status_is_a_code_or_a_range(void **state)
{
	static const char *const wrong[] = { "",     "20",      "2000",     "099",     "600",  "2xx",
					     "200-", "200-199", "200-2999", "200-600", " 200", "-200" };
	struct probe_status_range r = { 0 };

	assert_int_equal(probe_status_parse("204", &r), 0);
	assert_true(r.low == 204 && r.high == 204);
	assert_int_equal(probe_status_parse("200-399", &r), 0);
	assert_true(r.low == 200 && r.high == 399);
	for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++)
		assert_true(probe_status_parse(wrong[i], &r) < 0);
	assert_true(r.low == 200 && r.high == 399);
}

static void test_wanted_status(void **state)
{
	struct probe_config c = { 0 };
	char text[64], tiny[6];

	assert_true(probe_status_wanted(&c, 200));
	assert_false(probe_status_wanted(&c, 201));
	assert_string_equal(probe_status_format(&c, text, sizeof text), "200");
	c.n_status = 2;
	c.status[0] = (struct probe_status_range){ 200, 299 };
	c.status[1] = (struct probe_status_range){ 304, 304 };
	assert_true(probe_status_wanted(&c, 299) && probe_status_wanted(&c, 304));
	assert_false(probe_status_wanted(&c, 300) || probe_status_wanted(&c, 305) || probe_status_wanted(&c, 199));
	assert_string_equal(probe_status_format(&c, text, sizeof text), "200-299,304");
	assert_string_equal(probe_status_format(&c, tiny, sizeof tiny), "200-2");
}

static struct probe_result matched(const struct probe_config *c, long status, const char *body, size_t len)
{
	struct probe_result r;
	regex_t e;

	if (c->body_matches)
		assert_int_equal(regcomp(&e, c->body_matches, REG_EXTENDED | REG_NOSUB | REG_NEWLINE), 0);
	probe_match(c, c->body_matches ? &e : NULL, status, body, len, &r);
	if (c->body_matches)
		regfree(&e);
	return r;
}

static void test_body_is_looked_at(void **state)
{
	static const char body[] = "one\0two\nstate: up\n";
	struct probe_config contains = { .body_contains = (char *)"two" },
			    matches = { .body_matches = (char *)"^state: (up|idle)$" };
	struct probe_result r;

	assert_true(matched(&contains, 200, body, sizeof body - 1).good);
	assert_false(matched(&contains, 200, body, 5).good); /* it ends before */
	assert_true(matched(&matches, 200, body, sizeof body - 1).good);
	r = matched(&matches, 200, body, 10);
	assert_false(r.good);
	assert_string_equal(r.reason, "HTTP 200, body does not match \"^state: (up|idle)$\"");
	r = matched(&contains, 200, "", 0);
	assert_string_equal(r.reason, "HTTP 200, body lacks \"two\"");
	r = matched(&contains, 503, body, sizeof body - 1);
	assert_string_equal(r.reason, "HTTP 503, want 200");
}

static void test_last_line_is_printable(void **state)
{
	char buf[16];

	assert_string_equal(probe_last_line("a\nb c\n\n", 7, buf, sizeof buf), "b c");
	assert_string_equal(probe_last_line("one", 3, buf, sizeof buf), "one");
	assert_string_equal(probe_last_line("x\r\n", 3, buf, sizeof buf), "x");
	assert_string_equal(probe_last_line("\n\n", 2, buf, sizeof buf), "");
	assert_string_equal(probe_last_line("", 0, buf, sizeof buf), "");
	assert_string_equal(probe_last_line("a\033[1m\0b", 7, buf, sizeof buf), "a?[1m?b");
	assert_string_equal(probe_last_line("0123456789abcdefgh", 18, buf, sizeof buf), "0123456789abcde");
}

static void test_reasons_are_cut_and_printable(void **state)
{
	struct probe_result r;
	char text[300], small[64];

	memset(text, 'x', sizeof text);
	text[sizeof text - 1] = 0;
	probe_result_set(&r, false, "%s", text);
	assert_int_equal(strlen(r.reason), HEALTH_REASON_MAX - 1);
	probe_result_set(&r, true, "a\tb\xc3\xa4");
	assert_string_equal(r.reason, "a?b??");
	assert_string_equal(probe_error_text(111, small, sizeof small), "connection refused");
	assert_string_equal(probe_error_text(99999, small, sizeof small), "unknown error");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_first_result_counts_at_once),
		cmocka_unit_test(test_changes_take_as_many_results_as_configured),
		cmocka_unit_test(test_rise_and_fall_differ),
		cmocka_unit_test(test_status_is_a_code_or_a_range),
		cmocka_unit_test(test_wanted_status),
		cmocka_unit_test(test_body_is_looked_at),
		cmocka_unit_test(test_last_line_is_printable),
		cmocka_unit_test(test_reasons_are_cut_and_printable),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
