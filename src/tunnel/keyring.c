/* SPDX-License-Identifier: BSD-3-Clause */
#include "tunnel/shim.h"

#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <string.h>

#include "tunnel/secret.h"

/* What is hashed with the secret as key; other uses of the secret hash other words. */
static const char shim_purpose[] = "baton shim MAC key, version 1";

static void shim_key_derive(const unsigned char secret[SECRET_LEN], struct shim_key *ret)
{
	unsigned char out[crypto_generichash_BYTES];

	secret_derive(secret, shim_purpose, out, sizeof out);
	memcpy(&ret->sip.k0, out, 8);
	memcpy(&ret->sip.k1, out + 8, 8);
	ret->sip.k0 = le64toh(ret->sip.k0);
	ret->sip.k1 = le64toh(ret->sip.k1);
	ret->id = out[16];
	sodium_memzero(out, sizeof out);
}

int shim_keyring_load(const char *path, struct shim_keyring *ret)
{
	struct shim_keyring keys = { .n_keys = 0 };
	struct secrets secrets;
	int err = secrets_load(path, &secrets);

	if (err)
		return err;
	for (; keys.n_keys < secrets.n; keys.n_keys++)
		shim_key_derive(secrets.secret[keys.n_keys], &keys.keys[keys.n_keys]);
	secrets_wipe(&secrets);
	if (keys.n_keys == 2 && keys.keys[0].id == keys.keys[1].id)
		err = -EEXIST;
	else
		*ret = keys;
	sodium_memzero(&keys, sizeof keys);
	return err;
}
