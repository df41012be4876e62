/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of cache.c: places of hosts, changes of rows with their events, asks. */
#ifndef BATON_HEALTH_CACHE_APPLY_H
#define BATON_HEALTH_CACHE_APPLY_H

#include "health/cache.h"

/* cache.c: something happened to a host. */
void health_cache_event(struct health_cache *c, const struct health_event *e);
/* cache.c: a message about the host to the host. */
void health_cache_send(struct health_cache *c, const struct health_cache_host *h, struct health_message *m);

/* cache_apply.c: false: no room for the row, or it is none. */
bool health_cache_row_set(struct health_cache *c, struct health_cache_host *h, const struct health_row *row,
			  enum health_cause cause, uint64_t now_ns);
void health_cache_row_delete(struct health_cache *c, struct health_cache_host *h, const struct health_app_id *id,
			     enum health_cause cause, uint64_t now_ns);
/* Rows in these chunks that are not among the n kept. */
void health_cache_rows_drop(struct health_cache *c, struct health_cache_host *h, uint64_t chunks, unsigned n_chunks,
			    const struct health_row *kept, unsigned n, enum health_cause cause, uint64_t now_ns);
/* The host is present no longer: no rows, nothing asked for. */
void health_cache_host_clear(struct health_cache *c, struct health_cache_host *h, enum health_presence presence,
			     enum health_cause cause, uint64_t now_ns);

/* Ask for these chunks; 0: for a heartbeat. Nothing is sent while an ask is under way, unless it was for a heartbeat.
 */
void health_cache_ask(struct health_cache *c, struct health_cache_host *h, uint64_t chunks, unsigned n_chunks,
		      uint64_t now_ns);
void health_cache_ask_again(struct health_cache *c, struct health_cache_host *h, uint64_t now_ns);
/* These chunks came. */
void health_cache_ask_answered(struct health_cache *c, struct health_cache_host *h, uint64_t chunks, unsigned n_chunks,
			       uint64_t now_ns);
/* Nothing more is wanted. */
void health_cache_ask_end(struct health_cache *c, struct health_cache_host *h);

#endif
