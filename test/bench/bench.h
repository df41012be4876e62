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

#define BENCH_MAX_FLOWS 8
#define BENCH_MAX_SAMPLES 99
#define BENCH_MAX_ROWS 64
#define BENCH_BURST 32
#define BENCH_PORT 0

/* What the routes do, and so which way the packets go. */
enum bench_mode {
	BENCH_TUNNEL,
	BENCH_HALF_NAT,
	BENCH_FULL_NAT,
	BENCH_RETURN,      /* replies of a half-NATed connection */
	BENCH_FULL_RETURN, /* replies of a full-NATed connection */
	BENCH_N_MODES
};

/* The packets that the source makes. */
struct bench_traffic {
	uint8_t family;
	uint8_t proto;   /* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t mode;    /* enum bench_mode */
	bool zipf;       /* flow n is chosen with a probability in proportion to 1 / n, else all alike */
	uint16_t size;   /* bytes on the wire with frame check sequence; 0: IMIX */
	uint32_t churn;  /* new connections in a million packets, each in place of the oldest one */
	uint32_t misses; /* packets of unknown connections in a million packets */
	bool opening;    /* TCP packets are the first ones of their connections */
};

struct bench_options {
	bool table;   /* lookups alone, instead of forwarding */
	bool connect; /* new connections, instead of forwarding */
	bool help;
	bool testpmd;   /* run the outside anchor too */
	bool hugepages; /* reserve some if there are too few */
	bool latency;   /* time each turn as well */
	struct bench_traffic traffic;
	int cpu;
	unsigned repetitions;
	uint64_t packets; /* of one repetition */
	uint32_t flows[BENCH_MAX_FLOWS];
	unsigned n_flows;
	const char *json, *csv; /* files to write, or NULL */
};

/* report.c: one line of the result, with a sample for each repetition. */
struct bench_row {
	char name[48];
	uint8_t family;
	uint32_t flows; /* 0: does not depend on it */
	unsigned n_samples;
	double samples[BENCH_MAX_SAMPLES]; /* TSC cycles per packet or lookup */
	double turn_ns[4];                 /* nanoseconds of a turn: median, 99 %, 99.9 %, longest; 0: not measured */
};

struct bench_report {
	const char *unit; /* "packet", "lookup" */
	uint64_t tsc_hz;
	bool hugepages;
	unsigned n_rows;
	struct bench_row rows[BENCH_MAX_ROWS];
};

/* Never NULL: the number of rows is known beforehand. */
struct bench_row *report_row(struct bench_report *r, const char *name, uint8_t family, uint32_t flows);
void report_sample(struct bench_row *row, double cycles);
/* Sorts the samples. */
void report_text(struct bench_report *r, FILE *f);
/* 0 or -errno. */
int report_csv(struct bench_report *r, const char *path);
int report_json(struct bench_report *r, const char *path);

/* machine.c: memory, EAL, scheduling. What was taken from the machine is given back by machine_stop(). */
struct bench_machine {
	bool hugepages;
	uint32_t pages_added;
	char run_dir[64];
};

/* 0 or -errno, with a line on standard error. Without hugepages nothing that others use is touched. */
int machine_start(struct bench_machine *m, int cpu, bool hugepages, unsigned memory_mb, unsigned memory_testpmd_mb);
void machine_stop(struct bench_machine *m);
/* SIGINT or SIGTERM has come: finish and give everything back. */
bool machine_interrupted(void);

/* source.c: a net_null port whose receive function writes the headers of random flows. */
#define SOURCE_SIZES 3
#define SOURCE_ZIPF_STEPS 1024

struct source_template {
	uint8_t frame[80] __attribute__((aligned(64)));
	uint16_t frame_len;
	uint32_t sum_l3, sum_l4; /* of its checksums without what changes */
};

