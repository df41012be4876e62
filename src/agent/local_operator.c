/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of operators, the list, the counters. */
#include <endian.h>
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "agent/local_internal.h"

int local_host_set(struct local_desk *d, const struct local_request *r, char *why)
{
	const struct agent_app *a = agent_health_find(d->health, &r->app);
	const struct agent_word *w = a ? agent_health_word(a, LOCAL_OPERATOR) : NULL;
	uint8_t capacity = w ? w->capacity : AGENT_HEALTH_NO_CAPACITY;
	bool judge = r->fields & BATON_AGENT_HAS_STATE;
	int err;

	if (r->fields & BATON_AGENT_HAS_WISH)
		return local_refuse(why, -EINVAL, "wishes have a request of their own");
	if (r->fields & BATON_AGENT_HAS_CAPACITY)
		capacity = r->capacity;
	err = agent_health_add(d->health, LOCAL_OPERATOR, &r->app, capacity, judge);
	if (err)
		return local_refuse(why, err, "%s",
				    err == -EINVAL ? "not an application: address, port or protocol is missing"
						   : strerror(-err));
	if (judge)
		agent_health_report(d->health, LOCAL_OPERATOR, &r->app, (enum health_state)r->state, r->reason);
	else if (r->fields & BATON_AGENT_HAS_NOTHING)
		agent_health_abstain(d->health, LOCAL_OPERATOR, &r->app);
	if (r->fields & BATON_AGENT_HAS_LOAD)
		agent_health_load(d->health, LOCAL_OPERATOR, &r->app, r->load);
	return 0;
}

/* What processes that have ended left goes as well. */
int local_host_del(struct local_desk *d, const struct local_request *r, char *why)
{
	bool there = agent_health_del(d->health, LOCAL_OPERATOR, &r->app) == 0;

	there |= agent_health_del(d->health, LOCAL_OPERATOR_WISH, &r->app) == 0;
	for (unsigned i = d->n; i-- > 0;)
		if (!d->registrations[i].peer && !memcmp(&d->registrations[i].id, &r->app, sizeof r->app)) {
			local_registration_del(d, i);
			there = true;
		}
	return there ? 0 : local_refuse(why, -ENOENT, "no operator has said anything about such an application");
}

/* A wish keeps its row, so that it still counts when the application comes back. */
static int row_wish(struct local_desk *d, const struct local_request *r)
{
	int err;

	if (!agent_health_find(d->health, &r->app))
		return -ENOENT;
	if (r->wish == HEALTH_ACTIVE) {
		agent_health_del(d->health, LOCAL_OPERATOR_WISH, &r->app);
		return 0;
	}
	err = agent_health_add(d->health, LOCAL_OPERATOR_WISH, &r->app, AGENT_HEALTH_NO_CAPACITY, false);
	if (!err)
		err = agent_health_wish(d->health, LOCAL_OPERATOR_WISH, &r->app, (enum health_directive)r->wish,
					r->wish_reason);
	return err;
}

int local_host_wish(struct local_desk *d, const struct local_request *r, char *why)
{
	int err;

	if (!r->has_app) {
		agent_health_wish_host(d->health, (enum health_directive)r->wish, r->wish_reason);
		return 0;
	}
	err = row_wish(d, r);
	if (err)
		return local_refuse(why, err, "%s", err == -ENOENT ? "there is no such application" : strerror(-err));
	return 0;
}

struct text {
	char *at;
	size_t left;
};

static void text_add(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));

static void text_add(struct text *t, const char *format, ...)
{
	va_list args;
	int n;

	va_start(args, format);
	n = vsnprintf(t->at, t->left, format, args);
	va_end(args);
	if (n < 0 || (size_t)n >= t->left)
		n = (int)t->left - 1;
	t->at += n;
	t->left -= (size_t)n;
}

static const struct local_registration *registration_of(const struct local_desk *d, const struct agent_app *a,
							struct agent_source s)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->registrations[i].source.number == s.number &&
		    !memcmp(&d->registrations[i].id, &a->id, sizeof a->id))
			return &d->registrations[i];
	return NULL;
}

static void word_describe(const struct local_desk *d, const struct agent_app *a, const struct agent_word *w,
			  struct text *t)
{
	static const char *const kinds[AGENT_N_SOURCES] = {
		"config", "process", "unit", "probe", "kernel", "operator"
	};
	static const char *const states[HEALTH_N_STATES] = { "unknown", "healthy", "failing" };
	static const char *const wishes[HEALTH_N_DIRECTIVES] = { "inactive", "draining", "active" };
	const struct local_registration *g =
		w->source.kind == AGENT_SOURCE_APP ? registration_of(d, a, w->source) : NULL;

	text_add(t, "%s", kinds[w->source.kind]);
	if (g)
		text_add(t, " %d of user %u", (int)g->pid, g->uid);
	if (w->judge)
		text_add(t, ": %s", states[w->state]);
	if (w->has_load)
		text_add(t, ", load %u.%02u %%", w->load / 100, w->load % 100);
	if (w->wish != HEALTH_ACTIVE)
		text_add(t, ", wants %s", wishes[w->wish]);
}

static void row_make(const struct local_desk *d, const struct agent_app *a, struct baton_agent_row *row)
{
	char sources[BATON_AGENT_SOURCES] = "";
	struct text t = { sources, sizeof sources };
	const struct health_row *told = d->told ? d->told(d->told_arg, &a->id) : NULL;

	for (unsigned i = 0; i < a->n_words; i++) {
		text_add(&t, "%s", i ? "; " : "");
		word_describe(d, a, &a->words[i], &t);
	}
	local_row_encode(row, a, told, sources);
}

size_t local_list(struct local_desk *d, const struct local_request *r, uint8_t *reply)
{
	struct baton_agent_row *rows = (struct baton_agent_row *)(reply + sizeof(struct baton_agent_reply));
	const struct agent_app *a = agent_health_next(d->health, r->has_app ? &r->app : NULL);
	struct baton_agent_reply *head = (struct baton_agent_reply *)reply;
	const char *reason;
	uint8_t n = 0;

	for (; a && n < BATON_AGENT_ROWS; a = agent_health_next(d->health, &a->id))
		row_make(d, a, &rows[n++]);
	local_reply_begin(head, r, 0, NULL);
	head->n_rows = n;
	head->more = a != NULL;
	head->host_wish = (uint8_t)agent_health_host_wish(d->health, &reason);
	snprintf(head->text, sizeof head->text, "%s", reason);
	if (d->config->name)
		snprintf(head->host, sizeof head->host, "%s", d->config->name);
	return sizeof *head + n * sizeof rows[0];
}

size_t local_counters(struct local_desk *d, const struct local_request *r, uint8_t *reply)
{
	struct baton_agent_counter *c = (struct baton_agent_counter *)(reply + sizeof(struct baton_agent_reply));
	struct baton_agent_reply *head = (struct baton_agent_reply *)reply;
	const char *name, *text;
	uint64_t value;
	uint8_t n = 0;

	for (; n < BATON_AGENT_MAX_COUNTERS && d->counter && d->counter(d->counter_arg, n, &name, &text, &value); n++) {
		memset(&c[n], 0, sizeof c[n]);
		c[n].value = htobe64(value);
		snprintf(c[n].name, sizeof c[n].name, "%s", name);
		snprintf(c[n].text, sizeof c[n].text, "%s", text);
	}
	local_reply_begin(head, r, 0, NULL);
	head->n_rows = n;
	return sizeof *head + n * sizeof c[0];
}
