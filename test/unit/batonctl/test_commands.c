/* SPDX-License-Identifier: BSD-3-Clause */
/* The program itself against a fake batond: output and exit codes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

#include "fake_batond.h"

static const char *program; /* set by main */

static const struct fake_reply replies[] = {
	{ "/baton/vips,0",
	  "{\"/baton/vips\": {\"rows\": {\"0\": {\"id\": 0, \"name\": \"web\", \"address\": \"10.0.0.100\","
	  " \"port\": 80, \"protocol\": \"tcp\", \"mode\": \"tunnel\", \"consume\": \"linear\","
	  " \"endpoints\": 3, \"usable\": 2, \"connections\": 7, \"total\": 1234}}, \"next\": 0}}" },
	{ "/baton/drops,0",
	  "{\"/baton/drops\": {\"rows\": {\"0\": {\"name\": \"ttl\", \"count\": 2, \"text\": \"TTL\"},"
	  " \"1\": {\"name\": \"x\", \"count\": 1, \"text\": \"X\"}}, \"next\": 0}}" },
	{ "/baton/routes_count,0",
	  "{\"/baton/routes_count\": {\"rows\": {\"0\": {\"forwarder\": 0, \"family\": 4, \"routes\": 16000,"
	  " \"capacity\": 16384, \"bytes\": 700000, \"buckets\": 661, \"overflowed\": 62, \"longest_search\": 7}},"
	  " \"next\": 0}}" },
	{ "reload", "ok\nvips/a.conf:1: vip.endpoints: warning: none\n" },
	{ NULL, NULL },
};

static const struct fake_reply refusing[] = {
	{ "reload",
	  "error configuration refused, nothing changed\nvips/a.conf:1: vip.port: 0 is out of range 1-65535\n" },
	{ NULL, NULL },
};

static const struct fake_reply confused[] = { { "reload", "what?\n" }, { NULL, NULL } };

static int setup(void **state)
{
	*state = fake_batond_new(replies);
	return 0;
}

static int teardown(void **state)
{
	fake_batond_free(*state);
	return 0;
}

/* Run with -r of the fake and compare both outputs together and the exit code. */
static void runs(const struct fake_batond *f, const char *arguments, int code, const char *expected)
{
	char command[512], output[4096];
	size_t n;
	FILE *p;
	int status;

	snprintf(command, sizeof command, "%s -r %s %s 2>&1 </dev/null", program,
		 f ? fake_batond_run_dir(f) : "/nonexistent", arguments);
	p = popen(command, "re");
	assert_non_null(p);
	n = fread(output, 1, sizeof output - 1, p);
	output[n] = 0;
	status = pclose(p);
	assert_string_equal(output, expected);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), code);
}

static void test_show(void **state)
{
	runs(*state, "show vips", 0,
	     "NAME  ADDRESS     PORT  PROTOCOL  MODE    CONSUME  ENDPOINTS  USABLE  CONNECTIONS  TOTAL\n"
	     "web   10.0.0.100    80  tcp       tunnel  linear           3       2            7   1234\n");
	runs(*state, "show drops --limit 1", 0,
	     "REASON  PACKETS  MEANING\n"
	     "ttl           2  TTL\n"
	     "batonctl: there are more; --limit 0 shows all\n");
	runs(*state, "show routes --count", 0,
	     "FORWARDER  FAMILY  ROUTES  CAPACITY   BYTES  BUCKETS  OVERFLOWED  SEARCH\n"
	     "        0       4   16000     16384  700000      661          62       7\n");
}

static void test_show_json(void **state)
{
	runs(*state, "show drops --json --limit 0", 0,
	     "[\n  {\n    \"name\": \"ttl\",\n    \"count\": 2,\n    \"text\": \"TTL\"\n  },\n"
	     "  {\n    \"name\": \"x\",\n    \"count\": 1,\n    \"text\": \"X\"\n  }\n]\n");
}

static void test_wrong_words(void **state)
{
	runs(*state, "shwo", 2, "batonctl: unknown command \"shwo\"; did you mean \"show\"?\n");
	runs(*state, "banana", 2,
	     "batonctl: unknown command \"banana\"; there are: show watch reload doctor check device host drain "
	     "undrain trace "
	     "help\n");
	runs(*state, "show", 2, "batonctl: show needs one word: what to show (batonctl help show)\n");
	runs(*state, "show vip", 2, "batonctl: unknown thing to show \"vip\"; did you mean \"vips\"?\n");
	runs(*state, "show vips --client ::1", 2, "batonctl: show vips: --client has no meaning here\n");
	runs(*state, "show vips --count", 2, "batonctl: show vips: --count has no meaning here\n");
	runs(*state, "reload now", 2, "batonctl: reload takes no further word, not \"now\"\n");
	runs(*state, "watch vips prots", 2, "batonctl: unknown thing to watch \"prots\"; did you mean \"ports\"?\n");
	runs(*state, "check a b", 2, "batonctl: check takes one file\n");
}

static void test_unknown_to_batond(void **state)
{
	runs(*state, "show ports", 3, "batonctl: /baton/ports,0: batond does not know this request\n");
}

static void test_nobody_there(void **state)
{
	runs(NULL, "show ports", 3,
	     "batonctl: /nonexistent/dpdk/baton/dpdk_telemetry.v2: No such file or directory; is batond running, and "
	     "is this "
	     "its run directory (-r, -c)?\n");
	runs(NULL, "reload", 3,
	     "batonctl: /nonexistent/batond.sock: No such file or directory; is batond running, and is this its run "
	     "directory (-r, -c)?\n");
}

static void test_reload(void **state)
{
	runs(*state, "reload", 0, "vips/a.conf:1: vip.endpoints: warning: none\nreloaded\n");
}

static void test_reload_refused(void **state)
{
	struct fake_batond *f = fake_batond_new(refusing);

	runs(f, "reload", 1,
	     "vips/a.conf:1: vip.port: 0 is out of range 1-65535\n"
	     "batonctl: not reloaded, the old configuration goes on: configuration refused, nothing changed\n");
	fake_batond_free(f);
}

static void test_reload_with_strange_reply(void **state)
{
	struct fake_batond *f = fake_batond_new(confused);

	runs(f, "reload", 3, "batonctl: batond's reply has not the expected form\n");
	fake_batond_free(f);
}

static void test_check(void **state)
{
	runs(*state, "check " CONF_DIR "/device.conf", 0, CONF_DIR "/device.conf: ok, 6 VIPs, 1 ports, 1 lcores\n");
	runs(*state, "check /nonexistent.conf", 1, "/nonexistent.conf: can't be read: No such file or directory\n");
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_show, setup, teardown),
		cmocka_unit_test_setup_teardown(test_show_json, setup, teardown),
		cmocka_unit_test_setup_teardown(test_wrong_words, setup, teardown),
		cmocka_unit_test_setup_teardown(test_unknown_to_batond, setup, teardown),
		cmocka_unit_test(test_nobody_there),
		cmocka_unit_test_setup_teardown(test_reload, setup, teardown),
		cmocka_unit_test(test_reload_refused),
		cmocka_unit_test(test_reload_with_strange_reply),
		cmocka_unit_test_setup_teardown(test_check, setup, teardown),
	};

	program = argc > 1 ? argv[1] : "batonctl";
	return cmocka_run_group_tests(tests, NULL, NULL);
}
