/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/conn_end.h"

#include <errno.h>
#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "baton/addr.h"

#define STATE_LISTEN 10 /* TCP_LISTEN of net/tcp_states.h */

struct diag_request {
	struct nlmsghdr head;
	struct inet_diag_req_v2 body;
};

union diag_reply {
	struct nlmsghdr head;
	char room[4096];
};

/* Send one request; its reply. 0 or -errno, which may be the kernel's answer. */
static int diag_ask(int fd, struct diag_request *r, union diag_reply *reply)
{
	ssize_t n;

	if (send(fd, r, sizeof *r, 0) != sizeof *r)
		return -errno;
	n = recv(fd, reply, sizeof *reply, 0);
	if (n < 0)
		return -errno;
	if (!NLMSG_OK(&reply->head, (size_t)n))
		return -EBADMSG;
	if (reply->head.nlmsg_type == NLMSG_ERROR)
		return ((struct nlmsgerr *)NLMSG_DATA(&reply->head))->error;
	return 0;
}

static void request_make(struct diag_request *r, const struct agent_conn_key *key)
{
	*r = (struct diag_request){
		.head = { .nlmsg_len = sizeof *r, .nlmsg_type = SOCK_DIAG_BY_FAMILY, .nlmsg_flags = NLM_F_REQUEST },
		.body = { .sdiag_family = key->family == BATON_IPV4 ? AF_INET : AF_INET6,
			  .sdiag_protocol = IPPROTO_TCP,
			  .idiag_states = UINT32_MAX,
			  .id = { .idiag_sport = key->dport,
				  .idiag_dport = key->sport,
				  .idiag_cookie = { INET_DIAG_NOCOOKIE, INET_DIAG_NOCOOKIE } } },
	};
	memcpy(r->body.id.idiag_src, key->daddr, 16);
	memcpy(r->body.id.idiag_dst, key->saddr, 16);
}

/* Two steps: the kernel's search by address finds a listener too; its cookie then names the very socket. */
static int diag_end(int fd, const struct agent_conn_key *key)
{
	struct diag_request r;
	union diag_reply reply;
	const struct inet_diag_msg *found = NLMSG_DATA(&reply.head);
	int err;

	request_make(&r, key);
	err = diag_ask(fd, &r, &reply);
	if (err)
		return err;
	if (reply.head.nlmsg_len < NLMSG_LENGTH(sizeof *found))
		return -EBADMSG;
	if (found->idiag_state == STATE_LISTEN || found->id.idiag_dport != key->sport)
		return -ENOENT;
	memcpy(r.body.id.idiag_cookie, found->id.idiag_cookie, sizeof r.body.id.idiag_cookie);
	r.head.nlmsg_type = SOCK_DESTROY;
	r.head.nlmsg_flags |= NLM_F_ACK;
	return diag_ask(fd, &r, &reply);
}

int conn_end(const struct agent_conn_key *key)
{
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG), err;

	if (fd < 0)
		return -errno;
	err = diag_end(fd, key);
	close(fd);
	return err;
}
