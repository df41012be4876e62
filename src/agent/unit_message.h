/* SPDX-License-Identifier: BSD-3-Clause */
/* What messages of systemd's manager say about units; see org.freedesktop.systemd1(5). */
#ifndef BATON_AGENT_UNIT_MESSAGE_H
#define BATON_AGENT_UNIT_MESSAGE_H

#include <stdbool.h>
#include <systemd/sd-bus.h>

#define UNIT_INTERFACE "org.freedesktop.systemd1.Unit"

/* Whether an ActiveState stands for a unit that does its work: also while it reads its configuration anew. */
bool unit_state_is_active(const char *state);
/*
 * Read the next entry of an answer to ListUnitsByPatterns, from its beginning
 * on: 1 with *ret_id and *ret_state, the message's; 0 at the end; -errno.
 */
int unit_message_list_next(sd_bus_message *m, const char **ret_id, const char **ret_state);
/* Read the changed properties of a PropertiesChanged: ActiveState, the message's, or NULL. Negative: -errno. */
int unit_message_active_state(sd_bus_message *m, const char **ret);

#endif
