/* SPDX-License-Identifier: BSD-3-Clause */
/* The desk alone: requests in, replies and rows out. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/local_desk.h"
#include "base/app.h"
#include "base/clock.h"

#define MS CLOCK_NS_PER_MS

struct bench {
	struct agent_config config;
	struct agent_application applications[2];
	struct agent_health *health;
	struct local_desk *desk;
	struct local_peer root, www, www2, other, operator;
	union {
		struct baton_agent_reply head;
		uint8_t bytes[BATON_AGENT_REPLY_MAX];
	} reply;
	size_t reply_len;
};

static struct health_app_id id_of(const char *text)
{
	struct health_app_id id;

	assert_int_equal(app_parse(text, &id), 0);
	return id;
}

static int setup(void **state)
{
	struct bench *b = calloc(1, sizeof *b);

	if (!b)
		return -1;
	b->config.name = (char *)"web-7";
	baton_addr_parse("10.0.0.11", &b->config.addresses[0]);
	b->config.n_addresses = 1;
	b->applications[0] = (struct agent_application){ .id = id_of("tcp/10.0.0.100:443@10.0.0.11:443"),
							 .has_uid = true,
							 .uid = 33 };
	b->applications[1].id = id_of("tcp/10.0.0.100:25@10.0.0.11:25");
	b->config.health.applications = b->applications;
	b->config.health.n_applications = 2;
	b->health = agent_health_new();
	b->desk = local_desk_new(&b->config, b->health, NULL, NULL);
	b->root = (struct local_peer){ .number = 1, .pid = 101 };
	b->www = (struct local_peer){ .number = 2, .pid = 102, .uid = 33 };
	b->www2 = (struct local_peer){ .number = 3, .pid = 103, .uid = 33 };
	b->other = (struct local_peer){ .number = 4, .pid = 104, .uid = 44 };
	b->operator=(struct local_peer){ .number = 5, .pid = 105, .uid = 55, .is_operator = true };
	*state = b;
	return b->health && b->desk ? 0 : -1;
}

static int teardown(void **state)
{
	struct bench *b = *state;

	local_desk_free(b->desk);
	agent_health_free(b->health);
	free(b);
	return 0;
}

static struct baton_agent_request request(uint8_t type, const char *app)
{
	struct baton_agent_request r = { .magic = htons(BATON_AGENT_MAGIC),
					 .version = BATON_AGENT_VERSION,
					 .type = type,
					 .tag = htonl(77),
					 .wish = HEALTH_ACTIVE };
	struct health_app_id id = { 0 };

	if (app)
		id = id_of(app);
	memcpy(r.app.vip, id.vip.b, 16);
	memcpy(r.app.host, id.host.b, 16);
	r.app.vip_family = id.vip.family;
	r.app.host_family = id.host.family;
	r.app.vip_port = htons(id.vip_port);
	r.app.host_port = htons(id.host_port);
	r.app.proto = id.proto;
	memcpy(r.app.specific, id.specific, sizeof r.app.specific);
	return r;
}

static struct baton_agent_request healthy(const char *app)
{
	struct baton_agent_request r = request(BATON_AGENT_APP_SET, app);

	r.fields = BATON_AGENT_HAS_STATE;
	r.state = HEALTH_HEALTHY;
	return r;
}

/* The reply's error as -errno. */
static int ask(struct bench *b, struct local_peer *p, struct baton_agent_request r, uint64_t now_ns)
{
	b->reply_len = local_desk_serve(b->desk, p, (const uint8_t *)&r, sizeof r, now_ns, b->reply.bytes);
	assert_true(b->reply_len >= sizeof b->reply.head);
	assert_int_equal(ntohl(b->reply.head.tag), 77);
	assert_int_equal(b->reply.head.type, r.type);
	return -(int)ntohl(b->reply.head.error);
}

static const struct agent_app *row(struct bench *b, const char *app)
{
	struct health_app_id id = id_of(app);

	return agent_health_find(b->health, &id);
}

#define WEB "tcp/10.0.0.100:80@10.0.0.11:80"
#define TLS "tcp/10.0.0.100:443@10.0.0.11:443"
#define MAIL "tcp/10.0.0.100:25@10.0.0.11:25"

