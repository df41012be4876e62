/* SPDX-License-Identifier: BSD-3-Clause */
/* All that the parts of the health service count, in one row. */
#ifndef BATON_AGENT_HEALTH_COUNTERS_H
#define BATON_AGENT_HEALTH_COUNTERS_H

#include "agent/balancers.h"
#include "agent/local_socket.h"
#include "health/host.h"

/* Where they are; NULL: that part does not run. */
struct health_counters {
	const struct local_socket *socket;
	const struct balancers *balancers;
	const uint64_t *host;
};

/* Counter i: its name, explanation (static) and value; false if there is none. */
bool health_counter_read(const struct health_counters *c, unsigned i, const char **ret_name, const char **ret_text,
			 uint64_t *ret_value);

#endif
