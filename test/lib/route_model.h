/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * A route table and the plainest possible model of one, driven together. Keys
 * come from a small universe, numbered; the model is an array by number.
 * Whatever differs, and whatever the table's own book-keeping gets wrong,
 * makes a step return a text that says so (NULL: all is well).
 */
#ifndef BATON_TEST_ROUTE_MODEL_H
#define BATON_TEST_ROUTE_MODEL_H

#include "forwarder/route_table.h"

struct route_model {
	struct route_table *table;
	uint8_t family;
	uint16_t reserved_port;
	uint32_t n_keys;
	uint32_t count;
	int64_t *index;     /* by key number; -1: not in the table */
	uint16_t *endpoint; /* by key number; says what kind of route it is as well */
	bool *compact;      /* by key number */
	uint32_t n_cold;    /* NAT and RETURN, not compact */
	uint32_t *owner;    /* by place: key number, UINT32_MAX: none */
	uint8_t *last;      /* by place: generation when it was last used, 0: never */
};

/* Takes ownership of the table. 0 or -ENOMEM. */
int route_model_init(struct route_model *m, struct route_table *table, uint16_t reserved_port, uint32_t n_keys);
void route_model_fini(struct route_model *m);

/* The connection with number n. */
struct plumb_route route_model_key(uint8_t family, uint32_t n);

/* Tunnel, NAT, RETURN or DROP by the endpoint's number. */
const char *route_model_add(struct route_model *m, uint32_t n, uint16_t endpoint);
/* Mark the route of key n, if it has a cold half. */
const char *route_model_set_compact(struct route_model *m, uint32_t n, bool compact);
const char *route_model_del(struct route_model *m, uint32_t n);
const char *route_model_find(struct route_model *m, uint32_t n);
/* Look up n_keys keys at once: first, first + step, … */
const char *route_model_find_bulk(struct route_model *m, uint32_t first, uint32_t step, unsigned n_keys);
const char *route_model_find_flow(struct route_model *m, uint32_t bank, uint32_t flow_id);
/* Walk n_buckets buckets, delete entries with an odd endpoint if told so. */
const char *route_model_scan(struct route_model *m, uint32_t *cursor, uint32_t n_buckets, bool delete_odd);
/* Compare everything, and count the overflows anew from the entries. */
const char *route_model_check(struct route_model *m);

#endif
