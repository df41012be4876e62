/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The Internet checksum (RFC 1071) over whole spans, for packets that are built
 * or checked; packets that are only rewritten go by deltas (rewrite.h). Sums
 * and checksums are in the order of the packet's bytes: store them with memcpy.
 */
#ifndef BATON_FORWARDER_CHECKSUM_H
#define BATON_FORWARDER_CHECKSUM_H

#include <arpa/inet.h>
#include <stdint.h>

#include "baton/addr.h"

/* Ones' complement sum of 16 bits out of a wider one. */
static inline uint16_t checksum_fold(uint64_t sum)
{
	sum = (sum & 0xffffffff) + (sum >> 32);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)sum;
}

/* HC' = ~(~HC + delta), RFC 1624, equation 3. */
static inline uint16_t checksum_moved(uint16_t checksum, uint16_t delta)
{
	uint32_t sum = (uint16_t)~checksum + (uint32_t)delta;

	return (uint16_t) ~(sum + (sum >> 16)); /* the carry of two 16-bit numbers makes no other */
}

/* Complement of 1 in the upper byte of the word that TTL and protocol share (RFC 1141). */
#define CHECKSUM_TTL_DELTA htons(0xfeff)

/* Add len bytes at p to a sum; only the last span of a sum may be odd. At most 4 GB in all. */
uint64_t checksum_add(uint64_t sum, const void *p, uint32_t len);

/* Checksum of len bytes: what to store if the field is 0 now, 0 if the field is right. */
uint16_t checksum_of(const void *p, uint32_t len);

/*
 * The same for a TCP, UDP or ICMPv6 message at l4 with the pseudo header of t:
 * addresses, family, protocol.
 */
uint16_t checksum_transport(const struct baton_tuple *t, const void *l4, uint32_t len);

/*
 * Write the right checksum into a TCP (20 bytes at least), UDP or ICMPv6 (8)
 * message; for UDP a sum of 0 goes out as 0xffff (RFC 768).
 */
void checksum_transport_write(const struct baton_tuple *t, void *l4, uint32_t len);

/* Write the right header checksum into an IPv4 header, options included. */
void checksum_ipv4_write(void *l3);

#endif
