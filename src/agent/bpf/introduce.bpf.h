/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Shim datagrams from a device: check, take the flow's mapping, unwrap the packet inside. */
#ifndef BATON_AGENT_BPF_INTRODUCE_H
#define BATON_AGENT_BPF_INTRODUCE_H

#include "agent/bpf/restore.bpf.h"
#include "tunnel/replay.h"

/* Sequence numbers are clock nanoseconds: the top bit is not reached in this world. */
#define SEQUENCE_LIMIT (1ull << 63)

_Static_assert(offsetof(struct baton_shim_flow, daddr) == offsetof(struct baton_shim_flow, saddr) + 16, "one piece");
_Static_assert(offsetof(struct baton_shim_flow, dport) == offsetof(struct baton_shim_flow, sport) + 2, "one piece");
_Static_assert(sizeof(struct replay_window) == sizeof(((struct agent_device *)0)->window), "window fits its place");

static __always_inline int shim_drop(enum agent_counter why)
{
	count(why);
	return TC_ACT_SHOT;
}

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
	if (family == 4)
		for (int i = 4; i < 16; i++)
			if (m->saddr[i] | m->daddr[i])
				return 0;
	return 1;
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

/* Check the packet inside against its mapping. 0, or the counter that says why not. */
static __always_inline int inner_check(struct __sk_buff *skb, __u32 offset, __u32 end, const struct baton_shim_flow *m,
				       struct packet *inner)
{
	__be16 ports[2];

	if (parse_ip(skb, offset, m->family, inner))
		return AGENT_COUNTER_INNER_LENGTH;
	if (inner->proto != m->proto || inner->fragment || !addr_equal(inner->src.b, m->saddr) ||
	    !addr_equal(inner->dst.b, m->daddr))
		return AGENT_COUNTER_INNER_FLOW;
	if (!parse_l4_fits(inner) || inner->end > end || bpf_skb_load_bytes(skb, inner->l4_offset, ports, sizeof ports))
		return AGENT_COUNTER_INNER_LENGTH;
	if (ports[0] != m->sport || ports[1] != m->dport)
		return AGENT_COUNTER_INNER_FLOW;
	return 0;
}

/* Give the packet inside to the kernel. What lies before it goes, link header excepted. */
static __noinline int inner_unwrap(struct __sk_buff *skb, const struct packet *p, __u32 offset, __u32 end,
				   const struct baton_shim_flow *m)
{
	struct agent_flow_key key = { 0 };
	struct packet inner = { 0 };
	struct agent_flow *f;
	__u8 flags;
	int why = inner_check(skb, offset, end, m, &inner);

	if (why)
		return shim_drop((enum agent_counter)why);
	flags = parse_tcp_flags(skb, &inner);
	if (bpf_skb_adjust_room(skb, -(__s32)(offset - L3_OFFSET), BPF_ADJ_ROOM_MAC, 0))
		return shim_drop(AGENT_COUNTER_REWRITE);
	flow_key_make(&key, p, bpf_ntohl(m->flow_id));
	f = bpf_map_lookup_elem(&flows, &key);
	if (f) {
		inner.end -= offset - L3_OFFSET;
		flow_touch(f, &inner, flags);
	}
	count(AGENT_COUNTER_UNWRAPPED);
	return TC_ACT_OK;
}

static __always_inline int shim_introduce(struct __sk_buff *skb, const struct packet *p, struct shim *s)
{
	__u32 inner = p->l4_offset + sizeof(struct udphdr) + BATON_SHIM_INTRODUCE_LEN;
	int why = flow_introduce(p, s);

	if (why)
		return shim_drop((enum agent_counter)why);
	if (p->end == inner)
		return shim_drop(AGENT_COUNTER_CONSUMED);
	return inner_unwrap(skb, p, inner, p->end, &s->flow);
}

/*
 * Move our sequence numbers above what the device has accepted. No replay
 * check: it would end in a deadlock when both sides are behind, and an old
 * RESYNC names a number that we have passed.
 */
static __always_inline int shim_resync(const struct shim *s)
{
	__u64 top = bpf_be64_to_cpu(s->resync.top_seq), seen;
	__u32 zero = 0;
	__u64 *seq = bpf_map_lookup_elem(&sequence, &zero);

	if (!seq || top >= SEQUENCE_LIMIT)
		return shim_drop(AGENT_COUNTER_FLOW_FIELDS);
	seen = *seq;
	if (seen <= top && __sync_val_compare_and_swap(seq, seen, top + 1) == seen)
		count(AGENT_COUNTER_RESYNC_TAKEN);
	return shim_drop(AGENT_COUNTER_CONSUMED);
}

