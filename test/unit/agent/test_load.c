/* SPDX-License-Identifier: BSD-3-Clause */
/* Load from made-up /proc files, and from real accept queues in a network namespace of the test's own. */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/load_listen.h"
#include "agent/load_proc.h"
#include "agent/load_sampler.h"
#include "base/clock.h"
#include "baton/health.h"
#include "probe_server.h"

#define S CLOCK_NS_PER_S

static char root[] = "/tmp/agent_load_XXXXXX";

static const char *const folders[] = { "/proc", "/proc/pressure", "/group" };
static const char *const files[] = { "/proc/stat", "/proc/loadavg", "/proc/pressure/cpu", "/group/cpu.stat",
				     "/group/cpu.max" };

static void file_write(const char *name, const char *text)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof path, "%s%s", root, name);
	f = fopen(path, "w");
	assert_non_null(f);
	fputs(text, f);
	assert_int_equal(fclose(f), 0);
}

static void file_remove(const char *name)
{
	char path[128];

	snprintf(path, sizeof path, "%s%s", root, name);
	unlink(path);
}

static int setup(void **state)
{
	char path[128];

	memcpy(root + strlen(root) - 6, "XXXXXX", 6);
	assert_non_null(mkdtemp(root));
	for (unsigned i = 0; i < 3; i++) {
		snprintf(path, sizeof path, "%s%s", root, folders[i]);
		assert_int_equal(mkdir(path, 0755), 0);
	}
	return 0;
}

static int teardown(void **state)
{
	char path[128];

	for (unsigned i = 0; i < sizeof files / sizeof *files; i++)
		file_remove(files[i]);
	for (unsigned i = 3; i--;) {
		snprintf(path, sizeof path, "%s%s", root, folders[i]);
		rmdir(path);
	}
	return rmdir(root);
}

/* Busy ticks are spread over the fields that count as busy. */
static void stat_write(unsigned busy, unsigned idle)
{
	char text[256];

	snprintf(text, sizeof text,
		 "cpu  %u 0 1 %u 1 0 0 2 77 77\ncpu0 1 2 3 4 5 6 7 8 0 0\ncpu1 1 2 3 4 5 6 7 8 0 0\nintr 5\nctxt 7\n",
		 busy - 3, idle - 1);
	file_write("/proc/stat", text);
}

static void test_stat_is_read(void **state)
{
	struct load_cpu c;

	stat_write(300, 1000);
	assert_int_equal(load_cpu_read(root, &c), 0);
	assert_int_equal(c.busy, 300);
	assert_int_equal(c.total, 1300);
	assert_int_equal(c.n_cpus, 2);
	file_write("/proc/stat", "cpu  1 2 3\n");
	assert_int_equal(load_cpu_read(root, &c), -EBADMSG);
	file_write("/proc/stat", "");
	assert_int_equal(load_cpu_read(root, &c), -EBADMSG);
	file_remove("/proc/stat");
	assert_int_equal(load_cpu_read(root, &c), -ENOENT);
	assert_int_equal(load_cpu_read("", &c), 0);
	assert_true(c.n_cpus && c.busy < c.total);
}

static void test_cgroup_is_read(void **state)
{
	struct load_cgroup c;

	file_write("/group/cpu.stat", "usage_usec 1234567890123\nuser_usec 5\nsystem_usec 6\n");
	assert_int_equal(load_cgroup_read(root, "/group", &c), 0);
	assert_true(c.used_us == 1234567890123 && c.cpus == 0);
	file_write("/group/cpu.max", "max 100000\n");
	assert_int_equal(load_cgroup_read(root, "/group", &c), 0);
	assert_true(c.cpus == 0);
	file_write("/group/cpu.max", "150000 100000\n");
	assert_int_equal(load_cgroup_read(root, "/group", &c), 0);
	assert_true(c.cpus == 1.5);
	file_write("/group/cpu.max", "150000\n");
	assert_int_equal(load_cgroup_read(root, "/group", &c), -EBADMSG);
	file_write("/group/cpu.stat", "nr_periods 5\n");
	assert_int_equal(load_cgroup_read(root, "/group", &c), -EBADMSG);
	assert_int_equal(load_cgroup_read(root, "/other", &c), -ENOENT);
}

static void test_pressure_and_average_are_read(void **state)
{
	uint32_t hundredths;
	uint64_t us;

	file_write("/proc/pressure/cpu", "some avg10=1.00 avg60=2.00 avg300=3.00 total=4567\nfull avg10=0 total=0\n");
	assert_int_equal(load_pressure_read(root, &us), 0);
	assert_int_equal(us, 4567);
	file_write("/proc/pressure/cpu", "full avg10=0 total=9\n");
	assert_int_equal(load_pressure_read(root, &us), -EBADMSG);
	file_write("/proc/loadavg", "12.07 0.01 0.05 3/512 4711\n");
	assert_int_equal(load_average_read(root, &hundredths), 0);
	assert_int_equal(hundredths, 1207);
	file_write("/proc/loadavg", "none\n");
	assert_int_equal(load_average_read(root, &hundredths), -EBADMSG);
}

