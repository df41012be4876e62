/* SPDX-License-Identifier: BSD-3-Clause */
#include "classifier/port_pool.h"
#include "fixture.h"

#include <errno.h>

static void gives_every_port_once(void **state)
{
	bool seen[65536] = { false };
	struct port_pool p;

	assert_int_equal(port_pool_init(&p, 1, 65535, 60), 0);
	for (unsigned i = 0; i < 65535; i++) {
		int port = port_pool_get(&p, SECONDS(1));

		assert_in_range(port, 1, 65535);
		assert_false(seen[port]);
		seen[port] = true;
	}
	assert_int_equal(port_pool_get(&p, SECONDS(1)), -EAGAIN);
	port_pool_fini(&p);
}

/* Even where it was given back at the very end of a second. */
static void rests_for_the_whole_quarantine(void **state)
{
	const uint64_t end = SECONDS(11) - 1;
	struct port_pool p;

	assert_int_equal(port_pool_init(&p, 5000, 5000, 60), 0);
	assert_int_equal(port_pool_get(&p, SECONDS(1)), 5000);
	port_pool_put(&p, 5000, end);
	assert_int_equal(port_pool_get(&p, end), -EAGAIN);
	assert_int_equal(port_pool_get(&p, end + SECONDS(60) - 1), -EAGAIN);
	assert_int_equal(port_pool_get(&p, end + SECONDS(62)), 5000);
	assert_int_equal(port_pool_get(&p, end + SECONDS(1000)), -EAGAIN);
	port_pool_fini(&p);
}

static void oldest_comes_back_first(void **state)
{
	struct port_pool p;

	assert_int_equal(port_pool_init(&p, 10, 12, 5), 0);
	for (int i = 10; i <= 12; i++)
		assert_int_equal(port_pool_get(&p, SECONDS(1)), i);
	port_pool_put(&p, 12, SECONDS(2));
	port_pool_put(&p, 10, SECONDS(3));
	port_pool_put(&p, 11, SECONDS(4));
	assert_int_equal(port_pool_get(&p, SECONDS(8)), 12);
	assert_int_equal(port_pool_get(&p, SECONDS(8)), -EAGAIN);
	assert_int_equal(port_pool_get(&p, SECONDS(9)), 10);
	port_pool_fini(&p);
}

static void absurd_ranges_are_refused(void **state)
{
	struct port_pool p;

	assert_int_equal(port_pool_init(&p, 0, 10, 5), -EINVAL);
	assert_int_equal(port_pool_init(&p, 11, 10, 5), -EINVAL);
	port_pool_fini(&p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(gives_every_port_once),
		cmocka_unit_test(rests_for_the_whole_quarantine),
		cmocka_unit_test(oldest_comes_back_first),
		cmocka_unit_test(absurd_ranges_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
