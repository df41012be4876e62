/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/load_sampler.h"
#include "agent/probe_set.h"
#include "agent/unit_watch.h"
#include "base/clock.h"
#include "base/log.h"

/* Where a part's number leads to. */
struct place {
	const struct agent_application *app;
	unsigned number; /* of the probe among the application's */
	enum health_state state;
	char reason[HEALTH_REASON_MAX];
	int err; /* load: the last one that was logged */
};

/* A part of the watch that has a descriptor and a time to be called at. */
struct part {
	struct loop_watch ready; /* first */
	struct loop_timer due;
	struct watch *watch;
};

struct watch {
	struct loop *loop;
	struct agent_health *health;
	const struct agent_config *config;
	struct part probing, units;
	struct probe_set *probe_set;
	struct unit_watch *unit_watch;
	struct load_sampler *sampler;
	struct loop_timer sample;
	struct place *probe_places, *unit_places, *load_places;
	unsigned n_probes, n_units, n_loads;
};

static struct agent_source probe_source(unsigned number)
{
	return (struct agent_source){ AGENT_SOURCE_PROBE, number };
}

static const struct agent_source unit_source = { AGENT_SOURCE_UNIT, 0 };
static const struct agent_source kernel_source = { AGENT_SOURCE_KERNEL, 0 };

/* How an application is called in the log. */
static const char *app_text(const struct agent_application *a, char *buf, size_t size)
{
	char addr[BATON_ADDR_TEXT_MAX];

	snprintf(buf, size, "%s:%u", baton_addr_format(&a->id.host, addr, sizeof addr), a->id.host_port);
	return buf;
}

static void probe_seen(void *context, unsigned number, enum health_state state, const char *reason)
{
	struct watch *w = context;
	struct place *p = &w->probe_places[number];
	const struct probe_config *c = &p->app->watch.probes[p->number];
	char app[96];

	p->state = state;
	snprintf(p->reason, sizeof p->reason, "%s: %.*s", probe_type_name(c->type), HEALTH_REASON_MAX - 16, reason);
	log_info("probe: application is %s app=%s probe=%u reason=\"%s\"",
		 state == HEALTH_HEALTHY ? "healthy" : "failing", app_text(p->app, app, sizeof app), p->number,
		 p->reason);
	agent_health_report(w->health, probe_source(p->number), &p->app->id, state, p->reason);
}

/* A row that has come (back): what probes know about it counts; they are judges from now on. */
static void probes_tell(struct watch *w, const struct agent_application *a)
{
	for (struct place *p = w->probe_places; p < w->probe_places + w->n_probes; p++)
		if (p->app == a)
			agent_health_report(w->health, probe_source(p->number), &a->id, p->state, p->reason);
}

static void unit_seen(void *context, unsigned number, bool active, const char *state)
{
	struct watch *w = context;
	const struct agent_application *a = w->unit_places[number].app;
	char reason[HEALTH_REASON_MAX], app[96];
	int err = 0;

	snprintf(reason, sizeof reason, "unit %.80s is %s", a->watch.unit, state);
	log_info("%s app=%s", reason, app_text(a, app, sizeof app));
	if (watch_app_follows_unit(&a->watch) && !active) {
		agent_health_del(w->health, unit_source, &a->id);
		return;
	}
	if (watch_app_follows_unit(&a->watch)) {
		err = agent_health_add(w->health, unit_source, &a->id, (uint8_t)a->capacity, true);
		if (!err)
			probes_tell(w, a);
	}
	if (!err)
		err = agent_health_report(w->health, unit_source, &a->id, active ? HEALTH_HEALTHY : HEALTH_FAILING,
					  reason);
	if (err)
		log_warning("no room for an application app=%s reason=\"%s\"", app, strerror(-err));
}

static void manager_seen(void *context, bool present, const char *why)
{
	if (present)
		log_info("units are watched");
	else
		log_warning("units can't be watched, their last known states stand reason=\"%s\"", why);
}

static void load_seen(void *context, unsigned number, bool known, uint32_t load, int err, const char *what)
{
	struct watch *w = context;
	struct place *p = &w->load_places[number];
	char app[96];

	if (err && err != p->err)
		log_warning("load can't be read app=%s figure=%s reason=\"%s\"", app_text(p->app, app, sizeof app),
			    what, strerror(-err));
	p->err = err;
	if (known)
		agent_health_load(w->health, kernel_source, &p->app->id, load);
}

