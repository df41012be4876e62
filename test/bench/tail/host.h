/* SPDX-License-Identifier: BSD-3-Clause */
/* One simulated host: cores that take requests first come, first served. */
#ifndef TAIL_HOST_H
#define TAIL_HOST_H

#include "tail.h"

/* Let the running requests go on until now_ns. */
void host_move(struct tail_host *h, uint64_t now_ns);
/* A request comes. 0 or -ENOMEM. After host_move(). */
int host_put(struct tail_host *h, unsigned n_cores, struct tail_request r);
/* When the next request will be done at the present speed; UINT64_MAX: none is there. After host_move(). */
uint64_t host_next_ns(const struct tail_host *h);
/* Take out the one that is done; a waiting one begins. After host_move() to host_next_ns(). */
struct tail_request host_take(struct tail_host *h);
void host_fini(struct tail_host *h);

#endif
