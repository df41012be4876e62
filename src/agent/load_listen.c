/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/load_listen.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/tcp.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "baton/health.h"

#define DUMP_BYTES 32768

int load_listen_open(void)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);

	return fd < 0 ? -errno : fd;
}

static int request_send(int netlink, int family, uint16_t port)
{
	struct {
		struct nlmsghdr head;
		struct inet_diag_req_v2 body;
	} r = {
		.head = { .nlmsg_len = sizeof r,
			  .nlmsg_type = SOCK_DIAG_BY_FAMILY,
			  .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
		.body = { .sdiag_family = (uint8_t)family,
			  .sdiag_protocol = IPPROTO_TCP,
			  .idiag_states = 1u << TCP_LISTEN,
			  .id.idiag_sport = htons(port) },
	};
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	return sendto(netlink, &r, sizeof r, 0, (struct sockaddr *)&kernel, sizeof kernel) < 0 ? -errno : 0;
}

/* Whether an IPv6 listener leaves IPv4 alone. */
static bool is_v6only(const struct inet_diag_msg *m, size_t len)
{
	const struct nlattr *a = (const struct nlattr *)(m + 1);

	for (len -= sizeof *m; len >= sizeof *a && a->nla_len >= sizeof *a && a->nla_len <= len;) {
		size_t step = NLA_ALIGN(a->nla_len);

		if (a->nla_type == INET_DIAG_SKV6ONLY)
			return ((const uint8_t *)(a + 1))[0];
		if (step >= len)
			break;
		len -= step;
		a = (const struct nlattr *)((const char *)a + step);
	}
	return false;
}

static bool takes(const struct inet_diag_msg *m, size_t len, const struct baton_addr *addr)
{
	static const uint8_t any[16];
	const uint8_t *bound = (const uint8_t *)m->id.idiag_src;
	bool v6 = m->idiag_family == AF_INET6;

	if (v6 == (addr->family == BATON_IPV6))
		return !memcmp(bound, any, v6 ? 16 : 4) || !memcmp(bound, addr->b, v6 ? 16 : 4);
	return v6 && !memcmp(bound, any, 16) && !is_v6only(m, len);
}

/* The fuller one counts: the kernel may give it the next connection (SO_REUSEPORT). */
static void queue_take(struct load_queue *q, const struct inet_diag_msg *m)
{
	uint64_t most = m->idiag_wqueue ? m->idiag_wqueue : 1, most_now = q->most ? q->most : 1;

	if (!q->n_sockets++ || m->idiag_rqueue * most_now > q->waiting * most) {
		q->waiting = m->idiag_rqueue;
		q->most = m->idiag_wqueue;
	}
}

/* 1: the dump is at its end, 0: more to come, -errno. */
static int messages_take(const char *buf, size_t n, const struct baton_addr *addr, struct load_queue *q)
{
	const struct nlmsghdr *h = (const struct nlmsghdr *)(const void *)buf;

	for (; NLMSG_OK(h, n); h = NLMSG_NEXT(h, n)) {
		size_t len = h->nlmsg_len - NLMSG_HDRLEN;
		const struct inet_diag_msg *m = NLMSG_DATA(h);

		if (h->nlmsg_type == NLMSG_DONE)
			return 1;
		if (h->nlmsg_type == NLMSG_ERROR)
			return len >= sizeof(struct nlmsgerr) ? ((const struct nlmsgerr *)NLMSG_DATA(h))->error
							      : -EBADMSG;
		if (h->nlmsg_type == SOCK_DIAG_BY_FAMILY && len >= sizeof *m && takes(m, len, addr))
			queue_take(q, m);
	}
	return 0;
}

static int family_read(int netlink, int family, const struct baton_addr *addr, uint16_t port, struct load_queue *q)
{
	_Alignas(struct nlmsghdr) char buf[DUMP_BYTES];
	int r = request_send(netlink, family, port);

	/* the kernel has the next part of a dump ready whenever it is asked for */
	while (!r) {
		ssize_t n = recv(netlink, buf, sizeof buf, MSG_DONTWAIT);

		if (n < 0 && errno == EINTR)
			continue;
		r = n < 0 ? -errno : messages_take(buf, (size_t)n, addr, q);
	}
	/* what is left of a dump that went wrong must not stand for an answer to the next request */
	while (r < 0 && recv(netlink, buf, sizeof buf, MSG_DONTWAIT) > 0)
		;
	return r < 0 ? r : 0;
}

int load_listen_read(int netlink, const struct baton_addr *addr, uint16_t port, struct load_queue *ret)
{
	struct load_queue q = { 0 };
	int err = family_read(netlink, AF_INET6, addr, port, &q);

	if (err == -EAFNOSUPPORT || err == -ENOENT)
		err = 0; /* a kernel without IPv6 */
	if (!err && addr->family == BATON_IPV4)
		err = family_read(netlink, AF_INET, addr, port, &q);
	if (err)
		return err;
	if (!q.n_sockets)
		return -ENOENT;
	*ret = q;
	return 0;
}

uint32_t load_queue_fill(const struct load_queue *q)
{
	uint64_t fill = (uint64_t)q->waiting * HEALTH_LOAD_FULL / (q->most ? q->most : 1);

	return fill < HEALTH_LOAD_MAX ? (uint32_t)fill : HEALTH_LOAD_MAX;
}
