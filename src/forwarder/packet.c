/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarder/packet.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"
#include "forwarder/checksum.h"

#define LIKELY(x) __builtin_expect(!!(x), 1)
#define UNLIKELY(x) __builtin_expect(!!(x), 0)

#define MAC_LEN 6
#define ETHER_LEN 14
#define ETHER_TYPE_IPV4 0x0800
#define ETHER_TYPE_ARP 0x0806
#define ETHER_TYPE_VLAN 0x8100
#define ETHER_TYPE_IPV6 0x86dd
#define ETHER_TYPE_QINQ 0x88a8
#define VLAN_LEN 4
#define VLAN_MAX 2
#define ARP_LEN 28
#define IPV4_LEN 20
#define IPV4_FRAGMENT_BITS 0x3fff /* more fragments, offset */
#define IPV6_LEN 40
#define TCP_LEN 20
#define UDP_LEN 8
#define ICMP_LEN 8
#define ICMP_ECHO_REQUEST 8
#define ICMPV6_ECHO_REQUEST 128
#define ICMPV6_ND_FIRST 133
#define ICMPV6_ND_LAST 137
/* Twice what RFC 8200 section 4.1 recommends to send. */
#define IPV6_EXTENSIONS_MAX 8

/*
 * Flags FIN, SYN, RST, PSH, ACK as a number of 5 bits; a set bit is a
 * combination that a connection may use: SYN, RST or ACK is there (RFC 9293,
 * 3.10.7.4: all else is dropped), and SYN comes neither with FIN nor with RST.
 */
#define TCP_FLAGS_USED 0x37373434u

/* Where the parser stands. Offsets count from the start of the frame. */
struct cursor {
	const uint8_t *frame;
	uint32_t l3;
	uint32_t l4;
	uint32_t end;   /* of the IP packet */
	bool multicast; /* or broadcast destination */
};

static void packet_refuse(struct packet_info *ret, enum packet_bad why)
{
	memset(ret, 0, sizeof *ret);
	ret->kind = PACKET_BAD;
	ret->bad = (uint8_t)why;
}

/* All but the addresses, which each family has written already. */
static inline void packet_accept(const struct cursor *c, enum packet_kind kind, uint8_t proto, uint8_t tcp_flags,
				 const uint8_t *ports, struct packet_info *ret)
{
	ret->kind = (uint8_t)kind;
	ret->bad = 0;
	ret->tcp_flags = tcp_flags;
	ret->l2_len = (uint8_t)c->l3;
	ret->l4_offset = (uint16_t)c->l4;
	ret->end = (uint16_t)c->end;
	ret->tuple.sport_be = 0;
	ret->tuple.dport_be = 0;
	if (ports) {
		memcpy(&ret->tuple.sport_be, ports, 2);
		memcpy(&ret->tuple.dport_be, ports + 2, 2);
	}
	ret->tuple.proto = proto;
	memset(ret->tuple.zero, 0, sizeof ret->tuple.zero);
}

static inline void parse_tcp(const struct cursor *c, struct packet_info *ret)
{
	const uint8_t *tcp = c->frame + c->l4;
	uint32_t len = c->end - c->l4, header_len;
	uint8_t flags;

	if (UNLIKELY(len < TCP_LEN))
		return packet_refuse(ret, PACKET_BAD_SHORT_L4);
	header_len = (tcp[12] >> 4) * 4u;
	if (UNLIKELY(header_len < TCP_LEN || header_len > len))
		return packet_refuse(ret, PACKET_BAD_TCP_HEADER_LEN);
	flags = tcp[13];
	if (UNLIKELY(!(TCP_FLAGS_USED >> (flags & 0x1f) & 1)))
		return packet_refuse(ret, PACKET_BAD_TCP_FLAGS);
	if (UNLIKELY(!bytes_load16_be(tcp) || !bytes_load16_be(tcp + 2)))
		return packet_refuse(ret, PACKET_BAD_PORT_ZERO);
	packet_accept(c, PACKET_FLOW, IPPROTO_TCP, flags, tcp, ret);
}

static inline void parse_udp(const struct cursor *c, struct packet_info *ret)
{
	const uint8_t *udp = c->frame + c->l4;
	uint32_t len = c->end - c->l4, udp_len;

	if (UNLIKELY(len < UDP_LEN))
		return packet_refuse(ret, PACKET_BAD_SHORT_L4);
	udp_len = bytes_load16_be(udp + 4);
	if (UNLIKELY(udp_len < UDP_LEN || udp_len > len))
		return packet_refuse(ret, PACKET_BAD_UDP_LEN);
	if (UNLIKELY(!bytes_load16_be(udp) || !bytes_load16_be(udp + 2)))
		return packet_refuse(ret, PACKET_BAD_PORT_ZERO);
	packet_accept(c, PACKET_FLOW, IPPROTO_UDP, 0, udp, ret);
}

