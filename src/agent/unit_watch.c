/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/unit_watch.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <systemd/sd-bus.h>
#include <unistd.h>

#include "agent/unit_message.h"
#include "base/clock.h"

#define MANAGER "org.freedesktop.systemd1"
#define MANAGER_PATH "/org/freedesktop/systemd1"
#define MANAGER_INTERFACE "org.freedesktop.systemd1.Manager"
#define UNIT_PATH "/org/freedesktop/systemd1/unit"

#define RETRY_FIRST_NS (100 * CLOCK_NS_PER_MS)
#define RETRY_MOST_NS (5 * CLOCK_NS_PER_S)
#define MESSAGES_PER_TICK 64
#define STATE_MAX 32

struct unit {
	struct unit_watch *watch;
	char *name;             /* as configured */
	char id[UNIT_NAME_MAX]; /* as the manager calls it */
	sd_bus_slot *match;     /* PropertiesChanged of .id */
	char state[STATE_MAX];  /* empty: never known */
	bool listed;            /* in the list that is being read */
};

struct unit_watch {
	char *address;
	struct unit *units;
	unsigned n;
	struct unit_watch_handlers handlers;
	void *context;
	sd_bus *bus; /* NULL: waiting for .retry_ns */
	int epoll_fd;
	uint32_t events;
	uint64_t retry_ns, pause_ns; /* of the bus, or of asking the manager */
	bool present, present_known;
	bool ask_again;     /* from the beginning, at .retry_ns */
	unsigned n_loading; /* LoadUnit calls without an answer */
	bool load_failed;   /* one of them, so that an alias may not be resolved */
	bool listing, list_again;
};

static void present_set(struct unit_watch *w, bool present, const char *why)
{
	if (w->present_known && w->present == present)
		return;
	w->present_known = true;
	w->present = present;
	w->handlers.manager(w->context, present, why);
}

static void state_set(struct unit *u, const char *state)
{
	bool known = u->state[0], was_active = known && unit_state_is_active(u->state);
	bool active = unit_state_is_active(state);

	snprintf(u->state, sizeof u->state, "%s", state);
	if (!known || was_active != active)
		u->watch->handlers.unit(u->watch->context, (unsigned)(u - u->watch->units), active, u->state);
}

static void retry_later(struct unit_watch *w)
{
	w->retry_ns = clock_monotonic_ns() + w->pause_ns;
	w->pause_ns = w->pause_ns * 2 < RETRY_MOST_NS ? w->pause_ns * 2 : RETRY_MOST_NS;
}

static void ask_later(struct unit_watch *w)
{
	w->ask_again = true;
	retry_later(w);
}

/* The manager does not answer as it should: it is away, or about to come back. */
static void manager_lost(struct unit_watch *w, const char *why)
{
	present_set(w, false, why);
	ask_later(w);
}

static int call(struct unit_watch *w, sd_bus_message *m, sd_bus_message_handler_t answer, void *context)
{
	int r = sd_bus_message_set_auto_start(m, 0);

	return r < 0 ? r : sd_bus_call_async(w->bus, NULL, m, answer, context, 0);
}

static int method_new(struct unit_watch *w, const char *method, sd_bus_message **ret)
{
	return sd_bus_message_new_method_call(w->bus, ret, MANAGER, MANAGER_PATH, MANAGER_INTERFACE, method);
}

static struct unit *unit_find(struct unit_watch *w, const char *id)
{
	for (struct unit *u = w->units; u < w->units + w->n; u++)
		if (!strcmp(u->id, id))
			return u;
	return NULL;
}

/* Two applications may name the same unit. */
static void units_set(struct unit_watch *w, const char *id, const char *state)
{
	for (struct unit *u = w->units; u < w->units + w->n; u++)
		if (!strcmp(u->id, id)) {
			u->listed = true;
			state_set(u, state);
		}
}

static void units_list(struct unit_watch *w);

