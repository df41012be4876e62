/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Turn a packet from a device into a shim datagram back to it. The packet's
 * own buffer carries the reply out of the device it came in by, so that a
 * reply costs no memory and needs no route and no neighbour entry.
 */
#ifndef BATON_AGENT_BPF_REPLY_H
#define BATON_AGENT_BPF_REPLY_H

#include <linux/pkt_cls.h>
#include <stddef.h>

#include "agent/bpf/mac.bpf.h"
#include "agent/bpf/scratch.bpf.h"

#define REPLY_TTL 64
/* More than the transport header's offset can be: see reply_make_room(). */
#define REPLY_SLACK 80

/*
 * Whether the device may be sent a reply now: the generic cell rate algorithm
 * (ITU-T I.371), one clock value instead of a token count and its time.
 */
static __always_inline int reply_allowed(struct agent_device *d, const struct agent_settings *s)
{
	__u64 now = bpf_ktime_get_ns(), interval = s->reply_interval_ns, burst = s->reply_burst_ns, due;
	int allowed;

	bpf_spin_lock(&d->lock);
	due = d->reply_due_ns > now ? d->reply_due_ns : now;
	allowed = due - now <= burst;
	if (allowed)
		d->reply_due_ns = due + interval;
	bpf_spin_unlock(&d->lock);
	return allowed;
}

/*
 * Resize the packet to len bytes behind the link header's start.
 *
 * A packet that GRO has put together says CHECKSUM_PARTIAL: whoever sends it
 * on would write a TCP checksum into the middle of our datagram. That state
 * ends when the kernel sees the checksum's start lie before the data
 * (skb_postpull_rcsum()). So the front is cut off by more than that; newer
 * kernels look during the cut, others during the write.
 */
static __always_inline long reply_make_room(struct __sk_buff *skb, __u32 len)
{
	return bpf_skb_change_tail(skb, len + REPLY_SLACK, 0)
		       ?: bpf_skb_adjust_room(skb, -REPLY_SLACK, BPF_ADJ_ROOM_MAC, 0);
}

/* Send the frame back where it came from. */
static __always_inline long reply_turn(struct __sk_buff *skb)
{
	struct ethhdr eth;
	__u8 ours[ETH_ALEN];
	long err = bpf_skb_load_bytes(skb, 0, &eth, sizeof eth);

	__builtin_memcpy(ours, eth.h_dest, ETH_ALEN);
	__builtin_memcpy(eth.h_dest, eth.h_source, ETH_ALEN);
	__builtin_memcpy(eth.h_source, ours, ETH_ALEN);
	return err ?: bpf_skb_store_bytes(skb, 0, &eth, sizeof eth, BPF_F_RECOMPUTE_CSUM);
}

static __always_inline __u16 reply_fold(__s64 sum)
{
	__u32 s = (__u32)sum;

	s = (s & 0xffff) + (s >> 16);
	s = (s & 0xffff) + (s >> 16);
	return (__u16)~s;
}

static __always_inline long write_ipv4(struct __sk_buff *skb, const __u8 *src, const __u8 *dst, __u8 proto,
				       __u32 l4_len)
{
	struct iphdr ip = {
		.version = 4,
		.ihl = 5,
		.tot_len = bpf_htons((__u16)(sizeof ip + l4_len)),
		.frag_off = bpf_htons(0x4000),
		.ttl = REPLY_TTL,
		.protocol = proto,
	};

	__builtin_memcpy(&ip.saddr, src, 4);
	__builtin_memcpy(&ip.daddr, dst, 4);
	ip.check = reply_fold(bpf_csum_diff(NULL, 0, (__be32 *)&ip, sizeof ip, 0));
	return bpf_skb_store_bytes(skb, L3_OFFSET, &ip, sizeof ip, BPF_F_RECOMPUTE_CSUM);
}

static __always_inline long write_ipv6(struct __sk_buff *skb, const __u8 *src, const __u8 *dst, __u8 proto,
				       __u32 l4_len)
{
	struct ipv6hdr ip = {
		.version = 6,
		.payload_len = bpf_htons((__u16)l4_len),
		.nexthdr = proto,
		.hop_limit = REPLY_TTL,
	};

	__builtin_memcpy(&ip.saddr, src, 16);
	__builtin_memcpy(&ip.daddr, dst, 16);
	return bpf_skb_store_bytes(skb, L3_OFFSET, &ip, sizeof ip, BPF_F_RECOMPUTE_CSUM);
}

/*
 * UDP checksum over pseudo header, UDP header and datagram. The unused bytes of
 * IPv4 addresses are 0 and add nothing.
 */
static __always_inline __u16 reply_udp_checksum(const struct shim *s, const struct udphdr *udp, __u32 n_words)
{
	__be32 lengths[2] = { udp->len, bpf_htonl(IPPROTO_UDP) };
	__s64 sum = bpf_csum_diff(NULL, 0, lengths, sizeof lengths, 0);
	__u16 check;

	sum = bpf_csum_diff(NULL, 0, (__be32 *)s, offsetof(struct shim, words), (__u32)sum);
	if (n_words == 1)
		sum = bpf_csum_diff(NULL, 0, (__be32 *)s->words, 8, (__u32)sum);
	else if (n_words == 2)
		sum = bpf_csum_diff(NULL, 0, (__be32 *)s->words, 16, (__u32)sum);
	else
		sum = bpf_csum_diff(NULL, 0, (__be32 *)s->words, sizeof s->conn, (__u32)sum);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)udp, sizeof *udp, (__u32)sum);
	check = reply_fold(sum);
	return check ? check : 0xffff;
}

