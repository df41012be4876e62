/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Faulty cable for tests, on clsact egress of a port of the switch: drops,
 * doubles, holds back and damages packets, so many in a million of each kind.
 * What becomes of the n-th packet of a kind depends on the seed, the kind and
 * n alone, so that a run can be repeated. lib/faults.py loads it, and brings
 * back what is held: such frames come out of .hold_ifindex and return marked.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/pkt_cls.h>
#include <linux/tcp.h>
#include <linux/udp.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "baton/abi/shim.h"

#define MARK 0xFA17 /* has had its turn */
#define MILLION 1000000
#define SHIM_TYPES 7

char LICENSE[] SEC("license") = "Dual BSD/GPL";

enum kind {
	SYN,
	SYN_ACK,
	DATA,
	ACK,
	FIN,
	RST,
	TUNNELED,            /* + one of the above */
	SHIM = 2 * TUNNELED, /* + type - 1; the last for types that are not known */
	N_KINDS = SHIM + SHIM_TYPES + 1,
};

struct address {
	__u8 b[16]; /* IPv4 in the first four */
};

struct settings {
	__u64 seed;
	__u32 own_ifindex, hold_ifindex;
	__u32 shim_port;
	__u32 zero;
};

/* In a million, one after the other: their sum is at most a million. */
struct rate {
	__u32 drop, duplicate, hold, corrupt;
	__u32 first; /* so many are dropped before anything else is decided */
};

struct counts {
	__u64 seen, dropped, duplicated, held, corrupted;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct settings);
} settings SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, N_KINDS);
	__type(key, __u32);
	__type(value, struct rate);
} rates SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, N_KINDS);
	__type(key, __u32);
	__type(value, struct counts);
} counts SEC(".maps");

/* Source addresses of tunneled packets. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct address);
	__type(value, __u8);
} forwarders SEC(".maps");

struct packet {
	struct address src;
	__u32 l4, end;
	__u8 proto;
};

static __always_inline int parse(struct __sk_buff *skb, struct packet *p)
{
	struct ipv6hdr ip6;
	struct iphdr ip;

	if (skb->protocol == bpf_htons(ETH_P_IP)) {
		if (bpf_skb_load_bytes(skb, ETH_HLEN, &ip, sizeof ip))
			return -1;
		__builtin_memcpy(p->src.b, &ip.saddr, 4);
		p->l4 = ETH_HLEN + ip.ihl * 4;
		p->end = ETH_HLEN + bpf_ntohs(ip.tot_len);
		p->proto = ip.protocol;
		return 0;
	}
	if (skb->protocol != bpf_htons(ETH_P_IPV6) || bpf_skb_load_bytes(skb, ETH_HLEN, &ip6, sizeof ip6))
		return -1;
	__builtin_memcpy(p->src.b, &ip6.saddr, 16);
	p->l4 = ETH_HLEN + sizeof ip6;
	p->end = p->l4 + bpf_ntohs(ip6.payload_len);
	p->proto = ip6.nexthdr;
	return 0;
}

static __always_inline int tcp_kind(struct __sk_buff *skb, struct packet *p)
{
	int base = bpf_map_lookup_elem(&forwarders, &p->src) ? TUNNELED : 0;
	struct tcphdr t;

	if (bpf_skb_load_bytes(skb, p->l4, &t, sizeof t))
		return -1;
	if (t.syn)
		return base + (t.ack ? SYN_ACK : SYN);
	if (t.rst)
		return base + RST;
	if (t.fin)
		return base + FIN;
	return base + (p->l4 + t.doff * 4 < p->end ? DATA : ACK);
}

/* enum kind, or -1: none of our business. */
static __always_inline int kind_of(struct __sk_buff *skb, const struct settings *s)
{
	struct baton_shim_hdr shim;
	struct packet p = { 0 };
	struct udphdr udp;

	if (parse(skb, &p))
		return -1;
	if (p.proto == IPPROTO_TCP)
		return tcp_kind(skb, &p);
	if (p.proto != IPPROTO_UDP || bpf_skb_load_bytes(skb, p.l4, &udp, sizeof udp) ||
	    udp.dest != bpf_htons(s->shim_port) || bpf_skb_load_bytes(skb, p.l4 + sizeof udp, &shim, sizeof shim))
		return -1;
	return SHIM + (shim.type >= 1 && shim.type <= SHIM_TYPES ? shim.type - 1 : SHIM_TYPES);
}

/* Finalizer of splitmix64 (Steele, Lea, Flood 2014). */
static __always_inline __u64 mix(__u64 x)
{
	x += 0x9e3779b97f4a7c15ULL;
	x = (x ^ (x >> 30)) * 0xbf58476d1ce4e5b9ULL;
	x = (x ^ (x >> 27)) * 0x94d049bb133111ebULL;
	return x ^ (x >> 31);
}

/* One byte behind the Ethernet header becomes another. */
static __always_inline void damage(struct __sk_buff *skb, __u64 random)
{
	__u32 offset = ETH_HLEN + (__u32)random % (skb->len - ETH_HLEN);
	__u8 byte;

	if (bpf_skb_load_bytes(skb, offset, &byte, 1))
		return;
	byte ^= 1 + (random >> 32) % 255;
	bpf_skb_store_bytes(skb, offset, &byte, 1, 0);
}

/* Once at once and once in its turn, or, by a bit of chance, once later. */
static __always_inline void duplicate(struct __sk_buff *skb, const struct settings *s, __u64 random)
{
	skb->mark = MARK;
	bpf_clone_redirect(skb, random >> 63 ? s->hold_ifindex : s->own_ifindex, 0);
	skb->mark = 0;
}

SEC("tc")
int faulty_cable(struct __sk_buff *skb)
{
	__u32 zero = 0, kind, chance;
	struct settings *s;
	struct counts *c;
	struct rate *r;
	__u64 random, n;
	int k;

	s = bpf_map_lookup_elem(&settings, &zero);
	if (!s || skb->mark == MARK || skb->len <= ETH_HLEN)
		return TC_ACT_UNSPEC;
	k = kind_of(skb, s);
	kind = k;
	r = bpf_map_lookup_elem(&rates, &kind);
	c = bpf_map_lookup_elem(&counts, &kind);
	if (k < 0 || !r || !c)
		return TC_ACT_UNSPEC;
	n = __sync_fetch_and_add(&c->seen, 1);
	random = mix(s->seed ^ mix(n * 64 + kind));
	chance = (random & 0xffffffff) % MILLION;
	random = mix(random);
	if (n < r->first || chance < r->drop) {
		__sync_fetch_and_add(&c->dropped, 1);
		return TC_ACT_SHOT;
	}
	chance -= r->drop;
	if (chance < r->duplicate) {
		__sync_fetch_and_add(&c->duplicated, 1);
		duplicate(skb, s, random);
		return TC_ACT_UNSPEC;
	}
	chance -= r->duplicate;
	if (chance < r->hold) {
		__sync_fetch_and_add(&c->held, 1);
		return bpf_redirect(s->hold_ifindex, 0);
	}
	chance -= r->hold;
	if (chance < r->corrupt) {
		__sync_fetch_and_add(&c->corrupted, 1);
		damage(skb, random);
	}
	return TC_ACT_UNSPEC;
}