static int list_answered(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct unit_watch *w = context;
	const sd_bus_error *e = sd_bus_message_get_error(m);
	const char *id, *state;
	int r;

	w->listing = false;
	if (e) {
		manager_lost(w, e->message ? e->message : e->name);
		return 0;
	}
	for (struct unit *u = w->units; u < w->units + w->n; u++)
		u->listed = false;
	while ((r = unit_message_list_next(m, &id, &state)) > 0)
		units_set(w, id, state);
	if (r < 0) {
		manager_lost(w, "its list of units can't be read");
		return 0;
	}
	for (struct unit *u = w->units; u < w->units + w->n; u++)
		if (!u->listed)
			state_set(u, "inactive");
	present_set(w, true, NULL);
	if (w->load_failed)
		ask_later(w);
	else
		w->pause_ns = RETRY_FIRST_NS;
	if (w->list_again)
		units_list(w);
	return 0;
}

static int list_fill(struct unit_watch *w, sd_bus_message *m)
{
	int r = sd_bus_message_append_strv(m, NULL); /* in any state */

	if (r >= 0)
		r = sd_bus_message_open_container(m, 'a', "s");
	for (unsigned i = 0; r >= 0 && i < w->n; i++)
		r = sd_bus_message_append(m, "s", w->units[i].id);
	return r < 0 ? r : sd_bus_message_close_container(m);
}

/* Ask for the states of all units; if that is under way, once more afterwards. */
static void units_list(struct unit_watch *w)
{
	sd_bus_message *m = NULL;
	int r;

	w->list_again = w->listing;
	if (w->listing || w->n_loading)
		return; /* the last answer to LoadUnit asks for the list */
	r = method_new(w, "ListUnitsByPatterns", &m);
	if (r >= 0)
		r = list_fill(w, m);
	if (r >= 0)
		r = call(w, m, list_answered, w);
	w->listing = r >= 0;
	sd_bus_message_unref(m);
	if (r < 0)
		manager_lost(w, strerror(-r));
}

static int properties_changed(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct unit *u = context;
	const char *interface, *state;

	if (sd_bus_message_read(m, "s", &interface) < 0 || strcmp(interface, UNIT_INTERFACE))
		return 0;
	if (unit_message_active_state(m, &state) >= 0 && state)
		state_set(u, state);
	return 0;
}

static int properties_watch(struct unit *u, const char *path)
{
	char rule[1024];

	u->match = sd_bus_slot_unref(u->match);
	snprintf(rule, sizeof rule,
		 "type='signal',sender='" MANAGER "',path='%s',interface='org.freedesktop.DBus.Properties',"
		 "member='PropertiesChanged',arg0='" UNIT_INTERFACE "'",
		 path);
	return sd_bus_add_match_async(u->watch->bus, &u->match, rule, properties_changed, NULL, u);
}

/* The unit's own name stands in its object's path, whatever alias it was asked by. */
static void unit_resolve(struct unit *u, sd_bus_message *m)
{
	const char *path = NULL;
	char *id = NULL, *own = NULL;

	if (!m || sd_bus_message_get_error(m) || sd_bus_message_read(m, "o", &path) < 0) {
		if (sd_bus_path_encode(UNIT_PATH, u->name, &own) < 0)
			return;
		path = own;
	}
	if (sd_bus_path_decode(path, UNIT_PATH, &id) > 0 && strlen(id) < sizeof u->id)
		snprintf(u->id, sizeof u->id, "%s", id);
	properties_watch(u, path);
	free(id);
	free(own);
}

static int unit_loaded(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct unit *u = context;

	u->watch->load_failed |= sd_bus_message_is_method_error(m, NULL) &&
				 !sd_bus_message_is_method_error(m, SD_BUS_ERROR_INVALID_ARGS);
	unit_resolve(u, m);
	if (!--u->watch->n_loading)
		units_list(u->watch);
	return 0;
}

