/* SPDX-License-Identifier: BSD-3-Clause */
#include "systemd_stand_in.h"

#include <errno.h>
#include <fnmatch.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#define NAME "org.freedesktop.systemd1"
#define PATH "/org/freedesktop/systemd1"
#define MANAGER NAME ".Manager"

static void require(bool good, const char *what)
{
	if (good)
		return;
	fprintf(stderr, "systemd stand-in: %s: %s\n", what, strerror(errno));
	exit(1);
}

static void config_write(const struct private_bus *b)
{
	char path[128];
	FILE *f;

	snprintf(path, sizeof path, "%s/bus.conf", b->folder);
	f = fopen(path, "w");
	require(f, path);
	fprintf(f,
		"<busconfig><listen>%s</listen><auth>EXTERNAL</auth><policy context=\"default\">"
		"<allow send_destination=\"*\" eavesdrop=\"true\"/><allow eavesdrop=\"true\"/><allow own=\"*\"/>"
		"</policy></busconfig>\n",
		b->address);
	require(!fclose(f), path);
}

void private_bus_restart(struct private_bus *b)
{
	char config[128], ready[16];
	int ends[2];

	require(!pipe(ends), "pipe");
	snprintf(config, sizeof config, "--config-file=%s/bus.conf", b->folder);
	b->pid = fork();
	require(b->pid >= 0, "fork");
	if (!b->pid) {
		char print[32];

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		snprintf(print, sizeof print, "--print-pid=%d", ends[1]);
		execlp("dbus-daemon", "dbus-daemon", "--nofork", "--nopidfile", config, print, (char *)NULL);
		_exit(127);
	}
	close(ends[1]);
	require(read(ends[0], ready, sizeof ready) > 0, "dbus-daemon");
	close(ends[0]);
}

void private_bus_start(struct private_bus *b)
{
	if (!b->folder[0]) {
		snprintf(b->folder, sizeof b->folder, "/tmp/private_bus_XXXXXX");
		require(mkdtemp(b->folder), b->folder);
	}
	snprintf(b->address, sizeof b->address, "unix:path=%s/socket", b->folder);
	config_write(b);
	private_bus_restart(b);
}

void private_bus_stop(struct private_bus *b)
{
	char path[128];

	if (b->pid <= 0)
		return;
	kill(b->pid, SIGTERM);
	waitpid(b->pid, NULL, 0);
	b->pid = 0;
	snprintf(path, sizeof path, "%s/socket", b->folder);
	unlink(path);
}

void private_bus_remove(struct private_bus *b)
{
	char path[128];

	private_bus_stop(b);
	snprintf(path, sizeof path, "%s/bus.conf", b->folder);
	unlink(path);
	rmdir(b->folder);
}

static struct stand_in_unit *unit_find(struct stand_in *s, const char *name)
{
	for (unsigned i = 0; i < s->n_units; i++)
		if (!strcmp(s->units[i].id, name) || !strcmp(s->units[i].alias, name))
			return &s->units[i];
	return NULL;
}

static char *unit_path(const char *id)
{
	char *path;

	require(sd_bus_path_encode(PATH "/unit", id, &path) >= 0, "path");
	return path;
}

/* UnitNew or UnitRemoved. */
static void announce(struct stand_in *s, const char *id, const char *what)
{
	char *path = unit_path(id);

	if (s->bus && s->subscribed)
		require(sd_bus_emit_signal(s->bus, PATH, MANAGER, what, "so", id, path) >= 0, what);
	free(path);
}

static void state_announce(struct stand_in *s, const struct stand_in_unit *u)
{
	char *path = unit_path(u->id);

	if (s->bus && s->subscribed)
		require(sd_bus_emit_signal(s->bus, path, "org.freedesktop.DBus.Properties", "PropertiesChanged",
					   "sa{sv}as", NAME ".Unit", 2, "SubState", "s", "any", "ActiveState", "s",
					   u->state, 1, "InvocationID") >= 0,
			"PropertiesChanged");
	free(path);
}

static int subscribe(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct stand_in *s = context;

	if (s->subscribed)
		return sd_bus_error_setf(error, NAME ".AlreadySubscribed", "Client is already subscribed.");
	s->subscribed = true;
	return sd_bus_reply_method_return(m, "");
}

/* A unit without a file gets an object too, as with systemd. */
static int unit_load(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct stand_in *s = context;
	struct stand_in_unit *u;
	const char *name;
	char *path;
	int r = sd_bus_message_read(m, "s", &name);

	if (r < 0)
		return r;
	s->n_loads++;
	u = unit_find(s, name);
	path = unit_path(u ? u->id : name);
	r = sd_bus_reply_method_return(m, "o", path);
	free(path);
	if (!u || !u->loaded) {
		announce(s, u ? u->id : name, "UnitNew");
		announce(s, u ? u->id : name, "UnitRemoved");
	}
	return r;
}

