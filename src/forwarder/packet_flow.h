/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The usual packet, in line and without a tuple: whole TCP or UDP over IPv4
 * without options or IPv6 without extension headers, with at most two VLAN tags.
 * Whatever this accepts packet_parse() calls a PACKET_FLOW with the same fields
 * (a test and a fuzz target compare them); the rest is packet_parse()'s to judge.
 * Pure.
 */
#ifndef BATON_FORWARDER_PACKET_FLOW_H
#define BATON_FORWARDER_PACKET_FLOW_H

#include <netinet/in.h>
#include <stdbool.h>

#include "base/bytes.h"
#include "forwarder/packet.h"

#define PACKET_FLOW_INLINE static inline __attribute__((always_inline))

/* Words are as they stand in memory; numbers in host order. */
struct packet_flow {
	uint32_t ports; /* source port first */
	uint8_t proto;
	uint8_t tcp_flags; /* 0 for UDP */
	uint8_t l3, l4;    /* bytes from the frame's start to the headers */
	uint16_t end;      /* bytes from the frame's start to the end of the IP packet */
};

/* Bytes to the network header of an IP packet with at most two tags, and its type; the frame has 22 bytes. */
PACKET_FLOW_INLINE uint32_t packet_flow_link(const uint8_t *frame, uint16_t *ret_type)
{
	uint32_t l3 = 14;
	uint16_t type = bytes_load16(frame + 12);

	while (__builtin_expect((type == htons(0x8100) || type == htons(0x88a8)) && l3 < 22, 0)) {
		l3 += 4;
		type = bytes_load16(frame + l3 - 2);
	}
	*ret_type = type;
	return l3;
}

/* Flags FIN, SYN, RST, PSH, ACK that a connection may use together, as in packet.c. */
#define PACKET_FLOW_TCP_FLAGS 0x37373434u

/* Transport header of `len` bytes at least 20 of which, or for UDP 8, are there. */
PACKET_FLOW_INLINE bool packet_flow_transport(const uint8_t *l4, uint32_t len, struct packet_flow *ret)
{
	uint32_t ports = bytes_load32(l4);
	bool good;

	if (__builtin_expect(ret->proto == IPPROTO_TCP, 1)) {
		uint32_t header_len = (l4[12] >> 4) * 4u;

		ret->tcp_flags = l4[13];
		good = header_len >= 20 && header_len <= len && PACKET_FLOW_TCP_FLAGS >> (ret->tcp_flags & 0x1f) & 1;
	} else {
		uint32_t udp_len = bytes_load16_be(l4 + 4);

		ret->tcp_flags = 0;
		good = ret->proto == IPPROTO_UDP && udp_len >= 8 && udp_len <= len;
	}
	ret->ports = ports;
	return good && (uint16_t)ports && ports >> 16;
}

/* Fold to 16 bits and compare: 0xffff is a right header. */
PACKET_FLOW_INLINE bool packet_flow_sum_good(uint64_t sum)
{
	uint32_t s = (uint32_t)(sum & 0xffff) + (uint32_t)(sum >> 16 & 0xffff) + (uint32_t)(sum >> 32);

	s = (s & 0xffff) + (s >> 16);
	return s == 0xffff; /* 0x1fffe would need a sum that five words do not reach */
}

PACKET_FLOW_INLINE bool packet_flow4(const uint8_t *frame, uint32_t len, uint32_t l3, struct packet_flow *ret)
{
	const uint8_t *ip = frame + l3;
	uint32_t w0 = bytes_load32(ip), w1 = bytes_load32(ip + 4), w2 = bytes_load32(ip + 8);
	uint32_t saddr = bytes_load32(ip + 12), daddr = bytes_load32(ip + 16);
	uint32_t total = ntohs((uint16_t)(w0 >> 16)), avail = len - l3;
	uint8_t source = (uint8_t)saddr;

	if (__builtin_expect((uint8_t)w0 != 0x45 || total > avail || total < 28 || w1 & htonl(0x3fff), 0))
		return false;
	if (__builtin_expect(!packet_flow_sum_good((uint64_t)w0 + w1 + w2 + saddr + daddr), 0))
		return false;
	/* from a unicast address, not to a group; class E and the rest are rare */
	if (__builtin_expect((uint8_t)(source - 1) >= 223 || source == 127 || (uint8_t)daddr >= 224, 0))
		return false;
	ret->proto = (uint8_t)(w2 >> 8);
	ret->l3 = (uint8_t)l3;
	ret->l4 = (uint8_t)(l3 + 20);
	ret->end = (uint16_t)(l3 + total);
	if (__builtin_expect(ret->proto == IPPROTO_TCP && total < 40, 0))
		return false;
	return packet_flow_transport(ip + 20, total - 20, ret);
}

PACKET_FLOW_INLINE bool packet_flow6(const uint8_t *frame, uint32_t len, uint32_t l3, struct packet_flow *ret)
{
	const uint8_t *ip = frame + l3;
	uint32_t payload = bytes_load16_be(ip + 4), avail = len - l3;

	if (__builtin_expect(ip[0] >> 4 != 6 || payload + 40 > avail || payload < 8, 0))
		return false;
	/* sources of ::/8 are rare: unspecified, loopback, translated */
	if (__builtin_expect(ip[8] == 0xff || !ip[8] || ip[24] == 0xff, 0))
		return false;
	ret->proto = ip[6];
	ret->l3 = (uint8_t)l3;
	ret->l4 = (uint8_t)(l3 + 40);
	ret->end = (uint16_t)(l3 + 40 + payload);
	if (__builtin_expect(ret->proto == IPPROTO_TCP && payload < 20, 0))
		return false;
	return packet_flow_transport(ip + 40, payload, ret);
}

/* Shorter frames can't be flows, or are left to packet_parse(). */
#define PACKET_FLOW_MIN 42

/* BATON_IPV4 or BATON_IPV6, or 0: not the usual packet, *ret is of no use. Reads nothing outside the frame. */
PACKET_FLOW_INLINE uint8_t packet_flow(const uint8_t *frame, uint32_t len, struct packet_flow *ret)
{
	uint16_t type;
	uint32_t l3;

	/* the second test keeps .end within 16 bits */
	if (__builtin_expect(len < PACKET_FLOW_MIN || len > UINT16_MAX, 0))
		return 0;
	l3 = packet_flow_link(frame, &type);
	if (__builtin_expect(type == htons(0x0800), 1))
		return len >= l3 + 28 && packet_flow4(frame, len, l3, ret) ? BATON_IPV4 : 0;
	if (type == htons(0x86dd))
		return len >= l3 + 48 && packet_flow6(frame, len, l3, ret) ? BATON_IPV6 : 0;
	return 0;
}

#endif
