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
#include "dam/session.h"

struct classifier;

#define CLASSIFIER_MAX_SNAT 8
#define CLASSIFIER_MAX_VIPS_DEFAULT 1024

/* Counters, one writer (the lcore), read by anybody. X(name, text) */
#define CLASSIFIER_COUNTERS(X)                                                                                       \
	X(new_connections, "connections given to an endpoint")                                                       \
	X(replumbed, "routes plumbed again for connections in the inventory")                                        \
	X(ended_final, "connections ended by FIN or RST")                                                            \
	X(ended_by_host, "connections ended because their host said that it has them no more")                       \
	X(ended_stopped, "connections ended because their application is inactive")                                  \
	X(ended_idle, "connections ended by idle time")                                                              \
	X(guessed, "mid-session packets sent to a hashed guess")                                                     \
	X(refused_no_endpoint, "new connections refused: no usable endpoint")                                        \
	X(refused_inventory_full, "new connections refused: inventory full")                                         \
	X(refused_ports_exhausted, "new connections refused: no free source address and port")                       \
	X(refused_table_full, "new connections refused: a forwarder's route table was full")                         \
	X(refused_no_vip, "packets for a VIP that is no longer configured")                                          \
	X(refused_key_collision, "new connections refused: the host would answer two connections with the same key") \
	X(placed_anew, "flows given to another endpoint because their host does not answer")                         \
	X(replumb_failed, "routes not plumbed again: a forwarder's route table was full")                            \
	X(unknown_reset, "mid-session packets of unknown connections answered with a reset")                         \
	X(unknown_dropped, "mid-session packets of unknown connections dropped")                                     \
	X(handed_over, "connections that a host took over, new in the inventory")                                    \
	X(drop_routes, "connections refused by a route that drops them")                                             \
	X(drop_routes_full, "connections refused without such a route: too many have one")                           \
	X(reports_late, "hosts' reports of an end whose client has begun anew, or that came another way")            \
	X(reports_foreign, "hosts' reports of an end that are not from the connection's host")                       \
	X(reports_strange, "hosts' reports of an end of connections that are not known")                             \
	X(allotments_asked, "allotments asked for")                                                                  \
	X(allotments_received, "allotments received")                                                                \
	X(allotments_stale, "allotments thrown away because they were too old")                                      \
	X(allotments_refused, "allotments thrown away because they are malformed or not for this classifier")        \
	X(allotments_overdrawn, "connections placed by weight because all tokens were used up")                      \
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

/* Zeroed numbers are refused unless noted. */
struct classifier_params {
	uint16_t index; /* of this classifier among n_classifiers */
	uint16_t n_classifiers;
	uint16_t n_forwarders; /* at most VIEW_MAX_FORWARDERS */
	uint16_t max_vips;     /* VIP ids from here on get no connections; 0: CLASSIFIER_MAX_VIPS_DEFAULT */
	/* capacity of the inventory, at most 2^30; 128 bytes each, of which half is taken if .nat, else if a
	 * connection is NATed nevertheless */
	uint32_t max_connections;
	uint16_t snat_port_first, snat_port_last; /* host order, whole range; sliced by classifier */
	uint32_t snat_quarantine_s; /* a port rests this long after its connection ended (TIME_WAIT); may be 0 */
	struct classifier_snat snat[VIEW_MAX_FORWARDERS]; /* by forwarder */
	bool nat;                                         /* NATed connections are to be expected */
	uint8_t hash_key[16];                             /* random */
	struct sessions *sessions;                        /* borrowed, shared by all; NULL: nothing is remembered */
};

/* What to do with a packet that missed. */
enum classifier_verdict {
	CLASSIFIER_PLUMB, /* plumb .routes (1 or 2) on the forwarder it came from; the packet follows routes[0] */
	CLASSIFIER_RESET, /* answer with a reset */
	CLASSIFIER_DROP,
	CLASSIFIER_ACCEPT, /* for the hand-over: of no known connection, to a VIP with an application */
};

/* A key and the forwarders it concerns, bit i for forwarder i. */
struct classifier_delete {
	struct baton_tuple key;
	uint32_t forwarders;
};

struct classifier_state_change {
	struct baton_tuple key;
	uint32_t forwarders;
	uint8_t state; /* enum baton_conn_state */
};

/*
 * To be sent in this order, whatever the verdict: .deletes (PLUMB_DELETE),
 * .changes (PLUMB_SET_STATE), then .routes (PLUMB_ADD). The messages to one
 * forwarder must arrive in the order they were decided in, and so must those
 * from it.
 */
