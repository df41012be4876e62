/* SPDX-License-Identifier: BSD-3-Clause */
/* What a leader hears from the members, and tells them and the balancers. */
#include <string.h>

#include "health/group_internal.h"

#define REPEATS 2    /* of a membership message that says something new */
#define MISSED_MAX 3 /* intervals without report, membership only */

static uint64_t fnv1a(uint64_t sum, const void *bytes, size_t n)
{
	const uint8_t *p = bytes;

	while (n--)
		sum = (sum ^ *p++) * 0x100000001b3;
	return sum;
}

/* Byte by byte in one order, so that every machine comes to the same sum. */
static uint64_t sum_u64(uint64_t sum, uint64_t v)
{
	uint8_t bytes[8];

	for (unsigned i = 0; i < 8; i++)
		bytes[i] = (uint8_t)(v >> (8 * i));
	return fnv1a(sum, bytes, sizeof bytes);
}

uint64_t health_group_sum(uint64_t sum, const struct health_group_entry *e)
{
	if (!sum)
		sum = 0xcbf29ce484222325;
	sum = sum_u64(sum, (uint64_t)e->index << 32 | (uint64_t)e->content.n_chunks << 16 | e->content.n_rows);
	sum = sum_u64(sum, e->host);
	sum = sum_u64(sum, e->incarnation);
	sum = sum_u64(sum, e->seq);
	for (unsigned c = 0; c < e->content.n_chunks; c++)
		sum = sum_u64(sum, e->content.crc[c]);
	return sum;
}

void group_tell_begin(struct health_group *g, uint64_t now_ns)
{
	memset(g->reports, 0, sizeof g->reports);
	g->whole = true;
	g->told_heard = 0;
	g->repeat = 0;
	g->slow_ns = now_ns + group_ms(g->settings.interval_ms);
	/* members know at once; the balancers when the members have reported */
	group_tell_member(g, HEALTH_GROUP_EVERYONE, g->settings.mode, now_ns);
	g->tell_ns = now_ns + group_ms(g->settings.interval_ms) * 5 / 4;
}

static bool content_equal(const struct health_content *a, const struct health_content *b)
{
	return a->n_chunks == b->n_chunks && a->n_rows == b->n_rows &&
	       memcmp(a->crc, b->crc, a->n_chunks * sizeof *a->crc) == 0;
}

void group_tell_report(struct health_group *g, unsigned member, const struct health_message *m, uint64_t now_ns)
{
	bool content = g->settings.mode == HEALTH_GROUP_CONTENT;
	struct health_group_report *r = &g->reports[member];
	struct health_group_entry *e = &r->entry;
	bool known = r->heard_ns, same_run = known && e->incarnation == m->incarnation;

	/* another run counts whatever its number: the link lets none through but the one that is alive */
	if (same_run && content && m->seq < e->seq) {
		group_count(g, HEALTH_GROUP_COUNTER_OLD);
		return;
	}
	if (!same_run || (content && (m->seq != e->seq || !content_equal(&e->content, &m->heartbeat.content))))
		r->changed = true;
	e->index = (uint8_t)member;
	e->host = g->settings.members[member];
	e->incarnation = m->incarnation;
	if (content) {
		e->seq = m->seq;
		e->content = m->heartbeat.content;
	}
	if (m->heartbeat.name[0] && strcmp(e->name, m->heartbeat.name) != 0) {
		memcpy(e->name, m->heartbeat.name, sizeof e->name);
		r->changed = true;
	}
	r->heard_ns = now_ns;
}

static uint64_t heard(const struct health_group *g, uint64_t now_ns)
{
	/* content: as a report is passed on once, hosts age at the balancers as if they spoke themselves */
	uint64_t patience =
		group_ms(g->settings.interval_ms) * (g->settings.mode == HEALTH_GROUP_CONTENT ? 5 : MISSED_MAX * 4) / 4;
	uint64_t bits = 0;

	for (unsigned i = 0; i < g->settings.n_members; i++) {
		const struct health_group_report *r = &g->reports[i];

		if (r->heard_ns && now_ns - r->heard_ns <= patience)
			bits |= 1ull << i;
	}
	return bits;
}