struct bench_source {
	struct bench_traffic traffic;
	uint8_t mode;            /* enum source_mode */
	uint32_t first, n_flows; /* the flows there are */
	uint32_t next;           /* flow, for SOURCE_IN_ORDER */
	uint32_t n_sent;         /* packets, for the order of sizes */
	uint64_t random;
	uint64_t n_unknown;               /* packets of unknown connections so far */
	uint8_t at_addr, at_port, at_sum; /* bytes from the frame's start */
	struct source_template templates[SOURCE_SIZES];
	uint32_t zipf[SOURCE_ZIPF_STEPS + 1];
};

enum source_mode {
	SOURCE_SILENT,
	SOURCE_IN_ORDER, /* each flow once, then silent */
	SOURCE_RANDOM,
};

/* 0 or -errno. The port is started; packets come from the pool. */
int source_start(struct bench_source *s, const struct bench_traffic *t, struct rte_mempool *pool);
void source_stop(void);
void source_set(struct bench_source *s, uint32_t first, uint32_t n_flows, enum source_mode mode);
/* Key of flow n, as the source writes it: replies go the other way. */
void source_key(const struct bench_traffic *t, uint32_t n, struct baton_tuple *ret);
/* Write a packet of flow n into an empty buffer. */
void source_write(const struct bench_source *s, struct rte_mbuf *m, uint32_t n);

/* forward.c: forwarding of one burst; returns packets taken in. */
typedef unsigned (*forward_turn_fn)(void *arg);
unsigned forward_io(void *arg);
unsigned forward_macswap(void *arg);
/* Cycles per packet over at least n packets. */
double forward_measure(forward_turn_fn turn, void *arg, uint64_t n);
/* How long single turns take, over at least n packets, into row->turn_ns. */
void forward_latency(forward_turn_fn turn, void *arg, uint64_t n, struct bench_row *row);

/* device.c: the project's own forwarder on the source's port, with a route for each flow. */
struct bench_device;
struct channel;
struct forwarder_counters;
struct view;

/* The rings that all devices of one run share, one after the other. 0 or -errno. */
int device_channel_init(struct channel *c);
/* Plumbs n_flows routes and introduces them all to their hosts, or not. 0 or -errno, with a line on standard error. */
int device_new(uint32_t n_flows, struct bench_source *s, struct rte_mempool *pool, struct channel *c, bool plumbed,
	       struct bench_device **ret);
const struct forwarder_counters *device_counters(const struct bench_device *d);
const struct view *device_view(const struct bench_device *d);
/* Packets dropped or handed to others since `last`, told by reason on standard error if there are any. */
uint64_t device_refused(const struct forwarder_counters *now, const struct forwarder_counters *last);
/* Takes NULL. */
void device_free(struct bench_device *d);
unsigned device_turn(void *arg);
/* 0 if each packet since the last check found its route and left; else -EPROTO, with a line that says what did not. */
int device_check(struct bench_device *d);
/* Let the source make packets of this device's flows. */
void device_select(struct bench_device *d);

/* options.c: 0, or -EINVAL with a line on standard error. */
int options_parse(struct bench_options *o, int argc, char **argv);
extern const char options_help[];
/* "tunnel", "half-nat" … */
extern const char *const options_modes[BENCH_N_MODES];

/* testpmd.c: one run of dpdk-testpmd in forwarding mode `mode`: 0 and *ret_cycles, or -errno. */
int testpmd_run(const struct bench_machine *m, int cpu, const char *mode, unsigned memory_mb, double *ret_cycles);

/* table.c: lookups, insertions and deletions of the route table alone. 0 or -errno. */
int table_run(const struct bench_options *o, struct bench_report *r);

/*
 * connect.c: new connections through forwarder and classifier, both on this
 * core: first packet, ring, choice, route, packet out. 0 or -errno.
 */
int connect_run(const struct bench_options *o, struct bench_source *s, struct rte_mempool *pool,
		struct bench_report *r);

#endif
