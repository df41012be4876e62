/* SPDX-License-Identifier: BSD-3-Clause */
#include "bench_rig.h"

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <fcntl.h>
#include <linux/if_packet.h>
#include <linux/pkt_cls.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "agent/attach.h"
#include "agent/kernel.h"
#include "base/clock.h"
#include "tunnel.skel.h"

#define SEND_AT_ONCE 64
#define BACKLOG 65535
#define LISTEN_PORT 80

static int fail(const char *what)
{
	fprintf(stderr, "bench host: %s: %s\n", what, strerror(errno));
	return -1;
}

static int commands(const char *const *list)
{
	for (; *list; list++)
		if (system(*list))
			return fail(*list);
	return 0;
}

/* Two instructions: r0 = TC_ACT_SHOT; exit. */
static int drop_load(void)
{
	static const struct bpf_insn program[] = {
		{ .code = BPF_ALU64 | BPF_MOV | BPF_K, .dst_reg = 0, .imm = TC_ACT_SHOT },
		{ .code = BPF_JMP | BPF_EXIT },
	};

	return bpf_prog_load(BPF_PROG_TYPE_SCHED_CLS, "drop", "GPL", program, 2, NULL);
}

/* Straight to the driver, and with that to the other end's ingress hook, before the call returns. */
static int sender_open(void)
{
	struct sockaddr_ll where = { .sll_family = AF_PACKET, .sll_ifindex = (int)if_nametoindex("device") };
	int one = 1, fd = socket(AF_PACKET, SOCK_RAW | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_PACKET, PACKET_QDISC_BYPASS, &one, sizeof one) ||
	    bind(fd, (struct sockaddr *)&where, sizeof where))
		return fail("packet socket");
	return fd;
}

static int device_make(struct rig *r, int host_ns)
{
	char link[160];
	const char *const list[] = { link, "ip link set device address 02:00:00:00:00:02 up", NULL };

	snprintf(link, sizeof link,
		 "ip link add device type veth peer name host address 02:00:00:00:00:01 netns /proc/%d/fd/%d", getpid(),
		 host_ns);
	if (unshare(CLONE_NEWNET))
		return fail("network namespace");
	if (commands(list))
		return -1;
	r->sender = sender_open();
	return r->sender < 0 ? -1 : 0;
}

static int host_make(struct rig *r)
{
	static const char *const list[] = { "ip link set lo up",
					    "ip link set host up",
					    "ip addr add " HOST4 "/24 dev host",
					    "ip addr add " VIP4 "/32 dev lo",
					    "ip neigh add " DEVICE4 " lladdr 02:00:00:00:00:02 dev host nud permanent",
					    "ip route add default via " DEVICE4,
					    "echo 65535 >/proc/sys/net/core/somaxconn",
					    "echo 65535 >/proc/sys/net/ipv4/tcp_max_syn_backlog",
					    "echo 1 >/proc/sys/net/ipv4/tcp_syncookies",
					    NULL };
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, out, .attach_point = BPF_TC_EGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, drop, .prog_fd = r->drop_fd);
	bool made;

	if (commands(list))
		return -1;
	r->ifindex = if_nametoindex("host");
	errno = -attach_hook(r->ifindex, &made);
	if (errno)
		return fail("clsact");
	/* what the host answers ends before the driver: the clients' end of a veth pair is no part of a host's work */
	out.ifindex = (int)r->ifindex;
	errno = -bpf_tc_attach(&out, &drop);
	return errno ? fail("egress filter") : 0;
}

static int listener_open(void)
{
	struct sockaddr_in where = { .sin_family = AF_INET, .sin_port = htons(LISTEN_PORT) };
	const struct timeval patience = { .tv_sec = 2 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	inet_pton(AF_INET, VIP4, &where.sin_addr);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience) ||
	    bind(fd, (struct sockaddr *)&where, sizeof where) || listen(fd, BACKLOG))
		return fail("listener");
	return fd;
}

/* As the agent does: what the kernel can do, and the second program, which follows the sockets. */
static int programs_attach(struct rig *r)
{
	struct agent_kernel now;
	uint32_t zero = 0;

	agent_kernel_read(&now, true);
	if (bpf_map_update_elem(bpf_map__fd(r->b->skel->maps.kernel), &zero, &now, BPF_ANY))
		return fail("map kernel");
	r->trace = bpf_program__attach(r->b->skel->progs.connection_state);
	return r->trace ? 0 : fail("tracing program");
}

/* One core for sender, kernel and server. */
static int core_take(void)
{
	cpu_set_t set;
	int cpu = sched_getcpu();

	CPU_ZERO(&set);
	CPU_SET(cpu < 0 ? 0 : cpu, &set);
	return sched_setaffinity(0, sizeof set, &set) ? fail("core") : 0;
}

int rig_open(struct rig *r)
{
	void *state = NULL;
	int host_ns;

	if (core_take())
		return -1;
	if (unshare(CLONE_NEWNET))
		return fail("network namespace");
	host_ns = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);
	if (host_ns < 0 || bench_open(&state))
		return fail("programs");
	r->b = state;
	r->drop_fd = drop_load();
	if (r->drop_fd < 0)
		return fail("program that drops");
	if (device_make(r, host_ns))
		return -1;
	if (setns(host_ns, CLONE_NEWNET))
		return fail("host's namespace");
	close(host_ns);
	if (host_make(r) || programs_attach(r))
		return -1;
	r->listener = listener_open();
	return r->listener < 0 ? -1 : 0;
}

void rig_close(struct rig *r)
{
	void *state = r->b;

	bpf_link__destroy(r->trace);
	close(r->listener);
	close(r->sender);
	close(r->drop_fd);
	bench_close(&state);
}

int rig_program(const struct rig *r, int prog_fd)
{
	errno = -attach_filter(r->ifindex, prog_fd);
	return errno ? fail("filter") : 0;
}

static int send_all(const struct rig *r)
{
	struct mmsghdr m[SEND_AT_ONCE] = { 0 };
	struct iovec v[SEND_AT_ONCE];

	for (unsigned i = 0; i < RIG_DATAGRAMS; i += SEND_AT_ONCE) {
		for (unsigned j = 0; j < SEND_AT_ONCE; j++) {
			v[j] = (struct iovec){ (void *)r->datagrams[i + j].b, r->datagrams[i + j].len };
			m[j].msg_hdr = (struct msghdr){ .msg_iov = &v[j], .msg_iovlen = 1 };
		}
		for (int sent = 0, n; sent < SEND_AT_ONCE; sent += n) {
			n = sendmmsg(r->sender, m + sent, (unsigned)(SEND_AT_ONCE - sent), 0);
			if (n < 0)
				return fail("sending");
		}
	}
	return 0;
}

uint64_t rig_send(const struct rig *r)
{
	const struct sched_param first = { .sched_priority = 1 }, ordinary = { 0 };
	uint64_t start;

	/* ahead of other programs for the tens of milliseconds that a round takes; where it is not allowed, their time
	 * is in the figures */
	sched_setscheduler(0, SCHED_FIFO, &first);
	start = clock_monotonic_ns();
	if (send_all(r))
		start = 0;
	else
		start = clock_monotonic_ns() - start;
	sched_setscheduler(0, SCHED_OTHER, &ordinary);
	return start;
}
