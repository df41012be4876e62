/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The forms of the lookup, one for each level of instruction set. Which one a
 * table uses is settled when it is made: the program runs on any CPU of its
 * architecture, and takes what is there.
 */
#include "forwarder/route_table.h"

#include <errno.h>
#include <string.h>

#include "forwarder/route_match.h"

static bool supported_scalar(void)
{
	return true;
}

#ifdef __x86_64__
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
#endif

#define FORM_FILE "forwarder/route_form.h"
#include "forwarder/route_each_form.h"

const struct route_form *const route_forms[] = {
	&form_scalar,
#ifdef __x86_64__
	&form_sse2,   &form_sse2_aes, &form_avx2_aes, &form_avx512_aes,
#endif
	NULL,
};
