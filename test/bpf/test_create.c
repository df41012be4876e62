/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * CREATE and ABORT through the tc program: checks, refusals, answers, and what
 * happens to other sockets. In a network namespace of the test's own, with real
 * sockets; making a socket takes the real receive path (test/e2e/host_create.py).
 */
#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "create_case.h"
#include "tunnel.skel.h"

#define RST 0x04

static socklen_t address_of(struct sockaddr_storage *ret, const char *text, uint16_t port)
{
	memset(ret, 0, sizeof *ret);
	if (inet_pton(AF_INET, text, &((struct sockaddr_in *)ret)->sin_addr) == 1) {
		ret->ss_family = AF_INET;
		((struct sockaddr_in *)ret)->sin_port = htons(port);
		return sizeof(struct sockaddr_in);
	}
	assert_int_equal(inet_pton(AF_INET6, text, &((struct sockaddr_in6 *)ret)->sin6_addr), 1);
	ret->ss_family = AF_INET6;
	((struct sockaddr_in6 *)ret)->sin6_port = htons(port);
	return sizeof(struct sockaddr_in6);
}

/* A bound socket; connected or listening. */
static int socket_at(const char *from, uint16_t port, const char *to, uint16_t to_port)
{
	struct sockaddr_storage a;
	socklen_t len = address_of(&a, from, port);
	int fd = socket(a.ss_family, SOCK_STREAM, 0), one = 1;

	assert_true(fd >= 0);
	assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, len), 0);
	if (to) {
		len = address_of(&a, to, to_port);
		assert_int_equal(connect(fd, (struct sockaddr *)&a, len), 0);
	} else {
		assert_int_equal(listen(fd, 8), 0);
	}
	return fd;
}

static int listener(uint8_t family)
{
	return socket_at(family == BATON_IPV4 ? VIP4 : VIP6, 80, NULL, 0);
}

static struct agent_conn_key key_of(const struct baton_tuple *t)
{
	struct agent_conn_key key = { .sport = t->sport_be, .dport = t->dport_be, .family = t->family };

	memcpy(key.saddr, t->saddr, 16);
	memcpy(key.daddr, t->daddr, 16);
	return key;
}

/* 0 or -errno. */
static int entry(struct bench *b, const struct baton_tuple *t, struct agent_conn *ret)
{
	struct agent_conn_key key = key_of(t);

	return bpf_map_lookup_elem(bpf_map__fd(b->skel->maps.connections), &key, ret) ? -errno : 0;
}

static void entry_put(struct bench *b, const struct baton_tuple *t, enum agent_conn_state state)
{
	struct agent_conn_key key = key_of(t);
	struct agent_conn c = {
		.client_isn = CLIENT_ISN, .server_isn = SERVER_ISN, .state = state, .flags = AGENT_CONN_CREATED
	};

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(b->skel->maps.connections), &key, &c, BPF_ANY), 0);
}

static void kernel_put(struct bench *b, uint8_t refusal, uint8_t options_off)
{
	struct agent_kernel k = { .refusal = refusal, .options_off = options_off };
	uint32_t zero = 0;

	assert_int_equal(bpf_map_update_elem(bpf_map__fd(b->skel->maps.kernel), &zero, &k, BPF_ANY), 0);
}

static void test_without_listener(void **state)
{
	struct bench *b = *state;

	for (uint8_t family = 4; family <= 6; family += 2) {
		struct baton_tuple t = create_client(family);
		struct baton_shim_create c = create_body(&t);

		create_run(b, BATON_SHIM_CREATE, &c, &t, &create_first);
		create_refused(b, &c, BATON_SHIM_REFUSAL_NO_LISTENER);
		create_run(b, BATON_SHIM_CREATE, &c, &t, NULL);
		create_refused(b, &c, BATON_SHIM_REFUSAL_NO_LISTENER);
	}
}

static void test_answers_are_not_limited(void **state)
{
	struct baton_tuple t = create_client(BATON_IPV4);
	struct baton_shim_create c = create_body(&t);
	struct bench *b = *state;

	for (unsigned i = 0; i < 3 * BENCH_REPLIES; i++) {
		create_run(b, BATON_SHIM_CREATE, &c, &t, NULL);
		create_refused(b, &c, BATON_SHIM_REFUSAL_NO_LISTENER);
	}
}