static void part_run(struct part *p, uint64_t now_ns)
{
	struct watch *w = p->watch;
	uint64_t due_ns =
		p == &w->probing ? probe_set_tick(w->probe_set, now_ns) : unit_watch_tick(w->unit_watch, now_ns);

	if (due_ns == UINT64_MAX)
		loop_timer_del(w->loop, &p->due);
	else
		loop_timer_set(w->loop, &p->due, due_ns);
}

static void part_ready(struct loop_watch *r, uint32_t events)
{
	part_run((struct part *)r, clock_monotonic_ns());
}

static void part_due(struct loop_timer *t, uint64_t now_ns)
{
	part_run((struct part *)((char *)t - offsetof(struct part, due)), now_ns);
}

static int part_start(struct watch *w, struct part *p, int fd)
{
	*p = (struct part){ .ready = { .fd = fd, .ready = part_ready }, .due = { .due = part_due }, .watch = w };
	loop_timer_set(w->loop, &p->due, clock_monotonic_ns());
	return loop_watch(w->loop, &p->ready, EPOLLIN);
}

static void part_stop(struct watch *w, struct part *p)
{
	if (!p->watch)
		return;
	loop_unwatch(w->loop, &p->ready);
	loop_timer_del(w->loop, &p->due);
	p->watch = NULL;
}

static void sample_due(struct loop_timer *t, uint64_t now_ns)
{
	struct watch *w = (struct watch *)((char *)t - offsetof(struct watch, sample));

	load_sampler_sample(w->sampler, now_ns);
	loop_timer_set(w->loop, t, now_ns + (uint64_t)w->config->watch.load_interval_s * CLOCK_NS_PER_S);
}

struct watch *watch_new(struct loop *l, struct agent_health *h)
{
	struct watch *w = calloc(1, sizeof *w);

	if (!w)
		return NULL;
	w->loop = l;
	w->health = h;
	w->sample.due = sample_due;
	return w;
}

static void parts_stop(struct watch *w)
{
	part_stop(w, &w->probing);
	part_stop(w, &w->units);
	loop_timer_del(w->loop, &w->sample);
	probe_set_free(w->probe_set);
	unit_watch_free(w->unit_watch);
	load_sampler_free(w->sampler);
	w->probe_set = NULL;
	w->unit_watch = NULL;
	w->sampler = NULL;
	free(w->probe_places);
	free(w->unit_places);
	free(w->load_places);
	w->probe_places = w->unit_places = w->load_places = NULL;
	w->n_probes = w->n_units = w->n_loads = 0;
}

void watch_free(struct watch *w)
{
	if (!w)
		return;
	parts_stop(w);
	free(w);
}

static bool wants_load(const struct load_config *c)
{
	return c->cpu || c->run_queue || c->accept_queue;
}

static bool word_stays(const struct agent_application *a, struct agent_source s)
{
	switch (s.kind) {
	case AGENT_SOURCE_PROBE:
		return a && s.number < a->watch.n_probes;
	case AGENT_SOURCE_UNIT:
		return a && a->watch.unit;
	case AGENT_SOURCE_KERNEL:
		return a && wants_load(&a->watch.load);
	default:
		return true;
	}
}

/* Take back what was said for probes, units and load that the configuration no longer has. */
static void words_remove(struct watch *w, const struct agent_config *c)
{
	const struct agent_app *app = NULL;

	while ((app = agent_health_next(w->health, app ? &app->id : NULL))) {
		const struct agent_application *a = agent_config_application(c, &app->id);

		for (unsigned i = 0; i < app->n_words;) {
			struct agent_source s = app->words[i].source;

			if (word_stays(a, s))
				i++;
			else
				agent_health_del(w->health, s, &app->id);
		}
	}
}

static unsigned probes_count(const struct agent_config *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->health.n_applications; i++)
		n += c->health.applications[i].watch.n_probes;
	return n;
}

/* The probe begins with what is known of it. */
static void probe_place_fill(struct watch *w, struct place *p, const struct agent_application *a, unsigned number)
{
	const struct agent_app *app = agent_health_find(w->health, &a->id);
	const struct agent_word *word = app ? agent_health_word(app, probe_source(number)) : NULL;

	*p = (struct place){ .app = a, .number = number };
	snprintf(p->reason, sizeof p->reason, "not probed yet");
	if (word && word->state != HEALTH_UNKNOWN) {
		p->state = (enum health_state)word->state;
		snprintf(p->reason, sizeof p->reason, "%s", word->reason);
	}
}

