/* SPDX-License-Identifier: BSD-3-Clause */
/* Tell a sender that its TCP connection does not exist. Pure. */
#ifndef BATON_FORWARDER_RESET_H
#define BATON_FORWARDER_RESET_H

#include <stdint.h>

#include "forwarder/packet.h"

/* Longest reset: Ethernet with two VLAN tags, IPv6, TCP. */
#define RESET_MAX (22 + 40 + 20)

/*
 * Write into dst the frame of a reset that answers a TCP frame, with the
 * numbers of RFC 9293, 3.10.7.1 (state CLOSED): link addresses exchanged, VLAN
 * tags kept, TTL 64. p is what packet_parse() said of the frame.
 *
 * Returns its bytes, without padding; 0 if size is too small, or for what gets
 * no reset: no TCP, a reset, a wrong TCP checksum, a link-layer group. dst and
 * frame do not overlap. Any thread.
 */
uint32_t reset_build(uint8_t *dst, uint32_t size, const uint8_t *frame, const struct packet_info *p);

#endif
