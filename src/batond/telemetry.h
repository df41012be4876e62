/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Pages of rows for DPDK's telemetry socket (docs/telemetry.md). Runs on
 * telemetry threads, with the control thread's lock held.
 */
#ifndef BATON_BATOND_TELEMETRY_H
#define BATON_BATOND_TELEMETRY_H

#include <stdint.h>

struct batond;
struct rte_tel_data;

struct telemetry_page {
	struct rte_tel_data *rows;
	unsigned n_rows;
	const char *filter; /* what stands behind the cursor, or "" */
};

/* Start a row. NULL if memory is short: leave the page as it is. */
struct rte_tel_data *telemetry_row(struct telemetry_page *p);
void telemetry_text(struct rte_tel_data *row, const char *name, const char *value);
void telemetry_number(struct rte_tel_data *row, const char *name, uint64_t value);
/* May be negative. */
void telemetry_int(struct rte_tel_data *row, const char *name, int value);

/*
 * Add the rows from cursor on, as many as fit a page. Returns the cursor of the
 * next page, 0 after the last one; UINT64_MAX for bad parameters.
 */
typedef uint64_t (*telemetry_fn)(struct batond *b, struct telemetry_page *p, uint64_t cursor);

uint64_t telemetry_ports(struct batond *b, struct telemetry_page *p, uint64_t cursor);
uint64_t telemetry_lcores(struct batond *b, struct telemetry_page *p, uint64_t cursor);
uint64_t telemetry_vips(struct batond *b, struct telemetry_page *p, uint64_t cursor);
uint64_t telemetry_endpoints(struct batond *b, struct telemetry_page *p, uint64_t cursor);
uint64_t telemetry_neighbours(struct batond *b, struct telemetry_page *p, uint64_t cursor);
uint64_t telemetry_classifiers(struct batond *b, struct telemetry_page *p, uint64_t cursor);
/* telemetry_rules.c */
uint64_t telemetry_rules(struct batond *b, struct telemetry_page *p, uint64_t cursor);
/* telemetry_trace.c */
uint64_t telemetry_trace(struct batond *b, struct telemetry_page *p, uint64_t cursor);
/* telemetry_health.c */
uint64_t telemetry_hosts(struct batond *b, struct telemetry_page *p, uint64_t cursor);
uint64_t telemetry_apps(struct batond *b, struct telemetry_page *p, uint64_t cursor);
uint64_t telemetry_allotments(struct batond *b, struct telemetry_page *p, uint64_t cursor);
uint64_t telemetry_events(struct batond *b, struct telemetry_page *p, uint64_t cursor);
/* telemetry_counters.c */
uint64_t telemetry_drops(struct batond *b, struct telemetry_page *p, uint64_t cursor);
uint64_t telemetry_counters(struct batond *b, struct telemetry_page *p, uint64_t cursor);
/* telemetry_routes.c */
uint64_t telemetry_routes(struct batond *b, struct telemetry_page *p, uint64_t cursor);
uint64_t telemetry_routes_count(struct batond *b, struct telemetry_page *p, uint64_t cursor);

/* Print all drop reasons and counters with what they mean, as docs/counters.md. */
void telemetry_print_counters(void);

#endif
