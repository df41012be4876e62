/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Classifier: decides where a new connection goes and keeps the inventory of
 * what is plumbed where (requirements C1, C2, C4, C5). Pure: packets' keys and
 * flags in, decisions out; the service around it moves messages and packets.
 * One struct classifier per classifier lcore, used by that lcore alone.
 */
#ifndef BATON_CLASSIFIER_CLASSIFIER_H
#define BATON_CLASSIFIER_CLASSIFIER_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/addr.h"
#include "baton/allotment.h"
#include "baton/plumb.h"
#include "baton/view.h"

struct classifier;

#define CLASSIFIER_MAX_SNAT 8

/* Counters, one writer (the lcore), read by anybody. X(name, text) */
#define CLASSIFIER_COUNTERS(X)                                                                  \
	X(new_connections, "connections given to an endpoint")                                  \
	X(replumbed, "routes plumbed again for connections in the inventory")                   \
	X(ended_final, "connections ended by FIN or RST")                                       \
	X(ended_idle, "connections ended by idle time")                                         \
	X(guessed, "mid-session packets sent to a hashed guess")                                \
	X(refused_no_endpoint, "new connections refused: no usable endpoint")                   \
	X(refused_inventory_full, "new connections refused: inventory full")                    \
	X(refused_ports_exhausted, "new connections refused: no free source address and port")  \
	X(refused_table_full, "new connections refused: a forwarder's route table was full")    \
	X(refused_no_vip, "packets for a VIP that is no longer configured")                     \
	X(unknown_reset, "mid-session packets of unknown connections answered with a reset")    \
	X(unknown_dropped, "mid-session packets of unknown connections dropped")                \
	X(allotments_asked, "allotments asked for")                                             \
	X(allotments_received, "allotments received")                                           \
	X(allotments_stale, "allotments thrown away because they were too old")                 \
	X(allotments_overdrawn, "connections placed by weight because all tokens were used up") \
	X(reply_unmatched, "packets to a source-NAT address or from a host that match no connection")

struct classifier_counters {
#define X(name, text) uint64_t name;
	CLASSIFIER_COUNTERS(X)
#undef X
};

/* Full-NAT sources of one forwarder lcore; this classifier's slice of ports. */
struct classifier_snat {
	struct baton_addr addrs[CLASSIFIER_MAX_SNAT];
	unsigned n_addrs;
};

struct classifier_params {
	uint16_t index; /* of this classifier among n_classifiers */
	uint16_t n_classifiers;
	uint16_t n_forwarders;
	uint32_t max_connections;                 /* capacity of the inventory */
	uint16_t snat_port_first, snat_port_last; /* host order, whole range; sliced by classifier */
	uint32_t snat_quarantine_s;               /* a port rests this long after its connection ended (TIME_WAIT) */
	struct classifier_snat snat[VIEW_MAX_FORWARDERS]; /* by forwarder */
	uint8_t hash_key[16];                             /* random */
};

/* What to do with a packet that missed. */
enum classifier_verdict {
	CLASSIFIER_PLUMB, /* plumb .routes (1 or 2) on the forwarder it came from; the packet follows routes[0] */
	CLASSIFIER_RESET, /* answer with a reset */
	CLASSIFIER_DROP,
};

struct classifier_decision {
	enum classifier_verdict verdict;
	unsigned n_routes;
	struct plumb_route routes[2];
};

/* The packet as the classifier sees it. */
struct classifier_packet {
	struct baton_tuple key;
	uint16_t vip; /* id, or VIEW_NONE: maybe a reply of a NATed connection */
	uint8_t tcp_flags;
	uint8_t forwarder;       /* where it missed */
	uint16_t port;           /* DPDK port it came in on */
	uint8_t src_mac[6];      /* link address it came from: where replies go if no gateway leads there */
	uint16_t return_nexthop; /* gateway towards the client, or VIEW_NONE */
};

/* NULL if memory is short. */
struct classifier *classifier_new(const struct classifier_params *p);
void classifier_free(struct classifier *c);

void classifier_decide(struct classifier *c, const struct view *v, const struct classifier_packet *p, uint64_t now_ns,
		       struct classifier_decision *ret);

/*
 * A forwarder saw FIN or RST. Fills up to two SET_STATE messages' worth of
 * {key, state, forwarder}; returns how many.
 */
struct classifier_state_change {
	struct baton_tuple key;
	uint8_t forwarder;
	uint8_t state; /* enum baton_conn_state */
};
unsigned classifier_final(struct classifier *c, const struct baton_tuple *key, uint8_t tcp_flags, uint64_t now_ns,
			  struct classifier_state_change ret[], unsigned max);
/* A route is gone from a forwarder by idle time (or was never added: add_failed). */
void classifier_aged(struct classifier *c, const struct baton_tuple *key, uint8_t forwarder, bool add_failed,
		     uint64_t now_ns);

/* Next allotment this classifier wants, if any: true and *ret. Call each loop; bounded. */
bool classifier_wants(struct classifier *c, const struct view *v, uint64_t now_ns, struct allotment_request *ret);
/* Takes a copy. */
void classifier_allot(struct classifier *c, const struct allotment *a, uint64_t now_ns);

const struct classifier_counters *classifier_counters_get(const struct classifier *c);
uint32_t classifier_n_connections(const struct classifier *c);
/* Established connections of an endpoint; 0 lets its id be used again. */
uint32_t classifier_endpoint_connections(const struct classifier *c, uint16_t endpoint);
uint64_t classifier_endpoint_total(const struct classifier *c, uint16_t endpoint);

#endif
