/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * The life of the connections' sockets, seen where the kernel changes their
 * state: the map connections follows, and the agent is told of each end.
 */
#ifndef BATON_AGENT_BPF_ENDED_H
#define BATON_AGENT_BPF_ENDED_H

#include <linux/bpf.h>
#include <bpf/bpf_tracing.h>

#include "agent/bpf/connection.bpf.h"
#include "agent/bpf/trace.bpf.h"

#define AF_INET 2
#define AF_INET6 10

static __always_inline bool ended_ours(const struct sock *sk)
{
	const struct agent_kernel *k = kernel_get();

	return k && k->netns_cookie && sk->__sk_common.skc_net.net->net_cookie == k->netns_cookie;
}

/* ::ffff:a.b.c.d, an IPv4 connection of a socket for both families */
static __always_inline bool mapped_ipv4(const __u32 a[4])
{
	return !a[0] && !a[1] && a[2] == bpf_htonl(0xffff);
}

static __always_inline bool ended_key(struct tcp_sock *tp, struct agent_conn_key *key)
{
	struct sock_common *sk = &tp->inet_conn.icsk_inet.sk.__sk_common;
	__u32 client[4] = { sk->skc_daddr }, local[4] = { sk->skc_rcv_saddr };
	__u8 family = 4;

	if (sk->skc_family == AF_INET6 && bpf_core_field_exists(sk->skc_v6_daddr)) {
		BPF_CORE_READ_INTO(&client, sk, skc_v6_daddr);
		BPF_CORE_READ_INTO(&local, sk, skc_v6_rcv_saddr);
		family = 6;
		if (mapped_ipv4(client)) {
			client[0] = client[3];
			local[0] = local[3];
			client[1] = client[2] = client[3] = 0;
			local[1] = local[2] = local[3] = 0;
			family = 4;
		}
	} else if (sk->skc_family != AF_INET) {
		return false;
	}
	conn_key_make(key, family, (__u8 *)client, (__u8 *)local, sk->skc_dport, tp->inet_conn.icsk_inet.inet_sport);
	return true;
}

/* The flow's idle time is short from now on. */
static __always_inline void ended_flow(const struct agent_conn_key *key, const struct agent_conn *c)
{
	struct agent_flow_key k = { .index = baton_flow_index(c->flow_id), .family = key->family };
	struct agent_flow *f;

	if (!c->flow_id)
		return;
	__builtin_memcpy(k.device, c->device, 16);
	f = bpf_map_lookup_elem(&flows, &k);
	if (f && f->generation == baton_flow_generation(c->flow_id) && f->sport == key->sport &&
	    addr_equal(f->saddr, key->saddr))
		f->state = c->state == AGENT_CONN_LINGERS ? BATON_CONN_FIN : BATON_CONN_CLOSED;
}

static __noinline void ended_tell(const struct agent_conn_key *key, struct agent_conn *c)
{
	struct agent_end *e = bpf_ringbuf_reserve(&ends, sizeof *e, 0);

	if (!e) {
		count(AGENT_COUNTER_END_LOST);
		return;
	}
	e->key = *key;
	e->conn = *c;
	bpf_ringbuf_submit(e, 0);
	c->flags |= AGENT_CONN_REPORTED;
}

/*
 * The last word is said in FIN_WAIT2 or CLOSING: then tcp_time_wait() has put a
 * TIME_WAIT in the socket's place, unless a reset or an error has ended it.
 */
static __always_inline bool ended_lingers(const struct sock *sk, int old_state)
{
	return !sk->sk_err && (old_state == BPF_TCP_FIN_WAIT2 || old_state == BPF_TCP_CLOSING);
}

SEC("tp_btf/inet_sock_set_state")
int BPF_PROG(connection_state, struct sock *sk, int old_state, int new_state)
{
	struct agent_conn_key key;
	struct agent_conn *c;
	struct tcp_sock *tp;

	if ((new_state != BPF_TCP_ESTABLISHED && new_state != BPF_TCP_CLOSE) || old_state == BPF_TCP_LISTEN ||
	    !ended_ours(sk))
		return 0;
	tp = bpf_skc_to_tcp_sock(sk);
	if (!tp || !ended_key(tp, &key))
		return 0;
	c = bpf_map_lookup_elem(&connections, &key);
	if (!c || conn_gone(c))
		return 0;
	c->changed_ns = bpf_ktime_get_ns();
	if (new_state == BPF_TCP_ESTABLISHED) {
		c->state = AGENT_CONN_OPEN;
		step(&key, c->device, TRACE_HOST_ESTABLISHED, 0, 0, IPPROTO_TCP);
		return 0;
	}
	c->state = ended_lingers(sk, old_state) ? AGENT_CONN_LINGERS : AGENT_CONN_ENDED;
	count(c->state == AGENT_CONN_LINGERS ? AGENT_COUNTER_LINGERS : AGENT_COUNTER_ENDED);
	step(&key, c->device, c->state == AGENT_CONN_LINGERS ? TRACE_HOST_LINGERS : TRACE_HOST_ENDED, 0, 0,
	     IPPROTO_TCP);
	ended_flow(&key, c);
	if (!(c->flags & AGENT_CONN_REPORTED))
		ended_tell(&key, c);
	return 0;
}

#endif
