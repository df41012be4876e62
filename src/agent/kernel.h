/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What this machine's kernel is able and set to do with connections that a
 * device has accepted. Looked at again and again, because sysctls change; the
 * tc program reads it in the map kernel.
 */
#ifndef BATON_AGENT_KERNEL_H
#define BATON_AGENT_KERNEL_H

#include "agent/datapath.h"
#include "baton/abi/agent_maps.h"

/*
 * Read the sysctls of the thread's network namespace. creates: whether the
 * kernel has the function at all. Sysctls that can't be read count as on.
 */
void agent_kernel_read(struct agent_kernel *ret, bool creates);
/* Words for what stands in the way of every connection, or NULL; static storage. */
const char *agent_kernel_obstacle(const struct agent_kernel *k);
/* Read again; write the map and log what has changed since *last. 0 or -errno. */
int agent_kernel_sync(const struct datapath *d, struct agent_kernel *last);

#endif
