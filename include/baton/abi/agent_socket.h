/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Packets of baton-agent's local socket: RUN_DIR/agent.sock, a unix socket of
 * type SOCK_SEQPACKET. A client sends requests of one fixed size; each gets one
 * reply, in their order. Numbers are big-endian and nothing depends on the
 * connection but who asks, so that a packet may be carried on to another host.
 *
 * Unused bytes are 0; texts end with NUL, are UTF-8 without control characters,
 * and have 0 bytes behind the NUL. What breaks a rule is refused by a reply that
 * says which; a packet of another size, magic or version ends the connection.
 */
#ifndef BATON_ABI_AGENT_SOCKET_H
#define BATON_ABI_AGENT_SOCKET_H

#include <linux/types.h>

#define BATON_AGENT_SOCKET_NAME "agent.sock" /* in the run directory */
#define BATON_AGENT_SOCKET_DEFAULT "/run/baton-agent/agent.sock"
#define BATON_AGENT_MAGIC 0x6241 /* "bA" */
#define BATON_AGENT_VERSION 1

#define BATON_AGENT_SPECIFIC 64
#define BATON_AGENT_REASON 128
#define BATON_AGENT_HOST 64
#define BATON_AGENT_TEXT 192
#define BATON_AGENT_SOURCES 256
#define BATON_AGENT_ROWS 16 /* most rows of one reply */
#define BATON_AGENT_NO_CAPACITY 255

enum baton_agent_request_type {
	BATON_AGENT_APP_SET,   /* register an application of this connection, or change what is said about it */
	BATON_AGENT_APP_DEL,   /* take it back */
	BATON_AGENT_ALIVE,     /* nothing but a sign of life */
	BATON_AGENT_LIST,      /* rows behind .app in their order; .app all 0: from the first */
	BATON_AGENT_HOST_SET,  /* operator: add a row or speak about one */
	BATON_AGENT_HOST_DEL,  /* operator: take back all that operators have said about a row */
	BATON_AGENT_HOST_WISH, /* operator: .wish for the row, or for the whole host if .app is all 0 */
	BATON_AGENT_COUNTERS,  /* all counters: struct baton_agent_counter instead of rows */
	BATON_AGENT_TRACE,     /* operator: .trace; struct baton_agent_step instead of rows */
	BATON_AGENT_N_REQUESTS
};

/* Which fields of a SET say something. */
enum {
	BATON_AGENT_HAS_STATE = 1 << 0,    /* .state, .reason */
	BATON_AGENT_HAS_LOAD = 1 << 1,     /* .load */
	BATON_AGENT_HAS_WISH = 1 << 2,     /* .wish, .wish_reason */
	BATON_AGENT_HAS_CAPACITY = 1 << 3, /* .capacity */
	BATON_AGENT_HAS_NOTHING = 1 << 4,  /* HOST_SET: the word about health is taken back */
	BATON_AGENT_ALL_FIELDS = (1 << 5) - 1
};

enum baton_agent_on_exit {
	BATON_AGENT_EXIT_FAIL,   /* when the connection ends, the row stays and fails */
	BATON_AGENT_EXIT_REMOVE, /* it goes */
	BATON_AGENT_N_EXITS
};

/* An application, as struct health_app_id of baton/health.h. */
struct baton_agent_app {
	__u8 vip[16]; /* network order, IPv4 in the first four bytes */
	__u8 host[16];
	__u8 vip_family;  /* 4, 6; 0: any VIP that leads to .host */
	__u8 host_family; /* APP_SET: 0: the host's first address of the VIP's family */
	__be16 vip_port;
	__be16 host_port; /* APP_SET: 0: same as vip_port */
	__u8 proto;       /* IPPROTO_* */
	__u8 zero;
	char specific[BATON_AGENT_SPECIFIC];
};

/* Trace a client's connections for so many seconds from now, and tell the steps there are. */
struct baton_agent_trace {
	__be64 seq;      /* from this number on */
	__be64 since_ns; /* not older than that (wall clock) */
	__be32 seconds;  /* 1-3600 */
	__be16 port;     /* 0: any */
	__u8 family;     /* 4, 6 */
	__u8 prefix_len;
	__u8 client[16]; /* network order, IPv4 in the first four bytes */
} __attribute__((packed, aligned(4)));

