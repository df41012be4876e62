/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/health.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "agent/health_rules.h"

struct agent_health {
	struct agent_app *apps[HEALTH_MAX_ROWS]; /* in order of id */
	unsigned n_apps, n_gone;
	uint8_t wish; /* for the whole host */
	char wish_reason[HEALTH_REASON_MAX];
	bool changed;
	void (*hook)(void *arg);
	void *hook_arg;
};

struct agent_health *agent_health_new(void)
{
	struct agent_health *h = calloc(1, sizeof *h);

	if (h)
		h->wish = HEALTH_ACTIVE;
	return h;
}

void agent_health_free(struct agent_health *h)
{
	if (!h)
		return;
	for (unsigned i = 0; i < h->n_apps; i++)
		free(h->apps[i]);
	free(h);
}

/* Where the id stands or belongs. */
static unsigned place_of(const struct agent_health *h, const struct health_app_id *id, bool *ret_there)
{
	unsigned low = 0, high = h->n_apps;

	*ret_there = false;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = memcmp(&h->apps[middle]->id, id, sizeof *id);

		if (order == 0) {
			*ret_there = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* Also one that has gone. */
static struct agent_app *app_of(const struct agent_health *h, const struct health_app_id *id)
{
	bool there;
	unsigned i = place_of(h, id, &there);

	return there ? h->apps[i] : NULL;
}

static struct agent_app *app_live(const struct agent_health *h, const struct health_app_id *id)
{
	struct agent_app *a = app_of(h, id);

	return a && !a->gone ? a : NULL;
}

static struct agent_word *word_of(struct agent_app *a, struct agent_source s)
{
	return (struct agent_word *)agent_health_word(a, s);
}

const struct agent_word *agent_health_word(const struct agent_app *a, struct agent_source s)
{
	for (unsigned i = 0; i < a->n_words; i++)
		if (a->words[i].source.kind == s.kind && a->words[i].source.number == s.number)
			return &a->words[i];
	return NULL;
}

/* The source's word; a new one says nothing yet. NULL if too many speak. */
static struct agent_word *word_get(struct agent_app *a, struct agent_source s)
{
	struct agent_word *w = word_of(a, s);

	if (w || a->n_words == AGENT_HEALTH_MAX_WORDS)
		return w;
	w = &a->words[a->n_words++];
	*w = (struct agent_word){ .source = s, .wish = HEALTH_ACTIVE, .capacity = AGENT_HEALTH_NO_CAPACITY };
	return w;
}

static void change_note(struct agent_health *h, struct agent_app *a)
{
	a->changed = true;
	if (h->changed)
		return;
	h->changed = true;
	if (h->hook)
		h->hook(h->hook_arg);
}

static void app_judge(struct agent_health *h, struct agent_app *a)
{
	if (agent_health_combine(a, h->wish, h->wish_reason))
		change_note(h, a);
}

static struct agent_app *app_new(struct agent_health *h, const struct health_app_id *id)
{
	struct agent_app *a = calloc(1, sizeof *a);
	bool there;
	unsigned i = place_of(h, id, &there);

	if (!a)
		return NULL;
	a->id = *id;
	memmove(&h->apps[i + 1], &h->apps[i], (h->n_apps - i) * sizeof h->apps[0]);
	h->apps[i] = a;
	h->n_apps++;
	return a;
}

/* One that has gone and was not flushed yet comes back. */
static int app_get(struct agent_health *h, const struct health_app_id *id, struct agent_app **ret)
{
	struct agent_app *a = app_of(h, id);

	if (!a && h->n_apps == HEALTH_MAX_ROWS)
		return -ENOSPC;
	if (!a)
		a = app_new(h, id);
	else if (a->gone) {
		a->gone = false;
		h->n_gone--;
	}
	if (!a)
		return -ENOMEM;
	*ret = a;
	return 0;
}

static bool capacity_valid(uint8_t capacity)
{
	return capacity <= AGENT_HEALTH_MAX_CAPACITY || capacity == AGENT_HEALTH_NO_CAPACITY;
}

int agent_health_add(struct agent_health *h, struct agent_source s, const struct health_app_id *id, uint8_t capacity,
		     bool judge)
{
	struct agent_app *a = app_live(h, id);
	struct agent_word *w;
	int err;

	if (!agent_health_id_valid(id) || !capacity_valid(capacity))
		return -EINVAL;
	if (a && !word_get(a, s))
		return -ENOSPC;
	err = app_get(h, id, &a);
	if (err)
		return err;
	w = word_get(a, s);
	w->added = true;
	w->capacity = capacity;
	w->judge = w->judge || judge;
	agent_health_combine(a, h->wish, h->wish_reason);
	change_note(h, a);
	return 0;
}

static bool app_wanted(const struct agent_app *a)
{
	for (unsigned i = 0; i < a->n_words; i++)
		if (a->words[i].added)
			return true;
	return false;
}

static void app_end(struct agent_health *h, struct agent_app *a)
{
	a->n_words = 0; /* whoever comes back to it begins anew */
	a->gone = true;
	h->n_gone++;
	change_note(h, a);
}

static int word_del(struct agent_health *h, struct agent_app *a, struct agent_source s)
{
	struct agent_word *w = word_of(a, s);

	if (!w)
		return -ENOENT;
	*w = a->words[--a->n_words];
	if (app_wanted(a))
		app_judge(h, a);
	else
		app_end(h, a);
	return 0;
}

int agent_health_del(struct agent_health *h, struct agent_source s, const struct health_app_id *id)
{
	struct agent_app *a = app_live(h, id);

	return a ? word_del(h, a, s) : -ENOENT;
}

void agent_health_forget(struct agent_health *h, struct agent_source s)
{
	for (unsigned i = 0; i < h->n_apps; i++)
		word_del(h, h->apps[i], s);
}

/* The word to be changed. */
static int word_find(struct agent_health *h, struct agent_source s, const struct health_app_id *id,
		     struct agent_app **ret_app, struct agent_word **ret)
{
	struct agent_app *a = app_live(h, id);
	struct agent_word *w = a ? word_get(a, s) : NULL;

	if (!w)
		return a ? -ENOSPC : -ENOENT;
	*ret_app = a;
	*ret = w;
	return 0;
}

int agent_health_report(struct agent_health *h, struct agent_source s, const struct health_app_id *id,
			enum health_state state, const char *reason)
{
	struct agent_app *a;
	struct agent_word *w;
	int err = (unsigned)state < HEALTH_N_STATES ? word_find(h, s, id, &a, &w) : -EINVAL;

	if (err)
		return err;
	w->judge = true;
	w->state = (uint8_t)state;
	agent_health_reason_copy(w->reason, reason);
	app_judge(h, a);
	return 0;
}

/* Something was taken back: a word that says nothing any more goes. */
static void word_settle(struct agent_health *h, struct agent_app *a, const struct agent_word *w)
{
	if (!w->added && !w->judge && !w->has_load && w->wish == HEALTH_ACTIVE)
		word_del(h, a, w->source);
	else
		app_judge(h, a);
}

int agent_health_abstain(struct agent_health *h, struct agent_source s, const struct health_app_id *id)
{
	struct agent_app *a;
	struct agent_word *w;
	int err = word_find(h, s, id, &a, &w);

	if (err)
		return err;
	w->judge = false;
	w->state = HEALTH_UNKNOWN;
	w->reason[0] = 0;
	word_settle(h, a, w);
	return 0;
}

int agent_health_load(struct agent_health *h, struct agent_source s, const struct health_app_id *id, uint32_t load)
{
	struct agent_app *a;
	struct agent_word *w;
	int err = load <= HEALTH_LOAD_MAX ? word_find(h, s, id, &a, &w) : -EINVAL;

	if (err)
		return err;
	w->has_load = true;
	w->load = (uint16_t)load;
	app_judge(h, a);
	return 0;
}

int agent_health_wish(struct agent_health *h, struct agent_source s, const struct health_app_id *id,
		      enum health_directive wish, const char *reason)
{
	struct agent_app *a;
	struct agent_word *w;
	int err = (unsigned)wish < HEALTH_N_DIRECTIVES ? word_find(h, s, id, &a, &w) : -EINVAL;

	if (err)
		return err;
	w->wish = (uint8_t)wish;
	agent_health_reason_copy(w->wish_reason, wish == HEALTH_ACTIVE ? NULL : reason);
	word_settle(h, a, w);
	return 0;
}

void agent_health_wish_host(struct agent_health *h, enum health_directive wish, const char *reason)
{
	h->wish = (uint8_t)wish;
	agent_health_reason_copy(h->wish_reason, wish == HEALTH_ACTIVE ? NULL : reason);
	for (unsigned i = 0; i < h->n_apps; i++)
		if (!h->apps[i]->gone)
			app_judge(h, h->apps[i]);
}

enum health_directive agent_health_host_wish(const struct agent_health *h, const char **ret_reason)
{
	*ret_reason = h->wish_reason;
	return (enum health_directive)h->wish;
}

const struct agent_app *agent_health_find(const struct agent_health *h, const struct health_app_id *id)
{
	return app_live(h, id);
}

const struct agent_app *agent_health_next(const struct agent_health *h, const struct health_app_id *id)
{
	bool there = false;
	unsigned i = id ? place_of(h, id, &there) : 0;

	for (i += there; i < h->n_apps; i++)
		if (!h->apps[i]->gone)
			return h->apps[i];
	return NULL;
}

unsigned agent_health_count(const struct agent_health *h)
{
	return h->n_apps - h->n_gone;
}

void agent_health_flush(struct agent_health *h, agent_health_change_fn fn, void *arg)
{
	unsigned kept = 0;

	h->changed = false;
	for (unsigned i = 0; i < h->n_apps; i++) {
		struct agent_app *a = h->apps[i];

		if (a->changed)
			fn(a, arg);
		a->changed = false;
		if (a->gone)
			free(a);
		else
			h->apps[kept++] = a;
	}
	h->n_apps = kept;
	h->n_gone = 0;
}

void agent_health_hook(struct agent_health *h, void (*fn)(void *arg), void *arg)
{
	h->hook = fn;
	h->hook_arg = arg;
}
