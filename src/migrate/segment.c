/* SPDX-License-Identifier: BSD-3-Clause */
#include "migrate/segment.h"

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
#define TCP_WINDOW 14
#define TCP_CHECKSUM 16

bool segment_read(const uint8_t *frame, const struct packet_info *info, struct segment *ret)
{
	const uint8_t *tcp = frame + info->l4_offset;
	uint32_t len = (uint32_t)(info->end - info->l4_offset), header = (tcp[TCP_DATA_OFFSET] >> 4) * 4u;

	if ((frame[0] | frame[MAC_LEN]) & 1)
		return false;
	if (checksum_transport(&info->tuple, tcp, len))
		return false;
	if (!tcp_options_parse(tcp + TCP_LEN, header - TCP_LEN, &ret->options))
		return false;
	ret->seq = bytes_load32_be(tcp + TCP_SEQ);
	ret->ack = bytes_load32_be(tcp + TCP_ACK);
	ret->flags = info->tcp_flags;
	ret->window = bytes_load16_be(tcp + TCP_WINDOW);
	ret->data = tcp + header;
	ret->len = len - header;
	return true;
}

uint32_t segment_span(const struct segment *s)
{
	return s->len + !!(s->flags & PACKET_TCP_SYN) + !!(s->flags & PACKET_TCP_FIN);
}

uint32_t segment_header_len(uint8_t family, const struct tcp_options *o)
{
	uint8_t scratch[TCP_OPTIONS_MAX];

	return ip_header_len(family) + TCP_LEN + tcp_options_write(scratch, o);
}

uint32_t segment_write(uint8_t *dst, const struct baton_tuple *t, const struct segment *s)
{
	uint8_t *tcp = dst + ip_header_len(t->family);
	uint32_t header = TCP_LEN + tcp_options_write(tcp + TCP_LEN, &s->options);

	ip_header_write(dst, t, 0, header + s->len);
	memcpy(tcp, &t->sport_be, 2);
	memcpy(tcp + 2, &t->dport_be, 2);
	bytes_store32_be(tcp + TCP_SEQ, s->seq);
	bytes_store32_be(tcp + TCP_ACK, s->ack);
	tcp[TCP_DATA_OFFSET] = (uint8_t)(header / 4 << 4);
	tcp[TCP_FLAGS] = s->flags;
	bytes_store16_be(tcp + TCP_WINDOW, s->window);
	bytes_store32_be(tcp + TCP_CHECKSUM, 0); /* and no urgent pointer */
	if (s->len)
		memcpy(tcp + header, s->data, s->len);
	checksum_transport_write(t, tcp, header + s->len);
	return ip_header_len(t->family) + header + s->len;
}
