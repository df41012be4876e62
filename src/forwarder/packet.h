/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Parse a frame into what the packet path needs. Pure: works on a byte span,
 * reads nothing outside it, whatever the lengths in the headers say.
 */
#ifndef BATON_FORWARDER_PACKET_H
#define BATON_FORWARDER_PACKET_H

#include <stdint.h>

#include "baton/addr.h"

#define PACKET_TCP_FIN 0x01
#define PACKET_TCP_SYN 0x02
#define PACKET_TCP_RST 0x04
#define PACKET_TCP_ACK 0x10

enum packet_kind {
	PACKET_FLOW, /* whole TCP or UDP packet; .tuple is set */
	PACKET_ARP,
	PACKET_ND,         /* ICMPv6 133-137; .tuple addresses are set */
	PACKET_ECHO,       /* ICMP or ICMPv6 echo request; .tuple addresses are set */
	PACKET_FRAGMENT,   /* any IP fragment; .tuple addresses are set */
	PACKET_OTHER_IP,   /* other protocol or ICMP type; .tuple addresses are set */
	PACKET_OTHER_LINK, /* neither IP nor ARP */
	PACKET_BAD,        /* .bad tells why */
};

/* Why a frame is refused. X(name, text) */
#define PACKET_BAD_REASONS(X)                                                                          \
	X(SHORT_LINK, "frame shorter than its Ethernet or VLAN header")                                \
	X(SHORT_IP, "frame shorter than its IP header")                                                \
	X(IP_VERSION, "IP version does not fit the Ethernet type")                                     \
	X(IP_HEADER_LEN, "IPv4 header length below 20 bytes or beyond the packet")                     \
	X(IP_TOTAL_LEN, "IP length field beyond the frame or below the headers")                       \
	X(IP_CHECKSUM, "IPv4 header checksum wrong")                                                   \
	X(IP_SOURCE, "source address is multicast, broadcast, loopback, or zero and not to a group")   \
	X(IPV6_EXTENSION, "IPv6 extension headers too many, malformed, or a source route still to go") \
	X(SHORT_L4, "packet shorter than its TCP or UDP header")                                       \
	X(TCP_HEADER_LEN, "TCP data offset below 20 bytes or beyond the packet")                       \
	X(TCP_FLAGS, "TCP flags that no connection uses (no SYN, RST or ACK; SYN+FIN; SYN+RST)")       \
	X(UDP_LEN, "UDP length field below 8 or beyond the packet")                                    \
	X(PORT_ZERO, "TCP or UDP port 0")                                                              \
	X(SHORT_ARP, "ARP packet too short or not for IPv4 over Ethernet")                             \
	X(SHORT_ICMP, "ICMP or ICMPv6 message too short")

enum packet_bad {
#define X(name, text) PACKET_BAD_##name,
	PACKET_BAD_REASONS(X)
#undef X
		PACKET_N_BAD
};

struct packet_info {
	uint8_t kind; /* enum packet_kind */
	uint8_t bad;  /* enum packet_bad, for PACKET_BAD */
	uint8_t tcp_flags;
	uint8_t l2_len;     /* bytes: Ethernet and VLAN tags */
	uint16_t l4_offset; /* bytes from frame start to the transport header; not IP: to the end of the link header */
	uint16_t end;       /* bytes from frame start to the end of the IP packet (padding excluded) */
	struct baton_tuple tuple;
};

/*
 * Never fails: what can't be used is PACKET_BAD. Fills every field; what a kind
 * does not say above is 0. Packets to an IP multicast or broadcast address are
 * ND or OTHER_IP, never FLOW, ECHO or FRAGMENT. Transport checksums are not
 * checked. Any thread.
 */
void packet_parse(const uint8_t *frame, uint32_t len, struct packet_info *ret);

/* Link header of an answer to a frame: addresses exchanged, tags kept; len is at least 12. Any thread. */
void packet_link_reverse(uint8_t *dst, const uint8_t *l2, uint32_t len);

/* Name ("bad_short_link") and text of a reason, static storage. */
const char *packet_bad_name(enum packet_bad r);
const char *packet_bad_text(enum packet_bad r);

#endif
