/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "base/text.h"

static const struct {
	const char *text, *clean; /* clean NULL: it is */
} texts[] = {
	{ "", NULL },
	{ "plain ~ text", NULL },
	{ "gr\xc3\xbc\xc3\x9f", NULL },
	{ "\xe2\x82\xac", NULL },
	{ "\xf0\x9f\x98\x80", NULL },
	{ "\xf4\x8f\xbf\xbf", NULL },
	{ "\xc2\xa0", NULL },
	{ "tab\there", "tab?here" },
	{ "\x1b[31m", "?[31m" },
	{ "\x7f", "?" },
	{ "\xc2\x9b", "??" },
	{ "\x80", "?" },
	{ "\xc0\xaf", "??" },
	{ "\xe0\x80\xaf", "???" },
	{ "\xed\xa0\x80", "???" },
	{ "\xf0\x80\x80\xaf", "????" },
	{ "\xf4\x90\x80\x80", "????" },
	{ "\xf5\x80\x80\x80", "????" },
	{ "half \xe2\x82", "half ??" },
	{ "\xe2(\xac", "?(?" },
};

static void test_texts(void **state)
{
	for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
		char buf[32];

		memcpy(buf, texts[i].text, strlen(texts[i].text) + 1);
		assert_int_equal(text_valid(buf, sizeof buf), !texts[i].clean);
		text_clean(buf, sizeof buf);
		assert_string_equal(buf, texts[i].clean ? texts[i].clean : texts[i].text);
		assert_true(text_valid(buf, sizeof buf));
	}
}

/* Every sequence of three bytes: what was cleaned is valid and no longer. */
static void test_all_of_three(void **state)
{
	for (unsigned n = 0; n < 1u << 24; n += 7) {
		char buf[8] = { (char)(n >> 16), (char)(n >> 8), (char)n };
		size_t len = strlen(buf);

		text_clean(buf, sizeof buf);
		assert_true(text_valid(buf, sizeof buf));
		assert_int_equal(strlen(buf), len);
	}
}

static void test_without_end(void **state)
{
	char ascii[4] = { 'a', 'b', 'c', 'd' }, euro[4] = { 'a', '\xe2', '\x82', '\xac' }, one[1] = { 'x' };

	assert_false(text_valid(ascii, sizeof ascii));
	text_clean(ascii, sizeof ascii);
	assert_string_equal(ascii, "abc");
	text_clean(euro, sizeof euro);
	assert_string_equal(euro, "a");
	text_clean(one, sizeof one);
	assert_string_equal(one, "");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_texts),
		cmocka_unit_test(test_all_of_three),
		cmocka_unit_test(test_without_end),
	};

	return cmocka_run_group_tests_name("text", tests, NULL, NULL);
}
