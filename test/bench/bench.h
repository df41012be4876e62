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

struct bench_options {
	bool table; /* lookups alone, instead of forwarding */
	bool help;
	bool testpmd;   /* run the outside anchor too */
	bool hugepages; /* reserve some if there are too few */
	uint8_t family;
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
struct bench_source {
	uint8_t family;
	uint8_t mode; /* enum source_mode */
	uint32_t n_flows;
	uint32_t next; /* flow, for SOURCE_IN_ORDER */
	uint64_t random;
	uint32_t sum_l3, sum_l4; /* of the template's checksums without what changes */
	uint8_t frame[80] __attribute__((aligned(64)));
	uint16_t frame_len;
};

enum source_mode {
	SOURCE_SILENT,
	SOURCE_IN_ORDER, /* each flow once, then silent */
	SOURCE_RANDOM,
};

/* 0 or -errno. The port is started; packets come from the pool. */
int source_start(struct bench_source *s, struct rte_mempool *pool);
void source_stop(void);
void source_set(struct bench_source *s, uint8_t family, uint32_t n_flows, enum source_mode mode);
/* Key of flow n, as the source writes it. */
void source_key(uint8_t family, uint32_t n, struct baton_tuple *ret);

/* forward.c: forwarding of one burst; returns packets taken in. */
typedef unsigned (*forward_turn_fn)(void *arg);
unsigned forward_io(void *arg);
unsigned forward_macswap(void *arg);
/* Cycles per packet over at least n packets. */
double forward_measure(forward_turn_fn turn, void *arg, uint64_t n);

/* device.c: the project's own forwarder on the source's port, with a route for each flow. */
struct bench_device;
struct channel;

/* The rings that all devices of one run share, one after the other. 0 or -errno. */
int device_channel_init(struct channel *c);
/* Plumbs n_flows routes and introduces them all to their hosts. 0 or -errno, with a line on standard error. */
int device_new(uint8_t family, uint32_t n_flows, struct bench_source *s, struct rte_mempool *pool, struct channel *c,
	       struct bench_device **ret);
/* Takes NULL. */
void device_free(struct bench_device *d);
unsigned device_turn(void *arg);
/* 0 if each packet since the last check found its route and left; else -EPROTO, with a line that says what did not. */
int device_check(struct bench_device *d);

/* testpmd.c: one run of dpdk-testpmd in forwarding mode `mode`: 0 and *ret_cycles, or -errno. */
int testpmd_run(const struct bench_machine *m, int cpu, const char *mode, unsigned memory_mb, double *ret_cycles);

/* table.c: lookups, insertions and deletions of the route table alone. 0 or -errno. */
int table_run(const struct bench_options *o, struct bench_report *r);

#endif
