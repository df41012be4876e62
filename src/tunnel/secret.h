/* SPDX-License-Identifier: BSD-3-Clause */
/* The cluster secret: what all keys between the cluster's stations are made of. */
#ifndef BATON_TUNNEL_SECRET_H
#define BATON_TUNNEL_SECRET_H

#include <stddef.h>

#define SECRET_LEN 32 /* bytes */
#define SECRETS_MAX 2 /* the one in use, and the one before or after it while it rolls */

/* Raw secrets; wipe with secrets_wipe() as soon as keys are derived. */
struct secrets {
	unsigned n;
	unsigned char secret[SECRETS_MAX][SECRET_LEN];
};

/*
 * Read a secret file: one or two lines of 64 hexadecimal digits; the first one
 * signs. 0; -EINVAL malformed, no regular file or too long; -EACCES readable or
 * writable by others than its owner; or -errno of reading. *ret only on 0.
 */
int secrets_load(const char *path, struct secrets *ret);
void secrets_wipe(struct secrets *s);

/*
 * What to tell people about an error of reading keys from a secret file, those
 * of shim_keyring_load() and seal_keyring_load() included. Static storage.
 */
const char *secret_strerror(int err);

/* len (16-64) bytes of key material for one purpose from one secret: BLAKE2b of the purpose's words, keyed by it. */
void secret_derive(const unsigned char secret[SECRET_LEN], const char *purpose, unsigned char *out, size_t len);

#endif
