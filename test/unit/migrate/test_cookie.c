/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>

#include "frames.h"
#include "migrate/cookie.h"

#define WALL_S 1700000000ull

static const struct cookie_keyring ring = { { { 1, 2 }, { 3, 4 } }, 2 };
static const struct cookie_keyring older = { { { 3, 4 } }, 1 };
static const struct cookie_keyring foreign = { { { 5, 6 } }, 1 };
static const struct cookie_options common = { 1460, 7, true };

static struct baton_tuple tuple(uint8_t family)
{
	struct baton_tuple t = { .saddr = { 198, 51, 100, 7 },
				 .daddr = { 203, 0, 113, 80 },
				 .sport_be = htons(40007),
				 .dport_be = htons(443),
				 .family = family,
				 .proto = IPPROTO_TCP };

	return t;
}

static void keeps_options(void **state)
{
	for (uint8_t family = BATON_IPV4; family <= BATON_IPV6; family += 2)
		for (uint8_t wscale = 0; wscale <= COOKIE_NO_WSCALE; wscale++)
			for (unsigned sack = 0; sack < 2; sack++) {
				struct cookie_options in = { 1400, wscale, sack }, out = { 0 };
				struct baton_tuple t = tuple(family);
				uint32_t isn = cookie_make(&ring, &t, 99, &in, WALL_S);

				assert_true(cookie_check(&ring, &t, 99, isn, WALL_S, &out));
				assert_int_equal(out.mss, 1400);
				assert_int_equal(out.wscale, wscale);
				assert_int_equal(out.sack, sack);
			}
}

static uint16_t mss_back(uint8_t family, uint16_t mss)
{
	struct cookie_options o = { mss, 0, false }, out = { 0 };
	struct baton_tuple t = tuple(family);

	assert_true(cookie_check(&ring, &t, 5, cookie_make(&ring, &t, 5, &o, WALL_S), WALL_S, &out));
	return out.mss;
}

static void mss_is_never_above_the_clients(void **state)
{
	static const uint16_t exact4[] = { 536, 1220, 1360, 1400, 1440, 1460, 8960 };
	static const uint16_t exact6[] = { 1220, 1360, 1400, 1440, 8940 };

	for (uint32_t mss = COOKIE_MSS_MIN_IPV4; mss <= UINT16_MAX; mss += 7)
		assert_true(mss_back(BATON_IPV4, (uint16_t)mss) <= mss);
	for (uint32_t mss = COOKIE_MSS_MIN_IPV6; mss <= UINT16_MAX; mss += 7)
		assert_true(mss_back(BATON_IPV6, (uint16_t)mss) <= mss);
	for (unsigned i = 0; i < sizeof exact4 / 2; i++)
		assert_int_equal(mss_back(BATON_IPV4, exact4[i]), exact4[i]);
	for (unsigned i = 0; i < sizeof exact6 / 2; i++)
		assert_int_equal(mss_back(BATON_IPV6, exact6[i]), exact6[i]);
}

/* The epoch of making, the one after, and the one before (a clock behind); no other. */
static void lives_two_epochs(void **state)
{
	struct baton_tuple t = tuple(BATON_IPV4);
	uint64_t start = WALL_S / COOKIE_EPOCH_S * COOKIE_EPOCH_S;
	uint32_t isn = cookie_make(&ring, &t, 7, &common, start);
	struct cookie_options out;

	for (int e = -6; e <= 6; e++)
		for (int at = 0; at < COOKIE_EPOCH_S; at += COOKIE_EPOCH_S - 1) {
			uint64_t now = start + (uint64_t)(e * COOKIE_EPOCH_S + at);

			assert_int_equal(cookie_check(&ring, &t, 7, isn, now, &out), e >= -1 && e <= 1);
		}
}

static void any_key_checks_the_first_makes(void **state)
{
	struct baton_tuple t = tuple(BATON_IPV6);
	uint32_t isn = cookie_make(&older, &t, 7, &common, WALL_S);
	struct cookie_options out;

	assert_true(cookie_check(&ring, &t, 7, isn, WALL_S, &out));
	assert_false(cookie_check(&older, &t, 7, cookie_make(&ring, &t, 7, &common, WALL_S), WALL_S, &out));
	assert_false(cookie_check(&foreign, &t, 7, isn, WALL_S, &out));
}

/* Every byte of the key and every bit of the numbers counts. */
static void binds_everything(void **state)
{
	struct baton_tuple t = tuple(BATON_IPV6);
	uint32_t isn = cookie_make(&ring, &t, 7, &common, WALL_S);
	struct cookie_options out;

	for (unsigned i = 0; i < offsetof(struct baton_tuple, family); i++) {
		struct baton_tuple other = t;

		((uint8_t *)&other)[i] ^= 1;
		assert_false(cookie_check(&ring, &other, 7, isn, WALL_S, &out));
	}
	for (unsigned i = 0; i < 32; i++) {
		assert_false(cookie_check(&ring, &t, 7u ^ 1u << i, isn, WALL_S, &out));
		assert_false(cookie_check(&ring, &t, 7, isn ^ 1u << i, WALL_S, &out));
	}
}

/* A MAC of 23 bits, one key, up to two epochs: 1,000,000 guesses hit 0.18 times on average. */
static void guesses_fail(void **state)
{
	struct baton_tuple t = tuple(BATON_IPV4);
	struct cookie_options out;
	uint64_t seed = 4711;
	unsigned hits = 0;

	for (unsigned i = 0; i < 1000000; i++)
		hits += cookie_check(&older, &t, 7, (uint32_t)frame_random(&seed), WALL_S, &out);
	assert_true(hits <= 4);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(keeps_options),    cmocka_unit_test(mss_is_never_above_the_clients),
		cmocka_unit_test(lives_two_epochs), cmocka_unit_test(any_key_checks_the_first_makes),
		cmocka_unit_test(binds_everything), cmocka_unit_test(guesses_fail),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
