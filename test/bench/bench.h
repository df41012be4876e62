/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * baton-bench: what forwarding costs on one core, beside plain DPDK loops on
 * the same source of packets. See docs/benchmarks.md.
 */
#ifndef BATON_TEST_BENCH_H
#define BATON_TEST_BENCH_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include <rte_mbuf.h>

#include "baton/addr.h"
#include "options.h"
#include "report.h"
#include "turns.h"

#define BENCH_BURST 32
#define BENCH_PORT 0  /* the device's */
#define BENCH_QUEUE 0 /* of the main lcore */

/* machine.c: memory, EAL, scheduling. What was taken from the machine is given back by machine_stop(). */
struct bench_machine {
	bool hugepages;
	uint32_t pages_added;
	char run_dir[64];
};

/* 0 or -errno, with a line on standard error. Without hugepages nothing that others use is touched. */
int machine_start(struct bench_machine *m, const struct bench_options *o, unsigned memory_mb,
		  unsigned memory_testpmd_mb);
void machine_stop(struct bench_machine *m);
/* SIGINT or SIGTERM has come: finish and give everything back. */
bool machine_interrupted(void);

/* source.c: packets of random flows, in a net_null port's receive function or wherever they are asked for. */
#define SOURCE_SIZES 3
#define SOURCE_ZIPF_STEPS 1024

struct source_template {
	uint8_t frame[80] __attribute__((aligned(64)));
	uint16_t frame_len;
	uint32_t sum_l3, sum_l4; /* of its checksums without what changes */
};

struct bench_source {
	struct bench_traffic traffic;
	uint16_t lcore;          /* whose it is: queue, forwarder and number of the lcore */
	uint8_t mode;            /* enum source_mode */
	uint32_t first, n_flows; /* the flows there are */
	uint32_t next, until;    /* flows, for SOURCE_IN_ORDER: the next one, and the one to wait before */
	uint32_t n_sent;         /* packets, for the order of sizes */
	uint64_t random;
	uint64_t n_unknown;               /* packets of unknown connections so far */
	uint8_t at_addr, at_port, at_sum; /* bytes from the frame's start */
	struct source_template templates[SOURCE_SIZES];
	uint32_t zipf[SOURCE_ZIPF_STEPS + 1];
	void (*feed)(void *arg); /* brings the packets to the device's port and takes them away; NULL: no need */
	void *feed_arg;
};

enum source_mode {
	SOURCE_SILENT,
	SOURCE_IN_ORDER, /* each flow once, no further than .until, then silent */
	SOURCE_RANDOM,
};

/* Make the packets of this traffic, for this lcore; silent until source_set(). */
void source_init(struct bench_source *s, const struct bench_traffic *t, uint16_t lcore);
/*
 * 0 or -errno. The device's port, a net_null, is started with a queue for each of n lcores, which gets its packets
 * from the lcore's source; buffers come from the pool.
 */
int source_start(struct bench_source sources[], uint16_t n, struct rte_mempool *pool);
void source_stop(void);
/*
 * Of an lcore: BENCH_QUEUE if it is the only one. The driver keeps the counters of neighbours in one line, and those of
 * the first queue in that of what all of them read: so several lcores have queues apart from each other and from the
 * first.
 */
uint16_t source_queue(unsigned lcore);
/* Its buffers: lcores that share a pool wait for each other's lines once a burst (docs/scaling.md). */
struct rte_mempool *source_pool(unsigned lcore);
#define BENCH_PACKETS 4095 /* of one lcore */
#define BENCH_PACKETS_CACHE 256
void source_set(struct bench_source *s, uint32_t first, uint32_t n_flows, enum source_mode mode);
/* Key of flow n, as the source writes it: replies go the other way. */
void source_key(const struct bench_traffic *t, uint32_t n, struct baton_tuple *ret);
/* Write a packet of flow n into an empty buffer. */
void source_write(const struct bench_source *s, struct rte_mbuf *m, uint32_t n);
/* Make packets of n empty buffers; those that are not needed are freed. How many there are. */
uint16_t source_fill(struct bench_source *s, struct rte_mbuf **packets, uint16_t n);

/* forward.c: forwarding of one burst; returns packets taken in. */
typedef unsigned (*forward_turn_fn)(void *arg);
unsigned forward_io(void *arg);
unsigned forward_macswap(void *arg);
/* Cycles per packet over at least n packets. */
double forward_measure(forward_turn_fn turn, void *arg, uint64_t n);
/* How long single turns take, over at least n packets. */
void forward_latency(forward_turn_fn turn, void *arg, uint64_t n, struct turns *t, struct bench_turns *ret);

/* distance.c: nanoseconds that a line takes to another of the lcores and back, of the two that are farthest apart; 0 if
 * two share a CPU. The main lcore calls it while the others wait. */
double distance_measure(const struct bench_options *o);
/* Do two of the lcores run on one CPU? Then whoever waits has to give way. */
bool distance_shared(const struct bench_options *o);

