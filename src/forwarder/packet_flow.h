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

/* 16 bytes: two registers. Numbers in host order. */
struct packet_flow {
	uint64_t last;     /* a route key's last word: ports as they stand in memory, source first; protocol << 32 */
	uint16_t end;      /* bytes from the frame's start to the end of the IP packet */
	uint8_t l3, l4;    /* bytes from the frame's start to the headers */
	uint8_t tcp_flags; /* 0 for UDP */
	uint8_t family;    /* 0: not the usual packet, and nothing else here counts */
};

PACKET_FLOW_INLINE uint32_t packet_flow_ports(const struct packet_flow *f)
{
	return (uint32_t)f->last;
}

PACKET_FLOW_INLINE uint8_t packet_flow_proto(const struct packet_flow *f)
{
	return (uint8_t)(f->last >> 32);
}

/* The same as packet_parse() has it. */
PACKET_FLOW_INLINE void packet_flow_info(const struct packet_flow *f, const uint8_t *frame, struct packet_info *ret)
{
	const uint8_t *l3 = frame + f->l3;
	uint32_t ports = packet_flow_ports(f);

	*ret = (struct packet_info){ .kind = PACKET_FLOW,
				     .tcp_flags = f->tcp_flags,
				     .l2_len = f->l3,
				     .l4_offset = f->l4,
				     .end = f->end,
				     .tuple = { .family = f->family, .proto = packet_flow_proto(f) } };
	if (f->family == BATON_IPV4) {
		/* in whole words, as they are read at once: a CPU waits long for what it has just stored in parts */
		const uint64_t saddr = bytes_load32(l3 + 12), daddr = bytes_load32(l3 + 16);

		memcpy(ret->tuple.saddr, &saddr, 8);
		memcpy(ret->tuple.daddr, &daddr, 8);
	} else {
		memcpy(ret->tuple.saddr, l3 + 8, 16);
		memcpy(ret->tuple.daddr, l3 + 24, 16);
	}
	memcpy(&ret->tuple.sport_be, &ports, 4);
}

/* Flags FIN, SYN, RST, PSH, ACK that a connection may use together, as in packet.c. */
#define PACKET_FLOW_TCP_FLAGS 0x37373434u

/* Transport header of `len` bytes, at least 8. */
PACKET_FLOW_INLINE bool packet_flow_transport(const uint8_t *l4, uint32_t len, uint8_t proto, struct packet_flow *ret)
{
	uint32_t ports = bytes_load32(l4);

	ret->last = ports | (uint64_t)proto << 32;
	if (__builtin_expect(!(uint16_t)ports || !(ports >> 16), 0))
		return false;
	if (__builtin_expect(proto == IPPROTO_TCP, 1)) {
		if (__builtin_expect(len < 20, 0))
			return false;
		ret->tcp_flags = l4[13];
		/* header length of at least 20 and at most len */
		return (l4[12] >> 4) * 4u - 20 <= len - 20 && PACKET_FLOW_TCP_FLAGS >> (ret->tcp_flags & 0x1f) & 1;
	}
	uint32_t udp_len = bytes_load16_be(l4 + 4);

	ret->tcp_flags = 0;
	return proto == IPPROTO_UDP && udp_len - 8 <= len - 8;
}

PACKET_FLOW_INLINE bool packet_flow4(const uint8_t *frame, uint32_t len, uint32_t l3, struct packet_flow *ret)
{
	const uint8_t *ip = frame + l3;
	uint32_t w0 = bytes_load32(ip), w1 = bytes_load32(ip + 4), w2 = bytes_load32(ip + 8);
	uint32_t saddr = bytes_load32(ip + 12), daddr = bytes_load32(ip + 16);
	uint32_t total = ntohs((uint16_t)(w0 >> 16)), avail = len - l3;
	uint8_t source = (uint8_t)saddr;

	/* total length of at least 28 and at most avail */
	if (__builtin_expect((uint8_t)w0 != 0x45 || total - 28 > avail - 28 || w1 & htonl(0x3fff), 0))
		return false;
	/* the ones' complement sum is 0xffff: folding it is taking it modulo that (RFC 1071), and it is not 0 */
	if (__builtin_expect(((uint64_t)w0 + w1 + w2 + saddr + daddr) % 0xffff != 0, 0))
		return false;
	/* from a unicast address, not to a group; class E and the rest are rare */
	if (__builtin_expect((uint8_t)(source - 1) >= 223 || source == 127 || (uint8_t)daddr >= 224, 0))
		return false;
	ret->l3 = (uint8_t)l3;
	ret->l4 = (uint8_t)(l3 + 20);
	ret->end = (uint16_t)(l3 + total);
	return packet_flow_transport(ip + 20, total - 20, (uint8_t)(w2 >> 8), ret);
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
	ret->l3 = (uint8_t)l3;
	ret->l4 = (uint8_t)(l3 + 40);
	ret->end = (uint16_t)(l3 + 40 + payload);
	return packet_flow_transport(ip + 40, payload, ip[6], ret);
}

/* Shorter frames can't be flows, or are left to packet_parse(). */
#define PACKET_FLOW_MIN 42

/* The network header is at l3; type is the one before it. */
PACKET_FLOW_INLINE void packet_flow_at(const uint8_t *frame, uint32_t len, uint32_t l3, uint16_t type,
				       struct packet_flow *ret)
{
	if (__builtin_expect(type == htons(0x0800), 1)) {
		if (len >= l3 + 28 && packet_flow4(frame, len, l3, ret))
			ret->family = BATON_IPV4;
	} else if (type == htons(0x86dd)) {
		if (len >= l3 + 48 && packet_flow6(frame, len, l3, ret))
			ret->family = BATON_IPV6;
	}
}

/* Behind one or two VLAN tags, or nothing of ours; the frame has 22 bytes. */
static __attribute__((noinline, unused)) struct packet_flow packet_flow_tagged(const uint8_t *frame, uint32_t len)
{
	uint16_t type = bytes_load16(frame + 12);
	struct packet_flow ret = { .family = 0 };
	uint32_t l3 = 14;

	while ((type == htons(0x8100) || type == htons(0x88a8)) && l3 < 22) {
		l3 += 4;
		type = bytes_load16(frame + l3 - 2);
	}
	packet_flow_at(frame, len, l3, type, &ret);
	return ret;
}

/* Reads nothing outside the frame. */
PACKET_FLOW_INLINE struct packet_flow packet_flow(const uint8_t *frame, uint32_t len)
{
	struct packet_flow ret = { .family = 0 };
	uint16_t type;

	/* the second test keeps .end within 16 bits */
	if (__builtin_expect(len < PACKET_FLOW_MIN || len > UINT16_MAX, 0))
		return ret;
	type = bytes_load16(frame + 12);
	if (__builtin_expect(type != htons(0x0800) && type != htons(0x86dd), 0))
		return packet_flow_tagged(frame, len);
	packet_flow_at(frame, len, 14, type, &ret);
	return ret;
}

#endif
