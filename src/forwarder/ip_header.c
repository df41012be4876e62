/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarder/ip_header.h"

#include <string.h>

#include "base/bytes.h"
#include "forwarder/checksum.h"

/* Identification 0: it has no meaning in a packet that can't be fragmented (RFC 6864). */
static void write_ipv4(uint8_t *l3, const struct baton_tuple *t, uint8_t traffic_class, uint32_t l4_len)
{
	memset(l3, 0, 20);
	l3[0] = 0x45;
	l3[1] = traffic_class;
	bytes_store16_be(l3 + 2, (uint16_t)(20 + l4_len));
	l3[6] = 0x40;
	l3[8] = IP_HEADER_TTL;
	l3[9] = t->proto;
	memcpy(l3 + 12, t->saddr, 4);
	memcpy(l3 + 16, t->daddr, 4);
	checksum_ipv4_write(l3);
}

static void write_ipv6(uint8_t *l3, const struct baton_tuple *t, uint8_t traffic_class, uint32_t l4_len)
{
	bytes_store16_be(l3, (uint16_t)(0x6000 | traffic_class << 4));
	bytes_store16_be(l3 + 2, 0);
	bytes_store16_be(l3 + 4, (uint16_t)l4_len);
	l3[6] = t->proto;
	l3[7] = IP_HEADER_TTL;
	memcpy(l3 + 8, t->saddr, sizeof t->saddr);
	memcpy(l3 + 24, t->daddr, sizeof t->daddr);
}

uint32_t ip_header_write(uint8_t *l3, const struct baton_tuple *t, uint8_t traffic_class, uint32_t l4_len)
{
	if (t->family == BATON_IPV4)
		write_ipv4(l3, t, traffic_class, l4_len);
	else
		write_ipv6(l3, t, traffic_class, l4_len);
	return ip_header_len(t->family);
}
