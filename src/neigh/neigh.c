/* SPDX-License-Identifier: BSD-3-Clause */
#include "neigh/neigh.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "neigh/internal.h"

/* Next hops handled by one poll, so that it takes bounded time however many are due. */
#define NEIGH_POLL_MAX 64

static uint32_t neigh_or_default(uint32_t value, uint32_t otherwise)
{
	return value ? value : otherwise;
}

struct neigh *neigh_new(const struct neigh_params *p)
{
	struct neigh *n = calloc(1, sizeof *n);

	if (!n)
		return NULL;
	n->params = *p;
	n->params.reachable_ms = neigh_or_default(p->reachable_ms, 3000);
	n->params.retransmit_ms = neigh_or_default(p->retransmit_ms, 1000);
	n->params.tries = neigh_or_default(p->tries, 3);
	n->params.failed_retry_ms = neigh_or_default(p->failed_retry_ms, 1000);
	if (table_init(n) < 0) {
		neigh_free(n);
		return NULL;
	}
	return n;
}

void neigh_free(struct neigh *n)
{
	if (!n)
		return;
	table_fini(n);
	free(n);
}

int neigh_port_set(struct neigh *n, uint16_t port, const struct neigh_port *p)
{
	if (port >= NEIGH_MAX_PORTS || !link_mac_is_station(p->mac) ||
	    (p->source4.family && p->source4.family != BATON_IPV4) ||
	    (p->source6.family && p->source6.family != BATON_IPV6))
		return -EINVAL;
	n->ports[port].conf = *p;
	n->ports[port].set = true;
	return 0;
}

bool neigh_is_own_mac(const struct neigh *n, const uint8_t mac[LINK_MAC_LEN])
{
	for (unsigned i = 0; i < NEIGH_MAX_PORTS; i++) {
		if (n->ports[i].set && !memcmp(n->ports[i].conf.mac, mac, LINK_MAC_LEN))
			return true;
	}
	return false;
}

void neigh_send(struct neigh *n, uint16_t port, uint8_t frame[NEIGH_MAX_FRAME], size_t len)
{
	if (len < LINK_MIN_FRAME) {
		memset(frame + len, 0, LINK_MIN_FRAME - len);
		len = LINK_MIN_FRAME;
	}
	n->params.emit(n->params.arg, port, frame, len);
}

bool neigh_learn(struct neigh *n, uint16_t port, const struct link_header *h, const struct baton_addr *addr,
		 const struct neigh_claim *c, uint64_t now_ns)
{
	/* packets to next hops leave without a tag, so only what arrives so tells where they are */
	int id = link_is_untagged(h) ? table_find_watched(n, port, addr) : -ENOENT;

	if (id < 0 || !state_claim(n, (uint16_t)id, c, now_ns))
		return false;
	n->counters.replies_learned++;
	return true;
}

static void neigh_announce_on(struct neigh *n, uint16_t port, const struct link_header *h,
			      const struct baton_addr *addr)
{
	if (addr->family == BATON_IPV4)
		arp_announce(n, port, h, addr);
	else
		nd_announce(n, port, h, addr);
}

void neigh_conflict(struct neigh *n, uint16_t port, const struct link_header *h, const struct baton_addr *addr,
		    uint64_t now_ns)
{
	uint64_t *last_ns;
	unsigned slot = 0;

	n->counters.conflicts++;
	for (size_t i = 0; i < sizeof addr->b; i++)
		slot = slot * 31 + addr->b[i];
	last_ns = &n->ports[port].defended_ns[slot % NEIGH_DEFEND_SLOTS];
	if (*last_ns && now_ns - *last_ns < NEIGH_DEFEND_INTERVAL_NS)
		return;
	*last_ns = now_ns;
	neigh_announce_on(n, port, h, addr);
}

void neigh_announce(struct neigh *n, uint16_t port, const struct baton_addr *addr)
{
	if (port < NEIGH_MAX_PORTS && n->ports[port].set && addr->family)
		neigh_announce_on(n, port, NULL, addr);
}

/* Promiscuous ports also see what is meant for others. */
static bool neigh_is_for_us(const struct neigh *n, uint16_t port, const struct link_header *h)
{
	return h->dst[0] & 1 || !memcmp(h->dst, n->ports[port].conf.mac, LINK_MAC_LEN);
}

void neigh_input(struct neigh *n, uint16_t port, const uint8_t *frame, size_t len, uint64_t now_ns)
{
	struct link_header h;
	size_t header_len;

	if (port >= NEIGH_MAX_PORTS || !n->ports[port].set) {
		n->counters.ignored++;
		return;
	}
	if (link_parse(frame, len, &h) < 0 || !link_mac_is_station(h.src)) {
		n->counters.malformed++;
		return;
	}
	header_len = link_header_len(&h);
	if (!neigh_is_for_us(n, port, &h) || neigh_is_own_mac(n, h.src))
		n->counters.ignored++;
	else if (h.type == LINK_TYPE_ARP)
		arp_input(n, port, &h, frame + header_len, len - header_len, now_ns);
	else if (h.type == LINK_TYPE_IPV6)
		nd_input(n, port, &h, frame + header_len, len - header_len, now_ns);
	else
		n->counters.ignored++;
}

uint64_t neigh_poll(struct neigh *n, uint64_t now_ns)
{
	uint64_t at_ns = DUE_NEVER;
	uint16_t id;

	for (unsigned i = 0; i <= NEIGH_POLL_MAX; i++) {
		at_ns = due_first(&n->due, &id);
		if (at_ns > now_ns || i == NEIGH_POLL_MAX)
			break;
		state_due(n, id, now_ns);
	}
	return at_ns;
}

const struct neigh_counters *neigh_counters_get(const struct neigh *n)
{
	return &n->counters;
}
