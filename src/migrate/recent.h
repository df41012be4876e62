/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Handshakes that a client has begun or finished lately without data: a cookie
 * can be checked only with the segment that comes first, so one that overtakes
 * it (or follows when it was lost) would look like one of a connection that
 * nobody knows. A hint, not a state: the oldest of a few places is overwritten
 * by whoever comes next, and losing one costs no more than what the VIP's policy
 * does to such a segment. What has only begun takes no place that was noted a
 * moment ago: a flood of SYNs must not push out the handshakes of real clients.
 */
#ifndef BATON_MIGRATE_RECENT_H
#define BATON_MIGRATE_RECENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct recent_entry {
	uint32_t tag;
	uint32_t client_isn, server_isn;
	uint32_t at_s; /* 0: never used */
};

struct recent {
	struct recent_entry *entries;
	uint32_t mask;
};

/* At least n places. 0 or -ENOMEM. */
int recent_init(struct recent *r, size_t n);
/* Takes a zeroed one. */
void recent_fini(struct recent *r);
/* hash: of the connection's key, 64 good bits; now_s: monotonic, not 0. */
void recent_note(struct recent *r, uint64_t hash, uint32_t client_isn, uint32_t server_isn, uint32_t now_s);
/* Likewise of one that has only begun, if the place is to be had. */
void recent_note_begun(struct recent *r, uint64_t hash, uint32_t client_isn, uint32_t server_isn, uint32_t now_s);
/* Its first bytes have come. */
void recent_forget(struct recent *r, uint64_t hash);
/* Is a segment with these numbers the later part of a connection that is noted? */
bool recent_has(const struct recent *r, uint64_t hash, uint32_t seq, uint32_t ack, uint32_t now_s);

#endif
