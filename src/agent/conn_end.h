/* SPDX-License-Identifier: BSD-3-Clause */
/* End a TCP connection of this machine from outside (sock_diag(7), SOCK_DESTROY). */
#ifndef BATON_AGENT_CONN_END_H
#define BATON_AGENT_CONN_END_H

#include "baton/abi/agent_maps.h"

/*
 * End the connection with this key in the thread's network namespace; its
 * client gets a reset. Never a listener. 0, -ENOENT if there is none,
 * -EOPNOTSUPP if the kernel can't (CONFIG_INET_DIAG_DESTROY), other -errno.
 */
int conn_end(const struct agent_conn_key *key);

#endif
