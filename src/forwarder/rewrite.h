/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rewrite addresses, ports and checksums in place. Pure: works on the packet's
 * bytes; the caller has parsed it (packet.h) and made sure of its lengths.
 * Checksums move by stored deltas (RFC 1624, equation 3).
 */
#ifndef BATON_FORWARDER_REWRITE_H
#define BATON_FORWARDER_REWRITE_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/addr.h"

/*
 * Deltas that turn checksums of packets with key `from` into those of packets
 * with key `to` (same family). The IPv4 one covers the addresses and one hop
 * less, the transport one addresses (pseudo header) and ports.
 */
void rewrite_deltas(const struct baton_tuple *from, const struct baton_tuple *to, uint16_t *ret_l3, uint16_t *ret_l4);

/* What a tunneled packet's addresses and ports are: F, H and the flow id (requirement T1). */
void rewrite_tunnel_tuple(const struct baton_tuple *key, const uint8_t tunnel_addr[16], const uint8_t host_addr[16],
			  uint32_t flow_id, struct baton_tuple *ret);

/*
 * Write `to` into the packet and add the deltas; TTL or hop limit goes down by
 * one. l3 points at the IP header, l4 at TCP or UDP. A UDP checksum of 0 in
 * IPv4 (none) stays 0. Returns false, packet untouched, if TTL would reach 0.
 */
bool rewrite_apply(uint8_t *l3, uint8_t *l4, const struct baton_tuple *to, uint16_t l3_delta, uint16_t l4_delta);

/*
 * One hop less, as a router does it: TTL and IPv4 header checksum, or hop limit. Returns false, packet untouched, if it
 * would reach 0. Any thread.
 */
bool rewrite_hop(uint8_t *l3, uint8_t family);

#endif