static int unit_load(struct unit *u)
{
	sd_bus_message *m = NULL;
	int r = method_new(u->watch, "LoadUnit", &m);

	snprintf(u->id, sizeof u->id, "%s", u->name);
	if (r >= 0)
		r = sd_bus_message_append(m, "s", u->name);
	if (r >= 0)
		r = call(u->watch, m, unit_loaded, u);
	if (r >= 0)
		u->watch->n_loading++;
	sd_bus_message_unref(m);
	return r;
}

static int ignored(sd_bus_message *m, void *context, sd_bus_error *error)
{
	return 0; /* AlreadySubscribed; other faults show with the next call */
}

/* From the beginning: subscribe to signals, resolve names, ask for states. */
static void manager_ask(struct unit_watch *w)
{
	sd_bus_message *m = NULL;
	int r;

	if (w->n_loading) {
		ask_later(w); /* what is under way may fail, as it began with another manager */
		return;
	}
	w->ask_again = w->load_failed = false;
	r = method_new(w, "Subscribe", &m);
	if (r >= 0)
		r = call(w, m, ignored, w);
	sd_bus_message_unref(m);
	for (unsigned i = 0; r >= 0 && i < w->n; i++)
		r = unit_load(&w->units[i]);
	if (r < 0)
		manager_lost(w, strerror(-r));
}

static int owner_changed(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct unit_watch *w = context;
	const char *name, *before, *after;

	if (sd_bus_message_read(m, "sss", &name, &before, &after) < 0)
		return 0;
	if (after[0])
		manager_ask(w);
	else
		present_set(w, false, "the manager has left the bus");
	return 0;
}

static int manager_reloading(sd_bus_message *m, void *context, sd_bus_error *error)
{
	int begins;

	if (sd_bus_message_read(m, "b", &begins) >= 0 && !begins)
		manager_ask(context);
	return 0;
}

/* A unit comes or goes: its state may have changed before there was somebody to say so. */
static int unit_came_or_went(sd_bus_message *m, void *context, sd_bus_error *error)
{
	const char *id, *path;

	if (sd_bus_message_read(m, "so", &id, &path) >= 0 && unit_find(context, id))
		units_list(context);
	return 0;
}

static int signals_watch(struct unit_watch *w)
{
	static const struct {
		const char *member;
		sd_bus_message_handler_t handler;
	} signals[] = { { "Reloading", manager_reloading },
			{ "UnitNew", unit_came_or_went },
			{ "UnitRemoved", unit_came_or_went } };
	char rule[256];
	int r = sd_bus_add_match_async(w->bus, NULL,
				       "type='signal',sender='org.freedesktop.DBus',path='/org/freedesktop/DBus',"
				       "interface='org.freedesktop.DBus',member='NameOwnerChanged',arg0='" MANAGER "'",
				       owner_changed, NULL, w);

	for (unsigned i = 0; r >= 0 && i < sizeof signals / sizeof *signals; i++) {
		snprintf(rule, sizeof rule,
			 "type='signal',sender='" MANAGER "',path='" MANAGER_PATH "',interface='" MANAGER_INTERFACE
			 "',member='%s'",
			 signals[i].member);
		r = sd_bus_add_match_async(w->bus, NULL, rule, signals[i].handler, NULL, w);
	}
	return r;
}

static void disconnect(struct unit_watch *w)
{
	for (struct unit *u = w->units; u < w->units + w->n; u++)
		u->match = sd_bus_slot_unref(u->match);
	if (w->events)
		epoll_ctl(w->epoll_fd, EPOLL_CTL_DEL, sd_bus_get_fd(w->bus), NULL);
	w->events = 0;
	w->n_loading = 0;
	w->listing = w->list_again = w->ask_again = false;
	sd_bus_close(w->bus);
	w->bus = sd_bus_unref(w->bus);
}

static int bus_open(struct unit_watch *w)
{
	int r = sd_bus_new(&w->bus);

	if (r >= 0)
		r = sd_bus_set_address(w->bus, w->address);
	if (r >= 0)
		r = sd_bus_set_bus_client(w->bus, 1);
	if (r >= 0)
		r = sd_bus_start(w->bus);
	if (r >= 0)
		r = signals_watch(w);
	if (r >= 0)
		manager_ask(w);
	return r < 0 ? r : 0;
}

