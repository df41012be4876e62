/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "batond/overrides.h"

struct place {
	char dir[48];
	struct overrides *o;
	unsigned n, n_bad;
};

static struct baton_addr address(const char *text)
{
	struct baton_addr a;

	assert_int_equal(baton_addr_parse(text, &a), 0);
	return a;
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);

	snprintf(p->dir, sizeof p->dir, "/tmp/baton-overrides-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	p->o = overrides_open(p->dir, &p->n, &p->n_bad);
	assert_non_null(p->o);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char path[96];

	overrides_close(p->o);
	snprintf(path, sizeof path, "%s/overrides", p->dir);
	unlink(path);
	assert_int_equal(rmdir(p->dir), 0); /* nothing else was left there */
	free(p);
	return 0;
}

static void reopen(struct place *p)
{
	overrides_close(p->o);
	p->o = overrides_open(p->dir, &p->n, &p->n_bad);
	assert_non_null(p->o);
}

static void test_one_port_or_all_of_a_host(void **state)
{
	struct place *p = *state;
	struct baton_addr a = address("10.0.0.11"), b = address("2001:db8::11");

	assert_int_equal(overrides_drain(p->o, &a, 80, "disk is full"), 0);
	assert_int_equal(overrides_drain(p->o, &b, 0, "moves house"), 0);
	assert_string_equal(overrides_find(p->o, &a, 80)->reason, "disk is full");
	assert_null(overrides_find(p->o, &a, 443));
	assert_string_equal(overrides_find(p->o, &b, 443)->reason, "moves house");
	assert_int_equal(overrides_drain(p->o, &b, 443, ""), 0);
	assert_string_equal(overrides_find(p->o, &b, 443)->reason, "");
	assert_string_equal(overrides_find(p->o, &b, 80)->reason, "moves house");
}

static void test_they_outlive_the_program(void **state)
{
	struct place *p = *state;
	struct baton_addr a = address("10.0.0.11"), b = address("2001:db8::11");

	assert_int_equal(overrides_drain(p->o, &a, 80, "a reason, in words"), 0);
	assert_int_equal(overrides_drain(p->o, &b, 53, ""), 0);
	reopen(p);
	assert_int_equal(p->n, 2);
	assert_int_equal(p->n_bad, 0);
	assert_string_equal(overrides_find(p->o, &a, 80)->reason, "a reason, in words");
	assert_true(overrides_find(p->o, &a, 80)->since_s > 1600000000);
	assert_non_null(overrides_find(p->o, &b, 53));
	assert_int_equal(overrides_undrain(p->o, &a, 80), 0);
	reopen(p);
	assert_int_equal(p->n, 1);
	assert_null(overrides_find(p->o, &a, 80));
}

static void test_undrain_what_is_not_drained(void **state)
{
	struct place *p = *state;
	struct baton_addr a = address("10.0.0.11");

	assert_int_equal(overrides_undrain(p->o, &a, 80), -ENOENT);
	assert_int_equal(overrides_drain(p->o, &a, 0, "x"), 0);
	assert_int_equal(overrides_undrain(p->o, &a, 80), -ENOENT); /* the whole host is, not this port */
	assert_int_equal(overrides_undrain(p->o, &a, 0), 0);
}

static void test_bad_reasons(void **state)
{
	struct place *p = *state;
	struct baton_addr a = address("10.0.0.11");
	char longest[OVERRIDE_REASON_MAX + 1];

	memset(longest, 'x', sizeof longest);
	longest[OVERRIDE_REASON_MAX] = 0;
	assert_int_equal(overrides_drain(p->o, &a, 80, longest), -EINVAL);
	longest[OVERRIDE_REASON_MAX - 1] = 0;
	assert_int_equal(overrides_drain(p->o, &a, 80, longest), 0);
	assert_int_equal(overrides_drain(p->o, &a, 81, "two\nlines"), -EINVAL);
	assert_int_equal(overrides_drain(p->o, &a, 81, "a \"quote\""), -EINVAL);
	assert_null(overrides_find(p->o, &a, 81));
}

static void test_full(void **state)
{
	struct place *p = *state;
	struct baton_addr a = address("10.0.0.11");

	for (unsigned i = 1; i <= OVERRIDES_MAX; i++)
		assert_int_equal(overrides_drain(p->o, &a, (uint16_t)i, ""), 0);
	assert_int_equal(overrides_drain(p->o, &a, OVERRIDES_MAX + 1, ""), -ENOSPC);
	assert_int_equal(overrides_drain(p->o, &a, 7, "known ones may change"), 0);
	reopen(p);
	assert_int_equal(p->n, OVERRIDES_MAX);
}

static void test_lines_that_cant_be_read(void **state)
{
	struct place *p = *state;
	struct baton_addr a = address("10.0.0.11");
	char path[96];
	FILE *f;

	snprintf(path, sizeof path, "%s/overrides", p->dir);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs("nonsense\n10.0.0.11 80 1700000000 fine\n10.0.0.12 70000 1700000000 port\n10.0.0 80 1 x\n\n", f);
	fclose(f);
	reopen(p);
	assert_int_equal(p->n, 1);
	assert_int_equal(p->n_bad, 4);
	assert_string_equal(overrides_find(p->o, &a, 80)->reason, "fine");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_one_port_or_all_of_a_host),
		T(test_they_outlive_the_program),
		T(test_undrain_what_is_not_drained),
		T(test_bad_reasons),
		T(test_full),
		T(test_lines_that_cant_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
