/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/local_policy.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

int local_credentials_read(int fd, struct local_credentials *ret)
{
	struct local_credentials c = { 0 };
	gid_t groups[LOCAL_MAX_GROUPS - 1];
	struct ucred u;
	socklen_t len = sizeof u;

	if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &u, &len))
		return -errno;
	c.pid = u.pid;
	c.uid = u.uid;
	c.groups[c.n_groups++] = u.gid;
	len = sizeof groups;
	/* with more groups than there is room for the kernel gives none (ERANGE) */
	if (getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups, &len) == 0) {
		memcpy(&c.groups[1], groups, len);
		c.n_groups += len / sizeof groups[0];
	}
	*ret = c;
	return 0;
}

bool local_policy_allows(const struct agent_people *p, const struct local_credentials *c)
{
	if (c->uid == 0 || c->uid == geteuid())
		return true;
	for (unsigned i = 0; i < p->n_users; i++)
		if (p->users[i] == c->uid)
			return true;
	for (unsigned i = 0; i < p->n_groups; i++)
		for (unsigned j = 0; j < c->n_groups; j++)
			if (p->groups[i] == c->groups[j])
				return true;
	return false;
}
