/* SPDX-License-Identifier: BSD-3-Clause */
/* From what is said to what is told, and what is kept of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "agent/health_memory.h"
#include "agent/teller.h"
#include "base/app.h"
#include "base/clock.h"

#define MS CLOCK_NS_PER_MS

static const struct agent_source app = { AGENT_SOURCE_APP, 1 }, operator_wish = { AGENT_SOURCE_OPERATOR, 1 };

struct bench {
	struct agent_config config;
	struct agent_health *health;
	struct teller *teller;
	struct health_host host;
	struct health_app_id web;
};

static void sent(void *context, const struct health_message *m)
{
}

static int setup(void **state)
{
	struct health_host_settings settings = health_host_settings_default();
	struct health_host_ops ops = { .send = sent };
	struct bench *b = calloc(1, sizeof *b);

	settings.id = settings.incarnation = 1;
	b->health = agent_health_new();
	b->teller = teller_new(&b->config, b->health);
	assert_int_equal(health_host_init(&b->host, &settings, &ops, 0), 0);
	assert_int_equal(app_parse("tcp/10.0.0.100:80@10.0.0.11:80", &b->web), 0);
	*state = b;
	return 0;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	health_host_fini(&b->host);
	teller_free(b->teller);
	agent_health_free(b->health);
	free(b);
	return 0;
}

static const struct health_row *told(struct bench *b, uint64_t now_ns)
{
	teller_tell(b->teller, &b->host, false, now_ns);
	return health_table_find(&b->host.table, &b->web);
}

static void health_is_told_at_once(void **state)
{
	struct bench *b = *state;

	agent_health_add(b->health, app, &b->web, 30, true);
	assert_int_equal(told(b, 0)->target, HEALTH_INACTIVE);
	assert_int_equal(told(b, 0)->capacity, 30);
	agent_health_report(b->health, app, &b->web, HEALTH_HEALTHY, NULL);
	assert_int_equal(told(b, 0)->target, HEALTH_ACTIVE);
	agent_health_report(b->health, app, &b->web, HEALTH_UNKNOWN, "asleep");
	assert_int_equal(told(b, 0)->target, HEALTH_DRAINING); /* it was healthy */
	agent_health_report(b->health, app, &b->web, HEALTH_FAILING, "disk full");
	assert_int_equal(told(b, 0)->target, HEALTH_INACTIVE);
	assert_non_null(strstr(told(b, 0)->reason, "disk full"));
	agent_health_forget(b->health, app);
	assert_null(told(b, 0));
	assert_int_equal(teller_refused(b->teller), 0);
}

static void wish_lowers_and_never_lifts(void **state)
{
	struct bench *b = *state;

	agent_health_add(b->health, app, &b->web, 30, true);
	agent_health_report(b->health, app, &b->web, HEALTH_HEALTHY, NULL);
	agent_health_wish_host(b->health, HEALTH_DRAINING, "new kernel");
	assert_int_equal(told(b, 0)->target, HEALTH_DRAINING);
	assert_string_equal(told(b, 0)->reason, "new kernel");
	agent_health_report(b->health, app, &b->web, HEALTH_FAILING, "dead");
	assert_int_equal(told(b, 0)->target, HEALTH_INACTIVE);
	assert_non_null(strstr(told(b, 0)->reason, "dead"));
}

static void load_is_smoothed_though_it_stays_the_same(void **state)
{
	struct bench *b = *state;
	uint64_t now;

	agent_health_add(b->health, app, &b->web, 30, true);
	agent_health_report(b->health, app, &b->web, HEALTH_HEALTHY, NULL);
	assert_int_equal(teller_due(b->teller), UINT64_MAX);
	agent_health_load(b->health, app, &b->web, 1000);
	assert_int_equal(told(b, 1 * MS)->load, 1000);
	assert_int_equal(teller_due(b->teller), 1001 * MS);
	agent_health_load(b->health, app, &b->web, 2000);
	assert_in_range(told(b, 500 * MS)->load, 1000, 1999);
	for (now = 1000; now <= 120000; now += 1000)
		told(b, now * MS);
	assert_in_range(told(b, now * MS)->load, 1950, 2000);
	agent_health_load(b->health, app, &b->web, 20000);
	for (; now <= 240000; now += 1000)
		told(b, now * MS);
	assert_int_equal(told(b, now * MS)->target, HEALTH_DRAINING); /* overload */
}

