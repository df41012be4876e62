/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "migrate/cookie_key.h"
#include "tunnel/shim.h"

#define ONE "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"
#define TWO "ff0102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f\n"

static char path[] = "/tmp/baton-cookie-key-XXXXXX";

static void secret(const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	close(fd);
	return 0;
}

static int teardown(void **state)
{
	return unlink(path);
}

static void test_a_key_for_each_secret(void **state)
{
	struct cookie_keyring one, two;

	secret(ONE);
	assert_int_equal(cookie_keyring_load(path, &one), 0);
	assert_int_equal(one.n_keys, 1);
	secret(TWO ONE);
	assert_int_equal(cookie_keyring_load(path, &two), 0);
	assert_int_equal(two.n_keys, 2);
	assert_memory_equal(&two.keys[1], &one.keys[0], sizeof one.keys[0]);
	assert_memory_not_equal(&two.keys[0], &two.keys[1], sizeof one.keys[0]);
}

static void test_the_shim_has_other_keys(void **state)
{
	struct cookie_keyring cookies;
	struct shim_keyring shim;

	secret(ONE);
	assert_int_equal(cookie_keyring_load(path, &cookies), 0);
	assert_int_equal(shim_keyring_load(path, &shim), 0);
	assert_memory_not_equal(&cookies.keys[0], &shim.keys[0].sip, sizeof cookies.keys[0]);
}

/* Another device has to come to the same: BLAKE2b-128 of the purpose's words, keyed by the secret. */
static void test_the_derivation_stays(void **state)
{
	struct cookie_keyring k;

	secret(ONE);
	assert_int_equal(cookie_keyring_load(path, &k), 0);
	assert_int_equal(k.keys[0].k0, 0x8f93122eba68e396ull);
	assert_int_equal(k.keys[0].k1, 0xf0f87bfa633dc489ull);
}

static void test_bad_files_change_nothing(void **state)
{
	struct cookie_keyring k = { .n_keys = 99 };

	secret("nonsense\n");
	assert_int_equal(cookie_keyring_load(path, &k), -EINVAL);
	assert_int_equal(cookie_keyring_load("/nonexistent", &k), -ENOENT);
	secret(ONE);
	assert_int_equal(chmod(path, 0644), 0);
	assert_int_equal(cookie_keyring_load(path, &k), -EACCES);
	assert_int_equal(chmod(path, 0600), 0);
	assert_int_equal(k.n_keys, 99);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_a_key_for_each_secret),
		cmocka_unit_test(test_the_shim_has_other_keys),
		cmocka_unit_test(test_the_derivation_stays),
		cmocka_unit_test(test_bad_files_change_nothing),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
