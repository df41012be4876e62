/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Introductions: take the flow's mapping, unwrap the packet inside. */
#ifndef BATON_AGENT_BPF_INTRODUCE_H
#define BATON_AGENT_BPF_INTRODUCE_H

#include "agent/bpf/connection.bpf.h"
#include "agent/bpf/trace.bpf.h"

_Static_assert(offsetof(struct baton_shim_flow, daddr) == offsetof(struct baton_shim_flow, saddr) + 16, "one piece");
_Static_assert(offsetof(struct baton_shim_flow, dport) == offsetof(struct baton_shim_flow, sport) + 2, "one piece");

/*
 * Checksum differences between the tunneled form of the flow and its own. Both
 * address pairs lie one behind the other in the datagram.
 */
static __always_inline void flow_diffs(struct agent_flow *f, struct shim *s)
{
	f->addr_diff = (__u32)bpf_csum_diff((__be32 *)s->src, 32, (__be32 *)s->flow.saddr, 32, 0);
	f->port_diff = (__u32)bpf_csum_diff(&s->flow.flow_id, 4, (__be32 *)&s->flow.sport, 4, 0);
}

static __always_inline int flow_fields_valid(const struct baton_shim_flow *m, __u8 family)
{
	if (m->family != family || (m->proto != IPPROTO_TCP && m->proto != IPPROTO_UDP) || !m->sport || !m->dport)
		return 0;
	for (unsigned i = 0; i < sizeof m->zero; i++)
		if (m->zero[i])
			return 0;
	return addrs_valid(family, m->saddr, m->daddr);
}

static __always_inline int flow_same(const struct agent_flow *f, const struct agent_flow *g)
{
	return f->generation == g->generation && f->proto == g->proto && f->sport == g->sport && f->dport == g->dport &&
	       addr_equal(f->saddr, g->saddr) && addr_equal(f->daddr, g->daddr) && addr_equal(f->host, g->host);
}

/* Store the mapping. 0, or the counter that says why not. */
static __noinline int flow_introduce(const struct packet *p, struct shim *s)
{
	const struct baton_shim_flow *m = &s->flow;
	__u64 seq = bpf_be64_to_cpu(s->hdr.seq);
	__u32 flow_id = bpf_ntohl(m->flow_id);
	struct agent_addr vip = { .family = p->src.family };
	struct agent_flow_key key = { 0 };
	struct agent_flow fresh = {
		.sport = m->sport,
		.dport = m->dport,
		.generation = baton_flow_generation(flow_id),
		.proto = m->proto,
		.state = m->proto == IPPROTO_UDP ? BATON_CONN_UDP : BATON_CONN_ESTABLISHED,
		.introduced_seq = seq,
	};
	struct agent_flow *old;

	if (!flow_fields_valid(m, p->src.family))
		return AGENT_COUNTER_FLOW_FIELDS;
	__builtin_memcpy(vip.b, m->daddr, 16);
	if (!bpf_map_lookup_elem(&vips, &vip))
		return AGENT_COUNTER_FLOW_VIP;
	__builtin_memcpy(fresh.saddr, m->saddr, 16);
	__builtin_memcpy(fresh.daddr, m->daddr, 16);
	__builtin_memcpy(fresh.host, p->dst.b, 16);
	fresh.last_used_ns = bpf_ktime_get_coarse_ns();

	flow_key_make(&key, p, flow_id);
	old = bpf_map_lookup_elem(&flows, &key);
	if (old && old->introduced_seq > seq)
		return AGENT_COUNTER_FLOW_OLD;
	if (old && flow_same(old, &fresh)) {
		old->introduced_seq = seq;
		old->last_used_ns = fresh.last_used_ns;
		count(AGENT_COUNTER_INTRODUCED_AGAIN);
		return 0;
	}
	flow_diffs(&fresh, s);
	if (bpf_map_update_elem(&flows, &key, &fresh, BPF_ANY))
		return AGENT_COUNTER_FLOW_FULL;
	count(AGENT_COUNTER_INTRODUCED);
	return 0;
}

/* Give the packet inside to the kernel. What lies before it goes, link header excepted. */
static __noinline int introduce_unwrap(struct __sk_buff *skb, const struct packet *p, struct scratch *x, __u32 offset)
{
	__u32 flow_id = bpf_ntohl(x->shim.flow.flow_id);
	struct agent_flow_key key = { 0 };
	struct packet inner = { 0 };
	struct agent_flow *f;
	__u8 flags;
	int why = inner_check(skb, offset, p->end, &x->key, x->shim.flow.proto, &inner);

	if (why)
		return shim_drop((enum agent_counter)why);
	flags = parse_tcp_flags(skb, &inner);
	if (inner.proto == IPPROTO_TCP)
		conn_introduced(p, x, flow_id, flags & TCP_SYN);
	if (inner_unwrap(skb, offset))
		return shim_drop(AGENT_COUNTER_REWRITE);
	flow_key_make(&key, p, flow_id);
	f = bpf_map_lookup_elem(&flows, &key);
	if (f) {
		inner.end -= offset - L3_OFFSET;
		flow_touch(f, &inner, flags);
	}
	count(AGENT_COUNTER_UNWRAPPED);
	step(&x->key, p->src.b, TRACE_HOST_UNWRAPPED, flow_id, 0, x->shim.flow.proto);
	return TC_ACT_OK;
}

static __always_inline int shim_introduce(struct __sk_buff *skb, const struct packet *p, struct scratch *x)
{
	__u32 inner = p->l4_offset + sizeof(struct udphdr) + BATON_SHIM_INTRODUCE_LEN;
	const struct baton_shim_flow *m = &x->shim.flow;
	int why = flow_introduce(p, &x->shim);

	conn_key_make(&x->key, m->family, m->saddr, m->daddr, m->sport, m->dport);
	if (why) {
		step(&x->key, p->src.b, TRACE_HOST_NOT_INTRODUCED, (__u32)why, 0, m->proto);
		return shim_drop((enum agent_counter)why);
	}
	if (p->end != inner)
		return introduce_unwrap(skb, p, x, inner);
	if (m->proto == IPPROTO_TCP)
		conn_introduced(p, x, bpf_ntohl(m->flow_id), 0);
	step(&x->key, p->src.b, TRACE_HOST_INTRODUCED, bpf_ntohl(m->flow_id), 0, m->proto);
	return shim_drop(AGENT_COUNTER_CONSUMED);
}

#endif
