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

#include "agent/preflight.h"
#include "agent/state.h"
#include "agent/sweep.h"
#include "base/clock.h"

static struct agent_state s, t;

static struct baton_addr addr(const char *text)
{
	struct baton_addr a;

	assert_int_equal(baton_addr_parse(text, &a), 0);
	return a;
}

static void test_written_state_is_read_back(void **state)
{
	char folder[] = "/tmp/agent_state_XXXXXX", path[64];
	struct baton_addr a = addr("10.9.0.1"), b = addr("2001:db8::80"), c = addr("10.9.0.2");
	unsigned line;

	assert_non_null(mkdtemp(folder));
	snprintf(path, sizeof path, "%s/state", folder);
	assert_int_equal(agent_state_load(path, &s, &line), 0);
	assert_int_equal(s.arp_ignore, STATE_UNCHANGED);
	memcpy(s.device, "eth0", 5);
	s.clsact = true;
	s.arp_announce = 0;
	assert_int_equal(agent_state_add_vip(&s, &a), 0);
	assert_int_equal(agent_state_add_vip(&s, &b), 0);
	assert_int_equal(agent_state_add_vip(&s, &a), 0);
	assert_int_equal(agent_state_save(path, &s), 0);
	assert_int_equal(agent_state_load(path, &t, &line), 0);
	assert_string_equal(t.device, "eth0");
	assert_true(t.clsact);
	assert_false(t.bpffs);
	assert_int_equal(t.arp_ignore, STATE_UNCHANGED);
	assert_int_equal(t.arp_announce, 0);
	assert_int_equal(t.n_vips, 2);
	assert_true(agent_state_has_vip(&t, &a) && agent_state_has_vip(&t, &b) && !agent_state_has_vip(&t, &c));
	agent_state_del_vip(&t, &a);
	assert_true(!agent_state_has_vip(&t, &a) && agent_state_has_vip(&t, &b));
	unlink(path);
	rmdir(folder);
}

static void test_table_of_vips_ends(void **state)
{
	char text[32];

	agent_state_init(&s);
	for (int i = 0; i <= AGENT_MAX_VIPS; i++) {
		struct baton_addr a;

		snprintf(text, sizeof text, "10.9.%d.%d", i / 256, i % 256);
		a = addr(text);
		assert_int_equal(agent_state_add_vip(&s, &a), i < AGENT_MAX_VIPS ? 0 : -ENOSPC);
	}
}

static void test_damaged_state_is_refused(void **state)
{
	static const struct {
		const char *text;
		unsigned line;
	} bad[] = {
		{ "", 1 },
		{ "baton-agent state 2\n", 1 },
		{ "baton-agent state 1", 1 },
		{ "baton-agent state 1\ndevice \n", 2 },
		{ "baton-agent state 1\ndevice a-name-that-is-too-long\n", 2 },
		{ "baton-agent state 1\nclsact yes\n", 2 },
		{ "baton-agent state 1\nbpffs ours\narp_ignore -1\n", 3 },
		{ "baton-agent state 1\narp_ignore 1x\n", 2 },
		{ "baton-agent state 1\narp_ignore 99999999999\n", 2 },
		{ "baton-agent state 1\nvip 10.0.0\n", 2 },
		{ "baton-agent state 1\nvip 10.0.0.1", 2 },
		{ "baton-agent state 1\nwhat ever\n", 2 },
		{ "baton-agent state 1\n\n", 2 },
	};
	unsigned line;

	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++) {
		line = 0;
		assert_int_equal(agent_state_parse(bad[i].text, &s, &line), -EINVAL);
		assert_int_equal(line, bad[i].line);
	}
	assert_int_equal(agent_state_parse("baton-agent state 1\n", &s, &line), 0);
}

static void test_kernel_versions(void **state)
{
	assert_int_equal(preflight_kernel_parse("6.1.0-13-amd64"), 6 << 16 | 1);
	assert_int_equal(preflight_kernel_parse("5.15"), 5 << 16 | 15);
	assert_true(preflight_kernel_parse("6.8.0") > preflight_kernel_parse("5.19.17"));
	assert_int_equal(preflight_kernel_parse("six"), 0);
	assert_int_equal(preflight_kernel_parse(""), 0);
}

static struct agent_config config(void)
{
	struct agent_config c = { .n_addresses = 1, .n_forwarders = 1, .n_vips = 1 };

	c.addresses[0] = addr("10.0.0.1");
	c.forwarders[0] = addr("10.0.0.10");
	c.vips[0] = addr("10.9.0.1");
	for (int i = 0; i < BATON_N_CONN_STATES; i++)
		c.idle_s[i] = 10 * (i + 1);
	return c;
}

static void test_idle_flows_expire_by_state(void **state)
{
	struct agent_config c = config();
	struct agent_flow_key key = { .family = BATON_IPV4 };
	struct agent_flow f = { .last_used_ns = 1000 * CLOCK_NS_PER_S };

	memcpy(key.device, c.forwarders[0].b, 16);
	memcpy(f.daddr, c.vips[0].b, 16);
	memcpy(f.host, c.addresses[0].b, 16);
	for (f.state = 0; f.state < BATON_N_CONN_STATES; f.state++) {
		uint64_t end = f.last_used_ns + 10 * (f.state + 1u) * CLOCK_NS_PER_S;

		assert_false(sweep_expired(&key, &f, &c, f.last_used_ns));
		assert_false(sweep_expired(&key, &f, &c, end));
		assert_true(sweep_expired(&key, &f, &c, end + 1));
		/* used after the clock was read */
		assert_false(sweep_expired(&key, &f, &c, f.last_used_ns - 1));
	}
}

static void test_flows_of_removed_addresses_expire(void **state)
{
	struct agent_config c = config();
	struct agent_flow_key key = { .family = BATON_IPV4 };
	struct agent_flow f = { .last_used_ns = 1000, .state = BATON_CONN_UDP };

	memcpy(key.device, c.forwarders[0].b, 16);
	memcpy(f.daddr, c.vips[0].b, 16);
	memcpy(f.host, c.addresses[0].b, 16);
	assert_false(sweep_expired(&key, &f, &c, 1000));
	for (int i = 0; i < 3; i++) {
		uint8_t *b = i == 0 ? key.device : i == 1 ? f.daddr : f.host;

		b[3]++;
		assert_true(sweep_expired(&key, &f, &c, 1000));
		b[3]--;
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_written_state_is_read_back),
		cmocka_unit_test(test_table_of_vips_ends),
		cmocka_unit_test(test_damaged_state_is_refused),
		cmocka_unit_test(test_kernel_versions),
		cmocka_unit_test(test_idle_flows_expire_by_state),
		cmocka_unit_test(test_flows_of_removed_addresses_expire),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