static void register_report_leave(void **state)
{
	struct bench *b = *state;
	struct baton_agent_request r = healthy("tcp/10.0.0.100:80");

	assert_int_equal(ask(b, &b->www, r, 0), 0);
	assert_non_null(row(b, WEB)); /* address and port were filled in */
	assert_int_equal(row(b, WEB)->state, HEALTH_HEALTHY);
	r.fields = BATON_AGENT_HAS_LOAD | BATON_AGENT_HAS_CAPACITY | BATON_AGENT_HAS_WISH;
	r.load = htons(4200);
	r.capacity = 7;
	r.wish = HEALTH_DRAINING;
	memcpy(r.wish_reason, "upgrade", 8);
	assert_int_equal(ask(b, &b->www, r, 0), 0);
	assert_int_equal(row(b, WEB)->load, 4200);
	assert_int_equal(row(b, WEB)->capacity, 7);
	assert_int_equal(row(b, WEB)->wish, HEALTH_DRAINING);
	assert_int_equal(row(b, WEB)->state, HEALTH_HEALTHY);
	assert_int_equal(ask(b, &b->www, request(BATON_AGENT_APP_DEL, WEB), 0), 0);
	assert_null(row(b, WEB));
	assert_int_equal(ask(b, &b->www, request(BATON_AGENT_APP_DEL, WEB), 0), -ENOENT);
	assert_int_equal(local_desk_count(b->desk), 0);
}

static void strangers_touch_nothing(void **state)
{
	struct bench *b = *state;

	assert_int_equal(ask(b, &b->www, healthy(WEB), 0), 0);
	assert_int_equal(ask(b, &b->other, healthy(WEB), 0), -EACCES);
	assert_non_null(strstr(b->reply.head.text, "user 33"));
	assert_int_equal(ask(b, &b->other, request(BATON_AGENT_APP_DEL, WEB), 0), -ENOENT);
	assert_int_equal(ask(b, &b->www2, healthy(WEB), 0), 0); /* the same user may */
	assert_int_equal(ask(b, &b->www, healthy("tcp/10.0.0.100:80@10.0.0.12:80"), 0), -EACCES);
	assert_int_equal(ask(b, &b->root, healthy("tcp/10.0.0.100:80@10.0.0.12:80"), 0), 0);
	assert_int_equal(ask(b, &b->other, healthy(TLS), 0), -EACCES);
	assert_int_equal(ask(b, &b->www, healthy(TLS), 0), 0);
	assert_int_equal(ask(b, &b->www, healthy(MAIL), 0), -EACCES);
	assert_int_equal(ask(b, &b->root, healthy(MAIL), 0), 0);
	assert_int_equal(ask(b, &b->www, request(BATON_AGENT_HOST_WISH, NULL), 0), -EPERM);
	assert_int_equal(ask(b, &b->www, request(BATON_AGENT_HOST_DEL, WEB), 0), -EPERM);
	assert_int_equal(ask(b, &b->www, request(BATON_AGENT_HOST_SET, WEB), 0), -EPERM);
}

static void ended_process_fails_or_goes(void **state)
{
	struct bench *b = *state;
	struct baton_agent_request r = healthy(TLS);

	r.on_exit = BATON_AGENT_EXIT_REMOVE;
	assert_int_equal(ask(b, &b->www, healthy(WEB), 0), 0);
	assert_int_equal(ask(b, &b->www, r, 0), 0);
	local_desk_leave(b->desk, &b->www);
	assert_null(row(b, TLS));
	assert_int_equal(row(b, WEB)->state, HEALTH_FAILING);
	assert_string_equal(row(b, WEB)->reason, "process 102 has closed its connection");
	assert_int_equal(ask(b, &b->other, healthy(WEB), 0), -EACCES); /* still his */
	assert_int_equal(ask(b, &b->www2, healthy(WEB), 0), 0);
	assert_int_equal(row(b, WEB)->state, HEALTH_HEALTHY);
	assert_int_equal(local_desk_count(b->desk), 1);
	b->www.number = 6;
	assert_int_equal(ask(b, &b->www, healthy(WEB), 0), 0);
	local_desk_leave(b->desk, &b->www); /* the other process has it as well */
	assert_int_equal(row(b, WEB)->state, HEALTH_HEALTHY);
	local_desk_leave(b->desk, &b->www2);
	assert_int_equal(row(b, WEB)->state, HEALTH_FAILING);
	assert_int_equal(ask(b, &b->operator, request(BATON_AGENT_HOST_DEL, WEB), 0), 0);
	assert_null(row(b, WEB));
}

