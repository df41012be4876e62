/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The forms of the lookup, one for each level of instruction set. Which one a
 * table uses is settled when it is made: the program runs on any CPU of its
 * architecture, and takes what is there.
 */
#include "forwarder/route_table.h"

#include <errno.h>
#include <string.h>

#include "tunnel/siphash.h"

#define INLINE static inline __attribute__((always_inline))

/* Both ports in one word, as they stand in memory. */
INLINE uint32_t ports_of(const uint16_t *sport_be)
{
	uint32_t w;

	memcpy(&w, sport_be, sizeof w);
	return w;
}

INLINE uint32_t load32(const uint8_t *p)
{
	uint32_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

INLINE uint64_t load64(const uint8_t *p)
{
	uint64_t w;

	memcpy(&w, p, sizeof w);
	return w;
}

/* Without branches: a tag that fits is nearly always the right entry's. */
INLINE bool entry_equal4(const struct route4 *e, const struct baton_tuple *k)
{
	return !((e->saddr_be ^ load32(k->saddr)) | (e->daddr_be ^ load32(k->daddr)) |
		 (ports_of(&e->sport_be) ^ ports_of(&k->sport_be)) | (uint32_t)(e->r.proto ^ k->proto));
}

INLINE bool entry_equal6(const struct route6 *e, const struct baton_tuple *k)
{
	return !((load64(e->saddr) ^ load64(k->saddr)) | (load64(e->saddr + 8) ^ load64(k->saddr + 8)) |
		 (load64(e->daddr) ^ load64(k->daddr)) | (load64(e->daddr + 8) ^ load64(k->daddr + 8)) |
		 (ports_of(&e->sport_be) ^ ports_of(&k->sport_be)) | (uint64_t)(e->r.proto ^ k->proto));
}

/* Ports and protocol: the last word of a key, of either family. */
INLINE uint64_t last_word(const struct baton_tuple *k)
{
	return ports_of(&k->sport_be) | (uint64_t)k->proto << 32;
}

INLINE uint64_t addresses4(const struct baton_tuple *k)
{
	return load32(k->saddr) | (uint64_t)load32(k->daddr) << 32;
}

INLINE void sip_add(struct siphash_state *s, uint64_t word)
{
	s->v3 ^= word;
	siphash_round(s);
	s->v0 ^= word;
}

/*
 * SipHash-1-3: the paper's authors call its margin enough for hash tables,
 * where the attacker never sees a hash. Keys of a table are all of one length.
 */
INLINE uint64_t sip_hash(const struct route_table *t, const struct baton_tuple *key, bool six)
{
	struct siphash_key k = { .k0 = t->sip_key[0], .k1 = t->sip_key[1] };
	struct siphash_state s;

	siphash_init(&s, &k);
	if (six) {
		sip_add(&s, load64(key->saddr));
		sip_add(&s, load64(key->saddr + 8));
		sip_add(&s, load64(key->daddr));
		sip_add(&s, load64(key->daddr + 8));
	} else {
		sip_add(&s, addresses4(key));
	}
	sip_add(&s, last_word(key));
	s.v2 ^= 0xff;
	siphash_round(&s);
	siphash_round(&s);
	siphash_round(&s);
	return s.v0 ^ s.v1 ^ s.v2 ^ s.v3;
}

INLINE uint32_t compare_scalar(const struct route_bucket *b, uint16_t tag)
{
	uint32_t mask = 0;

	for (unsigned i = 0; i < ROUTE_SLOTS; i++)
		mask |= (uint32_t)(b->tag[i] == tag) << i;
	return mask;
}

static bool supported_scalar(void)
{
	return true;
}

#define FORM_NAME scalar
#define FORM_TARGET
#define FORM_HASH sip_hash
#define FORM_MATCH compare_scalar
#include "forwarder/route_form.h"

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
INLINE TARGET_AES uint64_t aes_hash(const struct route_table *t, const struct baton_tuple *key, bool six)
{
	const __m128i *rk = (const __m128i *)t->round_keys;
	__m128i x = rk[0];

	if (six) {
		x = _mm_xor_si128(x, _mm_loadu_si128((const __m128i *)key->saddr));
		x = _mm_aesenc_si128(x, rk[1]);
		x = _mm_aesenc_si128(x, rk[2]);
		x = _mm_xor_si128(x, _mm_loadu_si128((const __m128i *)key->daddr));
		x = _mm_aesenc_si128(x, rk[3]);
		x = _mm_aesenc_si128(x, rk[4]);
		x = _mm_xor_si128(x, _mm_set_epi64x(0, (long long)last_word(key)));
	} else {
		x = _mm_xor_si128(x, _mm_set_epi64x((long long)last_word(key), (long long)addresses4(key)));
	}
	x = _mm_aesenc_si128(x, rk[5]);
	x = _mm_aesenc_si128(x, rk[6]);
	x = _mm_aesenc_si128(x, rk[7]);
	x = _mm_aesenc_si128(x, rk[8]);
	return (uint64_t)_mm_cvtsi128_si64(x);
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

static bool supported_sse2(void)
{
	return __builtin_cpu_supports("sse2");
}

static bool supported_sse2_aes(void)
{
	return __builtin_cpu_supports("aes");
}

static bool supported_avx2_aes(void)
{
	return supported_sse2_aes() && __builtin_cpu_supports("avx2") && __builtin_cpu_supports("bmi");
}

static bool supported_avx512_aes(void)
{
	return supported_avx2_aes() && __builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512bw");
}

#define FORM_NAME sse2
#define FORM_TARGET TARGET_SSE2
#define FORM_HASH sip_hash
#define FORM_MATCH compare_sse2
#include "forwarder/route_form.h"

#define FORM_NAME sse2_aes
#define FORM_TARGET TARGET_AES
#define FORM_HASH aes_hash
#define FORM_MATCH compare_sse2
#include "forwarder/route_form.h"

#define FORM_NAME avx2_aes
#define FORM_TARGET TARGET_AVX2
#define FORM_HASH aes_hash
#define FORM_MATCH compare_avx2
#include "forwarder/route_form.h"

#define FORM_NAME avx512_aes
#define FORM_TARGET TARGET_AVX512
#define FORM_HASH aes_hash
#define FORM_MATCH compare_avx512
#include "forwarder/route_form.h"
#endif

const struct route_form *const route_forms[] = {
	&form_scalar,
#ifdef __x86_64__
	&form_sse2,   &form_sse2_aes, &form_avx2_aes, &form_avx512_aes,
#endif
	NULL,
};
