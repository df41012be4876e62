/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/cache_apply.h"

#include <string.h>

#include "base/clock.h"

static void row_event(struct health_cache *c, const struct health_cache_host *h, const struct health_row *before,
		      const struct health_row *after, enum health_cause cause, uint64_t now_ns)
{
	struct health_event e = {
		.cause = (uint8_t)cause, .now_ns = now_ns, .host = h, .before = before, .after = after
	};

	e.kind = !before ? HEALTH_EVENT_ROW_ADDED : !after ? HEALTH_EVENT_ROW_REMOVED : HEALTH_EVENT_ROW_CHANGED;
	c->counters[HEALTH_CACHE_COUNTER_ROWS_CHANGED]++;
	health_cache_event(c, &e);
}

bool health_cache_row_set(struct health_cache *c, struct health_cache_host *h, const struct health_row *row,
			  enum health_cause cause, uint64_t now_ns)
{
	const struct health_row *old = health_table_find(&h->table, &row->id), *after;
	bool known = old;
	struct health_row before;

	if (known)
		before = *old;
	if ((!known && c->n_rows >= c->settings.max_rows) || health_table_set(&h->table, row) != 0) {
		c->counters[HEALTH_CACHE_COUNTER_NO_ROOM_ROW]++;
		h->truncated = true;
		return false;
	}
	c->n_rows += !known;
	after = health_table_find(&h->table, &row->id);
	if (!known || memcmp(&before, after, sizeof(before)) != 0)
		row_event(c, h, known ? &before : NULL, after, cause, now_ns);
	return true;
}

void health_cache_row_delete(struct health_cache *c, struct health_cache_host *h, const struct health_app_id *id,
			     enum health_cause cause, uint64_t now_ns)
{
	const struct health_row *old = health_table_find(&h->table, id);
	struct health_row before;

	if (!old)
		return;
	before = *old;
	health_table_delete(&h->table, &before.id);
	c->n_rows--;
	row_event(c, h, &before, NULL, cause, now_ns);
}

static bool is_among(const struct health_row *row, const struct health_row *rows, unsigned n)
{
	for (unsigned i = 0; i < n; i++) {
		if (memcmp(&rows[i].id, &row->id, sizeof(row->id)) == 0)
			return true;
	}
	return false;
}

void health_cache_rows_drop(struct health_cache *c, struct health_cache_host *h, uint64_t chunks, unsigned n_chunks,
			    const struct health_row *kept, unsigned n, enum health_cause cause, uint64_t now_ns)
{
	for (unsigned i = h->table.n_rows; i-- > 0;) {
		struct health_app_id id = health_table_at(&h->table, i)->id;

		if (chunks >> health_table_chunk(&id, n_chunks) & 1 &&
		    !is_among(health_table_at(&h->table, i), kept, n))
			health_cache_row_delete(c, h, &id, cause, now_ns);
	}
}

void health_cache_host_clear(struct health_cache *c, struct health_cache_host *h, enum health_presence presence,
			     enum health_cause cause, uint64_t now_ns)
{
	health_cache_rows_drop(c, h, health_chunks_all(1), 1, NULL, 0, cause, now_ns);
	health_table_fini(&h->table);
	health_cache_ask_end(c, h);
	h->presence = (uint8_t)presence;
	h->complete = h->truncated = h->inherited = false;
}

static void ask_send(struct health_cache *c, struct health_cache_host *h, uint64_t now_ns)
{
	struct health_message m = { .type = HEALTH_GET_SNAPSHOT };

	m.get_snapshot.chunks = h->ask_chunks;
	m.get_snapshot.n_chunks = h->ask_n_chunks;
	h->asking = true;
	h->ask_ns = now_ns + h->ask_gap_ms * CLOCK_NS_PER_MS;
	c->counters[HEALTH_CACHE_COUNTER_ASKS]++;
	health_cache_send(c, h, &m);
}

void health_cache_ask(struct health_cache *c, struct health_cache_host *h, uint64_t chunks, unsigned n_chunks,
		      uint64_t now_ns)
{
	bool under_way = h->asking && h->ask_chunks != 0;

	/* what is wanted now replaces what was: the newest content knows best; it goes out with the repetition */
	if (chunks != 0 || !h->asking) {
		h->ask_chunks = chunks;
		h->ask_n_chunks = (uint16_t)n_chunks;
	}
	if (under_way || (h->asking && chunks == 0))
		return;
	h->ask_gap_ms = c->settings.ask_ms;
	ask_send(c, h, now_ns);
}

void health_cache_ask_again(struct health_cache *c, struct health_cache_host *h, uint64_t now_ns)
{
	h->ask_gap_ms = h->ask_gap_ms < c->settings.ask_max_ms / 2 ? h->ask_gap_ms * 2 : c->settings.ask_max_ms;
	ask_send(c, h, now_ns);
}

void health_cache_ask_answered(struct health_cache *c, struct health_cache_host *h, uint64_t chunks, unsigned n_chunks,
			       uint64_t now_ns)
{
	if (!h->asking || h->ask_chunks == 0)
		return;
	/* there is no room here for what came: the same ask again, ever more seldom, shows when there is */
	if (h->truncated)
		return;
	/* the rest is on its way: wait anew */
	h->ask_gap_ms = c->settings.ask_ms;
	h->ask_ns = now_ns + h->ask_gap_ms * CLOCK_NS_PER_MS;
	h->ask_chunks = n_chunks == h->ask_n_chunks ? h->ask_chunks & ~chunks : 0;
	h->asking = h->ask_chunks != 0;
}

void health_cache_ask_end(struct health_cache *c, struct health_cache_host *h)
{
	h->asking = false;
	h->ask_chunks = 0;
	h->ask_gap_ms = c->settings.ask_ms;
}
