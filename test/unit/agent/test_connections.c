/* SPDX-License-Identifier: BSD-3-Clause */
/* What becomes of the entries of the table of connections, and what is reported of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <arpa/inet.h>
#include <string.h>

#include "agent/conn_sweep.h"
#include "agent/counter.h"
#include "agent/kernel.h"
#include "base/clock.h"

#define S CLOCK_NS_PER_S
#define CHANGED (1000 * S)

static const struct agent_conn_key key = {
	.saddr = { 198, 51, 100, 7 }, .daddr = { 203, 0, 113, 80 }, .sport = 0x1234, .dport = 0x5000, .family = 4
};

static enum conn_fate fate_at(const struct agent_conn *c, uint64_t after_ns)
{
	static const struct agent_config config = { .vips = { { .b = { 203, 0, 113, 80 }, .family = 4 } },
						    .n_vips = 1,
						    .unclaimed_s = 60 };
	const struct conn_pass later = { CHANGED + 1, CHANGED + 2 };

	return conn_fate(&key, c, &config, &later, CHANGED + after_ns);
}

static struct agent_conn conn(enum agent_conn_state state, uint8_t flags)
{
	return (struct agent_conn){ .state = (uint8_t)state, .flags = flags, .changed_ns = CHANGED };
}

static void test_what_never_became_a_socket(void **state)
{
	struct agent_conn created = conn(AGENT_CONN_NEW, AGENT_CONN_CREATED), syn = conn(AGENT_CONN_NEW, 0);

	(void)state;
	assert_int_equal(fate_at(&created, 5 * S), CONN_KEEP);
	assert_int_equal(fate_at(&created, 5 * S + 1), CONN_LOST);
	assert_int_equal(fate_at(&syn, 130 * S), CONN_KEEP);
	assert_int_equal(fate_at(&syn, 130 * S + 1), CONN_FORGET);
	/* changed after the clock was read */
	assert_int_equal(fate_at(&created, (uint64_t)-1), CONN_KEEP);
}

static void test_what_nobody_introduced(void **state)
{
	struct agent_conn created = conn(AGENT_CONN_OPEN, AGENT_CONN_CREATED), own = conn(AGENT_CONN_OPEN, 0);

	(void)state;
	assert_int_equal(fate_at(&created, 60 * S), CONN_KEEP);
	assert_int_equal(fate_at(&created, 60 * S + 1), CONN_UNCLAIMED);
	assert_int_equal(fate_at(&own, 100000 * S), CONN_KEEP);
	created.flow_id = 1;
	assert_int_equal(fate_at(&created, 100000 * S), CONN_KEEP);
}

static void test_ends_are_remembered(void **state)
{
	(void)state;
	for (enum agent_conn_state s = AGENT_CONN_ENDED; s <= AGENT_CONN_LINGERS; s++) {
		struct agent_conn c = conn(s, AGENT_CONN_REPORTED);

		assert_int_equal(fate_at(&c, 120 * S), CONN_KEEP);
		assert_int_equal(fate_at(&c, 120 * S + 1), CONN_FORGET);
	}
}

/* Passes follow each other without a gap; an end that the event did not report falls into exactly one. */
static void test_each_end_is_found_once(void **state)
{
	static const struct agent_config config = { .vips = { { .b = { 203, 0, 113, 80 }, .family = 4 } },
						    .n_vips = 1,
						    .unclaimed_s = 60 };

	(void)state;
	for (uint64_t at = 0; at < 60; at++) {
		struct agent_conn c = conn(AGENT_CONN_ENDED, 0);
		struct conn_pass pass = { 0 };
		unsigned n = 0;

		c.changed_ns = at;
		for (uint64_t began = 5; began < 100; began += 5) {
			pass = (struct conn_pass){ pass.began_ns, began };
			/* a pass sees what has ended since it began as well */
			if (at < began + 5)
				n += conn_fate(&key, &c, &config, &pass, began + 4) == CONN_REPORT;
			else
				continue;
		}
		assert_int_equal(n, 1);
		c.flags = AGENT_CONN_REPORTED;
		pass = (struct conn_pass){ 0, 100 };
		assert_int_equal(conn_fate(&key, &c, &config, &pass, 100), CONN_KEEP);
	}
}

static void test_addresses_not_served_any_more(void **state)
{
	static const struct agent_config config = { .vips = { { .b = { 203, 0, 113, 81 }, .family = 4 } },
						    .n_vips = 1 };
	struct agent_conn c = conn(AGENT_CONN_OPEN, AGENT_CONN_CREATED);
	struct conn_pass pass = { 0 };

	(void)state;
	assert_int_equal(conn_fate(&key, &c, &config, &pass, CHANGED), CONN_FORGET);
}

static void test_reports(void **state)
{
	struct agent_conn c = { .client_isn = 1, .server_isn = 2, .flow_id = 0x01020304, .state = AGENT_CONN_ENDED };
	struct baton_shim_conn body;

	(void)state;
	memset(&body, 0xff, sizeof body);
	ends_body(&body, &key, &c);
	assert_int_equal(ntohl(body.client_isn), 1);
	assert_int_equal(ntohl(body.server_isn), 2);
	assert_int_equal(ntohl(body.flow_id), 0x01020304);
	assert_int_equal(body.next_seq, 0);
	assert_int_equal(body.state, BATON_SHIM_CONN_ENDED);
	assert_int_equal(body.reason, BATON_SHIM_REFUSAL_NONE);
	assert_int_equal(body.family, 4);
	assert_int_equal(body.sport, key.sport);
	assert_int_equal(body.dport, key.dport);
	assert_memory_equal(body.saddr, key.saddr, 16);
	assert_memory_equal(body.daddr, key.daddr, 16);
	c.state = AGENT_CONN_LINGERS;
	ends_body(&body, &key, &c);
	assert_int_equal(body.state, BATON_SHIM_CONN_LINGERS);
}

static void test_words(void **state)
{
	struct agent_kernel k = { 0 };

	(void)state;
	assert_null(agent_kernel_obstacle(&k));
	k.refusal = BATON_SHIM_REFUSAL_SYNCOOKIES_OFF;
	assert_non_null(strstr(agent_kernel_obstacle(&k), "tcp_syncookies"));
	agent_kernel_read(&k, false);
	assert_int_equal(k.refusal, BATON_SHIM_REFUSAL_KERNEL);
	/* the counters of refusals have the names that stand on the wire */
#define X(TOKEN, name, text)                                                                                          \
	if (BATON_SHIM_REFUSAL_##TOKEN)                                                                               \
		assert_string_equal(                                                                                  \
			agent_counter_name((enum agent_counter)AGENT_COUNTER_OF_REFUSAL(BATON_SHIM_REFUSAL_##TOKEN)), \
			"refused_" name);
	BATON_SHIM_REFUSALS(X)
#undef X
	for (int i = 0; i < AGENT_N_OWN_COUNTERS; i++)
		assert_true(strlen(agent_own_name((enum agent_own_counter)i)) > 0 &&
			    strlen(agent_own_text((enum agent_own_counter)i)) > 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_what_never_became_a_socket),
		cmocka_unit_test(test_what_nobody_introduced),
		cmocka_unit_test(test_ends_are_remembered),
		cmocka_unit_test(test_each_end_is_found_once),
		cmocka_unit_test(test_addresses_not_served_any_more),
		cmocka_unit_test(test_reports),
		cmocka_unit_test(test_words),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
