/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rows of one host in order of their id, with the content indicator of H5. The
 * host's authoritative table and each balancer's copy of it are this struct.
 * Rows are dealt to chunks by the low bits of a hash of their id, so a table
 * looked at in 2n chunks is a refinement of the same table in n. No thread of
 * its own: one user at a time.
 */
#ifndef BATON_HEALTH_TABLE_H
#define BATON_HEALTH_TABLE_H

#include "baton/health.h"

/*
 * No chunk of a table in HEALTH_MAX_CHUNKS chunks has more rows than this, so
 * every chunk fits into one message: SEND_SNAPSHOT never has more rows, and
 * ROW_CHANGE never more changes. (An even hash deals 16 to each at most; 65 in
 * one by chance is rarer than 1e-17.)
 */
#define HEALTH_MESSAGE_ROWS 64

/* Intervals between heartbeats that are believed; others are clipped. */
#define HEALTH_INTERVAL_MIN_MS 50
#define HEALTH_INTERVAL_MAX_MS 60000
#define HEALTH_MISSED_MAX 3 /* heartbeats that may be missing; half an interval later the host is gone */

struct health_slot;

struct health_table {
	struct health_slot *slots;
	uint16_t *order; /* slots in order of id; behind n_rows: free slots */
	uint16_t n_rows;
	uint16_t n_slots;
	uint16_t chunk_rows[HEALTH_MAX_CHUNKS]; /* rows per chunk at HEALTH_MAX_CHUNKS chunks */
};

/* What a look-up asks for. Address family, port, protocol 0: any. */
struct health_app_filter {
	struct baton_addr vip;  /* also met by rows whose VIP is of family 0 */
	struct baton_addr host; /* physical address */
	uint16_t vip_port, host_port;
	uint8_t proto;
};

/* An empty table; takes memory as it grows. */
void health_table_init(struct health_table *t);
/* Frees the rows; the table is empty then and may be used again. */
void health_table_fini(struct health_table *t);

/* The row of an id or NULL; borrowed until the table changes. */
const struct health_row *health_table_find(const struct health_table *t, const struct health_app_id *id);
/* Row i of n_rows in order of id; borrowed until the table changes. */
const struct health_row *health_table_at(const struct health_table *t, unsigned i);
/*
 * Add the row or replace the one with its id. Bytes behind the NUL of strings
 * are cleared. 0; -EINVAL: not health_row_valid; -ENOSPC: HEALTH_MAX_ROWS
 * rows, or HEALTH_MESSAGE_ROWS in this chunk; -ENOMEM. An error changes nothing.
 */
int health_table_set(struct health_table *t, const struct health_row *row);
/* 0 or -ENOENT. */
int health_table_delete(struct health_table *t, const struct health_app_id *id);

/* Chunk of an id; n_chunks: power of two. */
unsigned health_table_chunk(const struct health_app_id *id, unsigned n_chunks);
/* Chunks this table is best told in: about 16 rows each, never more than HEALTH_MESSAGE_ROWS. */
unsigned health_table_n_chunks(const struct health_table *t);
/* Content indicator in n_chunks chunks (power of two, at most HEALTH_MAX_CHUNKS). */
void health_table_content(const struct health_table *t, unsigned n_chunks, struct health_content *ret);
/* Chunks of `content` (bit i: chunk i) in which the table differs from it; 0: they are equal. */
uint64_t health_table_differs(const struct health_table *t, const struct health_content *content);
/* Rows of the chunks in the mask. */
unsigned health_table_count(const struct health_table *t, uint64_t chunks, unsigned n_chunks);

/* The same chunks, or more where that can't be, in another number of chunks. */
uint64_t health_chunks_convert(uint64_t chunks, unsigned from, unsigned to);
/* Mask of all of n_chunks chunks. */
uint64_t health_chunks_all(unsigned n_chunks);
/* Whether this is a power of two up to HEALTH_MAX_CHUNKS. */
bool health_chunks_valid(unsigned n_chunks);

/* Enums, capacity, load in range; address families that exist; strings that end, UTF-8 without control characters. */
bool health_row_valid(const struct health_row *row);
/*
 * What a balancer does with the row: the more cautious of target and current.
 * So it stops at once when the host says so, and starts only when every
 * balancer is known to have been told (H6).
 */
enum health_directive health_row_directive(const struct health_row *row);
bool health_app_matches(const struct health_app_id *id, const struct health_app_filter *f);

/* Fixed words: "healthy", "draining". "?" out of range. */
const char *health_state_name(unsigned state);
const char *health_directive_name(unsigned directive);

#endif
