/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarder/reset.h"

#include <netinet/in.h>
#include <stdbool.h>
#include <string.h>

#include "base/bytes.h"
#include "forwarder/checksum.h"
#include "forwarder/ip_header.h"

#define MAC_LEN 6
#define TCP_LEN 20
#define TCP_SEQ 4
#define TCP_ACK 8
#define TCP_DATA_OFFSET 12
#define TCP_FLAGS 13

static bool reset_due(const uint8_t *frame, const struct packet_info *p)
{
	if (p->kind != PACKET_FLOW || p->tuple.proto != IPPROTO_TCP || p->tcp_flags & PACKET_TCP_RST)
		return false;
	if ((frame[0] | frame[MAC_LEN]) & 1)
		return false;
	return !checksum_transport(&p->tuple, frame + p->l4_offset, (uint32_t)(p->end - p->l4_offset));
}

/* Sequence numbers that the segment takes up: its data, SYN and FIN (RFC 9293, 3.4). */
static uint32_t segment_len(const uint8_t *tcp, const struct packet_info *p)
{
	uint32_t data = (uint32_t)(p->end - p->l4_offset) - (tcp[TCP_DATA_OFFSET] >> 4) * 4u;

	return data + !!(p->tcp_flags & PACKET_TCP_SYN) + !!(p->tcp_flags & PACKET_TCP_FIN);
}

static void write_tcp(uint8_t *dst, const struct baton_tuple *back, const uint8_t *tcp, const struct packet_info *p)
{
	memset(dst, 0, TCP_LEN);
	memcpy(dst, &back->sport_be, 2);
	memcpy(dst + 2, &back->dport_be, 2);
	dst[TCP_DATA_OFFSET] = TCP_LEN / 4 << 4;
	if (p->tcp_flags & PACKET_TCP_ACK) {
		memcpy(dst + TCP_SEQ, tcp + TCP_ACK, 4);
		dst[TCP_FLAGS] = PACKET_TCP_RST;
	} else {
		bytes_store32_be(dst + TCP_ACK, bytes_load32_be(tcp + TCP_SEQ) + segment_len(tcp, p));
		dst[TCP_FLAGS] = PACKET_TCP_RST | PACKET_TCP_ACK;
	}
	checksum_transport_write(back, dst, TCP_LEN);
}

uint32_t reset_build(uint8_t *dst, uint32_t size, const uint8_t *frame, const struct packet_info *p)
{
	uint32_t len = p->l2_len + ip_header_len(p->tuple.family) + TCP_LEN;
	struct baton_tuple back;
	uint8_t *l4;

	if (!reset_due(frame, p) || size < len)
		return 0;
	packet_link_reverse(dst, frame, p->l2_len);
	baton_tuple_reverse(&p->tuple, &back);
	l4 = dst + p->l2_len + ip_header_write(dst + p->l2_len, &back, 0, TCP_LEN);
	write_tcp(l4, &back, frame + p->l4_offset, p);
	return len;
}
