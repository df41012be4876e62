/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <string.h>

#include "base/clock.h"
#include "health/cache.h"
#include "health/cache_apply.h"
#include "health/row.h"

#define INTERVAL_FIRST_MS 1000 /* as long as the host has not said */

static void count(struct health_cache *c, enum health_cache_counter counter)
{
	c->counters[counter]++;
}

static bool content_valid(const struct health_content *content)
{
	return health_chunks_valid(content->n_chunks) && content->n_rows <= HEALTH_MAX_ROWS;
}

static bool changes_valid(const struct health_message *m)
{
	if (m->row_change.n_changes == 0 || m->row_change.n_changes > HEALTH_MESSAGE_ROWS ||
	    m->row_change.n_changes > m->seq)
		return false;
	for (uint32_t i = 0; i < m->row_change.n_changes; i++) {
		const struct health_change *change = &m->row_change.changes[i];

		if (change->operation > HEALTH_DELETE ||
		    (change->operation != HEALTH_DELETE && !health_row_valid(&change->row)))
			return false;
	}
	return true;
}

static bool snapshot_valid(const struct health_message *m)
{
	unsigned n_chunks = m->send_snapshot.n_chunks;

	if (!health_chunks_valid(n_chunks) || m->send_snapshot.n_rows > HEALTH_MESSAGE_ROWS ||
	    (m->send_snapshot.chunks & ~health_chunks_all(n_chunks)))
		return false;
	for (uint32_t i = 0; i < m->send_snapshot.n_rows; i++) {
		const struct health_row *row = &m->send_snapshot.rows[i];

		if (!health_row_valid(row) || !(m->send_snapshot.chunks >> health_table_chunk(&row->id, n_chunks) & 1))
			return false;
	}
	return true;
}

static bool message_valid(const struct health_message *m)
{
	switch (m->type) {
	case HEALTH_HEARTBEAT:
		return content_valid(&m->heartbeat.content) && memchr(m->heartbeat.name, 0, HEALTH_NAME_MAX);
	case HEALTH_ROW_CHANGE:
		return changes_valid(m);
	case HEALTH_SEND_SNAPSHOT:
		return snapshot_valid(m);
	case HEALTH_POSTULATE:
		return content_valid(&m->postulate.content);
	default:
		return m->type == HEALTH_GOODBYE;
	}
}

static void host_event(struct health_cache *c, const struct health_cache_host *h, enum health_event_kind kind,
		       enum health_cause cause, uint64_t now_ns)
{
	struct health_event e = { .kind = (uint8_t)kind, .cause = (uint8_t)cause, .now_ns = now_ns, .host = h };

	health_cache_event(c, &e);
}

/* A free place, else that of the host that has been gone for longest. */
static struct health_cache_host *place_take(struct health_cache *c, uint64_t id)
{
	struct health_cache_host *best = NULL;

	for (uint32_t i = 0; i < c->settings.max_hosts; i++) {
		struct health_cache_host *h = &c->hosts[i];

		if (h->presence == HEALTH_FREE) {
			best = h;
			break;
		}
		if (h->presence != HEALTH_PRESENT && (!best || h->heard_ns < best->heard_ns))
			best = h;
	}
	if (!best)
		return NULL;
	memset(best, 0, sizeof(*best));
	best->id = id;
	best->presence = HEALTH_AGED;
	best->interval_ms = INTERVAL_FIRST_MS;
	return best;
}

static struct health_cache_host *host_of(struct health_cache *c, const struct health_message *m)
{
	struct health_cache_host *h;

	for (uint32_t i = 0; i < c->settings.max_hosts; i++) {
		if (c->hosts[i].id == m->host && c->hosts[i].presence != HEALTH_FREE)
			return &c->hosts[i];
	}
	h = place_take(c, m->host);
	if (!h)
		count(c, HEALTH_CACHE_COUNTER_NO_ROOM_HOST);
	else
		h->incarnation = m->incarnation;
	return h;
}

/* The rows stay until a content indicator says which of them still hold: most do when an agent is restarted. */
static void incarnation_begin(struct health_cache *c, struct health_cache_host *h, uint64_t incarnation,
			      uint64_t now_ns)
{
	h->incarnation = incarnation;
	h->seq = 0;
	h->complete = false;
	h->inherited = h->table.n_rows > 0;
	health_cache_ask_end(c, h);
	if (h->presence == HEALTH_LEFT)
		h->presence = HEALTH_AGED;
	if (h->presence == HEALTH_PRESENT) {
		count(c, HEALTH_CACHE_COUNTER_RESTARTS);
		host_event(c, h, HEALTH_EVENT_HOST_RESTARTED, HEALTH_CAUSE_RESTART, now_ns);
	}
}

