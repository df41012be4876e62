/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Stands in for systemd's manager on a private bus, as far as watching units
 * goes: Subscribe, LoadUnit, ListUnitsByPatterns; UnitNew, UnitRemoved,
 * Reloading and PropertiesChanged, which go out only after Subscribe. Like
 * systemd, it knows stopped units only while somebody refers to them: LoadUnit
 * makes UnitNew and UnitRemoved of them, and a unit that starts is announced by
 * UnitNew alone.
 */
#ifndef TEST_SYSTEMD_STAND_IN_H
#define TEST_SYSTEMD_STAND_IN_H

#include <stdbool.h>
#include <stdint.h>
#include <systemd/sd-bus.h>

#define STAND_IN_MAX_UNITS 16

struct stand_in_unit {
	char id[64], alias[64], state[32]; /* alias may be empty */
	bool loaded;
};

struct stand_in {
	sd_bus *bus;
	struct stand_in_unit units[STAND_IN_MAX_UNITS];
	unsigned n_units;
	bool subscribed;
	unsigned n_loads, n_lists; /* calls of LoadUnit and ListUnitsByPatterns */
};

/* Where a bus daemon runs that the test has started. */
struct private_bus {
	char folder[64], address[128];
	int pid;
};

/* Start dbus-daemon in .folder, or in a new one, and wait until it listens. Exits the program on failure. */
void private_bus_start(struct private_bus *b);
/* The same again at the same address. */
void private_bus_restart(struct private_bus *b);
void private_bus_stop(struct private_bus *b);
/* Stop, and remove the folder. */
void private_bus_remove(struct private_bus *b);

/* Connect and take the manager's name. Units stay from one opening to the next. 0 or -errno. */
int stand_in_open(struct stand_in *s, const char *address);
void stand_in_close(struct stand_in *s);
/* Answer what has come. */
void stand_in_step(struct stand_in *s);
/* A unit file; stopped. */
void stand_in_add(struct stand_in *s, const char *id, const char *alias);
/* Change a unit's ActiveState, and say so. 0, or -ENOENT. */
int stand_in_set(struct stand_in *s, const char *id, const char *state);
/* The same without saying so. */
int stand_in_set_silently(struct stand_in *s, const char *id, const char *state);
/* Say that the manager has read its configuration anew. */
void stand_in_reloaded(struct stand_in *s);

#endif
