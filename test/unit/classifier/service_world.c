/* SPDX-License-Identifier: BSD-3-Clause */
#include "service_world.h"

#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include <rte_eal.h>
#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_ring.h>

struct rte_mempool *service_world_packets;

int service_world_setup(void **state)
{
	char lcores[16];
	char *args[] = { "test",
			 "--no-huge",
			 "--no-shconf",
			 "--no-pci",
			 "-m",
			 "64",
			 "-d",
			 "librte_mempool_ring.so",
			 "--lcores",
			 lcores,
			 "--no-telemetry",
			 "--log-level",
			 "warning" };

	snprintf(lcores, sizeof lcores, "0@%d", sched_getcpu());
	if (rte_eal_init(sizeof args / sizeof *args, args) < 0)
		return -1;
	service_world_packets =
		rte_pktmbuf_pool_create("wire", N_PACKETS, 0, 0, RTE_MBUF_DEFAULT_BUF_SIZE, SOCKET_ID_ANY);
	return service_world_packets ? 0 : -1;
}

struct service_world *service_world_new(uint8_t proto, uint8_t mode)
{
	const struct channel_params channel = {
		.n_forwarders = N_FORWARDERS, .n_classifiers = 1, .n_messages = N_MESSAGES, .ring_size = RING
	};
	struct classifier_params p = fixture_params();
	struct service_world *w = calloc(1, sizeof *w);

	assert_non_null(w);
	assert_int_equal(channel_init(&w->channel, &channel), 0);
	p.n_forwarders = N_FORWARDERS;
	p.snat_quarantine_s = 0;
	w->view = fixture_view(proto, mode, 3);
	for (unsigned i = 0; i < VIEW_MAX_PORTS; i++)
		w->view->ports[i].gateway4 = w->view->ports[i].gateway6 = VIEW_NONE;
	classifier_service_init(&w->s, 0, fixture_classifier(&p), &w->channel);
	return w;
}

/* Nothing is left in a ring, and every packet and message is back. */
void service_world_free(struct service_world *w)
{
	classifier_service_fini(&w->s);
	for (unsigned i = 0; i < N_FORWARDERS; i++)
		assert_int_equal(rte_ring_count(w->channel.to_forwarder[i]), 0);
	assert_int_equal(rte_mempool_avail_count(w->channel.messages), N_MESSAGES);
	assert_int_equal(rte_mempool_avail_count(service_world_packets), N_PACKETS);
	channel_fini(&w->channel);
	view_free(w->view);
	free(w);
}

struct plumb_message *service_world_message(struct service_world *w, enum plumb_type type, uint8_t forwarder,
					    const struct baton_tuple *key)
{
	struct plumb_message *m = channel_message_get(&w->channel);

	assert_non_null(m);
	m->type = (uint8_t)type;
	m->forwarder = forwarder;
	m->route.key = *key;
	return m;
}

void service_world_poll(struct service_world *w)
{
	while (classifier_service_poll(&w->s, w->view, NOW, WALL))
		;
}

void service_world_miss(struct service_world *w, uint8_t forwarder, uint16_t port, const struct frame *f, uint16_t vip)
{
	struct plumb_message *m = service_world_message(w, PLUMB_MISS, forwarder, &f->tuple);
	struct rte_mbuf *b = rte_pktmbuf_alloc(service_world_packets);

	assert_non_null(b);
	memcpy(rte_pktmbuf_append(b, (uint16_t)f->len), f->b, f->len);
	b->port = port;
	m->packet = b;
	m->route.port = port;
	memcpy(m->route.mac, f->b + 6, sizeof m->route.mac);
	m->vip = vip;
	m->tcp_flags = f->tuple.proto == IPPROTO_TCP ? f->b[f->l4 + 13] : 0;
	m->l3_offset = (uint16_t)f->l3;
	m->l4_offset = (uint16_t)f->l4;
	assert_true(channel_to_classifier(&w->channel, 0, m));
	service_world_poll(w);
}

struct plumb_message *service_world_told(struct service_world *w, uint8_t forwarder, enum plumb_type type)
{
	struct plumb_message *m;
	void *p = NULL;

	assert_int_equal(rte_ring_dequeue(w->channel.to_forwarder[forwarder], &p), 0);
	m = p;
	assert_int_equal(m->type, type);
	assert_int_equal(m->forwarder, forwarder);
	return m;
}

void service_world_forget(struct service_world *w, struct plumb_message *m)
{
	channel_message_put(&w->channel, m);
}