static struct health_message frame(const struct health_group *g, uint8_t mode, uint64_t now_ns)
{
	struct health_message m = { .type = HEALTH_GROUP_HEARTBEAT };

	m.host = g->settings.members[g->settings.own];
	m.incarnation = g->settings.incarnation;
	m.seq = g->told;
	m.group_heartbeat.group = g->settings.group;
	m.group_heartbeat.term = g->term;
	m.group_heartbeat.interval_ms = g->settings.interval_ms;
	m.group_heartbeat.mode = mode;
	m.group_heartbeat.heard = heard(g, now_ns);
	return m;
}

void group_tell_member(struct health_group *g, unsigned member, uint8_t mode, uint64_t now_ns)
{
	struct health_message m = frame(g, mode, now_ns);

	group_count(g, HEALTH_GROUP_COUNTER_ADVERTS);
	g->ops.to_member(g->ops.context, member, &m);
}

/* Entries to be told now, into g->entries; their number. */
static uint32_t collect(struct health_group *g, uint64_t bits, bool all)
{
	uint32_t n = 0;

	for (unsigned i = 0; i < g->settings.n_members; i++) {
		struct health_group_report *r = &g->reports[i];

		if (!(bits >> i & 1) || !(all || r->changed))
			continue;
		g->entries[n++] = r->entry;
		r->changed = false;
	}
	return n;
}

static uint64_t sum_of(const struct health_group *g, uint64_t bits)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < g->settings.n_members; i++) {
		if (bits >> i & 1)
			sum = health_group_sum(sum, &g->reports[i].entry);
	}
	return sum;
}

static void tell_balancers(struct health_group *g, uint64_t now_ns)
{
	bool all = g->whole || !g->settings.compress;
	struct health_message m;

	g->told++;
	m = frame(g, g->settings.mode, now_ns);
	if (g->settings.mode == HEALTH_GROUP_MEMBERSHIP)
		m.group_heartbeat.interval_ms = g->settings.slow_ms;
	m.group_heartbeat.sum = sum_of(g, m.group_heartbeat.heard);
	m.group_heartbeat.n_entries = collect(g, m.group_heartbeat.heard, all);
	m.group_heartbeat.entries = g->entries;
	g->whole = false;
	g->told_heard = m.group_heartbeat.heard;
	g->slow_ns = now_ns + group_ms(g->settings.slow_ms);
	group_count(g, HEALTH_GROUP_COUNTER_CONSOLIDATED);
	if (all)
		group_count(g, HEALTH_GROUP_COUNTER_WHOLE);
	g->counters[HEALTH_GROUP_COUNTER_ENTRIES] += m.group_heartbeat.n_entries;
	g->ops.to_balancers(g->ops.context, &m);
}

/* Membership only: whether there is something to say. */
static bool news(struct health_group *g, uint64_t now_ns)
{
	uint64_t bits = heard(g, now_ns);
	bool changed = g->whole || bits != g->told_heard;

	for (unsigned i = 0; i < g->settings.n_members; i++)
		changed = changed || (g->reports[i].changed && (bits >> i & 1));
	if (changed) {
		g->repeat = REPEATS;
	} else if (g->repeat) {
		g->repeat--;
		return true;
	}
	return changed || now_ns >= g->slow_ns;
}

uint64_t group_tell_poll(struct health_group *g, uint64_t now_ns)
{
	uint64_t interval = group_ms(g->settings.interval_ms);

	if (now_ns >= g->tell_ns) {
		g->tell_ns = now_ns + interval;
		group_tell_member(g, HEALTH_GROUP_EVERYONE, g->settings.mode, now_ns);
		if (g->settings.mode == HEALTH_GROUP_CONTENT || news(g, now_ns))
			tell_balancers(g, now_ns);
	}
	return g->tell_ns;
}
