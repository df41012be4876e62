/* SPDX-License-Identifier: BSD-3-Clause */
/* Messages of a classifier's lcore to the forwarders: they leave at the end of the turn. */
#include <string.h>

#include <rte_mbuf.h>

#include "classifier/service_internal.h"

bool service_send(struct classifier_service *s, struct plumb_message *m)
{
	if (outbox_put(&s->to_forwarder[m->forwarder], m))
		return true;
	channel_message_put(s->channel, m);
	s->counters.forwarder_busy++;
	return false;
}

struct plumb_message *service_message(struct classifier_service *s, enum plumb_type type, uint8_t forwarder)
{
	struct plumb_message *m = channel_message_get(s->channel);

	if (!m) {
		s->counters.messages_exhausted++;
		return NULL;
	}
	m->type = (uint8_t)type;
	m->forwarder = forwarder;
	return m;
}

/* One message without a packet to each forwarder of the mask. Lost ones heal by idle time. */
static void service_tell(struct classifier_service *s, enum plumb_type type, const struct baton_tuple *key,
			 uint32_t forwarders, uint8_t state)
{
	for (uint8_t f = 0; forwarders; f++, forwarders >>= 1) {
		struct plumb_message *m = forwarders & 1 ? service_message(s, type, f) : NULL;

		if (!m)
			continue;
		m->route.key = *key;
		m->route.state = state;
		service_send(s, m);
	}
}

void service_delete(struct classifier_service *s, const struct classifier_delete *d, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		service_tell(s, PLUMB_DELETE, &d[i].key, d[i].forwarders, 0);
}

void service_set_state(struct classifier_service *s, const struct classifier_state_change *c, unsigned n)
{
	for (unsigned i = 0; i < n; i++)
		service_tell(s, PLUMB_SET_STATE, &c[i].key, c[i].forwarders, c[i].state);
}

void service_aged(struct classifier_service *s, const struct baton_tuple *key, uint8_t forwarder, bool add_failed,
		  uint64_t now_ns)
{
	struct classifier_delete deletes[2];

	service_delete(s, deletes, classifier_aged(s->classifier, key, forwarder, add_failed, now_ns, deletes));
}

struct rte_mbuf *service_frame(struct classifier_service *s, uint16_t port, uint32_t len)
{
	struct rte_mbuf *b = s->packets ? rte_pktmbuf_alloc(s->packets) : NULL;

	if (!b || len > rte_pktmbuf_tailroom(b)) {
		rte_pktmbuf_free(b);
		s->counters.buffers_exhausted++;
		return NULL;
	}
	b->port = port;
	rte_pktmbuf_append(b, (uint16_t)len);
	return b;
}

bool service_hand(struct classifier_service *s, enum plumb_type type, uint8_t forwarder, struct rte_mbuf *b)
{
	struct plumb_message *m = service_message(s, type, forwarder);

	if (!m) {
		rte_pktmbuf_free(b);
		return false;
	}
	m->packet = b;
	m->route.port = b->port;
	return service_send(s, m);
}

bool service_add(struct classifier_service *s, uint8_t forwarder, const struct plumb_route *r, uint64_t now_ns)
{
	struct plumb_message *m = service_message(s, PLUMB_ADD, forwarder);

	if (m)
		m->route = *r;
	if (m && service_send(s, m))
		return true;
	service_aged(s, &r->key, forwarder, true, now_ns);
	return false;
}
