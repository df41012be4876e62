/* SPDX-License-Identifier: BSD-3-Clause */
/* The neighbourhood, on the control thread: what it answers for, how it sends, who is told of changes. */
#include <errno.h>
#include <string.h>

#include "base/log.h"
#include "batond/batond.h"

#define NEIGHBOURS_REACHABLE_MS 3000
#define NEIGHBOURS_RETRANSMIT_MS 1000
#define NEIGHBOURS_TRIES 3

/* An address belongs to a port if it is on the port's link, or on no port's link. */
static bool neighbours_belongs(const struct view *v, uint16_t port, const struct baton_addr *addr)
{
	bool elsewhere = false;

	for (unsigned p = 0; p < VIEW_MAX_PORTS; p++) {
		for (unsigned i = 0; i < v->ports[p].n_prefixes; i++) {
			if (!baton_prefix_contains(&v->ports[p].prefixes[i], addr))
				continue;
			if (p == port)
				return true;
			elsewhere = true;
		}
	}
	return !elsewhere;
}

static bool neighbours_is_local(void *arg, uint16_t port, const struct baton_addr *addr)
{
	const struct batond *b = arg;

	return b->view && view_local_find(b->view, addr->b, addr->family) && neighbours_belongs(b->view, port, addr);
}

static void neighbours_emit(void *arg, uint16_t port, const uint8_t *frame, size_t len)
{
	control_send(arg, port, frame, len);
}

/* Whether the packet path would do anything else than by the view in force. Being asked again changes nothing. */
static bool neighbours_is_news(const struct view *v, uint16_t id, const uint8_t *mac)
{
	const struct view_nexthop *h = v && id < v->n_nexthops ? &v->nexthops[id] : NULL;

	return !h || !h->mtu != !mac || (mac && memcmp(h->dst_mac, mac, sizeof h->dst_mac) != 0);
}

static void neighbours_change(void *arg, uint16_t id, enum neigh_state state, const uint8_t mac[6])
{
	static const char *const names[] = { "incomplete", "reachable", "probe", "failed" };
	struct batond *b = arg;
	struct neigh_nexthop_info info;
	char text[BATON_ADDR_TEXT_MAX];

	if (neighbours_is_news(b->view, id, mac))
		b->view_due = true;
	if (state == NEIGH_PROBE || neigh_nexthop_info(b->neigh, id, &info) < 0)
		return; /* confirmation asked for, nothing to tell yet */
	baton_addr_format(&info.addr, text, sizeof text);
	if (state == NEIGH_FAILED)
		log_warning("next hop does not answer address=%s", text);
	else if (mac)
		log_debug("next hop address=%s state=%s mac=%02x:%02x:%02x:%02x:%02x:%02x", text, names[state], mac[0],
			  mac[1], mac[2], mac[3], mac[4], mac[5]);
}

/* The port's own address of a family is the source of what it asks. */
static struct baton_addr neighbours_source(const struct config_port *c, uint8_t family)
{
	struct baton_addr none = { 0 };

	for (unsigned i = 0; i < c->n_addrs; i++)
		if (c->addrs[i].addr.family == family)
			return c->addrs[i].addr;
	return none;
}

int neighbours_start(struct batond *b)
{
	struct neigh_params p = {
		.max_nexthops = BATOND_MAX_NEXTHOPS,
		.reachable_ms = NEIGHBOURS_REACHABLE_MS,
		.retransmit_ms = NEIGHBOURS_RETRANSMIT_MS,
		.tries = NEIGHBOURS_TRIES,
		.failed_retry_ms = NEIGHBOURS_RETRANSMIT_MS,
		.is_local = neighbours_is_local,
		.emit = neighbours_emit,
		.change = neighbours_change,
		.arg = b,
	};

	b->neigh = neigh_new(&p);
	if (!b->neigh)
		return -ENOMEM;
	for (unsigned i = 0; i < b->n_ports; i++) {
		struct neigh_port port = {
			.source4 = neighbours_source(b->ports[i].config, BATON_IPV4),
			.source6 = neighbours_source(b->ports[i].config, BATON_IPV6),
		};
		int err;

		memcpy(port.mac, b->ports[i].mac, sizeof port.mac);
		err = neigh_port_set(b->neigh, b->ports[i].id, &port);
		if (err < 0)
			return err;
	}
	return 0;
}

void neighbours_stop(struct batond *b)
{
	neigh_free(b->neigh);
	b->neigh = NULL;
}

/* Tell the links about the addresses that the view has and the old one had not. */
void neighbours_announce(struct batond *b, const struct view *old)
{
	for (unsigned i = 0; i < b->view->n_locals; i++) {
		const struct baton_addr *a = &b->view->locals[i].addr;

		if (!a->family || (old && view_local_find(old, a->b, a->family)))
			continue;
		for (unsigned p = 0; p < b->n_ports; p++)
			if (neighbours_belongs(b->view, b->ports[p].id, a))
				neigh_announce(b->neigh, b->ports[p].id, a);
	}
}
