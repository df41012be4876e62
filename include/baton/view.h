/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * View: all that the packet path and the classifiers need to know of the
 * configuration and of the neighbourhood, as one immutable snapshot.
 *
 * Written by the control thread before it is published, by nobody after.
 * Published with rcu_assign_pointer; lcores read it with rcu_dereference once
 * per burst and report a quiescent state after each (liburcu QSBR), so a
 * pointer into a view must not be kept beyond the burst.
 *
 * Ids (vip, endpoint, next hop) are indexes into the arrays and stay the same
 * from one view to the next for the same thing: routes hold them.
 */
#ifndef BATON_VIEW_H
#define BATON_VIEW_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/addr.h"
#include "baton/application.h"
#include "baton/proto.h"

#define VIEW_NONE UINT16_MAX /* no such id */
#define VIEW_MAX_PORTS 8
#define VIEW_MAX_FORWARDERS 32
#define VIEW_MAX_PREFIXES 16
#define VIEW_MAX_TUNNELS 8 /* tunnel addresses of one family on one forwarder lcore */
#define VIEW_NAME_MAX 96   /* "VIP", or "VIP/POOL" */
#define VIEW_ENDPOINT_NAME_MAX 64

/* Where to send a frame: 16 bytes, read per packet. */
struct view_nexthop {
	uint8_t dst_mac[6];
	uint8_t src_mac[6];
	uint16_t port; /* DPDK port id */
	uint16_t mtu;  /* bytes of L3 that the port takes; 0: not resolved */
};

/* One application on one host (physical address and port). Read per packet. */
struct view_endpoint {
	uint8_t addr[16]; /* host's dedicated address H, network order */
	uint16_t port_be;
	uint16_t nexthop; /* id */
	uint16_t vip;     /* id */
	uint8_t family;   /* 0: id not in use */
	uint8_t capacity; /* 0-99, as configured */
	uint8_t usable;   /* may get new connections */
	uint8_t retired;  /* no longer configured; established connections go on */
	uint8_t stop;     /* inactive, and the VIP wants its connections ended */
	uint8_t zero[5];
};

/*
 * A VIP, or a pool of a VIP: endpoints that rules choose. A pool has an id of
 * the same kind, the VIP's address, port, protocol and mode, and no place in
 * the index of destinations, so that whatever serves a VIP's endpoints
 * (allotments, health, tokens) serves a pool's.
 */
struct view_vip {
	char name[VIEW_NAME_MAX];
	struct baton_addr addr; /* family 0: id not in use */
	uint16_t port_be;
	uint8_t proto;
	uint8_t mode;        /* enum baton_mode */
	uint8_t consume;     /* enum baton_consume */
	uint8_t unknown;     /* enum baton_unknown */
	uint8_t unreachable; /* enum baton_unreachable */
	uint16_t timeout_s[BATON_N_CONN_STATES];
	uint8_t pool; /* 1: a pool of the VIP with the id .pool_of; one that is gone has no endpoints */
	uint16_t pool_of;
	uint16_t n_endpoints;
	const uint16_t *endpoints; /* ids; owned by the view */
	uint8_t n_affinities;
	struct baton_affinity affinities[BATON_MAX_AFFINITIES]; /* in the order they are asked */
	/*
	 * NULL: chosen by the first packet alone, and for pools; else see baton/application.h. Whoever made the view
	 * frees it with it.
	 */
	const struct application *application;
};

/* What a local address is. */
enum view_local_kind {
	VIEW_LOCAL_NONE,
	VIEW_LOCAL_VIP,
	VIEW_LOCAL_TUNNEL,    /* F of a forwarder lcore */
	VIEW_LOCAL_SNAT,      /* full-NAT source of a forwarder lcore */
	VIEW_LOCAL_INTERFACE, /* the port's own address */
};

