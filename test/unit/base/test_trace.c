/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is traced, what steps say, and the log of them. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "base/trace_log.h"
#include "baton/abi/shim.h"

#define S 1000000000ull

static struct trace_filter filter(const char *text)
{
	struct trace_filter f;

	assert_int_equal(trace_filter_parse(text, &f), 0);
	return f;
}

static struct baton_tuple tuple(const char *client, uint16_t port, const char *to)
{
	struct baton_tuple t = { .proto = IPPROTO_TCP, .sport_be = htons(port), .dport_be = htons(80) };
	struct baton_addr a;

	assert_int_equal(baton_addr_parse(client, &a), 0);
	memcpy(t.saddr, a.b, 16);
	t.family = a.family;
	assert_int_equal(baton_addr_parse(to, &a), 0);
	memcpy(t.daddr, a.b, 16);
	return t;
}

static void clients_as_people_write_them(void **state)
{
	static const char *const bad[] = {
		"",        "10.0.0.1:", "10.0.0.1:0", "10.0.0.1:65536", "10.0.0.1:80x", "10.0.0.1/33", "[2001:db8::1]",
		"[::1:80", "a.test",    ":80"
	};
	struct trace_filter f = filter("10.0.0.1:4321");

	assert_int_equal(f.client.len, 32);
	assert_int_equal(f.port_be, htons(4321));
	f = filter("10.0.0.0/24");
	assert_int_equal(f.client.len, 24);
	assert_int_equal(f.port_be, 0);
	f = filter("[2001:db8::1]:80");
	assert_int_equal(f.client.len, 128);
	assert_int_equal(f.port_be, htons(80));
	assert_int_equal(filter("2001:db8::/32").client.len, 32);
	for (unsigned i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(trace_filter_parse(bad[i], &f), -EINVAL);
}

static void both_directions_are_the_clients(void **state)
{
	struct trace_filters f = { .n = 2, .list = { filter("10.0.0.1:4321"), filter("2001:db8::/64") } };
	struct baton_tuple t = tuple("10.0.0.1", 4321, "10.0.0.100"), back = tuple("10.0.0.100", 80, "10.0.0.1"), got;

	back.dport_be = htons(4321);
	assert_true(trace_wants(&f, &t, &got));
	assert_memory_equal(&got, &t, sizeof t);
	assert_true(trace_wants(&f, &back, &got));
	assert_memory_equal(&got, &t, sizeof t);
	t.sport_be = htons(4322);
	assert_false(trace_wants(&f, &t, &got));
	t = tuple("2001:db8::77", 9, "2001:db8:1::1");
	assert_true(trace_wants(&f, &t, &got));
	t = tuple("2001:db8:1::77", 9, "2001:db8:1::1");
	assert_false(trace_wants(&f, &t, &got));
}

static const char *say(struct trace_record r, const char *text)
{
	static char buf[TRACE_SAY_MAX];

	trace_text_set(&r, text, (uint32_t)strlen(text));
	return trace_say(&r, buf, sizeof buf);
}

static void steps_in_words(void **state)
{
	char longest[300];

	assert_string_equal(say((struct trace_record){ .event = TRACE_MISS, .a = 0x12, .key.proto = IPPROTO_TCP }, ""),
			    "packet without a route that fits: SYN ACK");
	assert_string_equal(say((struct trace_record){ .event = TRACE_HOST_SAYS,
						       .a = BATON_SHIM_CONN_REFUSED,
						       .b = BATON_SHIM_REFUSAL_BACKLOG_FULL },
				""),
			    "host says: refused, the listener's accept queue is full");
	assert_string_equal(say((struct trace_record){ .event = TRACE_HOST_SAYS, .a = 99, .b = 99 }, ""),
			    "host says: ?, ?");
	assert_string_equal(say((struct trace_record){ .event = TRACE_ROUTE_AGED, .a = 7, .b = 3 }, ""),
			    "route removed: idle for 7 s in state closed");
	assert_string_equal(say((struct trace_record){ .event = TRACE_INTRODUCED, .a = 0xabc }, ""),
			    "introduced to its host with the packet inside, flow 00000abc");
	assert_string_equal(say((struct trace_record){ .event = TRACE_HEAD }, "GET /\x1b[2J\xff"),
			    "understood: GET /?[2J?");
	memset(longest, 'x', sizeof longest);
	longest[sizeof longest - 1] = 0;
	assert_int_equal(strlen(say((struct trace_record){ .event = TRACE_HEAD }, longest)),
			 strlen("understood: ") + TRACE_TEXT_MAX - 1);
	assert_string_equal(say((struct trace_record){ .event = TRACE_HEAD }, longest) + strlen("understood: ") +
				    TRACE_TEXT_MAX - 4,
			    "...");
	assert_string_equal(say((struct trace_record){ .event = 9999 }, "x"), "");
	for (unsigned i = 0; i < TRACE_N_EVENTS; i++) {
		assert_true(*trace_event_name(i));
		assert_true(*say((struct trace_record){ .event = (uint16_t)i }, longest));
		assert_null(strchr(say((struct trace_record){ .event = (uint16_t)i }, "."), '{'));
	}
}

static void add(struct trace_log *l, const char *client, uint64_t time_ns)
{
	struct trace_record r = { .event = TRACE_MISS, .key = tuple(client, 1, "10.0.0.100"), .time_ns = time_ns };

	trace_log_add(l, &r);
}

static void only_ones_own_steps_each_once(void **state)
{
	struct trace_filter a = filter("10.0.0.1"), b = filter("10.0.0.2");
	struct trace_log *l = trace_log_new(4);
	const struct trace_record *r;

	assert_null(trace_log_next(l, 0, 0, &a));
	add(l, "10.0.0.1", 1);
	add(l, "10.0.0.2", 2);
	add(l, "10.0.0.1", 3);
	r = trace_log_next(l, 0, 0, &a);
	assert_int_equal(r->time_ns, 1);
	r = trace_log_next(l, r->seq + 1, 0, &a);
	assert_int_equal(r->time_ns, 3);
	assert_null(trace_log_next(l, r->seq + 1, 0, &a));
	assert_int_equal(trace_log_next(l, 0, 2, &a)->time_ns, 3);
	assert_int_equal(trace_log_next(l, 0, 0, &b)->time_ns, 2);
	assert_int_equal(trace_log_next(l, 0, 0, NULL)->time_ns, 1);
	for (uint64_t t = 4; t < 9; t++)
		add(l, "10.0.0.1", t);
	assert_int_equal(trace_log_next(l, 0, 0, &a)->time_ns, 5); /* the newest four are left */
	assert_null(trace_log_next(l, 0, 0, &b));
	trace_log_free(l);
}

static void traces_end_when_nobody_asks(void **state)
{
	struct trace_filter a = filter("10.0.0.1"), b = filter("10.0.0.0/24");
	struct trace_log *l = trace_log_new(16);
	struct trace_filters f;

	assert_int_equal(trace_log_ask(l, &a, 5 * S), 1);
	assert_int_equal(trace_log_ask(l, &b, 3 * S), 1);
	assert_int_equal(trace_log_ask(l, &a, 4 * S), 0); /* does not shorten it */
	trace_log_filters(l, &f);
	assert_int_equal(f.n, 2);
	trace_log_in_force(l, &f, 100);
	trace_log_in_force(l, &f, 101); /* they begin once */
	assert_int_equal(trace_log_next(l, 0, 0, &a)->event, TRACE_BEGIN);
	assert_null(trace_log_next(l, 2, 0, &a));
	assert_int_equal(trace_log_next(l, 2, 0, &b)->event, TRACE_BEGIN);
	trace_log_join(l, &a, 101);
	assert_int_equal(trace_log_next(l, 3, 0, &a)->event, TRACE_BEGIN);
	assert_int_equal(trace_log_expire(l, 3 * S - 1, 102), 0);
	assert_int_equal(trace_log_expire(l, 3 * S, 102), 1);
	trace_log_filters(l, &f);
	assert_int_equal(f.n, 1);
	assert_int_equal(trace_log_expire(l, 5 * S, 103), 1);
	assert_int_equal(trace_log_next(l, 4, 0, &a)->event, TRACE_END);
	trace_log_filters(l, &f);
	assert_int_equal(f.n, 0);
	trace_log_free(l);
}

static void there_is_an_end_to_them(void **state)
{
	struct trace_filter f = filter("10.0.0.1");
	struct trace_log *l = trace_log_new(16);

	for (unsigned i = 0; i < TRACE_MAX_FILTERS; i++) {
		f.port_be = htons((uint16_t)(i + 1));
		assert_int_equal(trace_log_ask(l, &f, S), 1);
	}
	f.port_be = 0;
	assert_int_equal(trace_log_ask(l, &f, S), -ENOSPC);
	trace_log_expire(l, S, 0);
	assert_int_equal(trace_log_ask(l, &f, 2 * S), 1);
	trace_log_free(l);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(clients_as_people_write_them),
		cmocka_unit_test(both_directions_are_the_clients),
		cmocka_unit_test(steps_in_words),
		cmocka_unit_test(only_ones_own_steps_each_once),
		cmocka_unit_test(traces_end_when_nobody_asks),
		cmocka_unit_test(there_is_an_end_to_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
