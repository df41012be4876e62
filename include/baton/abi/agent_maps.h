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

#include "baton/abi/shim.h"
#include "baton/abi/trace_event.h"

#define AGENT_MAPS_LAYOUT 2

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
	__u32 create_mark; /* of packets that came by CREATE, for the host's firewall; 0: none */
	__u32 zero2;
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

/* Map connections, key: a TCP connection as the host's own socket has it. */
struct agent_conn_key {
	__u8 saddr[16]; /* client */
	__u8 daddr[16]; /* virtual address */
	__be16 sport;
	__be16 dport;
	__u8 family;
	__u8 zero[3];
};

enum agent_conn_state {
	AGENT_CONN_NEW,     /* the kernel has been told of it; no established socket seen so far */
	AGENT_CONN_OPEN,    /* its socket is established */
	AGENT_CONN_ENDED,   /* the socket is gone */
	AGENT_CONN_LINGERS, /* the socket is gone and has left a TIME_WAIT */
};

/* Bits of agent_conn.flags. */
#define AGENT_CONN_CREATED 1  /* by CREATE: the ISNs are known */
#define AGENT_CONN_REPORTED 2 /* the agent has its end in the ring buffer, or nobody wants to hear of it */

/*
 * Map connections, value. Made by the tc program at CREATE and INTRODUCE; the
 * tracing program moves state, flags and changed_ns; the agent only deletes.
 * A least recently used hash: an entry may go
 * at any time, and what is not in the map is judged by the socket itself.
 */
struct agent_conn {
	__u8 device[16]; /* F that created or introduced it last */
	__u8 host[16];   /* H it did so to */
	__u32 client_isn;
	__u32 server_isn;
	__u32 flow_id; /* last one introduced, 0: none */
	__u8 state;    /* enum agent_conn_state */
	__u8 flags;    /* AGENT_CONN_* */
	__u8 zero[2];
	__u64 shim_seq; /* of the CREATE that made the entry, or 0 */
	__u64 made_ns;  /* CLOCK_MONOTONIC */
	__u64 changed_ns;
};

/* What the tracing program sends through the ring buffer ends: the end of a connection. */
struct agent_end {
	struct agent_conn_key key;
	struct agent_conn conn;
};

#define AGENT_MAX_TRACED 8

/* Clients whose connections are traced: addresses under a mask, network order. */
struct agent_traced {
	__u32 addr[4];
	__u32 mask[4];
	__be16 port; /* 0: any */
	__u8 family;
	__u8 zero;
};

/* Variable tracing of the programs. Writer: agent, n last; gone with it. */
struct agent_tracing {
	__u32 n; /* 0: nobody is traced */
	struct agent_traced list[AGENT_MAX_TRACED];
};

/* What a program sends through the ring buffer steps: a step of a traced connection. */
struct agent_step {
	struct agent_conn_key key;
	__u8 device[16]; /* F it is about, all 0: none */
	__u64 time_ns;   /* CLOCK_MONOTONIC */
	__u32 a, b;      /* as the event says; of ignored datagrams and introductions a is an enum agent_counter */
	__u16 event;     /* enum trace_event */
	__u8 proto;
	__u8 zero[5];
};

/*
 * Map kernel, one entry: what the agent has found out about this machine.
 * Writer: agent, field by field.
 */
struct agent_kernel {
	__u64 netns_cookie; /* of the agent's network namespace; 0: not known, ends are not traced */
	__u8 refusal;       /* enum baton_shim_refusal for every new connection; 0: they can be created */
	__u8 options_off;   /* BATON_TCP_* that sysctls have switched off */
	__u8 zero[6];
};

/*
 * What the program counts, per CPU. X(NAME, name, text). Those named drop_…
 * end a packet, all others do not.
 */
