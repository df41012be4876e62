/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/watch_config.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

const struct conf_name watch_unit_stopped_names[] = { { "remove", WATCH_UNIT_REMOVE },
						      { "failing", WATCH_UNIT_FAILING },
						      { 0 } };

const struct conf_key watch_general_keys[] = {
	{ "bus_address", CONF_STRING, CONF_FIELD(struct watch_general, bus_address), .min = 1, .max = 1024,
	  .def = "unix:path=/run/dbus/system_bus_socket",
	  .help = "Address of the D-Bus on which systemd tells of its units." },
	{ "max_commands", CONF_INT, CONF_FIELD(struct watch_general, max_commands), .min = 1, .max = 256, .def = "8",
	  .help = "Most programs of probes at a time; others wait for their turn." },
	{ "load_interval_s", CONF_INT, CONF_FIELD(struct watch_general, load_interval_s), .min = 1, .max = 3600,
	  .def = "5", .help = "Seconds from one sample of the kernel's load to the next." },
	{ 0 },
};

bool watch_app_follows_unit(const struct watch_app *a)
{
	return a->unit && a->unit_stopped == WATCH_UNIT_REMOVE;
}

/* systemd.unit(5): letters, digits and :-_.\ with an @ perhaps, and a type. */
int watch_unit_check(const void *value, char *why, size_t size)
{
	const char *name = *(char *const *)value, *type = strrchr(name, '.');
	bool good = type && type > name && isalpha((unsigned char)type[1]);

	for (const char *p = name; *p; p++)
		good = good && (isalnum((unsigned char)*p) || strchr(":-_.\\@", *p));
	if (good)
		return 0;
	snprintf(why, size, "\"%.64s\" is not the name of a unit such as nginx.service", name);
	return -EINVAL;
}

void watch_app_check(struct conf_findings *f, const struct conf_doc *doc, const char *path, const struct watch_app *a,
		     bool tcp)
{
	char where[96];

	for (unsigned i = 0; i < a->n_probes; i++) {
		const struct probe_config *p = &a->probes[i];

		snprintf(where, sizeof where, "%s.probes[%u]", path, i);
		probe_config_check(f, doc, where, p);
		if (!tcp && p->type != PROBE_COMMAND && !p->port)
			conf_error(f, doc, where, "goes over TCP, but the application does not: give a port");
	}
	snprintf(where, sizeof where, "%s.load.accept_queue", path);
	if (a->load.accept_queue && !tcp)
		conf_error(f, doc, where, "is for TCP only");
	snprintf(where, sizeof where, "%s.load.cgroup", path);
	if (a->load.cgroup && !a->load.cpu)
		conf_error(f, doc, where, "has a meaning only with cpu = true");
}
