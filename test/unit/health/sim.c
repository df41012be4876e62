/* SPDX-License-Identifier: BSD-3-Clause */
#include "sim.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "sim_world.h"

uint64_t sim_host_id(unsigned host)
{
	return 0xb0 + host;
}

void sim_row_id(unsigned host, unsigned row, struct health_app_id *ret)
{
	memset(ret, 0, sizeof(*ret));
	ret->host.family = BATON_IPV4;
	ret->host.b[0] = 10;
	ret->host.b[3] = (uint8_t)(host + 1);
	ret->vip.family = BATON_IPV4;
	ret->vip.b[0] = 192;
	ret->vip_port = ret->host_port = (uint16_t)(1000 + row);
	ret->proto = IPPROTO_TCP;
}

unsigned sim_row_number(const struct health_app_id *id)
{
	return id->host_port - 1000u;
}

static void host_set(struct sim_host *h, unsigned number, int directive, int load)
{
	struct health_row row = { .state = HEALTH_HEALTHY, .capacity = 50 };
	const struct health_row *old;

	number %= SIM_MAX_ROWS;
	sim_row_id(h->index, number, &row.id);
	old = health_table_find(&h->end.table, &row.id);
	if (old)
		row = *old;
	if (directive >= 0)
		row.target = (uint8_t)directive;
	if (load >= 0)
		row.load = (uint16_t)load;
	row.state = row.target == HEALTH_ACTIVE ? HEALTH_HEALTHY : HEALTH_FAILING;
	if (!old || old->target != row.target)
		sim_check_forget(h->world, h->index, -1, (int)number);
	if (health_host_set(&h->end, &row) != 0)
		sim_fail(h->world, "host %u can't take row %u", h->index, number);
}

static void host_delete(struct sim_host *h, unsigned number)
{
	struct health_app_id id;

	sim_row_id(h->index, number, &id);
	sim_check_forget(h->world, h->index, -1, (int)number);
	health_host_delete(&h->end, &id);
}

static void host_start(struct sim_host *h, const struct health_table *kept)
{
	struct sim_world *w = h->world;
	struct health_host_settings s = health_host_settings_default();
	struct health_host_ops ops = { .send = sim_net_from_host, .moved = sim_check_moved, .context = h };
	uint64_t wall = (uint64_t)(1000000 + (int64_t)(w->now_ns / SIM_MS) + w->wall_jump_ms);

	h->incarnation = wall > h->incarnation ? wall : h->incarnation + 1;
	s.id = sim_host_id(h->index);
	s.incarnation = h->incarnation;
	s.name = "host.example";
	s.interval_ms = 200;
	s.postulate_ms = 50;
	s.quiet_ms = 150;
	s.answer_ms = 10;
	if (health_host_init(&h->end, &s, &ops, w->now_ns) != 0)
		sim_fail(w, "host %u does not start", h->index);
	h->up = true;
	h->poll_ns = w->now_ns;
	h->snapshot_ns = h->postulate_id = 0;
	sim_check_forget(w, h->index, -1, -1);
	for (unsigned i = 0; kept && i < kept->n_rows; i++)
		health_host_set(&h->end, health_table_at(kept, i));
}

static void host_stop(struct sim_host *h)
{
	if (h->up)
		health_host_fini(&h->end);
	h->up = false;
}

static void host_restart(struct sim_host *h, bool with_table)
{
	struct health_host before = h->end;

	if (!h->up)
		return;
	host_start(h, with_table ? &before.table : NULL);
	health_host_fini(&before);
}

static void cache_start(struct sim_cache *c)
{
	struct health_cache_settings s = {
		.max_hosts = SIM_MAX_HOSTS, .max_rows = 2000, .ask_ms = 60, .ask_max_ms = 500
	};
	struct health_cache_ops ops = { .send = sim_net_from_cache, .context = c };

	if (health_cache_init(&c->end, &s, &ops) != 0)
		sim_fail(c->world, "cache %u does not start", c->index);
	c->poll_ns = c->world->now_ns;
	for (unsigned i = 0; i < c->world->plan->n_hosts; i++) {
		sim_check_forget(c->world, i, (int)c->index, -1);
		c->world->links[i][c->index].left_incarnation = 0;
	}
}

static void split(struct sim_link *l, const struct sim_event *e)
{
	if (e->value != 2)
		l->cut_to_cache_until_ms = e->until_ms;
	if (e->value != 1)
		l->cut_to_host_until_ms = e->until_ms;
}

static void noise(struct sim_world *w, const struct sim_event *e)
{
	w->noise_until_ms = e->until_ms;
	w->loss = (uint32_t)e->value;
	w->twice = e->other;
	w->delay_ms = e->delay_ms;
}

static void burst(struct sim_host *h, const struct sim_event *e)
{
	for (int i = 0; i < e->value; i++)
		host_set(h, e->row + (unsigned)i, (int)e->other, -1);
}

