/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/config.h"
#include "agent/group_link.h"

#define GOOD                                                                                           \
	"device = \"eth0\"; addresses = [\"10.0.0.1\"]; forwarders = [\"10.0.0.20\", \"10.0.0.10\"]; " \
	"vips = [\"10.9.0.2\", \"10.9.0.1\"]; secret_file = \"/etc/baton/secret\";"

static char texts[8][CONF_FINDING_MAX];
static struct conf_findings findings;

static int load(const char *body, struct agent_config **ret)
{
	char path[] = "/tmp/agent_config_XXXXXX";
	int fd = mkstemp(path), err;
	FILE *f = fdopen(fd, "w");

	assert_non_null(f);
	fprintf(f, "agent = {\n%s\n};\n", body);
	fclose(f);
	findings = (struct conf_findings){ .text = texts, .max = 8 };
	err = agent_config_load(path, &findings, ret);
	unlink(path);
	return err;
}

static void refused(const char *body, const char *what)
{
	struct agent_config *c = NULL;

	assert_int_equal(load(body, &c), -EINVAL);
	assert_null(c);
	assert_true(findings.n > 0);
	if (!strstr(texts[0], what))
		fail_msg("\"%s\" does not say \"%s\"", texts[0], what);
}

static void test_table_is_sound(void **state)
{
	const char *key = "";

	assert_int_equal(conf_keys_check(agent_config_keys, &key), 0);
}

static void test_defaults(void **state)
{
	struct agent_config *c;

	assert_int_equal(load(GOOD, &c), 0);
	assert_string_equal(c->device, "eth0");
	assert_string_equal(c->run_dir, "/run/baton-agent");
	assert_null(c->name);
	assert_int_equal(c->shim_port, 7471);
	assert_int_equal(c->max_flows, 262144);
	assert_int_equal(c->reply_rate, 10000);
	assert_int_equal(c->idle_s[BATON_CONN_ESTABLISHED], 8200);
	assert_int_equal(c->idle_s[BATON_CONN_UDP], 300);
	agent_config_free(c);
}

static void test_lists_can_be_searched(void **state)
{
	struct agent_config *c;
	struct baton_addr a;

	assert_int_equal(load(GOOD, &c), 0);
	assert_int_equal(c->n_vips, 2);
	for (int i = 1; i <= 3; i++) {
		char text[16];

		snprintf(text, sizeof text, "10.9.0.%d", i);
		assert_int_equal(baton_addr_parse(text, &a), 0);
		assert_int_equal(agent_config_has(c->vips, c->n_vips, &a), i < 3);
	}
	agent_config_free(c);
}

static void test_mistakes_are_named(void **state)
{
	refused("", "agent.addresses");
	refused(GOOD "max_flows = 0;", "agent.max_flows");
	refused(GOOD "shim_port = 65536;", "agent.shim_port");
	refused(GOOD "idle = { udp = 1; };", "agent.idle.udp");
	refused(GOOD "run_dir = \"run\";", "agent.run_dir");
	refused(GOOD "no_such_key = 1;", "no_such_key");
	refused("device = \"a/b\"; addresses = [\"10.0.0.1\"]; forwarders = [\"10.0.0.2\"]; vips = [\"10.9.0.1\"]; "
		"secret_file = \"/s\";",
		"agent.device: \"a/b\" can't be the name of an interface");
}

static void test_without_a_device_it_only_watches(void **state)
{
	refused("addresses = [\"10.0.0.1\"]; secret_file = \"/s\"; name = \"x\";", "agent.balancers: there is neither");
	refused("addresses = [\"10.0.0.1\"]; secret_file = \"/s\"; name = \"x\"; balancers = [\"10.0.0.2\"];\n"
		"forwarders = [\"10.0.0.3\"];",
		"agent.forwarders: useless without a device");
	refused("addresses = [\"10.0.0.1\"]; secret_file = \"/s\"; name = \"x\"; balancers = [\"10.0.0.2\"];\n"
		"vips = [\"10.9.0.1\"];",
		"agent.vips: useless without a device");
	refused("device = \"eth0\"; addresses = [\"10.0.0.1\"]; secret_file = \"/s\"; vips = [\"10.9.0.1\"];",
		"agent.forwarders: required with a device");
}

