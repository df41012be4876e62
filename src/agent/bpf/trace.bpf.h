/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Steps of connections whose clients are traced. While nobody is, this is one
 * word read on the paths that create, introduce and end connections; packets
 * of flows never come here.
 */
#ifndef BATON_AGENT_BPF_TRACE_H
#define BATON_AGENT_BPF_TRACE_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "agent/bpf/maps.bpf.h"

/* in a section of its own kind (.bss), which the agent writes through a mapping */
struct agent_tracing tracing;

/* not pinned: steps of the agent before are nothing to the next */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 18);
} steps SEC(".maps");

static __always_inline bool traced_is(const struct agent_traced *t, const struct agent_conn_key *key)
{
	const __u32 *a = (const __u32 *)key->saddr;

	if (t->family != key->family || (t->port && t->port != key->sport))
		return false;
	return !((a[0] ^ t->addr[0]) & t->mask[0] || (a[1] ^ t->addr[1]) & t->mask[1] ||
		 (a[2] ^ t->addr[2]) & t->mask[2] || (a[3] ^ t->addr[3]) & t->mask[3]);
}

static __noinline int step_wanted(const struct agent_conn_key *key)
{
	for (__u32 i = 0; i < AGENT_MAX_TRACED; i++)
		if (i < tracing.n && traced_is(&tracing.list[i], key))
			return 1;
	return 0;
}

/* What a step is about. */
struct step {
	__u32 a, b;
	__u16 event;
	__u8 proto;
};

/* device: 16 bytes, or NULL. */
static __noinline int step_tell(const struct agent_conn_key *key, const __u8 *device, const struct step *s)
{
	struct agent_step *e;

	if (!step_wanted(key))
		return 0;
	e = bpf_ringbuf_reserve(&steps, sizeof *e, 0);
	if (!e) {
		count(AGENT_COUNTER_STEP_LOST);
		return 0;
	}
	e->key = *key;
	if (device)
		__builtin_memcpy(e->device, device, 16);
	else
		__builtin_memset(e->device, 0, 16);
	e->time_ns = bpf_ktime_get_ns();
	e->a = s->a;
	e->b = s->b;
	e->event = s->event;
	e->proto = s->proto;
	__builtin_memset(e->zero, 0, sizeof e->zero);
	bpf_ringbuf_submit(e, 0);
	return 0;
}

static __always_inline void step(const struct agent_conn_key *key, const __u8 *device, enum trace_event event, __u32 a,
				 __u32 b, __u8 proto)
{
	struct step s = { .a = a, .b = b, .event = event, .proto = proto };

	if (tracing.n)
		step_tell(key, device, &s);
}

#endif
