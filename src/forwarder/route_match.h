/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hashing keys and comparing tags, for each level of instruction set; inline,
 * so that a loop that is compiled for one of them (route_each_form.h) has it all
 * in one piece.
 *
 * A key is given as words: `last` is ports and protocol (last_word()), of either
 * family; before it the two addresses, for IPv4 as one word, for IPv6 by pointer.
 */
#ifndef BATON_FORWARDER_ROUTE_MATCH_H
#define BATON_FORWARDER_ROUTE_MATCH_H

#include <stddef.h>

#include "base/bytes.h"
#include "forwarder/route_table.h"
#include "tunnel/siphash.h"

#define INLINE static inline __attribute__((always_inline))

/* Ports and protocol: the last word of a key, of either family. */
INLINE uint64_t last_word(const struct baton_tuple *k)
{
	/* both ports in one word, as they stand in memory */
	return bytes_load32(&k->sport_be) | (uint64_t)k->proto << 32;
}

INLINE uint64_t addresses4(const struct baton_tuple *k)
{
	return bytes_load32(k->saddr) | (uint64_t)bytes_load32(k->daddr) << 32;
}

#define LAST_BITS 0xffffffffffull /* an entry has more behind its key */

_Static_assert(offsetof(struct route4, sport_be) == 8 && offsetof(struct route6, sport_be) == 32 &&
		       offsetof(struct route4, r) == 12 && offsetof(struct route6, r) == 36 &&
		       !offsetof(struct route, proto),
	       "key words");

/* Without branches: a tag that fits is nearly always the right entry's. */
INLINE bool entry_is4(const struct route4 *e, uint64_t addresses, uint64_t last)
{
	const uint8_t *p = (const uint8_t *)e;

	return !((bytes_load64(p) ^ addresses) | ((bytes_load64(p + 8) ^ last) & LAST_BITS));
}

/* addresses: source and destination, 32 bytes */
INLINE bool entry_is6(const struct route6 *e, const uint8_t *addresses, uint64_t last)
{
	const uint8_t *p = (const uint8_t *)e;

	return !((bytes_load64(p) ^ bytes_load64(addresses)) | (bytes_load64(p + 8) ^ bytes_load64(addresses + 8)) |
		 (bytes_load64(p + 16) ^ bytes_load64(addresses + 16)) |
		 (bytes_load64(p + 24) ^ bytes_load64(addresses + 24)) | ((bytes_load64(p + 32) ^ last) & LAST_BITS));
}

/* Keys of a table are all of one length, so nothing has to tell it. */
INLINE void sip_begin(struct siphash_state *s, const struct route_table *t)
{
	struct siphash_key k = { .k0 = t->sip_key[0], .k1 = t->sip_key[1] };

	siphash_init(s, &k);
}

INLINE uint64_t sip_hash4(const struct route_table *t, uint64_t addresses, uint64_t last)
{
	struct siphash_state s;

	sip_begin(&s, t);
	siphash13_add(&s, addresses);
	return siphash13_end(&s, last);
}

INLINE uint64_t sip_hash6(const struct route_table *t, const uint8_t *saddr, const uint8_t *daddr, uint64_t last)
{
	struct siphash_state s;

	sip_begin(&s, t);
	siphash13_add(&s, bytes_load64(saddr));
	siphash13_add(&s, bytes_load64(saddr + 8));
	siphash13_add(&s, bytes_load64(daddr));
	siphash13_add(&s, bytes_load64(daddr + 8));
	return siphash13_end(&s, last);
}

INLINE uint32_t compare_scalar(const struct route_bucket *b, uint16_t tag)
{
	uint32_t mask = 0;

	for (unsigned i = 0; i < ROUTE_SLOTS; i++)
		mask |= (uint32_t)(b->tag[i] == tag) << i;
	return mask;
}

#ifdef __x86_64__
#include <immintrin.h>

