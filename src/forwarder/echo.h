/* SPDX-License-Identifier: BSD-3-Clause */
/* Answer pings to the device's addresses (RFC 792, RFC 4443 section 4). Pure. */
#ifndef BATON_FORWARDER_ECHO_H
#define BATON_FORWARDER_ECHO_H

#include <stdint.h>

#include "forwarder/packet.h"

/*
 * Turn an echo request in place into its reply: link, IP and ICMP addresses
 * and types, TTL 64, checksums. IP options and extension headers are left out
 * and VLAN tags stay. p is what packet_parse() said of the frame; the caller
 * has made sure that its destination is the device's. src_mac is the link
 * address to answer from; the reply goes to where the request came from.
 *
 * Returns the bytes of the reply frame, at most len, without padding; 0, frame
 * untouched, if this is no echo request, its ICMP checksum is wrong, or it
 * concerns a link-layer group. Any thread.
 */
uint32_t echo_reply(uint8_t *frame, uint32_t len, const struct packet_info *p, const uint8_t src_mac[6]);

#endif
