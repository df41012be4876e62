/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Shim datagrams from a device: check that they are genuine and new, and hand them to those who act on them. */
#ifndef BATON_AGENT_BPF_SHIM_H
#define BATON_AGENT_BPF_SHIM_H

#include "agent/bpf/create.bpf.h"
#include "agent/bpf/introduce.bpf.h"
#include "tunnel/replay.h"

/* Sequence numbers are clock nanoseconds: the top bit is not reached in this world. */
#define SEQUENCE_LIMIT (1ull << 63)

_Static_assert(sizeof(struct replay_window) == sizeof(((struct agent_device *)0)->window), "window fits its place");

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
	case BATON_SHIM_CREATE:
	case BATON_SHIM_ABORT:
		return sizeof(struct baton_shim_create) / 8;
	}
	return 0;
}

static __always_inline int shim_has_inner(__u8 type)
{
	return type == BATON_SHIM_INTRODUCE || type == BATON_SHIM_CREATE;
}

/* One call for each size: a computed one is hard on old verifiers. */
static __always_inline long shim_load_body(struct __sk_buff *skb, __u32 at, struct shim *s)
{
	switch (s->hdr.type) {
	case BATON_SHIM_INTRODUCE:
		return bpf_skb_load_bytes(skb, at, &s->flow, sizeof s->flow);
	case BATON_SHIM_RESYNC:
		return bpf_skb_load_bytes(skb, at, &s->resync, sizeof s->resync);
	default:
		return bpf_skb_load_bytes(skb, at, &s->create, sizeof s->create);
	}
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
	if (!shim_has_inner(s->hdr.type) && body + n != p->end)
		return AGENT_COUNTER_SHIM_LENGTH;
	if (shim_load_body(skb, body, s))
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

/*
 * Read the datagram into the scratch memory. 0 if it is genuine and new, else
 * the verdict's negative; what is wrong has been counted.
 */
static __noinline int shim_accept(struct __sk_buff *skb, struct packet *p, const struct udphdr *udp,
				  struct agent_device *d, const struct agent_settings *cfg)
{
	struct scratch *x = scratch_get();
	struct shim *s = &x->shim;
	__u64 top = 0;
	int why;

	if (!x)
		return -TC_ACT_SHOT;
	why = shim_bound(skb, p, udp);

	why = why ?: shim_load(skb, p, s);
	why = why ?: shim_verify(s, cfg);
	if (why)
		return -shim_drop((enum agent_counter)why);
	if (s->hdr.type == BATON_SHIM_RESYNC)
		return -shim_resync(s);
	switch (shim_replay(d, bpf_be64_to_cpu(s->hdr.seq), &top)) {
	case REPLAY_OK:
		return 0;
	case REPLAY_SEEN:
		return -shim_drop(AGENT_COUNTER_SHIM_REPLAYED);
	case REPLAY_TOO_OLD:
		break;
	}
	count(AGENT_COUNTER_SHIM_STALE);
	return -reply_resync(skb, p, d, cfg, s, top);
}

/* able: whether the kernel has the function that makes connections. */
static __always_inline int shim_receive(struct __sk_buff *skb, struct packet *p, const struct udphdr *udp,
					struct agent_device *d, const struct agent_settings *cfg, const bool able)
{
	int verdict = shim_accept(skb, p, udp, d, cfg);
	struct scratch *x = scratch_get();

	if (verdict || !x)
		return -verdict;
	if (x->shim.hdr.type == BATON_SHIM_INTRODUCE)
		return shim_introduce(skb, p, x);
	return shim_connection(skb, p, cfg, x, able);
}

#endif
