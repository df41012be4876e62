/* SPDX-License-Identifier: BSD-3-Clause */
/* ARP for IPv4 over Ethernet: RFC 826, and RFC 5227 for probes, announcements and conflicts. */
#include <string.h>

#include "base/bytes.h"
#include "neigh/internal.h"

#define ARP_LEN 28
#define ARP_HARDWARE_ETHERNET 1
#define ARP_PROTOCOL_IPV4 0x0800

enum arp_operation { ARP_REQUEST = 1, ARP_REPLY = 2 };

struct arp {
	uint16_t operation;
	uint8_t sender_mac[LINK_MAC_LEN];
	uint8_t target_mac[LINK_MAC_LEN];
	struct baton_addr sender;
	struct baton_addr target;
};

static const uint8_t arp_broadcast[LINK_MAC_LEN] = { 0xff, 0xff, 0xff, 0xff, 0xff, 0xff };

static struct baton_addr arp_addr(const uint8_t *p)
{
	struct baton_addr a = { .family = BATON_IPV4 };

	memcpy(a.b, p, 4);
	return a;
}

static bool arp_addr_is_unspecified(const struct baton_addr *a)
{
	return !(a->b[0] | a->b[1] | a->b[2] | a->b[3]);
}

/* RFC 1812 section 3.3.2: a link address that is broadcast or multicast is never believed. */
static bool arp_parse(const uint8_t *p, size_t len, struct arp *ret)
{
	struct arp a;

	if (len < ARP_LEN || bytes_load16_be(p) != ARP_HARDWARE_ETHERNET ||
	    bytes_load16_be(p + 2) != ARP_PROTOCOL_IPV4 || p[4] != LINK_MAC_LEN || p[5] != 4)
		return false;
	a.operation = bytes_load16_be(p + 6);
	memcpy(a.sender_mac, p + 8, LINK_MAC_LEN);
	a.sender = arp_addr(p + 14);
	memcpy(a.target_mac, p + 18, LINK_MAC_LEN);
	a.target = arp_addr(p + 24);
	if (!link_mac_is_station(a.sender_mac) || a.sender.b[0] >= 224 || a.target.b[0] >= 224)
		return false;
	*ret = a;
	return true;
}

static void arp_send(struct neigh *n, uint16_t port, struct link_header *h, const struct arp *a)
{
	uint8_t frame[NEIGH_MAX_FRAME];
	uint8_t *p;

	h->type = LINK_TYPE_ARP;
	p = frame + link_write(frame, h);
	bytes_store16_be(p, ARP_HARDWARE_ETHERNET);
	bytes_store16_be(p + 2, ARP_PROTOCOL_IPV4);
	p[4] = LINK_MAC_LEN;
	p[5] = 4;
	bytes_store16_be(p + 6, a->operation);
	memcpy(p + 8, a->sender_mac, LINK_MAC_LEN);
	memcpy(p + 14, a->sender.b, 4);
	memcpy(p + 18, a->target_mac, LINK_MAC_LEN);
	memcpy(p + 24, a->target.b, 4);
	neigh_send(n, port, frame, (size_t)(p - frame) + ARP_LEN);
}

static void arp_answer(struct neigh *n, uint16_t port, const struct link_header *in, const struct arp *request)
{
	struct link_header h = *in;
	struct arp a = { .operation = ARP_REPLY, .sender = request->target, .target = request->sender };

	memcpy(h.dst, request->sender_mac, LINK_MAC_LEN);
	memcpy(h.src, n->ports[port].conf.mac, LINK_MAC_LEN);
	memcpy(a.sender_mac, h.src, LINK_MAC_LEN);
	memcpy(a.target_mac, request->sender_mac, LINK_MAC_LEN);
	arp_send(n, port, &h, &a);
	n->counters.arp_requests_answered++;
}

void arp_input(struct neigh *n, uint16_t port, const struct link_header *h, const uint8_t *p, size_t len,
	       uint64_t now_ns)
{
	const struct neigh_params *params = &n->params;
	struct neigh_claim claim = { .override = true };
	bool target_is_local, used;
	struct arp a;

	if (!arp_parse(p, len, &a)) {
		n->counters.malformed++;
		return;
	}
	if ((a.operation != ARP_REQUEST && a.operation != ARP_REPLY) || neigh_is_own_mac(n, a.sender_mac)) {
		n->counters.ignored++;
		return;
	}
	if (!arp_addr_is_unspecified(&a.sender) && params->is_local(params->arg, port, &a.sender)) {
		neigh_conflict(n, port, h, &a.sender, now_ns);
		return;
	}
	target_is_local = params->is_local(params->arg, port, &a.target);
	claim.mac = a.sender_mac;
	claim.solicited = a.operation == ARP_REPLY && !(h->dst[0] & 1);
	used = neigh_learn(n, port, h, &a.sender, &claim, now_ns);
	if (a.operation == ARP_REQUEST && target_is_local)
		arp_answer(n, port, h, &a);
	else if (!used)
		n->counters.ignored++;
}

void arp_solicit(struct neigh *n, uint16_t port, const struct baton_addr *target, const uint8_t *mac)
{
	const struct neigh_port *conf = &n->ports[port].conf;
	struct link_header h = { 0 };
	struct arp a = { .operation = ARP_REQUEST, .sender = conf->source4, .target = *target };

	memcpy(h.dst, mac ? mac : arp_broadcast, LINK_MAC_LEN);
	memcpy(h.src, conf->mac, LINK_MAC_LEN);
	memcpy(a.sender_mac, conf->mac, LINK_MAC_LEN);
	arp_send(n, port, &h, &a);
	n->counters.solicits_sent++;
}

/* RFC 5227 section 2.3: a request whose both addresses are the announced one. */
void arp_announce(struct neigh *n, uint16_t port, const struct link_header *in, const struct baton_addr *addr)
{
	struct link_header h = in ? *in : (struct link_header){ 0 };
	struct arp a = { .operation = ARP_REQUEST, .sender = *addr, .target = *addr };

	memcpy(h.dst, arp_broadcast, LINK_MAC_LEN);
	memcpy(h.src, n->ports[port].conf.mac, LINK_MAC_LEN);
	memcpy(a.sender_mac, h.src, LINK_MAC_LEN);
	arp_send(n, port, &h, &a);
}
