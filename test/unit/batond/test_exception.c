/* SPDX-License-Identifier: BSD-3-Clause */
/* The exception port in a network namespace of its own; what the kernel answers is compared byte by byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include <errno.h>
#include <net/if.h>
#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "batond/exception.h"

#define TAP "baton-test0"
#define MTU 1400
#define DEVICE_MAC "\x02\x00\x00\x00\x00\x01"
#define PEER_MAC "\x02\x00\x00\x00\x00\x0a"
#define DEVICE4 "\xc0\x00\x02\x01"
#define PEER4 "\xc0\x00\x02\x0a"
#define DEVICE6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x01"
#define PEER6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x0a"
#define N_PAYLOAD 1000

static struct baton_prefix test_addrs[3];

static struct exception_params test_params(void)
{
	struct exception_params p = { .name = TAP, .mac = DEVICE_MAC, .mtu = MTU, .addrs = test_addrs, .n_addrs = 3 };

	assert_int_equal(baton_prefix_parse("192.0.2.1/24", &test_addrs[0]), 0);
	assert_int_equal(baton_prefix_parse("198.51.100.1/25", &test_addrs[1]), 0);
	assert_int_equal(baton_prefix_parse("2001:db8::1/64", &test_addrs[2]), 0);
	return p;
}

static int setup(void **state)
{
	struct exception_params p = test_params();
	struct exception_port *e;
	const char *step;
	int rc = exception_open(&p, &e, &step);

	if (rc < 0) {
		fprintf(stderr, "%s: %s\n", step, strerror(-rc));
		return -1;
	}
	*state = e;
	return 0;
}

static int teardown(void **state)
{
	exception_close(*state);
	return 0;
}

static uint16_t sum16(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i % 2 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* Next frame that has want at the given place (other talk of the kernel is skipped), or 0 after the patience. */
static size_t find(struct exception_port *e, uint8_t *frame, size_t at, const void *want, size_t len, int patience_ms)
{
	for (;;) {
		struct pollfd p = { .fd = exception_fd(e), .events = POLLIN };
		int n = exception_read(e, frame, exception_max_frame(e));

		if (n >= 0 && (size_t)n >= at + len && !memcmp(frame + at, want, len))
			return (size_t)n;
		if (n < 0) {
			assert_int_equal(n, -EAGAIN);
			if (poll(&p, 1, patience_ms) <= 0)
				return 0;
		}
	}
}

static size_t expect(struct exception_port *e, uint8_t *frame, size_t at, const void *want, size_t len)
{
	size_t n = find(e, frame, at, want, len, 10000);

	if (!n)
		fail_msg("the kernel did not answer within 10 s");
	return n;
}

/* The kernel makes a new IPv6 address ready in the background, so ask again as a neighbour would. */
static size_t ask_until_answered(struct exception_port *e, const uint8_t *ask, size_t ask_len, uint8_t *frame,
				 size_t at, const void *want, size_t len)
{
	size_t n = 0;

	for (unsigned i = 0; !n && i < 50; i++) {
		assert_int_equal(exception_write(e, ask, ask_len), 0);
		n = find(e, frame, at, want, len, 200);
	}
	if (!n)
		fail_msg("the kernel did not answer 50 questions within 10 s");
	return n;
}

static void tap_has_address_mtu_and_is_up(void **state)
{
	struct ifreq r = { .ifr_name = TAP };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	assert_int_equal(ioctl(fd, SIOCGIFHWADDR, &r), 0);
	assert_memory_equal(r.ifr_hwaddr.sa_data, DEVICE_MAC, 6);
	assert_int_equal(ioctl(fd, SIOCGIFMTU, &r), 0);
	assert_int_equal(r.ifr_mtu, MTU);
	assert_int_equal(ioctl(fd, SIOCGIFFLAGS, &r), 0);
	assert_true(r.ifr_flags & IFF_UP);
	assert_true(r.ifr_flags & IFF_RUNNING);
	close(fd);
}

static size_t arp_frame(uint8_t *f, const char *dst, const char *src, uint8_t operation, const char *sender_ip,
			const char *target_mac, const char *target_ip)
{
	memcpy(f, dst, 6);
	memcpy(f + 6, src, 6);
	memcpy(f + 12, "\x08\x06\x00\x01\x08\x00\x06\x04\x00", 9);
	f[21] = operation;
	memcpy(f + 22, src, 6);
	memcpy(f + 28, sender_ip, 4);
	memcpy(f + 32, target_mac, 6);
	memcpy(f + 38, target_ip, 4);
	return 42;
}

static void ask_arp(struct exception_port *e, const char *target)
{
	uint8_t ask[42], want[42], got[MTU + 64];

	arp_frame(ask, "\xff\xff\xff\xff\xff\xff", PEER_MAC, 1, PEER4, "\0\0\0\0\0\0", target);
	arp_frame(want, PEER_MAC, DEVICE_MAC, 2, target, PEER_MAC, PEER4);
	assert_int_equal(exception_write(e, ask, sizeof ask), 0);
	assert_int_equal(expect(e, got, 12, want + 12, 30), 42);
	assert_memory_equal(got, want, 42);
}

