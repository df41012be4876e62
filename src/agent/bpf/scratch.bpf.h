/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * What one packet needs beyond the stack of 512 bytes. Per CPU: at the ingress
 * hook, packets of one CPU come one after the other (softirq).
 */
#ifndef BATON_AGENT_BPF_SCRATCH_H
#define BATON_AGENT_BPF_SCRATCH_H

#include "agent/bpf/kernel.bpf.h"
#include "agent/bpf/mac.bpf.h"
#include "agent/bpf/maps.bpf.h"

struct scratch {
	struct shim shim;                /* the datagram, and then the reply in its place */
	struct baton_shim_create create; /* of CREATE and ABORT */
	struct baton_shim_conn answer;   /* state, reason, detail, next_seq; the rest when it is sent */
	struct agent_conn_key key;
	struct agent_conn fresh;
	struct bpf_sock_tuple tuple;
	struct bpf_tcp_req_attrs attrs;
	__u32 client_isn, server_isn;
	__u32 reset_seq;
	__u64 seq;
	/* the segment inside, if there is one */
	__u32 seg_seq, seg_ack, seg_len; /* length with SYN and FIN, as sequence numbers count them */
	__u8 seg_flags;
	__u8 has_inner;
	__u8 abort;
	__u8 made; /* the kernel is told to create the connection */
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct scratch);
} scratches SEC(".maps");

static __always_inline struct scratch *scratch_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&scratches, &zero);
}

#endif