static void test_address_not_served(void **state)
{
	struct baton_tuple t = frame_tuple(IPPROTO_TCP, CLIENT4, 40000, "203.0.113.81", 80);
	struct baton_shim_create c = create_body(&t);
	struct bench *b = *state;

	create_run(b, BATON_SHIM_CREATE, &c, &t, &create_first);
	create_refused(b, &c, BATON_SHIM_REFUSAL_VIP);
	create_run(b, BATON_SHIM_ABORT, &c, &t, NULL);
	bench_dropped(b, AGENT_COUNTER_CONSUMED);
}

static void test_question_to_a_listener(void **state)
{
	struct bench *b = *state;

	for (uint8_t family = 4; family <= 6; family += 2) {
		struct baton_tuple t = create_client(family);
		struct baton_shim_create c = create_body(&t);
		struct frame_options later = create_first;
		struct agent_conn conn;
		int fd = listener(family);

		create_run(b, BATON_SHIM_CREATE, &c, &t, NULL);
		create_state_is(b, &c, BATON_SHIM_CONN_NONE);
		later.tcp_seq = CLIENT_ISN + 6;
		create_run(b, BATON_SHIM_CREATE, &c, &t, &later);
		create_state_is(b, &c, BATON_SHIM_CONN_NONE);
		later.tcp_seq = CLIENT_ISN;
		create_run(b, BATON_SHIM_CREATE, &c, &t, &later);
		create_state_is(b, &c, BATON_SHIM_CONN_NONE);
		assert_int_equal(entry(b, &t, &conn), -ENOENT);
		close(fd);
	}
}

static void test_refusals_of_the_machine(void **state)
{
	struct baton_tuple t = create_client(BATON_IPV4);
	struct baton_shim_create c = create_body(&t);
	struct bench *b = *state;
	int fd = listener(BATON_IPV4);

	kernel_put(b, BATON_SHIM_REFUSAL_SYNCOOKIES_OFF, 0);
	create_run(b, BATON_SHIM_CREATE, &c, &t, &create_first);
	create_refused(b, &c, BATON_SHIM_REFUSAL_SYNCOOKIES_OFF);
	for (uint8_t bit = BATON_TCP_WSCALE; bit <= BATON_TCP_TIMESTAMPS; bit <<= 1) {
		kernel_put(b, 0, bit);
		c.options = bit;
		create_run(b, BATON_SHIM_CREATE, &c, &t, &create_first);
		create_refused(b, &c, BATON_SHIM_REFUSAL_OPTION_OFF);
		c.options = (uint8_t)~bit & 7;
		create_run(b, BATON_SHIM_CREATE, &c, &t, NULL);
		create_state_is(b, &c, BATON_SHIM_CONN_NONE);
	}
	kernel_put(b, 0, 0);
	c.mss = htons(535);
	create_run(b, BATON_SHIM_CREATE, &c, &t, &create_first);
	create_refused(b, &c, BATON_SHIM_REFUSAL_MSS);
	c.mss = htons(536);
	create_run(b, BATON_SHIM_CREATE, &c, &t, NULL);
	create_state_is(b, &c, BATON_SHIM_CONN_NONE);
	close(fd);
}

static void test_program_for_kernels_without_the_function(void **state)
{
	struct baton_tuple t = create_client(BATON_IPV4);
	struct baton_shim_create c = create_body(&t);
	struct bench *b = *state;
	int fd = listener(BATON_IPV4);

	bench_close(state);
	assert_int_equal(bench_open_unable(state), 0);
	b = *state;
	create_run(b, BATON_SHIM_CREATE, &c, &t, &create_first);
	create_refused(b, &c, BATON_SHIM_REFUSAL_KERNEL);
	create_run(b, BATON_SHIM_CREATE, &c, &t, NULL);
	create_refused(b, &c, BATON_SHIM_REFUSAL_KERNEL);
	close(fd);
}