static void bus_lost(struct unit_watch *w, int err)
{
	present_set(w, false, strerror(-err));
	disconnect(w);
	retry_later(w);
}

/* Handle what has come. Whether there may be more; a lost bus is put away. */
static bool bus_process(struct unit_watch *w)
{
	int r = 1;

	for (int i = 0; r > 0 && i < MESSAGES_PER_TICK; i++)
		r = sd_bus_process(w->bus, NULL);
	if (r >= 0 && !sd_bus_is_open(w->bus))
		r = -ECONNRESET;
	if (r < 0)
		bus_lost(w, r);
	return r > 0;
}

/* Wait for what the bus waits for. */
static int events_set(struct unit_watch *w)
{
	int wanted = sd_bus_get_events(w->bus), fd = sd_bus_get_fd(w->bus);
	struct epoll_event e = { .events = (uint32_t)wanted };

	if (wanted < 0 || fd < 0)
		return wanted < 0 ? wanted : fd;
	/* POLLIN and so on have the values of EPOLLIN and so on; hang-ups are reported in any case */
	e.events |= EPOLLIN;
	if (e.events == w->events)
		return 0;
	if (epoll_ctl(w->epoll_fd, w->events ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, &e))
		return -errno;
	w->events = e.events;
	return 0;
}

static uint64_t bus_due_ns(struct unit_watch *w)
{
	uint64_t us = UINT64_MAX, due_ns = w->ask_again ? w->retry_ns : UINT64_MAX;

	if (sd_bus_get_timeout(w->bus, &us) >= 0 && us < UINT64_MAX / 1000 && us * 1000 < due_ns)
		due_ns = us * 1000;
	return due_ns;
}

uint64_t unit_watch_tick(struct unit_watch *w, uint64_t now_ns)
{
	bool more;
	int err = 0;

	if (!w->bus && now_ns < w->retry_ns)
		return w->retry_ns;
	if (!w->bus)
		err = bus_open(w);
	else if (w->ask_again && now_ns >= w->retry_ns)
		manager_ask(w);
	more = !err && bus_process(w);
	if (!err && w->bus)
		err = events_set(w);
	if (err < 0)
		bus_lost(w, err);
	if (!w->bus)
		return w->retry_ns;
	return more ? now_ns : bus_due_ns(w);
}

int unit_watch_fd(const struct unit_watch *w)
{
	return w->epoll_fd;
}

static int units_copy(struct unit_watch *w, char *const *names, unsigned n)
{
	w->units = calloc(n ? n : 1, sizeof *w->units);
	if (!w->units)
		return -ENOMEM;
	for (; w->n < n; w->n++) {
		struct unit *u = &w->units[w->n];

		if (strlen(names[w->n]) >= UNIT_NAME_MAX)
			return -EINVAL;
		u->watch = w;
		u->name = strdup(names[w->n]);
		if (!u->name)
			return -ENOMEM;
	}
	return 0;
}

int unit_watch_new(const char *address, char *const *names, unsigned n, const struct unit_watch_handlers *h,
		   void *context, struct unit_watch **ret)
{
	struct unit_watch *w = calloc(1, sizeof *w);
	int err;

	if (!w)
		return -ENOMEM;
	w->handlers = *h;
	w->context = context;
	w->pause_ns = RETRY_FIRST_NS;
	w->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	w->address = strdup(address);
	err = w->epoll_fd < 0 ? -errno : w->address ? units_copy(w, names, n) : -ENOMEM;
	if (err)
		unit_watch_free(w);
	else
		*ret = w;
	return err;
}

void unit_watch_free(struct unit_watch *w)
{
	if (!w)
		return;
	if (w->bus)
		disconnect(w);
	for (unsigned i = 0; i < w->n; i++)
		free(w->units[i].name);
	free(w->units);
	free(w->address);
	if (w->epoll_fd >= 0)
		close(w->epoll_fd);
	free(w);
}