#define AGENT_COUNTERS(X)                                                                                              \
	X(RESTORED, "restored", "tunneled packets given to the kernel with their own addresses and ports")             \
	X(INTRODUCED, "introduced", "flows introduced, new or in place of an older one")                               \
	X(INTRODUCED_AGAIN, "introduced_again", "introductions of a flow that was known already")                      \
	X(UNWRAPPED, "unwrapped", "packets that came inside an introduction, given to the kernel")                     \
	X(UNKNOWN_SENT, "unknown_sent",                                                                                \
	  "UNKNOWN replies: tunneled packet without a flow, device asked to introduce it")                             \
	X(RESYNC_SENT, "resync_sent", "RESYNC replies: device's sequence numbers are behind the window")               \
	X(RESYNC_TAKEN, "resync_taken", "RESYNC from a device: own sequence numbers moved up")                         \
	X(UNKNOWN_FLOW, "drop_unknown_flow", "tunneled packets of a flow that was never introduced or has expired")    \
	X(STALE_FLOW, "drop_stale_flow",                                                                               \
	  "tunneled packets whose generation, protocol or host address is not the flow's")                             \
	X(FRAGMENT, "drop_fragment", "IP fragments from a device: a flow id is in the first fragment only")            \
	X(EXTENSION, "drop_extension", "IPv6 packets from a device with extension headers")                            \
	X(LENGTH, "drop_length", "packets from a device shorter than their headers say")                               \
	X(REWRITE, "drop_rewrite", "packets the kernel would not let the program change (memory)")                     \
	X(RATE, "drop_reply_rate", "replies not sent because the device's rate limit was reached")                     \
	X(NO_SETTINGS, "drop_no_settings", "packets before the agent has set the keys")                                \
	X(SHIM_LENGTH, "drop_shim_length", "shim datagrams too short, or with a length that does not fit their type")  \
	X(SHIM_MAGIC, "drop_shim_magic", "datagrams to the shim port that are no shim")                                \
	X(SHIM_VERSION, "drop_shim_version", "shim datagrams of a version this program does not speak")                \
	X(SHIM_TYPE, "drop_shim_type", "shim datagrams of a type that a host does not take, or with unknown flags")    \
	X(SHIM_KEY, "drop_shim_key", "shim datagrams with the id of a key this host does not have")                    \
	X(SHIM_FORGED, "drop_shim_forged", "shim datagrams whose authentication code is wrong")                        \
	X(SHIM_REPLAYED, "drop_shim_replayed", "shim datagrams seen before")                                           \
	X(SHIM_STALE, "drop_shim_stale", "shim datagrams with a sequence number behind the window")                    \
	X(SHIM_MERGED, "drop_shim_merged", "shim datagrams merged by UDP receive offload, which must be off")          \
	X(FLOW_FIELDS, "drop_flow_fields", "introductions with an impossible family, protocol, port or address")       \
	X(FLOW_VIP, "drop_flow_vip", "introductions for a virtual address this host does not serve")                   \
	X(FLOW_OLD, "drop_flow_old", "introductions overtaken by a later one for the same place")                      \
	X(FLOW_FULL, "drop_flow_full", "introductions refused because the flow table is full")                         \
	X(INNER_LENGTH, "drop_inner_length", "introductions whose inner packet is shorter than its headers say")       \
	X(INNER_FLOW, "drop_inner_flow", "introductions whose inner packet is not of the flow")                        \
	X(CONSUMED, "consumed", "shim datagrams without an inner packet, taken and done")                              \
	X(CREATED, "created", "connections given to the kernel to create")                                             \
	X(CREATE_PASSED, "create_passed", "segments that came by CREATE for a socket that was there already")          \
	X(STATE_SENT, "state_sent", "STATE replies: what has become of a connection")                                  \
	X(LEFTOVER_ENDED, "leftover_ended", "sockets of older connections ended because a new one needs their place")  \
	X(ABORTED, "aborted", "connections ended because their device gave them up")                                   \
	X(REFUSED_NO_LISTENER, "refused_no_listener", "connections refused: nothing listens on address and port")      \
	X(REFUSED_BACKLOG_FULL, "refused_backlog_full", "connections refused: the listener's accept queue is full")    \
	X(REFUSED_MPTCP, "refused_mptcp", "connections refused: the listener is an MPTCP socket")                      \
	X(REFUSED_MSS, "refused_mss", "connections refused: the client's MSS is below what the kernel takes")          \
	X(REFUSED_OPTION_OFF, "refused_option_off", "connections refused: a TCP option agreed with the client is off") \
	X(REFUSED_SYNCOOKIES_OFF, "refused_syncookies_off", "connections refused: net.ipv4.tcp_syncookies is 0")       \
	X(REFUSED_KERNEL, "refused_kernel", "connections refused: this kernel can not create them")                    \
	X(REFUSED_VIP, "refused_vip", "connections refused: virtual address not served")                               \
	X(REFUSED_TABLE_FULL, "refused_table_full", "connections refused: no room in the table of connections")        \
	X(REFUSED_OTHER, "refused_other", "connections refused by the kernel for another reason")                      \
	X(CONN_FIELDS, "drop_conn_fields", "CREATE or ABORT with an impossible family, port, option or address")       \
	X(CONN_OLD, "drop_conn_old", "CREATE or ABORT overtaken by a later connection of the same client and port")    \
	X(ENDED, "ended", "ends of connections seen, without TIME_WAIT")                                               \
	X(LINGERS, "lingers", "ends of connections seen that left a TIME_WAIT")                                        \
	X(END_LOST, "end_lost", "ends that found the ring buffer full; the agent finds them by walking the table")     \
	X(STEP_LOST, "step_lost", "steps of traced connections that found the ring buffer full")