static void test_what_has_been_is_not_made_again(void **state)
{
	static const enum agent_conn_state before[] = { AGENT_CONN_OPEN, AGENT_CONN_ENDED, AGENT_CONN_LINGERS };
	struct baton_tuple t = create_client(BATON_IPV4);
	struct baton_shim_create c = create_body(&t);
	struct bench *b = *state;

	for (unsigned i = 0; i < sizeof before / sizeof before[0]; i++) {
		int fd = listener(BATON_IPV4);

		entry_put(b, &t, before[i]);
		create_run(b, BATON_SHIM_CREATE, &c, &t, &create_first);
		create_state_is(b, &c, BATON_SHIM_CONN_ENDED);
		close(fd);
		create_run(b, BATON_SHIM_CREATE, &c, &t, NULL);
		create_state_is(b, &c, BATON_SHIM_CONN_ENDED);
	}
}

static void test_abort_before_create(void **state)
{
	struct baton_tuple t = create_client(BATON_IPV4);
	struct baton_shim_create c = create_body(&t);
	struct bench *b = *state;
	int fd = listener(BATON_IPV4);

	create_run(b, BATON_SHIM_ABORT, &c, &t, NULL);
	bench_dropped(b, AGENT_COUNTER_CONSUMED);
	create_run(b, BATON_SHIM_CREATE, &c, &t, &create_first);
	create_state_is(b, &c, BATON_SHIM_CONN_ENDED);
	/* another connection of the client is another matter */
	c.client_isn = htonl(7);
	create_run(b, BATON_SHIM_CREATE, &c, &t, NULL);
	create_state_is(b, &c, BATON_SHIM_CONN_NONE);
	close(fd);
}

static void test_overtaken(void **state)
{
	struct baton_tuple t = create_client(BATON_IPV4);
	struct baton_shim_create c = create_body(&t), old = c;
	struct bench *b = *state;
	struct agent_conn conn;

	b->seq += 10;
	create_run(b, BATON_SHIM_ABORT, &c, &t, NULL);
	b->seq -= 5;
	old.client_isn = htonl(7);
	create_run(b, BATON_SHIM_CREATE, &old, &t, &create_first);
	bench_dropped(b, AGENT_COUNTER_CONN_OLD);
	create_run(b, BATON_SHIM_ABORT, &old, &t, NULL);
	bench_dropped(b, AGENT_COUNTER_CONN_OLD);
	assert_int_equal(entry(b, &t, &conn), 0);
	assert_int_equal(conn.client_isn, CLIENT_ISN);
}

/* A connection of this machine with itself has the 4-tuple: client and server side, and the listener. */
struct pair {
	int listener, client, server;
};

static struct pair pair_open(const struct baton_tuple *t, const char *from, const char *to)
{
	struct pair p = { .listener = socket_at(to, ntohs(t->dport_be), NULL, 0) };

	p.client = socket_at(from, ntohs(t->sport_be), to, ntohs(t->dport_be));
	p.server = accept(p.listener, NULL, NULL);
	assert_true(p.server >= 0);
	assert_int_equal(write(p.client, "0123456789", 10), 10);
	return p;
}

static void pair_close(struct pair *p)
{
	struct linger reset = { .l_onoff = 1 };

	setsockopt(p->client, SOL_SOCKET, SO_LINGER, &reset, sizeof reset);
	close(p->client);
	close(p->server);
	close(p->listener);
}

/* The packet has become a reset from the client with this sequence number, whole and right. */
static void reset_is(struct bench *b, const struct baton_tuple *t, uint32_t seq)
{
	struct baton_tuple got;
	const uint8_t *p, *tcp;
	size_t n;

	assert_int_equal(b->verdict, TC_ACT_OK);
	frame_read(b->out.b, b->out.len, &got, &p, &n);
	assert_memory_equal(&got, t, sizeof got);
	assert_int_equal(n, 0);
	tcp = p - 20;
	assert_int_equal(tcp[13], RST);
	assert_int_equal((uint32_t)tcp[4] << 24 | tcp[5] << 16 | tcp[6] << 8 | tcp[7], seq);
}

