/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "peek/regex.h"

static struct regex_scratch *scratch;

static struct regex *new_regex(const char *pattern, bool any_case, bool jit)
{
	char why[300] = "";
	struct regex *r = regex_new(pattern, any_case, jit, why, sizeof why);

	if (!r)
		fail_msg("%s: %s", pattern, why);
	return r;
}

static enum regex_result match_bytes(const char *pattern, bool any_case, const void *bytes, uint32_t len)
{
	enum regex_result result[2];

	for (unsigned jit = 0; jit < 2; jit++) {
		struct regex *r = new_regex(pattern, any_case, jit);

		assert_false(!jit && regex_is_jit(r));
		result[jit] = regex_match(r, scratch, (struct peek_span){ bytes, len });
		regex_free(r);
	}
	assert_int_equal(result[0], result[1]);
	return result[0];
}

static enum regex_result match(const char *pattern, const char *subject)
{
	return match_bytes(pattern, false, subject, (uint32_t)strlen(subject));
}

static void matches_anywhere(void **state)
{
	assert_int_equal(match("b+", "aabba"), REGEX_YES);
	assert_int_equal(match("b+", "aaa"), REGEX_NO);
	assert_int_equal(match("", ""), REGEX_YES);
	assert_int_equal(match("a|b", "xxb"), REGEX_YES);
	assert_int_equal(match("^a|b$", "xxb"), REGEX_YES);
	assert_int_equal(match("^a|b$", "xbx"), REGEX_NO);
	assert_int_equal(match("(a)(b)\\2\\1", "xxabba"), REGEX_YES);
	assert_int_equal(match("(?<n>a.)\\k<n>", "xaxabab"), REGEX_YES);
	assert_int_equal(match("^(?:(?=a)a|b)c", "xac"), REGEX_NO);
	assert_int_equal(match("(?<=x)b", "axb"), REGEX_YES);
	assert_int_equal(match("\\bb", "a b"), REGEX_YES);
}

static void anchors_are_where_the_bytes_begin_and_end(void **state)
{
	assert_int_equal(match("^b", "ab"), REGEX_NO);
	assert_int_equal(match("\\Ab", "b"), REGEX_YES);
	assert_int_equal(match("^/api/v[0-9]+/", "/api/v12/x"), REGEX_YES);
	assert_int_equal(match("^/api/v[0-9]+/", "/x/api/v12/x"), REGEX_NO);
	assert_int_equal(match("\\.php$", "/a.php"), REGEX_YES);
	assert_int_equal(match("\\.php$", "/a.php5"), REGEX_NO);
}

static void any_case(void **state)
{
	assert_int_equal(match_bytes("^Shop", true, "sHOP", 4), REGEX_YES);
	assert_int_equal(match_bytes("Shop", false, "xsHOP", 5), REGEX_NO);
}

static void subjects_are_bytes(void **state)
{
	/* not UTF-8, a NUL, a line end, and a character of two bytes */
	assert_int_equal(match_bytes("b$", false, "\xff\xc3\0\nab", 6), REGEX_YES);
	assert_int_equal(match_bytes("^..$", false, "\xc3\xa4", 2), REGEX_YES);
	assert_int_equal(match_bytes("\\x00c", false, "ab\0c", 4), REGEX_YES);
}

static void reasons(void **state)
{
	static const char *const bad[][2] = {
		{ "a(b", "regular expression \"a(b\", at character 3: missing closing parenthesis" },
		{ "a)(b", "regular expression \"a)(b\", at character 1: unmatched closing parenthesis" },
		{ "[z-a]", "regular expression \"[z-a]\", at character 3: range out of order in character class" },
		{ "+a", "quantifier does not follow a repeatable item" },
		{ "a(?R)?b", "recursion into the whole pattern is not supported" },
		{ "a\\g<0>?b", "recursion into the whole pattern is not supported" },
		{ "a(*COMMIT)b", "verbs are not supported" },
		{ "(*UTF)a", "using UTF is disabled by the application" },
		{ "(*NO_JIT)^a", "verbs are not supported" },
		{ "(?x)a # note", "at character 13: missing closing parenthesis" },
	};

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		char why[300] = "";

		assert_null(regex_new(bad[i][0], false, true, why, sizeof why));
		if (!strstr(why, bad[i][1]))
			fail_msg("%s: %s", bad[i][0], why);
	}
	/* what only looks like a verb */
	assert_int_equal(match("\\(*A", "((A"), REGEX_YES);
	assert_int_equal(match("(*atomic:a+)b", "xaab"), REGEX_YES);
}

