/* SPDX-License-Identifier: BSD-3-Clause */
/* IPv6 neighbour solicitations and advertisements: RFC 4861. */
#include <string.h>

#include "base/bytes.h"
#include "neigh/internal.h"

#define IPV6_LEN 40
#define ND_LEN 24 /* ICMPv6 header, flags, target */
#define ND_PROTO_ICMPV6 58
#define ND_HOP_LIMIT 255
#define ND_LINK_OPTION_LEN 8

enum nd_type { ND_SOLICIT = 135, ND_ADVERT = 136 };
enum nd_option { ND_SOURCE_LINK = 1, ND_TARGET_LINK = 2 };
enum nd_flag { ND_OVERRIDE = 0x20, ND_SOLICITED = 0x40 };

struct nd {
	uint8_t type; /* enum nd_type */
	uint8_t flags;
	struct baton_addr src, dst, target;
	const uint8_t *source_link, *target_link; /* NULL: option absent */
};

static const uint8_t nd_all_nodes[16] = { 0xff, 0x02, [15] = 1 };
static const uint8_t nd_unspecified[16];

static struct baton_addr nd_addr(const uint8_t *p)
{
	struct baton_addr a = { .family = BATON_IPV6 };

	memcpy(a.b, p, sizeof a.b);
	return a;
}

static bool nd_is_unspecified(const struct baton_addr *a)
{
	return !memcmp(a->b, nd_unspecified, sizeof a->b);
}

static bool nd_is_multicast(const struct baton_addr *a)
{
	return a->b[0] == 0xff;
}

/* RFC 4291 section 2.7.1 */
static void nd_solicited_node(const uint8_t target[16], uint8_t ret[16])
{
	static const uint8_t prefix[13] = { 0xff, 0x02, [11] = 1, 0xff };

	memcpy(ret, prefix, sizeof prefix);
	memcpy(ret + sizeof prefix, target + sizeof prefix, 3);
}

/* RFC 2464 section 7 */
static void nd_multicast_mac(const uint8_t dst[16], uint8_t ret[LINK_MAC_LEN])
{
	ret[0] = ret[1] = 0x33;
	memcpy(ret + 2, dst + 12, 4);
}

