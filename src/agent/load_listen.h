/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * How full the accept queues of a port are, by sock_diag (sock_diag(7)): for a
 * listening socket the kernel's rqueue is the number of connections that wait to
 * be accepted, wqueue the most there may be. The network namespace is that in
 * which the socket was opened.
 */
#ifndef BATON_AGENT_LOAD_LISTEN_H
#define BATON_AGENT_LOAD_LISTEN_H

#include <stdint.h>

#include "baton/addr.h"

struct load_queue {
	uint32_t waiting, most; /* of the fullest socket */
	unsigned n_sockets;
};

/* The netlink socket, or -errno. */
int load_listen_open(void);
/*
 * Look at all TCP listeners on port that take connections for addr: bound to
 * it, or to any address. 0; -ENOENT if there is none; other -errno.
 */
int load_listen_read(int netlink, const struct baton_addr *addr, uint16_t port, struct load_queue *ret);
/* Hundredths of a percent, at most HEALTH_LOAD_MAX; a queue with room for nobody is full with one. */
uint32_t load_queue_fill(const struct load_queue *q);

#endif
