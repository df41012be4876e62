/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "agent/health.h"

static const struct agent_source config = { AGENT_SOURCE_CONFIG, 0 }, app1 = { AGENT_SOURCE_APP, 1 },
				 app2 = { AGENT_SOURCE_APP, 2 }, probe = { AGENT_SOURCE_PROBE, 1 },
				 kernel = { AGENT_SOURCE_KERNEL, 0 }, operator= { AGENT_SOURCE_OPERATOR, 0 };

static struct health_app_id id_of(uint16_t port)
{
	return (struct health_app_id){ .vip = { .b = { 10, 0, 0, 100 }, .family = BATON_IPV4 },
				       .host = { .b = { 10, 0, 0, 11 }, .family = BATON_IPV4 },
				       .vip_port = port,
				       .host_port = port,
				       .proto = IPPROTO_TCP };
}

static int setup(void **state)
{
	*state = agent_health_new();
	return *state ? 0 : -1;
}

static int teardown(void **state)
{
	agent_health_free(*state);
	return 0;
}

static void rows_live_as_long_as_somebody_wants_them(void **state)
{
	struct health_app_id a = id_of(80), b = id_of(443);
	struct agent_health *h = *state;

	assert_int_equal(agent_health_report(h, probe, &a, HEALTH_HEALTHY, NULL), -ENOENT);
	assert_int_equal(agent_health_add(h, config, &a, 60, false), 0);
	assert_int_equal(agent_health_add(h, app1, &a, AGENT_HEALTH_NO_CAPACITY, true), 0);
	assert_int_equal(agent_health_add(h, app1, &b, 20, true), 0);
	assert_int_equal(agent_health_report(h, probe, &b, HEALTH_HEALTHY, NULL), 0);
	assert_int_equal(agent_health_count(h), 2);
	agent_health_forget(h, app1);
	assert_int_equal(agent_health_count(h), 1);
	assert_null(agent_health_find(h, &b)); /* a probe alone does not keep a row */
	assert_non_null(agent_health_find(h, &a));
	assert_int_equal(agent_health_del(h, app1, &a), -ENOENT);
	assert_int_equal(agent_health_del(h, config, &a), 0);
	assert_null(agent_health_next(h, NULL));
}

static void worst_judge_wins(void **state)
{
	struct health_app_id a = id_of(80);
	struct agent_health *h = *state;
	const struct agent_app *app;

	agent_health_add(h, config, &a, 60, false);
	app = agent_health_find(h, &a);
	assert_int_equal(app->state, HEALTH_UNKNOWN);
	agent_health_report(h, probe, &a, HEALTH_HEALTHY, "connected");
	assert_int_equal(app->state, HEALTH_HEALTHY);
	agent_health_add(h, app1, &a, AGENT_HEALTH_NO_CAPACITY, true);
	assert_int_equal(app->state, HEALTH_UNKNOWN);
	agent_health_report(h, app1, &a, HEALTH_HEALTHY, NULL);
	agent_health_report(h, probe, &a, HEALTH_FAILING, "no\nanswer");
	assert_int_equal(app->state, HEALTH_FAILING);
	assert_string_equal(app->reason, "no?answer");
	agent_health_report(h, operator, & a, HEALTH_HEALTHY, "probe is wrong");
	assert_int_equal(app->state, HEALTH_HEALTHY);
	agent_health_abstain(h, operator, & a);
	assert_int_equal(app->state, HEALTH_FAILING);
	agent_health_abstain(h, probe, &a);
	assert_int_equal(app->state, HEALTH_HEALTHY);
}

static void best_informed_tells_load_and_capacity(void **state)
{
	struct health_app_id a = id_of(80);
	struct agent_health *h = *state;
	const struct agent_app *app;

	agent_health_add(h, app1, &a, AGENT_HEALTH_NO_CAPACITY, false);
	app = agent_health_find(h, &a);
	assert_int_equal(app->capacity, AGENT_HEALTH_DEFAULT_CAPACITY);
	agent_health_add(h, config, &a, 60, false);
	assert_int_equal(app->capacity, 60);
	agent_health_add(h, app1, &a, 70, false);
	assert_int_equal(app->capacity, 70);
	agent_health_add(h, operator, & a, 5, false);
	assert_int_equal(app->capacity, 5);
	agent_health_load(h, kernel, &a, 9000);
	assert_int_equal(app->load, 9000);
	agent_health_load(h, app1, &a, 1000);
	agent_health_load(h, app2, &a, 2000);
	assert_int_equal(app->load, 2000);
	agent_health_del(h, app2, &a);
	assert_int_equal(app->load, 1000);
	assert_int_equal(agent_health_load(h, app1, &a, HEALTH_LOAD_MAX + 1), -EINVAL);
	assert_int_equal(agent_health_add(h, app1, &a, 100, false), -EINVAL);
}