static bool is_wanted(const struct stand_in_unit *u, char *const *patterns)
{
	for (; patterns && *patterns; patterns++)
		if (!fnmatch(*patterns, u->id, FNM_NOESCAPE))
			return true;
	return false;
}

static int units_list(sd_bus_message *m, void *context, sd_bus_error *error)
{
	struct stand_in *s = context;
	char **states = NULL, **patterns = NULL;
	sd_bus_message *answer = NULL;

	s->n_lists++;
	require(sd_bus_message_read_strv(m, &states) >= 0 && sd_bus_message_read_strv(m, &patterns) >= 0, "patterns");
	require(sd_bus_message_new_method_return(m, &answer) >= 0 &&
			sd_bus_message_open_container(answer, 'a', "(ssssssouso)") >= 0,
		"list");
	for (struct stand_in_unit *u = s->units; u < s->units + s->n_units; u++)
		if (u->loaded && is_wanted(u, patterns))
			sd_bus_message_append(answer, "(ssssssouso)", u->id, "A unit", "loaded", u->state, "any", "",
					      PATH "/unit/x", 0, "", "/");
	require(sd_bus_message_close_container(answer) >= 0 && sd_bus_send(NULL, answer, NULL) >= 0, "list");
	sd_bus_message_unref(answer);
	for (char **p = patterns; p && *p; p++)
		free(*p);
	free(patterns);
	free(states);
	return 1;
}

static const sd_bus_vtable manager[] = {
	SD_BUS_VTABLE_START(0),
	SD_BUS_METHOD("Subscribe", "", "", subscribe, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("LoadUnit", "s", "o", unit_load, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_METHOD("ListUnitsByPatterns", "asas", "a(ssssssouso)", units_list, SD_BUS_VTABLE_UNPRIVILEGED),
	SD_BUS_SIGNAL("UnitNew", "so", 0),
	SD_BUS_SIGNAL("UnitRemoved", "so", 0),
	SD_BUS_SIGNAL("Reloading", "b", 0),
	SD_BUS_VTABLE_END,
};

int stand_in_open(struct stand_in *s, const char *address)
{
	int r = sd_bus_new(&s->bus);

	s->subscribed = false;
	if (r >= 0)
		r = sd_bus_set_address(s->bus, address);
	if (r >= 0)
		r = sd_bus_set_bus_client(s->bus, 1);
	if (r >= 0)
		r = sd_bus_start(s->bus);
	if (r >= 0)
		r = sd_bus_add_object_vtable(s->bus, NULL, PATH, MANAGER, manager, s);
	return r < 0 ? r : sd_bus_request_name(s->bus, NAME, 0);
}

void stand_in_close(struct stand_in *s)
{
	s->bus = sd_bus_flush_close_unref(s->bus);
}

void stand_in_step(struct stand_in *s)
{
	while (s->bus && sd_bus_process(s->bus, NULL) > 0)
		;
}

void stand_in_add(struct stand_in *s, const char *id, const char *alias)
{
	struct stand_in_unit *u = &s->units[s->n_units++];

	require(s->n_units <= STAND_IN_MAX_UNITS, "too many units");
	snprintf(u->id, sizeof u->id, "%s", id);
	snprintf(u->alias, sizeof u->alias, "%s", alias);
	snprintf(u->state, sizeof u->state, "inactive");
}

int stand_in_set_silently(struct stand_in *s, const char *id, const char *state)
{
	struct stand_in_unit *u = unit_find(s, id);

	if (!u)
		return -ENOENT;
	snprintf(u->state, sizeof u->state, "%s", state);
	u->loaded = strcmp(state, "inactive") != 0;
	return 0;
}

int stand_in_set(struct stand_in *s, const char *id, const char *state)
{
	struct stand_in_unit *u = unit_find(s, id);
	bool was_loaded = u && u->loaded;
	int err = stand_in_set_silently(s, id, state);

	if (err)
		return err;
	if (was_loaded)
		state_announce(s, u);
	else if (u->loaded)
		announce(s, u->id, "UnitNew");
	if (was_loaded && !u->loaded)
		announce(s, u->id, "UnitRemoved");
	if (s->bus)
		sd_bus_flush(s->bus);
	return 0;
}

void stand_in_reloaded(struct stand_in *s)
{
	if (!s->bus || !s->subscribed)
		return;
	sd_bus_emit_signal(s->bus, PATH, MANAGER, "Reloading", "b", 1);
	sd_bus_emit_signal(s->bus, PATH, MANAGER, "Reloading", "b", 0);
	sd_bus_flush(s->bus);
}
