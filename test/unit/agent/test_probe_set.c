/* SPDX-License-Identifier: BSD-3-Clause */
/* Probes against a server and programs of the test's own, in a network namespace of its own. */
#include <dirent.h>
#include <errno.h>
#include <poll.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/probe_set.h"
#include "base/clock.h"
#include "probe_server.h"

#define PROBES_MAX 8
#define PATIENCE_S 20

#define OK "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\nall up"
#define BUSY "HTTP/1.1 503 Busy\r\nContent-Length: 0\r\n\r\n"

struct fixture {
	struct probe_server server;
	struct probe_config configs[PROBES_MAX];
	struct probe_spec specs[PROBES_MAX];
	struct probe_set *set;
	unsigned n_reports[PROBES_MAX], served_at_report;
	enum health_state states[PROBES_MAX];
	char reasons[PROBES_MAX][HEALTH_REASON_MAX];
};

static void report(void *context, unsigned number, enum health_state state, const char *reason)
{
	struct fixture *f = context;

	f->n_reports[number]++;
	f->states[number] = state;
	f->served_at_report = f->server.n_served;
	snprintf(f->reasons[number], HEALTH_REASON_MAX, "%s", reason);
}

static void start(struct fixture *f, unsigned n, unsigned max_commands)
{
	assert_int_equal(probe_set_new(f->specs, n, max_commands, report, f, &f->set), 0);
}

static void turn(struct fixture *f)
{
	struct pollfd p = { .fd = probe_set_fd(f->set), .events = POLLIN };

	probe_set_tick(f->set, clock_monotonic_ns());
	probe_server_step(&f->server);
	poll(&p, 1, 1);
}

/* Until probe number has reported so many times. */
static void wait_reports(struct fixture *f, unsigned number, unsigned n)
{
	uint64_t end_ns = clock_monotonic_ns() + PATIENCE_S * CLOCK_NS_PER_S;

	while (f->n_reports[number] < n) {
		turn(f);
		assert_true(clock_monotonic_ns() < end_ns);
	}
}

static struct probe_config *add(struct fixture *f, unsigned number, enum probe_type type)
{
	struct probe_config *c = &f->configs[number];

	*c = (struct probe_config){ .type = type,
				    .interval_ms = 50,
				    .timeout_ms = 5000,
				    .rise = 2,
				    .fall = 3,
				    .path = (char *)"/health?x=1",
				    .body_bytes = 4096 };
	f->specs[number].config = c;
	f->specs[number].port = f->server.port;
	assert_int_equal(baton_addr_parse("127.0.0.1", &f->specs[number].to), 0);
	return c;
}

static struct probe_config *add_command(struct fixture *f, unsigned number, const char *script)
{
	struct probe_config *c = add(f, number, PROBE_COMMAND);

	c->command[0] = (char *)"/bin/sh";
	c->command[1] = (char *)"-c";
	c->command[2] = (char *)script;
	c->n_command = 3;
	return c;
}

/* What the first report says. */
static const char *first_reason(struct fixture *f, enum health_state wanted)
{
	start(f, 1, 1);
	wait_reports(f, 0, 1);
	assert_int_equal(f->states[0], wanted);
	return f->reasons[0];
}

static int setup(void **state)
{
	struct fixture *f = calloc(1, sizeof *f);

	assert_non_null(f);
	probe_server_open(&f->server);
	f->server.answer = OK;
	*state = f;
	return 0;
}

static int teardown(void **state)
{
	struct fixture *f = *state;

	probe_set_free(f->set);
	probe_server_close(&f->server);
	free(f);
	return 0;
}

static void test_tcp_up(void **state)
{
	add(*state, 0, PROBE_TCP);
	assert_string_equal(first_reason(*state, HEALTH_HEALTHY), "connected");
}

static void test_tcp_refused(void **state)
{
	struct fixture *f = *state;

	add(f, 0, PROBE_TCP);
	probe_server_close(&f->server);
	assert_string_equal(first_reason(f, HEALTH_FAILING), "connect: connection refused");
	probe_server_open(&f->server);
}

static void test_http_request_is_as_configured(void **state)
{
	struct fixture *f = *state;
	struct probe_config *c = add(f, 0, PROBE_HTTP);

	c->host_header = (char *)"shop.example";
	c->body_contains = (char *)"all up";
	assert_string_equal(first_reason(f, HEALTH_HEALTHY), "HTTP 200");
	assert_memory_equal(f->server.request, "GET /health?x=1 HTTP/1.1\r\n", 26);
	assert_non_null(strstr(f->server.request, "\r\nHost: shop.example\r\n"));
}

