/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How much time packets without a route may take from those that have one. A
 * miss costs as much as several hits, so a flood of them would take the lcore
 * from established connections. While the lcore keeps up, every miss is served;
 * while it does not, misses are paid for by hits, and what nobody pays for is
 * dropped before it costs anything.
 *
 * An lcore keeps up while its bursts are not full: it looked for more packets
 * and there were none. A turn with room left therefore serves all its misses and
 * puts some on account for later; the accounts hold a receive ring's worth, so
 * that a backlog, as after a pause or when another device's connections arrive
 * all at once, is no flood.
 *
 * Each kind of miss has an account of its own: no flood of one can shut out the
 * others.
 *
 * Pure. One lcore's own.
 */
#ifndef BATON_FORWARDER_MISS_BUDGET_H
#define BATON_FORWARDER_MISS_BUDGET_H

#include <stdbool.h>
#include <stdint.h>

enum miss_kind {
	MISS_OPENING,  /* TCP SYN to a VIP */
	MISS_UNDERWAY, /* of a connection that may exist: to a VIP, or a NATed host's answer; all of UDP */
	MISS_OWN,      /* to the device itself: hosts' datagrams, the kernel's traffic */
	MISS_N_KINDS
};

#define MISS_BACKLOG 1024 /* misses that an account holds */
#define MISS_SPARE 64     /* misses put on each account by a turn with room left */

/*
 * Hits that pay for one miss of each kind, so a third of them for any miss. A miss costs a
 * forwarder about 250 cycles, with its classifier on the same lcore 750 to 1000, a hit 70 at least:
 * all kinds together then take 6 % of a hit (docs/benchmarks.md).
 */
#define MISS_PRICE (3 * 64)
#define MISS_PRICE_CLASSIFIER (3 * 256)

struct miss_budget {
	uint32_t price;                  /* hits; 0: nobody has to pay */
	uint32_t accounts[MISS_N_KINDS]; /* hits */
	bool full;                       /* a burst of this turn was */
	bool was_full;                   /* one of the turn before was */
	bool pays;                       /* misses of the burst at hand must be paid for */
};

static inline void miss_budget_init(struct miss_budget *b, uint32_t price)
{
	*b = (struct miss_budget){ .price = price };
	for (unsigned i = 0; i < MISS_N_KINDS; i++)
		b->accounts[i] = MISS_BACKLOG * price;
}

/* A burst is about to be handled; full: it has as many packets as were asked for. */
static inline void miss_budget_burst(struct miss_budget *b, bool full)
{
	b->full |= full;
	b->pays = b->full || b->was_full;
}

/* May this miss of the burst at hand be served? */
static inline bool miss_budget_take(struct miss_budget *b, enum miss_kind kind)
{
	if (!b->pays)
		return true;
	if (b->accounts[kind] < b->price)
		return false;
	b->accounts[kind] -= b->price;
	return true;
}

/* After a turn's bursts, in which n_hits packets had a route. What does not come by a port never pays. */
static inline void miss_budget_turn(struct miss_budget *b, uint32_t n_hits)
{
	uint32_t most = MISS_BACKLOG * b->price, more = b->full ? n_hits : MISS_SPARE * b->price;

	for (unsigned i = 0; i < MISS_N_KINDS; i++)
		b->accounts[i] = most - b->accounts[i] > more ? b->accounts[i] + more : most;
	b->was_full = b->full;
	b->full = b->pays = false;
}

#endif
