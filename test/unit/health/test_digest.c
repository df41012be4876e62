/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "health/digest.h"
#include "health/smooth.h"

#define MS 1000000ull

static struct health_row digest(struct health_digest *d, uint8_t health, uint16_t load, const struct health_override *o)
{
	struct health_rules r = health_rules_default();
	struct health_row row = { .state = health, .load = load };

	health_digest_apply(d, &r, o, "connection refused", &row);
	return row;
}

static void unknown_is_inactive_until_seen_healthy(void **state)
{
	struct health_digest d = { 0 };

	assert_int_equal(digest(&d, HEALTH_UNKNOWN, 0, NULL).target, HEALTH_INACTIVE);
	assert_int_equal(digest(&d, HEALTH_FAILING, 0, NULL).target, HEALTH_INACTIVE);
	assert_int_equal(digest(&d, HEALTH_UNKNOWN, 0, NULL).target, HEALTH_INACTIVE);
	assert_int_equal(digest(&d, HEALTH_HEALTHY, 0, NULL).target, HEALTH_ACTIVE);
	assert_int_equal(digest(&d, HEALTH_UNKNOWN, 0, NULL).target, HEALTH_DRAINING);
}

static void failing_is_what_the_rules_say(void **state)
{
	struct health_rules r = health_rules_default();
	struct health_digest d = { 0 };
	struct health_row row = { .state = HEALTH_FAILING };

	health_digest_apply(&d, &r, NULL, "connection refused", &row);
	assert_int_equal(row.target, HEALTH_INACTIVE);
	assert_string_equal(row.reason, "failing: connection refused");
	r.failing = HEALTH_DRAINING;
	health_digest_apply(&d, &r, NULL, NULL, &row);
	assert_int_equal(row.target, HEALTH_DRAINING);
	assert_string_equal(row.reason, "failing");
	r.failing = HEALTH_ACTIVE;
	assert_int_equal(health_rules_check(&r), -EINVAL);
}

static void overload_has_hysteresis(void **state)
{
	struct health_digest d = { 0 };

	assert_int_equal(digest(&d, HEALTH_HEALTHY, 9499, NULL).target, HEALTH_ACTIVE);
	assert_int_equal(digest(&d, HEALTH_HEALTHY, 9500, NULL).target, HEALTH_DRAINING);
	assert_int_equal(digest(&d, HEALTH_HEALTHY, 8501, NULL).target, HEALTH_DRAINING);
	assert_int_equal(digest(&d, HEALTH_FAILING, 9999, NULL).target, HEALTH_INACTIVE);
	assert_int_equal(digest(&d, HEALTH_HEALTHY, 8500, NULL).target, HEALTH_ACTIVE);
	assert_int_equal(digest(&d, HEALTH_HEALTHY, 9499, NULL).target, HEALTH_ACTIVE);
}

static void operator_wins_and_says_why(void **state)
{
	struct health_override o = { .set = true, .directive = HEALTH_DRAINING, .reason = "kernel update" };
	struct health_digest d = { 0 };
	struct health_row row = digest(&d, HEALTH_HEALTHY, 0, &o);

	assert_int_equal(row.target, HEALTH_DRAINING);
	assert_string_equal(row.reason, "operator: kernel update");
	o.directive = HEALTH_ACTIVE;
	assert_int_equal(digest(&d, HEALTH_FAILING, 9999, &o).target, HEALTH_ACTIVE);
	/* what happened meanwhile is remembered */
	o.set = false;
	assert_int_equal(digest(&d, HEALTH_HEALTHY, 9000, &o).target, HEALTH_DRAINING);
}