static void lowest_wish_wins(void **state)
{
	struct health_app_id a = id_of(80), b = id_of(81);
	struct agent_health *h = *state;
	const struct agent_app *app;
	const char *reason;

	agent_health_add(h, app1, &a, 50, false);
	app = agent_health_find(h, &a);
	assert_int_equal(app->wish, HEALTH_ACTIVE);
	agent_health_wish(h, app1, &a, HEALTH_DRAINING, "shutting down");
	assert_int_equal(app->wish, HEALTH_DRAINING);
	assert_string_equal(app->wish_reason, "shutting down");
	agent_health_wish_host(h, HEALTH_INACTIVE, "disk exchange");
	assert_int_equal(app->wish, HEALTH_INACTIVE);
	assert_string_equal(app->wish_reason, "disk exchange");
	agent_health_add(h, app1, &b, 50, false);
	assert_int_equal(agent_health_find(h, &b)->wish, HEALTH_INACTIVE);
	assert_int_equal(agent_health_host_wish(h, &reason), HEALTH_INACTIVE);
	agent_health_wish_host(h, HEALTH_ACTIVE, "over");
	assert_int_equal(app->wish, HEALTH_DRAINING);
	assert_string_equal(reason, "");
	agent_health_wish(h, app1, &a, HEALTH_ACTIVE, NULL);
	assert_int_equal(app->wish, HEALTH_ACTIVE);
}

struct seen {
	unsigned n, gone;
	struct health_app_id last;
};

static void see(const struct agent_app *a, void *arg)
{
	struct seen *s = arg;

	s->n++;
	s->gone += a->gone;
	s->last = a->id;
}

static void count(void *arg)
{
	++*(unsigned *)arg;
}

static void changes_are_told_once(void **state)
{
	struct health_app_id a = id_of(80), b = id_of(81);
	struct agent_health *h = *state;
	struct seen s = { 0 };
	unsigned hooked = 0;

	agent_health_hook(h, count, &hooked);
	agent_health_add(h, app1, &a, 50, false);
	agent_health_add(h, app1, &b, 50, false);
	assert_int_equal(hooked, 1);
	agent_health_flush(h, see, &s);
	assert_int_equal(s.n, 2);
	agent_health_report(h, app1, &b, HEALTH_HEALTHY, NULL);
	agent_health_report(h, app1, &b, HEALTH_HEALTHY, NULL);
	assert_int_equal(hooked, 2);
	agent_health_flush(h, see, &s);
	assert_int_equal(s.n, 3);
	assert_memory_equal(&s.last, &b, sizeof b);
	agent_health_report(h, app1, &b, HEALTH_HEALTHY, NULL);
	agent_health_flush(h, see, &s);
	assert_int_equal(s.n, 3);
	agent_health_forget(h, app1);
	agent_health_add(h, app2, &b, 50, false); /* gone and back between two flushes: never gone */
	agent_health_flush(h, see, &s);
	assert_int_equal(s.n, 5);
	assert_int_equal(s.gone, 1);
	assert_int_equal(agent_health_count(h), 1);
}

static void bounds_hold(void **state)
{
	struct health_app_id a = id_of(1);
	struct agent_health *h = *state;
	struct agent_source s = { AGENT_SOURCE_APP, 0 };

	for (; s.number < AGENT_HEALTH_MAX_WORDS; s.number++)
		assert_int_equal(agent_health_add(h, s, &a, 50, false), 0);
	assert_int_equal(agent_health_add(h, s, &a, 50, false), -ENOSPC);
	assert_int_equal(agent_health_report(h, probe, &a, HEALTH_HEALTHY, NULL), -ENOSPC);
	for (unsigned i = 2; i <= HEALTH_MAX_ROWS; i++) {
		a = id_of((uint16_t)i);
		assert_int_equal(agent_health_add(h, config, &a, 50, false), 0);
	}
	a = id_of(HEALTH_MAX_ROWS + 1);
	assert_int_equal(agent_health_add(h, config, &a, 50, false), -ENOSPC);
	assert_int_equal(agent_health_count(h), HEALTH_MAX_ROWS);
}

static void bad_ids_are_refused(void **state)
{
	struct health_app_id good = id_of(80), a;

	assert_true(agent_health_id_valid(&good));
	a = good, a.host.family = 0;
	assert_false(agent_health_id_valid(&a));
	a = good, a.vip.b[4] = 1;
	assert_false(agent_health_id_valid(&a));
	a = good, a.host_port = 0;
	assert_false(agent_health_id_valid(&a));
	a = good, a.specific[1] = 'x';
	assert_false(agent_health_id_valid(&a));
	a = good, memset(a.specific, 'x', sizeof a.specific);
	assert_false(agent_health_id_valid(&a));
	a = good, a.specific[0] = '\n';
	assert_false(agent_health_id_valid(&a));
	a = good, a.proto = 0;
	assert_false(agent_health_id_valid(&a));
	a = good, a.zero[2] = 1;
	assert_false(agent_health_id_valid(&a));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(rows_live_as_long_as_somebody_wants_them),
		CASE(worst_judge_wins),
		CASE(best_informed_tells_load_and_capacity),
		CASE(lowest_wish_wins),
		CASE(changes_are_told_once),
		CASE(bounds_hold),
		cmocka_unit_test(bad_ids_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
