/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarder/echo.h"

#include <stdbool.h>
#include <string.h>

#include "forwarder/checksum.h"
#include "forwarder/ip_header.h"

#define MAC_LEN 6
#define ICMP_ECHO_REPLY 0
#define ICMPV6_ECHO_REPLY 129

static uint16_t icmp_checksum(const struct baton_tuple *t, const uint8_t *icmp, uint32_t len)
{
	/* ICMP for IPv4 has no pseudo header */
	return t->family == BATON_IPV4 ? checksum_of(icmp, len) : checksum_transport(t, icmp, len);
}

static bool echo_answerable(const uint8_t *frame, uint32_t len, const struct packet_info *p)
{
	if (p->kind != PACKET_ECHO || p->end > len || p->end - p->l4_offset < 8)
		return false;
	/* RFC 1122, 3.3.6: a link-layer broadcast with a single IP address is a mistake or an attack */
	if ((frame[0] | frame[MAC_LEN]) & 1)
		return false;
	return !icmp_checksum(&p->tuple, frame + p->l4_offset, (uint32_t)(p->end - p->l4_offset));
}

uint32_t echo_reply(uint8_t *frame, uint32_t len, const struct packet_info *p, const uint8_t src_mac[6])
{
	bool v4 = p->tuple.family == BATON_IPV4;
	uint32_t icmp_len = (uint32_t)(p->end - p->l4_offset);
	uint8_t *l3 = frame + p->l2_len, *icmp;
	struct baton_tuple back;
	uint8_t traffic_class;
	uint16_t sum;

	if (!echo_answerable(frame, len, p))
		return 0;
	memcpy(frame, frame + MAC_LEN, MAC_LEN);
	memcpy(frame + MAC_LEN, src_mac, MAC_LEN);
	/* its service class goes back (RFC 1122, 3.2.2.6), its congestion marks do not */
	traffic_class = v4 ? l3[1] : (uint8_t)(l3[0] << 4 | l3[1] >> 4);
	icmp = l3 + ip_header_len(p->tuple.family);
	memmove(icmp, frame + p->l4_offset, icmp_len);
	baton_tuple_reverse(&p->tuple, &back);
	ip_header_write(l3, &back, traffic_class & 0xfc, icmp_len);
	icmp[0] = v4 ? ICMP_ECHO_REPLY : ICMPV6_ECHO_REPLY;
	memset(icmp + 2, 0, 2);
	sum = icmp_checksum(&back, icmp, icmp_len);
	memcpy(icmp + 2, &sum, 2);
	return (uint32_t)(icmp + icmp_len - frame);
}
