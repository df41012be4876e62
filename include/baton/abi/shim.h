/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Shim: the datagrams that a forwarder and a host exchange about tunneled
 * flows. UDP between F and H, destination port BATON_SHIM_PORT_DEFAULT or as
 * configured on both sides, payload = header, body, and for INTRODUCE an
 * optional whole inner IP packet.
 *
 * All fields are in network byte order.
 *
 * Authentication: mac = SipHash-2-4 (Aumasson, Bernstein 2012) with a key
 * derived from the cluster secret, over
 *     outer source address (16 bytes) | outer destination address (16 bytes) |
 *     header with mac = 0 | body
 * IPv4 addresses fill the first four of 16 bytes, the rest is 0. The inner
 * packet is not covered: it is trusted as far as a tunneled packet is, and the
 * host checks that its addresses and ports are those of the mapping.
 *
 * Replay: seq grows with every datagram of one sender address; the receiver
 * keeps a sliding window per sender (src/tunnel/replay.h). A sender starts at
 * its wall clock in nanoseconds. One that starts below the receiver's window
 * (clock set back) is told the top of the window by RESYNC and goes on above.
 */
#ifndef BATON_ABI_SHIM_H
#define BATON_ABI_SHIM_H

#include <linux/types.h>

#define BATON_SHIM_PORT_DEFAULT 7471
#define BATON_SHIM_MAGIC 0x4274
#define BATON_SHIM_VERSION 1

enum baton_shim_type {
	/* device → host: struct baton_shim_flow [, inner packet] */
	BATON_SHIM_INTRODUCE = 1,
	/* host → device: struct baton_shim_unknown; "introduce this flow again" */
	BATON_SHIM_UNKNOWN = 2,
	/* receiver → sender: struct baton_shim_resync */
	BATON_SHIM_RESYNC = 3,
};

struct baton_shim_hdr {
	__be16 magic;
	__u8 version;
	__u8 type;   /* enum baton_shim_type */
	__be16 len;  /* bytes of header and body, without inner packet */
	__u8 key_id; /* which of the cluster's keys made the mac */
	__u8 flags;  /* 0 */
	__be64 seq;
	__be64 mac;
};

/* flow id ↔ 4-tuple; addresses as the client's packet has them */
struct baton_shim_flow {
	__be32 flow_id;
	__u8 family; /* 4 or 6 */
	__u8 proto;  /* IPPROTO_TCP or IPPROTO_UDP */
	__be16 sport;
	__be16 dport;
	__u8 zero[6];
	__u8 saddr[16];
	__u8 daddr[16];
};

struct baton_shim_unknown {
	__be32 flow_id;
	__u8 zero[4];
};

struct baton_shim_resync {
	__be64 top_seq;  /* highest sequence number the receiver has accepted */
	__be64 your_seq; /* the one it refused */
};

#define BATON_SHIM_INTRODUCE_LEN (sizeof(struct baton_shim_hdr) + sizeof(struct baton_shim_flow))
#define BATON_SHIM_UNKNOWN_LEN (sizeof(struct baton_shim_hdr) + sizeof(struct baton_shim_unknown))
#define BATON_SHIM_RESYNC_LEN (sizeof(struct baton_shim_hdr) + sizeof(struct baton_shim_resync))

_Static_assert(sizeof(struct baton_shim_hdr) == 24, "shim header is 24 bytes on the wire");
_Static_assert(sizeof(struct baton_shim_flow) == 48, "flow mapping is 48 bytes on the wire");
_Static_assert(sizeof(struct baton_shim_unknown) == 8, "unknown body is 8 bytes on the wire");
_Static_assert(sizeof(struct baton_shim_resync) == 16, "resync body is 16 bytes on the wire");

#endif
