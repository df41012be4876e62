/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is traced, as the programs take it, and their steps as people get them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "agent/counter.h"
#include "agent/steps.h"

static struct agent_tracing tracing_of(const char *client)
{
	struct trace_filters f = { .n = 1 };
	struct agent_tracing t = { 0 };

	assert_int_equal(trace_filter_parse(client, &f.list[0]), 0);
	steps_tracing(&t, &f);
	assert_int_equal(t.n, 1);
	return t;
}

static void filters_become_masks(void **state)
{
	struct agent_tracing t = tracing_of("10.1.2.3:80");

	assert_int_equal(t.list[0].family, BATON_IPV4);
	assert_int_equal(t.list[0].port, htons(80));
	assert_int_equal(t.list[0].addr[0], htonl(0x0a010203));
	assert_int_equal(t.list[0].mask[0], 0xffffffff);
	assert_int_equal(t.list[0].mask[1], 0);
	t = tracing_of("10.1.2.0/23");
	assert_int_equal(t.list[0].mask[0], htonl(0xfffffe00));
	assert_int_equal(t.list[0].port, 0);
	t = tracing_of("2001:db8::/33");
	assert_int_equal(t.list[0].family, BATON_IPV6);
	assert_int_equal(t.list[0].mask[0], 0xffffffff);
	assert_int_equal(t.list[0].mask[1], htonl(0x80000000));
	assert_int_equal(t.list[0].mask[2], 0);
	t = tracing_of("2001:db8::1");
	assert_int_equal(t.list[0].mask[3], 0xffffffff);
	t = tracing_of("0.0.0.0/0");
	assert_int_equal(t.list[0].mask[0], 0);
}

static void nobody_is_traced_without_filters(void **state)
{
	struct agent_tracing t = tracing_of("10.1.2.3");
	struct trace_filters none = { .n = 0 };

	steps_tracing(&t, &none);
	assert_int_equal(t.n, 0);
}

static void steps_keep_what_they_say(void **state)
{
	struct agent_step s = { .event = TRACE_HOST_TOLD,
				.a = BATON_SHIM_CONN_REFUSED,
				.b = BATON_SHIM_REFUSAL_MPTCP,
				.proto = IPPROTO_TCP,
				.device = { 10, 0, 0, 10 },
				.key = { .saddr = { 10, 0, 0, 50 },
					 .daddr = { 10, 0, 0, 100 },
					 .sport = htons(4321),
					 .dport = htons(80),
					 .family = BATON_IPV4 } };
	char text[TRACE_SAY_MAX], wanted[TRACE_SAY_MAX];
	struct trace_record r;

	steps_record(&r, &s, 77);
	assert_int_equal(r.time_ns, 77);
	assert_int_equal(r.who, TRACE_HOST);
	assert_memory_equal(r.key.saddr, s.key.saddr, 16);
	assert_memory_equal(r.key.daddr, s.key.daddr, 16);
	assert_memory_equal(r.peer, s.device, 16);
	assert_int_equal(r.key.sport_be, htons(4321));
	assert_int_equal(r.key.dport_be, htons(80));
	assert_non_null(strstr(trace_say(&r, text, sizeof text), "refused, the listener is an MPTCP socket"));

	s.event = TRACE_HOST_NOT_INTRODUCED;
	s.a = AGENT_COUNTER_FLOW_FULL;
	steps_record(&r, &s, 77);
	snprintf(wanted, sizeof wanted, "introduction refused: %.50s", agent_counter_text(AGENT_COUNTER_FLOW_FULL));
	assert_memory_equal(trace_say(&r, text, sizeof text), wanted, strlen(wanted));
	s.a = 9999;
	steps_record(&r, &s, 77);
	assert_string_equal(trace_say(&r, text, sizeof text), "introduction refused: ");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(filters_become_masks),
		cmocka_unit_test(nobody_is_traced_without_filters),
		cmocka_unit_test(steps_keep_what_they_say),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
