/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* The host's TCP connections as devices know them: keys, the map connections, the packet inside a datagram. */
#ifndef BATON_AGENT_BPF_CONNECTION_H
#define BATON_AGENT_BPF_CONNECTION_H

#include "agent/bpf/restore.bpf.h"

static __always_inline int shim_drop(enum agent_counter why)
{
	count(why);
	return TC_ACT_SHOT;
}

/* The bytes that an IPv4 address does not use are 0. */
static __always_inline bool addrs_valid(__u8 family, const __u8 saddr[16], const __u8 daddr[16])
{
	if (family == 4)
		for (int i = 4; i < 16; i++)
			if (saddr[i] | daddr[i])
				return false;
	return true;
}

static __always_inline void conn_key_make(struct agent_conn_key *key, __u8 family, const __u8 saddr[16],
					  const __u8 daddr[16], __be16 sport, __be16 dport)
{
	__builtin_memcpy(key->saddr, saddr, 16);
	__builtin_memcpy(key->daddr, daddr, 16);
	key->sport = sport;
	key->dport = dport;
	key->family = family;
	__builtin_memset(key->zero, 0, sizeof key->zero);
}

static __always_inline bool conn_gone(const struct agent_conn *c)
{
	return c->state == AGENT_CONN_ENDED || c->state == AGENT_CONN_LINGERS;
}

/* Enter the flow's device and id; make the entry if there is none, or only that of an older connection. */
static __noinline void conn_introduced(const struct packet *p, struct scratch *x, __u32 flow_id, __u32 syn)
{
	struct agent_conn *c = bpf_map_lookup_elem(&connections, &x->key);

	if (!c || (syn && conn_gone(c))) {
		x->fresh = (struct agent_conn){ .flow_id = flow_id, .state = syn ? AGENT_CONN_NEW : AGENT_CONN_OPEN };
		__builtin_memcpy(x->fresh.device, p->src.b, 16);
		__builtin_memcpy(x->fresh.host, p->dst.b, 16);
		x->fresh.made_ns = x->fresh.changed_ns = bpf_ktime_get_coarse_ns();
		/* least recently used entries go: it fails for want of memory only, and then the end is not reported */
		bpf_map_update_elem(&connections, &x->key, &x->fresh, BPF_ANY);
		return;
	}
	c->flow_id = flow_id;
	__builtin_memcpy(c->device, p->src.b, 16);
	__builtin_memcpy(c->host, p->dst.b, 16);
}

/* Check the packet inside against its mapping. 0, or the counter that says why not. inner must be zeroed. */
static __always_inline int inner_check(struct __sk_buff *skb, __u32 offset, __u32 end, const struct agent_conn_key *key,
				       __u8 proto, struct packet *inner)
{
	__be16 ports[2];

	if (parse_ip(skb, offset, key->family, inner))
		return AGENT_COUNTER_INNER_LENGTH;
	if (inner->proto != proto || inner->fragment || !addr_equal(inner->src.b, key->saddr) ||
	    !addr_equal(inner->dst.b, key->daddr))
		return AGENT_COUNTER_INNER_FLOW;
	if (!parse_l4_fits(inner) || inner->end > end || bpf_skb_load_bytes(skb, inner->l4_offset, ports, sizeof ports))
		return AGENT_COUNTER_INNER_LENGTH;
	if (ports[0] != key->sport || ports[1] != key->dport)
		return AGENT_COUNTER_INNER_FLOW;
	return 0;
}

/* Take away what lies before the packet inside, link header excepted. */
static __always_inline long inner_unwrap(struct __sk_buff *skb, __u32 offset)
{
	return bpf_skb_adjust_room(skb, -(__s32)(offset - L3_OFFSET), BPF_ADJ_ROOM_MAC, 0);
}

#endif
