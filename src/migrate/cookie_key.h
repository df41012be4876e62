/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys of SYN cookies, from the cluster secret. */
#ifndef BATON_MIGRATE_COOKIE_KEY_H
#define BATON_MIGRATE_COOKIE_KEY_H

#include "migrate/cookie.h"

/*
 * Read the cluster secret file: a key for each secret, the first of which makes
 * cookies. 0; -EINVAL malformed, -EACCES readable by others than its owner, or
 * -errno of reading (secret_strerror() tells people). Any thread.
 */
int cookie_keyring_load(const char *path, struct cookie_keyring *ret);

#endif
