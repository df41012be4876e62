/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "health/static_source.h"

#define NOW 5000
#define VALID 1000

static struct view *view_of(const uint8_t *capacities, uint16_t n)
{
	struct view *v = view_new(2, n, 0, 0);
	uint16_t ids[300];

	assert_non_null(v);
	assert_int_equal(baton_addr_parse("192.0.2.1", &v->vips[1].addr), 0);
	for (uint16_t i = 0; i < n; i++) {
		ids[i] = i;
		v->endpoints[i] = (struct view_endpoint){
			.family = BATON_IPV4, .vip = 1, .capacity = capacities[i], .usable = capacities[i] > 0
		};
	}
	assert_int_equal(view_vip_set_endpoints(v, 1, ids, n), 0);
	return v;
}

static struct allotment answer(const struct view *v, uint32_t wanted)
{
	const struct allotment_request r = { .vip = 1, .classifier = 3, .wanted = wanted };
	struct allotment a;

	assert_int_equal(static_source_answer(v, &r, NOW, VALID, &a), 0);
	assert_int_equal(a.vip, 1);
	assert_int_equal(a.classifier, 3);
	assert_int_equal(a.kind, ALLOTMENT_TOKENS);
	assert_int_equal(a.made_ns, NOW);
	assert_int_equal(a.valid_ns, VALID);
	return a;
}

static void tokens_are_in_proportion_and_enough(void **state)
{
	const uint8_t capacities[] = { 10, 30, 60 };
	struct view *v = view_of(capacities, 3);

	for (uint32_t wanted = 0; wanted < 100; wanted++) {
		struct allotment a = answer(v, wanted);
		uint32_t one = a.shares[0].share;

		assert_int_equal(a.n_shares, 3);
		assert_int_equal(a.panic, 0);
		assert_true(one > 0);
		assert_int_equal(a.shares[1].share, 3 * one);
		assert_int_equal(a.shares[2].share, 6 * one);
		assert_true(10 * one >= wanted);
		assert_true(10 * one < wanted + 10 || wanted == 0);
	}
	view_free(v);
}

static void unusable_and_zero_capacity_endpoints_get_none(void **state)
{
	const uint8_t capacities[] = { 10, 0, 10, 10 };
	struct view *v = view_of(capacities, 4);
	struct allotment a;

	v->endpoints[2].usable = 0;
	a = answer(v, 10);
	assert_int_equal(a.n_shares, 2);
	assert_int_equal(a.shares[0].endpoint, 0);
	assert_int_equal(a.shares[1].endpoint, 3);
	assert_int_equal(a.shares[0].share, 5);
	view_free(v);
}

static void all_unusable_is_panic_over_all_configured(void **state)
{
	const uint8_t capacities[] = { 20, 0, 10, 10 };
	struct view *v = view_of(capacities, 4);
	struct allotment a;

	for (unsigned i = 0; i < 4; i++)
		v->endpoints[i].usable = 0;
	v->endpoints[3].retired = 1;
	a = answer(v, 30);
	assert_int_equal(a.panic, 1);
	assert_int_equal(a.n_shares, 2);
	assert_int_equal(a.shares[0].endpoint, 0);
	assert_int_equal(a.shares[0].share, 20);
	assert_int_equal(a.shares[1].endpoint, 2);
	assert_int_equal(a.shares[1].share, 10);
	view_free(v);
}

static void nothing_to_share_is_an_empty_allotment(void **state)
{
	const uint8_t capacities[] = { 0, 0 };
	struct view *v = view_of(capacities, 2);
	struct allotment a = answer(v, 30);

	assert_int_equal(a.n_shares, 0);
	assert_int_equal(a.panic, 0);
	view_free(v);
}

static void absurd_wishes_do_not_wrap(void **state)
{
	const uint8_t capacities[] = { 99, 98, 97 };
	struct view *v = view_of(capacities, 3);
	struct allotment a = answer(v, UINT32_MAX);
	uint64_t sum = (uint64_t)a.shares[0].share + a.shares[1].share + a.shares[2].share;

	assert_in_range(sum, UINT32_MAX - 294u, UINT32_MAX);
	assert_int_equal(a.shares[0].share % 99, 0);
	view_free(v);
}

static void what_can_not_be_answered_is_an_error(void **state)
{
	uint8_t capacities[257];
	struct view *v;
	struct allotment a;
	struct allotment_request r = { .vip = 0 };

	memset(capacities, 1, sizeof(capacities));
	v = view_of(capacities, 257);
	assert_int_equal(static_source_answer(v, &r, NOW, VALID, &a), -ENOENT);
	r.vip = 2;
	assert_int_equal(static_source_answer(v, &r, NOW, VALID, &a), -ENOENT);
	r.vip = 1;
	assert_int_equal(static_source_answer(v, &r, NOW, VALID, &a), -E2BIG);
	view_free(v);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(tokens_are_in_proportion_and_enough),
		cmocka_unit_test(unusable_and_zero_capacity_endpoints_get_none),
		cmocka_unit_test(all_unusable_is_panic_over_all_configured),
		cmocka_unit_test(nothing_to_share_is_an_empty_allotment),
		cmocka_unit_test(absurd_wishes_do_not_wrap),
		cmocka_unit_test(what_can_not_be_answered_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
