/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "batond/ids.h"

#define MAX 4
#define REST 10

static uint16_t get(struct ids *s, uint32_t key)
{
	uint16_t id;

	assert_int_equal(ids_get(s, &key, &id), 0);
	return id;
}

static int make(void **state)
{
	*state = ids_new(MAX, sizeof(uint32_t));
	return *state ? 0 : -1;
}

static int end(void **state)
{
	ids_free(*state);
	return 0;
}

static void test_keys_keep_their_ids(void **state)
{
	struct ids *s = *state;

	assert_int_equal(get(s, 100), 0);
	assert_int_equal(get(s, 200), 1);
	assert_int_equal(get(s, 100), 0);
	ids_retire_all(s);
	assert_int_equal(get(s, 200), 1);
	assert_true(ids_is_retired(s, 0));
	assert_false(ids_is_retired(s, 1));
	assert_int_equal(ids_n(s), 2);
}

static void test_full(void **state)
{
	struct ids *s = *state;
	uint32_t key = 99;
	uint16_t id = 77;

	for (uint32_t i = 0; i < MAX; i++)
		get(s, i);
	assert_int_equal(ids_get(s, &key, &id), -ENOSPC);
	assert_int_equal(id, 77);
	/* retired is not free */
	ids_retire_all(s);
	assert_int_equal(ids_get(s, &key, &id), -ENOSPC);
}

static void test_live_ids_are_never_released(void **state)
{
	struct ids *s = *state;

	get(s, 100);
	for (uint64_t now = 1; now < 100; now += REST)
		assert_false(ids_rest(s, 0, false, now, REST));
	assert_false(ids_rest(s, 3, false, 1000, REST)); /* not given out */
}

static void test_rest_begins_with_the_end_of_use(void **state)
{
	struct ids *s = *state;

	get(s, 100);
	ids_retire_all(s);
	assert_false(ids_rest(s, 0, true, 1000, REST));
	/* in use for long, but the end of it is seen only now */
	assert_false(ids_rest(s, 0, false, 2000, REST));
	assert_false(ids_rest(s, 0, false, 2009, REST));
	assert_false(ids_rest(s, 0, true, 2010, REST)); /* used after all */
	assert_false(ids_rest(s, 0, false, 2011, REST));
	assert_false(ids_rest(s, 0, false, 2020, REST));
	assert_true(ids_rest(s, 0, false, 2021, REST));
	assert_false(ids_is_retired(s, 0));
	assert_int_equal(ids_n(s), 0);
	assert_false(ids_rest(s, 0, false, 3000, REST));
}

static void test_configured_again_while_it_rests(void **state)
{
	struct ids *s = *state;

	get(s, 100);
	ids_retire_all(s);
	assert_false(ids_rest(s, 0, false, 1000, REST));
	assert_int_equal(get(s, 100), 0);
	assert_false(ids_rest(s, 0, false, 2000, REST));
	ids_retire_all(s);
	/* the rest before counts no more */
	assert_false(ids_rest(s, 0, false, 3000, REST));
	assert_true(ids_rest(s, 0, false, 3010, REST));
}

static void test_released_ids_are_used_again(void **state)
{
	struct ids *s = *state;

	get(s, 100);
	get(s, 200);
	get(s, 300);
	ids_retire_all(s);
	get(s, 300);
	ids_rest(s, 1, false, 1000, REST);
	assert_true(ids_rest(s, 1, false, 1010, REST));
	assert_int_equal(ids_n(s), 3); /* 300 stays where it is */
	assert_int_equal(get(s, 400), 1);
	assert_true(ids_is_retired(s, 0));
	assert_int_equal(get(s, 100), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_keys_keep_their_ids, make, end),
		cmocka_unit_test_setup_teardown(test_full, make, end),
		cmocka_unit_test_setup_teardown(test_live_ids_are_never_released, make, end),
		cmocka_unit_test_setup_teardown(test_rest_begins_with_the_end_of_use, make, end),
		cmocka_unit_test_setup_teardown(test_configured_again_while_it_rests, make, end),
		cmocka_unit_test_setup_teardown(test_released_ids_are_used_again, make, end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
