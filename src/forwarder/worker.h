/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Forwarder worker: one per forwarder lcore. It receives bursts, looks every
 * packet up in its own route table, rewrites and sends it; what has no route
 * goes to a classifier, what is for the device itself to the control thread.
 *
 * Everything the loop writes is in struct forwarder_worker and belongs to its
 * lcore; other threads read only .counters and .endpoints.
 */
#ifndef BATON_FORWARDER_WORKER_H
#define BATON_FORWARDER_WORKER_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/view.h"
#include "forwarder/counters.h"
#include "forwarder/miss_budget.h"
#include "forwarder/packet.h"
#include "forwarder/route.h"
#include "plumb/channel.h"
#include "plumb/outbox.h"
#include "tunnel/shim.h"

struct burst_path;
struct burst_set;
struct route_form;
struct rte_mbuf;
struct rte_mempool;

#define WORKER_BURST 32
#define WORKER_TX_MAX 64
#define WORKER_PLUMBING_BURST 64 /* messages a turn: two for each packet of a burst, as NAT needs */

struct worker_tx {
	uint16_t n;
	struct rte_mbuf *packets[WORKER_TX_MAX];
};

/* Replay window of one sender of shim datagrams (a host), by endpoint's address. */
struct worker_peer {
	uint8_t addr[16];
	struct replay_window window;
};

/* How well the hash spreads a table's routes, as the last whole sweep found it. */
struct worker_shape {
	uint32_t overflowed;     /* buckets that a route has passed by because they were full */
	uint32_t longest_search; /* most buckets that a lookup may have to read; 0: no sweep is over */
};

/* Ageing of one table. */
struct worker_sweep {
	uint64_t due_tsc; /* when the next step is */
	uint32_t cursor;
	uint32_t run, head, overflowed, longest; /* of this sweep; head: run from the first bucket on */
	struct worker_shape shape;
};

struct forwarder_worker_params {
	uint16_t index;   /* of this forwarder */
	uint16_t n_ports; /* DPDK ports 0 … n_ports - 1 */
	uint16_t queue;   /* of each port, receive and transmit */
	uint32_t routes_ipv4, routes_ipv6;
	uint8_t banks_ipv4, banks_ipv6;           /* tunnel addresses; 0: nothing is tunneled */
	bool nat_ipv4, nat_ipv6;                  /* NAT routes are to be expected */
	uint32_t miss_price;                      /* MISS_PRICE or MISS_PRICE_CLASSIFIER; 0: misses need no budget */
	uint16_t shim_port;                       /* host order */
	uint16_t max_endpoints;                   /* endpoint ids that may occur */
	uint16_t max_peers;                       /* hosts that may send shim datagrams; power of two */
	uint16_t snat_port_first, snat_port_last; /* host order; sliced over the classifiers */
	uint64_t first_seq;                       /* of shim datagrams */
	struct channel *channel;                  /* borrowed, outlives the worker */
	struct rte_mempool *packets;
	uint8_t hash_key[32];
	const struct route_form *form; /* of the route tables; NULL: the fastest that the CPU can run */
};

struct forwarder_worker {
	/* set at start */
	uint16_t index, n_ports, queue, snat_port_first, snat_port_last;
	uint16_t max_peers;
	struct channel *channel;
	struct rte_mempool *packets;
	struct route_table *routes4, *routes6;
	const struct burst_path *path; /* burst.h */
	uint64_t tsc_hz, tsc_per_sweep4, tsc_per_sweep6;

	/* the loop's own */
	const struct view *view;           /* of this turn */
	const struct baton_tuple *subject; /* of the packet in the stages, while somebody is traced; else NULL */
	uint64_t now_tsc;
	uint16_t now_s;
	struct miss_budget misses;
	struct burst_set *sets; /* two; .set is the one that is, or was, held */
	uint8_t set;
	bool holds;                         /* packets wait for their routes' memory */
	uint64_t seq;                       /* of the next shim datagram */
	struct worker_sweep sweep4, sweep6; /* .shape is read by others */
	uint16_t n_ends;                    /* routes of this turn whose time is over */
	struct baton_addr source4, source6; /* of compact NAT routes; family 0: none yet */
	struct worker_peer *peers;          /* open addressing by address */
	uint16_t n_peers;
	struct worker_tx tx[VIEW_MAX_PORTS];
	struct plumb_message *messages[WORKER_PLUMBING_BURST]; /* for the next turn */
	uint16_t n_messages;
	uint8_t messages_step;            /* enum plumbing_step: what of their routes' memory is on its way */
	struct plumb_message *failed_add; /* waits for room in its classifier's ring; NULL: none */
	struct outbox to_classifier[CHANNEL_MAX_CLASSIFIERS];

	/* read by others */
	struct forwarder_counters counters;
	struct forwarder_endpoint_counters *endpoints; /* by endpoint id */
	uint32_t n_routes4, n_routes6;
};

/* Needs EAL. NULL if memory is short. */
struct forwarder_worker *forwarder_worker_new(const struct forwarder_worker_params *p);
/* After its lcore has stopped. Takes NULL. */
void forwarder_worker_free(struct forwarder_worker *w);

/*
 * One turn: messages, one burst of each port, a step of ageing, transmit.
 * view is valid for this turn. Returns how much work it found (0: idle).
 */
unsigned forwarder_worker_poll(struct forwarder_worker *w, const struct view *view);
/* The same by the caller's clock, of .tsc_hz, which never goes back: for tests. */
unsigned forwarder_worker_turn(struct forwarder_worker *w, const struct view *view, uint64_t now_tsc);

/* --- for baton-bench and for the stages --- */

/* Take n ≤ WORKER_BURST frames as if a port had received them. Owns them. */
void forwarder_worker_burst(struct forwarder_worker *w, struct rte_mbuf **packets, unsigned n);
/* Give waiting packets to the ports and waiting messages to the classifiers. */
void forwarder_worker_flush(struct forwarder_worker *w);

#endif