static void kernel_answers_arp(void **state)
{
	ask_arp(*state, DEVICE4);
	ask_arp(*state, "\xc6\x33\x64\x01");
}

/* 203.0.113.1 is on the loopback: had the kernel answered for it, that answer would come before the last one. */
static void kernel_does_not_answer_for_other_interfaces(void **state)
{
	struct exception_port *e = *state;
	uint8_t ask[42], got[MTU + 64];

	arp_frame(ask, "\xff\xff\xff\xff\xff\xff", PEER_MAC, 1, PEER4, "\0\0\0\0\0\0", "\xcb\x00\x71\x01");
	assert_int_equal(exception_write(e, ask, sizeof ask), 0);
	arp_frame(ask, "\xff\xff\xff\xff\xff\xff", PEER_MAC, 1, PEER4, "\0\0\0\0\0\0", DEVICE4);
	assert_int_equal(exception_write(e, ask, sizeof ask), 0);
	expect(e, got, 12, "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x02", 10);
	assert_memory_equal(got + 28, DEVICE4, 4);
}

static size_t echo4(uint8_t *f, uint8_t type, const char *dst_mac, const char *src_mac, const char *dst,
		    const char *src)
{
	uint8_t *ip = f + 14, *icmp = ip + 20;

	memcpy(f, dst_mac, 6);
	memcpy(f + 6, src_mac, 6);
	memcpy(f + 12, "\x08\x00\x45\x00", 4);
	put16(ip + 2, 28 + N_PAYLOAD);
	memcpy(ip + 4, "\x00\x01\x00\x00\x40\x01\x00\x00", 8);
	memcpy(ip + 12, src, 4);
	memcpy(ip + 16, dst, 4);
	put16(ip + 10, (uint16_t)~sum16(ip, 20, 0));
	memcpy(icmp, "\0\0\0\0\x12\x34\x00\x01", 8);
	icmp[0] = type;
	for (unsigned i = 0; i < N_PAYLOAD; i++)
		icmp[8 + i] = (uint8_t)(i * 7);
	put16(icmp + 2, (uint16_t)~sum16(icmp, 8 + N_PAYLOAD, 0));
	return 14 + 28 + N_PAYLOAD;
}

/* The kernel's own question for our link address is part of the exchange. */
static void kernel_answers_ipv4_echo(void **state)
{
	struct exception_port *e = *state;
	uint8_t ask[14 + 28 + N_PAYLOAD], want[sizeof ask], got[MTU + 64], arp[42];

	echo4(ask, 8, DEVICE_MAC, PEER_MAC, DEVICE4, PEER4);
	echo4(want, 0, PEER_MAC, DEVICE_MAC, PEER4, DEVICE4);
	assert_int_equal(exception_write(e, ask, sizeof ask), 0);
	expect(e, got, 12, "\x08\x06\x00\x01\x08\x00\x06\x04\x00\x01", 10);
	assert_memory_equal(got + 38, PEER4, 4);
	arp_frame(arp, DEVICE_MAC, PEER_MAC, 2, PEER4, DEVICE_MAC, DEVICE4);
	assert_int_equal(exception_write(e, arp, sizeof arp), 0);
	assert_int_equal(expect(e, got, 12, "\x08\x00", 2), sizeof want);
	assert_memory_equal(got, want, 14);
	assert_memory_equal(got + 14 + 12, want + 14 + 12, sizeof want - 14 - 12); /* all but id, TTL, checksum */
	assert_int_equal(sum16(got + 14, 20, 0), 0xffff);
}

static void ipv6_header(uint8_t *f, const char *dst_mac, const char *src_mac, const char *dst, const char *src,
			uint16_t len)
{
	memcpy(f, dst_mac, 6);
	memcpy(f + 6, src_mac, 6);
	memcpy(f + 12, "\x86\xdd\x60\x00\x00\x00", 6);
	put16(f + 18, len);
	memcpy(f + 20, "\x3a\xff", 2);
	memcpy(f + 22, src, 16);
	memcpy(f + 38, dst, 16);
}

static void icmp6_finish(uint8_t *f, uint16_t len)
{
	put16(f + 56, 0);
	put16(f + 56, (uint16_t)~sum16(f + 22, 32u + len, 58u + len));
}

static void kernel_answers_neighbour_solicitation(void **state)
{
	struct exception_port *e = *state;
	uint8_t ask[86] = { 0 }, want[86] = { 0 }, got[MTU + 64];

	ipv6_header(ask, "\x33\x33\xff\x00\x00\x01", PEER_MAC, "\xff\x02\0\0\0\0\0\0\0\0\0\x01\xff\0\0\x01", PEER6, 32);
	ask[54] = 135;
	memcpy(ask + 62, DEVICE6, 16);
	memcpy(ask + 78, "\x01\x01" PEER_MAC, 8);
	icmp6_finish(ask, 32);
	ipv6_header(want, PEER_MAC, DEVICE_MAC, PEER6, DEVICE6, 32);
	want[54] = 136;
	want[58] = 0x60;
	memcpy(want + 62, DEVICE6, 16);
	memcpy(want + 78, "\x02\x01" DEVICE_MAC, 8);
	icmp6_finish(want, 32);
	assert_int_equal(ask_until_answered(e, ask, sizeof ask, got, 54, "\x88", 1), sizeof want);
	assert_memory_equal(got, want, sizeof want);
}