static void silent_process_fails_until_heard(void **state)
{
	struct bench *b = *state;
	struct baton_agent_request r = healthy(WEB);

	assert_int_equal(local_desk_tick(b->desk, 0), UINT64_MAX);
	r.silence_ms = htonl(99);
	assert_int_equal(ask(b, &b->www, r, 0), -EINVAL);
	r.silence_ms = htonl(500);
	assert_int_equal(ask(b, &b->www, r, 1000 * MS), 0);
	assert_int_equal(local_desk_tick(b->desk, 1400 * MS), 1500 * MS);
	assert_int_equal(row(b, WEB)->state, HEALTH_HEALTHY);
	assert_int_equal(ask(b, &b->www, request(BATON_AGENT_ALIVE, NULL), 1400 * MS), 0);
	assert_int_equal(local_desk_tick(b->desk, 1500 * MS), 1900 * MS);
	assert_int_equal(local_desk_tick(b->desk, 1900 * MS), UINT64_MAX);
	assert_int_equal(row(b, WEB)->state, HEALTH_FAILING);
	assert_int_equal(ask(b, &b->www, request(BATON_AGENT_ALIVE, NULL), 5000 * MS), 0);
	assert_int_equal(row(b, WEB)->state, HEALTH_HEALTHY);
}

static void operator_sets_and_drains(void **state)
{
	struct baton_agent_request r = request(BATON_AGENT_HOST_WISH, NULL);
	struct bench *b = *state;

	assert_int_equal(ask(b, &b->www, healthy(WEB), 0), 0);
	r.wish = HEALTH_DRAINING;
	memcpy(r.wish_reason, "new kernel", 11);
	memcpy(r.host, "web-8", 6);
	assert_int_equal(ask(b, &b->operator, r, 0), -EXDEV);
	memcpy(r.host, "web-7", 6);
	assert_int_equal(ask(b, &b->operator, r, 0), 0);
	assert_int_equal(row(b, WEB)->wish, HEALTH_DRAINING);
	assert_string_equal(row(b, WEB)->wish_reason, "new kernel");
	r.wish = HEALTH_ACTIVE;
	memset(r.host, 0, sizeof r.host);
	memcpy(r.host, "10.0.0.11", 10);
	assert_int_equal(ask(b, &b->operator, r, 0), 0);
	assert_int_equal(row(b, WEB)->wish, HEALTH_ACTIVE);
	r = request(BATON_AGENT_HOST_WISH, WEB);
	r.wish = HEALTH_INACTIVE;
	assert_int_equal(ask(b, &b->operator, r, 0), 0);
	assert_int_equal(row(b, WEB)->wish, HEALTH_INACTIVE);
	r = request(BATON_AGENT_HOST_WISH, TLS);
	assert_int_equal(ask(b, &b->operator, r, 0), -ENOENT);

	r = request(BATON_AGENT_HOST_SET, "udp/any:53@10.0.0.11:53#zone");
	r.fields = BATON_AGENT_HAS_STATE | BATON_AGENT_HAS_CAPACITY;
	r.state = HEALTH_HEALTHY;
	r.capacity = 12;
	assert_int_equal(ask(b, &b->operator, r, 0), 0);
	r.fields = BATON_AGENT_HAS_LOAD;
	r.load = htons(100);
	assert_int_equal(ask(b, &b->operator, r, 0), 0);
	assert_int_equal(row(b, "udp/any:53@10.0.0.11:53#zone")->capacity, 12);
	assert_int_equal(row(b, "udp/any:53@10.0.0.11:53#zone")->state, HEALTH_HEALTHY);
	assert_int_equal(ask(b, &b->operator, request(BATON_AGENT_HOST_DEL, "udp/any:53@10.0.0.11:53#zone"), 0), 0);
	assert_int_equal(agent_health_count(b->health), 1);
}

