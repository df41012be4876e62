/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Route plumbing protocol: what a forwarder tells its classifier and what a
 * classifier tells its forwarders (requirements F3, F4, C5). Messages are
 * plain structs; inside a device a ring hands their ownership over together
 * with the packet's, between devices they travel in the shim.
 */
#ifndef BATON_PLUMB_H
#define BATON_PLUMB_H

#include <stddef.h>
#include <stdint.h>

#include "baton/abi/shim.h"
#include "baton/addr.h"

/* What a route does with its packets. */
enum plumb_action {
	PLUMB_ACTION_DROP,
	PLUMB_ACTION_TUNNEL, /* port-field tunnel to the endpoint's host */
	PLUMB_ACTION_NAT,    /* rewrite to .nat, send to the endpoint's host */
	PLUMB_ACTION_RETURN, /* rewrite to .nat, send towards the client */
};

/* One route as the classifier wants it. */
struct plumb_route {
	struct baton_tuple key;
	uint16_t vip;           /* id: counters and idle timeouts */
	uint16_t endpoint;      /* id, VIEW_NONE for DROP */
	uint16_t nexthop;       /* RETURN: id of the gateway towards the client, or VIEW_NONE: send to .mac on .port */
	uint16_t port;          /* RETURN without next hop: DPDK port id */
	uint8_t mac[6];         /* RETURN without next hop: the client's link address */
	uint8_t action;         /* enum plumb_action */
	uint8_t state;          /* enum baton_conn_state */
	struct baton_tuple nat; /* NAT, RETURN: the packet's addresses and ports afterwards */
};

enum plumb_type {
	/* forwarder → classifier */
	PLUMB_MISS,       /* .packet, .route.key: no route; or a SYN on a route that is closing; .route.port and .mac:
			     by which port it came in, and its source link address */
	PLUMB_FINAL,      /* .route.key, .tcp_flags: FIN or RST was forwarded */
	PLUMB_AGED,       /* .route.key: the route was idle and is gone */
	PLUMB_ADD_FAILED, /* .route.key: the table had no room */
	PLUMB_HOST,       /* .host: a host's word about a connection, authentic and seen for the first time */
	/* classifier → forwarder */
	PLUMB_ADD,       /* .route, and .packet which is to follow it, with all that its MISS says of it (or NULL) */
	PLUMB_DELETE,    /* .route.key */
	PLUMB_SET_STATE, /* .route.key, .route.state */
	PLUMB_SEND,      /* .packet complete with link header, out of .route.port */
	PLUMB_SHIM,      /* .shim_type, .route.key, .route.endpoint, .l3_offset; .packet = link header of
			    that many bytes, shim body, and what the datagram carries inside: to the endpoint's
			    host, in a shim datagram from the forwarder's tunnel address */
	/* forwarder → forwarder */
	PLUMB_PACKET, /* .packet: take it as if it had come in on your own queue */
	/* control → forwarder */
	PLUMB_QUERY, /* .query: list routes; answered in place */
};

/* A bucket of a route table has at most 31 routes; more than that and a little would not fit a reply to an operator. */
#define PLUMB_QUERY_ROWS 34

struct plumb_query_row {
	struct plumb_route route;
	uint32_t flow_id;
	uint32_t bank; /* of the tunnel address that goes with the flow id */
	uint32_t packets;
	uint32_t idle_s;
};

/*
 * A piece of a forwarder's route table, for people to look at. The asker fills
 * in family and cursor and keeps the struct alive until done is set (release);
 * meanwhile it belongs to the forwarder.
 */
struct plumb_query {
	uint8_t family;
	uint8_t match; /* 1: only the route of .key */
	uint16_t n_rows;
	uint32_t cursor; /* 0 at first; updated; 0 again: that was the last piece */
	struct baton_tuple key;
	struct plumb_query_row rows[PLUMB_QUERY_ROWS];
	_Atomic int done;
};

/* What a host says of one connection (struct baton_shim_conn), key as the client's packets have it. Host order. */
struct plumb_host {
	struct baton_tuple key;
	uint8_t from[16]; /* the host's address */
	uint32_t client_isn, server_isn, next_seq;
	uint16_t detail;
	uint8_t state;  /* enum baton_shim_conn_state */
	uint8_t reason; /* enum baton_shim_refusal */
	uint8_t report; /* 1: it says so by itself (ENDED); 0: it was asked (STATE) */
	uint8_t routed; /* 1: the forwarder has a route for that very connection, by its flow id, and no new one begins
			 */
};

struct plumb_message {
	uint8_t type;       /* enum plumb_type */
	uint8_t forwarder;  /* index of the forwarder lcore it comes from or goes to */
	uint8_t tcp_flags;  /* MISS, FINAL */
	uint8_t shim_type;  /* SHIM: enum baton_shim_type */
	uint16_t vip;       /* MISS: id, or VIEW_NONE for a reply that belongs to no VIP address */
	uint16_t l3_offset; /* MISS: bytes from packet start to the IP header; SHIM: to the body */
	uint16_t l4_offset; /* MISS: bytes from packet start to the TCP/UDP header */
	uint16_t end;       /* MISS: bytes from packet start to the end of the IP packet */
	void *packet;       /* struct rte_mbuf *, owned by whoever holds the message; or NULL */
	union {
		struct plumb_route route;
		struct plumb_host host;    /* HOST */
		struct plumb_query *query; /* QUERY */
	};
};

/* A message travels by cache lines: the key in the first, and no more than two. */
_Static_assert(offsetof(struct plumb_message, route) + sizeof(struct baton_tuple) <= 64, "key in the first line");
_Static_assert(sizeof(struct plumb_message) <= 128, "two lines");

#endif
