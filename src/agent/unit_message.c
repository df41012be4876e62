/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/unit_message.h"

#include <string.h>

bool unit_state_is_active(const char *state)
{
	return !strcmp(state, "active") || !strcmp(state, "reloading") || !strcmp(state, "refreshing");
}

int unit_message_list_next(sd_bus_message *m, const char **ret_id, const char **ret_state)
{
	static const char signature[] = "(ssssssouso)"; /* id, description, loaded, active, sub, following, … */
	char type;
	int r = sd_bus_message_peek_type(m, &type, NULL);

	/* the first call stands before the array, the others within it */
	if (r > 0 && type == SD_BUS_TYPE_ARRAY)
		r = sd_bus_message_enter_container(m, 'a', signature);
	return r <= 0 ? r
		      : sd_bus_message_read(m, signature, ret_id, NULL, NULL, ret_state, NULL, NULL, NULL, NULL, NULL,
					    NULL);
}

int unit_message_active_state(sd_bus_message *m, const char **ret)
{
	const char *key;
	int r = sd_bus_message_enter_container(m, 'a', "{sv}");

	*ret = NULL;
	while (r >= 0 && (r = sd_bus_message_enter_container(m, 'e', "sv")) > 0) {
		r = sd_bus_message_read(m, "s", &key);
		if (r >= 0)
			r = strcmp(key, "ActiveState") ? sd_bus_message_skip(m, "v")
						       : sd_bus_message_read(m, "v", "s", ret);
		if (r >= 0)
			r = sd_bus_message_exit_container(m);
	}
	return r;
}
