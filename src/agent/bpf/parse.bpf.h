/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Read headers. All access is by helper calls, because the headers of an skb
 * need not be in its linear part. Ethernet only: the IP header is at ETH_HLEN
 * (an offloaded VLAN tag is not in the data).
 */
#ifndef BATON_AGENT_BPF_PARSE_H
#define BATON_AGENT_BPF_PARSE_H

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "baton/abi/agent_maps.h"

#define L3_OFFSET ETH_HLEN
#define IPV4_FRAGMENT_MASK 0x3fff /* more fragments, or an offset */
#define TCP_FLAGS_OFFSET 13
#define TCP_FIN 0x01
#define TCP_SYN 0x02
#define TCP_RST 0x04
#define TCP_ACK 0x10

/* One IP packet's addresses and limits, offsets from the start of the frame. */
struct packet {
	struct agent_addr src, dst;
	__u32 l4_offset;
	__u32 end; /* of the IP packet; Ethernet padding lies behind it */
	__u8 proto;
	__u8 fragment;
	__u8 extension;
	__u8 bad_length; /* lengths contradict each other */
};

/* memcmp() is a library call for BPF, which has no library. */
static __always_inline int addr_equal(const __u8 a[16], const __u8 b[16])
{
	__u64 x[2], y[2];

	__builtin_memcpy(x, a, 16);
	__builtin_memcpy(y, b, 16);
	return ((x[0] ^ y[0]) | (x[1] ^ y[1])) == 0;
}

static __always_inline int parse_ipv4(struct __sk_buff *skb, __u32 offset, struct packet *p)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof ip) || ip.version != 4)
		return -1;
	__builtin_memcpy(p->src.b, &ip.saddr, 4);
	__builtin_memcpy(p->dst.b, &ip.daddr, 4);
	p->src.family = p->dst.family = 4;
	p->proto = ip.protocol;
	p->fragment = (ip.frag_off & bpf_htons(IPV4_FRAGMENT_MASK)) != 0;
	p->l4_offset = offset + ip.ihl * 4;
	p->end = offset + bpf_ntohs(ip.tot_len);
	p->bad_length = ip.ihl < 5 || p->end < p->l4_offset || p->end > skb->len;
	return 0;
}

static __always_inline int parse_ipv6(struct __sk_buff *skb, __u32 offset, struct packet *p)
{
	struct ipv6hdr ip;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof ip) || ip.version != 6)
		return -1;
	__builtin_memcpy(p->src.b, &ip.saddr, 16);
	__builtin_memcpy(p->dst.b, &ip.daddr, 16);
	p->src.family = p->dst.family = 6;
	p->proto = ip.nexthdr;
	p->fragment = ip.nexthdr == IPPROTO_FRAGMENT;
	p->extension = ip.nexthdr == IPPROTO_HOPOPTS || ip.nexthdr == IPPROTO_ROUTING ||
		       ip.nexthdr == IPPROTO_DSTOPTS || ip.nexthdr == IPPROTO_AH;
	p->l4_offset = offset + sizeof ip;
	p->end = p->l4_offset + bpf_ntohs(ip.payload_len);
	p->bad_length = p->end > skb->len;
	return 0;
}

/* Parse the IP header at offset; p must be zeroed. -1: no IP header of this family there. */
static __always_inline int parse_ip(struct __sk_buff *skb, __u32 offset, __u8 family, struct packet *p)
{
	return family == 4 ? parse_ipv4(skb, offset, p) : parse_ipv6(skb, offset, p);
}

/* Whether a whole transport header is there. */
static __always_inline int parse_l4_fits(const struct packet *p)
{
	__u32 need = p->proto == IPPROTO_TCP ? sizeof(struct tcphdr) : sizeof(struct udphdr);

	return !p->bad_length && p->l4_offset + need <= p->end;
}

static __always_inline __u8 parse_tcp_flags(struct __sk_buff *skb, const struct packet *p)
{
	__u8 flags = 0;

	if (p->proto == IPPROTO_TCP)
		bpf_skb_load_bytes(skb, p->l4_offset + TCP_FLAGS_OFFSET, &flags, sizeof flags);
	return flags;
}

#endif