struct seen {
	bool known;
	uint32_t load;
	int err;
	char what[32];
};

static void seen_take(void *context, unsigned number, bool known, uint32_t load, int err, const char *what)
{
	struct seen *s = (struct seen *)context + number;

	*s = (struct seen){ .known = known, .load = load, .err = err };
	snprintf(s->what, sizeof s->what, "%s", what ? what : "");
}

static void test_machine_load_is_the_highest_figure(void **state)
{
	struct load_config cpu = { .cpu = true }, both = { .cpu = true, .run_queue = true };
	struct load_target t[] = { { .config = &cpu }, { .config = &both } };
	struct load_sampler *s;
	struct seen seen[2];

	assert_int_equal(load_sampler_new(root, t, 2, seen_take, seen, &s), 0);
	stat_write(1000, 1000);
	file_write("/proc/pressure/cpu", "some avg10=0 avg60=0 avg300=0 total=1000000\n");
	load_sampler_sample(s, 10 * S);
	assert_false(seen[0].known || seen[1].known || seen[0].err || seen[1].err);
	stat_write(1300, 1700);                                                            /* 30 % */
	file_write("/proc/pressure/cpu", "some avg10=0 avg60=0 avg300=0 total=2500000\n"); /* 1.5 s of 2 s */
	load_sampler_sample(s, 12 * S);
	assert_true(seen[0].known && seen[1].known);
	assert_int_equal(seen[0].load, 3000);
	assert_int_equal(seen[1].load, 7500);
	stat_write(2300, 1700); /* 100 % */
	load_sampler_sample(s, 14 * S);
	assert_int_equal(seen[0].load, 10000);
	assert_int_equal(seen[1].load, 10000);
	load_sampler_free(s);
}

static void test_load_average_stands_in_for_pressure(void **state)
{
	struct load_config queue = { .run_queue = true };
	struct load_target t = { .config = &queue };
	struct load_sampler *s;
	struct seen seen;

	assert_int_equal(load_sampler_new(root, &t, 1, seen_take, &seen, &s), 0);
	stat_write(1000, 1000);
	file_write("/proc/loadavg", "3.50 0.01 0.05 3/512 4711\n");
	load_sampler_sample(s, S);
	assert_true(seen.known);
	assert_int_equal(seen.load, 17500); /* two CPUs */
	file_write("/proc/loadavg", "999.00 0.01 0.05 3/512 4711\n");
	load_sampler_sample(s, 2 * S);
	assert_int_equal(seen.load, HEALTH_LOAD_MAX);
	file_remove("/proc/loadavg");
	load_sampler_sample(s, 3 * S);
	assert_false(seen.known);
	assert_int_equal(seen.err, -ENOENT);
	assert_string_equal(seen.what, "run_queue");
	load_sampler_free(s);
}

static void group_write(uint64_t used_us)
{
	char text[64];

	snprintf(text, sizeof text, "usage_usec %llu\n", (unsigned long long)used_us);
	file_write("/group/cpu.stat", text);
}

static void test_cgroup_load_counts_its_limit(void **state)
{
	struct load_config group = { .cpu = true, .cgroup = (char *)"/group" };
	struct load_target t = { .config = &group };
	struct load_sampler *s;
	struct seen seen;

	assert_int_equal(load_sampler_new(root, &t, 1, seen_take, &seen, &s), 0);
	stat_write(1000, 1000);
	group_write(5000000);
	load_sampler_sample(s, S);
	assert_false(seen.known);
	group_write(6000000);
	load_sampler_sample(s, 2 * S); /* one of two CPUs for a second */
	assert_true(seen.known);
	assert_int_equal(seen.load, 5000);
	file_write("/group/cpu.max", "50000 100000\n");
	group_write(6250000);
	load_sampler_sample(s, 3 * S); /* a quarter of a CPU, of half a one */
	assert_int_equal(seen.load, 5000);
	group_write(100); /* made anew: nothing to compare with */
	load_sampler_sample(s, 4 * S);
	assert_false(seen.known);
	group_write(500100);
	load_sampler_sample(s, 5 * S);
	assert_int_equal(seen.load, 10000);
	file_remove("/group/cpu.stat");
	load_sampler_sample(s, 6 * S);
	assert_false(seen.known);
	assert_int_equal(seen.err, -ENOENT);
	assert_string_equal(seen.what, "cpu");
	load_sampler_free(s);
}

static struct baton_addr addr(const char *text)
{
	struct baton_addr a;

