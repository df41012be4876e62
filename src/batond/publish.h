/* SPDX-License-Identifier: BSD-3-Clause */
/* Keys that views carry. */
#ifndef BATON_BATOND_PUBLISH_H
#define BATON_BATOND_PUBLISH_H

#include "migrate/cookie_key.h"
#include "tunnel/shim.h"

struct config;

struct publish_keys {
	struct shim_keyring shim;
	struct cookie_keyring cookies;
};

/* From the cluster secret: 0, or as shim_keyring_load() with nothing written. */
int publish_keys_load(const struct config *c, struct publish_keys *ret);

#endif
