/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * baton-bench-handover: what handing a connection over to a host costs the
 * lcore that does it. Drives the classifier's service as batond runs it on a
 * lcore; what its forwarder would send it, clients' frames and hosts' answers,
 * is made here. See docs/layer7-benchmarks.md.
 */
#ifndef BATON_TEST_BENCH_RIG_H
#define BATON_TEST_BENCH_RIG_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/application.h"
#include "baton/view.h"
#include "classifier/service.h"
#include "plumb/channel.h"

#define RIG_BATCH_MAX 4096
#define RIG_FRAME_MAX 512
#define RIG_ENDPOINTS 8 /* of each pool */
#define RIG_POOLS 3

/* What a client asks for decides which rule takes it. */
enum rig_request {
	RIG_FIRST, /* the first rule */
	RIG_REGEX, /* one in the middle, by a regular expression */
	RIG_LAST,  /* the last rule */
	RIG_NONE,  /* none of them */
	RIG_N_REQUESTS
};

/* One connection on its way. */
struct rig_client {
	uint32_t number; /* makes its address and port */
	uint32_t isn;
	uint32_t server_isn; /* of the SYN-ACK that came */
	uint16_t endpoint;   /* that CREATE went to, or VIEW_NONE */
	uint32_t len;
	uint8_t frame[RIG_FRAME_MAX];
};

struct rig {
	struct view *view;
	struct application app;
	struct cookie_keyring cookies;
	struct channel channel;
	struct rte_mempool *packets;
	struct classifier_service service;
	uint64_t now_ns, wall_ns; /* made up */
	uint32_t first;           /* number of the batch's first client */
	unsigned n_clients;
	struct rig_client *clients;
	unsigned n_syn_acks, n_created, n_asked, n_placed, n_followed, n_deleted, n_others;
	uint32_t n_resident;
	uint16_t *resident; /* endpoints of connections, by number and .resident_mask */
	uint32_t resident_mask;
};

/* The EAL is there. 0 or -errno, with a line on standard error. */
int rig_init(struct rig *r, unsigned n_clients, uint32_t n_resident);
/* Takes a zeroed one. */
void rig_fini(struct rig *r);
/* rules: compiled ones, borrowed, or NULL. */
void rig_rules(struct rig *r, struct rules *rules);

/* What happens to a batch of clients, in this order; each puts messages into the classifier's ring, or lets time go on.
 */
void rig_syn(struct rig *r);
void rig_ack(struct rig *r);
/* Of one kind, or (RIG_N_REQUESTS) of all in turn. */
void rig_request(struct rig *r, enum rig_request kind);
void rig_wait(struct rig *r);
void rig_answer(struct rig *r);
/* As many of the oldest resident connections end as the batch has. */
void rig_end(struct rig *r);

/* The classifier takes all there is in its ring, and timers. */
void rig_work(struct rig *r);
/* Take what it sent to the forwarder. */
void rig_drain(struct rig *r);
/* On to the next batch. 0, or -EPROTO with a line that says what did not happen. */
int rig_next(struct rig *r);

/* traffic.c: the clients. Address and port of a client of that number. */
void traffic_key(uint32_t number, struct baton_tuple *ret);
/* Number of the client with that key. */
uint32_t traffic_number(const struct baton_tuple *key);
void traffic_syn(struct rig_client *c, uint32_t number);
void traffic_ack(struct rig_client *c);
void traffic_request(struct rig_client *c, enum rig_request kind);
/* Bytes of every request. */
uint32_t traffic_request_len(void);

/* rules.c: 20 rules of all kinds over RIG_POOLS pools, or NULL with a line on standard error. */
struct rules *bench_rules_new(void);

#endif
