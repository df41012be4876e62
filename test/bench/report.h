/* SPDX-License-Identifier: BSD-3-Clause */
/* What was measured: rows with a sample for each repetition, as text, CSV and JSON (docs/benchmarks.md). */
#ifndef BATON_TEST_BENCH_REPORT_H
#define BATON_TEST_BENCH_REPORT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "forwarder/counters.h"
#include "options.h"

#define BENCH_MAX_ROWS (BENCH_MAX_FLOWS * (2 * BENCH_MAX_LCORES + 1) + 1)

/* Parts of a turn. X(name, text) */
#define BENCH_STAGES(X)                                                            \
	X(take, "messages of classifiers, empty buffers from the driver")          \
	X(source, "the bench's own: headers of a random flow")                     \
	X(parse, "parse, check, hash; ask for the buckets")                        \
	X(lookup, "compare tags; ask for the entries")                             \
	X(rewrite, "wait for the entry, compare the key, count, rewrite, enqueue") \
	X(keep, "ask for the memory of plumbed routes, ageing")                    \
	X(send, "transmit: net_null frees the buffers; then the bench's classifier")

enum bench_stage {
#define X(name, text) STAGE_##name,
	BENCH_STAGES(X)
#undef X
		BENCH_N_STAGES
};

/* TSC cycles per packet; total 0: not measured. */
struct bench_stages {
	double cycles[BENCH_N_STAGES];
	double total;   /* of the turns with the time taken in between */
	double without; /* of those without, in the same repetition */
	double marks;   /* of taking the time as often, and nothing else */
};

/* Nanoseconds; longest 0: not measured. */
struct bench_turns {
	double median, p99, p999, longest;
};

/* Packets of a generator on its own port. */
struct bench_passage {
	uint64_t sent, back, lost, foreign, wrong, verified;
	double mpps; /* by the clock, sink included; 0: not measured */
};

/* How far apart the lcores were, in ns: a line's way there and back (distance.c). */
struct bench_distance {
	double before, after; /* the repetition; 0: two of them share a CPU */
};

#define BENCH_FAR_NS 250 /* from there on */

/* Samples that can be compared. X(name, text) */
#define BENCH_DISTANCES(X)                                        \
	X(fast, "near each other before and after")               \
	X(slow, "far from each other before and after")           \
	X(flipped, "near before and far after, or the other way") \
	X(shared, "on one CPU")

enum bench_distance_group {
#define X(name, text) DISTANCE_##name,
	BENCH_DISTANCES(X)
#undef X
		BENCH_N_DISTANCES
};

/* TSC cycles per connection of turns that found work, on two lcores; 0: not measured. */
struct bench_halves {
	double forwarder, classifier;
};

struct bench_row {
	char name[48];
	uint8_t family;
	uint32_t flows; /* 0: does not depend on it */
	unsigned n_samples;
	double samples[BENCH_MAX_SAMPLES]; /* TSC cycles per packet, lookup or connection */
	unsigned n_distances;              /* 0, or as many as there are samples */
	struct bench_distance distances[BENCH_MAX_SAMPLES];
	unsigned n_scaling;                /* likewise */
	double scaling[BENCH_MAX_SAMPLES]; /* rate of all at once, of the sum of their rates alone */
	struct bench_halves halves;
	struct bench_turns turns;
	struct bench_stages stages;
	struct bench_passage passage;
	struct forwarder_counters counted; /* by the device while it was measured */
};

struct bench_report {
	const char *unit; /* "packet", "lookup", "connection" */
	uint64_t tsc_hz;
	bool hugepages;
	double load_before[3];
	const struct bench_options *options;
	unsigned n_rows;
	struct bench_row rows[BENCH_MAX_ROWS];
};

struct report_summary {
	unsigned n;
	double median, min, max, mpps;
	double scaling; /* median, 0 if there is none */
};

/* Never NULL: the number of rows is known beforehand, or the last one is used again. */
struct bench_row *report_row(struct bench_report *r, const char *name, uint8_t family, uint32_t flows);
void report_sample(struct bench_row *row, double cycles);
/* Of the sample that was given last. */
void report_distance(struct bench_row *row, double before, double after);
void report_scaling(struct bench_row *row, double ratio);
const char *report_distance_name(enum bench_distance_group g);
/* Of the samples at this distance only. */
struct report_summary report_at(const struct bench_report *r, const struct bench_row *row, enum bench_distance_group g);
/* Of the samples, 0 if there are none. */
double report_median(const struct bench_row *row);
struct report_summary report_summarise(const struct bench_report *r, const struct bench_row *row);
/* Of those that are selected; NULL: all. */
typedef bool (*report_select_fn)(const struct bench_row *row, unsigned sample, const void *arg);
struct report_summary report_select(const struct bench_report *r, const struct bench_row *row, report_select_fn select,
				    const void *arg);
void report_text(struct bench_report *r, FILE *f);
/* What was measured on several lcores, by how far apart these were. */
void report_distances(const struct bench_report *r, FILE *f);
void report_turns(const struct bench_row *row, FILE *f);
void report_stages(const struct bench_row *row, FILE *f);
/* Drops and counters that are not 0. */
void report_drops(const struct forwarder_counters *c, FILE *f);
void report_passage(const struct bench_passage *p, FILE *f);
const char *report_stage_name(enum bench_stage s);
uint64_t report_n_dropped(const struct forwarder_counters *c);
/* 0 or -errno. */
int report_csv(struct bench_report *r, const char *path);
/* report_json.c */
int report_json(struct bench_report *r, const char *path);

#endif