#define SLOT_MASK ((1u << ROUTE_SLOTS) - 1)
#define TARGET_SSE2 __attribute__((target("sse2")))
#define TARGET_AES __attribute__((target("sse2,aes")))
#define TARGET_AVX2 __attribute__((target("avx2,aes,bmi")))
#define TARGET_AVX512 __attribute__((target("avx2,avx512f,avx512bw,aes,bmi")))

/*
 * AES rounds with random keys as a keyed hash. Four rounds over the last block
 * let no difference between two keys through with a probability above 2^-113
 * (Keliher, Sui 2007); two rounds between the blocks of an IPv6 key keep a
 * difference in the source from being cancelled by a later block (2^-28).
 */
INLINE TARGET_AES uint64_t aes_end(const struct route_table *t, __m128i x)
{
	const __m128i *rk = (const __m128i *)t->round_keys;

	x = _mm_aesenc_si128(x, rk[5]);
	x = _mm_aesenc_si128(x, rk[6]);
	x = _mm_aesenc_si128(x, rk[7]);
	x = _mm_aesenc_si128(x, rk[8]);
	return (uint64_t)_mm_cvtsi128_si64(x);
}

INLINE TARGET_AES uint64_t aes_hash4(const struct route_table *t, uint64_t addresses, uint64_t last)
{
	const __m128i *rk = (const __m128i *)t->round_keys;

	return aes_end(t, _mm_xor_si128(rk[0], _mm_set_epi64x((long long)last, (long long)addresses)));
}

INLINE TARGET_AES uint64_t aes_hash6(const struct route_table *t, const uint8_t *saddr, const uint8_t *daddr,
				     uint64_t last)
{
	const __m128i *rk = (const __m128i *)t->round_keys;
	__m128i x = rk[0];

	x = _mm_xor_si128(x, _mm_loadu_si128((const __m128i *)saddr));
	x = _mm_aesenc_si128(x, rk[1]);
	x = _mm_aesenc_si128(x, rk[2]);
	x = _mm_xor_si128(x, _mm_loadu_si128((const __m128i *)daddr));
	x = _mm_aesenc_si128(x, rk[3]);
	x = _mm_aesenc_si128(x, rk[4]);
	return aes_end(t, _mm_xor_si128(x, _mm_set_epi64x(0, (long long)last)));
}

/* 16 tags → 16 bits */
INLINE TARGET_SSE2 uint32_t compare_half(const __m128i *p, __m128i tag)
{
	__m128i lo = _mm_cmpeq_epi16(_mm_load_si128(p), tag);
	__m128i hi = _mm_cmpeq_epi16(_mm_load_si128(p + 1), tag);

	return (uint32_t)_mm_movemask_epi8(_mm_packs_epi16(lo, hi));
}

INLINE TARGET_SSE2 uint32_t compare_sse2(const struct route_bucket *b, uint16_t tag)
{
	const __m128i *p = (const __m128i *)b;
	__m128i x = _mm_set1_epi16((short)tag);

	return (compare_half(p, x) | compare_half(p + 2, x) << 16) & SLOT_MASK;
}

/* Packing works within 128-bit lanes: put the quarters back in order. */
INLINE TARGET_AVX2 uint32_t compare_avx2(const struct route_bucket *b, uint16_t tag)
{
	const __m256i *p = (const __m256i *)b;
	__m256i x = _mm256_set1_epi16((short)tag);
	__m256i lo = _mm256_cmpeq_epi16(_mm256_load_si256(p), x);
	__m256i hi = _mm256_cmpeq_epi16(_mm256_load_si256(p + 1), x);
	__m256i packed = _mm256_permute4x64_epi64(_mm256_packs_epi16(lo, hi), 0xd8);

	return (uint32_t)_mm256_movemask_epi8(packed) & SLOT_MASK;
}

INLINE TARGET_AVX512 uint32_t compare_avx512(const struct route_bucket *b, uint16_t tag)
{
	return _mm512_cmpeq_epi16_mask(_mm512_load_si512(b), _mm512_set1_epi16((short)tag)) & SLOT_MASK;
}
#endif

#endif