static __always_inline __u32 shim_body_words(__u8 type)
{
	switch (type) {
	case BATON_SHIM_INTRODUCE:
		return sizeof(struct baton_shim_flow) / 8;
	case BATON_SHIM_RESYNC:
		return sizeof(struct baton_shim_resync) / 8;
	}
	return 0;
}

/* Read header and body, check all that can be checked without a key. 0 or the counter. */
static __always_inline int shim_load(struct __sk_buff *skb, const struct packet *p, struct shim *s)
{
	__u32 at = p->l4_offset + sizeof(struct udphdr), body = at + sizeof s->hdr, n;

	if (body > p->end || bpf_skb_load_bytes(skb, at, &s->hdr, sizeof s->hdr))
		return AGENT_COUNTER_SHIM_LENGTH;
	if (s->hdr.magic != bpf_htons(BATON_SHIM_MAGIC))
		return AGENT_COUNTER_SHIM_MAGIC;
	if (s->hdr.version != BATON_SHIM_VERSION)
		return AGENT_COUNTER_SHIM_VERSION;
	n = shim_body_words(s->hdr.type) * 8;
	if (!n || s->hdr.flags)
		return AGENT_COUNTER_SHIM_TYPE;
	if (bpf_ntohs(s->hdr.len) != sizeof s->hdr + n || body + n > p->end)
		return AGENT_COUNTER_SHIM_LENGTH;
	if (s->hdr.type != BATON_SHIM_INTRODUCE && body + n != p->end)
		return AGENT_COUNTER_SHIM_LENGTH;
	if (s->hdr.type == BATON_SHIM_INTRODUCE ? bpf_skb_load_bytes(skb, body, &s->flow, sizeof s->flow)
						: bpf_skb_load_bytes(skb, body, &s->resync, sizeof s->resync))
		return AGENT_COUNTER_SHIM_LENGTH;
	__builtin_memcpy(s->src, p->src.b, 16);
	__builtin_memcpy(s->dst, p->dst.b, 16);
	return 0;
}

/* 0 or the counter. Leaves the header's mac 0. */
static __always_inline int shim_verify(struct shim *s, const struct agent_settings *cfg)
{
	__u64 mac = bpf_be64_to_cpu(s->hdr.mac);
	__u32 n_words = shim_body_words(s->hdr.type);

	s->hdr.mac = 0;
	for (__u32 i = 0; i < AGENT_MAX_KEYS; i++)
		if (i < cfg->n_keys && cfg->keys[i].id == s->hdr.key_id)
			return shim_mac(s, &cfg->keys[i], n_words) == mac ? 0 : AGENT_COUNTER_SHIM_FORGED;
	return AGENT_COUNTER_SHIM_KEY;
}

static __always_inline enum replay_verdict shim_replay(struct agent_device *d, __u64 seq, __u64 *ret_top)
{
	struct replay_window *w = (struct replay_window *)d->window;
	enum replay_verdict verdict;

	bpf_spin_lock(&d->lock);
	verdict = replay_check(w, seq);
	*ret_top = w->top;
	bpf_spin_unlock(&d->lock);
	return verdict;
}

/* The UDP length decides where the datagram ends. 0 or the counter. */
static __always_inline int shim_bound(struct __sk_buff *skb, struct packet *p, const struct udphdr *udp)
{
	__u32 len = bpf_ntohs(udp->len);

	if (len < sizeof *udp || p->l4_offset + len > p->end)
		return AGENT_COUNTER_SHIM_LENGTH;
	p->end = p->l4_offset + len;
	/* several datagrams put into one: only the first would be seen */
	return skb->gso_segs > 1 ? AGENT_COUNTER_SHIM_MERGED : 0;
}

/* Like other long functions not inlined, so that the stack of 512 bytes suffices. */
static __noinline int shim_receive(struct __sk_buff *skb, struct packet *p, const struct udphdr *udp,
				   struct agent_device *d, const struct agent_settings *cfg)
{
	struct shim s = { 0 };
	__u64 top = 0;
	int why = shim_bound(skb, p, udp);

	why = why ?: shim_load(skb, p, &s);
	why = why ?: shim_verify(&s, cfg);
	if (why)
		return shim_drop((enum agent_counter)why);
	if (s.hdr.type == BATON_SHIM_RESYNC)
		return shim_resync(&s);
	switch (shim_replay(d, bpf_be64_to_cpu(s.hdr.seq), &top)) {
	case REPLAY_OK:
		return shim_introduce(skb, p, &s);
	case REPLAY_SEEN:
		return shim_drop(AGENT_COUNTER_SHIM_REPLAYED);
	case REPLAY_TOO_OLD:
		break;
	}
	count(AGENT_COUNTER_SHIM_STALE);
	return reply_resync(skb, p, d, cfg, &s, top);
}

#endif