struct classifier_decision {
	enum classifier_verdict verdict;
	uint8_t n_routes, n_deletes, n_changes;
	struct plumb_route routes[2];
	struct classifier_delete deletes[2];
	struct classifier_state_change changes[2];
};

/* The packet as the classifier sees it. */
struct classifier_packet {
	struct baton_tuple key;
	uint16_t vip; /* id, or VIEW_NONE: maybe a reply of a NATed connection */
	uint8_t tcp_flags;
	uint8_t forwarder;       /* where it missed, below n_forwarders */
	uint16_t port;           /* DPDK port it came in on */
	uint8_t src_mac[6];      /* link address it came from: where replies go if no gateway leads there */
	uint16_t return_nexthop; /* gateway towards the client, or VIEW_NONE */
};

/* All memory is taken here. NULL if it is short or a parameter is out of range. */
struct classifier *classifier_new(const struct classifier_params *p);
/* Takes NULL. */
void classifier_free(struct classifier *c);

#define CLASSIFIER_AHEAD 64

/*
 * The next calls will be about these n keys, at most CLASSIFIER_AHEAD: has what
 * the inventory has of them fetched all at once, so that no call waits for memory by itself.
 */
void classifier_ahead(const struct classifier *c, const struct baton_tuple *const keys[], unsigned n);

/*
 * A packet missed (PLUMB_MISS).
 *
 * What is in the inventory keeps its endpoint, and its route is plumbed again
 * on the asking forwarder, whatever has become of VIP and endpoint. Two
 * exceptions, in which the old connection is retired and a new choice made:
 *  - a SYN without ACK for a connection that is FIN or CLOSED: the client uses
 *    its port again. A forwarder must therefore punt (MISS) a SYN that hits a
 *    route whose state is FIN or CLOSED, count it as a use of that route (so
 *    that the route does not age out under the answer), and take a PLUMB_ADD
 *    whose key it holds as a replacement: same endpoint, action and .nat and
 *    not FIN or CLOSED → keep the entry, else new content and new generation.
 *  - a UDP packet, or a repeated SYN of a connection in state SYN, whose host
 *    does not answer (capacity, configured, not usable) while the VIP says
 *    "avoid". With "keep" it stays. Endpoints that only drain (retired, or
 *    capacity 0) keep their UDP flows.
 *
 * A route that can't be sent is to be reported to classifier_aged() as
 * add_failed; the decision's other route must then not be sent after it.
 *
 * Unknown TCP packets other than a SYN follow the VIP's policy; see guess.h.
 * All TCP packets to a VIP with an application that the inventory does not
 * know are CLASSIFIER_ACCEPT; if nobody has a use for one, classifier_unknown()
 * decides.
 *
 * now_ns: monotonic clock, here and below.
 */
void classifier_decide(struct classifier *c, const struct view *v, const struct classifier_packet *p, uint64_t now_ns,
		       struct classifier_decision *ret);

/* A packet was CLASSIFIER_ACCEPT and is of no connection that is being handed over: the VIP's policy. */
void classifier_unknown(struct classifier *c, const struct view *v, const struct classifier_packet *p, uint64_t now_ns,
			struct classifier_decision *ret);

/* Sessions that a connection may belong to, by the affinities of its VIP. */
struct classifier_keys {
	uint32_t present;              /* bit i: key[i] is set */
	const struct session_key *key; /* BATON_MAX_AFFINITIES of them, borrowed */
};

/* The key of an affinity of a VIP with len bytes of what it goes by (CLIENT: the address, 4 or 16). */
void classifier_key(const struct classifier *c, const struct view *v, uint16_t vip, const struct baton_affinity *a,
		    const uint8_t *bytes, uint32_t len, struct session_key *ret);
/*
 * Endpoint for a new connection to the service (id of a VIP or pool), none of
 * the tried ones: by sessions, in the order of the VIP's affinities, then by
 * allotment. Counts as use of the endpoint. VIEW_NONE: none.
 */
uint16_t classifier_choose(struct classifier *c, const struct view *v, uint16_t service,
			   const struct classifier_keys *keys, const uint16_t *tried, unsigned n_tried,
			   uint64_t now_ns);

/* A connection that its host has taken over. */
struct classifier_handed {
	struct baton_tuple key;
	uint16_t vip, endpoint;
	uint8_t forwarder; /* that has its packets */
	uint8_t state;     /* enum baton_conn_state: ESTABLISHED or FIN */
	struct classifier_keys keys;
};

