/* SPDX-License-Identifier: BSD-3-Clause */
/* One RTM_NEWADDR message and its acknowledgement (rtnetlink). */
#include "batond/exception_addr.h"

#include <errno.h>
#include <linux/netlink.h>
#include <linux/rtnetlink.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct addr_request {
	struct nlmsghdr header;
	struct ifaddrmsg body;
	uint8_t attributes[2 * RTA_SPACE(16)];
};

struct addr_answer {
	struct nlmsghdr header;
	struct nlmsgerr error;
	struct addr_request echoed;
};

static void addr_attribute_add(struct addr_request *r, unsigned short type, const uint8_t *value, size_t len)
{
	struct rtattr a = { .rta_type = type, .rta_len = (unsigned short)RTA_LENGTH(len) };
	uint8_t *at = (uint8_t *)r + NLMSG_ALIGN(r->header.nlmsg_len);

	memcpy(at, &a, sizeof a);
	memcpy(at + RTA_LENGTH(0), value, len);
	r->header.nlmsg_len = NLMSG_ALIGN(r->header.nlmsg_len) + (uint32_t)RTA_ALIGN(a.rta_len);
}

static int addr_exchange(int fd, const struct addr_request *r)
{
	struct addr_answer a;
	ssize_t n;

	if (send(fd, r, r->header.nlmsg_len, 0) < 0)
		return -errno;
	do
		n = recv(fd, &a, sizeof a, 0);
	while (n < 0 && errno == EINTR);
	if (n < 0)
		return -errno;
	if ((size_t)n < sizeof a.header + sizeof a.error || a.header.nlmsg_type != NLMSG_ERROR)
		return -EBADMSG;
	return a.error.error;
}

int exception_addr_add(unsigned interface, const struct baton_prefix *p)
{
	size_t len = p->addr.family == BATON_IPV4 ? 4 : 16;
	struct addr_request r = {
		.header = { .nlmsg_len = NLMSG_LENGTH(sizeof r.body),
			    .nlmsg_type = RTM_NEWADDR,
			    .nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK | NLM_F_CREATE | NLM_F_EXCL },
		.body = { .ifa_family = p->addr.family == BATON_IPV4 ? AF_INET : AF_INET6,
			  .ifa_prefixlen = p->len,
			  .ifa_flags = p->addr.family == BATON_IPV6 ? IFA_F_NODAD : 0,
			  .ifa_index = interface },
	};
	int fd, rc;

	addr_attribute_add(&r, IFA_LOCAL, p->addr.b, len);
	addr_attribute_add(&r, IFA_ADDRESS, p->addr.b, len);
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	if (fd < 0)
		return -errno;
	rc = addr_exchange(fd, &r);
	close(fd);
	return rc;
}