/* Calls with constant sizes, which old verifiers follow more easily than one with a computed size. */
static __always_inline long reply_write_shim(struct __sk_buff *skb, __u32 at, const struct shim *s, __u32 n_words)
{
	if (n_words == 1)
		return bpf_skb_store_bytes(skb, at, &s->hdr, BATON_SHIM_UNKNOWN_LEN, 0);
	if (n_words == 2)
		return bpf_skb_store_bytes(skb, at, &s->hdr, BATON_SHIM_RESYNC_LEN, 0);
	return bpf_skb_store_bytes(skb, at, &s->hdr, BATON_SHIM_CONN_LEN, 0);
}

/*
 * Send body (n_words 64-bit words of it) as a datagram of type. Returns the
 * program's verdict. Once the packet has been changed it is never passed on.
 */
static __noinline int reply_send(struct __sk_buff *skb, const struct packet *p, const struct agent_settings *cfg,
				 struct shim *s, __u32 n_words)
{
	__u32 zero = 0, l3_len = p->src.family == 4 ? sizeof(struct iphdr) : sizeof(struct ipv6hdr);
	__u32 l4_len = sizeof(struct udphdr) + sizeof(struct baton_shim_hdr) + n_words * 8;
	__u64 *seq = bpf_map_lookup_elem(&sequence, &zero);
	struct udphdr udp = { .source = cfg->shim_port, .dest = cfg->shim_port, .len = bpf_htons((__u16)l4_len) };
	long err;

	if (!seq)
		return TC_ACT_SHOT;
	__builtin_memcpy(s->src, p->dst.b, 16);
	__builtin_memcpy(s->dst, p->src.b, 16);
	s->hdr.magic = bpf_htons(BATON_SHIM_MAGIC);
	s->hdr.version = BATON_SHIM_VERSION;
	s->hdr.len = bpf_htons((__u16)(l4_len - sizeof(struct udphdr)));
	s->hdr.key_id = cfg->keys[0].id;
	s->hdr.flags = 0;
	s->hdr.seq = bpf_cpu_to_be64(__sync_fetch_and_add(seq, 1));
	s->hdr.mac = 0;
	s->hdr.mac = bpf_cpu_to_be64(shim_mac(s, &cfg->keys[0], n_words));
	udp.check = reply_udp_checksum(s, &udp, n_words);

	err = reply_make_room(skb, L3_OFFSET + l3_len + l4_len) ?: reply_turn(skb);
	if (!err && p->src.family == 4)
		err = write_ipv4(skb, p->dst.b, p->src.b, IPPROTO_UDP, l4_len);
	else if (!err)
		err = write_ipv6(skb, p->dst.b, p->src.b, IPPROTO_UDP, l4_len);
	err = err ?: bpf_skb_store_bytes(skb, L3_OFFSET + l3_len, &udp, sizeof udp, 0);
	err = err ?: reply_write_shim(skb, L3_OFFSET + l3_len + sizeof udp, s, n_words);
	if (err) {
		count(AGENT_COUNTER_REWRITE);
		return TC_ACT_SHOT;
	}
	return (int)bpf_redirect(skb->ifindex, 0);
}

/* Ask the device to introduce this flow. */
static __noinline int reply_unknown(struct __sk_buff *skb, const struct packet *p, struct agent_device *d,
				    __u32 flow_id)
{
	struct agent_settings *cfg = settings_get();
	struct scratch *x = scratch_get();
	int verdict;

	if (!cfg || !x) {
		count(AGENT_COUNTER_NO_SETTINGS);
		return TC_ACT_SHOT;
	}
	if (!reply_allowed(d, cfg)) {
		count(AGENT_COUNTER_RATE);
		return TC_ACT_SHOT;
	}
	x->shim.hdr.type = BATON_SHIM_UNKNOWN;
	x->shim.unknown = (struct baton_shim_unknown){ .flow_id = bpf_htonl(flow_id) };
	verdict = reply_send(skb, p, cfg, &x->shim, sizeof x->shim.unknown / 8);
	if (verdict == TC_ACT_REDIRECT)
		count(AGENT_COUNTER_UNKNOWN_SENT);
	return verdict;
}

/* Tell the device where our window for it stands. s is the datagram refused; the reply takes its place. */
static __always_inline int reply_resync(struct __sk_buff *skb, const struct packet *p, struct agent_device *d,
					const struct agent_settings *cfg, struct shim *s, __u64 top)
{
	int verdict;

	if (!reply_allowed(d, cfg)) {
		count(AGENT_COUNTER_RATE);
		return TC_ACT_SHOT;
	}
	s->resync.top_seq = bpf_cpu_to_be64(top);
	s->resync.your_seq = s->hdr.seq;
	s->hdr.type = BATON_SHIM_RESYNC;
	verdict = reply_send(skb, p, cfg, s, sizeof s->resync / 8);
	if (verdict == TC_ACT_REDIRECT)
		count(AGENT_COUNTER_RESYNC_SENT);
	return verdict;
}

#endif