static void list_comes_in_pages(void **state)
{
	const struct baton_agent_row *rows;
	struct bench *b = *state;
	char text[APP_TEXT_MAX];
	struct baton_agent_request r = request(BATON_AGENT_LIST, NULL);
	unsigned seen = 0;

	for (unsigned i = 1; i <= 40; i++) {
		snprintf(text, sizeof text, "tcp/10.0.0.100:%u", 1000 + i);
		assert_int_equal(ask(b, &b->www, healthy(text), 0), 0);
	}
	do {
		assert_int_equal(ask(b, &b->other, r, 0), 0);
		rows = (const void *)(b->reply.bytes + sizeof b->reply.head);
		assert_int_equal(b->reply_len, sizeof b->reply.head + b->reply.head.n_rows * sizeof rows[0]);
		seen += b->reply.head.n_rows;
		r.app = rows[b->reply.head.n_rows - 1].app;
		assert_string_equal(rows[0].sources, "process 102 of user 33: healthy");
	} while (b->reply.head.more);
	assert_int_equal(seen, 40);
	assert_string_equal(b->reply.head.host, "web-7");
}

static void rooms_are_limited(void **state)
{
	struct bench *b = *state;
	char text[APP_TEXT_MAX];
	unsigned n = 0;

	for (uint32_t number = 100; number < 200 && n < 1000; number++) {
		struct local_peer *p = calloc(1, sizeof *p);
		int err = 0;

		*p = (struct local_peer){ .number = number, .uid = 33 };
		for (unsigned i = 0; !err; i++) {
			snprintf(text, sizeof text, "tcp/10.0.0.100:%u", 1000 + n);
			err = ask(b, p, healthy(text), 0);
			n += !err;
			if (err && n < LOCAL_MAX_OF_USER)
				assert_int_equal(i, LOCAL_MAX_OF_CLIENT);
		}
		assert_int_equal(err, -ENOSPC);
		local_desk_leave(b->desk, p);
		free(p);
	}
	assert_int_equal(n, LOCAL_MAX_OF_USER); /* also those that nobody speaks for any more */
	assert_int_equal(ask(b, &b->other, healthy("tcp/10.0.0.100:9999"), 0), 0);
}

static void nonsense_is_refused(void **state)
{
	struct bench *b = *state;
	struct baton_agent_request r = healthy(WEB), bad;
	uint8_t packet[sizeof r + 4] = { 0 };

	memcpy(packet, &r, sizeof r);
	assert_int_equal(local_desk_serve(b->desk, &b->www, packet, sizeof r + 1, 0, b->reply.bytes), 0);
	assert_int_equal(local_desk_serve(b->desk, &b->www, packet, sizeof r - 1, 0, b->reply.bytes), 0);
	assert_int_equal(local_desk_serve(b->desk, &b->www, packet, 0, 0, b->reply.bytes), 0);
	packet[0] ^= 1;
	assert_int_equal(local_desk_serve(b->desk, &b->www, packet, sizeof r, 0, b->reply.bytes), 0);
	bad = r, bad.type = BATON_AGENT_N_REQUESTS;
	assert_int_equal(ask(b, &b->www, bad, 0), -EINVAL);
	bad = r, bad.state = HEALTH_N_STATES;
	assert_int_equal(ask(b, &b->www, bad, 0), -EINVAL);
	bad = r, bad.wish = HEALTH_N_DIRECTIVES;
	assert_int_equal(ask(b, &b->www, bad, 0), -EINVAL);
	bad = r, bad.capacity = 100;
	assert_int_equal(ask(b, &b->www, bad, 0), -EINVAL);
	bad = r, bad.load = htons(HEALTH_LOAD_MAX + 1);
	assert_int_equal(ask(b, &b->www, bad, 0), -EINVAL);
	bad = r, bad.fields = 0x80;
	assert_int_equal(ask(b, &b->www, bad, 0), -EINVAL);
	bad = r, memset(bad.reason, 'x', sizeof bad.reason);
	assert_int_equal(ask(b, &b->www, bad, 0), -EINVAL);
	bad = r, memcpy(bad.reason, "\xc0\xaf", 2);
	assert_int_equal(ask(b, &b->www, bad, 0), -EINVAL);
	bad = r, bad.app.proto = 0;
	assert_int_equal(ask(b, &b->www, bad, 0), -EINVAL);
	bad = r, bad.app.vip_family = 5;
	assert_int_equal(ask(b, &b->www, bad, 0), -EINVAL);
	assert_int_equal(agent_health_count(b->health), 0);
	assert_int_equal(local_desk_count(b->desk), 0);
}

