/* SPDX-License-Identifier: BSD-3-Clause */
/* TCP segments: read from a client's frame, and written, as IP packets of our own. Pure. */
#ifndef BATON_MIGRATE_SEGMENT_H
#define BATON_MIGRATE_SEGMENT_H

#include <stdbool.h>
#include <stdint.h>

#include "baton/addr.h"
#include "forwarder/packet.h"
#include "migrate/tcp_options.h"

#define SEGMENT_LINK_MAX 22                            /* Ethernet with two VLAN tags */
#define SEGMENT_HEADER_MAX (40 + 20 + TCP_OPTIONS_MAX) /* IPv6 and TCP */

#define SEGMENT_TCP_PSH 0x08

struct segment {
	uint32_t seq, ack;
	uint16_t window; /* as it stands in the header */
	uint8_t flags;   /* PACKET_TCP_*, SEGMENT_TCP_PSH */
	struct tcp_options options;
	const uint8_t *data; /* borrowed */
	uint32_t len;        /* bytes of data */
};

/*
 * What a frame of kind PACKET_FLOW with TCP says. False if its checksum is
 * wrong, its options are malformed, or a link-layer group is its source or
 * destination. Any thread.
 */
bool segment_read(const uint8_t *frame, const struct packet_info *info, struct segment *ret);

/* Sequence numbers that it takes up: data, SYN and FIN (RFC 9293, 3.4). */
uint32_t segment_span(const struct segment *s);

/* Bytes of IP and TCP header in front of the data. */
uint32_t segment_header_len(uint8_t family, const struct tcp_options *o);

/*
 * Write an IP packet from t's source to its destination; dst has room for
 * segment_header_len() + s->len bytes, data does not overlap with it. TTL 64, DF, checksums right.
 * Returns its bytes.
 */
uint32_t segment_write(uint8_t *dst, const struct baton_tuple *t, const struct segment *s);

#endif
