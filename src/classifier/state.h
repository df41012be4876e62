/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the classifier share: one per lcore, all that its loop touches. */
#ifndef BATON_CLASSIFIER_STATE_H
#define BATON_CLASSIFIER_STATE_H

#include "classifier/classifier.h"
#include "classifier/inventory.h"
#include "classifier/snat.h"
#include "classifier/tokens.h"

struct classifier_endpoint {
	uint64_t total;
	uint32_t live;
};

struct classifier {
	struct classifier_params params;
	struct classifier_counters counters;
	struct session_counters session_counters;
	struct inventory inventory;
	struct tokens tokens;
	struct snat snat;
	struct classifier_endpoint *endpoints; /* by id, all of them */
	uint32_t n_refused;                    /* connections with a route that drops */
	uint32_t stop_cursor;                  /* place that classifier_stop() looks at next */
} __attribute__((aligned(64)));                /* no line of it is another lcore's */

/* Why a connection leaves the inventory: a counter of struct classifier_counters. */
void classifier_end(struct classifier *c, struct conn *k, uint64_t *counter, uint64_t now_ns);
/* One more connection leads to this endpoint. */
void classifier_count(struct classifier *c, uint16_t endpoint);
/* Deletes for every route of the connection; returns how many. */
unsigned classifier_deletes(const struct classifier *c, const struct conn *k, struct classifier_delete ret[2]);
/* Note FIN and RST from one side; true if the state changed. */
bool classifier_note_flags(struct conn *k, enum conn_side side, uint8_t tcp_flags);
/* State changes for every route of the connection; returns how many. */
unsigned classifier_changes(const struct classifier *c, const struct conn *k, struct classifier_state_change ret[2]);

/*
 * A connection in tunnel mode that is not in the inventory yet, held by this
 * forwarder; endpoint VIEW_NONE: its route drops. Fills the route. 0 or as inventory_add().
 */
int classifier_add(struct classifier *c, const struct baton_tuple *key, uint16_t vip, uint16_t endpoint, uint8_t state,
		   uint8_t forwarder, uint64_t now_ns, struct plumb_route *ret);

/* Does the end of the connection come from FIN or RST? */
static inline bool classifier_closing(const struct conn *k)
{
	return k->state == BATON_CONN_FIN || k->state == BATON_CONN_CLOSED;
}

/* Route of one side of a connection. */
void classifier_route(const struct classifier *c, const struct conn *k, enum conn_side side, struct plumb_route *ret);

#endif
