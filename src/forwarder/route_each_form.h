/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Include FORM_FILE once for each form, slowest first, in the order of
 * route_forms[], with
 *	FORM_NAME    suffix of the functions
 *	FORM_TARGET  the instruction sets, as a function attribute
 *	FORM_HASH4   uint64_t (t, addresses, last)
 *	FORM_HASH6   uint64_t (t, saddr, daddr, last)
 *	FORM_MATCH   uint32_t (bucket, tag)
 * The file undoes FORM_NAME to FORM_MATCH (route_form_end.h).
 */
#define FORM_NAME scalar
#define FORM_TARGET
#define FORM_HASH4 sip_hash4
#define FORM_HASH6 sip_hash6
#define FORM_MATCH compare_scalar
#include FORM_FILE

#ifdef __x86_64__
#define FORM_NAME sse2
#define FORM_TARGET TARGET_SSE2
#define FORM_HASH4 sip_hash4
#define FORM_HASH6 sip_hash6
#define FORM_MATCH compare_sse2
#include FORM_FILE

#define FORM_NAME sse2_aes
#define FORM_TARGET TARGET_AES
#define FORM_HASH4 aes_hash4
#define FORM_HASH6 aes_hash6
#define FORM_MATCH compare_sse2
#include FORM_FILE

#define FORM_NAME avx2_aes
#define FORM_TARGET TARGET_AVX2
#define FORM_HASH4 aes_hash4
#define FORM_HASH6 aes_hash6
#define FORM_MATCH compare_avx2
#include FORM_FILE

#define FORM_NAME avx512_aes
#define FORM_TARGET TARGET_AVX512
#define FORM_HASH4 aes_hash4
#define FORM_HASH6 aes_hash6
#define FORM_MATCH compare_avx512
#include FORM_FILE
#endif

#undef FORM_FILE
