/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/attach.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/pkt_sched.h>
#include <netlink/route/classifier.h>
#include <netlink/route/tc.h>
#include <netlink/socket.h>

int attach_hook(unsigned ifindex, bool *ret_made)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	int err = bpf_tc_hook_create(&hook);

	if (err && err != -EEXIST)
		return err == -ENOENT ? -EOPNOTSUPP : err;
	*ret_made = err == 0;
	return 0;
}

int attach_filter(unsigned ifindex, int prog_fd)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = ATTACH_HANDLE, .priority = ATTACH_PRIORITY, .prog_fd = prog_fd,
			    .flags = BPF_TC_F_REPLACE);

	return bpf_tc_attach(&hook, &opts);
}

int attach_detach(unsigned ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = ATTACH_HANDLE, .priority = ATTACH_PRIORITY);
	int err = bpf_tc_detach(&hook, &opts);

	/* no filter, or no qdisc that could hold one */
	return err == -ENOENT || err == -EINVAL ? 0 : err;
}

unsigned attach_program_id(unsigned ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS);
	DECLARE_LIBBPF_OPTS(bpf_tc_opts, opts, .handle = ATTACH_HANDLE, .priority = ATTACH_PRIORITY);

	return bpf_tc_query(&hook, &opts) ? 0 : opts.prog_id;
}

static int filters_count(struct nl_sock *sock, unsigned ifindex, uint32_t direction)
{
	struct nl_cache *cache;
	int n, err = rtnl_cls_alloc_cache(sock, (int)ifindex, TC_H_MAKE(TC_H_CLSACT, direction), &cache);

	if (err)
		return -EIO;
	n = nl_cache_nitems(cache);
	nl_cache_free(cache);
	return n;
}

static int filters_count_all(unsigned ifindex)
{
	struct nl_sock *sock = nl_socket_alloc();
	int in = -EIO, out = -EIO;

	if (sock && !nl_connect(sock, NETLINK_ROUTE)) {
		in = filters_count(sock, ifindex, TC_H_MIN_INGRESS);
		out = filters_count(sock, ifindex, TC_H_MIN_EGRESS);
	}
	nl_socket_free(sock);
	return in < 0 ? in : out < 0 ? out : in + out;
}

int attach_unhook(unsigned ifindex)
{
	DECLARE_LIBBPF_OPTS(bpf_tc_hook, hook, .ifindex = (int)ifindex, .attach_point = BPF_TC_INGRESS | BPF_TC_EGRESS);
	int n = filters_count_all(ifindex);

	if (n)
		return n < 0 ? n : -EBUSY;
	return bpf_tc_hook_destroy(&hook);
}
