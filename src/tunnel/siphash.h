/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * SipHash-2-4 (Aumasson, Bernstein: SipHash, a fast short-input PRF, 2012) over
 * whole 64-bit words. Header-only, kernel types only: the same code runs in the
 * appliance and in the host's BPF program, where no library reaches.
 * Words are taken in little-endian order as the paper defines.
 */
#ifndef BATON_TUNNEL_SIPHASH_H
#define BATON_TUNNEL_SIPHASH_H

#include <linux/types.h>

struct siphash_key {
	__u64 k0, k1;
};

struct siphash_state {
	__u64 v0, v1, v2, v3;
	__u64 n_words;
};

static inline __u64 siphash_rotl(__u64 x, int n)
{
	return x << n | x >> (64 - n);
}

static inline void siphash_round(struct siphash_state *s)
{
	s->v0 += s->v1;
	s->v1 = siphash_rotl(s->v1, 13) ^ s->v0;
	s->v0 = siphash_rotl(s->v0, 32);
	s->v2 += s->v3;
	s->v3 = siphash_rotl(s->v3, 16) ^ s->v2;
	s->v0 += s->v3;
	s->v3 = siphash_rotl(s->v3, 21) ^ s->v0;
	s->v2 += s->v1;
	s->v1 = siphash_rotl(s->v1, 17) ^ s->v2;
	s->v2 = siphash_rotl(s->v2, 32);
}

static inline void siphash_init(struct siphash_state *s, const struct siphash_key *key)
{
	s->v0 = key->k0 ^ 0x736f6d6570736575ull;
	s->v1 = key->k1 ^ 0x646f72616e646f6dull;
	s->v2 = key->k0 ^ 0x6c7967656e657261ull;
	s->v3 = key->k1 ^ 0x7465646279746573ull;
	s->n_words = 0;
}

/* Add eight bytes, as a little-endian word. */
static inline void siphash_add(struct siphash_state *s, __u64 word)
{
	s->v3 ^= word;
	siphash_round(s);
	siphash_round(s);
	s->v0 ^= word;
	s->n_words++;
}

static inline __u64 siphash_end(struct siphash_state *s)
{
	siphash_add(s, s->n_words << 59); /* length in bytes mod 256 in the top byte */
	s->v2 ^= 0xff;
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/*
 * SipHash-1-3: the paper's authors call its margin enough for hash tables,
 * where the attacker never sees a hash. After siphash_init(), words by
 * siphash13_add(), the last one by siphash13_end(); the length does not go in.
 */
static inline void siphash13_add(struct siphash_state *s, __u64 word)
{
	s->v3 ^= word;
	siphash_round(s);
	s->v0 ^= word;
}

static inline __u64 siphash13_end(struct siphash_state *s, __u64 last)
{
	siphash13_add(s, last);
	s->v2 ^= 0xff;
	siphash_round(s);
	siphash_round(s);
	siphash_round(s);
	return s->v0 ^ s->v1 ^ s->v2 ^ s->v3;
}

/* Whole words at p, which need not be aligned. */
static inline void siphash_add_words(struct siphash_state *s, const void *p, unsigned n_words)
{
	for (unsigned i = 0; i < n_words; i++) {
		__u64 w;

		__builtin_memcpy(&w, (const char *)p + i * 8, 8);
#if __BYTE_ORDER__ == __ORDER_BIG_ENDIAN__
		w = __builtin_bswap64(w);
#endif
		siphash_add(s, w);
	}
}

#endif