/* Ones' complement sum over pseudo header and message (RFC 8200 section 8.1); 0xffff over a right one. */
static uint16_t nd_sum(const uint8_t *ipv6, const uint8_t *icmp, size_t len)
{
	uint32_t sum = ND_PROTO_ICMPV6 + (uint32_t)len;

	for (size_t i = 8; i < IPV6_LEN; i += 2)
		sum += bytes_load16_be(ipv6 + i);
	for (size_t i = 0; i + 1 < len; i += 2)
		sum += bytes_load16_be(icmp + i);
	if (len % 2)
		sum += (uint32_t)icmp[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* Every option must have a length and fit; unknown ones are skipped (RFC 4861 section 4.6). */
static bool nd_parse_options(const uint8_t *p, size_t len, struct nd *nd)
{
	while (len) {
		size_t option_len;

		if (len < 2 || !p[1] || (option_len = p[1] * 8u) > len)
			return false;
		if (p[0] == ND_SOURCE_LINK || p[0] == ND_TARGET_LINK) {
			if (option_len != ND_LINK_OPTION_LEN || !link_mac_is_station(p + 2))
				return false;
			*(p[0] == ND_SOURCE_LINK ? &nd->source_link : &nd->target_link) = p + 2;
		}
		p += option_len;
		len -= option_len;
	}
	return true;
}

/* RFC 4861 section 7.1.1 */
static bool nd_solicit_is_valid(const struct nd *nd)
{
	uint8_t group[16];

	if (!nd_is_unspecified(&nd->src))
		return true;
	nd_solicited_node(nd->target.b, group);
	return !memcmp(nd->dst.b, group, sizeof group) && !nd->source_link;
}

/* RFC 4861 section 7.1.2 */
static bool nd_advert_is_valid(const struct nd *nd)
{
	return !nd_is_unspecified(&nd->src) && !(nd_is_multicast(&nd->dst) && nd->flags & ND_SOLICITED);
}

enum nd_verdict { ND_USABLE, ND_MALFORMED, ND_OF_NO_CONCERN };

static enum nd_verdict nd_parse(const uint8_t *p, size_t len, struct nd *ret)
{
	struct nd nd = { 0 };
	const uint8_t *icmp = p + IPV6_LEN;
	size_t icmp_len;

	if (len < IPV6_LEN || p[0] >> 4 != 6)
		return ND_MALFORMED;
	icmp_len = bytes_load16_be(p + 4);
	if (icmp_len > len - IPV6_LEN)
		return ND_MALFORMED;
	if (p[6] != ND_PROTO_ICMPV6 || !icmp_len || (icmp[0] != ND_SOLICIT && icmp[0] != ND_ADVERT))
		return ND_OF_NO_CONCERN; /* routers' messages among them: routes are the operator's */
	if (p[7] != ND_HOP_LIMIT || icmp_len < ND_LEN || icmp[1] || nd_sum(p, icmp, icmp_len) != 0xffff)
		return ND_MALFORMED;
	nd.type = icmp[0];
	nd.flags = icmp[4];
	nd.src = nd_addr(p + 8);
	nd.dst = nd_addr(p + 24);
	nd.target = nd_addr(icmp + 8);
	if (nd_is_multicast(&nd.src) || nd_is_multicast(&nd.target) || nd_is_unspecified(&nd.target) ||
	    !nd_parse_options(icmp + ND_LEN, icmp_len - ND_LEN, &nd))
		return ND_MALFORMED;
	if (!(nd.type == ND_SOLICIT ? nd_solicit_is_valid(&nd) : nd_advert_is_valid(&nd)))
		return ND_MALFORMED;
	*ret = nd;
	return ND_USABLE;
}

/* Always with the option that holds the port's own link address; h->dst is the receiver's or a group's. */
static void nd_send(struct neigh *n, uint16_t port, struct link_header *h, const struct nd *nd)
{
	uint8_t frame[NEIGH_MAX_FRAME];
	uint8_t *ipv6, *icmp;

	memcpy(h->src, n->ports[port].conf.mac, LINK_MAC_LEN);
	h->type = LINK_TYPE_IPV6;
	ipv6 = frame + link_write(frame, h);
	icmp = ipv6 + IPV6_LEN;
	memset(ipv6, 0, IPV6_LEN + ND_LEN + ND_LINK_OPTION_LEN);
	ipv6[0] = 6 << 4;
	bytes_store16_be(ipv6 + 4, ND_LEN + ND_LINK_OPTION_LEN);
	ipv6[6] = ND_PROTO_ICMPV6;
	ipv6[7] = ND_HOP_LIMIT;
	memcpy(ipv6 + 8, nd->src.b, 16);
	memcpy(ipv6 + 24, nd->dst.b, 16);
	icmp[0] = nd->type;
	icmp[4] = nd->flags;
	memcpy(icmp + 8, nd->target.b, 16);
	icmp[ND_LEN] = nd->type == ND_SOLICIT ? ND_SOURCE_LINK : ND_TARGET_LINK;
	icmp[ND_LEN + 1] = ND_LINK_OPTION_LEN / 8;
	memcpy(icmp + ND_LEN + 2, h->src, LINK_MAC_LEN);
	bytes_store16_be(icmp + 2, (uint16_t)~nd_sum(ipv6, icmp, ND_LEN + ND_LINK_OPTION_LEN));
	neigh_send(n, port, frame, (size_t)(icmp - frame) + ND_LEN + ND_LINK_OPTION_LEN);
}

/* RFC 4861 section 7.2.4; who probes for duplicates (RFC 4862) has no address yet, so everybody is told. */
static void nd_answer(struct neigh *n, uint16_t port, const struct link_header *in, const struct nd *request)
{
	struct link_header h = *in;
	struct nd nd = { .type = ND_ADVERT, .flags = ND_OVERRIDE, .src = request->target, .target = request->target };

	if (nd_is_unspecified(&request->src)) {
		memcpy(nd.dst.b, nd_all_nodes, sizeof nd.dst.b);
		nd_multicast_mac(nd.dst.b, h.dst);
	} else {
		nd.flags |= ND_SOLICITED;
		nd.dst = request->src;
		memcpy(h.dst, request->source_link ? request->source_link : in->src, LINK_MAC_LEN);
	}
	nd_send(n, port, &h, &nd);
	n->counters.nd_solicits_answered++;
}

static void nd_input_solicit(struct neigh *n, uint16_t port, const struct link_header *h, const struct nd *nd,
			     uint64_t now_ns)
{
	const struct neigh_params *params = &n->params;
	struct neigh_claim claim = { .mac = nd->source_link, .override = true };
	bool used;

	if (!nd_is_unspecified(&nd->src) && params->is_local(params->arg, port, &nd->src)) {
		neigh_conflict(n, port, h, &nd->src, now_ns);
		return;
	}
	used = neigh_learn(n, port, h, &nd->src, &claim, now_ns);
	if (params->is_local(params->arg, port, &nd->target))
		nd_answer(n, port, h, nd);
	else if (!used)
		n->counters.ignored++;
}

static void nd_input_advert(struct neigh *n, uint16_t port, const struct link_header *h, const struct nd *nd,
			    uint64_t now_ns)
{
	const struct neigh_params *params = &n->params;
	struct neigh_claim claim = {
		.mac = nd->target_link,
		.solicited = nd->flags & ND_SOLICITED,
		.override = nd->flags & ND_OVERRIDE,
	};

	if (params->is_local(params->arg, port, &nd->target))
		neigh_conflict(n, port, h, &nd->target, now_ns);
	else if (!neigh_learn(n, port, h, &nd->target, &claim, now_ns))
		n->counters.ignored++;
}

void nd_input(struct neigh *n, uint16_t port, const struct link_header *h, const uint8_t *p, size_t len,
	      uint64_t now_ns)
{
	const uint8_t *said;
	struct nd nd;

	switch (nd_parse(p, len, &nd)) {
	case ND_MALFORMED:
		n->counters.malformed++;
		return;
	case ND_OF_NO_CONCERN:
		n->counters.ignored++;
		return;
	case ND_USABLE:
		break;
	}
	said = nd.type == ND_SOLICIT ? nd.source_link : nd.target_link;
	if (said && neigh_is_own_mac(n, said))
		n->counters.ignored++;
	else if (nd.type == ND_SOLICIT)
		nd_input_solicit(n, port, h, &nd, now_ns);
	else
		nd_input_advert(n, port, h, &nd, now_ns);
}

void nd_solicit(struct neigh *n, uint16_t port, const struct baton_addr *target, const uint8_t *mac)
{
	const struct neigh_port *conf = &n->ports[port].conf;
	struct link_header h = { 0 };
	struct nd nd = { .type = ND_SOLICIT, .src = conf->source6, .dst = *target, .target = *target };

	/* Without an own address nobody could answer: from :: it would look like a probe for duplicates. */
	if (conf->source6.family != BATON_IPV6)
		return;
	if (mac) {
		memcpy(h.dst, mac, LINK_MAC_LEN);
	} else {
		nd_solicited_node(target->b, nd.dst.b);
		nd_multicast_mac(nd.dst.b, h.dst);
	}
	nd_send(n, port, &h, &nd);
	n->counters.solicits_sent++;
}

/* RFC 4861 section 7.2.6 */
void nd_announce(struct neigh *n, uint16_t port, const struct link_header *in, const struct baton_addr *addr)
{
	struct link_header h = in ? *in : (struct link_header){ 0 };
	struct nd nd = { .type = ND_ADVERT, .flags = ND_OVERRIDE, .src = *addr, .target = *addr };

	memcpy(nd.dst.b, nd_all_nodes, sizeof nd.dst.b);
	nd_multicast_mac(nd.dst.b, h.dst);
	nd_send(n, port, &h, &nd);
}
