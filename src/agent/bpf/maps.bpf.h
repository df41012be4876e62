/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/* Maps of the tc program; their contents are described in baton/abi/agent_maps.h. */
#ifndef BATON_AGENT_BPF_MAPS_H
#define BATON_AGENT_BPF_MAPS_H

#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#include "baton/abi/agent_maps.h"

/* a hash map, not an array: readers see the old entry or the new one, never a mixture */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct agent_settings);
} settings SEC(".maps");

/* our own addresses H */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, AGENT_MAX_HOSTS);
	__type(key, struct agent_addr);
	__type(value, __u32);
} hosts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, AGENT_MAX_DEVICES);
	__type(key, struct agent_addr);
	__type(value, struct agent_device);
} devices SEC(".maps");

/* virtual addresses this host serves */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, AGENT_MAX_VIPS);
	__type(key, struct agent_addr);
	__type(value, __u32);
} vips SEC(".maps");

/* max_entries as configured, set before loading; an ordinary hash never evicts */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__type(key, struct agent_flow_key);
	__type(value, struct agent_flow);
} flows SEC(".maps");

/* next sequence number of this host's shim datagrams; the agent raises it to the wall clock at its start and,
 * through a mapping, takes numbers for its own */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u64);
} sequence SEC(".maps");

/* max_entries as flows */
struct {
	__uint(type, BPF_MAP_TYPE_LRU_HASH);
	__uint(max_entries, 65536);
	__type(key, struct agent_conn_key);
	__type(value, struct agent_conn);
} connections SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct agent_kernel);
} kernel SEC(".maps");

/* the agent's own counters; no program touches it */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(map_flags, BPF_F_MMAPABLE);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct agent_own);
} own SEC(".maps");

/* struct agent_end, tracing program → agent */
struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 1 << 20);
} ends SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, AGENT_N_COUNTERS);
	__type(key, __u32);
	__type(value, __u64);
} counters SEC(".maps");

static __always_inline void count(__u32 which)
{
	__u64 *n = bpf_map_lookup_elem(&counters, &which);

	if (n)
		(*n)++;
}

static __always_inline struct agent_kernel *kernel_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&kernel, &zero);
}

static __always_inline struct agent_settings *settings_get(void)
{
	__u32 zero = 0;

	return bpf_map_lookup_elem(&settings, &zero);
}

#endif
