/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Links over loopback. The far end is this program again, in a process of its
 * own ("echo PORT"): it sends back whatever it gets.
 */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"
#include "wire/link.h"

#define N_HOSTS 200
#define TURN_MS 20 /* between two tries; no test depends on it */

static const struct baton_addr loopback = { .b = { 127, 0, 0, 1 }, .family = BATON_IPV4 };
static uint8_t buf[LINK_FRAME_MAX];
static char self[4096];

/* Wait until the condition holds, doing something at each turn; a minute is for ever. */
#define UNTIL(condition, turn)                                                           \
	do {                                                                             \
		uint64_t until_deadline_ns = clock_monotonic_ns() + 60 * CLOCK_NS_PER_S; \
		while (!(condition)) {                                                   \
			assert_true(clock_monotonic_ns() < until_deadline_ns);           \
			turn;                                                            \
		}                                                                        \
	} while (0)

static uint16_t free_port(void)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	close(fd);
	return ntohs(a.sin_port);
}

/* Wait for a frame on the link's descriptor for at most ms. */
static bool ready(const struct link *l, int ms)
{
	struct pollfd p = { .fd = link_fd(l), .events = POLLIN };

	return poll(&p, 1, ms) == 1;
}

static int echo(const char *port)
{
	struct link *l;

	prctl(PR_SET_PDEATHSIG, SIGKILL); /* a test that died leaves nothing behind */
	if (link_open(&l) < 0 || link_bind(l, &loopback, (uint16_t)strtoul(port, NULL, 10)) < 0)
		return 1;
	for (;;) {
		ssize_t n;

		ready(l, -1);
		while ((n = link_receive(l, buf, sizeof buf)) >= 0)
			link_send(l, buf, (size_t)n);
	}
}

static pid_t echo_start(uint16_t port)
{
	char text[8], word[] = "echo";
	char *argv[] = { self, word, text, NULL };
	pid_t pid;

	snprintf(text, sizeof text, "%u", port);
	assert_int_equal(posix_spawn(&pid, self, NULL, NULL, argv, environ), 0);
	return pid;
}

static void echo_stop(pid_t pid)
{
	int status;

	assert_int_equal(kill(pid, SIGKILL), 0);
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL); /* it was alive until now */
}

static struct link *connect_to(uint16_t port)
{
	struct link *l;

	assert_int_equal(link_open(&l), 0);
	assert_int_equal(link_connect(l, &loopback, port), 0);
	return l;
}

static bool receive_text(struct link *l, const char *text, int ms)
{
	ssize_t n;

	ready(l, ms);
	n = link_receive(l, buf, sizeof buf);
	return n >= 0 && (size_t)n == strlen(text) && !memcmp(buf, text, (size_t)n);
}

/* Say text until it comes back: what was lost while nobody was connected, is said again. */
static void assert_echo(struct link *l, const char *text)
{
	bool heard = false;

	UNTIL(heard, {
		link_send(l, (const uint8_t *)text, strlen(text));
		heard = receive_text(l, text, TURN_MS);
	});
}

static void test_echo(void **state)
{
	uint16_t port = free_port();
	struct link *l = connect_to(port);
	pid_t pid = echo_start(port);
	const struct link_counters *c = link_counters(l);

	assert_echo(l, "one");
	assert_true(c->sent >= 1);
	assert_true(c->received >= 1);
	link_close(l);
	echo_stop(pid);
}

static void test_far_end_restarts(void **state)
{
	uint16_t port = free_port();
	struct link *l = connect_to(port);

	for (int i = 0; i < 3; i++) {
		char text[16];
		pid_t pid = echo_start(port);

		snprintf(text, sizeof text, "round %d", i);
		assert_echo(l, text);
		echo_stop(pid);
	}
	link_close(l);
}

static void test_near_end_restarts(void **state)
{
	uint16_t port = free_port();
	pid_t pid = echo_start(port);

	for (int i = 0; i < 3; i++) {
		struct link *l = connect_to(port);
		char text[16];

		snprintf(text, sizeof text, "run %d", i);
		assert_echo(l, text);
		assert_int_equal(link_reconnect(l), 0);
		snprintf(text, sizeof text, "anew %d", i);
		assert_echo(l, text);
		assert_int_equal(link_counters(l)->reconnects, 1);
		link_close(l);
	}
	echo_stop(pid);
}