static void heard(struct health_cache *c, struct health_cache_host *h, uint64_t now_ns)
{
	h->heard_ns = now_ns;
	if (h->presence == HEALTH_PRESENT)
		return;
	h->presence = HEALTH_PRESENT;
	host_event(c, h, HEALTH_EVENT_HOST_APPEARED, HEALTH_CAUSE_MESSAGE, now_ns);
}

/* Chunks that differ. What the host speaks of is at least as new as what is known here. */
static uint64_t compare(struct health_cache *c, struct health_cache_host *h, const struct health_message *m,
			const struct health_content *content, uint64_t now_ns)
{
	uint64_t differing = health_table_differs(&h->table, content);

	if (differing == 0) {
		h->seq = m->seq;
		h->complete = true;
		h->truncated = h->inherited = false;
		health_cache_ask_end(c, h);
		return 0;
	}
	count(c, HEALTH_CACHE_COUNTER_DIFFERENCES);
	if (h->inherited)
		health_cache_rows_drop(c, h, differing, content->n_chunks, NULL, 0, HEALTH_CAUSE_RESTART, now_ns);
	h->inherited = false;
	h->complete = false;
	health_cache_ask(c, h, differing, content->n_chunks, now_ns);
	return differing;
}

static uint32_t interval_clip(uint32_t ms)
{
	if (ms < HEALTH_INTERVAL_MIN_MS)
		return HEALTH_INTERVAL_MIN_MS;
	return ms > HEALTH_INTERVAL_MAX_MS ? HEALTH_INTERVAL_MAX_MS : ms;
}

static void receive_heartbeat(struct health_cache *c, struct health_cache_host *h, const struct health_message *m,
			      uint64_t now_ns)
{
	count(c, HEALTH_CACHE_COUNTER_HEARTBEATS);
	h->interval_ms = interval_clip(m->heartbeat.interval_ms);
	if (m->heartbeat.name[0])
		memcpy(h->name, m->heartbeat.name, strlen(m->heartbeat.name) + 1);
	compare(c, h, m, &m->heartbeat.content, now_ns);
}

static void receive_goodbye(struct health_cache *c, struct health_cache_host *h, uint64_t now_ns)
{
	bool was_present = h->presence == HEALTH_PRESENT;

	count(c, HEALTH_CACHE_COUNTER_GOODBYES);
	/* the place is kept, so that a late message of this incarnation is known as such */
	health_cache_host_clear(c, h, HEALTH_LEFT, HEALTH_CAUSE_GOODBYE, now_ns);
	h->heard_ns = now_ns;
	if (was_present)
		host_event(c, h, HEALTH_EVENT_HOST_LEFT, HEALTH_CAUSE_GOODBYE, now_ns);
}

static void receive_row_change(struct health_cache *c, struct health_cache_host *h, const struct health_message *m,
			       uint64_t now_ns)
{
	uint64_t before = m->seq - m->row_change.n_changes;

	count(c, HEALTH_CACHE_COUNTER_ROW_CHANGES);
	if (before > h->seq) {
		/* what was missed may be late, and will be ignored: the newest counts, a snapshot brings the rest */
		count(c, HEALTH_CACHE_COUNTER_GAPS);
		h->complete = false;
	}
	for (uint32_t i = before < h->seq ? (uint32_t)(h->seq - before) : 0; i < m->row_change.n_changes; i++) {
		const struct health_change *change = &m->row_change.changes[i];

		if (change->operation == HEALTH_DELETE)
			health_cache_row_delete(c, h, &change->row.id, HEALTH_CAUSE_ROW_CHANGE, now_ns);
		else if (!health_cache_row_set(c, h, &change->row, HEALTH_CAUSE_ROW_CHANGE, now_ns))
			h->complete = false;
	}
	h->seq = m->seq;
	if (!h->complete)
		health_cache_ask(c, h, 0, 1, now_ns);
}

static void receive_snapshot(struct health_cache *c, struct health_cache_host *h, const struct health_message *m,
			     uint64_t now_ns)
{
	uint64_t chunks = m->send_snapshot.chunks;
	unsigned n_chunks = m->send_snapshot.n_chunks;
	bool whole = chunks == health_chunks_all(n_chunks);
	struct health_row kept[HEALTH_MESSAGE_ROWS];

	count(c, HEALTH_CACHE_COUNTER_SNAPSHOTS);
	for (uint32_t i = 0; i < m->send_snapshot.n_rows; i++) {
		kept[i] = m->send_snapshot.rows[i];
		health_row_tidy(&kept[i]);
	}
	health_cache_rows_drop(c, h, chunks, n_chunks, kept, m->send_snapshot.n_rows, HEALTH_CAUSE_SNAPSHOT, now_ns);
	/* of other chunks it says nothing, but that changes may have been missed */
	h->complete = whole || (h->complete && m->seq == h->seq);
	h->inherited = h->inherited && !whole;
	for (uint32_t i = 0; i < m->send_snapshot.n_rows; i++) {
		if (!health_cache_row_set(c, h, &kept[i], HEALTH_CAUSE_SNAPSHOT, now_ns))
			h->complete = false;
	}
	h->seq = m->seq;
	health_cache_ask_answered(c, h, chunks, n_chunks, now_ns);
}