/* Patterns and subjects that take forever without bounds; that this test ends is what it shows. */
static void pathological(void **state)
{
	static const char *const patterns[] = { "(a+)+$",           "(a|aa)+$",       "([a-z]+)*[0-9]", "(x+x+)+y",
						"(?:a?){30}a{30}b", "(.*)*[0-9]",     "^(a|a?)+$",      "(.*a){20}c",
						"(a*)*[0-9]",       "(?=(a+))a*b\\1$" };
	char bytes[REGEX_SUBJECT_MAX];
	bool bounded = false;

	for (unsigned i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
		for (unsigned jit = 0; jit < 2; jit++) {
			struct regex *r = new_regex(patterns[i], false, jit);
			enum regex_result result;

			memset(bytes, patterns[i][1] == 'x' ? 'x' : 'a', sizeof bytes);
			memcpy(bytes + sizeof bytes - 8, "!by!c#1!", 8);
			result = regex_match(r, scratch, (struct peek_span){ (uint8_t *)bytes, sizeof bytes });
			if (result == REGEX_UNDECIDED)
				bounded = true;
			regex_free(r);
		}
	}
	assert_true(bounded);
	assert_int_equal(match_bytes("^(a|a?)+$", false, bytes, sizeof bytes), REGEX_UNDECIDED);
	/* would take some 100 000 steps, and not match */
	assert_int_equal(match("^(?:a?){16}a{16}b", "aaaaaaaaaaaaaaaacb"), REGEX_UNDECIDED);
	/* and the scratch is as good as before */
	assert_int_equal(match("b+", "aabba"), REGEX_YES);
}

static void long_subjects(void **state)
{
	static char bytes[REGEX_SUBJECT_MAX + 1];

	memset(bytes, 'a', sizeof bytes);
	bytes[REGEX_SUBJECT_MAX - 1] = 'b';
	assert_int_equal(match_bytes("ab", false, bytes, REGEX_SUBJECT_MAX), REGEX_YES);
	assert_int_equal(match_bytes("ab", false, bytes, REGEX_SUBJECT_MAX + 1), REGEX_UNDECIDED);
}

/* Many groups make large frames for the interpreter: within the scratch, or undecided. */
static void large_frames(void **state)
{
	char pattern[2000] = "^";
	size_t len = 1;

	for (unsigned i = 0; i < 200; i++)
		len += (size_t)snprintf(pattern + len, sizeof pattern - len, "(a?)");
	snprintf(pattern + len, sizeof pattern - len, "b");
	for (unsigned i = 0; i < 3; i++) {
		struct regex *r = new_regex(pattern, false, false);

		assert_int_not_equal(regex_match(r, scratch, (struct peek_span){ (const uint8_t *)"aaac", 4 }),
				     REGEX_YES);
		regex_free(r);
		assert_int_equal(match("b+", "aabba"), REGEX_YES);
	}
}

static int setup(void **state)
{
	scratch = regex_scratch_new();
	return scratch ? 0 : -1;
}

static int teardown(void **state)
{
	regex_scratch_free(scratch);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(matches_anywhere), cmocka_unit_test(anchors_are_where_the_bytes_begin_and_end),
		cmocka_unit_test(any_case),         cmocka_unit_test(subjects_are_bytes),
		cmocka_unit_test(reasons),          cmocka_unit_test(pathological),
		cmocka_unit_test(long_subjects),    cmocka_unit_test(large_frames),
	};

	return cmocka_run_group_tests_name("peek_regex", tests, setup, teardown);
}