/*
 * Into the inventory, sessions noted; *ret is to be plumbed on the forwarder,
 * and if it can't be sent, reported to classifier_aged() as add_failed. 0,
 * -ENOSPC (inventory full), -EEXIST (known already), -ENOENT (VIP or endpoint
 * is not in the view).
 */
int classifier_place(struct classifier *c, const struct view *v, const struct classifier_handed *h, uint64_t now_ns,
		     struct plumb_route *ret);
/*
 * A route that drops what this client sends, until it is silent for the VIP's
 * closed timeout or begins anew; likewise. 0, -ENOENT, -EEXIST, or -ENOSPC: an
 * eighth of the inventory are such routes, or it is full.
 */
int classifier_refuse(struct classifier *c, const struct view *v, const struct baton_tuple *key, uint8_t forwarder,
		      uint16_t vip, uint64_t now_ns, struct plumb_route *ret);

/* What a host's report of an end comes to. */
struct classifier_ended {
	uint8_t n_deletes, n_changes;
	struct classifier_delete deletes[2];
	struct classifier_state_change changes[2];
};

/*
 * A host reports the end of a connection (BATON_SHIM_ENDED). One that is gone
 * goes here with its routes; one that lingers is CLOSED. Only its own host is
 * believed, and only about a connection that the reporting forwarder holds, as
 * it says itself: client's ports are used again, and the word of the old
 * connection's end must not end the new one.
 */
void classifier_ended(struct classifier *c, const struct view *v, const struct plumb_host *m, uint8_t forwarder,
		      uint64_t now_ns, struct classifier_ended *ret);

/*
 * A forwarder saw FIN or RST on a route it holds (PLUMB_FINAL). Fills up to two
 * changes for PLUMB_SET_STATE; returns how many. In tunnel mode only the
 * client's side is seen: its FIN makes FIN, an RST makes CLOSED. NAT modes see
 * both: the second side's FIN makes CLOSED. The connection ends when its
 * routes have aged out with that state's timeout.
 */
unsigned classifier_final(struct classifier *c, const struct baton_tuple *key, uint8_t forwarder, uint8_t tcp_flags,
			  struct classifier_state_change ret[2]);
/*
 * A route is gone from a forwarder by idle time (PLUMB_AGED), or had no room
 * there (PLUMB_ADD_FAILED). The connection is forgotten with its last route.
 * Fills up to two deletes; returns how many: other routes of a connection
 * that could not start, and the key itself where another PLUMB_ADD of it may
 * be on its way, which must not outlive the connection.
 * Neither report may get lost, or the connection stays for ever: a forwarder
 * keeps an idle route until it can report it.
 */
unsigned classifier_aged(struct classifier *c, const struct baton_tuple *key, uint8_t forwarder, bool add_failed,
			 uint64_t now_ns, struct classifier_delete ret[2]);

/*
 * End connections of endpoints that the view says to stop: looks at the next
 * n_places places of the inventory and forgets what must go. Fills .deletes for
 * at most max / 2 connections (max even); returns how many deletes.
 */
unsigned classifier_stop(struct classifier *c, const struct view *v, uint64_t now_ns, uint32_t n_places,
			 struct classifier_delete ret[], unsigned max);

/*
 * Next allotment this classifier wants, if any: true and *ret. Call each loop,
 * again while it returns true; bounded. One request per VIP is under way at a
 * time; an answer that does not come within 100 ms is asked for again.
 */
bool classifier_wants(struct classifier *c, const struct view *v, uint64_t now_ns, struct allotment_request *ret);
/* Takes a copy. */
void classifier_allot(struct classifier *c, const struct allotment *a, uint64_t now_ns);

const struct classifier_counters *classifier_counters_get(const struct classifier *c);
const struct session_counters *classifier_session_counters_get(const struct classifier *c);
/* The rest may be read by any thread; written by the lcore alone. */
uint32_t classifier_n_connections(const struct classifier *c);
/*
 * Connections of an endpoint that have routes. 0, read a grace period after a
 * view in which the endpoint is retired was published, lets its id be used again.
 */
uint32_t classifier_endpoint_connections(const struct classifier *c, uint16_t endpoint);
/* Connections it was ever given. */
uint64_t classifier_endpoint_total(const struct classifier *c, uint16_t endpoint);

#endif
