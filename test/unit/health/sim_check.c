/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What must hold in the simulated cluster. Consent is by silence, so a cache
 * that got none of the repetitions that count, or whose objection was lost or
 * too late, is excused; every other one must hold the target when current moves.
 */
#include <stdarg.h>
#include <string.h>

#include "sim_world.h"

void sim_fail(struct sim_world *w, const char *format, ...)
{
	va_list args;

	if (w->result.failed)
		return;
	w->result.failed = true;
	w->result.at_ms = (uint32_t)(w->now_ns / SIM_MS);
	va_start(args, format);
	vsnprintf(w->result.what, sizeof(w->result.what), format, args);
	va_end(args);
}

void sim_check_forget(struct sim_world *w, unsigned host, int cache, int row)
{
	for (int i = 0; i < SIM_MAX_CACHES; i++) {
		struct sim_link *l = &w->links[host][i];

		if (cache >= 0 && i != cache)
			continue;
		if (row >= 0) {
			l->consented[row] = false;
			continue;
		}
		memset(l->consented, 0, sizeof(l->consented));
		memset(l->got, 0, sizeof(l->got));
		memset(l->objected, 0, sizeof(l->objected));
		memset(l->host_knows, 0, sizeof(l->host_knows));
	}
}

static uint32_t crc_of(const struct health_table *t)
{
	struct health_content content;

	health_table_content(t, 1, &content);
	return content.crc[0];
}

/* A sequence number stands for one state of the table. */
static void check_state(struct sim_host *h, const struct health_message *m)
{
	struct sim_state *s = &h->states[m->seq % SIM_STATES];
	struct sim_state now = { .incarnation = m->incarnation, .seq = m->seq, .crc = crc_of(&h->end.table) };

	if (s->incarnation == now.incarnation && s->seq == now.seq && s->crc != now.crc)
		sim_fail(h->world, "host %u has two tables of sequence number %llu", h->index,
			 (unsigned long long)m->seq);
	*s = now;
}

static void check_complete(struct sim_world *w, unsigned host, unsigned cache, const struct health_cache_host *c)
{
	const struct sim_state *s = &w->hosts[host].states[c->seq % SIM_STATES];

	if (c->complete && s->incarnation == c->incarnation && s->seq == c->seq && s->crc != crc_of(&c->table))
		sim_fail(w, "cache %u believes its table of host %u complete as of %llu, and it is another", cache,
			 host, (unsigned long long)c->seq);
}

void sim_check_sent(struct sim_host *h, const struct health_message *m)
{
	struct sim_world *w = h->world;

	check_state(h, m);
	if (m->type == HEALTH_POSTULATE && m->postulate.id <= h->postulate_id)
		sim_fail(w, "host %u sent postulate %llu again", h->index, (unsigned long long)m->postulate.id);
	if (m->type == HEALTH_POSTULATE)
		h->postulate_id = m->postulate.id;
	if (m->type == HEALTH_ROW_CHANGE &&
	    (m->row_change.n_changes == 0 || m->row_change.n_changes > HEALTH_MESSAGE_ROWS))
		sim_fail(w, "host %u sent %u changes in one message", h->index, m->row_change.n_changes);
	if (m->type != HEALTH_SEND_SNAPSHOT)
		return;
	if (m->send_snapshot.n_rows > HEALTH_MESSAGE_ROWS || m->send_snapshot.chunks == 0)
		sim_fail(w, "host %u sent a snapshot of %u rows", h->index, m->send_snapshot.n_rows);
	if (h->snapshot_ns && w->now_ns - h->snapshot_ns < h->end.settings.answer_ms * SIM_MS)
		sim_fail(w, "host %u sent two snapshots within %u ms", h->index, h->end.settings.answer_ms);
	h->snapshot_ns = w->now_ns;
}

static const struct health_row *cached_row(const struct sim_world *w, unsigned host, unsigned cache,
					   const struct health_app_id *id)
{
	const struct health_cache_host *h = health_cache_find(&w->caches[cache].end, sim_host_id(host));

	return h ? health_table_find(&h->table, id) : NULL;
}

/* Last postulate that has been quiet for long enough. */
static uint64_t last_quiet(const struct sim_host *h)
{
	uint64_t id = h->end.postulate_id;

	while (id && h->world->now_ns - h->end.sent_ns[id % HEALTH_HOST_SENT] < h->end.settings.quiet_ms * SIM_MS)
		id--;
	return id;
}

