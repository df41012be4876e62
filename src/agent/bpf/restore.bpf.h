/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Tunneled packets: find the flow and give the packet its addresses and ports back. */
#ifndef BATON_AGENT_BPF_RESTORE_H
#define BATON_AGENT_BPF_RESTORE_H

#include "agent/bpf/reply.bpf.h"
#include "baton/abi/flow_id.h"
#include "baton/proto.h"

#define IPV4_CHECK_OFFSET 10
#define IPV4_SADDR_OFFSET 12
#define IPV6_SADDR_OFFSET 8
#define TCP_CHECK_OFFSET 16
#define UDP_CHECK_OFFSET 6

static __always_inline void flow_key_make(struct agent_flow_key *key, const struct packet *p, __u32 flow_id)
{
	__builtin_memcpy(key->device, p->src.b, 16);
	key->family = p->src.family;
	key->index = baton_flow_index(flow_id);
}

static __always_inline __u8 flow_state_next(const struct agent_flow *f, __u8 flags)
{
	if (f->proto == IPPROTO_UDP)
		return BATON_CONN_UDP;
	if (flags & TCP_RST)
		return BATON_CONN_CLOSED;
	if (flags & TCP_SYN)
		return BATON_CONN_SYN;
	if (f->state == BATON_CONN_CLOSED || f->state == BATON_CONN_FIN)
		return f->state;
	return flags & TCP_FIN ? BATON_CONN_FIN : BATON_CONN_ESTABLISHED;
}

static __always_inline void flow_touch(struct agent_flow *f, const struct packet *p, __u8 flags)
{
	__u8 state = flow_state_next(f, flags);

	if (f->state != state)
		f->state = state;
	f->last_used_ns = bpf_ktime_get_coarse_ns();
	/* not atomic: a flow's packets come on one CPU, and where they do not, a count may be lost */
	f->packets++;
	f->bytes += p->end - L3_OFFSET;
}

static __always_inline long restore_ipv4(struct __sk_buff *skb, const struct agent_flow *f)
{
	__u32 addrs[2];

	__builtin_memcpy(&addrs[0], f->saddr, 4);
	__builtin_memcpy(&addrs[1], f->daddr, 4);
	return bpf_l3_csum_replace(skb, L3_OFFSET + IPV4_CHECK_OFFSET, 0, f->addr_diff, 0)
		       ?: bpf_skb_store_bytes(skb, L3_OFFSET + IPV4_SADDR_OFFSET, addrs, sizeof addrs, 0);
}

/*
 * IPv6 has no header checksum that would balance the change of addresses in a
 * sum made by the network card (CHECKSUM_COMPLETE), so it is recomputed here.
 */
static __always_inline long restore_ipv6(struct __sk_buff *skb, const struct agent_flow *f)
{
	__u8 addrs[32];

	__builtin_memcpy(addrs, f->saddr, 16);
	__builtin_memcpy(addrs + 16, f->daddr, 16);
	return bpf_skb_store_bytes(skb, L3_OFFSET + IPV6_SADDR_OFFSET, addrs, sizeof addrs, BPF_F_RECOMPUTE_CSUM);
}

/*
 * Two steps, because a packet in state CHECKSUM_PARTIAL (merged by GRO, or
 * from this machine) carries the sum of the pseudo header only: the helper
 * knows and leaves the ports out. A UDP checksum of 0 stays 0.
 */
static __always_inline long restore_l4(struct __sk_buff *skb, const struct packet *p, const struct agent_flow *f)
{
	__u32 check = p->l4_offset + (f->proto == IPPROTO_TCP ? TCP_CHECK_OFFSET : UDP_CHECK_OFFSET);
	__u64 flags = f->proto == IPPROTO_UDP ? BPF_F_MARK_MANGLED_0 : 0;
	__be16 ports[2] = { f->sport, f->dport };

	return bpf_l4_csum_replace(skb, check, 0, f->addr_diff, flags | BPF_F_PSEUDO_HDR) ?:
		       bpf_l4_csum_replace(skb, check, 0, f->port_diff, flags) ?:
		       bpf_skb_store_bytes(skb, p->l4_offset, ports, sizeof ports, 0);
}

static __always_inline bool restore_fits(const struct agent_flow *f, __u32 flow_id, __u8 proto, const __u8 host[16])
{
	return f->generation == baton_flow_generation(flow_id) && f->proto == proto && addr_equal(f->host, host);
}

/*
 * The plain case: TCP, headers in the linear part, no options before it. That
 * the flow is there says that the packet is from a device to an address of
 * ours, so that these need not be looked up. NULL: restore_packet() is to say
 * what it is. key: family and device are filled in; p: end.
 */
static __always_inline struct agent_flow *plain_find(struct __sk_buff *skb, const struct tcphdr *tcp,
						     struct agent_flow_key *key, const __u8 host[16],
						     const struct packet *p, __u32 l4_offset)
{
	struct agent_flow *f;
	__u32 flow_id;

	if (p->end > skb->len || p->end < l4_offset + sizeof *tcp)
		return NULL;
	__builtin_memcpy(&flow_id, tcp, sizeof flow_id);
	flow_id = bpf_ntohl(flow_id);
	key->index = baton_flow_index(flow_id);
	f = bpf_map_lookup_elem(&flows, key);
	return f && restore_fits(f, flow_id, IPPROTO_TCP, host) ? f : NULL;
}

