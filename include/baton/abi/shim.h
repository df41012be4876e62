/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Shim: the datagrams that a forwarder and a host exchange about tunneled
 * flows. UDP between F and H, destination port BATON_SHIM_PORT_DEFAULT or as
 * configured on both sides, payload = header, body, and for INTRODUCE and CREATE
 * an optional whole inner IP packet.
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
	/* device → host: struct baton_shim_create [, inner TCP segment]; answered with STATE */
	BATON_SHIM_CREATE = 4,
	/* device → host: struct baton_shim_create; "if you have this connection, end it, and say nothing to the client"
	 */
	BATON_SHIM_ABORT = 5,
	/* host → device: struct baton_shim_conn; answer to CREATE */
	BATON_SHIM_STATE = 6,
	/* host → device: struct baton_shim_conn; a connection's socket is gone; sent once */
	BATON_SHIM_ENDED = 7,
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

/* What was agreed with the client in the handshake. Bits of baton_shim_create.options. */
#define BATON_TCP_WSCALE 1
#define BATON_TCP_SACK 2
#define BATON_TCP_TIMESTAMPS 4

/*
 * A TCP connection that a device has accepted, for the host's kernel to carry
 * on. The inner packet is a whole IP packet from the client to the virtual
 * address, as the client could have sent it; its acknowledgement number is
 * server_isn + 1.
 *
 *  - Nothing has this 4-tuple but a listener: only the segment whose sequence
 *    number is client_isn + 1 creates the connection. It is not answered: ask
 *    again, without an inner packet, once the kernel had the time.
 *  - The connection is there already, by both ISNs: a segment that has
 *    something new goes to its socket, unanswered; else STATE tells how far
 *    the socket has received.
 *  - It was there and is gone: STATE says so; the same ISNs never create twice.
 *  - Something else has the 4-tuple (TIME_WAIT, a connection the client has
 *    forgotten): that is ended; the next CREATE finds a listener.
 */
struct baton_shim_create {
	__be32 client_isn;
	__be32 server_isn;
	__be32 client_tsval; /* of the inner segment; 0 without timestamps */
	__be32 server_tsval; /* our clock for this connection now, milliseconds */
	__be16 mss;          /* the client's option as received; 536 if it had none */
	__u8 client_wscale;  /* shift of the windows that the client announces */
	__u8 server_wscale;  /* of those we announce */
	__u8 options;        /* BATON_TCP_* */
	__u8 family;         /* 4 or 6 */
	__be16 sport;
	__be16 dport;
	__u8 zero[6];
	__u8 saddr[16];
	__u8 daddr[16];
};

/* What has become of a connection on its host. */
enum baton_shim_conn_state {
	BATON_SHIM_CONN_NONE = 0,    /* a listener is there, but no connection yet */
	BATON_SHIM_CONN_OPEN = 1,    /* the socket is there; next_seq is valid */
	BATON_SHIM_CONN_ENDED = 2,   /* it was there, and is gone without a trace */
	BATON_SHIM_CONN_LINGERS = 3, /* it was there, and is in TIME_WAIT: the client's last packets still count */
	BATON_SHIM_CONN_REFUSED = 4, /* it can not be created here; reason says why */
};

/* Why a host refuses a connection. X(TOKEN, name, text) */
#define BATON_SHIM_REFUSALS(X)                                                                                     \
	X(NONE, "none", "not refused")                                                                             \
	X(NO_LISTENER, "no_listener", "nothing listens on the virtual address and port")                           \
	X(BACKLOG_FULL, "backlog_full", "the listener's accept queue is full")                                     \
	X(MPTCP, "mptcp", "the listener is an MPTCP socket: set net.mptcp.enabled=0 for it")                       \
	X(MSS, "mss", "the client's MSS is below 536 (IPv6: 1220)")                                                \
	X(OPTION_OFF, "option_off",                                                                                \
	  "an option agreed with the client is off on the host (net.ipv4.tcp_timestamps, _sack, _window_scaling)") \
	X(SYNCOOKIES_OFF, "syncookies_off", "net.ipv4.tcp_syncookies is 0 on the host")                            \
	X(KERNEL, "kernel", "the host's kernel can not create connections (Linux 6.8 or newer)")                   \
	X(VIP, "vip", "the host does not serve the virtual address")                                               \
	X(TABLE_FULL, "table_full", "the host's table of connections is full")                                     \
	X(OTHER, "other", "the host's kernel refused it for another reason; detail is the error number")

enum baton_shim_refusal {
#define X(TOKEN, name, text) BATON_SHIM_REFUSAL_##TOKEN,
	BATON_SHIM_REFUSALS(X)
#undef X
		BATON_SHIM_N_REFUSALS
};

/* A host's word about one connection. ISNs are 0 in ENDED for a connection that it accepted itself. */
struct baton_shim_conn {
	__be32 client_isn;
	__be32 server_isn;
	__be32 next_seq; /* OPEN: the sequence number the socket expects from the client */
	__be32 flow_id;  /* ENDED: last one introduced by this device, 0: none */
	__u8 state;      /* enum baton_shim_conn_state */
	__u8 reason;     /* enum baton_shim_refusal */
	__be16 detail;   /* errno of reason OTHER */
	__u8 family;     /* 4 or 6 */
	__u8 zero0;
	__be16 sport;
	__be16 dport;
	__u8 zero1[6];
	__u8 saddr[16];
	__u8 daddr[16];
};

#define BATON_SHIM_INTRODUCE_LEN (sizeof(struct baton_shim_hdr) + sizeof(struct baton_shim_flow))
#define BATON_SHIM_UNKNOWN_LEN (sizeof(struct baton_shim_hdr) + sizeof(struct baton_shim_unknown))
#define BATON_SHIM_RESYNC_LEN (sizeof(struct baton_shim_hdr) + sizeof(struct baton_shim_resync))
#define BATON_SHIM_CREATE_LEN (sizeof(struct baton_shim_hdr) + sizeof(struct baton_shim_create))
#define BATON_SHIM_CONN_LEN (sizeof(struct baton_shim_hdr) + sizeof(struct baton_shim_conn))

_Static_assert(sizeof(struct baton_shim_hdr) == 24, "shim header is 24 bytes on the wire");
_Static_assert(sizeof(struct baton_shim_flow) == 48, "flow mapping is 48 bytes on the wire");
_Static_assert(sizeof(struct baton_shim_unknown) == 8, "unknown body is 8 bytes on the wire");
_Static_assert(sizeof(struct baton_shim_resync) == 16, "resync body is 16 bytes on the wire");
_Static_assert(sizeof(struct baton_shim_create) == 64, "create body is 64 bytes on the wire");
_Static_assert(sizeof(struct baton_shim_conn) == 64, "connection body is 64 bytes on the wire");

#endif
