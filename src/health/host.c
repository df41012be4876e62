/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/host.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "health/host_postulate.h"

static const struct {
	const char *name, *text;
} counter_words[HEALTH_HOST_N_COUNTERS] = {
#define X(NAME, name, text) [HEALTH_HOST_COUNTER_##NAME] = { #name, text },
	HEALTH_HOST_COUNTERS(X)
#undef X
};

const char *health_host_counter_name(enum health_host_counter c)
{
	return counter_words[c].name;
}

const char *health_host_counter_text(enum health_host_counter c)
{
	return counter_words[c].text;
}

struct health_host_settings health_host_settings_default(void)
{
	return (struct health_host_settings){
		.interval_ms = 1000,
		.name_every = 10,
		.postulate_ms = 100,
		.postulate_repetitions = 3,
		.quiet_ms = 200,
		.answer_ms = 20,
	};
}

static bool settings_valid(const struct health_host_settings *s)
{
	/* when the time of a postulate is forgotten it must have been quiet long enough since */
	bool remembered = s->quiet_ms < (uint64_t)s->postulate_ms * HEALTH_HOST_SENT / 2 &&
			  s->postulate_repetitions < HEALTH_HOST_SENT / 2;

	return s->id && s->interval_ms >= HEALTH_INTERVAL_MIN_MS && s->interval_ms <= HEALTH_INTERVAL_MAX_MS &&
	       s->name_every && s->postulate_ms && s->postulate_repetitions && s->quiet_ms && s->answer_ms &&
	       remembered && (!s->name || strlen(s->name) < HEALTH_NAME_MAX);
}

int health_host_init(struct health_host *h, const struct health_host_settings *settings,
		     const struct health_host_ops *ops, uint64_t now_ns)
{
	struct health_host_waiting *waiting;

	if (!settings_valid(settings))
		return -EINVAL;
	waiting = calloc(HEALTH_MAX_ROWS, sizeof(*waiting));
	if (!waiting)
		return -ENOMEM;
	memset(h, 0, sizeof(*h));
	h->settings = *settings;
	h->ops = *ops;
	if (settings->name)
		memcpy(h->name, settings->name, strlen(settings->name));
	h->settings.name = h->name;
	h->waiting = waiting;
	h->n_chunks = 1;
	h->heartbeat_ns = now_ns;
	health_table_init(&h->table);
	return 0;
}

void health_host_fini(struct health_host *h)
{
	health_table_fini(&h->table);
	free(h->waiting);
	h->waiting = NULL;
	h->n_waiting = 0;
}

void health_host_send(struct health_host *h, struct health_message *m)
{
	m->host = h->settings.id;
	m->incarnation = h->settings.incarnation;
	m->seq = h->seq;
	h->ops.send(h->ops.context, m);
}

static void flush(struct health_host *h)
{
	struct health_message m = { .type = HEALTH_ROW_CHANGE };

	if (h->n_pending == 0)
		return;
	m.row_change.changes = h->pending;
	m.row_change.n_changes = h->n_pending;
	h->seq += h->n_pending;
	h->counters[HEALTH_HOST_COUNTER_ROW_CHANGES]++;
	h->counters[HEALTH_HOST_COUNTER_CHANGES] += h->n_pending;
	health_host_send(h, &m);
	h->n_pending = 0;
}

/* What two changes of one row, one after the other, come to. */
static uint8_t merged(uint8_t before, uint8_t after)
{
	if (before == HEALTH_ADD && after == HEALTH_UPDATE)
		return HEALTH_ADD;
	if (before == HEALTH_DELETE && after == HEALTH_ADD)
		return HEALTH_UPDATE;
	return after;
}

static void note_change(struct health_host *h, enum health_operation operation, const struct health_row *row)
{
	struct health_change *change = h->pending;

	while (change < h->pending + h->n_pending && memcmp(&change->row.id, &row->id, sizeof(row->id)) != 0)
		change++;
	if (change < h->pending + h->n_pending) {
		change->operation = merged(change->operation, operation);
	} else {
		change->operation = operation;
		h->n_pending++;
	}
	change->row = *row;
	if (h->n_pending == HEALTH_MESSAGE_ROWS)
		flush(h);
}

int health_host_change(struct health_host *h, const struct health_row *row)
{
	const struct health_row *old = health_table_find(&h->table, &row->id), *after;
	bool known = old;
	struct health_row before;
	int err;

	if (known)
		before = *old;
	err = health_table_set(&h->table, row);
	if (err)
		return err;
	after = health_table_find(&h->table, &row->id);
	if (known && memcmp(&before, after, sizeof(before)) == 0)
		return 0;
	health_postulate_note(h, known ? &before : NULL, after);
	note_change(h, known ? HEALTH_UPDATE : HEALTH_ADD, after);
	return 0;
}

int health_host_set(struct health_host *h, const struct health_row *row)
{
	const struct health_row *old = health_table_find(&h->table, &row->id);
	struct health_row changed = *row;

	if (old)
		changed.current = old->current;
	return health_host_change(h, &changed);
}

int health_host_delete(struct health_host *h, const struct health_app_id *id)
{
	const struct health_row *old = health_table_find(&h->table, id);
	struct health_row row;

	if (!old)
		return -ENOENT;
	row = *old;
	health_table_delete(&h->table, id);
	health_postulate_drop(h, &row.id);
	note_change(h, HEALTH_DELETE, &row);
	return 0;
}

bool health_host_settled(const struct health_host *h, const struct health_app_id *id)
{
	const struct health_row *row = health_table_find(&h->table, id);

	return row && row->target == row->current;
}

