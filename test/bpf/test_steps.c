/* SPDX-License-Identifier: BSD-3-Clause */
/* Steps of traced clients: from the tc program through its ring buffer to a TRACE packet of the local socket. */
#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#include "agent/local_desk.h"
#include "agent/steps.h"
#include "base/clock.h"
#include "create_case.h"
#include "tunnel.skel.h"

#define ID 0x05000123u

static struct local_peer boss = { .number = 1, .pid = 101, .uid = 55, .is_operator = true };

struct asker {
	struct bench *b;
	struct datapath datapath;
	struct agent_config config;
	struct agent_health *health;
	struct local_desk *desk;
	struct steps *steps;
	union {
		struct baton_agent_reply head;
		uint8_t bytes[BATON_AGENT_REPLY_MAX];
	} reply;
};

static void asker_begin(struct asker *a, struct bench *b)
{
	*a = (struct asker){ .b = b, .datapath = { .skel = b->skel } };
	a->health = agent_health_new();
	a->desk = local_desk_new(&a->config, a->health, NULL, NULL);
	assert_non_null(a->desk);
	assert_int_equal(steps_start(NULL, &a->datapath, &a->steps), 0);
	local_desk_steps(a->desk, a->steps);
}

static void asker_end(struct asker *a)
{
	steps_stop(a->steps);
	local_desk_free(a->desk);
	agent_health_free(a->health);
}

static struct baton_agent_request request(const char *client)
{
	struct baton_agent_request r = { .magic = htons(BATON_AGENT_MAGIC),
					 .version = BATON_AGENT_VERSION,
					 .type = BATON_AGENT_TRACE,
					 .tag = htonl(77) };
	struct trace_filter f;

	assert_int_equal(trace_filter_parse(client, &f), 0);
	memcpy(r.trace.client, f.client.addr.b, sizeof r.trace.client);
	r.trace.family = f.client.addr.family;
	r.trace.prefix_len = f.client.len;
	r.trace.port = f.port_be;
	r.trace.seconds = htonl(60);
	return r;
}

/* The steps that a request brings, without those about the trace itself; fails if it is refused. */
static unsigned ask(struct asker *a, const struct baton_agent_request *r, struct baton_agent_step *ret, unsigned max)
{
	size_t len = local_desk_serve(a->desk, &boss, (const uint8_t *)r, sizeof *r, 0, a->reply.bytes);
	const struct baton_agent_step *s = (const void *)(a->reply.bytes + sizeof a->reply.head);
	unsigned n = 0;

	assert_int_equal(a->reply.head.error, 0);
	assert_int_equal(a->reply.head.type, BATON_AGENT_TRACE);
	assert_int_equal(ntohl(a->reply.head.tag), 77);
	assert_int_equal(len, sizeof a->reply.head + a->reply.head.n_rows * sizeof *s);
	for (unsigned i = 0; i < a->reply.head.n_rows; i++) {
		if (!strcmp(s[i].event, "begin"))
			continue;
		assert_true(n < max);
		ret[n++] = s[i];
	}
	return n;
}

static void introduce(struct bench *b, const struct baton_tuple *t, uint32_t id)
{
	struct frame f;

	bench_introduce(b, &f, id, t, NULL);
	bench_run(b, &f);
	bench_counted(b, (const int[]){ AGENT_COUNTER_INTRODUCED, AGENT_COUNTER_CONSUMED, -1 });
	assert_int_equal(b->verdict, TC_ACT_SHOT);
}

static void step_is(const struct baton_agent_step *s, const struct baton_tuple *t, const char *event)
{
	struct baton_addr device;

	assert_int_equal(baton_addr_parse(t->family == BATON_IPV4 ? DEVICE4 : DEVICE6, &device), 0);
	assert_string_equal(s->event, event);
	assert_int_equal(s->family, t->family);
	assert_int_equal(s->proto, t->proto);
	assert_memory_equal(s->client, t->saddr, 16);
	assert_memory_equal(s->vip, t->daddr, 16);
	assert_memory_equal(s->device, device.b, 16);
	assert_int_equal(s->client_port, t->sport_be);
	assert_int_equal(s->vip_port, t->dport_be);
	assert_true(strlen(s->text) > 0);
	assert_true(s->time_ns);
}