static void ids_are_read_as_written(void **state)
{
	static const char *const good[] = { WEB, "udp/[2001:db8::53]:53@[2001:db8::17]:5353",
					    "tcp/any:80@10.0.0.1:81#a/b@c", "132/10.0.0.1:9" },
				 *const bad[] = { "",
						  "tcp",
						  "tcp/10.0.0.1",
						  "tcp/10.0.0.1:0",
						  "tcp/10.0.0.1:65536",
						  "tcp/2001:db8::1:80",
						  "tcp/[10.0.0.1]:80",
						  "xxx/10.0.0.1:80",
						  "tcp/10.0.0.1:80@any:80",
						  "tcp/10.0.0.1:80#",
						  "tcp/10.0.0.1:80@",
						  "0/10.0.0.1:1" };
	char text[APP_TEXT_MAX];
	struct health_app_id id;

	for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
		id = id_of(good[i]);
		if (!strncmp(good[i], "132", 3))
			assert_string_equal(app_format(&id, text, sizeof text), "sctp/10.0.0.1:9");
		else
			assert_string_equal(app_format(&id, text, sizeof text), good[i]);
	}
	for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
		assert_int_equal(app_parse(bad[i], &id), -EINVAL);
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

static struct baton_agent_request trace_request(uint8_t family, uint8_t prefix_len, uint32_t seconds)
{
	struct baton_agent_request r = request(BATON_AGENT_TRACE, NULL);

	r.trace = (struct baton_agent_trace){
		.family = family, .prefix_len = prefix_len, .seconds = htonl(seconds), .client = { 10, 0, 0, 1 }
	};
	return r;
}

static void traces_are_judged(void **state)
{
	struct baton_agent_request r = trace_request(BATON_IPV4, 32, 1);
	struct bench *b = *state;

	assert_int_equal(ask(b, &b->www, r, 0), -EPERM);
	assert_int_equal(ask(b, &b->operator, r, 0), -ENODEV); /* without a datapath there are no steps */
	assert_int_equal(ask(b, &b->operator, trace_request(BATON_IPV6, 128, 3600), 0), -ENODEV);
	assert_int_equal(ask(b, &b->operator, trace_request(BATON_IPV4, 33, 1), 0), -EINVAL);
	assert_int_equal(ask(b, &b->operator, trace_request(BATON_IPV6, 129, 1), 0), -EINVAL);
	assert_int_equal(ask(b, &b->operator, trace_request(0, 0, 1), 0), -EINVAL);
	assert_int_equal(ask(b, &b->operator, trace_request(5, 0, 1), 0), -EINVAL);
	assert_int_equal(ask(b, &b->operator, trace_request(BATON_IPV4, 0, 0), 0), -EINVAL);
	assert_int_equal(ask(b, &b->operator, trace_request(BATON_IPV4, 0, 3601), 0), -EINVAL);
	r.trace.client[4] = 1;
	assert_int_equal(ask(b, &b->operator, r, 0), -EINVAL);
	assert_int_equal(b->reply.head.n_rows, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(traces_are_judged),
		CASE(register_report_leave),
		CASE(strangers_touch_nothing),
		CASE(ended_process_fails_or_goes),
		CASE(silent_process_fails_until_heard),
		CASE(operator_sets_and_drains),
		CASE(list_comes_in_pages),
		CASE(rooms_are_limited),
		CASE(nonsense_is_refused),
		cmocka_unit_test(ids_are_read_as_written),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
