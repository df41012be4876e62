/* SPDX-License-Identifier: BSD-3-Clause */
/* Between the hand-over of connections, which is pure, and the forwarders: what it asks for, as messages. */
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include <rte_mbuf.h>

#include "classifier/service_internal.h"
#include "forwarder/packet.h"

static void handover_send(void *arg, uint8_t forwarder, uint16_t port, const uint8_t *frame, uint32_t len)
{
	struct rte_mbuf *b = service_frame(arg, port, len);

	if (!b)
		return;
	memcpy(rte_pktmbuf_mtod(b, void *), frame, len);
	service_hand(arg, PLUMB_SEND, forwarder, b);
}

static void handover_inject(void *arg, uint8_t forwarder, uint16_t port, const uint8_t *frame, uint32_t len)
{
	struct rte_mbuf *b = service_frame(arg, port, len);

	if (!b)
		return;
	memcpy(rte_pktmbuf_mtod(b, void *), frame, len);
	service_hand(arg, PLUMB_PACKET, forwarder, b);
}

/* Is the host's link address known? Asked before the forwarder is, which could only drop. */
static bool handover_reachable(const struct view *v, uint16_t endpoint)
{
	const struct view_endpoint *e = endpoint < v->n_endpoints ? &v->endpoints[endpoint] : NULL;

	return e && e->family && e->nexthop < v->n_nexthops && v->nexthops[e->nexthop].mtu;
}

static bool handover_shim(void *arg, uint8_t forwarder, uint16_t endpoint, enum baton_shim_type type,
			  const struct baton_shim_create *body, const uint8_t *l2, uint16_t l2_len,
			  const uint8_t *inner, uint16_t inner_len)
{
	struct classifier_service *s = arg;
	struct plumb_message *m;
	struct rte_mbuf *b;
	uint8_t *at;

	if (!handover_reachable(s->view, endpoint))
		return false;
	b = service_frame(s, 0, (uint32_t)l2_len + (uint32_t)sizeof *body + inner_len);
	if (!b)
		return false;
	at = rte_pktmbuf_mtod(b, uint8_t *);
	memcpy(at, l2, l2_len);
	memcpy(at + l2_len, body, sizeof *body);
	if (inner_len)
		memcpy(at + l2_len + sizeof *body, inner, inner_len);
	m = service_message(s, PLUMB_SHIM, forwarder);
	if (!m) {
		rte_pktmbuf_free(b);
		return false;
	}
	m->packet = b;
	m->shim_type = (uint8_t)type;
	m->l3_offset = l2_len;
	m->route.key = (struct baton_tuple){
		.sport_be = body->sport, .dport_be = body->dport, .family = body->family, .proto = IPPROTO_TCP
	};
	memcpy(m->route.key.saddr, body->saddr, sizeof m->route.key.saddr);
	memcpy(m->route.key.daddr, body->daddr, sizeof m->route.key.daddr);
	m->route.endpoint = endpoint;
	return service_send(s, m);
}

static struct classifier_keys handover_keys(const struct handover_keys *keys)
{
	return (struct classifier_keys){ keys->present, keys->key };
}

static uint16_t handover_choose(void *arg, uint16_t service, const struct handover_keys *keys, const uint16_t *tried,
				unsigned n_tried)
{
	struct classifier_service *s = arg;
	const struct session_counters *c = classifier_session_counters_get(s->classifier);
	struct classifier_keys k = handover_keys(keys);
	uint64_t hits = c->session_hits;
	uint16_t endpoint = classifier_choose(s->classifier, s->view, service, &k, tried, n_tried, s->now_ns);

	s->by_session = c->session_hits != hits;
	return endpoint;
}

static void handover_key(void *arg, uint16_t vip, const struct baton_affinity *a, const uint8_t *bytes, uint32_t len,
			 struct session_key *ret)
{
	struct classifier_service *s = arg;

	classifier_key(s->classifier, s->view, vip, a, bytes, len, ret);
}

static int handover_place(void *arg, const struct baton_tuple *key, uint8_t forwarder, uint16_t vip, uint16_t endpoint,
			  uint8_t state, const struct handover_keys *keys)
{
	struct classifier_service *s = arg;
	struct classifier_handed h = { .key = *key,
				       .vip = vip,
				       .endpoint = endpoint,
				       .forwarder = forwarder,
				       .state = state,
				       .keys = handover_keys(keys) };
	struct plumb_route r;
	int err = classifier_place(s->classifier, s->view, &h, s->now_ns, &r);

	if (err == 0 && !service_add(s, forwarder, &r, s->now_ns))
		err = -ENOBUFS;
	return err;
}

static void handover_drop(void *arg, const struct baton_tuple *key, uint8_t forwarder, uint16_t vip)
{
	struct classifier_service *s = arg;
	struct plumb_route r;

	if (classifier_refuse(s->classifier, s->view, key, forwarder, vip, s->now_ns, &r) == 0)
		service_add(s, forwarder, &r, s->now_ns);
}

static void handover_deliver(void *arg, uint8_t forwarder, void *packet)
{
	service_hand(arg, PLUMB_PACKET, forwarder, packet);
}

static void handover_release(void *arg, void *packet)
{
	rte_pktmbuf_free(packet);
}

static const struct handover_env handover_env = {
	.send = handover_send,
	.inject = handover_inject,
	.shim = handover_shim,
	.choose = handover_choose,
	.key = handover_key,
	.place = handover_place,
	.drop = handover_drop,
	.deliver = handover_deliver,
	.release = handover_release,
	.trace = service_trace_step,
};

int classifier_service_accept(struct classifier_service *s, const struct handover_params *p,
			      struct rte_mempool *packets)
{
	struct handover_params params = *p;

	params.lcore = s->index;
	params.env = &handover_env;
	params.arg = s;
	s->packets = packets;
	s->handover = handover_new(&params);
	return s->handover ? 0 : -ENOMEM;
}

bool service_accept(struct classifier_service *s, struct plumb_message *m)
{
	const struct rte_mbuf *b = m->packet;
	struct handover_packet p = { .frame = rte_pktmbuf_mtod(b, const uint8_t *),
				     .packet = m->packet,
				     .vip = m->vip,
				     .port = b->port,
				     .forwarder = m->forwarder };
	struct packet_info info;

	if (!s->handover)
		return false;
	packet_parse(p.frame, rte_pktmbuf_data_len(b), &info);
	p.info = &info;
	switch (handover_input(s->handover, s->view, &p, s->now_ns, s->wall_ns)) {
	case HANDOVER_KEPT:
		m->packet = NULL;
		break;
	case HANDOVER_TAKEN:
		break;
	case HANDOVER_UNKNOWN:
		return false;
	}
	channel_message_put(s->channel, m);
	return true;
}
