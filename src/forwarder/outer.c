/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarder/outer.h"

#include <netinet/in.h>
#include <string.h>

#include "baton/addr.h"
#include "forwarder/checksum.h"
#include "forwarder/ip_header.h"

#define OUTER_UDP_LEN 8

uint16_t outer_len(uint8_t family)
{
	return (uint16_t)(ip_header_len(family) + OUTER_UDP_LEN);
}

void outer_write(uint8_t *l3, uint8_t family, uint16_t payload, const uint8_t src[16], const uint8_t dst[16],
		 uint16_t port_be)
{
	struct baton_tuple t = { .sport_be = port_be, .dport_be = port_be, .family = family, .proto = IPPROTO_UDP };
	uint16_t len = (uint16_t)(OUTER_UDP_LEN + payload);
	uint16_t udp[4] = { port_be, port_be, htons(len), 0 };
	uint8_t *l4;

	memcpy(t.saddr, src, sizeof t.saddr);
	memcpy(t.daddr, dst, sizeof t.daddr);
	l4 = l3 + ip_header_write(l3, &t, 0, len);
	memcpy(l4, udp, sizeof udp);
	checksum_transport_write(&t, l4, len);
}