/* What is neither TCP nor UDP to a single address. */
static void parse_other(const struct cursor *c, uint8_t proto, struct packet_info *ret)
{
	const uint8_t *icmp = c->frame + c->l4;
	enum packet_kind kind = PACKET_OTHER_IP;
	bool v6 = ret->tuple.family == BATON_IPV6;

	if (proto == (v6 ? IPPROTO_ICMPV6 : IPPROTO_ICMP)) {
		if (c->end - c->l4 < ICMP_LEN)
			return packet_refuse(ret, PACKET_BAD_SHORT_ICMP);
		if (v6 && icmp[0] >= ICMPV6_ND_FIRST && icmp[0] <= ICMPV6_ND_LAST)
			kind = PACKET_ND;
		else if (icmp[0] == (v6 ? ICMPV6_ECHO_REQUEST : ICMP_ECHO_REQUEST) && !c->multicast)
			kind = PACKET_ECHO;
	}
	packet_accept(c, kind, proto, 0, NULL, ret);
}

static inline void parse_l4(const struct cursor *c, uint8_t proto, struct packet_info *ret)
{
	if (UNLIKELY(c->multicast))
		parse_other(c, proto, ret);
	else if (LIKELY(proto == IPPROTO_TCP))
		parse_tcp(c, ret);
	else if (LIKELY(proto == IPPROTO_UDP))
		parse_udp(c, ret);
	else
		parse_other(c, proto, ret);
}

/*
 * 0.0.0.0 may only speak to all (DHCP, IGMP); the rest of RFC 6890's special
 * addresses is the routers' and the VIP's business.
 */
static inline bool ipv4_source_bad(const uint8_t *source, bool to_all)
{
	uint8_t first = source[0];

	if (LIKELY((uint8_t)(first - 1) < 223 && first != 127))
		return false;
	return first == 127 || (first >= 224 && first < 240) || bytes_load32(source) == INADDR_NONE ||
	       (!bytes_load32(source) && !to_all);
}

static inline uint64_t ipv4_sum(const uint8_t *l3)
{
	return (uint64_t)bytes_load32(l3) + bytes_load32(l3 + 4) + bytes_load32(l3 + 8) + bytes_load32(l3 + 12) +
	       bytes_load32(l3 + 16);
}

/* An IPv4 address into the first of 16 bytes. */
static inline void store_ipv4(uint8_t dst[16], const uint8_t *src)
{
	uint32_t words[4] = { bytes_load32(src) };

	memcpy(dst, words, sizeof words);
}

static inline void parse_ipv4(struct cursor *c, uint32_t len, struct packet_info *ret)
{
	const uint8_t *l3 = c->frame + c->l3;
	uint32_t avail = len - c->l3, header_len = IPV4_LEN, total;
	uint64_t sum;

	if (UNLIKELY(avail < IPV4_LEN))
		return packet_refuse(ret, PACKET_BAD_SHORT_IP);
	sum = ipv4_sum(l3);
	if (UNLIKELY(l3[0] != 0x45)) {
		if (l3[0] >> 4 != 4)
			return packet_refuse(ret, PACKET_BAD_IP_VERSION);
		header_len = (l3[0] & 15u) * 4;
		if (header_len < IPV4_LEN || header_len > avail)
			return packet_refuse(ret, PACKET_BAD_IP_HEADER_LEN);
		sum = checksum_add(sum, l3 + IPV4_LEN, header_len - IPV4_LEN);
	}
	total = bytes_load16_be(l3 + 2);
	/* the second test also keeps ret->end within 16 bits */
	if (UNLIKELY(total < header_len || total > avail || total > UINT16_MAX - c->l3))
		return packet_refuse(ret, PACKET_BAD_IP_TOTAL_LEN);
	if (UNLIKELY(checksum_fold(sum) != 0xffff))
		return packet_refuse(ret, PACKET_BAD_IP_CHECKSUM);
	c->l4 = c->l3 + header_len;
	c->end = c->l3 + total;
	c->multicast = l3[16] >> 4 == 14 || bytes_load32(l3 + 16) == INADDR_BROADCAST;
	if (UNLIKELY(ipv4_source_bad(l3 + 12, c->multicast)))
		return packet_refuse(ret, PACKET_BAD_IP_SOURCE);
	store_ipv4(ret->tuple.saddr, l3 + 12);
	store_ipv4(ret->tuple.daddr, l3 + 16);
	ret->tuple.family = BATON_IPV4;
	if (UNLIKELY(bytes_load16_be(l3 + 6) & IPV4_FRAGMENT_BITS))
		return packet_accept(c, c->multicast ? PACKET_OTHER_IP : PACKET_FRAGMENT, l3[9], 0, NULL, ret);
	parse_l4(c, l3[9], ret);
}

