/* SPDX-License-Identifier: BSD-3-Clause */
/* Fresh IP headers for packets that the device itself sends. Pure. */
#ifndef BATON_FORWARDER_IP_HEADER_H
#define BATON_FORWARDER_IP_HEADER_H

#include <stdint.h>

#include "baton/addr.h"

/* RFC 1700 and every system since. */
#define IP_HEADER_TTL 64

/* Bytes of a header without options or extensions. */
static inline uint32_t ip_header_len(uint8_t family)
{
	return family == BATON_IPV4 ? 20 : 40;
}

/*
 * Write the header of a packet with t's addresses and protocol and l4_len bytes
 * (at most 65515) behind it: no options, TTL 64, not to be fragmented, checksum
 * right. traffic_class is the whole byte, ECN included. Returns
 * ip_header_len(t->family). Any thread.
 */
uint32_t ip_header_write(uint8_t *l3, const struct baton_tuple *t, uint8_t traffic_class, uint32_t l4_len);

#endif
