/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * BPF maps of baton-agent: keys and values as the host's tc program and the
 * agent share them. The maps are pinned and outlive both, so every change of a
 * layout or of a meaning moves AGENT_MAPS_LAYOUT on: it is part of the pinned
 * names, and an agent never takes over maps of another layout.
 *
 * Writers are named per struct; "program" is the tc program, on any CPU.
 */
#ifndef BATON_ABI_AGENT_MAPS_H
#define BATON_ABI_AGENT_MAPS_H

#include <linux/bpf.h>
#include <linux/types.h>

#define AGENT_MAPS_LAYOUT 1

/* Capacity of the small maps. */
#define AGENT_MAX_HOSTS 16
#define AGENT_MAX_DEVICES 256
#define AGENT_MAX_VIPS 1024
#define AGENT_MAX_KEYS 2
#define AGENT_WINDOW_WORDS 9

/* One exact address: key of the maps hosts, devices and vips. */
struct agent_addr {
	__u8 b[16];  /* network order; IPv4 in the first four bytes, rest 0 */
	__u8 family; /* 4 or 6 */
	__u8 zero[3];
};

/* SipHash key of the shim with the id that names it on the wire. */
struct agent_key {
	__u64 k0, k1;
	__u8 id;
	__u8 zero[7];
};

/* Map settings, one entry with key 0, replaced as a whole. Writer: agent. */
struct agent_settings {
	struct agent_key keys[AGENT_MAX_KEYS]; /* keys[0] signs, all verify */
	__u64 reply_interval_ns;               /* replies to one device: one per this time … */
	__u64 reply_burst_ns;                  /* … and as many at once as fit into this time */
	__u32 n_keys;
	__be16 shim_port;
	__u8 zero[2];
};

/*
 * Map devices: forwarder address F → what has been seen of it. The agent adds
 * and deletes entries; the content is the program's, under the lock.
 */
struct agent_device {
	struct bpf_spin_lock lock;
	__u32 zero;
	__u64 window[AGENT_WINDOW_WORDS]; /* struct replay_window */
	__u64 reply_due_ns;               /* rate limit of replies: when the next one is due at an even pace */
};

/* Map flows, key: forwarder address F and the index part of the flow id. */
struct agent_flow_key {
	__u8 device[16];
	__u32 index; /* host order */
	__u8 family;
	__u8 zero[3];
};

/*
 * Map flows, value. Written whole by the program when it is introduced; then
 * only state, last_used_ns, packets and bytes change. The agent deletes.
 */
struct agent_flow {
	__u8 saddr[16]; /* client, as the restored packet has it */
	__u8 daddr[16]; /* virtual address */
	__u8 host[16];  /* H the flow was introduced on */
	__be16 sport;
	__be16 dport;
	__u32 addr_diff; /* checksum differences, tunneled → restored, as of bpf_csum_diff() */
	__u32 port_diff;
	__u8 generation;
	__u8 proto;
	__u8 state; /* enum baton_conn_state */
	__u8 zero;
	__u64 introduced_seq; /* sequence number of the introduction */
	__u64 last_used_ns;   /* CLOCK_MONOTONIC */
	__u64 packets;
	__u64 bytes; /* whole IP packets */
};

/*
 * What the program counts, per CPU. X(NAME, name, text). Those named drop_…
 * end a packet, all others do not.
 */
#define AGENT_COUNTERS(X)                                                                                             \
	X(RESTORED, "restored", "tunneled packets given to the kernel with their own addresses and ports")            \
	X(INTRODUCED, "introduced", "flows introduced, new or in place of an older one")                              \
	X(INTRODUCED_AGAIN, "introduced_again", "introductions of a flow that was known already")                     \
	X(UNWRAPPED, "unwrapped", "packets that came inside an introduction, given to the kernel")                    \
	X(UNKNOWN_SENT, "unknown_sent",                                                                               \
	  "UNKNOWN replies: tunneled packet without a flow, device asked to introduce it")                            \
	X(RESYNC_SENT, "resync_sent", "RESYNC replies: device's sequence numbers are behind the window")              \
	X(RESYNC_TAKEN, "resync_taken", "RESYNC from a device: own sequence numbers moved up")                        \
	X(UNKNOWN_FLOW, "drop_unknown_flow", "tunneled packets of a flow that was never introduced or has expired")   \
	X(STALE_FLOW, "drop_stale_flow",                                                                              \
	  "tunneled packets whose generation, protocol or host address is not the flow's")                            \
	X(FRAGMENT, "drop_fragment", "IP fragments from a device: a flow id is in the first fragment only")           \
	X(EXTENSION, "drop_extension", "IPv6 packets from a device with extension headers")                           \
	X(LENGTH, "drop_length", "packets from a device shorter than their headers say")                              \
	X(REWRITE, "drop_rewrite", "packets the kernel would not let the program change (memory)")                    \
	X(RATE, "drop_reply_rate", "replies not sent because the device's rate limit was reached")                    \
	X(NO_SETTINGS, "drop_no_settings", "packets before the agent has set the keys")                               \
	X(SHIM_LENGTH, "drop_shim_length", "shim datagrams too short, or with a length that does not fit their type") \
	X(SHIM_MAGIC, "drop_shim_magic", "datagrams to the shim port that are no shim")                               \
	X(SHIM_VERSION, "drop_shim_version", "shim datagrams of a version this program does not speak")               \
	X(SHIM_TYPE, "drop_shim_type", "shim datagrams of a type that a host does not take, or with unknown flags")   \
	X(SHIM_KEY, "drop_shim_key", "shim datagrams with the id of a key this host does not have")                   \
	X(SHIM_FORGED, "drop_shim_forged", "shim datagrams whose authentication code is wrong")                       \
	X(SHIM_REPLAYED, "drop_shim_replayed", "shim datagrams seen before")                                          \
	X(SHIM_STALE, "drop_shim_stale", "shim datagrams with a sequence number behind the window")                   \
	X(SHIM_MERGED, "drop_shim_merged", "shim datagrams merged by UDP receive offload, which must be off")         \
	X(FLOW_FIELDS, "drop_flow_fields", "introductions with an impossible family, protocol, port or address")      \
	X(FLOW_VIP, "drop_flow_vip", "introductions for a virtual address this host does not serve")                  \
	X(FLOW_OLD, "drop_flow_old", "introductions overtaken by a later one for the same place")                     \
	X(FLOW_FULL, "drop_flow_full", "introductions refused because the flow table is full")                        \
	X(INNER_LENGTH, "drop_inner_length", "introductions whose inner packet is shorter than its headers say")      \
	X(INNER_FLOW, "drop_inner_flow", "introductions whose inner packet is not of the flow")                       \
	X(CONSUMED, "consumed", "shim datagrams without an inner packet, taken and done")

enum agent_counter {
#define X(NAME, name, text) AGENT_COUNTER_##NAME,
	AGENT_COUNTERS(X)
#undef X
		AGENT_N_COUNTERS
};

_Static_assert(sizeof(struct agent_addr) == 20, "map key without hidden padding");
_Static_assert(sizeof(struct agent_key) == 24, "no hidden padding");
_Static_assert(sizeof(struct agent_settings) == 72, "map value without hidden padding");
_Static_assert(sizeof(struct agent_device) == 88, "map value without hidden padding");
_Static_assert(sizeof(struct agent_flow_key) == 24, "map key without hidden padding");
_Static_assert(sizeof(struct agent_flow) == 96, "map value without hidden padding");

#endif
