/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Full-NAT sources: per forwarder, address and protocol one pool of ports,
 * this classifier's slice of the range. One lcore.
 */
#ifndef BATON_CLASSIFIER_SNAT_H
#define BATON_CLASSIFIER_SNAT_H

#include "classifier/classifier.h"
#include "classifier/port_pool.h"

struct snat_source {
	struct baton_addr addr;
	uint8_t proto;
	struct port_pool ports;
};

struct snat {
	struct snat_source *sources;
	uint16_t first[VIEW_MAX_FORWARDERS + 1]; /* sources of forwarder i: first[i] … first[i + 1] - 1 */
	uint16_t turn[VIEW_MAX_FORWARDERS];      /* where to begin, so that addresses share the load */
};

/* 0, -EINVAL (port range too small for the classifiers) or -ENOMEM. */
int snat_init(struct snat *n, const struct classifier_params *p);
void snat_fini(struct snat *n);
/* Index of a source with a free port, and the port in host order; or -EAGAIN. */
int snat_get(struct snat *n, uint8_t forwarder, uint8_t family, uint8_t proto, uint64_t now_ns, uint16_t *ret_port);
void snat_put(struct snat *n, uint16_t source, uint16_t port, uint64_t now_ns);

#endif