	assert_int_equal(baton_addr_parse(text, &a), 0);
	return a;
}

/* A listener on [::] (both families unless v6only); the port it got. */
static int listener_open(int backlog, int v6only, uint16_t *ret_port)
{
	struct sockaddr_in6 a = { .sin6_family = AF_INET6 };
	socklen_t len = sizeof a;
	int fd = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &v6only, sizeof v6only), 0);
	assert_int_equal(bind(fd, (struct sockaddr *)&a, sizeof a), 0);
	assert_int_equal(listen(fd, backlog), 0);
	assert_int_equal(getsockname(fd, (struct sockaddr *)&a, &len), 0);
	*ret_port = ntohs(a.sin6_port);
	return fd;
}

static int connect_to(uint16_t port)
{
	struct sockaddr_in a = { .sin_family = AF_INET,
				 .sin_port = htons(port),
				 .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	assert_int_equal(connect(fd, (struct sockaddr *)&a, sizeof a), 0);
	return fd;
}

static void test_accept_queue_is_read(void **state)
{
	struct baton_addr v4 = addr("127.0.0.1"), v6 = addr("2001:db8::1");
	struct load_config queue = { .accept_queue = true };
	struct load_target t = { .config = &queue, .host = v4 };
	int netlink = load_listen_open(), clients[8], fd;
	struct load_sampler *s;
	struct load_queue q;
	struct seen seen;

	assert_true(netlink >= 0);
	fd = listener_open(8, 0, &t.host_port);
	assert_int_equal(load_listen_read(netlink, &v4, t.host_port, &q), 0);
	assert_true(q.n_sockets == 1 && q.waiting == 0 && q.most == 8);
	assert_int_equal(load_sampler_new("", &t, 1, seen_take, &seen, &s), 0);
	for (int i = 0; i < 8; i++) {
		clients[i] = connect_to(t.host_port);
		load_sampler_sample(s, (uint64_t)(i + 1) * S);
		assert_true(seen.known && !seen.err);
		assert_int_equal(seen.load, 1250 * (i + 1));
	}
	assert_int_equal(load_listen_read(netlink, &v6, t.host_port, &q), 0);
	assert_int_equal(q.waiting, 8);
	close(accept(fd, NULL, NULL));
	load_sampler_sample(s, 9 * S);
	assert_int_equal(seen.load, 8750);
	close(fd);
	load_sampler_sample(s, 10 * S);
	assert_false(seen.known);
	assert_int_equal(seen.err, -ENOENT);
	load_sampler_free(s);
	for (int i = 0; i < 8; i++)
		close(clients[i]);
	close(netlink);
}

static void test_only_listeners_for_the_address_count(void **state)
{
	struct baton_addr v4 = addr("127.0.0.1"), v6 = addr("::1"), other = addr("127.0.0.2");
	int netlink = load_listen_open(), fd;
	struct probe_server bound;
	struct load_queue q;
	uint16_t port;

	fd = listener_open(5, 1, &port);
	assert_int_equal(load_listen_read(netlink, &v4, port, &q), -ENOENT);
	assert_int_equal(load_listen_read(netlink, &v6, port, &q), 0);
	assert_int_equal(q.most, 5);
	assert_int_equal(load_listen_read(netlink, &v6, (uint16_t)(port ^ 1), &q), -ENOENT);
	close(fd);
	probe_server_open(&bound); /* on 127.0.0.1 */
	assert_int_equal(load_listen_read(netlink, &v4, bound.port, &q), 0);
	assert_int_equal(load_listen_read(netlink, &other, bound.port, &q), -ENOENT);
	probe_server_close(&bound);
	close(netlink);
}

static void test_fill_has_bounds(void **state)
{
	assert_int_equal(load_queue_fill(&(struct load_queue){ .waiting = 0, .most = 0 }), 0);
	assert_int_equal(load_queue_fill(&(struct load_queue){ .waiting = 1, .most = 0 }), 10000);
	assert_int_equal(load_queue_fill(&(struct load_queue){ .waiting = 129, .most = 128 }), 10078);
	assert_int_equal(load_queue_fill(&(struct load_queue){ .waiting = UINT32_MAX, .most = 1 }), HEALTH_LOAD_MAX);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_stat_is_read),
		T(test_cgroup_is_read),
		T(test_pressure_and_average_are_read),
		T(test_machine_load_is_the_highest_figure),
		T(test_load_average_stands_in_for_pressure),
		T(test_cgroup_load_counts_its_limit),
		cmocka_unit_test(test_accept_queue_is_read),
		cmocka_unit_test(test_only_listeners_for_the_address_count),
		cmocka_unit_test(test_fill_has_bounds),
	};

	probe_server_namespace();
	return cmocka_run_group_tests(tests, NULL, NULL);
}
