/* SPDX-License-Identifier: BSD-3-Clause */
/* What a trace says of first bytes and rules. */
#include "migrate/handover_internal.h"

#include <string.h>

void handover_tell_step(struct handover *h, const struct baton_tuple *key, const struct trace_step *step)
{
	h->env->trace(h->arg, key, step);
}

/* A text of pieces, cut where the room ends. */
struct pieces {
	char text[2 * TRACE_TEXT_MAX];
	uint32_t len;
};

static void put(struct pieces *t, const void *bytes, size_t len)
{
	size_t room = sizeof t->text - t->len;

	if (len > room)
		len = room;
	memcpy(t->text + t->len, bytes, len);
	t->len += (uint32_t)len;
}

static void put_text(struct pieces *t, const char *text)
{
	put(t, text, strlen(text));
}

static void put_span(struct pieces *t, struct peek_span s)
{
	if (s.p)
		put(t, s.p, s.len);
}

static void tell(struct handover *h, const struct pending *p, enum trace_event event, uint32_t a,
		 const struct pieces *t)
{
	handover_tell_step(
		h, &p->key,
		&(struct trace_step){
			.event = (uint16_t)event, .endpoint = VIEW_NONE, .a = a, .text = t->text, .text_len = t->len });
}

static void describe(const struct peek_head *head, struct pieces *t)
{
	if (head->kind == PEEK_TLS) {
		put_text(t, head->sni.p ? "TLS, " : "TLS, no server name");
		put_span(t, head->sni);
		return;
	}
	put_text(t, "HTTP, ");
	put_span(t, head->method);
	put_text(t, " ");
	put_span(t, head->host);
	put_span(t, head->path);
}

void handover_tell_head(struct handover *h, const struct pending *p, enum handover_end end)
{
	static const char *const ends[] = {
		[HEAD_ALIEN] = "neither HTTP nor TLS, or malformed",
		[HEAD_TOO_LONG] = "longer than head_max, or too many fields",
		[HEAD_LATE] = "not complete in time, or before the client finished",
		[HEAD_NO_ROOM] = "no large buffer is free",
	};
	struct pieces t = { .len = 0 };

	if (end == HEAD_COMPLETE)
		describe(&h->head, &t);
	else
		put_text(&t, ends[end]);
	tell(h, p, end == HEAD_COMPLETE ? TRACE_HEAD : TRACE_HEAD_ALIEN, 0, &t);
}

void handover_tell_rule(struct handover *h, const struct pending *p, const struct application *app,
			const struct rules_verdict *v)
{
	static const char *const actions[] = {
		[RULES_POOL] = "pool",
		[RULES_RESET] = "reset",
		[RULES_DROP] = "drop",
		[RULES_ANSWER] = "answer",
	};
	bool taken = app->rules && v->rule < rules_n(app->rules);
	struct pieces t = { .len = 0 };

	if (taken) {
		put_text(&t, rules_name(app->rules, v->rule));
		put_text(&t, ", ");
	}
	if (v->action == RULES_POOL && v->pool && v->pool <= app->n_pools && app->pools[v->pool - 1] < h->view->n_vips)
		put_text(&t, h->view->vips[app->pools[v->pool - 1]].name);
	else
		put_text(&t, v->action == RULES_POOL ? v->pool ? "a pool that is gone" : "default pool"
						     : actions[v->action]);
	tell(h, p, taken ? TRACE_RULE : TRACE_NO_RULE, taken ? v->rule + 1u : 0, &t);
}