static void test_http_head(void **state)
{
	struct fixture *f = *state;

	add(f, 0, PROBE_HTTP)->method = PROBE_HEAD;
	assert_string_equal(first_reason(f, HEALTH_HEALTHY), "HTTP 200");
	assert_memory_equal(f->server.request, "HEAD /health?x=1 HTTP/1.1\r\n", 27);
}

static void test_http_wrong_status(void **state)
{
	struct fixture *f = *state;

	add(f, 0, PROBE_HTTP);
	f->server.answer = BUSY;
	assert_string_equal(first_reason(f, HEALTH_FAILING), "HTTP 503, want 200");
}

static void test_http_wrong_body(void **state)
{
	add(*state, 0, PROBE_HTTP)->body_matches = (char *)"^all (down|gone)";
	assert_string_equal(first_reason(*state, HEALTH_FAILING), "HTTP 200, body does not match \"^all (down|gone)\"");
}

static void test_http_body_behind_the_limit_is_not_read(void **state)
{
	struct fixture *f = *state;
	struct probe_config *c = add(f, 0, PROBE_HTTP);

	c->body_bytes = 5;
	c->body_contains = (char *)"all up";
	assert_string_equal(first_reason(f, HEALTH_FAILING), "HTTP 200, body lacks \"all up\"");
}

static void test_http_silence(void **state)
{
	struct fixture *f = *state;

	add(f, 0, PROBE_HTTP)->timeout_ms = 100;
	f->server.answer = NULL;
	assert_string_equal(first_reason(f, HEALTH_FAILING), "HTTP: no answer within 100 ms");
	assert_true(f->server.n_served >= 1);
}

static void test_http_answer_is_none(void **state)
{
	struct fixture *f = *state;

	add(f, 0, PROBE_HTTP);
	f->server.answer = "SSH-2.0-x\r\n";
	assert_memory_equal(first_reason(f, HEALTH_FAILING), "HTTP: ", 6);
}

static void test_http_endless_header(void **state)
{
	static char answer[PROBE_BODY_MAX * 2];
	struct fixture *f = *state;
	size_t n = (size_t)snprintf(answer, sizeof answer, "HTTP/1.1 200 OK\r\n");

	while (n + 64 < sizeof answer)
		n += (size_t)snprintf(answer + n, sizeof answer - n, "X-Much: %040zu\r\n", n);
	add(f, 0, PROBE_HTTP);
	f->server.answer = answer;
	assert_string_equal(first_reason(f, HEALTH_FAILING), "HTTP: header of more than 65536 bytes");
}

static void test_rise_and_fall_are_exact(void **state)
{
	struct fixture *f = *state;

	add(f, 0, PROBE_HTTP);
	start(f, 1, 1);
	wait_reports(f, 0, 1);
	assert_int_equal(f->served_at_report, 1);
	f->server.answer = BUSY;
	f->server.n_served = 0;
	wait_reports(f, 0, 2);
	assert_int_equal(f->states[0], HEALTH_FAILING);
	assert_int_equal(f->served_at_report, 3);
	f->server.answer = OK;
	f->server.n_served = 0;
	wait_reports(f, 0, 3);
	assert_int_equal(f->states[0], HEALTH_HEALTHY);
	assert_int_equal(f->served_at_report, 2);
	assert_int_equal(probe_set_attempts(f->set), 6);
}

static void test_command_good(void **state)
{
	add_command(*state, 0, "echo first; echo '3 workers idle'");
	assert_string_equal(first_reason(*state, HEALTH_HEALTHY), "3 workers idle");
}

static void test_command_bad(void **state)
{
	add_command(*state, 0, "echo 'no workers' >&2; exit 2");
	assert_string_equal(first_reason(*state, HEALTH_FAILING), "exit status 2: no workers");
}

static void test_command_killed(void **state)
{
	add_command(*state, 0, "kill -9 $$");
	assert_string_equal(first_reason(*state, HEALTH_FAILING), "killed by signal 9");
}

static void test_command_absent(void **state)
{
	add_command(*state, 0, "")->command[0] = (char *)"/nonexistent/probe";
	assert_string_equal(first_reason(*state, HEALTH_FAILING),
			    "can't run /nonexistent/probe: no such file or directory");
}