struct view_local {
	struct baton_addr addr;
	uint8_t kind;      /* enum view_local_kind */
	uint8_t forwarder; /* index of the lcore, for TUNNEL and SNAT */
	uint8_t port;      /* DPDK port it is configured on (INTERFACE), else the first */
	uint8_t bank;      /* TUNNEL: of the lcore's routes that are tunneled from here */
};

/* Per forwarder lcore: its own addresses. Family 0 where not configured. */
struct view_forwarder {
	struct baton_addr tunnel4[VIEW_MAX_TUNNELS]; /* by bank of the routes (forwarder/route.h) */
	struct baton_addr tunnel6[VIEW_MAX_TUNNELS];
};

/* One DPDK port. */
struct view_port {
	uint8_t mac[6];
	uint8_t exception; /* 1: a kernel exception port stands behind it */
	uint8_t n_prefixes;
	uint8_t replies;                                 /* 1: hosts on it answer clients through the device */
	uint16_t mtu;                                    /* bytes of L3 */
	uint16_t gateway4, gateway6;                     /* next hop ids, VIEW_NONE: no gateway of that family */
	uint16_t replies_gateway4, replies_gateway6;     /* of another port: where these answers go; likewise */
	struct baton_prefix prefixes[VIEW_MAX_PREFIXES]; /* what is on its link */
};

struct shim_keyring;   /* tunnel/shim.h */
struct cookie_keyring; /* migrate/cookie.h */
struct trace_filters;  /* baton/trace.h */
struct view_index;     /* hash over vips and locals, private to view.c */

struct view {
	uint64_t generation;
	uint16_t n_vips;      /* highest id + 1 */
	uint16_t n_endpoints; /* highest id + 1 */
	uint16_t n_nexthops;  /* highest id + 1 */
	uint16_t n_locals;
	uint16_t n_forwarders;
	uint16_t shim_port_be;
	const struct shim_keyring *keys;        /* of the shim; whoever made the view frees them with it */
	const struct cookie_keyring *cookies;   /* of the handshake; likewise */
	const struct trace_filters *trace;      /* whose steps are told; NULL: nobody's; likewise */
	bool any_stop;                          /* an endpoint's connections are to be ended */
	bool any_half_nat;                      /* packets to foreign addresses may be replies of a host */
	struct view_port ports[VIEW_MAX_PORTS]; /* by DPDK port id */
	struct view_nexthop *nexthops;
	struct view_endpoint *endpoints;
	char (*endpoint_names)[VIEW_ENDPOINT_NAME_MAX]; /* by endpoint id; empty: has none */
	struct view_vip *vips;
	struct view_local *locals;
	struct view_forwarder forwarders[VIEW_MAX_FORWARDERS];
	struct view_index *index;
};

/*
 * An empty view with room for the given numbers, zeroed, or NULL. The control
 * thread fills it in, then calls view_seal() and publishes it.
 */
struct view *view_new(uint16_t n_vips, uint16_t n_endpoints, uint16_t n_nexthops, uint16_t n_locals);
/* Takes NULL. Only after a grace period for a published view. */
void view_free(struct view *v);
/* Copy endpoint ids for one VIP into memory the view owns. 0 or -ENOMEM. */
int view_vip_set_endpoints(struct view *v, uint16_t vip, const uint16_t *ids, uint16_t n);
/* Build the indexes. 0, -ENOMEM, or -EEXIST if two VIPs or two locals collide. */
int view_seal(struct view *v);

/* Id of the VIP that serves this destination, or VIEW_NONE. Any thread, sealed view. */
uint16_t view_vip_find(const struct view *v, const uint8_t addr[16], uint8_t family, uint8_t proto, uint16_t port_be);
/* Borrowed, or NULL if the address is not the device's. */
const struct view_local *view_local_find(const struct view *v, const uint8_t addr[16], uint8_t family);

_Static_assert(sizeof(struct view_nexthop) == 16, "four to a cache line");
_Static_assert(sizeof(struct view_endpoint) == 32, "two to a cache line");

#endif
