/* SPDX-License-Identifier: BSD-3-Clause */
/* The senders that a station hears, and what each has proven: a table of fixed size. One thread. */
#ifndef BATON_WIRE_SEAL_PEERS_H
#define BATON_WIRE_SEAL_PEERS_H

#include <stdbool.h>
#include <stdint.h>

#include "tunnel/replay.h"

struct seal_peer {
	uint64_t id;
	bool proven;
	uint64_t incarnation;        /* the proven one */
	struct replay_window window; /* of its frames */
	uint64_t heard_ns;           /* last frame that counted, or entry into the table */
	uint64_t challenge;          /* that is out, 0 none */
	uint64_t made_ns;            /* when it was made */
	uint64_t asked_ns;           /* when it was last sent */
	uint64_t answered_ns;        /* when a challenge that could be a replay was last answered */
	uint32_t next;               /* in the bucket, or in the list of free ones */
};

struct seal_peers {
	uint32_t n_max, n, n_proven;
	uint32_t n_buckets; /* power of two */
	uint32_t free;
	uint64_t evict_from_ns; /* no search for a silent one before */
	uint32_t *buckets;
	struct seal_peer *peers;
};

/* Room for n_max senders. 0 or -ENOMEM. */
int seal_peers_init(struct seal_peers *t, uint32_t n_max);
/* Also a zeroed one. */
void seal_peers_fini(struct seal_peers *t);

/*
 * The sender with this id; entered if it is not there yet, for which one that
 * was silent for long makes room. Only for authentic frames. NULL: full.
 */
struct seal_peer *seal_peers_get(struct seal_peers *t, uint64_t id, uint64_t now_ns);

/* Whether frames of this incarnation of p are heard. */
static inline bool seal_peer_knows(const struct seal_peer *p, uint64_t incarnation)
{
	return p->proven && p->incarnation == incarnation;
}

/* The challenge for p, made anew if there is none that is still good. Not 0. */
uint64_t seal_peer_challenge(struct seal_peer *p, uint64_t now_ns);
/* Whether it is time to send it (again). */
bool seal_peer_ask(struct seal_peer *p, uint64_t now_ns);
/* Whether a challenge from p may be answered now; of a known incarnation always. */
bool seal_peer_answer(struct seal_peer *p, uint64_t incarnation, uint64_t now_ns);
/*
 * Frame seq of incarnation brought echo. True if that proves an incarnation
 * that was not known: it is from now on, from the frame after seq.
 */
bool seal_peers_prove(struct seal_peers *t, struct seal_peer *p, uint64_t incarnation, uint64_t seq, uint64_t echo,
		      uint64_t now_ns);

#endif
