/* SPDX-License-Identifier: BSD-3-Clause */
/* Datagrams to the host: CREATE with a piece of the head, questions, ABORT. */
#include "migrate/handover_internal.h"

#include <arpa/inet.h>
#include <string.h>

#include "forwarder/ip_header.h"

#define UDP_LEN 8

static struct tcp_options inner_options(const struct pending *p)
{
	return (struct tcp_options){ .wscale = TCP_OPTIONS_NO_WSCALE,
				     .timestamps = p->timestamps,
				     .tsval = p->first_tsval,
				     .tsecr = p->first_tsecr };
}

bool handover_endpoint_there(const struct handover *h, const struct pending *p)
{
	const struct view_endpoint *e;

	if (p->endpoint >= h->view->n_endpoints)
		return false;
	e = &h->view->endpoints[p->endpoint];
	return e->family == p->key.family && !memcmp(e->addr, p->host, sizeof p->host);
}

uint32_t handover_shim_room(const struct handover *h, const struct pending *p)
{
	const struct view_endpoint *e = &h->view->endpoints[p->endpoint];
	uint16_t port = e->nexthop < h->view->n_nexthops ? h->view->nexthops[e->nexthop].port : VIEW_MAX_PORTS;
	struct tcp_options o = inner_options(p);

	return handover_mtu(h->view, port) - ip_header_len(e->family) - UDP_LEN - (uint32_t)BATON_SHIM_CREATE_LEN -
	       segment_header_len(p->key.family, &o);
}

static void fill_body(const struct handover *h, const struct pending *p, struct baton_shim_create *b)
{
	*b = (struct baton_shim_create){
		.client_isn = htonl(p->client_isn),
		.server_isn = htonl(p->server_isn),
		.mss = htons(p->mss),
		.family = p->key.family,
		.sport = p->key.sport_be,
		.dport = p->key.dport_be,
	};
	if (p->wscale != COOKIE_NO_WSCALE) {
		b->options |= BATON_TCP_WSCALE;
		b->client_wscale = p->wscale;
		b->server_wscale = HANDOVER_WSCALE;
	}
	if (p->sack)
		b->options |= BATON_TCP_SACK;
	if (p->timestamps) {
		b->options |= BATON_TCP_TIMESTAMPS;
		b->client_tsval = htonl(p->first_tsval);
		b->server_tsval = htonl(handover_tsval(h, p->last_tsecr));
	}
	memcpy(b->saddr, p->key.saddr, sizeof b->saddr);
	memcpy(b->daddr, p->key.daddr, sizeof b->daddr);
}

/* As the client could have sent it: its numbers, its window, and the timestamps of its first segment. */
static uint32_t write_inner(struct handover *h, const struct pending *p, uint32_t from, uint32_t to)
{
	struct segment s = {
		.seq = p->client_isn + 1 + from,
		.ack = p->server_isn + 1,
		.flags = PACKET_TCP_ACK | SEGMENT_TCP_PSH,
		.window = p->window,
		.options = inner_options(p),
		.data = pending_bytes(&h->table, p) + from,
		.len = to - from,
	};

	return segment_write(h->frame, &p->key, &s);
}

bool handover_shim(struct handover *h, struct pending *p, enum baton_shim_type type, uint32_t from, uint32_t to)
{
	uint32_t inner = from < to ? write_inner(h, p, from, to) : 0;
	struct baton_shim_create body;

	fill_body(h, p, &body);
	p->progress_ns = h->now_ns;
	return h->env->shim(h->arg, p->forwarder, p->endpoint, type, &body, p->l2, p->l2_len, inner ? h->frame : NULL,
			    (uint16_t)inner);
}
