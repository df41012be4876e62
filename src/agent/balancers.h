/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The links to the balancers: health messages out and in, sealed. One thread.
 */
#ifndef BATON_AGENT_BALANCERS_H
#define BATON_AGENT_BALANCERS_H

#include "agent/config.h"
#include "agent/loop.h"
#include "baton/health.h"
#include "wire/codec.h"
#include "wire/seal.h"

struct balancers_ops {
	/* A genuine message about this host. Borrowed. */
	void (*receive)(void *context, const struct health_message *m, uint64_t now_ns);
	/* A balancer hears us from now on. */
	void (*heard)(void *context, uint64_t now_ns);
	void *context;
};

struct balancers;

/*
 * Connect to all of them, as station host in its run incarnation. A configuration
 * without balancers is fine: nothing is sent then. keys are copied. 0 and *ret, or -errno.
 */
int balancers_new(struct loop *l, const struct agent_config *c, uint64_t host, uint64_t incarnation,
		  const struct seal_keyring *keys, const struct balancers_ops *ops, struct balancers **ret);
/* Other balancers, other keys; links that stay are not touched. 0 or -errno: some balancer can't be connected. */
int balancers_config(struct balancers *b, const struct agent_config *c, const struct seal_keyring *keys);
/* Takes NULL. What was not sent yet gets a moment to leave (the goodbye). */
void balancers_free(struct balancers *b);

/* To all of them. What can't be encoded or sent is counted; the protocol heals it. */
void balancers_send(struct balancers *b, const struct health_message *m);

unsigned balancers_count(const struct balancers *b);
/* Frames by verdict (SEAL_N_VERDICTS numbers), messages by error of decoding (CODEC_N_ERRORS). Borrowed. */
const uint64_t *balancers_verdicts(const struct balancers *b);
const uint64_t *balancers_decoded(const struct balancers *b);

#endif