static void test_addresses_make_sense(void **state)
{
	refused("device = \"eth0\"; addresses = [\"10.0.0.1\"]; forwarders = [\"10.0.0.2\"];\n"
		"vips = [\"10.9.0.1\", \"10.9.0.1\"]; secret_file = \"/s\";",
		"3: agent.vips[1]: 10.9.0.1 stands here twice");
	refused("device = \"eth0\"; addresses = [\"10.0.0.1\"]; forwarders = [\"10.0.0.2\"]; vips = [\"2001:db8::1\"]; "
		"secret_file = \"/s\";",
		"agent.addresses: no IPv6 address, but vips has one");
	refused("device = \"eth0\"; addresses = [\"10.0.0.1\"]; forwarders = [\"10.0.0.2\"]; vips = [\"10.0.0.1\"]; "
		"secret_file = \"/s\";",
		"agent.vips: 10.0.0.1 stands in addresses too");
	refused("device = \"eth0\"; addresses = [\"10.0.0.1\"]; forwarders = [\"10.0.0.1\"]; vips = [\"10.9.0.1\"]; "
		"secret_file = \"/s\";",
		"agent.addresses: 10.0.0.1 stands in forwarders too");
}

static void test_reload_refuses_what_needs_a_restart(void **state)
{
	struct agent_config *old, *new;

	assert_int_equal(load(GOOD, &old), 0);
	assert_int_equal(load(GOOD "reply_rate = 5;", &new), 0);
	assert_int_equal(agent_config_reload_check(old, new, &findings), 0);
	agent_config_free(new);
	assert_int_equal(load(GOOD "max_flows = 5; run_dir = \"/run/x\";", &new), 0);
	assert_int_equal(agent_config_reload_check(old, new, &findings), -EBUSY);
	assert_int_equal(findings.n, 2);
	assert_non_null(strstr(texts[0], "agent.run_dir"));
	assert_non_null(strstr(texts[1], "agent.max_flows"));
	agent_config_free(new);
	agent_config_free(old);
}

#define GROUP(rest)                                                                                                \
	GOOD "name = \"a\"; balancers = [\"10.0.0.2\"]; group = { name = \"g\"; members = ("                       \
	     "{ name = \"b\"; address = \"10.0.0.5\"; }, { name = \"a\"; address = \"10.0.0.6\"; port = 9; }" rest \
	     "); };"

static void test_group(void **state)
{
	struct group_link_settings settings;
	struct agent_config *c, *other;

	assert_int_equal(load(GOOD, &c), 0);
	agent_group_settings(c, &settings);
	assert_int_equal(settings.n_members, 0);
	assert_int_equal(load(GROUP(""), &other), 0);
	assert_false(agent_group_equal(&c->group, &other->group));
	assert_true(agent_group_equal(&other->group, &other->group));
	agent_group_settings(other, &settings);
	assert_int_equal(settings.n_members, 2);
	assert_int_equal(settings.group.own, 1);
	assert_true(settings.group.compress);
	assert_true(settings.members[1].host == agent_config_host_id(other));
	assert_int_equal(settings.members[0].port, 7473);
	assert_int_equal(settings.members[1].port, 9);
	agent_config_free(c);
	agent_config_free(other);
	refused(GROUP(", { name = \"b\"; address = \"10.0.0.7\"; }"), "is a member twice");
	refused(GOOD "name = \"c\"; balancers = [\"10.0.0.2\"]; group = { name = \"g\"; members = ("
		     "{ name = \"b\"; address = \"10.0.0.5\"; }, { name = \"a\"; address = \"10.0.0.6\"; }); };",
		"not among the members");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_table_is_sound),
		cmocka_unit_test(test_defaults),
		cmocka_unit_test(test_lists_can_be_searched),
		cmocka_unit_test(test_mistakes_are_named),
		cmocka_unit_test(test_addresses_make_sense),
		cmocka_unit_test(test_without_a_device_it_only_watches),
		cmocka_unit_test(test_reload_refuses_what_needs_a_restart),
		cmocka_unit_test(test_group),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