static void reasons_are_always_good_text(void **state)
{
	struct health_rules r = health_rules_default();
	struct health_digest d = { 0 };
	struct health_row row = { .state = HEALTH_FAILING };
	char detail[300];

	health_digest_apply(&d, &r, NULL, "a\nb\x80", &row);
	assert_string_equal(row.reason, "failing: a?b?");
	/* cut in the middle of a character */
	for (unsigned i = 0; i < sizeof(detail) - 2; i += 2)
		memcpy(detail + i, "ü", 3);
	health_digest_apply(&d, &r, NULL, detail, &row);
	assert_int_equal(strlen(row.reason), HEALTH_REASON_MAX - 1);
	for (unsigned i = 9; row.reason[i] && row.reason[i] != '?'; i += 2)
		assert_memory_equal(row.reason + i, "ü", 2);
}

static void load_follows_with_its_time_constant(void **state)
{
	struct health_smooth_rules r = health_smooth_rules_default();
	struct health_smooth s = { 0 };

	health_smooth_add(&s, &r, 0, 0);
	for (unsigned i = 1; i <= 50; i++)
		health_smooth_add(&s, &r, 10000, i * 100 * MS);
	/* 1 - 1/e after one time constant */
	assert_in_range((uint64_t)s.load, 6100, 6500);
	/* a sample at the same time has no weight, one far in the future has nearly all */
	health_smooth_add(&s, &r, 60000, 5000 * MS);
	assert_in_range((uint64_t)s.load, 6100, 6500);
	health_smooth_add(&s, &r, 2000, 5000000 * MS);
	assert_in_range((uint64_t)s.load, 1990, 2010);
}

/* Reports in a minute of samples each 100 ms, alternating between two loads. */
static unsigned reports_of(uint32_t a, uint32_t b, uint32_t each_ms)
{
	struct health_smooth_rules r = health_smooth_rules_default();
	struct health_smooth s = { 0 };
	unsigned n = 0;
	uint16_t load;

	r.time_constant_ms = 0;
	for (unsigned ms = 0; ms < 60000; ms += 100) {
		health_smooth_add(&s, &r, ms / each_ms % 2 ? b : a, ms * MS);
		n += health_smooth_report(&s, &r, ms * MS, &load);
	}
	return n;
}

static void load_is_reported_one_to_four_times_a_minute(void **state)
{
	assert_int_equal(reports_of(5000, 5000, 100), 1);
	/* within the band */
	assert_int_equal(reports_of(5000, 5150, 7000), 1);
	/* usual changes */
	assert_int_equal(reports_of(5000, 5900, 5000), 4);
	/* large ones at once, but no flood */
	assert_int_equal(reports_of(2000, 5000, 20000), 3);
	assert_in_range(reports_of(2000, 9000, 100), 60, 240);
}

static void overload_is_reported_at_once(void **state)
{
	struct health_smooth_rules r = health_smooth_rules_default();
	struct health_smooth s = { 0 };
	uint16_t load = 0;

	r.time_constant_ms = 0;
	health_smooth_add(&s, &r, 9400, 0);
	assert_true(health_smooth_report(&s, &r, 0, &load));
	health_smooth_add(&s, &r, 9450, 1000 * MS);
	assert_false(health_smooth_report(&s, &r, 1000 * MS, &load));
	health_smooth_add(&s, &r, 9510, 2000 * MS);
	assert_int_equal(health_smooth_due(&s, &r), 250 * MS);
	assert_true(health_smooth_report(&s, &r, 2000 * MS, &load));
	assert_int_equal(load, 9510);
	/* nothing changes: once a minute */
	assert_int_equal(health_smooth_due(&s, &r), 62000 * MS);
	assert_false(health_smooth_report(&s, &r, 61999 * MS, &load));
	assert_true(health_smooth_report(&s, &r, 62000 * MS, &load));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unknown_is_inactive_until_seen_healthy),
		cmocka_unit_test(failing_is_what_the_rules_say),
		cmocka_unit_test(overload_has_hysteresis),
		cmocka_unit_test(operator_wins_and_says_why),
		cmocka_unit_test(reasons_are_always_good_text),
		cmocka_unit_test(load_follows_with_its_time_constant),
		cmocka_unit_test(load_is_reported_one_to_four_times_a_minute),
		cmocka_unit_test(overload_is_reported_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
