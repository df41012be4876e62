/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "batonctl/batonctl.h"

static char why[BATONCTL_WHY_SIZE];

/* Parse a line of words. */
static int parse(const char *line, struct options *o)
{
	static char copy[256];
	char *argv[32] = { (char[]){ "batonctl" } };
	int argc = 1;

	snprintf(copy, sizeof copy, "%s", line);
	for (char *save, *w = strtok_r(copy, " ", &save); w; w = strtok_r(NULL, " ", &save))
		argv[argc++] = w;
	return options_parse(argc, argv, o, why);
}

static void refused(const char *line, const char *expected)
{
	struct options o = { 0 };

	assert_int_equal(parse(line, &o), -EINVAL);
	assert_string_equal(why, expected);
	assert_null(o.command);
}

static void test_words_and_options_in_any_order(void **state)
{
	struct options o;

	assert_int_equal(
		parse("show --json routes -r /x --limit 5 --client 10.0.0.1 --vip web --host ::1 --all --count", &o),
		0);
	assert_string_equal(o.command, "show");
	assert_int_equal(o.n_words, 1);
	assert_string_equal(o.words[0], "routes");
	assert_string_equal(o.run_dir, "/x");
	assert_int_equal(o.limit, 5);
	assert_string_equal(o.client, "10.0.0.1");
	assert_string_equal(o.vip, "web");
	assert_string_equal(o.host, "::1");
	assert_true(o.json && o.all && o.count);
}

static void test_defaults(void **state)
{
	struct options o;

	assert_int_equal(parse("", &o), 0);
	assert_null(o.command);
	assert_int_equal(o.limit, 1000);
	assert_int_equal(o.interval_s, 1);
	assert_string_equal(options_config(&o), "/etc/baton/device.conf");
}

static void test_refusals(void **state)
{
	refused("show --jsom", "unknown option \"--jsom\"; did you mean \"--json\"?");
	refused("show --banana", "unknown option \"--banana\"");
	refused("show -r", "option \"-r\" needs a value");
	refused("show --limit -1", "--limit: \"-1\" is not a number from 0 to 1000000000");
	refused("show --limit 99999999999999999999",
		"--limit: \"99999999999999999999\" is not a number from 0 to 1000000000");
	refused("watch -n 0", "--interval: \"0\" is not a number from 1 to 3600");
	refused("show routes --client 10.0.0", "--client: \"10.0.0\" is not an IPv4 or IPv6 address");
	refused("show routes --host x", "--host: \"x\" is not an IPv4 or IPv6 address");
	refused("show routes --vip a/", "--vip: \"a/\" can't be a VIP's name");
	refused("show routes --vip /a", "--vip: \"/a\" can't be a VIP's name");
	refused("show routes --vip a/b/c", "--vip: \"a/b/c\" can't be a VIP's name");
	refused("show routes --vip a,host=b", "--vip: \"a,host=b\" can't be a VIP's name");
	refused("watch 1 2 3 4 5 6 7 8 9", "too many words, from \"9\" on");
}

static void run_dir_is(const char *line, const char *expected)
{
	struct options o;
	char *dir = NULL;

	assert_int_equal(parse(line, &o), 0);
	assert_int_equal(options_run_dir(&o, &dir, why), 0);
	assert_string_equal(dir, expected);
	free(dir);
}

static void test_run_dir(void **state)
{
	char path[] = "/tmp/baton-options-XXXXXX", line[64];
	int fd = mkstemp(path);
	struct options o;
	char *dir;

	run_dir_is("-r /some/where", "/some/where");
	assert_true(fd >= 0 && write(fd, "device = { run_dir = \"/r\"; odd = 1; };", 38) == 38);
	close(fd);
	snprintf(line, sizeof line, "-c %s", path);
	run_dir_is(line, "/r");
	unlink(path);
	assert_int_equal(parse(line, &o), 0);
	assert_int_equal(options_run_dir(&o, &dir, why), -ENOENT);
	assert_non_null(strstr(why, "can't be read: No such file or directory"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_words_and_options_in_any_order),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_run_dir),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
