/* SPDX-License-Identifier: BSD-3-Clause */
#include "migrate/cookie_key.h"

#include <endian.h>
#include <sodium.h>
#include <string.h>

#include "tunnel/secret.h"

_Static_assert(SECRETS_MAX <= COOKIE_KEYS_MAX, "a key for each secret");

/* What is hashed with the secret as key; other uses of the secret hash other words. */
static const char cookie_purpose[] = "baton SYN cookie key, version 1";

static void cookie_key_derive(const unsigned char secret[SECRET_LEN], struct siphash_key *ret)
{
	uint64_t out[2];

	secret_derive(secret, cookie_purpose, (unsigned char *)out, sizeof out);
	ret->k0 = le64toh(out[0]);
	ret->k1 = le64toh(out[1]);
	sodium_memzero(out, sizeof out);
}

int cookie_keyring_load(const char *path, struct cookie_keyring *ret)
{
	struct secrets secrets;
	int err = secrets_load(path, &secrets);

	if (err)
		return err;
	memset(ret, 0, sizeof *ret);
	for (; ret->n_keys < secrets.n; ret->n_keys++)
		cookie_key_derive(secrets.secret[ret->n_keys], &ret->keys[ret->n_keys]);
	secrets_wipe(&secrets);
	return 0;
}
