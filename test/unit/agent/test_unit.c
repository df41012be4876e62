/* SPDX-License-Identifier: BSD-3-Clause */
/* Units watched over a real bus of the test's own, with a stand-in for systemd. */
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "agent/unit_message.h"
#include "agent/unit_watch.h"
#include "base/clock.h"
#include "lib/systemd_stand_in.h"

#define PATIENCE_S 20

enum { WEB, DATABASE, N_UNITS };

struct fixture {
	struct private_bus bus;
	struct stand_in systemd;
	struct unit_watch *watch;
	unsigned n_reports[N_UNITS], n_manager_reports;
	bool active[N_UNITS], present;
	char state[N_UNITS][32], why[128];
};

static void unit_seen(void *context, unsigned number, bool active, const char *state)
{
	struct fixture *f = context;

	f->n_reports[number]++;
	f->active[number] = active;
	snprintf(f->state[number], sizeof f->state[number], "%s", state);
}

static void manager_seen(void *context, bool present, const char *why)
{
	struct fixture *f = context;

	f->n_manager_reports++;
	f->present = present;
	snprintf(f->why, sizeof f->why, "%s", why ? why : "");
}

static void turn(struct fixture *f)
{
	struct pollfd p = { .fd = unit_watch_fd(f->watch), .events = POLLIN };

	stand_in_step(&f->systemd);
	unit_watch_tick(f->watch, clock_monotonic_ns());
	poll(&p, 1, 1);
}

#define WAIT_FOR(f, condition)                                                                      \
	for (uint64_t end_ns = clock_monotonic_ns() + PATIENCE_S * CLOCK_NS_PER_S; !(condition);) { \
		turn(f);                                                                            \
		assert_true(clock_monotonic_ns() < end_ns);                                         \
	}

/* Until the manager has answered all there is to answer: a state that changes last is seen. */
static void settle(struct fixture *f)
{
	unsigned n = f->n_reports[DATABASE];

	stand_in_set(&f->systemd, "mariadb.service", f->active[DATABASE] ? "failed" : "active");
	WAIT_FOR(f, f->n_reports[DATABASE] > n);
}

static int setup(void **state)
{
	static char *const names[] = { (char *)"nginx.service", (char *)"mysql.service" };
	static const struct unit_watch_handlers handlers = { .unit = unit_seen, .manager = manager_seen };
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	private_bus_start(&f->bus);
	stand_in_add(&f->systemd, "nginx.service", "");
	stand_in_add(&f->systemd, "mariadb.service", "mysql.service");
	stand_in_add(&f->systemd, "other.service", "");
	assert_int_equal(unit_watch_new(f->bus.address, names, N_UNITS, &handlers, f, &f->watch), 0);
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	unit_watch_free(f->watch);
	stand_in_close(&f->systemd);
	private_bus_remove(&f->bus);
	free(f);
	return 0;
}

static void start(struct fixture *f)
{
	assert_true(stand_in_open(&f->systemd, f->bus.address) >= 0);
	WAIT_FOR(f, f->n_reports[WEB] && f->n_reports[DATABASE]);
	assert_true(f->present);
}

static void test_states_when_watching_begins(void **state)
{
	struct fixture *f = *state;

	stand_in_set(&f->systemd, "nginx.service", "active");
	start(f);
	assert_true(f->active[WEB]);
	assert_string_equal(f->state[WEB], "active");
	assert_false(f->active[DATABASE]);
	assert_string_equal(f->state[DATABASE], "inactive");
	assert_int_equal(f->n_manager_reports, 1);
}

static void test_starting_and_stopping_is_seen(void **state)
{
	struct fixture *f = *state;

	start(f);
	for (unsigned i = 0; i < 3; i++) {
		stand_in_set(&f->systemd, "nginx.service", "activating");
		stand_in_set(&f->systemd, "nginx.service", "active");
		WAIT_FOR(f, f->n_reports[WEB] == 2 + 2 * i);
		assert_true(f->active[WEB]);
		stand_in_set(&f->systemd, "nginx.service", "deactivating");
		WAIT_FOR(f, f->n_reports[WEB] == 3 + 2 * i);
		assert_false(f->active[WEB]);
		assert_string_equal(f->state[WEB], "deactivating");
		stand_in_set(&f->systemd, "nginx.service", "inactive");
	}
	settle(f);
	assert_int_equal(f->n_reports[WEB], 7);
	assert_int_equal(f->n_manager_reports, 1);
}