static void echo6(uint8_t *f, uint8_t type, const char *dst_mac, const char *src_mac, const char *dst, const char *src)
{
	ipv6_header(f, dst_mac, src_mac, dst, src, 8 + N_PAYLOAD);
	memcpy(f + 54, "\0\0\0\0\x12\x34\x00\x01", 8);
	f[54] = type;
	for (unsigned i = 0; i < N_PAYLOAD; i++)
		f[62 + i] = (uint8_t)(i * 11);
	icmp6_finish(f, 8 + N_PAYLOAD);
}

static void kernel_answers_ipv6_echo(void **state)
{
	struct exception_port *e = *state;
	uint8_t ask[62 + N_PAYLOAD], want[sizeof ask], got[MTU + 64];

	kernel_answers_neighbour_solicitation(state); /* tells the kernel our link address */
	echo6(ask, 128, DEVICE_MAC, PEER_MAC, DEVICE6, PEER6);
	echo6(want, 129, PEER_MAC, DEVICE_MAC, PEER6, DEVICE6);
	assert_int_equal(ask_until_answered(e, ask, sizeof ask, got, 54, "\x81", 1), sizeof want);
	got[21] = want[21];             /* hop limit is the kernel's choice */
	memcpy(got + 14, want + 14, 4); /* and so is the flow label */
	assert_memory_equal(got, want, sizeof want);
}

static void counters_tell_what_passed(void **state)
{
	struct exception_port *e = *state;
	const struct exception_counters *c = exception_counters_get(e);
	uint8_t frame[MTU + 64];
	int n;

	ask_arp(e, DEVICE4);
	assert_int_equal(c->to_kernel, 1);
	assert_true(c->from_kernel >= 1);
	assert_true(exception_write(e, frame, 3) < 0); /* shorter than an Ethernet header */
	assert_int_equal(c->to_kernel_refused, 1);
	assert_int_equal(exception_read(e, frame, MTU), -EMSGSIZE);
	do
		n = exception_read(e, frame, sizeof frame);
	while (n >= 0);
	assert_int_equal(n, -EAGAIN);
	assert_int_equal(c->read_errors, 0);
}

static void closing_removes_the_tap(void **state)
{
	void *port;

	assert_int_equal(setup(&port), 0);
	assert_true(if_nametoindex(TAP) > 0);
	exception_close(port);
	assert_int_equal(if_nametoindex(TAP), 0);
	exception_close(NULL);
}

static void failures_name_the_step_and_leave_nothing(void **state)
{
	struct exception_params p = test_params();
	struct exception_port *e = NULL;
	const char *step = NULL;
	static const char *const names[] = { "", "..", "a/b", "a name", "tap%d", "sixteen-letters!" };

	for (unsigned i = 0; i < sizeof names / sizeof names[0]; i++) {
		p.name = names[i];
		assert_int_equal(exception_open(&p, &e, &step), -EINVAL);
		assert_string_equal(step, "check the name");
	}
	p.name = "lo";
	assert_true(exception_open(&p, &e, &step) < 0);
	assert_string_equal(step, "create the tap");
	p.name = TAP;
	p.mac[0] = 1; /* a group's */
	assert_int_equal(exception_open(&p, &e, &step), -EADDRNOTAVAIL);
	assert_string_equal(step, "set the link address");
	p = test_params();
	p.mtu = 20;
	assert_int_equal(exception_open(&p, &e, &step), -EINVAL);
	assert_string_equal(step, "set the MTU");
	p = test_params();
	test_addrs[1] = test_addrs[0];
	assert_int_equal(exception_open(&p, &e, &step), -EEXIST);
	assert_string_equal(step, "add the interface addresses");
	assert_null(e);
	assert_int_equal(if_nametoindex(TAP), 0);
}

/* As on machines that switch IPv6 off for new interfaces; and an address that the tap must not answer for. */
static int prepare_namespace(void)
{
	return system("sysctl -qw net.ipv6.conf.default.disable_ipv6=1 && ip link set lo up && "
		      "ip addr add 203.0.113.1/32 dev lo");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(tap_has_address_mtu_and_is_up),
		TEST(kernel_answers_arp),
		TEST(kernel_does_not_answer_for_other_interfaces),
		TEST(kernel_answers_ipv4_echo),
		TEST(kernel_answers_neighbour_solicitation),
		TEST(kernel_answers_ipv6_echo),
		TEST(counters_tell_what_passed),
		cmocka_unit_test(closing_removes_the_tap),
		cmocka_unit_test(failures_name_the_step_and_leave_nothing),
	};

	if (unshare(CLONE_NEWNET) < 0 || prepare_namespace()) {
		fprintf(stderr, "needs root, for a network namespace of its own\n");
		return 77; /* skipped */
	}
	return cmocka_run_group_tests_name("exception", tests, NULL, NULL);
}