static void probe_spec_fill(const struct place *p, struct probe_spec *ret)
{
	const struct probe_config *c = &p->app->watch.probes[p->number];

	*ret = (struct probe_spec){ .config = c,
				    .to = c->target.family ? c->target : p->app->id.host,
				    .port = c->port ? (uint16_t)c->port : p->app->id.host_port,
				    .state = p->state };
}

static int probes_start(struct watch *w, const struct agent_config *c)
{
	unsigned n = probes_count(c);
	struct probe_spec *specs;
	int err;

	if (!n)
		return 0;
	specs = calloc(n, sizeof *specs);
	w->probe_places = calloc(n, sizeof *w->probe_places);
	for (unsigned i = 0; specs && w->probe_places && i < c->health.n_applications; i++) {
		const struct agent_application *a = &c->health.applications[i];

		for (unsigned j = 0; j < a->watch.n_probes; j++) {
			probe_place_fill(w, &w->probe_places[w->n_probes], a, j);
			probe_spec_fill(&w->probe_places[w->n_probes], &specs[w->n_probes]);
			w->n_probes++;
		}
		probes_tell(w, a);
	}
	err = w->n_probes < n ? -ENOMEM
			      : probe_set_new(specs, n, (unsigned)c->watch.max_commands, probe_seen, w, &w->probe_set);
	free(specs);
	return err ? err : part_start(w, &w->probing, probe_set_fd(w->probe_set));
}

/* A unit that makes its row failing is announced as a judge. */
static void unit_announce(struct watch *w, const struct agent_application *a)
{
	const struct agent_app *app = agent_health_find(w->health, &a->id);

	if (app && !agent_health_word(app, unit_source) && !watch_app_follows_unit(&a->watch))
		agent_health_report(w->health, unit_source, &a->id, HEALTH_UNKNOWN, "state of its unit is not known");
}

static int units_start(struct watch *w, const struct agent_config *c)
{
	static const struct unit_watch_handlers handlers = { .unit = unit_seen, .manager = manager_seen };
	char *names[AGENT_MAX_APPLICATIONS];
	int err;

	w->unit_places = calloc(AGENT_MAX_APPLICATIONS, sizeof *w->unit_places);
	if (!w->unit_places)
		return -ENOMEM;
	for (unsigned i = 0; i < c->health.n_applications; i++) {
		const struct agent_application *a = &c->health.applications[i];

		if (!a->watch.unit)
			continue;
		names[w->n_units] = a->watch.unit;
		w->unit_places[w->n_units++].app = a;
		unit_announce(w, a);
	}
	if (!w->n_units)
		return 0;
	err = unit_watch_new(c->watch.bus_address, names, w->n_units, &handlers, w, &w->unit_watch);
	return err ? err : part_start(w, &w->units, unit_watch_fd(w->unit_watch));
}

static int load_start(struct watch *w, const struct agent_config *c)
{
	struct load_target *targets = calloc(AGENT_MAX_APPLICATIONS, sizeof *targets);
	int err = 0;

	w->load_places = calloc(AGENT_MAX_APPLICATIONS, sizeof *w->load_places);
	if (!targets || !w->load_places)
		err = -ENOMEM;
	for (unsigned i = 0; !err && i < c->health.n_applications; i++) {
		const struct agent_application *a = &c->health.applications[i];

		if (!wants_load(&a->watch.load))
			continue;
		targets[w->n_loads] = (struct load_target){ .config = &a->watch.load,
							    .vip = a->id.vip,
							    .host = a->id.host,
							    .vip_port = a->id.vip_port,
							    .host_port = a->id.host_port };
		w->load_places[w->n_loads++].app = a;
	}
	if (!err && w->n_loads) {
		err = load_sampler_new("", targets, w->n_loads, load_seen, w, &w->sampler);
		if (!err)
			loop_timer_set(w->loop, &w->sample, clock_monotonic_ns());
	}
	free(targets);
	return err;
}

static int part_log(int err, const char *what)
{
	if (err)
		log_error("can't watch %s reason=\"%s\"", what, strerror(-err));
	return err;
}

int watch_config_set(struct watch *w, const struct agent_config *c)
{
	int err, err2;

	if (c == w->config)
		return 0; /* a reload that was refused */
	parts_stop(w);
	w->config = c;
	words_remove(w, c);
	err = part_log(probes_start(w, c), "probes");
	err2 = part_log(units_start(w, c), "units");
	err = err ? err : err2;
	err2 = part_log(load_start(w, c), "load");
	return err ? err : err2;
}