/* :: may only speak to a group: duplicate address detection, router solicitation, MLD. */
static inline bool ipv6_source_bad(const uint8_t *source, bool to_all)
{
	static const uint8_t unspecified[16];

	if (UNLIKELY(source[0] == 0xff))
		return true;
	if (LIKELY(source[0]) || memcmp(source, unspecified, 15))
		return false;
	return source[15] == 1 || (source[15] == 0 && !to_all);
}

enum extension_verdict { EXTENSION_BAD, EXTENSION_GO_ON, EXTENSION_STOP, EXTENSION_FRAGMENT };

/* Step over the extension header at c->l4. */
static enum extension_verdict skip_extension(struct cursor *c, bool first, uint8_t *proto)
{
	const uint8_t *h = c->frame + c->l4;
	uint32_t left = c->end - c->l4, step = 8;

	if (*proto != IPPROTO_HOPOPTS && *proto != IPPROTO_DSTOPTS && *proto != IPPROTO_ROUTING &&
	    *proto != IPPROTO_FRAGMENT)
		return EXTENSION_STOP;
	if (left < step || (*proto == IPPROTO_HOPOPTS && !first))
		return EXTENSION_BAD;
	if (*proto != IPPROTO_FRAGMENT)
		step += h[1] * 8u;
	/* segments left: this is not yet the packet's destination, and baton is no waypoint */
	if (left < step || (*proto == IPPROTO_ROUTING && h[3]))
		return EXTENSION_BAD;
	c->l4 += step;
	if (*proto == IPPROTO_FRAGMENT) {
		*proto = h[0];
		return EXTENSION_FRAGMENT;
	}
	*proto = h[0];
	return EXTENSION_GO_ON;
}

static void parse_extensions(struct cursor *c, uint8_t proto, struct packet_info *ret)
{
	for (unsigned i = 0; i < IPV6_EXTENSIONS_MAX; i++) {
		switch (skip_extension(c, i == 0, &proto)) {
		case EXTENSION_BAD:
			return packet_refuse(ret, PACKET_BAD_IPV6_EXTENSION);
		case EXTENSION_FRAGMENT:
			return packet_accept(c, c->multicast ? PACKET_OTHER_IP : PACKET_FRAGMENT, proto, 0, NULL, ret);
		case EXTENSION_STOP:
			return parse_l4(c, proto, ret);
		case EXTENSION_GO_ON:
			break;
		}
	}
	packet_refuse(ret, PACKET_BAD_IPV6_EXTENSION);
}

static inline void parse_ipv6(struct cursor *c, uint32_t len, struct packet_info *ret)
{
	const uint8_t *l3 = c->frame + c->l3;
	uint32_t avail = len - c->l3, total;

	if (UNLIKELY(avail < IPV6_LEN))
		return packet_refuse(ret, PACKET_BAD_SHORT_IP);
	if (UNLIKELY(l3[0] >> 4 != 6))
		return packet_refuse(ret, PACKET_BAD_IP_VERSION);
	total = bytes_load16_be(l3 + 4) + IPV6_LEN;
	/* the second test keeps ret->end within 16 bits */
	if (UNLIKELY(total > avail || total > UINT16_MAX - c->l3))
		return packet_refuse(ret, PACKET_BAD_IP_TOTAL_LEN);
	c->l4 = c->l3 + IPV6_LEN;
	c->end = c->l3 + total;
	c->multicast = l3[24] == 0xff;
	if (UNLIKELY(ipv6_source_bad(l3 + 8, c->multicast)))
		return packet_refuse(ret, PACKET_BAD_IP_SOURCE);
	memcpy(ret->tuple.saddr, l3 + 8, 2 * sizeof ret->tuple.saddr);
	ret->tuple.family = BATON_IPV6;
	if (LIKELY(l3[6] == IPPROTO_TCP && !c->multicast))
		parse_tcp(c, ret);
	else
		parse_extensions(c, l3[6], ret);
}