static void test_start_that_is_announced_by_unit_new_alone(void **state)
{
	struct fixture *f = *state;

	start(f);
	stand_in_set(&f->systemd, "nginx.service", "active");
	WAIT_FOR(f, f->active[WEB]);
}

static void test_alias_is_resolved(void **state)
{
	struct fixture *f = *state;

	start(f);
	stand_in_set(&f->systemd, "mariadb.service", "active");
	WAIT_FOR(f, f->active[DATABASE]);
	stand_in_set(&f->systemd, "mariadb.service", "failed");
	WAIT_FOR(f, !f->active[DATABASE]);
	assert_string_equal(f->state[DATABASE], "failed");
}

static void test_reloading_unit_is_active(void **state)
{
	struct fixture *f = *state;

	stand_in_set(&f->systemd, "nginx.service", "active");
	start(f);
	stand_in_set(&f->systemd, "nginx.service", "reloading");
	stand_in_set(&f->systemd, "nginx.service", "active");
	settle(f);
	assert_true(f->active[WEB]);
	assert_int_equal(f->n_reports[WEB], 1);
	assert_true(unit_state_is_active("refreshing"));
	assert_false(unit_state_is_active("activating") || unit_state_is_active("maintenance"));
}

static void test_daemon_reload_asks_anew(void **state)
{
	struct fixture *f = *state;
	unsigned n;

	start(f);
	n = f->systemd.n_lists;
	stand_in_set_silently(&f->systemd, "nginx.service", "active");
	stand_in_reloaded(&f->systemd);
	WAIT_FOR(f, f->active[WEB]);
	assert_true(f->systemd.n_lists > n);
}

static void test_watching_stopped_units_is_quiet(void **state)
{
	struct fixture *f = *state;
	unsigned lists, loads;

	start(f);
	/* announcements of the beginning may cause another list or two, the last one behind the first two answers */
	for (unsigned i = 0; i < 3; i++)
		settle(f);
	lists = f->systemd.n_lists;
	loads = f->systemd.n_loads;
	assert_int_equal(loads, N_UNITS);
	for (unsigned i = 0; i < 5; i++) {
		settle(f);
		stand_in_set(&f->systemd, "other.service", i % 2 ? "inactive" : "active");
	}
	settle(f);
	assert_int_equal(f->systemd.n_lists, lists);
	assert_int_equal(f->systemd.n_loads, loads);
}

static void test_manager_executed_again(void **state)
{
	struct fixture *f = *state;

	stand_in_set(&f->systemd, "nginx.service", "active");
	start(f);
	stand_in_close(&f->systemd);
	WAIT_FOR(f, !f->present);
	assert_string_equal(f->why, "the manager has left the bus");
	assert_true(f->active[WEB]);
	stand_in_set_silently(&f->systemd, "nginx.service", "failed");
	assert_true(stand_in_open(&f->systemd, f->bus.address) >= 0);
	WAIT_FOR(f, f->present && !f->active[WEB]);
	stand_in_set(&f->systemd, "nginx.service", "active");
	WAIT_FOR(f, f->active[WEB]);
}

static void test_bus_gone_and_back(void **state)
{
	struct fixture *f = *state;

	stand_in_set(&f->systemd, "nginx.service", "active");
	start(f);
	for (unsigned i = 0; i < 2; i++) {
		bool was = f->active[WEB];

		stand_in_close(&f->systemd);
		private_bus_stop(&f->bus);
		WAIT_FOR(f, !f->present);
		assert_true(f->active[WEB] == was); /* the last known state stands */
		stand_in_set_silently(&f->systemd, "nginx.service", was ? "inactive" : "active");
		private_bus_restart(&f->bus);
		assert_true(stand_in_open(&f->systemd, f->bus.address) >= 0);
		WAIT_FOR(f, f->present && f->active[WEB] != was);
	}
}

static void test_bus_that_is_not_there_yet(void **state)
{
	struct fixture *f = *state;

	private_bus_stop(&f->bus);
	WAIT_FOR(f, f->n_manager_reports);
	assert_false(f->present);
	assert_int_equal(f->n_reports[WEB], 0);
	private_bus_restart(&f->bus);
	start(f);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_states_when_watching_begins),
		T(test_starting_and_stopping_is_seen),
		T(test_start_that_is_announced_by_unit_new_alone),
		T(test_alias_is_resolved),
		T(test_reloading_unit_is_active),
		T(test_daemon_reload_asks_anew),
		T(test_watching_stopped_units_is_quiet),
		T(test_manager_executed_again),
		T(test_bus_gone_and_back),
		T(test_bus_that_is_not_there_yet),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
