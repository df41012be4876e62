/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Watches units of systemd over D-Bus (org.freedesktop.systemd1(5)): whether
 * they are active, told as it changes.
 *
 * An alias is resolved by LoadUnit. States come from ListUnitsByPatterns, which
 * never loads a unit, and then from PropertiesChanged, so that watching a
 * stopped unit does not make the manager load and forget it in turn. All is
 * asked anew when the manager has been reloaded or executed again.
 *
 * While the bus or the manager is away the last known states stand: that
 * nothing can be heard is no evidence that a unit has stopped. The bus is
 * tried again after 0.1 s, then after twice as long each time, at most 5 s.
 *
 * One thread; nothing here waits.
 */
#ifndef BATON_AGENT_UNIT_WATCH_H
#define BATON_AGENT_UNIT_WATCH_H

#include <stdbool.h>
#include <stdint.h>

#define UNIT_NAME_MAX 256 /* with NUL; systemd's own bound */

struct unit_watch;

struct unit_watch_handlers {
	/*
	 * Unit number (its place among the names) is active or not, said when it
	 * changes and the first time. state is its ActiveState, "inactive" if the
	 * manager has not loaded it.
	 */
	void (*unit)(void *context, unsigned number, bool active, const char *state);
	/* Whether the manager can be heard, said when it changes; why not, else NULL. */
	void (*manager)(void *context, bool present, const char *why);
};

/*
 * address: of the bus ("unix:path=…"). Strings are copied. 0 and *ret, or
 * -errno; a bus that is not there is no error.
 */
int unit_watch_new(const char *address, char *const *names, unsigned n, const struct unit_watch_handlers *h,
		   void *context, struct unit_watch **ret);
/* Takes NULL. */
void unit_watch_free(struct unit_watch *w);
/* To be waited for: readable when unit_watch_tick() has something to do. Stays the same. */
int unit_watch_fd(const struct unit_watch *w);
/* Do what is to be done now. clock_monotonic_ns() when it is wanted again even if the descriptor stays silent. */
uint64_t unit_watch_tick(struct unit_watch *w, uint64_t now_ns);

#endif