/* The ports are in place. The helper knows whether the sum is complete, partial or counted by the card. */
static __always_inline int plain_finish(struct __sk_buff *skb, __u32 l4_offset, struct agent_flow *f,
					const struct packet *p, __u8 flags)
{
	__u32 check = l4_offset + TCP_CHECK_OFFSET;

	if (bpf_l4_csum_replace(skb, check, 0, f->addr_diff, BPF_F_PSEUDO_HDR) ||
	    bpf_l4_csum_replace(skb, check, 0, f->port_diff, 0)) {
		count(AGENT_COUNTER_REWRITE);
		return TC_ACT_SHOT;
	}
	flow_touch(f, p, flags);
	count(AGENT_COUNTER_RESTORED);
	return TC_ACT_OK;
}

/* TC_ACT_UNSPEC: it is not plain, and as it was. */
static __always_inline int restore_plain_ipv4(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct iphdr *ip = data + L3_OFFSET;
	struct tcphdr *tcp = (void *)(ip + 1);
	struct agent_flow_key key = { .family = 4 };
	struct packet p = { .proto = IPPROTO_TCP };
	__u8 host[16] = { 0 }, flags;
	struct agent_flow *f;

	if ((void *)(tcp + 1) > end || ip->version != 4 || ip->ihl != 5 || ip->protocol != IPPROTO_TCP ||
	    ip->frag_off & bpf_htons(IPV4_FRAGMENT_MASK))
		return TC_ACT_UNSPEC;
	p.end = L3_OFFSET + bpf_ntohs(ip->tot_len);
	__builtin_memcpy(key.device, &ip->saddr, 4);
	__builtin_memcpy(host, &ip->daddr, 4);
	f = plain_find(skb, tcp, &key, host, &p, L3_OFFSET + sizeof *ip);
	if (!f)
		return TC_ACT_UNSPEC;
	flags = ((__u8 *)tcp)[TCP_FLAGS_OFFSET];
	__builtin_memcpy(&ip->saddr, f->saddr, 4);
	__builtin_memcpy(&ip->daddr, f->daddr, 4);
	ip->check = reply_fold((__u16)~ip->check + (f->addr_diff & 0xffff) + (f->addr_diff >> 16));
	tcp->source = f->sport;
	tcp->dest = f->dport;
	return plain_finish(skb, L3_OFFSET + sizeof *ip, f, &p, flags);
}

static __always_inline int restore_plain_ipv6(struct __sk_buff *skb)
{
	void *data = (void *)(long)skb->data, *end = (void *)(long)skb->data_end;
	struct ipv6hdr *ip = data + L3_OFFSET;
	struct tcphdr *tcp = (void *)(ip + 1);
	struct agent_flow_key key = { .family = 6 };
	struct packet p = { .proto = IPPROTO_TCP };
	struct agent_flow *f;
	__u8 host[16], flags;

	if ((void *)(tcp + 1) > end || ip->version != 6 || ip->nexthdr != IPPROTO_TCP)
		return TC_ACT_UNSPEC;
	p.end = L3_OFFSET + sizeof *ip + bpf_ntohs(ip->payload_len);
	__builtin_memcpy(key.device, &ip->saddr, 16);
	__builtin_memcpy(host, &ip->daddr, 16);
	f = plain_find(skb, tcp, &key, host, &p, L3_OFFSET + sizeof *ip);
	if (!f)
		return TC_ACT_UNSPEC;
	flags = ((__u8 *)tcp)[TCP_FLAGS_OFFSET];
	tcp->source = f->sport;
	tcp->dest = f->dport;
	/* the header is written by the helper, see restore_ipv6() */
	if (restore_ipv6(skb, f)) {
		count(AGENT_COUNTER_REWRITE);
		return TC_ACT_SHOT;
	}
	return plain_finish(skb, L3_OFFSET + sizeof *ip, f, &p, flags);
}

/* A TCP or UDP packet from a device that is no shim datagram. */
static __noinline int restore_packet(struct __sk_buff *skb, const struct packet *p, struct agent_device *d)
{
	struct agent_flow_key key = { 0 };
	struct agent_flow *f;
	__u32 flow_id;
	__u8 flags;
	long err;

	if (!parse_l4_fits(p) || bpf_skb_load_bytes(skb, p->l4_offset, &flow_id, sizeof flow_id)) {
		count(AGENT_COUNTER_LENGTH);
		return TC_ACT_SHOT;
	}
	flow_id = bpf_ntohl(flow_id);
	flow_key_make(&key, p, flow_id);
	f = bpf_map_lookup_elem(&flows, &key);
	if (!f) {
		count(AGENT_COUNTER_UNKNOWN_FLOW);
		return reply_unknown(skb, p, d, flow_id);
	}
	if (!restore_fits(f, flow_id, p->proto, p->dst.b)) {
		count(AGENT_COUNTER_STALE_FLOW);
		return reply_unknown(skb, p, d, flow_id);
	}
	flags = parse_tcp_flags(skb, p);
	err = p->src.family == 4 ? restore_ipv4(skb, f) : restore_ipv6(skb, f);
	err = err ?: restore_l4(skb, p, f);
	if (err) {
		count(AGENT_COUNTER_REWRITE);
		return TC_ACT_SHOT;
	}
	flow_touch(f, p, flags);
	count(AGENT_COUNTER_RESTORED);
	return TC_ACT_OK;
}

#endif