static void parse_arp(const struct cursor *c, uint32_t len, struct packet_info *ret)
{
	static const uint8_t ipv4_over_ethernet[6] = { 0, 1, 8, 0, 6, 4 };

	if (len - c->l3 < ARP_LEN || memcmp(c->frame + c->l3, ipv4_over_ethernet, sizeof ipv4_over_ethernet))
		return packet_refuse(ret, PACKET_BAD_SHORT_ARP);
	memset(&ret->tuple, 0, sizeof ret->tuple);
	packet_accept(c, PACKET_ARP, 0, 0, NULL, ret);
}

/* All that is not untagged IP. */
static void parse_link(struct cursor *c, uint32_t len, struct packet_info *ret)
{
	uint16_t type = bytes_load16_be(c->frame + c->l3 - 2);

	for (unsigned i = 0; i < VLAN_MAX && (type == ETHER_TYPE_VLAN || type == ETHER_TYPE_QINQ); i++) {
		if (len - c->l3 < VLAN_LEN)
			return packet_refuse(ret, PACKET_BAD_SHORT_LINK);
		c->l3 += VLAN_LEN;
		type = bytes_load16_be(c->frame + c->l3 - 2);
	}
	c->l4 = c->l3;
	if (type == ETHER_TYPE_IPV4)
		return parse_ipv4(c, len, ret);
	if (type == ETHER_TYPE_IPV6)
		return parse_ipv6(c, len, ret);
	if (type == ETHER_TYPE_ARP) {
		c->end = c->l3 + ARP_LEN;
		return parse_arp(c, len, ret);
	}
	c->end = len < UINT16_MAX ? len : UINT16_MAX;
	memset(&ret->tuple, 0, sizeof ret->tuple);
	packet_accept(c, PACKET_OTHER_LINK, 0, 0, NULL, ret);
}

void packet_parse(const uint8_t *frame, uint32_t len, struct packet_info *ret)
{
	struct cursor c = { .frame = frame, .l3 = ETHER_LEN };
	uint16_t type;

	if (UNLIKELY(len < ETHER_LEN))
		return packet_refuse(ret, PACKET_BAD_SHORT_LINK);
	type = bytes_load16_be(frame + 12);
	if (LIKELY(type == ETHER_TYPE_IPV4))
		parse_ipv4(&c, len, ret);
	else if (LIKELY(type == ETHER_TYPE_IPV6))
		parse_ipv6(&c, len, ret);
	else
		parse_link(&c, len, ret);
}

void packet_link_reverse(uint8_t *dst, const uint8_t *l2, uint32_t len)
{
	memcpy(dst, l2 + MAC_LEN, MAC_LEN);
	memcpy(dst + MAC_LEN, l2, MAC_LEN);
	memcpy(dst + 2 * MAC_LEN, l2 + 2 * MAC_LEN, len - 2u * MAC_LEN);
}

const char *packet_bad_name(enum packet_bad r)
{
	static const char *const names[] = {
		[PACKET_BAD_SHORT_LINK] = "bad_short_link",     [PACKET_BAD_SHORT_IP] = "bad_short_ip",
		[PACKET_BAD_IP_VERSION] = "bad_ip_version",     [PACKET_BAD_IP_HEADER_LEN] = "bad_ip_header_len",
		[PACKET_BAD_IP_TOTAL_LEN] = "bad_ip_total_len", [PACKET_BAD_IP_CHECKSUM] = "bad_ip_checksum",
		[PACKET_BAD_IP_SOURCE] = "bad_ip_source",       [PACKET_BAD_IPV6_EXTENSION] = "bad_ipv6_extension",
		[PACKET_BAD_SHORT_L4] = "bad_short_l4",         [PACKET_BAD_TCP_HEADER_LEN] = "bad_tcp_header_len",
		[PACKET_BAD_TCP_FLAGS] = "bad_tcp_flags",       [PACKET_BAD_UDP_LEN] = "bad_udp_len",
		[PACKET_BAD_PORT_ZERO] = "bad_port_zero",       [PACKET_BAD_SHORT_ARP] = "bad_short_arp",
		[PACKET_BAD_SHORT_ICMP] = "bad_short_icmp",
	};

	_Static_assert(sizeof names / sizeof names[0] == PACKET_N_BAD, "a name for each reason");
	return (unsigned)r < PACKET_N_BAD ? names[r] : "?";
}

const char *packet_bad_text(enum packet_bad r)
{
	static const char *const texts[] = {
#define X(name, text) text,
		PACKET_BAD_REASONS(X)
#undef X
	};

	return (unsigned)r < PACKET_N_BAD ? texts[r] : "?";
}
