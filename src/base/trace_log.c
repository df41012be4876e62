/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/trace_log.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct session {
	struct trace_filter filter;
	uint64_t until_ns; /* 0: not in use */
	bool begun;
};

struct trace_log {
	struct session sessions[TRACE_MAX_FILTERS];
	uint64_t next; /* number of the next step, from 1 */
	unsigned max;
	struct trace_record records[]; /* by number modulo max */
};

struct trace_log *trace_log_new(unsigned max)
{
	struct trace_log *l = calloc(1, sizeof *l + max * sizeof l->records[0]);

	if (l) {
		l->max = max;
		l->next = 1;
	}
	return l;
}

void trace_log_free(struct trace_log *l)
{
	free(l);
}

static bool same(const struct trace_filter *a, const struct trace_filter *b)
{
	return a->port_be == b->port_be && a->client.len == b->client.len &&
	       baton_addr_equal(&a->client.addr, &b->client.addr);
}

int trace_log_ask(struct trace_log *l, const struct trace_filter *f, uint64_t until_ns)
{
	struct session *place = NULL;

	for (unsigned i = 0; i < TRACE_MAX_FILTERS; i++) {
		struct session *s = &l->sessions[i];

		if (!s->until_ns) {
			place = place ? place : s;
		} else if (same(&s->filter, f)) {
			if (s->until_ns < until_ns)
				s->until_ns = until_ns;
			return 0;
		}
	}
	if (!place)
		return -ENOSPC;
	*place = (struct session){ .filter = *f, .until_ns = until_ns };
	return 1;
}

/* About the trace itself: its client stands where a connection's would. */
static void note(struct trace_log *l, const struct session *s, enum trace_event event, uint64_t wall_ns,
		 const char *text)
{
	struct trace_record r = { .time_ns = wall_ns, .event = (uint16_t)event, .who = TRACE_CONTROL };

	memcpy(r.key.saddr, s->filter.client.addr.b, sizeof r.key.saddr);
	r.key.family = s->filter.client.addr.family;
	r.key.sport_be = s->filter.port_be;
	trace_text_set(&r, text, (uint32_t)strlen(text));
	trace_log_add(l, &r);
}

void trace_log_join(struct trace_log *l, const struct trace_filter *f, uint64_t wall_ns)
{
	for (unsigned i = 0; i < TRACE_MAX_FILTERS; i++) {
		struct session *s = &l->sessions[i];

		if (s->until_ns && s->begun && same(&s->filter, f))
			note(l, s, TRACE_BEGIN, wall_ns, ": it was running already");
	}
}

unsigned trace_log_expire(struct trace_log *l, uint64_t now_ns, uint64_t wall_ns)
{
	unsigned n = 0;

	for (unsigned i = 0; i < TRACE_MAX_FILTERS; i++) {
		struct session *s = &l->sessions[i];

		if (!s->until_ns || now_ns < s->until_ns)
			continue;
		note(l, s, TRACE_END, wall_ns, "nobody asks for it any more");
		s->until_ns = 0;
		n++;
	}
	return n;
}

void trace_log_filters(const struct trace_log *l, struct trace_filters *ret)
{
	ret->n = 0;
	for (unsigned i = 0; i < TRACE_MAX_FILTERS; i++)
		if (l->sessions[i].until_ns)
			ret->list[ret->n++] = l->sessions[i].filter;
}

void trace_log_in_force(struct trace_log *l, const struct trace_filters *f, uint64_t wall_ns)
{
	for (unsigned i = 0; i < TRACE_MAX_FILTERS; i++) {
		struct session *s = &l->sessions[i];

		for (unsigned k = 0; k < f->n && s->until_ns && !s->begun; k++)
			if (same(&f->list[k], &s->filter)) {
				s->begun = true;
				note(l, s, TRACE_BEGIN, wall_ns, "");
			}
	}
}

void trace_log_add(struct trace_log *l, const struct trace_record *r)
{
	struct trace_record *at = &l->records[l->next % l->max];

	*at = *r;
	at->seq = l->next++;
}

const struct trace_record *trace_log_next(const struct trace_log *l, uint64_t seq, uint64_t since_ns,
					  const struct trace_filter *f)
{
	uint64_t oldest = l->next > l->max ? l->next - l->max : 1;

	for (seq = seq > oldest ? seq : oldest; seq < l->next; seq++) {
		const struct trace_record *r = &l->records[seq % l->max];

		if (r->time_ns >= since_ns && (!f || !r->key.family || trace_filter_has(f, &r->key)))
			return r;
	}
	return NULL;
}
