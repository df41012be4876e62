/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>

#include "base/number.h"

static const struct {
	const char *text;
	uint64_t min, max, n;
} numbers[] = {
	{ "0", 0, 0, 0 },
	{ "7", 7, 7, 7 },
	{ "1", 1, 65535, 1 },
	{ "65535", 1, 65535, 65535 },
	{ "0080", 1, 65535, 80 },
	{ "000000000000000000000000000001", 0, 9, 1 },
	{ "4294967296", 0, UINT64_MAX, 1ull << 32 },
	{ "18446744073709551615", 0, UINT64_MAX, UINT64_MAX },
	{ "18446744073709551615", UINT64_MAX, UINT64_MAX, UINT64_MAX },
};

static const struct {
	const char *text;
	uint64_t min, max;
} refused[] = {
	{ "", 0, UINT64_MAX },
	{ " ", 0, UINT64_MAX },
	{ " 1", 0, UINT64_MAX },
	{ "1 ", 0, UINT64_MAX },
	{ "1\n", 0, UINT64_MAX },
	{ "+1", 0, UINT64_MAX },
	{ "-1", 0, UINT64_MAX },
	{ "-0", 0, UINT64_MAX },
	{ "-", 0, UINT64_MAX },
	{ "0x10", 0, UINT64_MAX },
	{ "1e3", 0, UINT64_MAX },
	{ "1.0", 0, UINT64_MAX },
	{ "ten", 0, UINT64_MAX },
	{ "1/", 0, UINT64_MAX },
	{ "1:", 0, UINT64_MAX },
	{ "\xd9\xa1", 0, UINT64_MAX }, /* a digit, but not ASCII */
	{ "0", 1, 65535 },
	{ "65536", 1, 65535 },
	{ "4294967376", 1, 65535 },                /* 80 in 32 bits */
	{ "18446744073709551616", 0, UINT64_MAX }, /* one more than fits: the sum overflows */
	{ "18446744073709551620", 0, UINT64_MAX }, /* the product does */
	{ "18446744073709551696", 1, 65535 },      /* 80 in 64 bits */
	{ "99999999999999999999999999999999999999", 0, UINT64_MAX },
};

static void test_numbers(void **state)
{
	for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++) {
		uint64_t n = 4711;

		assert_int_equal(number_parse(numbers[i].text, numbers[i].min, numbers[i].max, &n), 0);
		assert_true(n == numbers[i].n);
	}
}

static void test_refused(void **state)
{
	for (size_t i = 0; i < sizeof refused / sizeof *refused; i++) {
		uint64_t n = 4711;

		if (number_parse(refused[i].text, refused[i].min, refused[i].max, &n) != -EINVAL)
			fail_msg("\"%s\" is taken", refused[i].text);
		assert_true(n == 4711);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_numbers),
		cmocka_unit_test(test_refused),
	};

	return cmocka_run_group_tests_name("number", tests, NULL, NULL);
}
