/* SPDX-License-Identifier: BSD-3-Clause */
#include "classifier/port_pool.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

int port_pool_init(struct port_pool *p, uint16_t first, uint16_t last, uint32_t quarantine_s)
{
	memset(p, 0, sizeof(*p));
	if (first == 0 || first > last)
		return -EINVAL;

	p->size = p->n = (uint32_t)last - first + 1;
	p->quarantine_s = quarantine_s;
	p->ports = malloc(p->size * sizeof(*p->ports));
	p->rested_from_s = calloc(p->size, sizeof(*p->rested_from_s));
	if (!p->ports || !p->rested_from_s) {
		port_pool_fini(p);
		return -ENOMEM;
	}
	for (uint32_t i = 0; i < p->size; i++)
		p->ports[i] = (uint16_t)(first + i);
	return 0;
}

void port_pool_fini(struct port_pool *p)
{
	free(p->ports);
	free(p->rested_from_s);
	memset(p, 0, sizeof(*p));
}

int port_pool_get(struct port_pool *p, uint64_t now_ns)
{
	uint64_t now_s = now_ns / CLOCK_NS_PER_S;
	uint32_t at = p->head;

	if (p->n == 0)
		return -EAGAIN;
	if (p->rested_from_s[at] && now_s < (uint64_t)p->rested_from_s[at] + p->quarantine_s)
		return -EAGAIN;
	p->head = at + 1 == p->size ? 0 : at + 1;
	p->n--;
	return p->ports[at];
}

void port_pool_put(struct port_pool *p, uint16_t port, uint64_t now_ns)
{
	uint32_t at = p->head + p->n;

	assert(p->n < p->size);
	if (at >= p->size)
		at -= p->size;
	p->ports[at] = port;
	/* rounded up, so that the rest is never short by the fraction */
	p->rested_from_s[at] = (uint32_t)(now_ns / CLOCK_NS_PER_S) + 1;
	p->n++;
}
