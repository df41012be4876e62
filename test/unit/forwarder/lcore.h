/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A forwarder lcore to test: DPDK without huge pages, two ports that are pairs
 * of rings, so that the test is the network; and the test is the classifier.
 */
#ifndef BATON_TEST_LCORE_H
#define BATON_TEST_LCORE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "forwarder/stages.h"
#include "forwarder/worker.h"
#include "frames.h"

#define LCORE_PORTS 2
#define LCORE_SHIM_PORT 7471
#define LCORE_PACKETS 1023
#define LCORE_MESSAGES 1023
#define LCORE_RING 256
#define LCORE_MTU 1500

#define F4 "10.0.0.10" /* tunnel addresses of forwarder 0 */
#define F6 "2001:db8::10"
#define F4_NEXT "10.0.0.40" /* the same, of its second bank where it has one */
#define F6_NEXT "2001:db8::40"
#define F4_OTHER "10.0.0.30" /* of forwarder 1, which is not there */
#define SNAT4 "10.0.0.20"
#define INTERFACE4 "10.0.0.2"
#define HOST4 "10.0.0.11"
#define HOST6 "2001:db8::11"
#define SILENT4 "10.0.0.12" /* a host whose link address is not known */

/* VIPs and endpoints by id. Endpoint n serves VIP n. */
enum { VIP_TCP4, VIP_UDP4, VIP_TCP6, VIP_UDP6, N_VIPS };
enum { EP_TCP4, EP_UDP4, EP_TCP6, EP_UDP6, EP_SILENT, N_ENDPOINTS };
enum { HOP_HOST4, HOP_HOST6, HOP_SILENT, HOP_CLIENT, N_HOPS };

struct lcore {
	struct forwarder_worker *w;
	struct channel channel;
	struct rte_mempool *packets;
	struct view *view;
	struct shim_keyring keys;
	struct rte_ring *rx[LCORE_PORTS], *tx[LCORE_PORTS];
	unsigned n_packets, n_messages; /* free before the test began */
	uint64_t peer_seq;              /* next of what the host sends */
	uint64_t now_tsc, tsc_per_turn; /* the worker's clock: time passes by turns alone */
	uint8_t n_banks;                /* of each route table */
};

/* Once for a test program: start DPDK and make the ports. */
int lcore_group_setup(void **state);
/* For each test: *state is a struct lcore with a fresh worker. The second fails if a packet or message is missing. */
int lcore_setup(void **state);
int lcore_setup_two_classifiers(void **state);
int lcore_setup_two_banks(void **state);
int lcore_teardown(void **state);
/* Another worker on the same rings, caller frees it; form NULL: the usual one. */
struct forwarder_worker *lcore_worker_new(struct lcore *l, uint32_t n_routes, const struct route_form *form);
/* What a port takes from now on, bytes of L3. */
void lcore_set_mtu(struct lcore *l, uint16_t port, uint16_t mtu);
/* A worker with room for n routes of each family instead of the one it has. */
void lcore_resize(struct lcore *l, uint32_t n_routes);

/* Give the frame to a port as if it had come in there. */
void lcore_inject(struct lcore *l, uint16_t port, const struct frame *f);
/* One turn of the loop, .tsc_per_turn after the one before. */
unsigned lcore_turn(struct lcore *l);
/* Turns of the loop until it finds nothing to do. */
void lcore_poll(struct lcore *l);
/* inject and poll */
void lcore_receive(struct lcore *l, uint16_t port, const struct frame *f);
/* The oldest frame that the port has sent, caller frees it; fails if there is none. */
struct rte_mbuf *lcore_sent(struct lcore *l, uint16_t port);
/* Fails if a port has sent something, or a classifier was told something. */
void lcore_expect_silence(struct lcore *l);

/* The oldest message to classifier i, caller puts it back; fails if there is none or it has another type. */
struct plumb_message *lcore_told_to(struct lcore *l, unsigned classifier, enum plumb_type type);
struct plumb_message *lcore_told(struct lcore *l, enum plumb_type type);
/* Answer a message to the forwarder. */
void lcore_tell(struct lcore *l, struct plumb_message *m);
/* Classifier's answer to a packet that missed: route with this action to this endpoint; the packet follows it. */
void lcore_answer(struct lcore *l, struct plumb_message *miss, uint8_t action, uint16_t endpoint);
/* Inject f into port 0, answer the miss with a tunnel, swallow the introduction. Returns the flow id. */
uint32_t lcore_tunnel(struct lcore *l, const struct frame *f, uint16_t endpoint);
/* Index of the route with this key; fails if there is none. */
uint32_t lcore_route(struct lcore *l, const struct baton_tuple *key);

/* Drops of all reasons together, the parser's included. */
uint64_t lcore_drops(const struct lcore *l);

/* A shim datagram from a host to F. seq 0: the next number. */
void lcore_shim(struct lcore *l, const char *from, const char *to, uint8_t type, const void *body, uint64_t seq,
		struct frame *ret);

#endif
