/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Allotment: how much new load a classifier may send to each endpoint of a VIP
 * (requirement H8). The health and load handler answers a request with one;
 * the classifier uses it up (C2) and asks for the next. Both structs cross
 * threads by ownership through a ring, never shared.
 */
#ifndef BATON_ALLOTMENT_H
#define BATON_ALLOTMENT_H

#include <stdint.h>

#define ALLOTMENT_MAX_ENDPOINTS 256

enum allotment_kind {
	ALLOTMENT_TOKENS,  /* share = number of new connections */
	ALLOTMENT_PERCENT, /* share = hundredths of a percent, until the timer ends */
};

/* Classifier → health handler. */
struct allotment_request {
	uint16_t vip;        /* id; stands for its address, port and protocol */
	uint16_t classifier; /* index of the asking classifier */
	uint32_t wanted;     /* new connections expected until the next request */
	uint32_t used;       /* new connections placed since the last request, with tokens or without */
};

/* Why a share is what it is; for people. */
#define ALLOTMENT_STALE 1   /* the host's word is too old: by its configured capacity */
#define ALLOTMENT_WARMING 2 /* came back lately: less than its full share */
#define ALLOTMENT_FULL 4    /* by its own word it does all it can at once: sessions do not lead there either */

struct allotment_share {
	uint16_t endpoint; /* id */
	uint16_t flags;    /* ALLOTMENT_* above */
	uint32_t share;
};

/* Health handler → classifier. Endpoints that may get nothing are not in it, or with share 0 if they are full. */
struct allotment {
	uint16_t vip;
	uint16_t classifier;
	uint8_t kind;  /* enum allotment_kind */
	uint8_t panic; /* 1: every endpoint looks dead, balanced over all (design: panic rule) */
	uint16_t n_shares;
	uint64_t made_ns;  /* monotonic clock, when it was computed */
	uint64_t valid_ns; /* how long it may be used */
	struct allotment_share shares[ALLOTMENT_MAX_ENDPOINTS];
};

#endif
