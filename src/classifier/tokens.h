/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Use of allotments (requirement C2): which endpoint gets the next new
 * connection of a VIP, and when to ask for the next allotment. One lcore.
 *
 * One running record per endpoint, its lag, serves everything: how many
 * connections it should have had by its share less how many it got. Shares
 * that are followed connection by connection (percentages; weights, when
 * tokens have run out) take, of the endpoints that are behind, the one whose
 * next turn ends first (earliest deadline first, as in Baruah, Cohen, Plaxton,
 * Varvel: Proportionate progress, 1996), which keeps every lag within one
 * connection. Tokens are used in the VIP's order; what an endpoint got too
 * much out of one allotment is taken off its tokens in the next, so that shares
 * hold also where few of the tokens are used before they expire.
 */
#ifndef BATON_CLASSIFIER_TOKENS_H
#define BATON_CLASSIFIER_TOKENS_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/allotment.h"
#include "baton/view.h"
#include "classifier/classifier.h"

/* One connection in the units of lag and weight, as near as the sum of the shares allows: see .one. */
#define TOKENS_ONE (1ll << 30)

struct tokens_share {
	uint16_t endpoint;
	uint16_t zero;
	uint32_t left;
};

struct tokens_weight {
	uint16_t endpoint;
	uint16_t zero;
	uint32_t weight; /* of .one for all */
};

enum tokens_source {
	TOKENS_SOURCE_NONE,    /* nothing known yet */
	TOKENS_SOURCE_TOKENS,  /* .shares while any are left, then .weights */
	TOKENS_SOURCE_PERCENT, /* .weights */
	TOKENS_SOURCE_WEIGHTS, /* .weights of an allotment that is used up or stale */
};

/* Allotment of one VIP. */
struct tokens_vip {
	uint64_t expires_ns, made_ns;
	uint64_t ask_ns;   /* when to ask again, however many are left */
	uint64_t asked_ns; /* last request */
	uint32_t left, low;
	uint32_t one;       /* sum of .weights: one connection */
	uint32_t scale;     /* share >> shift times this: weight */
	uint64_t sum;       /* of the shares that .weights were made from */
	uint32_t unsettled; /* tokens used that .lag does not expect yet */
	uint32_t demand;    /* connections since the last request */
	uint16_t n_shares, n_weights;
	uint16_t n_open; /* endpoints of the allotment that are not full */
	uint16_t cursor; /* into .shares: round robin */
	uint16_t last;   /* endpoint that got the last token */
	uint16_t serial; /* of the allotment; with the VIP's id, the stamp of its endpoints */
	uint8_t source;  /* enum tokens_source */
	uint8_t order;   /* enum baton_consume that .shares are arranged for */
	uint8_t panic;
	uint8_t shift;
	uint8_t waiting;        /* a request is on its way */
	uint64_t capacities_of; /* generation of the view that .weights were made from; 0: from an allotment */
	struct tokens_share shares[ALLOTMENT_MAX_ENDPOINTS];   /* used-up ones are removed */
	struct tokens_weight weights[ALLOTMENT_MAX_ENDPOINTS]; /* as allotted */
};

struct tokens_endpoint {
	int64_t lag;      /* in TOKENS_ONE */
	uint64_t full_ns; /* when the last allotment was made that said it is full */
	uint32_t stamp;   /* allotment that the lag belongs to */
};

struct tokens {
	struct tokens_vip *vips; /* by id */
	uint16_t n_vips;
	uint16_t index;                    /* of the classifier */
	struct tokens_endpoint *endpoints; /* by id, all of them */
	uint16_t cursor;                   /* next VIP to look at for a request */
	uint64_t scan_ns;                  /* when to look again */
	bool urgent;                       /* some VIP has used up most of its tokens */
	struct classifier_counters *counters;
};

/* 0 or -ENOMEM. VIPs with ids from max_vips on get no connections. */
int tokens_init(struct tokens *t, uint16_t max_vips, uint16_t index, struct classifier_counters *counters);
void tokens_fini(struct tokens *t);

/* Endpoints that are not to be chosen, by id. */
struct tokens_except {
	const uint16_t *ids;
	unsigned n;
};

/* Endpoint for the next new connection of a configured VIP, or VIEW_NONE. except: NULL, or what has refused it. */
uint16_t tokens_choose(struct tokens *t, const struct view *v, uint16_t vip, const struct tokens_except *except,
		       uint64_t now_ns);
/* A connection goes to this endpoint for a reason of its own: it counts for its share, and for the demand. */
void tokens_spend(struct tokens *t, uint16_t vip, uint16_t endpoint);
/*
 * Does the allotment in force say that the endpoint is full, and another is not?
 * That it has no share in it says less: who is loaded a little more than the
 * others has none until they are even.
 */
bool tokens_overloaded(const struct tokens *t, uint16_t vip, uint16_t endpoint, uint64_t now_ns);
bool tokens_wants(struct tokens *t, const struct view *v, uint64_t now_ns, struct allotment_request *ret);
void tokens_allot(struct tokens *t, const struct allotment *a, uint64_t now_ns);

#endif
