/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * SYN cookies (Bernstein 1996; RFC 4987, section 3.6; Linux net/ipv4/
 * syncookies.c): the sequence number of a SYN-ACK says what was agreed, so
 * that a handshake costs no memory, and any device with the cluster's secret
 * can finish what another one began.
 *
 * The secret rolls by itself: an epoch of COOKIE_EPOCH_S seconds of wall clock
 * goes into every cookie, and the present and the last epoch count (the next
 * one too, from a device whose clock is ahead).
 */
#ifndef BATON_MIGRATE_COOKIE_H
#define BATON_MIGRATE_COOKIE_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/addr.h"
#include "tunnel/siphash.h"

#define COOKIE_EPOCH_S 64 /* a client may be silent this long after its handshake, and up to twice as long */
#define COOKIE_KEYS_MAX 2
#define COOKIE_NO_WSCALE 15
/* What the host's kernel accepts at least (bpf_sk_assign_tcp_reqsk()), and what holds for a client that names none
 * (RFC 9293, section 3.7.1). */
#define COOKIE_MSS_MIN_IPV4 536
#define COOKIE_MSS_MIN_IPV6 1220

/* keys[0] makes cookies; all check them. */
struct cookie_keyring {
	struct siphash_key keys[COOKIE_KEYS_MAX];
	unsigned n_keys;
};

/* What the SYN said and the cookie keeps. */
struct cookie_options {
	uint16_t mss;   /* in: the client's; out: the largest class not above it */
	uint8_t wscale; /* the client's shift, 0-14; COOKIE_NO_WSCALE: none offered or agreed */
	bool sack;
};

/* Sequence number (ISN) of the SYN-ACK to a SYN with this sequence number; o->mss is not below the family's least. */
uint32_t cookie_make(const struct cookie_keyring *k, const struct baton_tuple *key, uint32_t client_isn,
		     const struct cookie_options *o, uint64_t wall_s);
/* Is isn a cookie of ours for that client? */
bool cookie_check(const struct cookie_keyring *k, const struct baton_tuple *key, uint32_t client_isn, uint32_t isn,
		  uint64_t wall_s, struct cookie_options *ret);

#endif
