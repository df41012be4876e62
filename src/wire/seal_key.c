/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/seal.h"

#include <sodium.h>
#include <string.h>

#include "tunnel/secret.h"

_Static_assert(SECRETS_MAX <= SEAL_KEYS_MAX, "a key for each secret");

static void seal_key_derive(const unsigned char secret[SECRET_LEN], const char *purpose, struct seal_key *ret)
{
	unsigned char out[SEAL_KEY_LEN + 1];

	secret_derive(secret, purpose, out, sizeof out);
	memcpy(ret->key, out, SEAL_KEY_LEN);
	ret->id = out[SEAL_KEY_LEN];
	sodium_memzero(out, sizeof out);
}

int seal_keyring_load(const char *path, const char *purpose, struct seal_keyring *ret)
{
	struct secrets secrets;
	int err = secrets_load(path, &secrets);

	if (err)
		return err;
	memset(ret, 0, sizeof *ret);
	for (; ret->n_keys < secrets.n; ret->n_keys++)
		seal_key_derive(secrets.secret[ret->n_keys], purpose, &ret->keys[ret->n_keys]);
	secrets_wipe(&secrets);
	return 0;
}
