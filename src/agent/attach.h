/* SPDX-License-Identifier: BSD-3-Clause */
/* Our filter on an interface's clsact ingress hook. */
#ifndef BATON_AGENT_ATTACH_H
#define BATON_AGENT_ATTACH_H

#include <stdbool.h>

/* Our place on the hook; another program's filter has another handle. */
#define ATTACH_PRIORITY 1
#define ATTACH_HANDLE 0x6274

/*
 * Make the clsact qdisc if there is none. 0 and *ret_made, -EOPNOTSUPP if the
 * kernel lacks it, other -errno.
 */
int attach_hook(unsigned ifindex, bool *ret_made);
/* Put prog_fd on the hook, atomically in place of an older one of ours. 0 or -errno. */
int attach_filter(unsigned ifindex, int prog_fd);
/* Take our filter away; 0 too if there is none. */
int attach_detach(unsigned ifindex);
/* Remove the qdisc unless it holds another program's filter. 0, -EBUSY or -errno. */
int attach_unhook(unsigned ifindex);
/* Id of the program that is attached in our place, 0 if none. */
unsigned attach_program_id(unsigned ifindex);

#endif
