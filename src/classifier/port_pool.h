/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Source ports of one source-NAT address and protocol. First in, first out: the
 * port that has rested longest is taken, and none before it has rested for the
 * quarantine, in which the host may still hold the old connection (TIME_WAIT).
 * Constant time, memory fixed at start. One lcore.
 */
#ifndef BATON_CLASSIFIER_PORT_POOL_H
#define BATON_CLASSIFIER_PORT_POOL_H

#include <stdint.h>

struct port_pool {
	uint32_t *rested_from_s; /* ring beside .ports: when the quarantine began; 0: never used */
	uint16_t *ports;         /* ring, host order */
	uint32_t size, head, n;  /* n ports from head on are in the ring */
	uint32_t quarantine_s;
};

/* All ports first … last (host order, first ≤ last). 0, -EINVAL or -ENOMEM. */
int port_pool_init(struct port_pool *p, uint16_t first, uint16_t last, uint32_t quarantine_s);
/* Takes a zeroed pool as well. */
void port_pool_fini(struct port_pool *p);
/* A port in host order, or -EAGAIN if none has rested long enough. now_ns: monotonic. */
int port_pool_get(struct port_pool *p, uint64_t now_ns);
/* Give back a port that came from this pool; its quarantine begins. */
void port_pool_put(struct port_pool *p, uint16_t port, uint64_t now_ns);

#endif
