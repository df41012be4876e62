/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What to measure. One table of options is the command line's ("--size imix")
 * and the prompt's ("set size imix", "show config").
 */
#ifndef BATON_TEST_BENCH_OPTIONS_H
#define BATON_TEST_BENCH_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>

#define BENCH_MAX_FLOWS 8
#define BENCH_MAX_SAMPLES 99
#define BENCH_MAX_LCORES 8
#define BENCH_MAX_DEVICES 4 /* arguments that make ports */

/* What the routes do, and so which way the packets go. */
enum bench_mode {
	BENCH_TUNNEL,
	BENCH_HALF_NAT,
	BENCH_FULL_NAT,
	BENCH_RETURN,      /* replies of a half-NATed connection */
	BENCH_FULL_RETURN, /* replies of a full-NATed connection */
	BENCH_N_MODES
};

enum bench_task {
	BENCH_FORWARD,
	BENCH_TABLE,   /* lookups alone */
	BENCH_MEMORY,  /* the memory that lookups wait for, alone */
	BENCH_CONNECT, /* new connections */
	BENCH_FLOOD,   /* misses without limit beside hits */
	BENCH_EXPIRE,  /* all routes but a few end at once */
	BENCH_SCALE,   /* several lcores, alone and together */
};

/* The packets that the source makes. */
struct bench_traffic {
	uint8_t family;
	uint8_t proto;   /* IPPROTO_TCP or IPPROTO_UDP */
	uint8_t mode;    /* enum bench_mode */
	bool zipf;       /* flow n is chosen with a probability in proportion to 1 / n, else all alike */
	uint16_t size;   /* bytes on the wire with frame check sequence; 0: IMIX */
	uint16_t burst;  /* packets of one receive */
	uint32_t churn;  /* new connections in a million packets, each in place of the oldest one */
	uint32_t misses; /* packets of unknown connections in a million packets */
	bool flood;      /* the forwarder limits what misses cost it */
	bool opening;    /* TCP packets are the first ones of their connections */
};

struct bench_options {
	uint8_t task;
	bool help;
	bool prompt;
	bool testpmd;   /* run the outside anchor too */
	bool hugepages; /* reserve some if there are too few */
	bool latency;   /* time each turn as well */
	bool stages;    /* time the parts of turns as well */
	bool rings;     /* device and generator are connected by rings */
	struct bench_traffic traffic;
	int16_t cpu;
	int16_t generator_cpu;           /* -1: the same */
	int16_t classifier_cpu;          /* -1: the same, and the same lcore */
	uint32_t cpus[BENCH_MAX_LCORES]; /* of the lcores that are to scale */
	unsigned n_cpus;
	uint32_t memory_mb; /* 0: what the flows need */
	uint32_t repetitions;
	uint64_t packets; /* of one repetition */
	uint32_t loss;    /* packets in a million that ports may lose */
	uint32_t flows[BENCH_MAX_FLOWS];
	unsigned n_flows;
	char json[200], csv[200];             /* files to write, or "" */
	const char *vdevs[BENCH_MAX_DEVICES]; /* of the command line */
	const char *pci[BENCH_MAX_DEVICES];
	unsigned n_vdevs, n_pci;
};

/* As they are without a word. */
void options_init(struct bench_options *o);
/* 0, or -EINVAL with a line on standard error. */
int options_parse(struct bench_options *o, int argc, char **argv);
/*
 * One option by name, "" for a switch that is on: 0; -ENOENT no such option;
 * -EPERM only the command line can say that; -EINVAL. With a line on standard error.
 */
int options_set(struct bench_options *o, const char *name, const char *value);
/* 0, or -EINVAL with a line on standard error, if what was asked for contradicts itself. */
int options_check(const struct bench_options *o);
/* Every option with its value, one a line. */
void options_show(const struct bench_options *o, FILE *f);
void options_help(FILE *f);
/* The ports are not this program's own source. */
bool options_ports(const struct bench_options *o);
/* A CPU for each lcore, the main one's first; how many lcores there are. */
unsigned options_cpus(const struct bench_options *o, int16_t ret[BENCH_MAX_LCORES]);
/* "tunnel", "half-nat" … */
const char *options_mode(uint8_t mode);
/* Value of option number i as text and its name, NULL behind the last. */
const char *options_value(const struct bench_options *o, unsigned i, char *text, size_t size);

#endif
