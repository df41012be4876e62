/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Each repetition of a postulate has an id of its own, one more than the last.
 * A row moves when .postulate_repetitions of them that count for it have been
 * sent and .quiet_ms have passed since without an objection to one that counts.
 * An objection in the row's chunk makes all sent so far count no more.
 */
#include "health/host_postulate.h"

#include <string.h>

#include "base/clock.h"

/* Repetitions at the first pace; then the gap doubles with every so many more. */
#define RUN_BRISK 16

static struct health_host_waiting *waiting_find(struct health_host *h, const struct health_app_id *id)
{
	for (unsigned i = 0; i < h->n_waiting; i++) {
		if (memcmp(&h->waiting[i].id, id, sizeof(*id)) == 0)
			return &h->waiting[i];
	}
	return NULL;
}

void health_postulate_drop(struct health_host *h, const struct health_app_id *id)
{
	struct health_host_waiting *w = waiting_find(h, id);

	if (w)
		*w = h->waiting[--h->n_waiting];
}

void health_postulate_note(struct health_host *h, const struct health_row *before, const struct health_row *after)
{
	struct health_host_waiting *w;

	if (after->target == after->current) {
		health_postulate_drop(h, &after->id);
		return;
	}
	if (before && before->target == after->target && before->current == after->current)
		return;
	w = waiting_find(h, &after->id);
	/* never more than the table's rows */
	if (!w)
		w = &h->waiting[h->n_waiting++];
	w->id = after->id;
	w->first = h->postulate_id + 1;
	h->postulate_run = 0;
}

void health_postulate_objection(struct health_host *h, const struct health_message *m)
{
	unsigned n_chunks = m->postulate_wrong.n_chunks;
	bool matters = false;

	if (m->incarnation != h->settings.incarnation) {
		h->counters[HEALTH_HOST_COUNTER_NOT_OURS]++;
		return;
	}
	if (!health_chunks_valid(n_chunks) || m->postulate_wrong.id > h->postulate_id) {
		h->counters[HEALTH_HOST_COUNTER_MALFORMED]++;
		return;
	}
	for (unsigned i = 0; i < h->n_waiting; i++) {
		struct health_host_waiting *w = &h->waiting[i];

		if (m->postulate_wrong.id < w->first ||
		    !(m->postulate_wrong.chunks >> health_table_chunk(&w->id, n_chunks) & 1))
			continue;
		w->first = h->postulate_id + 1;
		matters = true;
	}
	h->counters[matters ? HEALTH_HOST_COUNTER_OBJECTIONS : HEALTH_HOST_COUNTER_OBJECTIONS_LATE]++;
}

static uint64_t moves_ns(const struct health_host *h, const struct health_host_waiting *w)
{
	uint64_t last = w->first + h->settings.postulate_repetitions - 1;

	if (h->postulate_id < last)
		return UINT64_MAX;
	/* long ago: settings_valid in host.c sees to it that it was quiet since */
	if (h->postulate_id - last >= HEALTH_HOST_SENT)
		return 0;
	return h->sent_ns[last % HEALTH_HOST_SENT] + h->settings.quiet_ms * CLOCK_NS_PER_MS;
}

uint64_t health_postulate_moves(const struct health_host *h)
{
	uint64_t next = UINT64_MAX;

	for (unsigned i = 0; i < h->n_waiting; i++) {
		uint64_t t = moves_ns(h, &h->waiting[i]);

		next = t < next ? t : next;
	}
	return next;
}

void health_postulate_move(struct health_host *h, uint64_t now_ns)
{
	/* from the end: one that moves leaves its place to the last */
	for (unsigned i = h->n_waiting; i-- > 0;) {
		struct health_row row;

		if (moves_ns(h, &h->waiting[i]) > now_ns)
			continue;
		row = *health_table_find(&h->table, &h->waiting[i].id);
		row.current = row.target;
		health_host_change(h, &row);
		h->postulate_run = 0;
		h->counters[HEALTH_HOST_COUNTER_MOVES]++;
		if (h->ops.moved)
			h->ops.moved(h->ops.context, &row);
	}
}

uint64_t health_postulate_due(const struct health_host *h)
{
	unsigned doublings = h->postulate_run / RUN_BRISK < 16 ? h->postulate_run / RUN_BRISK : 16;
	uint64_t gap_ms = (uint64_t)h->settings.postulate_ms << doublings;

	if (h->n_waiting == 0)
		return UINT64_MAX;
	if (h->postulate_id == 0)
		return 0;
	if (gap_ms > h->settings.interval_ms)
		gap_ms = h->settings.interval_ms;
	if (gap_ms < h->settings.postulate_ms)
		gap_ms = h->settings.postulate_ms;
	return h->sent_ns[h->postulate_id % HEALTH_HOST_SENT] + gap_ms * CLOCK_NS_PER_MS;
}

void health_postulate_send(struct health_host *h, uint64_t now_ns)
{
	struct health_message m = { .type = HEALTH_POSTULATE };

	m.postulate.id = ++h->postulate_id;
	health_table_content(&h->table, health_table_n_chunks(&h->table), &m.postulate.content);
	h->postulate_run++;
	h->sent_ns[h->postulate_id % HEALTH_HOST_SENT] = now_ns;
	h->counters[HEALTH_HOST_COUNTER_POSTULATES]++;
	health_host_send(h, &m);
}
