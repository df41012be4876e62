/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Operator's overrides on this device: endpoints that get no new connections,
 * whatever configuration and health say. Kept in RUN_DIR/overrides over a
 * restart of batond. Control thread; telemetry reads under the lock.
 */
#ifndef BATON_BATOND_OVERRIDES_H
#define BATON_BATOND_OVERRIDES_H

#include <stdint.h>

#include "baton/addr.h"

#define OVERRIDES_MAX 1024
#define OVERRIDE_REASON_MAX 128

struct override {
	struct baton_addr host;
	uint16_t port;    /* host order; 0: every application of the host */
	uint64_t since_s; /* wall clock */
	char reason[OVERRIDE_REASON_MAX];
};

struct overrides;

/* Read RUN_DIR/overrides, if there is one. NULL if memory is short. Lines that can't be read are left out and counted.
 */
struct overrides *overrides_open(const char *run_dir, unsigned *ret_n, unsigned *ret_n_bad);
/* Takes NULL; the file stays. */
void overrides_close(struct overrides *o);
/* Drain host:port, or change its reason. 0; -ENOSPC; -EINVAL bad reason; or -errno of writing the file. */
int overrides_drain(struct overrides *o, const struct baton_addr *host, uint16_t port, const char *reason);
/* 0; -ENOENT if it was not drained; or -errno of writing the file. */
int overrides_undrain(struct overrides *o, const struct baton_addr *host, uint16_t port);
/* The override that applies to host:port, or NULL. */
const struct override *overrides_find(const struct overrides *o, const struct baton_addr *host, uint16_t port);

#endif