static void socket_cases(struct bench *b, const struct baton_tuple *t, const char *from, const char *to)
{
	struct baton_shim_create c = create_body(t);
	struct pair p = pair_open(t, from, to);
	struct frame_options seg = create_first;
	uint32_t next_seq;

	entry_put(b, t, AGENT_CONN_OPEN);
	create_run(b, BATON_SHIM_CREATE, &c, t, NULL);
	next_seq = ntohl(create_answer(b, &c).next_seq);
	create_state_is(b, &c, BATON_SHIM_CONN_OPEN);
	seg.tcp_seq = next_seq;
	create_run(b, BATON_SHIM_CREATE, &c, t, &seg);
	assert_int_equal(b->verdict, TC_ACT_OK);
	bench_counted(b, (const int[]){ AGENT_COUNTER_CREATE_PASSED, -1 });

	/* ABORT of another connection, then of this one */
	c.client_isn = htonl(CLIENT_ISN + 100);
	create_run(b, BATON_SHIM_ABORT, &c, t, NULL);
	bench_dropped(b, AGENT_COUNTER_CONSUMED);
	c.client_isn = htonl(CLIENT_ISN);
	create_run(b, BATON_SHIM_ABORT, &c, t, NULL);
	bench_counted(b, (const int[]){ AGENT_COUNTER_ABORTED, -1 });
	reset_is(b, t, next_seq);

	/* a new one needs the place */
	c.client_isn = htonl(CLIENT_ISN + 100);
	create_run(b, BATON_SHIM_CREATE, &c, t, &create_first);
	bench_counted(b, (const int[]){ AGENT_COUNTER_LEFTOVER_ENDED, -1 });
	reset_is(b, t, next_seq);
	pair_close(&p);
}

static void test_sockets(void **state)
{
	struct baton_tuple t4 = frame_tuple(IPPROTO_TCP, CLIENT4, 40000, VIP4, 80);
	struct baton_tuple t6 = frame_tuple(IPPROTO_TCP, CLIENT6, 40000, VIP6, 80);

	socket_cases(*state, &t4, CLIENT4, VIP4);
	socket_cases(*state, &t6, CLIENT6, VIP6);
}

static void test_introduced_flows_are_entered(void **state)
{
	struct baton_tuple t = create_client(BATON_IPV4), udp = frame_tuple(IPPROTO_UDP, CLIENT4, 40000, VIP4, 80);
	struct bench *b = *state;
	struct agent_conn conn;
	struct frame inner, f;

	bench_introduce(b, &f, 0x05000001, &udp, NULL);
	bench_run(b, &f);
	assert_int_equal(entry(b, &t, &conn), -ENOENT);
	frame_build(&inner, &t, &(struct frame_options){ .tcp_flags = 2 });
	bench_introduce(b, &f, 0x05000002, &t, &inner);
	bench_run(b, &f);
	assert_int_equal(entry(b, &t, &conn), 0);
	assert_int_equal(conn.state, AGENT_CONN_NEW);
	assert_int_equal(conn.flow_id, 0x05000002);
	assert_int_equal(conn.flags, 0);

	/* of a connection that has been created: it keeps its numbers */
	entry_put(b, &t, AGENT_CONN_OPEN);
	bench_introduce(b, &f, 0x05000003, &t, NULL);
	bench_run(b, &f);
	assert_int_equal(entry(b, &t, &conn), 0);
	assert_int_equal(conn.client_isn, CLIENT_ISN);
	assert_int_equal(conn.flow_id, 0x05000003);

	/* a SYN after its end begins another one */
	entry_put(b, &t, AGENT_CONN_ENDED);
	bench_introduce(b, &f, 0x05000004, &t, &inner);
	bench_run(b, &f);
	assert_int_equal(entry(b, &t, &conn), 0);
	assert_int_equal(conn.flags, 0);
	assert_int_equal(conn.state, AGENT_CONN_NEW);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, bench_open, bench_close)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(test_without_listener),
		TEST(test_answers_are_not_limited),
		TEST(test_address_not_served),
		TEST(test_question_to_a_listener),
		TEST(test_refusals_of_the_machine),
		TEST(test_program_for_kernels_without_the_function),
		TEST(test_what_has_been_is_not_made_again),
		TEST(test_abort_before_create),
		TEST(test_overtaken),
		TEST(test_sockets),
		TEST(test_introduced_flows_are_entered),
	};

	return cmocka_run_group_tests(tests, create_namespace, NULL);
}