struct baton_agent_request {
	__be16 magic;
	__u8 version;
	__u8 type;
	__be32 tag; /* comes back in the reply */
	__u8 fields;
	__u8 state;    /* enum health_state */
	__u8 wish;     /* enum health_directive */
	__u8 capacity; /* 0-99, or BATON_AGENT_NO_CAPACITY */
	__be16 load;   /* hundredths of a percent of the capacity */
	__u8 on_exit;  /* APP_SET: enum baton_agent_on_exit */
	__u8 zero;
	__be32 silence_ms;           /* APP_SET: no packet for so long is failing; 0: never */
	char host[BATON_AGENT_HOST]; /* HOST_*: name or address of the host it is for; empty: whoever gets it */
	struct baton_agent_app app;
	union {
		struct {
			char reason[BATON_AGENT_REASON];
			char wish_reason[BATON_AGENT_REASON];
		};
		struct baton_agent_trace trace; /* TRACE; the rest is 0 */
	};
};

/* A row of LIST. */
struct baton_agent_row {
	struct baton_agent_app app;
	__u8 state;
	__u8 target;  /* enum health_directive: wanted */
	__u8 current; /* enum health_directive: what all balancers act on */
	__u8 capacity;
	__be16 load;
	__u8 zero[2];
	char reason[BATON_AGENT_REASON];
	char sources[BATON_AGENT_SOURCES]; /* who says what, for people */
};

/* Followed by n_rows rows. */
struct baton_agent_reply {
	__be16 magic;
	__u8 version;
	__u8 type;    /* of the request */
	__be32 tag;   /* of the request */
	__be32 error; /* 0, or an errno of Linux (positive) */
	__u8 n_rows;
	__u8 more;      /* 1: there are rows behind the last one */
	__u8 host_wish; /* LIST: enum health_directive for the whole host */
	__u8 zero;
	char host[BATON_AGENT_HOST]; /* LIST: the host's name */
	char text[BATON_AGENT_TEXT]; /* why it is refused; LIST: reason of host_wish */
};

#define BATON_AGENT_MAX_COUNTERS 55 /* of one reply */

/* What the agent has counted since it was started. */
struct baton_agent_counter {
	__be64 value;
	char name[40]; /* "seal_forged" */
	char text[96]; /* explanation */
};

#define BATON_AGENT_MAX_STEPS 32 /* of one reply */

/* A step of a traced connection (docs/trace.md). */
struct baton_agent_step {
	__be64 seq;
	__be64 time_ns;  /* wall clock */
	__u8 client[16]; /* network order */
	__u8 vip[16];
	__u8 device[16]; /* all 0: none */
	__be16 client_port, vip_port;
	__u8 family; /* 4, 6; 0: of no connection */
	__u8 proto;  /* IPPROTO_* */
	__u8 zero[2];
	char event[24]; /* "created" */
	char text[144]; /* the same in words */
};

_Static_assert(sizeof(struct baton_agent_trace) == 40, "no hidden padding");
_Static_assert(sizeof(struct baton_agent_step) == 240, "no hidden padding");
_Static_assert(sizeof(struct baton_agent_counter) == 144, "no hidden padding");
_Static_assert(sizeof(struct baton_agent_app) == 104, "no hidden padding");
_Static_assert(sizeof(struct baton_agent_request) == 444, "no hidden padding");
_Static_assert(sizeof(struct baton_agent_row) == 496, "no hidden padding");
_Static_assert(sizeof(struct baton_agent_reply) == 272, "no hidden padding");

#define BATON_AGENT_REPLY_MAX (sizeof(struct baton_agent_reply) + BATON_AGENT_ROWS * sizeof(struct baton_agent_row))

_Static_assert(BATON_AGENT_MAX_STEPS * sizeof(struct baton_agent_step) <=
		       BATON_AGENT_REPLY_MAX - sizeof(struct baton_agent_reply),
	       "one reply holds all steps");
_Static_assert(BATON_AGENT_MAX_COUNTERS * sizeof(struct baton_agent_counter) <=
		       BATON_AGENT_REPLY_MAX - sizeof(struct baton_agent_reply),
	       "one reply holds all counters");

#endif