static void happen_to_table(struct sim_host *h, const struct sim_event *e)
{
	if (!h->up)
		return;
	if (e->kind == SIM_TARGET)
		host_set(h, e->row, e->value, -1);
	else if (e->kind == SIM_LOAD)
		host_set(h, e->row, -1, e->value);
	else if (e->kind == SIM_DELETE)
		host_delete(h, e->row);
	else
		burst(h, e);
	h->poll_ns = h->world->now_ns;
}

static void happen(struct sim_world *w, const struct sim_event *e)
{
	struct sim_host *h = &w->hosts[e->host];

	if (w->log)
		sim_event_print(w->log, e);
	switch (e->kind) {
	case SIM_HOST_RESTART:
		host_restart(h, e->value);
		break;
	case SIM_HOST_GOODBYE:
		if (h->up)
			health_host_goodbye(&h->end);
		host_stop(h);
		break;
	case SIM_HOST_KILL:
		host_stop(h);
		break;
	case SIM_HOST_START:
		if (!h->up)
			host_start(h, NULL);
		break;
	case SIM_CACHE_RESTART:
		health_cache_fini(&w->caches[e->cache].end);
		cache_start(&w->caches[e->cache]);
		break;
	case SIM_SPLIT:
		split(&w->links[e->host][e->cache], e);
		break;
	case SIM_NOISE:
		noise(w, e);
		break;
	case SIM_CLOCK:
		w->wall_jump_ms += e->value;
		break;
	default:
		happen_to_table(h, e);
	}
}

static uint64_t next_time(const struct sim_world *w, unsigned next_event)
{
	uint64_t t = (SIM_FAULTS_MS + SIM_SETTLE_MS) * SIM_MS;

	if (next_event < w->plan->n_events && w->plan->events[next_event].at_ms * SIM_MS < t)
		t = w->plan->events[next_event].at_ms * SIM_MS;
	if (w->packets && w->packets->due_ns < t)
		t = w->packets->due_ns;
	for (unsigned i = 0; i < w->plan->n_hosts; i++) {
		if (w->hosts[i].up && w->hosts[i].poll_ns < t)
			t = w->hosts[i].poll_ns;
	}
	for (unsigned i = 0; i < w->plan->n_caches; i++) {
		if (w->caches[i].poll_ns < t)
			t = w->caches[i].poll_ns;
	}
	return t > w->now_ns ? t : w->now_ns;
}

static void poll_all(struct sim_world *w)
{
	for (unsigned i = 0; i < w->plan->n_hosts; i++) {
		struct sim_host *h = &w->hosts[i];

		if (h->up && w->now_ns >= h->poll_ns)
			h->poll_ns = health_host_poll(&h->end, w->now_ns);
	}
	for (unsigned i = 0; i < w->plan->n_caches; i++) {
		struct sim_cache *c = &w->caches[i];

		if (w->now_ns < c->poll_ns)
			continue;
		c->poll_ns = health_cache_poll(&c->end, w->now_ns);
		for (unsigned host = 0; host < w->plan->n_hosts; host++)
			sim_check_cache(w, host, i);
	}
}

static void begin(struct sim_world *w)
{
	w->now_ns = SIM_MS;
	for (unsigned i = 0; i < w->plan->n_hosts; i++) {
		w->hosts[i].world = w;
		w->hosts[i].index = i;
		host_start(&w->hosts[i], NULL);
		for (unsigned row = 0; row < w->plan->n_rows; row++)
			host_set(&w->hosts[i], row, HEALTH_ACTIVE, -1);
	}
	for (unsigned i = 0; i < w->plan->n_caches; i++) {
		w->caches[i].world = w;
		w->caches[i].index = i;
		cache_start(&w->caches[i]);
	}
}

static void end(struct sim_world *w)
{
	for (unsigned i = 0; i < w->plan->n_hosts; i++)
		host_stop(&w->hosts[i]);
	for (unsigned i = 0; i < w->plan->n_caches; i++)
		health_cache_fini(&w->caches[i].end);
	sim_net_clear(w);
}

static void step(struct sim_world *w, uint64_t now_ns)
{
	w->steps_now = now_ns > w->now_ns ? 0 : w->steps_now + 1;
	if (w->steps_now > 1000)
		sim_fail(w, "time stands still: somebody has something due and does not do it");
	w->now_ns = now_ns;
}

struct sim_result sim_run(const struct sim_plan *p, FILE *log)
{
	struct sim_world *w = calloc(1, sizeof(*w));
	struct sim_result result;
	unsigned next_event = 0;

	w->plan = p;
	w->log = log;
	w->dice = p->seed;
	begin(w);
	while (!w->result.failed && w->now_ns < (SIM_FAULTS_MS + SIM_SETTLE_MS) * SIM_MS) {
		step(w, next_time(w, next_event));
		while (next_event < p->n_events && p->events[next_event].at_ms * SIM_MS <= w->now_ns)
			happen(w, &p->events[next_event++]);
		while (w->packets && w->packets->due_ns <= w->now_ns)
			sim_net_deliver(w);
		poll_all(w);
	}
	if (!w->result.failed)
		sim_check_settled(w);
	result = w->result;
	end(w);
	free(w);
	return result;
}
