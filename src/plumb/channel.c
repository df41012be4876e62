/* SPDX-License-Identifier: BSD-3-Clause */
#include "plumb/channel.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <rte_lcore.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#define CHANNEL_CACHE 256
#define CHANNEL_LOCAL_RING 1024
#define CHANNEL_ALLOTMENT_RING 1024
#define CHANNEL_ALLOTMENTS 1023
#define CHANNEL_TRACES 1024

static struct rte_ring *channel_ring_new(const char *what, unsigned index, unsigned size)
{
	char name[RTE_RING_NAMESIZE];

	snprintf(name, sizeof name, "%s%u", what, index);
	return rte_ring_create(name, size, SOCKET_ID_ANY, RING_F_SC_DEQ);
}

static bool channel_rings_new(struct channel *c, const struct channel_params *p)
{
	for (unsigned i = 0; i < p->n_forwarders; i++) {
		c->to_forwarder[i] = channel_ring_new("to_fwd", i, p->ring_size);
		if (!c->to_forwarder[i])
			return false;
	}
	for (unsigned i = 0; i < p->n_classifiers; i++) {
		c->to_classifier[i] = channel_ring_new("to_cls", i, p->ring_size);
		c->allotted[i] = channel_ring_new("allotted", i, CHANNEL_ALLOTMENT_RING);
		if (!c->to_classifier[i] || !c->allotted[i])
			return false;
	}
	c->local_packets = channel_ring_new("local", 0, CHANNEL_LOCAL_RING);
	c->allotment_requests = rte_ring_create_elem("allot_req", sizeof(struct allotment_request),
						     CHANNEL_ALLOTMENT_RING, SOCKET_ID_ANY, RING_F_SC_DEQ);
	c->traces = rte_ring_create_elem("traces", sizeof(struct trace_record), CHANNEL_TRACES, SOCKET_ID_ANY,
					 RING_F_SC_DEQ);
	return c->local_packets && c->allotment_requests && c->traces;
}

int channel_init(struct channel *c, const struct channel_params *p)
{
	memset(c, 0, sizeof *c);
	c->n_forwarders = p->n_forwarders;
	c->n_classifiers = p->n_classifiers;
	c->messages = rte_mempool_create("messages", p->n_messages, sizeof(struct plumb_message), CHANNEL_CACHE, 0,
					 NULL, NULL, NULL, NULL, SOCKET_ID_ANY, 0);
	c->allotments = rte_mempool_create("allotments", CHANNEL_ALLOTMENTS, sizeof(struct allotment), 0, 0, NULL, NULL,
					   NULL, NULL, SOCKET_ID_ANY, 0);
	if (c->messages && c->allotments && channel_rings_new(c, p))
		return 0;
	channel_fini(c);
	return -ENOMEM;
}

static void channel_messages_drain(struct channel *c, struct rte_ring *r)
{
	void *m;

	while (r && rte_ring_dequeue(r, &m) == 0)
		channel_message_put(c, m);
	rte_ring_free(r);
}

void channel_fini(struct channel *c)
{
	void *p;

	for (unsigned i = 0; i < c->n_forwarders; i++)
		channel_messages_drain(c, c->to_forwarder[i]);
	for (unsigned i = 0; i < c->n_classifiers; i++) {
		channel_messages_drain(c, c->to_classifier[i]);
		rte_ring_free(c->allotted[i]);
	}
	while (c->local_packets && rte_ring_dequeue(c->local_packets, &p) == 0)
		rte_pktmbuf_free(p);
	rte_ring_free(c->local_packets);
	rte_ring_free(c->allotment_requests);
	rte_ring_free(c->traces);
	rte_mempool_free(c->messages);
	rte_mempool_free(c->allotments);
	memset(c, 0, sizeof *c);
}

struct plumb_message *channel_message_get(struct channel *c)
{
	void *p;

	if (rte_mempool_get(c->messages, &p) < 0)
		return NULL;
	memset(p, 0, sizeof(struct plumb_message));
	return p;
}

void channel_message_put(struct channel *c, struct plumb_message *m)
{
	if (m->packet)
		rte_pktmbuf_free(m->packet);
	rte_mempool_put(c->messages, m);
}

static bool channel_send(struct channel *c, struct rte_ring *r, struct plumb_message *m)
{
	if (rte_ring_enqueue(r, m) == 0)
		return true;
	channel_message_put(c, m);
	return false;
}

bool channel_to_forwarder(struct channel *c, struct plumb_message *m)
{
	return channel_send(c, c->to_forwarder[m->forwarder], m);
}

bool channel_to_classifier(struct channel *c, uint16_t classifier, struct plumb_message *m)
{
	return channel_send(c, c->to_classifier[classifier], m);
}

bool channel_to_control(struct channel *c, struct rte_mbuf *packet)
{
	if (rte_ring_enqueue(c->local_packets, packet) == 0)
		return true;
	rte_pktmbuf_free(packet);
	return false;
}
