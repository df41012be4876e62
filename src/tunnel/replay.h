/* SPDX-License-Identifier: BSD-3-Clause OR GPL-2.0-only */
/*
 * Sliding replay window over 64-bit sequence numbers, after RFC 4303 section
 * 3.4.3 and RFC 6479: a ring of bit words, cleared as the window moves on.
 * Header-only, kernel types only: the appliance and the host's BPF program run
 * the same code. The caller serializes (lcore: one owner; BPF: spin lock).
 */
#ifndef BATON_TUNNEL_REPLAY_H
#define BATON_TUNNEL_REPLAY_H

#include <linux/types.h>

#define REPLAY_WORDS 8
/* Sequence numbers this far below the top are still told apart. */
#define REPLAY_WINDOW ((REPLAY_WORDS - 1) * 64)

struct replay_window {
	__u64 top;
	__u64 bits[REPLAY_WORDS];
};

enum replay_verdict {
	REPLAY_OK,
	REPLAY_SEEN,
	REPLAY_TOO_OLD,
};

/* Judge seq and, if it is new, remember it. Call only for authenticated datagrams. */
static inline enum replay_verdict replay_check(struct replay_window *w, __u64 seq)
{
	__u64 word = seq >> 6, mask = 1ull << (seq & 63);

	if (seq > w->top) {
		__u64 step = word - (w->top >> 6);

		for (int i = 0; i < REPLAY_WORDS; i++)
			if ((__u64)i < step)
				w->bits[(word - (__u64)i) & (REPLAY_WORDS - 1)] = 0;
		w->top = seq;
	} else if (w->top - seq >= REPLAY_WINDOW) {
		return REPLAY_TOO_OLD;
	}
	if (w->bits[word & (REPLAY_WORDS - 1)] & mask)
		return REPLAY_SEEN;
	w->bits[word & (REPLAY_WORDS - 1)] |= mask;
	return REPLAY_OK;
}

#endif