static void test_greatest_frame(void **state)
{
	static uint8_t frame[LINK_FRAME_MAX + 1], small[64];
	uint16_t port = free_port();
	pid_t pid = echo_start(port);
	struct link *l = connect_to(port);
	ssize_t n = -1;

	memset(frame, 0x5a, sizeof frame);
	assert_echo(l, "connected");
	UNTIL(n == LINK_FRAME_MAX, {
		assert_int_equal(link_send(l, frame, LINK_FRAME_MAX), 0);
		ready(l, TURN_MS);
		n = link_receive(l, buf, sizeof buf);
	});
	assert_memory_equal(buf, frame, LINK_FRAME_MAX);
	assert_int_equal(link_send(l, frame, LINK_FRAME_MAX + 1), -EMSGSIZE);
	assert_int_equal(link_counters(l)->send_refused, 1);
	assert_int_equal(link_receive(l, small, sizeof small), -EINVAL);
	link_close(l);
	echo_stop(pid);
}

static void test_refusals(void **state)
{
	struct baton_addr any = { .family = BATON_IPV4 }, any6 = { .family = BATON_IPV6 }, none = { .family = 0 };
	struct baton_addr elsewhere = { .b = { 192, 0, 2, 1 }, .family = BATON_IPV4 };
	uint16_t port = free_port();
	struct link *l, *other;

	assert_int_equal(link_open(&l), 0);
	assert_int_equal(link_bind(l, &any, port), -EINVAL);
	assert_int_equal(link_bind(l, &any6, port), -EINVAL);
	assert_int_equal(link_connect(l, &none, port), -EINVAL);
	assert_int_equal(link_bind(l, &loopback, 0), -EINVAL);
	assert_int_equal(link_bind(l, &elsewhere, port), -EADDRNOTAVAIL);
	assert_int_equal(link_reconnect(l), -ENOTCONN);
	assert_int_equal(link_bind(l, &loopback, port), 0);
	assert_int_equal(link_bind(l, &loopback, port), -EISCONN);
	assert_int_equal(link_connect(l, &loopback, port), -EISCONN);
	assert_int_equal(link_reconnect(l), -ENOTCONN);
	assert_int_equal(link_receive(l, buf, sizeof buf), -EAGAIN);
	assert_false(ready(l, 0));
	assert_int_equal(link_open(&other), 0);
	assert_int_equal(link_bind(other, &loopback, port), -EADDRINUSE);
	link_close(other);
	link_close(l);
	link_close(NULL);
}

static void test_ipv6(void **state)
{
	struct baton_addr loopback6 = { .b = { [15] = 1 }, .family = BATON_IPV6 };
	uint16_t port = free_port();
	struct link *bound, *l;
	bool heard = false;
	int err;

	assert_int_equal(link_open(&bound), 0);
	err = link_bind(bound, &loopback6, port);
	if (err == -EADDRNOTAVAIL || err == -EAFNOSUPPORT) {
		link_close(bound);
		skip(); /* no IPv6 here */
	}
	assert_int_equal(err, 0);
	assert_int_equal(link_open(&l), 0);
	assert_int_equal(link_connect(l, &loopback6, port), 0);
	UNTIL(heard, {
		link_send(l, (const uint8_t *)"six", 3);
		heard = receive_text(bound, "six", TURN_MS);
	});
	link_close(l);
	link_close(bound);
}

static unsigned n_true(const bool *flags)
{
	unsigned n = 0;

	for (unsigned i = 0; i < N_HOSTS; i++)
		n += flags[i];
	return n;
}

/* Mark the hosts whose frames came in. */
static void take_hosts(struct link *bound, bool *heard)
{
	ssize_t n;

	ready(bound, TURN_MS);
	while ((n = link_receive(bound, buf, sizeof buf)) >= 0) {
		assert_int_equal(n, 64);
		assert_true(buf[0] < N_HOSTS);
		heard[buf[0]] = true;
	}
}

/* What the balancer says, once more, and what each host got of it. */
static void tell_hosts(struct link *bound, struct link **hosts, bool *told)
{
	static const uint8_t frame[64] = { 0xaa };

	assert_int_equal(link_send(bound, frame, sizeof frame), 0);
	for (unsigned i = 0; i < N_HOSTS; i++) {
		ready(hosts[i], told[i] ? 0 : TURN_MS);
		while (link_receive(hosts[i], buf, sizeof buf) == sizeof frame)
			told[i] = buf[0] == 0xaa;
	}
}

