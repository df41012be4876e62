/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include <rte_mbuf.h>
#include <rte_mempool.h>
#include <rte_prefetch.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "baton/addr.h"
#include "classifier/service_internal.h"
#include "forwarder/reset.h"

#define SERVICE_BURST 32
#define SERVICE_WANTS 4
#define SERVICE_STOP_PLACES 64 /* of the inventory in a turn */
#define SERVICE_STOP_DELETES 32

void classifier_service_init(struct classifier_service *s, uint16_t index, struct classifier *c,
			     struct channel *channel)
{
	memset(s, 0, sizeof *s);
	s->index = index;
	s->classifier = c;
	s->channel = channel;
	for (uint16_t i = 0; i < channel->n_forwarders; i++)
		s->to_forwarder[i].ring = channel->to_forwarder[i];
}

void classifier_service_fini(struct classifier_service *s)
{
	for (uint16_t i = 0; s->channel && i < s->channel->n_forwarders; i++)
		outbox_fini(&s->to_forwarder[i], s->channel);
	handover_free(s->handover);
	s->handover = NULL;
	classifier_free(s->classifier);
	s->classifier = NULL;
}

/* Is the client on the link of the port its packet came in by, or behind a gateway? */
static uint16_t service_gateway(const struct view_port *p, const struct baton_tuple *key)
{
	struct baton_addr client = { .family = key->family };

	memcpy(client.b, key->saddr, sizeof client.b);
	for (unsigned i = 0; i < p->n_prefixes; i++)
		if (baton_prefix_contains(&p->prefixes[i], &client))
			return VIEW_NONE;
	return key->family == BATON_IPV4 ? p->gateway4 : p->gateway6;
}

static void service_packet(const struct plumb_message *m, const struct view *view, struct classifier_packet *ret)
{
	/* not out of the packet, whose lines are another lcore's */
	ret->key = m->route.key;
	ret->vip = m->vip;
	ret->tcp_flags = m->tcp_flags;
	ret->forwarder = m->forwarder;
	ret->port = m->route.port;
	memcpy(ret->src_mac, m->route.mac, sizeof ret->src_mac);
	ret->return_nexthop = service_gateway(&view->ports[m->route.port], &m->route.key);
}

/* The routes that the packet does not follow go ahead of it. */
static void service_plumb(struct classifier_service *s, struct plumb_message *m, const struct classifier_decision *d,
			  uint64_t now_ns)
{
	uint8_t forwarder = m->forwarder;

	for (unsigned i = 1; i < d->n_routes; i++) {
		struct plumb_message *other = service_message(s, PLUMB_ADD, forwarder);

		if (other)
			other->route = d->routes[i];
		if (!other || !service_send(s, other)) {
			/* the connection ends with that, so its other route must not be sent after it */
			service_aged(s, &d->routes[i].key, forwarder, true, now_ns);
			channel_message_put(s->channel, m);
			return;
		}
	}
	m->type = PLUMB_ADD;
	m->route = d->routes[0];
	if (!service_send(s, m))
		service_aged(s, &d->routes[0].key, forwarder, true, now_ns);
}

/* The packet's buffer becomes the reset. */
static void service_reset(struct classifier_service *s, struct plumb_message *m)
{
	struct rte_mbuf *b = m->packet;
	uint8_t frame[RESET_MAX];
	struct packet_info info;
	uint32_t len;

	packet_parse(rte_pktmbuf_mtod(b, const uint8_t *), rte_pktmbuf_data_len(b), &info);
	len = reset_build(frame, sizeof frame, rte_pktmbuf_mtod(b, const uint8_t *), &info);
	if (!len) {
		channel_message_put(s->channel, m);
		return;
	}
	rte_pktmbuf_trim(b, rte_pktmbuf_data_len(b));
	memcpy(rte_pktmbuf_append(b, (uint16_t)len), frame, len);
	service_trace(s, &info.tuple, &(struct trace_step){ .event = TRACE_RESET_SENT, .endpoint = VIEW_NONE });
	m->type = PLUMB_SEND;
	m->route.port = b->port;
	if (service_send(s, m))
		s->counters.resets_sent++;
}

static void service_miss(struct classifier_service *s, struct plumb_message *m, const struct view *view,
			 uint64_t now_ns)
{
	struct service_reasons reasons;
	struct classifier_decision d;
	struct classifier_packet p;

	s->counters.packets++;
	service_packet(m, view, &p);
	service_reasons_begin(s, &p.key, &reasons);
	classifier_decide(s->classifier, view, &p, now_ns, &d);
	service_reasons_tell(s, &p.key, &reasons, &d);
	service_delete(s, d.deletes, d.n_deletes);
	service_set_state(s, d.changes, d.n_changes);
	if (d.verdict == CLASSIFIER_ACCEPT && service_accept(s, m))
		return;
	if (d.verdict == CLASSIFIER_ACCEPT) {
		classifier_unknown(s->classifier, view, &p, now_ns, &d);
		service_reasons_tell(s, &p.key, &reasons, &d);
	}
	switch (d.verdict) {
	case CLASSIFIER_PLUMB:
		service_plumb(s, m, &d, now_ns);
		break;
	case CLASSIFIER_RESET:
		service_reset(s, m);
		break;
	case CLASSIFIER_ACCEPT:
	case CLASSIFIER_DROP:
		channel_message_put(s->channel, m);
		break;
	}
}

