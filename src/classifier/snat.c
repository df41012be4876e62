/* SPDX-License-Identifier: BSD-3-Clause */
#include "classifier/snat.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "baton/snat.h"

static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };

static unsigned sources_count(const struct classifier_params *p)
{
	unsigned n = 0;

	for (unsigned f = 0; f < p->n_forwarders; f++)
		n += p->snat[f].n_addrs * 2;
	return n;
}

static int forwarder_init(struct snat *n, const struct classifier_params *p, unsigned f)
{
	uint32_t size = snat_slice_size(p->snat_port_first, p->snat_port_last, p->n_classifiers);
	uint32_t from = p->snat_port_first + size * p->index;
	uint32_t to = p->index + 1 == p->n_classifiers ? p->snat_port_last : from + size - 1;

	if (from > p->snat_port_last)
		return -EINVAL;
	for (unsigned i = 0; i < p->snat[f].n_addrs * 2; i++) {
		struct snat_source *s = &n->sources[n->first[f + 1]];
		int err = port_pool_init(&s->ports, (uint16_t)from, (uint16_t)to, p->snat_quarantine_s);

		if (err)
			return err;
		s->addr = p->snat[f].addrs[i / 2];
		s->proto = protos[i % 2];
		n->first[f + 1]++;
	}
	return 0;
}

int snat_init(struct snat *n, const struct classifier_params *p)
{
	unsigned total = sources_count(p);

	memset(n, 0, sizeof(*n));
	if (total == 0)
		return 0;
	if (p->snat_port_first == 0 || p->snat_port_first > p->snat_port_last)
		return -EINVAL;
	n->sources = calloc(total, sizeof(*n->sources));
	if (!n->sources)
		return -ENOMEM;
	for (unsigned f = 0; f < VIEW_MAX_FORWARDERS; f++) {
		int err = 0;

		n->first[f + 1] = n->first[f];
		if (f < p->n_forwarders)
			err = forwarder_init(n, p, f);
		if (err) {
			/* what is behind .first of the last one is what exists */
			n->first[VIEW_MAX_FORWARDERS] = n->first[f + 1];
			snat_fini(n);
			return err;
		}
	}
	return 0;
}

void snat_fini(struct snat *n)
{
	for (unsigned i = 0; i < n->first[VIEW_MAX_FORWARDERS]; i++)
		port_pool_fini(&n->sources[i].ports);
	free(n->sources);
	memset(n, 0, sizeof(*n));
}

int snat_get(struct snat *n, uint8_t forwarder, uint8_t family, uint8_t proto, uint64_t now_ns, uint16_t *ret_port)
{
	uint16_t from = n->first[forwarder], to = n->first[forwarder + 1];

	for (uint16_t tries = 0; tries < to - from; tries++) {
		uint16_t i = n->turn[forwarder];
		struct snat_source *s = &n->sources[from + i];
		int port;

		n->turn[forwarder] = from + i + 1 == to ? 0 : i + 1;
		if (s->addr.family != family || s->proto != proto)
			continue;
		port = port_pool_get(&s->ports, now_ns);
		if (port < 0)
			continue;
		*ret_port = (uint16_t)port;
		return from + i;
	}
	return -EAGAIN;
}

void snat_put(struct snat *n, uint16_t source, uint16_t port, uint64_t now_ns)
{
	port_pool_put(&n->sources[source].ports, port, now_ns);
}