static void introductions_are_told(void **state)
{
	static struct asker a;
	struct baton_agent_step got[16];

	asker_begin(&a, *state);
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct baton_tuple t = create_client(family), other = t, port = t;
		struct baton_agent_request r = request(family == BATON_IPV4 ? CLIENT4 : CLIENT6);

		assert_int_equal(ask(&a, &r, got, 16), 0);
		other.saddr[1] ^= 1;
		port.sport_be ^= htons(1);
		introduce(a.b, &t, ID + family);
		introduce(a.b, &other, ID + 10 + family);
		introduce(a.b, &port, ID + 20 + family);
		steps_poll(a.steps, clock_monotonic_ns());
		assert_int_equal(ask(&a, &r, got, 16), 2);
		step_is(&got[0], &t, "introduced");
		step_is(&got[1], &port, "introduced");
		/* only what is behind a number, and of one port */
		r.trace.seq = htobe64(be64toh(got[0].seq) + 1);
		assert_int_equal(ask(&a, &r, got, 16), 1);
		step_is(&got[0], &port, "introduced");
		r = request(family == BATON_IPV4 ? CLIENT4 : CLIENT6);
		r.trace.port = t.sport_be;
		assert_int_equal(ask(&a, &r, got, 16), 1);
		step_is(&got[0], &t, "introduced");
	}
	asker_end(&a);
}

static void refusals_are_told_with_their_reason(void **state)
{
	static struct asker a;
	struct baton_agent_step got[16];

	asker_begin(&a, *state);
	for (uint8_t family = 4; family <= 6; family += 2) {
		struct baton_tuple t = create_client(family);
		struct baton_shim_create c = create_body(&t);
		struct baton_agent_request r = request(family == BATON_IPV4 ? CLIENT4 : CLIENT6);

		ask(&a, &r, got, 16);
		create_run(a.b, BATON_SHIM_CREATE, &c, &t, &create_first);
		create_refused(a.b, &c, BATON_SHIM_REFUSAL_NO_LISTENER);
		steps_poll(a.steps, clock_monotonic_ns());
		assert_int_equal(ask(&a, &r, got, 16), 1);
		step_is(&got[0], &t, "told");
		assert_non_null(strstr(got[0].text, "nothing listens"));
	}
	asker_end(&a);
}

static void nobody_is_told_of_without_a_trace(void **state)
{
	static struct asker a;
	struct baton_tuple t = create_client(BATON_IPV4);
	struct baton_agent_request r = request(CLIENT4);
	struct baton_agent_step got[16];

	asker_begin(&a, *state);
	introduce(a.b, &t, ID);
	steps_poll(a.steps, clock_monotonic_ns());
	assert_int_equal(ask(&a, &r, got, 16), 0);
	asker_end(&a);
	introduce(*state, &t, ID + 1); /* its ring has no reader; packets do not care */
}

/* What does not fit into one reply comes with the next, each step once. */
static void many_steps_come_in_pieces(void **state)
{
	enum { N = 3 * BATON_AGENT_MAX_STEPS / 2 };
	static struct asker a;
	struct baton_tuple t = create_client(BATON_IPV4);
	struct baton_agent_request r = request(CLIENT4);
	struct baton_agent_step got[BATON_AGENT_MAX_STEPS];
	unsigned n = 0;

	asker_begin(&a, *state);
	ask(&a, &r, got, BATON_AGENT_MAX_STEPS);
	for (unsigned i = 0; i < N; i++) {
		t.sport_be = htons((uint16_t)(1000 + i));
		introduce(a.b, &t, 0x05000001u + i % 2 + (i << 24 & 0x7f000000));
	}
	steps_poll(a.steps, clock_monotonic_ns());
	do {
		unsigned k = ask(&a, &r, got, BATON_AGENT_MAX_STEPS);

		for (unsigned i = 0; i < k; i++)
			assert_int_equal(ntohs(got[i].client_port), 1000 + n + i);
		n += k;
		assert_true(k);
		r.trace.seq = htobe64(be64toh(got[k - 1].seq) + 1);
	} while (a.reply.head.more);
	assert_int_equal(n, N);
	asker_end(&a);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
#define T(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)
		T(introductions_are_told),
		T(refusals_are_told_with_their_reason),
		T(nobody_is_told_of_without_a_trace),
		T(many_steps_come_in_pieces),
#undef T
	};

	return cmocka_run_group_tests(tests, create_namespace, NULL);
}