static void service_host(struct classifier_service *s, const struct plumb_message *m, const struct view *view,
			 uint64_t now_ns)
{
	const struct plumb_host *h = &m->host;
	struct service_reasons reasons;
	struct classifier_ended e;

	if ((s->handover && handover_host(s->handover, view, h, now_ns, s->wall_ns)) || !h->report)
		return;
	service_trace(s, &h->key, &(struct trace_step){ .event = TRACE_ENDED, .endpoint = VIEW_NONE, .a = h->state });
	service_reasons_begin(s, &h->key, &reasons);
	classifier_ended(s->classifier, view, h, m->forwarder, now_ns, &e);
	service_reasons_tell(s, &h->key, &reasons, NULL);
	service_delete(s, e.deletes, e.n_deletes);
	service_set_state(s, e.changes, e.n_changes);
}

static void service_handle(struct classifier_service *s, struct plumb_message *m, const struct view *view,
			   uint64_t now_ns)
{
	struct classifier_state_change changes[2];

	switch ((enum plumb_type)m->type) {
	case PLUMB_MISS:
		service_miss(s, m, view, now_ns);
		return;
	case PLUMB_FINAL:
		service_set_state(s, changes,
				  classifier_final(s->classifier, &m->route.key, m->forwarder, m->tcp_flags, changes));
		break;
	case PLUMB_AGED:
	case PLUMB_ADD_FAILED:
		service_aged(s, &m->route.key, m->forwarder, m->type == PLUMB_ADD_FAILED, now_ns);
		break;
	case PLUMB_HOST:
		service_host(s, m, view, now_ns);
		break;
	default:
		break; /* go the other way */
	}
	channel_message_put(s->channel, m);
}

static unsigned service_allotments(struct classifier_service *s, const struct view *view, uint64_t now_ns)
{
	struct rte_ring *requests = s->channel->allotment_requests;
	struct allotment_request request;
	unsigned n = 0;
	void *a;

	while (n < SERVICE_BURST && rte_ring_dequeue(s->channel->allotted[s->index], &a) == 0) {
		classifier_allot(s->classifier, a, now_ns);
		rte_mempool_put(s->channel->allotments, a);
		n++;
	}
	for (unsigned i = 0; i < SERVICE_WANTS && classifier_wants(s->classifier, view, now_ns, &request); i++)
		if (rte_ring_enqueue_elem(requests, &request, sizeof request) < 0)
			s->counters.control_busy++;
	return n;
}

/* A few places of the inventory each turn, while some application's connections are to end. */
static void service_stop(struct classifier_service *s, const struct view *view, uint64_t now_ns)
{
	struct classifier_delete deletes[SERVICE_STOP_DELETES];

	if (view->any_stop)
		service_delete(s, deletes,
			       classifier_stop(s->classifier, view, now_ns, SERVICE_STOP_PLACES, deletes,
					       SERVICE_STOP_DELETES));
}

static void service_ahead(const struct classifier_service *s, void *const messages[], unsigned n)
{
	const struct baton_tuple *keys[SERVICE_BURST];

	for (unsigned i = 0; i < n; i++)
		rte_prefetch0(messages[i]);
	for (unsigned i = 0; i < n; i++) {
		const struct plumb_message *m = messages[i];

		keys[i] = m->type == PLUMB_HOST ? &m->host.key : &m->route.key;
	}
	classifier_ahead(s->classifier, keys, n);
}

unsigned classifier_service_poll(struct classifier_service *s, const struct view *view, uint64_t now_ns,
				 uint64_t wall_ns)
{
	void *messages[SERVICE_BURST];
	unsigned n = rte_ring_dequeue_burst(s->channel->to_classifier[s->index], messages, SERVICE_BURST, NULL);

	s->view = view;
	s->now_ns = now_ns;
	s->wall_ns = wall_ns;
	service_ahead(s, messages, n);
	for (unsigned i = 0; i < n; i++)
		service_handle(s, messages[i], view, now_ns);
	service_stop(s, view, now_ns);
	if (s->handover)
		n += handover_poll(s->handover, view, now_ns, wall_ns);
	n += service_allotments(s, view, now_ns);
	for (uint16_t i = 0; i < s->channel->n_forwarders; i++)
		outbox_flush(&s->to_forwarder[i]);
	return n;
}