static void check_consent(struct sim_host *h, unsigned cache, const struct health_row *row, uint64_t first,
			  uint64_t last)
{
	struct sim_world *w = h->world;
	struct sim_link *l = &w->links[h->index][cache];
	const struct health_row *cached = cached_row(w, h->index, cache, &row->id);
	unsigned number = sim_row_number(&row->id), chunk = health_table_chunk(&row->id, HEALTH_MAX_CHUNKS);
	bool got = false, objected = false;

	for (uint64_t id = first; id <= last; id++) {
		unsigned place = id % SIM_WINDOW;

		got |= l->got[place] == id;
		objected |= l->objected[place] == id;
		if (l->host_knows[place] == id && l->host_knows_chunks[place] >> chunk & 1)
			sim_fail(w, "host %u moved row %u to %s against the objection of cache %u", h->index, number,
				 health_directive_name(row->target), cache);
	}
	if (!got || objected)
		return;
	if (!cached || cached->target != row->target)
		sim_fail(w, "host %u moved row %u to %s, cache %u got the postulate, did not object and has %s",
			 h->index, number, health_directive_name(row->target), cache,
			 cached ? health_directive_name(cached->target) : "no such row");
	l->consented[number] = true;
}

void sim_check_moved(void *context, const struct health_row *row)
{
	struct sim_host *h = context;
	struct sim_world *w = h->world;
	uint64_t last = last_quiet(h), n = h->end.settings.postulate_repetitions;

	w->result.moves++;
	if (last < n) {
		sim_fail(w, "host %u moved row %u after %llu postulates", h->index, sim_row_number(&row->id),
			 (unsigned long long)last);
		return;
	}
	for (unsigned i = 0; i < w->plan->n_caches; i++)
		check_consent(h, i, row, last - n + 1, last);
}

void sim_check_cache(struct sim_world *w, unsigned host, unsigned cache)
{
	const struct health_cache_host *c = health_cache_find(&w->caches[cache].end, sim_host_id(host));
	struct sim_link *l = &w->links[host][cache];

	if (w->caches[cache].end.n_rows > w->caches[cache].end.settings.max_rows)
		sim_fail(w, "cache %u holds more rows than it may", cache);
	if (!c)
		return;
	if (c->table.n_rows && c->incarnation <= l->left_incarnation)
		sim_fail(w, "cache %u has rows of host %u after its goodbye", cache, host);
	if (c->presence != HEALTH_PRESENT)
		sim_check_forget(w, host, (int)cache, -1);
	check_complete(w, host, cache, c);
	for (unsigned i = 0; i < c->table.n_rows; i++) {
		const struct health_row *row = health_table_at(&c->table, i), *own;

		if (!l->consented[sim_row_number(&row->id)] || !w->hosts[host].up)
			continue;
		own = health_table_find(&w->hosts[host].end.table, &row->id);
		if (own && health_row_directive(row) > own->target)
			sim_fail(w, "cache %u has %s for row %u of host %u, which consented to %s", cache,
				 health_directive_name(health_row_directive(row)), i, host,
				 health_directive_name(own->target));
	}
}

static void check_equal(struct sim_world *w, unsigned host, unsigned cache)
{
	const struct health_cache_host *c = health_cache_find(&w->caches[cache].end, sim_host_id(host));
	const struct health_table *t = &w->hosts[host].end.table;

	if (!w->hosts[host].up) {
		if (c && (c->presence == HEALTH_PRESENT || c->table.n_rows))
			sim_fail(w, "cache %u still has host %u, which is gone", cache, host);
		return;
	}
	if (!c || c->presence != HEALTH_PRESENT || !c->complete || c->table.n_rows != t->n_rows) {
		sim_fail(w, "cache %u has not host %u's whole table in the end: %s, %u rows instead of %u", cache, host,
			 !c             ? "no such host"
			 : !c->complete ? "incomplete"
					: "complete",
			 c ? c->table.n_rows : 0, t->n_rows);
		return;
	}
	for (unsigned i = 0; i < t->n_rows; i++) {
		const struct health_row *row = health_table_at(t, i);

		if (memcmp(row, health_table_at(&c->table, i), sizeof(*row)) != 0)
			sim_fail(w, "cache %u has another row %u than host %u in the end", cache,
				 sim_row_number(&row->id), host);
		if (row->target != row->current)
			sim_fail(w, "row %u of host %u is still not %s in the end", sim_row_number(&row->id), host,
				 health_directive_name(row->target));
	}
}

void sim_check_settled(struct sim_world *w)
{
	for (unsigned host = 0; host < w->plan->n_hosts; host++) {
		for (unsigned cache = 0; cache < w->plan->n_caches; cache++)
			check_equal(w, host, cache);
	}
}
