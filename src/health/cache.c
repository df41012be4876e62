/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "health/cache_apply.h"

static const struct {
	const char *name, *text;
} counter_words[HEALTH_CACHE_N_COUNTERS] = {
#define X(NAME, name, text) [HEALTH_CACHE_COUNTER_##NAME] = { #name, text },
	HEALTH_CACHE_COUNTERS(X)
#undef X
};

static const char *const event_names[HEALTH_N_EVENTS] = {
#define X(NAME, name, text) [HEALTH_EVENT_##NAME] = #name,
	HEALTH_EVENTS(X)
#undef X
};

static const char *const cause_texts[HEALTH_N_CAUSES] = {
#define X(NAME, name, text) [HEALTH_CAUSE_##NAME] = text,
	HEALTH_CAUSES(X)
#undef X
};

const char *health_cache_counter_name(enum health_cache_counter c)
{
	return counter_words[c].name;
}

const char *health_cache_counter_text(enum health_cache_counter c)
{
	return counter_words[c].text;
}

const char *health_event_name(enum health_event_kind k)
{
	return event_names[k];
}

const char *health_cause_text(enum health_cause c)
{
	return cause_texts[c];
}

struct health_cache_settings health_cache_settings_default(void)
{
	return (struct health_cache_settings){ .max_hosts = 256, .max_rows = 65536, .ask_ms = 200, .ask_max_ms = 5000 };
}

int health_cache_init(struct health_cache *c, const struct health_cache_settings *settings,
		      const struct health_cache_ops *ops)
{
	struct health_cache_host *hosts;

	if (!settings->max_hosts || !settings->max_rows || !settings->ask_ms || settings->ask_max_ms < settings->ask_ms)
		return -EINVAL;
	hosts = calloc(settings->max_hosts, sizeof(*hosts));
	if (!hosts)
		return -ENOMEM;
	memset(c, 0, sizeof(*c));
	c->settings = *settings;
	c->ops = *ops;
	c->hosts = hosts;
	return 0;
}

void health_cache_fini(struct health_cache *c)
{
	for (uint32_t i = 0; c->hosts && i < c->settings.max_hosts; i++)
		health_table_fini(&c->hosts[i].table);
	free(c->hosts);
	c->hosts = NULL;
	c->n_rows = 0;
}

void health_cache_event(struct health_cache *c, const struct health_event *e)
{
	c->generation++;
	if (c->ops.event)
		c->ops.event(c->ops.context, e);
}

void health_cache_send(struct health_cache *c, const struct health_cache_host *h, struct health_message *m)
{
	m->host = h->id;
	m->incarnation = h->incarnation;
	m->seq = h->seq;
	c->ops.send(c->ops.context, m);
}

static struct health_cache_host *host_find(const struct health_cache *c, uint64_t id)
{
	for (uint32_t i = 0; i < c->settings.max_hosts; i++) {
		if (c->hosts[i].id == id && c->hosts[i].presence != HEALTH_FREE)
			return &c->hosts[i];
	}
	return NULL;
}

const struct health_cache_host *health_cache_find(const struct health_cache *c, uint64_t host)
{
	return host_find(c, host);
}

const struct health_cache_host *health_cache_next(const struct health_cache *c, uint32_t *i)
{
	while (*i < c->settings.max_hosts) {
		const struct health_cache_host *h = &c->hosts[(*i)++];

		if (h->presence != HEALTH_FREE)
			return h;
	}
	return NULL;
}

unsigned health_cache_visit(const struct health_cache *c, const struct health_app_filter *f,
			    void (*visit)(void *context, const struct health_cache_host *host,
					  const struct health_row *row),
			    void *context)
{
	const struct health_cache_host *h;
	unsigned n = 0;

	for (uint32_t i = 0; (h = health_cache_next(c, &i));) {
		for (unsigned k = 0; k < h->table.n_rows; k++) {
			const struct health_row *row = health_table_at(&h->table, k);

			if (!health_app_matches(&row->id, f))
				continue;
			n++;
			if (visit)
				visit(context, h, row);
		}
	}
	return n;
}

int health_cache_forget(struct health_cache *c, uint64_t host, uint64_t now_ns)
{
	struct health_cache_host *h = host_find(c, host);

	if (!h)
		return -ENOENT;
	health_cache_host_clear(c, h, HEALTH_FREE, HEALTH_CAUSE_FORGOTTEN, now_ns);
	c->generation++;
	memset(h, 0, sizeof(*h));
	return 0;
}

static uint64_t aged_ns(const struct health_cache_host *h)
{
	/* half an interval for the one that is just on its way */
	return h->heard_ns + (2 * HEALTH_MISSED_MAX + 1) * (h->interval_ms * CLOCK_NS_PER_MS / 2);
}

static void age_out(struct health_cache *c, struct health_cache_host *h, uint64_t now_ns)
{
	struct health_event e = {
		.kind = HEALTH_EVENT_HOST_AGED_OUT, .cause = HEALTH_CAUSE_SILENCE, .now_ns = now_ns, .host = h
	};

	c->counters[HEALTH_CACHE_COUNTER_AGED_OUT]++;
	health_cache_host_clear(c, h, HEALTH_AGED, HEALTH_CAUSE_SILENCE, now_ns);
	health_cache_event(c, &e);
}

uint64_t health_cache_poll(struct health_cache *c, uint64_t now_ns)
{
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; i < c->settings.max_hosts; i++) {
		struct health_cache_host *h = &c->hosts[i];

		if (h->presence != HEALTH_PRESENT)
			continue;
		if (now_ns >= aged_ns(h)) {
			age_out(c, h, now_ns);
			continue;
		}
		if (h->asking && now_ns >= h->ask_ns)
			health_cache_ask_again(c, h, now_ns);
		if (aged_ns(h) < next)
			next = aged_ns(h);
		if (h->asking && h->ask_ns < next)
			next = h->ask_ns;
	}
	return next;
}