/* network.c: a VIP, its hosts and the device's addresses. */
#define BENCH_HOSTS 16
#define BENCH_HOST_PORT 8080
struct shim_keyring;
struct view;
/* Address of a host or of the device in their network. */
void bench_addr(struct baton_addr *a, uint8_t family, uint8_t last);
/* Sealed; keys are borrowed. NULL if memory is short. */
struct view *bench_view_new(const struct bench_traffic *t, uint16_t n_forwarders, const struct shim_keyring *keys);

/* device.c: the project's own forwarder on the source's port, with a route for each flow. */
struct bench_device;
struct channel;
struct forwarder_worker;

struct device_params {
	uint32_t n_flows;
	struct bench_source *source; /* of the lcore that will forward; borrowed, like all that follows */
	struct rte_mempool *pool;
	struct channel *channel;
	bool plumbed;                      /* the routes are this program's, not a classifier's */
	const struct bench_device *beside; /* whose view it uses, which is freed after it; NULL: it gets its own */
};

/* The rings of n lcores; devices of one lcore share them, one after the other. 0 or -errno. */
int device_channel_init(struct channel *c, uint16_t n);
/* Plumbs routes and introduces them all to their hosts, or not; by the main lcore, while the others wait. 0 or -errno,
 * with a line on standard error. */
int device_new(const struct device_params *p, struct bench_device **ret);
const struct forwarder_counters *device_counters(const struct bench_device *d);
/* What it has counted since it was made. */
void device_counted(const struct bench_device *d, struct forwarder_counters *ret);
const struct view *device_view(const struct bench_device *d);
struct forwarder_worker *device_worker(const struct bench_device *d);
/* Packets dropped or handed to others since `last`, told by reason on standard error if there are any. */
uint64_t device_refused(const struct forwarder_counters *now, const struct forwarder_counters *last);
/* Packets of the first n flows only from now on; routes that are idle for longer than this end. */
void device_keep(struct bench_device *d, uint32_t n, uint16_t timeout_s);
/* Takes NULL. */
void device_free(struct bench_device *d);
unsigned device_turn(void *arg);
/* 0 if each packet since the last check found its route and left; else -EPROTO, with a line that says what did not. */
int device_check(struct bench_device *d);
/* Let the source make packets of this device's flows. */
void device_select(struct bench_device *d);

/* stages.c: the parts of a device's turns, by the time stamp counter between them, over at least n packets. */
void stages_measure(struct bench_device *d, uint64_t n, double cycles, struct bench_stages *ret);

/* testpmd.c: one run of dpdk-testpmd in forwarding mode `mode`: 0 and *ret_cycles, or -errno. */
int testpmd_run(const struct bench_machine *m, int cpu, const char *mode, unsigned memory_mb, double *ret_cycles);

struct route_form;
struct route_table;
/* table.c: an empty one in this program's large pages, with random keys; or NULL. */
struct route_table *table_new(const struct route_form *form, uint8_t family, uint32_t n);
/* memory.c: random lines of a table's memory alone. 0 or -errno. */
int memory_run(const struct bench_options *o, struct bench_report *r);
/* table.c: lookups, insertions and deletions of the route table alone. 0 or -errno. */
int table_run(const struct bench_options *o, struct bench_report *r);

/*
 * connect.c: new connections through forwarder and classifier, both on this
 * core or on one each: first packet, ring, choice, route, packet out. 0 or -errno.
 */
int connect_run(const struct bench_options *o, struct bench_source *s, struct rte_mempool *pool,
		struct bench_report *r);

/*
 * scale.c: forwarding on several lcores, each with a queue, a source and a worker of its own: alone one after the
 * other, and all at once. 0 or -errno.
 */
int scale_run(const struct bench_options *o, struct bench_source sources[], struct bench_report *r);

/* flood.c: hits alone, beside as many misses, and misses alone, on a core that has no time left. 0 or -errno. */
int flood_run(const struct bench_options *o, struct bench_source *s, struct rte_mempool *pool, struct bench_report *r);

/* expire.c: how long turns take while all routes but a few end at once. 0 or -errno. */
int expire_run(const struct bench_options *o, struct bench_source *s, struct rte_mempool *pool, struct bench_report *r);

/* rows.c: the rows of `forward`, all once in each repetition. 0 or -errno. */
int rows_run(const struct bench_options *o, const struct bench_machine *m, struct bench_source *s,
	     struct rte_mempool *pool, struct bench_report *r);
/* A row for devices with so many flows. */
struct bench_row *rows_device(const struct bench_options *o, struct bench_report *r, uint32_t n_flows);
#define ROWS_TESTPMD_MB 128

/* prompt.c: commands from standard input until it ends or says so. 0; -errno if one was refused or a run does not
 * count. */
int prompt_run(struct bench_options *o, struct bench_source *s, struct rte_mempool *pool, struct bench_report *r);

#endif