/* Chunks are counted anew for each message: the table may have grown since they were asked for. */
static void rechunk(struct health_host *h)
{
	unsigned n = health_table_n_chunks(&h->table);

	if (n == h->n_chunks)
		return;
	h->chunks_wanted = health_chunks_convert(h->chunks_wanted, h->n_chunks, n);
	h->n_chunks = n;
}

static void receive_get_snapshot(struct health_host *h, const struct health_message *m)
{
	unsigned n = m->get_snapshot.n_chunks;

	h->counters[HEALTH_HOST_COUNTER_ASKED]++;
	/* nothing wanted: the balancer does not know yet what it lacks, and wants a heartbeat to see */
	if (m->get_snapshot.chunks == 0) {
		h->heartbeat_wanted = true;
		return;
	}
	if (!health_chunks_valid(n) || (m->get_snapshot.chunks & ~health_chunks_all(n))) {
		h->counters[HEALTH_HOST_COUNTER_MALFORMED]++;
		return;
	}
	rechunk(h);
	h->chunks_wanted |= health_chunks_convert(m->get_snapshot.chunks, n, h->n_chunks);
}

void health_host_receive(struct health_host *h, const struct health_message *m, uint64_t now_ns)
{
	if (h->stopped || m->host != h->settings.id) {
		h->counters[HEALTH_HOST_COUNTER_NOT_OURS]++;
		return;
	}
	switch (m->type) {
	case HEALTH_GET_SNAPSHOT:
		/* of whatever incarnation: the answer says what is true now */
		receive_get_snapshot(h, m);
		break;
	case HEALTH_POSTULATE_WRONG:
		health_postulate_objection(h, m);
		break;
	default:
		h->counters[HEALTH_HOST_COUNTER_UNEXPECTED]++;
	}
}

static void send_heartbeat(struct health_host *h, uint64_t now_ns)
{
	struct health_message m = { .type = HEALTH_HEARTBEAT };

	m.heartbeat.interval_ms = h->settings.interval_ms;
	health_table_content(&h->table, health_table_n_chunks(&h->table), &m.heartbeat.content);
	/* who asks for one may be new, and knows no name */
	if (h->heartbeat_wanted || h->heartbeat_number % h->settings.name_every == 0)
		memcpy(m.heartbeat.name, h->name, sizeof(h->name));
	h->heartbeat_number++;
	h->heartbeat_wanted = false;
	h->heartbeat_sent_ns = now_ns;
	h->heartbeat_ns = now_ns + h->settings.interval_ms * CLOCK_NS_PER_MS;
	h->counters[HEALTH_HOST_COUNTER_HEARTBEATS]++;
	health_host_send(h, &m);
}

static uint64_t heartbeat_due(const struct health_host *h)
{
	uint64_t asked = h->heartbeat_sent_ns + h->settings.answer_ms * CLOCK_NS_PER_MS;

	return h->heartbeat_wanted && asked < h->heartbeat_ns ? asked : h->heartbeat_ns;
}

/* As many wanted chunks as fit into one message, beginning where the last one ended. */
static uint64_t chunks_for_message(struct health_host *h)
{
	uint64_t chunks = 0;
	unsigned n_rows = 0;

	for (unsigned i = 0; i < h->n_chunks; i++) {
		unsigned chunk = (h->chunk_next + i) & (h->n_chunks - 1);
		uint64_t bit = 1ull << chunk;
		unsigned n = health_table_count(&h->table, bit, h->n_chunks);

		if (!(h->chunks_wanted & bit))
			continue;
		if (n_rows + n > HEALTH_MESSAGE_ROWS) {
			h->chunk_next = chunk;
			break;
		}
		n_rows += n;
		chunks |= bit;
	}
	return chunks;
}

static void send_snapshot(struct health_host *h, uint64_t now_ns)
{
	struct health_row rows[HEALTH_MESSAGE_ROWS];
	struct health_message m = { .type = HEALTH_SEND_SNAPSHOT };
	uint64_t chunks;
	uint32_t n = 0;

	rechunk(h);
	chunks = chunks_for_message(h);
	for (unsigned i = 0; i < h->table.n_rows; i++) {
		const struct health_row *row = health_table_at(&h->table, i);

		if (chunks >> health_table_chunk(&row->id, h->n_chunks) & 1)
			rows[n++] = *row;
	}
	m.send_snapshot.chunks = chunks;
	m.send_snapshot.n_chunks = (uint16_t)h->n_chunks;
	m.send_snapshot.n_rows = n;
	m.send_snapshot.rows = rows;
	h->chunks_wanted &= ~chunks;
	h->answer_ns = now_ns + h->settings.answer_ms * CLOCK_NS_PER_MS;
	h->counters[HEALTH_HOST_COUNTER_SNAPSHOTS]++;
	health_host_send(h, &m);
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
	return a < b ? a : b;
}

uint64_t health_host_poll(struct health_host *h, uint64_t now_ns)
{
	uint64_t next;

	if (h->stopped)
		return UINT64_MAX;
	health_postulate_move(h, now_ns);
	/* before anything that speaks of the table's state */
	flush(h);
	if (now_ns >= health_postulate_due(h))
		health_postulate_send(h, now_ns);
	if (now_ns >= heartbeat_due(h))
		send_heartbeat(h, now_ns);
	if (h->chunks_wanted && now_ns >= h->answer_ns)
		send_snapshot(h, now_ns);
	next = earlier(heartbeat_due(h), health_postulate_due(h));
	next = earlier(next, health_postulate_moves(h));
	return h->chunks_wanted ? earlier(next, h->answer_ns) : next;
}

void health_host_goodbye(struct health_host *h)
{
	struct health_message m = { .type = HEALTH_GOODBYE };

	if (h->stopped)
		return;
	flush(h);
	h->stopped = true;
	health_host_send(h, &m);
}