static void test_command_floods(void **state)
{
	add_command(*state, 0, "while echo aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa; do :; done");
	assert_string_equal(first_reason(*state, HEALTH_FAILING), "wrote more than 1048576 bytes");
}

static void test_command_gets_no_descriptors(void **state)
{
	add_command(*state, 0, "ls /proc/self/fd | wc -l");
	/* 0, 1, 2 and the folder that ls reads */
	assert_string_equal(first_reason(*state, HEALTH_HEALTHY), "4");
}

/* Processes whose parent is this one, and that are not dead. */
static unsigned n_children(void)
{
	char path[64], text[4096] = "";
	unsigned n = 0;
	FILE *f;

	snprintf(path, sizeof path, "/proc/self/task/%d/children", (int)getpid());
	f = fopen(path, "r");
	assert_non_null(f);
	if (fgets(text, sizeof text, f))
		for (const char *p = text; (p = strchr(p, ' ')); p++)
			n++;
	fclose(f);
	return n;
}

/* What killed programs have left behind becomes ours (subreaper); nobody else would reap it. */
static void wait_no_children(void)
{
	uint64_t end_ns = clock_monotonic_ns() + PATIENCE_S * CLOCK_NS_PER_S;

	while (n_children()) {
		waitpid(-1, NULL, WNOHANG);
		usleep(1000);
		assert_true(clock_monotonic_ns() < end_ns);
	}
}

static void test_hanging_command_is_killed_with_its_group(void **state)
{
	struct fixture *f = *state;

	add_command(f, 0, "sleep 1000 & sleep 1000; echo never")->timeout_ms = 100;
	start(f, 1, 1);
	wait_reports(f, 0, 1);
	assert_string_equal(f->reasons[0], "still running after 100 ms");
	probe_set_free(f->set);
	f->set = NULL;
	wait_no_children();
}

static void test_commands_are_bounded(void **state)
{
	struct fixture *f = *state;
	unsigned most = 0;
	uint64_t end_ns = clock_monotonic_ns() + PATIENCE_S * CLOCK_NS_PER_S;

	for (unsigned i = 0; i < 6; i++)
		add_command(f, i, "sleep 0.05")->interval_ms = 50;
	start(f, 6, 2);
	for (unsigned done = 0; done < 6;) {
		unsigned n = n_children();

		most = n > most ? n : most;
		assert_true(n <= 2);
		turn(f);
		done = 0;
		for (unsigned i = 0; i < 6; i++)
			done += f->n_reports[i] > 0;
		assert_true(clock_monotonic_ns() < end_ns);
	}
	assert_int_equal(most, 2);
	for (unsigned i = 0; i < 6; i++)
		assert_int_equal(f->states[i], HEALTH_HEALTHY);
}

static void test_free_in_mid_attempt(void **state)
{
	struct fixture *f = *state;
	uint64_t end_ns = clock_monotonic_ns() + PATIENCE_S * CLOCK_NS_PER_S;

	f->server.answer = NULL;
	add(f, 0, PROBE_HTTP);
	add_command(f, 1, "sleep 1000");
	start(f, 2, 1);
	while (!f->server.n_served || !n_children()) {
		turn(f);
		assert_true(clock_monotonic_ns() < end_ns);
	}
	probe_set_free(f->set);
	f->set = NULL;
	wait_no_children();
	assert_int_equal(f->n_reports[0] + f->n_reports[1], 0);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_tcp_up),
		T(test_tcp_refused),
		T(test_http_request_is_as_configured),
		T(test_http_head),
		T(test_http_wrong_status),
		T(test_http_wrong_body),
		T(test_http_body_behind_the_limit_is_not_read),
		T(test_http_silence),
		T(test_http_answer_is_none),
		T(test_http_endless_header),
		T(test_rise_and_fall_are_exact),
		T(test_command_good),
		T(test_command_bad),
		T(test_command_killed),
		T(test_command_absent),
		T(test_command_floods),
		T(test_command_gets_no_descriptors),
		T(test_hanging_command_is_killed_with_its_group),
		T(test_commands_are_bounded),
		T(test_free_in_mid_attempt),
	};

	probe_server_namespace();
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		return 1;
	return cmocka_run_group_tests(tests, NULL, NULL);
}
