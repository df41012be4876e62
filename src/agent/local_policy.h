/* SPDX-License-Identifier: BSD-3-Clause */
/* Who is at the other end of a unix socket, and what that one may do. */
#ifndef BATON_AGENT_LOCAL_POLICY_H
#define BATON_AGENT_LOCAL_POLICY_H

#include <stdbool.h>
#include <sys/types.h>

#include "agent/config_health.h"

#define LOCAL_MAX_GROUPS 256 /* of one process; further ones do not count */

struct local_credentials {
	pid_t pid;
	uid_t uid;
	gid_t groups[LOCAL_MAX_GROUPS]; /* the first is the process's own */
	unsigned n_groups;
};

/* As the kernel knows them from the time of connect(). 0 or -errno. */
int local_credentials_read(int fd, struct local_credentials *ret);
/* Root, the agent's own user, and those named. */
bool local_policy_allows(const struct agent_people *p, const struct local_credentials *c);

#endif
