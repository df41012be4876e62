/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Authentication code of shim datagrams, as baton/abi/shim.h defines it. */
#ifndef BATON_AGENT_BPF_MAC_H
#define BATON_AGENT_BPF_MAC_H

#include "agent/bpf/parse.bpf.h"
#include "baton/abi/shim.h"
#include "tunnel/siphash.h"

#define SHIM_BODY_WORDS_MAX (sizeof(struct baton_shim_create) / 8)

/* A shim datagram as it is signed, so that one function serves all types. */
struct shim {
	__u8 src[16];
	__u8 dst[16];
	struct baton_shim_hdr hdr;
	union {
		struct baton_shim_flow flow;
		struct baton_shim_unknown unknown;
		struct baton_shim_resync resync;
		struct baton_shim_create create;
		struct baton_shim_conn conn;
		__u64 words[SHIM_BODY_WORDS_MAX];
	};
};

/*
 * Code over addresses, header and the first n_words of the body; the header's
 * mac field must be 0. Not inlined: it is long and has several callers.
 */
static __noinline __u64 shim_mac(const struct shim *s, const struct agent_key *key, __u32 n_words)
{
	const struct siphash_key sip = { key->k0, key->k1 };
	struct siphash_state state;

	siphash_init(&state, &sip);
	siphash_add_words(&state, s, (sizeof s->src + sizeof s->dst + sizeof s->hdr) / 8);
	for (__u32 i = 0; i < SHIM_BODY_WORDS_MAX && i < n_words; i++)
		siphash_add(&state, s->words[i]);
	return siphash_end(&state);
}

#endif