static void receive_postulate(struct health_cache *c, struct health_cache_host *h, const struct health_message *m,
			      uint64_t now_ns)
{
	struct health_message answer = { .type = HEALTH_POSTULATE_WRONG };
	const struct health_content *content = &m->postulate.content;
	uint64_t differing;

	count(c, HEALTH_CACHE_COUNTER_POSTULATES);
	/* overtaken by changes: they include what is postulated, if none of them is missing */
	if (m->seq < h->seq)
		differing = h->complete ? 0 : health_chunks_all(content->n_chunks);
	else
		differing = compare(c, h, m, content, now_ns);
	/* what can't be held here can't be objected to: it would keep the whole cluster from moving on */
	if (differing == 0 || h->truncated)
		return;
	answer.postulate_wrong.id = m->postulate.id;
	answer.postulate_wrong.chunks = differing;
	answer.postulate_wrong.n_chunks = content->n_chunks;
	count(c, HEALTH_CACHE_COUNTER_OBJECTIONS);
	health_cache_send(c, h, &answer);
}

static void receive_known(struct health_cache *c, struct health_cache_host *h, const struct health_message *m,
			  uint64_t now_ns)
{
	switch (m->type) {
	case HEALTH_HEARTBEAT:
		receive_heartbeat(c, h, m, now_ns);
		break;
	case HEALTH_ROW_CHANGE:
		receive_row_change(c, h, m, now_ns);
		break;
	case HEALTH_SEND_SNAPSHOT:
		receive_snapshot(c, h, m, now_ns);
		break;
	default:
		receive_postulate(c, h, m, now_ns);
	}
}

static bool is_old(const struct health_cache_host *h, const struct health_message *m)
{
	/* an old postulate is still a question to a table with gaps */
	if (m->type == HEALTH_POSTULATE)
		return m->seq < h->seq && h->complete;
	return m->seq < h->seq || (m->type == HEALTH_ROW_CHANGE && m->seq == h->seq);
}

void health_cache_receive(struct health_cache *c, const struct health_message *m, uint64_t now_ns)
{
	struct health_cache_host *h;

	if (m->type == HEALTH_GET_SNAPSHOT || m->type >= HEALTH_POSTULATE_WRONG) {
		count(c, HEALTH_CACHE_COUNTER_UNEXPECTED);
		return;
	}
	if (m->host == 0 || !message_valid(m)) {
		count(c, HEALTH_CACHE_COUNTER_MALFORMED);
		return;
	}
	h = host_of(c, m);
	if (!h)
		return;
	if (m->incarnation < h->incarnation || (m->incarnation == h->incarnation && h->presence == HEALTH_LEFT)) {
		count(c, HEALTH_CACHE_COUNTER_OLD_INCARNATION);
		return;
	}
	if (m->incarnation > h->incarnation)
		incarnation_begin(c, h, m->incarnation, now_ns);
	if (m->type == HEALTH_GOODBYE) {
		receive_goodbye(c, h, now_ns);
		return;
	}
	if (is_old(h, m)) {
		count(c, HEALTH_CACHE_COUNTER_OLD);
		return;
	}
	heard(c, h, now_ns);
	receive_known(c, h, m, now_ns);
}

static struct health_cache_host *present(struct health_cache *c, uint64_t host)
{
	for (uint32_t i = 0; i < c->settings.max_hosts; i++) {
		if (c->hosts[i].id == host && c->hosts[i].presence == HEALTH_PRESENT)
			return &c->hosts[i];
	}
	return NULL;
}

int health_cache_alive(struct health_cache *c, uint64_t host, uint64_t incarnation, uint64_t now_ns)
{
	struct health_cache_host *h = present(c, host);

	if (!h || h->incarnation != incarnation)
		return -ENOENT;
	heard(c, h, now_ns);
	return 0;
}

int health_cache_expect(struct health_cache *c, uint64_t host, uint32_t interval_ms)
{
	struct health_cache_host *h = present(c, host);

	if (!h)
		return -ENOENT;
	h->interval_ms = interval_clip(interval_ms);
	return 0;
}