enum agent_counter {
#define X(NAME, name, text) AGENT_COUNTER_##NAME,
	AGENT_COUNTERS(X)
#undef X
		AGENT_N_COUNTERS
};

/*
 * What the agent itself counts about connections, in map own: one writer, so
 * that --status can read it, and it goes on after a restart. X(NAME, name, text)
 */
#define AGENT_OWN_COUNTERS(X)                                                                                    \
	X(ENDED_SENT, "ended_sent", "ENDED datagrams: devices told that a connection is over")                   \
	X(ENDED_FOUND, "ended_found", "… of these, found by walking the table instead of by the event")          \
	X(ENDED_UNSENT, "ended_unsent", "ends that could not be sent; the device's idle time has to do")         \
	X(UNCLAIMED_ENDED, "unclaimed_ended",                                                                    \
	  "connections ended because their device created them and never introduced them")                       \
	X(UNCLAIMED_KEPT, "unclaimed_kept", "… that the kernel would not end")                                   \
	X(CREATED_LOST, "created_lost",                                                                          \
	  "connections given to the kernel that never became sockets: a firewall or rp_filter has dropped them") \
	X(CONNECTIONS_FORGOTTEN, "connections_forgotten",                                                        \
	  "entries of the table of connections deleted after their time")

enum agent_own_counter {
#define X(NAME, name, text) AGENT_OWN_##NAME,
	AGENT_OWN_COUNTERS(X)
#undef X
		AGENT_N_OWN_COUNTERS
};

struct agent_own {
	__u64 n[AGENT_N_OWN_COUNTERS];
};

/* The counter of a refusal. */
#define AGENT_COUNTER_OF_REFUSAL(r) (AGENT_COUNTER_REFUSED_NO_LISTENER + (r)-BATON_SHIM_REFUSAL_NO_LISTENER)

_Static_assert(sizeof(struct agent_addr) == 20, "map key without hidden padding");
_Static_assert(sizeof(struct agent_key) == 24, "no hidden padding");
_Static_assert(sizeof(struct agent_settings) == 80, "map value without hidden padding");
_Static_assert(sizeof(struct agent_device) == 88, "map value without hidden padding");
_Static_assert(sizeof(struct agent_flow_key) == 24, "map key without hidden padding");
_Static_assert(sizeof(struct agent_flow) == 96, "map value without hidden padding");
_Static_assert(sizeof(struct agent_conn_key) == 40, "map key without hidden padding");
_Static_assert(sizeof(struct agent_conn) == 72, "map value without hidden padding");
_Static_assert(sizeof(struct agent_end) == 112, "no hidden padding");
_Static_assert(sizeof(struct agent_traced) == 36, "no hidden padding");
_Static_assert(sizeof(struct agent_step) == 80, "no hidden padding");
_Static_assert(sizeof(struct agent_kernel) == 16, "map value without hidden padding");
_Static_assert((int)AGENT_COUNTER_OF_REFUSAL(BATON_SHIM_REFUSAL_OTHER) == (int)AGENT_COUNTER_REFUSED_OTHER,
	       "a counter for each refusal, in their order");

#endif
