/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <endian.h>
#include <sodium.h>
#include <string.h>

#include "tunnel/siphash.h"

static uint64_t hash(const uint8_t key[16], const void *p, unsigned n_words)
{
	struct siphash_state s;
	struct siphash_key k;

	memcpy(&k.k0, key, 8);
	memcpy(&k.k1, key + 8, 8);
	k.k0 = le64toh(k.k0);
	k.k1 = le64toh(k.k1);
	siphash_init(&s, &k);
	siphash_add_words(&s, p, n_words);
	return siphash_end(&s);
}

/* Key 00 01 … 0f, input 00 01 02 …: the authors' test vectors for whole words, as numbers. */
static void test_vectors(void **state)
{
	static const uint64_t vectors[] = {
		0x726fdb47dd0e0e31, 0x93f5f5799a932462, 0x3f2acc7f57c29bdb, 0xb8ad50c6f649af94,
		0x7127512f72f27cce, 0x0e3ea96b5304a7d0, 0xe612a3cb9ecba951, 0xb78dbfaf3a8d83bd,
	};
	uint8_t key[16], input[64];

	for (unsigned i = 0; i < sizeof key; i++)
		key[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof input; i++)
		input[i] = (uint8_t)i;
	for (unsigned i = 0; i < sizeof vectors / sizeof vectors[0]; i++)
		assert_true(hash(key, input, i) == vectors[i]);
}

static void test_against_libsodium(void **state)
{
	uint8_t key[crypto_shorthash_KEYBYTES], input[512 + 1];
	uint64_t want;

	assert_true(sodium_init() >= 0);
	for (unsigned i = 0; i < 2000; i++) {
		unsigned n_words = i % 65;

		randombytes_buf(key, sizeof key);
		randombytes_buf(input, sizeof input);
		crypto_shorthash((uint8_t *)&want, input + 1, n_words * 8, key);
		assert_true(hash(key, input + 1, n_words) == le64toh(want));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_vectors),
		cmocka_unit_test(test_against_libsodium),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
