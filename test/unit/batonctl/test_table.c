/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "batonctl/table.h"

static const struct column columns[] = { { "name", "NAME", COLUMN_TEXT },
					 { "port", "PORT", COLUMN_NUMBER },
					 { "packets", "PACKETS", COLUMN_COUNTER },
					 { "state", "STATE", COLUMN_TEXT },
					 { 0 } };

static void prints(const char *rows_text, const char *before_text, double seconds, const char *expected)
{
	json_t *rows = json_loads(rows_text, 0, NULL), *before = before_text ? json_loads(before_text, 0, NULL) : NULL;
	char *text = NULL;
	size_t size;
	FILE *out = open_memstream(&text, &size);

	assert_non_null(rows);
	table_print(out, columns, rows, before, seconds);
	fclose(out);
	assert_string_equal(text, expected);
	free(text);
	json_decref(rows);
	json_decref(before);
}

static void test_columns_align(void **state)
{
	prints("[{\"name\": \"a\", \"port\": 80, \"packets\": 123456789, \"state\": \"up\"},"
	       " {\"name\": \"longer\", \"port\": 8080, \"packets\": 1, \"state\": \"unreachable\"}]",
	       NULL, 0,
	       "NAME    PORT    PACKETS  STATE\n"
	       "a         80  123456789  up\n"
	       "longer  8080          1  unreachable\n");
}

static void test_no_rows(void **state)
{
	prints("[]", NULL, 0, "NAME  PORT  PACKETS  STATE\n");
}

static void test_what_is_missing_or_odd(void **state)
{
	prints("[{\"name\": \"\", \"port\": null, \"packets\": 1.25, \"state\": \"a\\nb\\u001b[0m\"},"
	       " {\"name\": {}, \"port\": true}, 5]",
	       NULL, 0,
	       "NAME  PORT  PACKETS  STATE\n"
	       "-        -      1.2  a?b?[0m\n"
	       "-      yes        -  -\n"
	       "-        -        -  -\n");
}

static void test_counters_as_growth(void **state)
{
	prints("[{\"name\": \"a\", \"port\": 1, \"packets\": 300, \"state\": \"down\"},"
	       " {\"name\": \"b\", \"port\": 1, \"packets\": 5, \"state\": \"up\"},"
	       " {\"name\": \"new\", \"port\": 1, \"packets\": 5, \"state\": \"up\"}]",
	       "[{\"name\": \"b\", \"port\": 2, \"packets\": 100, \"state\": \"up\"},"
	       " {\"name\": \"a\", \"port\": 1, \"packets\": 100, \"state\": \"up\"}]",
	       2.0,
	       "NAME  PORT  PACKETS/s  STATE\n"
	       "a        1        100  down\n"
	       "b        1          0  up\n"
	       "new      1          -  up\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_columns_align),
		cmocka_unit_test(test_no_rows),
		cmocka_unit_test(test_what_is_missing_or_odd),
		cmocka_unit_test(test_counters_as_growth),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