static void memory_fills_in_what_balancers_knew(void **state)
{
	struct bench *b = *state;
	struct teller_memory m = { b->web, HEALTH_ACTIVE, true };

	assert_true(teller_complete(b->teller));
	assert_int_equal(teller_remember(b->teller, &m, 1), 0);
	assert_false(teller_complete(b->teller));
	agent_health_add(b->health, app, &b->web, 30, true);
	assert_false(teller_complete(b->teller));
	agent_health_report(b->health, app, &b->web, HEALTH_HEALTHY, NULL);
	assert_true(teller_complete(b->teller));
	assert_int_equal(told(b, 0)->current, HEALTH_ACTIVE);
	assert_true(teller_was_healthy(b->teller, &b->web));
}

static void memory_is_read_as_written(void **state)
{
	char folder[] = "/tmp/agent_memory_XXXXXX", path[64], *text, *again;
	struct bench *b = *state;
	struct health_memory m, n;
	struct agent_word w = { .source = operator_wish,
				.added = true,
				.judge = true,
				.has_load = true,
				.state = HEALTH_HEALTHY,
				.wish = HEALTH_DRAINING,
				.capacity = 7,
				.load = 123,
				.reason = "seen",
				.wish_reason = "grün" };
	struct teller_memory row = { b->web, HEALTH_DRAINING, true };
	const struct agent_app *a;
	unsigned line;

	health_memory_init(&m);
	m.incarnation = 77;
	m.wish = HEALTH_INACTIVE;
	memcpy(m.wish_reason, "moving", 7);
	for (int i = 0; i < 5; i++)
		assert_int_equal(health_memory_row_add(&m, &row), 0);
	assert_int_equal(health_memory_word_add(&m, &b->web, &w), 0);
	text = health_memory_format(&m);
	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/health", folder);
	assert_int_equal(health_memory_load(path, &n, &line), 0);
	assert_int_equal(n.incarnation, 0);
	assert_int_equal(health_memory_save(path, text), 0);
	assert_int_equal(health_memory_load(path, &n, &line), 0);
	again = health_memory_format(&n);
	assert_string_equal(again, text);
	assert_int_equal(n.n_rows, 5);
	health_memory_apply(&n, b->health);
	a = agent_health_find(b->health, &b->web);
	assert_int_equal(a->wish, HEALTH_INACTIVE);
	assert_int_equal(a->state, HEALTH_HEALTHY);
	assert_int_equal(a->capacity, 7);
	agent_health_wish_host(b->health, HEALTH_ACTIVE, NULL);
	assert_int_equal(a->wish, HEALTH_DRAINING);
	assert_string_equal(a->wish_reason, "grün");
	unlink(path), rmdir(folder);
	free(text), free(again);
	health_memory_fini(&m), health_memory_fini(&n);
}

static void damaged_memory_is_refused(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} bad[] = { { "", 1 },
		    { "baton-agent health 2\n", 1 },
		    { "baton-agent health 1\nincarnation\t1", 2 },
		    { "baton-agent health 1\nincarnation\t-1\n", 2 },
		    { "baton-agent health 1\nincarnation\t1\nwish\t3\t\n", 3 },
		    { "baton-agent health 1\nrow\ttcp/10.0.0.1:80\t2\t1\n", 2 },
		    { "baton-agent health 1\nrow\ttcp/10.0.0.1:80@10.0.0.2:80\t2\n", 2 },
		    { "baton-agent health 1\noperator\ttcp/10.0.0.1:80@10.0.0.2:80\t2\t1\t5\t1\t1\t\t2\t\t\n", 2 },
		    { "baton-agent health 1\n\t\t\t\t\t\t\t\t\t\t\t\t\t\n", 2 },
		    { "baton-agent health 1\nwhat\n", 2 } };
	struct health_memory m;
	unsigned line;

	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		assert_true(health_memory_parse(bad[i].text, &m, &line) < 0);
		assert_int_equal(line, bad[i].line);
		health_memory_fini(&m);
	}
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(health_is_told_at_once),
		CASE(wish_lowers_and_never_lifts),
		CASE(load_is_smoothed_though_it_stays_the_same),
		CASE(memory_fills_in_what_balancers_knew),
		CASE(memory_is_read_as_written),
		cmocka_unit_test(damaged_memory_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