static void test_many_hosts(void **state)
{
	static struct link *hosts[N_HOSTS];
	static bool heard[N_HOSTS], told[N_HOSTS];
	struct link_connections connections;
	uint16_t port = free_port();
	uint8_t frame[64] = { 0 };
	struct link *bound;

	assert_int_equal(link_open(&bound), 0);
	assert_int_equal(link_bind(bound, &loopback, port), 0);
	for (unsigned i = 0; i < N_HOSTS; i++)
		hosts[i] = connect_to(port);
	UNTIL(n_true(heard) == N_HOSTS, {
		for (unsigned i = 0; i < N_HOSTS; i++) {
			frame[0] = (uint8_t)i;
			if (!heard[i])
				link_send(hosts[i], frame, sizeof frame);
		}
		take_hosts(bound, heard);
	});
	UNTIL(n_true(told) == N_HOSTS, tell_hosts(bound, hosts, told));
	link_connections(bound, &connections);
	assert_int_equal(connections.current, N_HOSTS);
	/* what one host says is not for the others */
	for (unsigned i = 0; i < N_HOSTS; i++)
		assert_int_equal(link_receive(hosts[i], buf, sizeof buf), -EAGAIN);
	for (unsigned i = 0; i < N_HOSTS; i++)
		link_close(hosts[i]);
	link_close(bound);
}

static int raw_connect(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	struct timeval wait = { .tv_usec = 2000 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_true(fd >= 0);
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

/* Random number below n; the same ones in every run. */
static unsigned any_of(unsigned n)
{
	static uint64_t x = 0x9e3779b97f4a7c15;

	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return (unsigned)(x >> 33) % n;
}

/* One stranger: some of a header of the transport, right or wrong, some of a frame, and an end of some kind. */
static void strange_connection(uint16_t port)
{
	static const uint8_t kinds[] = { 0x70, 0x70, 0x70, 0x20, 0x21, 0x10, 0x00, 0xff };
	static const uint64_t lengths[] = {
		0, 1, 55, 56, 300, LINK_FRAME_MAX, LINK_FRAME_MAX + 1, 1ull << 31, 1ull << 63, UINT64_MAX
	};
	static uint8_t bytes[16 + 70000];
	struct linger now = { .l_onoff = 1 };
	uint64_t length_be = htobe64(lengths[any_of(10)]);
	size_t len = any_of(4) ? 16 + any_of(any_of(2) ? 400 : 70000) : any_of(17);
	int fd = raw_connect(port);

	for (size_t i = 0; i < len; i++)
		bytes[i] = (uint8_t)any_of(256);
	if (any_of(5)) {
		memcpy(bytes, (uint8_t[8]){ 0, 'S', 'P', 0, 0, kinds[any_of(8)], 0, 0 }, 8);
		memcpy(bytes + 8, &length_be, 8);
	}
	(void)!send(fd, bytes, len, MSG_NOSIGNAL);
	if (any_of(2))
		(void)!recv(fd, bytes, sizeof bytes, 0);
	if (any_of(2))
		setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof now);
	close(fd);
}

/* Whatever strangers send to a bound link: its process lives, and its friends are heard. */
static void test_strangers(void **state)
{
	uint16_t port = free_port();
	pid_t pid = echo_start(port);
	struct link *l = connect_to(port);

	assert_echo(l, "before");
	for (int i = 0; i < 2000; i++) {
		strange_connection(port);
		if (i % 100 == 0)
			assert_echo(l, "between");
	}
	assert_echo(l, "after");
	link_close(l);
	echo_stop(pid);
}

int main(int argc, char **argv)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_echo),
		cmocka_unit_test(test_far_end_restarts),
		cmocka_unit_test(test_near_end_restarts),
		cmocka_unit_test(test_greatest_frame),
		cmocka_unit_test(test_refusals),
		cmocka_unit_test(test_ipv6),
		cmocka_unit_test(test_many_hosts),
		cmocka_unit_test(test_strangers),
	};

	if (argc == 3 && !strcmp(argv[1], "echo"))
		return echo(argv[2]);
	if (readlink("/proc/self/exe", self, sizeof self - 1) < 0)
		return 1;
	return cmocka_run_group_tests_name("link", tests, NULL, NULL);
}
