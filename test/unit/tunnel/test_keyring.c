/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "tunnel/shim.h"

#define A "00112233445566778899aabbccddeeff00112233445566778899aabbccddeeff"
#define A_UPPER "00112233445566778899AABBCCDDEEFF00112233445566778899AABBCCDDEEFF"
#define B "a1b2c3d4e5f60718293a4b5c6d7e8f90a1b2c3d4e5f60718293a4b5c6d7e8f90"

static char folder[] = "/tmp/baton-keyring-XXXXXX";
static char path[64];

static int load_bytes(const void *text, size_t len, mode_t mode, struct shim_keyring *ret)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600), err;

	assert_true(fd >= 0);
	assert_int_equal(write(fd, text, len), len);
	assert_int_equal(fchmod(fd, mode), 0);
	close(fd);
	err = shim_keyring_load(path, ret);
	unlink(path);
	return err;
}

static int load(const char *text, mode_t mode, struct shim_keyring *ret)
{
	return load_bytes(text, strlen(text), mode, ret);
}

static bool same_key(const struct shim_key *a, const struct shim_key *b)
{
	return a->sip.k0 == b->sip.k0 && a->sip.k1 == b->sip.k1 && a->id == b->id;
}

static void test_one_key(void **state)
{
	static const char *const texts[] = {
		A, A "\n", A "\r\n", A "\n\n", A "\r\n\r\n", A_UPPER "\n",
	};
	struct shim_keyring first, ring;

	assert_int_equal(load(A "\n", 0600, &first), 0);
	assert_int_equal(first.n_keys, 1);
	for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_int_equal(load(texts[i], 0400, &ring), 0);
		assert_int_equal(ring.n_keys, 1);
		assert_true(same_key(&ring.keys[0], &first.keys[0]));
	}
	/* the key on the wire is not the secret itself */
	assert_false(first.keys[0].sip.k0 == 0x7766554433221100 || first.keys[0].sip.k0 == 0x0011223344556677);
}

static void test_two_keys(void **state)
{
	static const char *const texts[] = { A "\n" B, A "\n" B "\n", A "\r\n" B "\r\n", A "\n" B "\n\n\n" };
	struct shim_keyring a, b, ring;

	assert_int_equal(load(A, 0600, &a), 0);
	assert_int_equal(load(B, 0600, &b), 0);
	assert_false(a.keys[0].sip.k0 == b.keys[0].sip.k0);
	for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++) {
		assert_int_equal(load(texts[i], 0600, &ring), 0);
		assert_int_equal(ring.n_keys, 2);
		assert_true(same_key(&ring.keys[0], &a.keys[0]));
		assert_true(same_key(&ring.keys[1], &b.keys[0]));
	}
}

/*
 * What every member of a cluster, of whatever build, makes of secret A: BLAKE2b
 * (RFC 7693), 32 bytes, keyed with the secret, of the context's name.
 */
static void test_known_key(void **state)
{
	struct shim_keyring ring;

	assert_int_equal(load(A, 0600, &ring), 0);
	assert_true(ring.keys[0].sip.k0 == 0xfdb92b627f373e4c);
	assert_true(ring.keys[0].sip.k1 == 0x1cfcc2914308c779);
	assert_int_equal(ring.keys[0].id, 0x73);
}

static void assert_refused(const void *text, size_t len, mode_t mode, int err)
{
	struct shim_keyring ring, before;

	memset(&ring, 0x5a, sizeof ring);
	before = ring;
	assert_int_equal(load_bytes(text, len, mode, &ring), err);
	assert_memory_equal(&ring, &before, sizeof ring);
}

static void test_malformed(void **state)
{
	static const char *const texts[] = {
		"",
		"\n",
		"\r\n",
		"secret\n",
		"\n" A "\n",
		" " A "\n",
		A " \n",
		A "0\n",
		A "\t",
		A B "\n",
		A "\n" B "\n" A "\n",
		A "\n" B "\n#\n",
		A "\n"
		  "short\n",
		"g" A "\n",
		"0x" A "\n",
		"0011223344556677 8899aabbccddeeff00112233445566778899aabbccddeeff\n",
		"00:11223344556677:8899aabbccddeeff00112233445566778899aabbccdd\n",
	};
	char big[5000];

	for (unsigned i = 0; i < sizeof texts / sizeof texts[0]; i++)
		assert_refused(texts[i], strlen(texts[i]), 0600, -EINVAL);
	for (size_t len = 0; len < strlen(A); len++)
		assert_refused(A, len, 0600, -EINVAL);
	memset(big, '\n', sizeof big);
	memcpy(big, A, strlen(A));
	assert_refused(big, sizeof big, 0600, -EINVAL);
	big[40] = 0;
	assert_refused(big, strlen(A), 0600, -EINVAL);
}

static void test_equal_ids(void **state)
{
	assert_refused(A "\n" A "\n", 2 * strlen(A) + 2, 0600, -EEXIST);
	assert_refused(A "\n" A_UPPER, 2 * strlen(A) + 1, 0600, -EEXIST);
}

static void test_permissions(void **state)
{
	struct shim_keyring ring;

	for (mode_t mode = 0; mode < 0100; mode++) {
		if (mode == 0)
			assert_int_equal(load(A, 0600, &ring), 0);
		else
			assert_refused(A, strlen(A), 0600 | mode, -EACCES);
	}
}

static void test_not_a_file(void **state)
{
	struct shim_keyring ring;

	assert_int_equal(shim_keyring_load(path, &ring), -ENOENT);
	assert_int_equal(shim_keyring_load(folder, &ring), -EINVAL);
	assert_int_equal(mkfifo(path, 0600), 0);
	assert_int_equal(shim_keyring_load(path, &ring), -EINVAL);
	unlink(path);
}

static int setup(void **state)
{
	if (!mkdtemp(folder))
		return -1;
	snprintf(path, sizeof path, "%s/secret", folder);
	return 0;
}

static int teardown(void **state)
{
	unlink(path);
	return rmdir(folder);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_one_key),    cmocka_unit_test(test_two_keys),  cmocka_unit_test(test_known_key),
		cmocka_unit_test(test_malformed),  cmocka_unit_test(test_equal_ids), cmocka_unit_test(test_permissions),
		cmocka_unit_test(test_not_a_file),
	};

	return cmocka_run_group_tests(tests, setup, teardown);
}
