/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/teller.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "health/smooth.h"

#define TELLER_SAMPLE_MS 1000 /* an unchanged load counts as a sample so often */

struct told {
	struct health_app_id id;
	struct health_digest digest;
	struct health_smooth smooth;
	uint16_t load; /* last reported */
	bool has_load;
};

struct teller {
	const struct agent_config *config;
	struct agent_health *health;
	struct teller_memory *memory;
	unsigned n_memory;
	struct told *rows[HEALTH_MAX_ROWS]; /* in order of id */
	unsigned n;
	uint64_t sample_ns, refused;
	/* for the time of one teller_tell() */
	struct health_host *host;
	uint64_t now_ns;
};

struct teller *teller_new(const struct agent_config *c, struct agent_health *h)
{
	struct teller *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->config = c;
	t->health = h;
	t->sample_ns = UINT64_MAX;
	return t;
}

void teller_free(struct teller *t)
{
	if (!t)
		return;
	for (unsigned i = 0; i < t->n; i++)
		free(t->rows[i]);
	free(t->memory);
	free(t);
}

void teller_config(struct teller *t, const struct agent_config *c)
{
	t->config = c;
}

int teller_remember(struct teller *t, const struct teller_memory *rows, unsigned n)
{
	struct teller_memory *copy = n ? calloc(n, sizeof *copy) : NULL;

	if (n && !copy)
		return -ENOMEM;
	if (n)
		memcpy(copy, rows, n * sizeof *copy);
	free(t->memory);
	t->memory = copy;
	t->n_memory = n;
	return 0;
}

bool teller_complete(const struct teller *t)
{
	for (unsigned i = 0; i < t->n_memory; i++) {
		const struct agent_app *a = agent_health_find(t->health, &t->memory[i].id);

		if (!a || (a->state == HEALTH_UNKNOWN && t->memory[i].was_healthy))
			return false;
	}
	return true;
}

static unsigned place_of(const struct teller *t, const struct health_app_id *id, bool *ret_there)
{
	unsigned low = 0, high = t->n;

	*ret_there = false;
	while (low < high) {
		unsigned middle = (low + high) / 2;
		int order = memcmp(&t->rows[middle]->id, id, sizeof *id);

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

static const struct teller_memory *memory_of(const struct teller *t, const struct health_app_id *id)
{
	for (unsigned i = 0; i < t->n_memory; i++)
		if (!memcmp(&t->memory[i].id, id, sizeof *id))
			return &t->memory[i];
	return NULL;
}

static struct told *told_get(struct teller *t, const struct health_app_id *id)
{
	const struct teller_memory *m = memory_of(t, id);
	struct told *x;
	bool there;
	unsigned i = place_of(t, id, &there);

	if (there)
		return t->rows[i];
	x = t->n < HEALTH_MAX_ROWS ? calloc(1, sizeof *x) : NULL;
	if (!x)
		return NULL;
	x->id = *id;
	x->digest.was_healthy = m && m->was_healthy;
	memmove(&t->rows[i + 1], &t->rows[i], (t->n - i) * sizeof t->rows[0]);
	t->rows[i] = x;
	t->n++;
	return x;
}

static void told_del(struct teller *t, const struct health_app_id *id)
{
	bool there;
	unsigned i = place_of(t, id, &there);

	if (!there)
		return;
	free(t->rows[i]);
	memmove(&t->rows[i], &t->rows[i + 1], (--t->n - i) * sizeof t->rows[0]);
}

bool teller_was_healthy(const struct teller *t, const struct health_app_id *id)
{
	bool there;
	unsigned i = place_of(t, id, &there);

	return there && t->rows[i]->digest.was_healthy;
}

uint64_t teller_refused(const struct teller *t)
{
	return t->refused;
}

static struct health_rules rules_of(const struct agent_config *c, const struct health_app_id *id)
{
	const struct agent_application *a = agent_config_application(c, id);
	struct health_rules r = health_rules_default();

	if (!a)
		return r;
	r.failing = (uint8_t)a->failing;
	r.overload_on = (uint16_t)(a->overload * 100);
	r.overload_off = (uint16_t)(a->overload ? a->overload_end * 100 : 0);
	return r;
}

static bool has_load(const struct agent_app *a)
{
	for (unsigned i = 0; i < a->n_words; i++)
		if (a->words[i].has_load)
			return true;
	return false;
}

static void load_tell(struct teller *t, struct told *x, const struct agent_app *a, const struct health_rules *rules)
{
	struct health_smooth_rules r = health_smooth_rules_default();

	x->has_load = has_load(a);
	if (!x->has_load) {
		x->load = 0;
		x->smooth = (struct health_smooth){ 0 };
		return;
	}
	r.overload_on = rules->overload_on;
	r.overload_off = rules->overload_off;
	health_smooth_add(&x->smooth, &r, a->load, t->now_ns);
	health_smooth_report(&x->smooth, &r, t->now_ns, &x->load);
}

/* A wish only lowers. */
static void wish_apply(const struct agent_app *a, struct health_row *row)
{
	if (a->wish >= row->target)
		return;
	row->target = a->wish;
	memcpy(row->reason, a->wish_reason, sizeof row->reason);
	if (!row->reason[0])
		snprintf(row->reason, sizeof row->reason, "wished");
}

static void app_tell(struct teller *t, const struct agent_app *a)
{
	const struct teller_memory *m = memory_of(t, &a->id);
	struct health_rules rules = rules_of(t->config, &a->id);
	struct health_row row = { .id = a->id, .state = a->state, .capacity = a->capacity };
	struct told *x = told_get(t, &a->id);

	if (!x) {
		t->refused++;
		return;
	}
	load_tell(t, x, a, &rules);
	row.load = x->load;
	row.current = m ? m->current : HEALTH_INACTIVE;
	health_digest_apply(&x->digest, &rules, NULL, a->reason, &row);
	wish_apply(a, &row);
	if (health_host_set(t->host, &row))
		t->refused++;
}

static void change_tell(const struct agent_app *a, void *arg)
{
	struct teller *t = arg;

	if (!a->gone) {
		app_tell(t, a);
		return;
	}
	told_del(t, &a->id);
	health_host_delete(t->host, &a->id);
}

/* Rows whose load goes on counting. */
static void sample(struct teller *t, bool all)
{
	const struct agent_app *a = NULL;
	bool any = false;

	while ((a = agent_health_next(t->health, a ? &a->id : NULL))) {
		if (all || has_load(a))
			app_tell(t, a);
		any |= has_load(a);
	}
	t->sample_ns = any ? t->now_ns + TELLER_SAMPLE_MS * CLOCK_NS_PER_MS : UINT64_MAX;
}

void teller_tell(struct teller *t, struct health_host *host, bool all, uint64_t now_ns)
{
	t->host = host;
	t->now_ns = now_ns;
	agent_health_flush(t->health, change_tell, t);
	if (all || t->sample_ns <= now_ns)
		sample(t, all);
	for (unsigned i = 0; t->sample_ns == UINT64_MAX && i < t->n; i++)
		if (t->rows[i]->has_load)
			t->sample_ns = now_ns + TELLER_SAMPLE_MS * CLOCK_NS_PER_MS;
	t->host = NULL;
}

uint64_t teller_due(const struct teller *t)
{
	return t->sample_ns;
}
