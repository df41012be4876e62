/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Shim datagrams (include/baton/abi/shim.h) for userspace: keys, sequence
 * numbers, encoding and checking. Pure: bytes in, bytes out.
 */
#ifndef BATON_TUNNEL_SHIM_H
#define BATON_TUNNEL_SHIM_H

#include <stddef.h>
#include <stdint.h>

#include "baton/abi/shim.h"
#include "baton/addr.h"
#include "tunnel/replay.h"
#include "tunnel/siphash.h"

#define SHIM_KEYS_MAX 2
#define SHIM_BODY_MAX 64 /* bytes */

/* One key of the cluster with the id that names it on the wire. */
struct shim_key {
	struct siphash_key sip;
	uint8_t id;
};

/* keys[0] signs; all of them verify, so that a key can be rolled. */
struct shim_keyring {
	struct shim_key keys[SHIM_KEYS_MAX];
	unsigned n_keys;
};

enum shim_verdict {
	SHIM_OK,
	SHIM_MALFORMED,   /* too short, bad magic, bad length, unknown type, bad fields */
	SHIM_VERSION,     /* a version this build does not speak */
	SHIM_UNKNOWN_KEY, /* no key with that id */
	SHIM_FORGED,      /* MAC does not fit */
	SHIM_REPLAYED,    /* sequence number seen before */
	SHIM_STALE,       /* sequence number below the window: answer with RESYNC */
};

/*
 * Read the cluster secret file: one or two lines of 64 hexadecimal digits, the
 * first signs. Line ends may be CR LF, and empty lines may follow. Refuses a
 * file that group or others have any right to (-EACCES), a malformed one
 * (-EINVAL), two secrets that give the same key id, as equal ones do (-EEXIST);
 * -errno from opening. The shim keys are BLAKE2b of each secret with a context
 * of their own (libsodium), so other uses of it get other keys. Any thread.
 */
int shim_keyring_load(const char *path, struct shim_keyring *ret);

/*
 * Write header and body of type at dst; body is the type's struct, in network
 * order. outer_src and outer_dst are 16 bytes each. Returns bytes written, or
 * -EINVAL for an unknown type or an empty keyring, -ENOSPC if size is too small.
 */
int shim_encode(uint8_t *dst, size_t size, const struct shim_keyring *keys, uint8_t type, const void *body,
		uint64_t seq, const uint8_t outer_src[16], const uint8_t outer_dst[16]);

/*
 * Check a datagram's UDP payload. On SHIM_OK, *ret_hdr and *ret_body point into
 * p (unaligned; copy before use). window may be NULL (no replay check). On
 * SHIM_STALE and SHIM_REPLAYED the pointers are set too, for RESYNC.
 */
enum shim_verdict shim_decode(const uint8_t *p, size_t len, const struct shim_keyring *keys,
			      struct replay_window *window, const uint8_t outer_src[16], const uint8_t outer_dst[16],
			      const struct baton_shim_hdr **ret_hdr, const void **ret_body);

/* Bytes of a type's body, a multiple of 8; 0 for an unknown type. */
size_t shim_body_len(uint8_t type);
/* Body of an INTRODUCE for this connection. */
void shim_flow_from_tuple(struct baton_shim_flow *dst, uint32_t flow_id, const struct baton_tuple *t);

#endif
