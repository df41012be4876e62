/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet frames for fixtures: build, and check every checksum from scratch. */
#ifndef BATON_TEST_BPF_FRAME_H
#define BATON_TEST_BPF_FRAME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "baton/addr.h"

#define FRAME_MAX 4096
#define FRAME_ETH 14

struct frame {
	uint8_t b[FRAME_MAX];
	size_t len;
};

struct frame_options {
	uint8_t tcp_flags;
	uint32_t tcp_seq, tcp_ack;
	size_t ip_options; /* bytes of IPv4 options, multiple of 4 */
	bool no_udp_checksum;
	const void *payload;
	size_t payload_len;
};

/* Addresses and ports from text and host order. */
struct baton_tuple frame_tuple(uint8_t proto, const char *src, uint16_t sport, const char *dst, uint16_t dport);
/* Ethernet, IP and transport header and payload, all checksums right. */
void frame_build(struct frame *f, const struct baton_tuple *t, const struct frame_options *o);
/* The IP packet of inner behind the payload of outer's datagram is not touched: plain appending to a payload. */
size_t frame_append(uint8_t *dst, size_t at, const struct frame *inner);
/*
 * Read addresses, ports and payload back; fails the test unless lengths, IPv4
 * and transport checksum are right.
 */
void frame_read(const uint8_t *b, size_t len, struct baton_tuple *ret, const uint8_t **ret_payload, size_t *ret_len);
/* Ones' complement sum of bytes, not inverted. */
uint32_t frame_sum(const uint8_t *p, size_t len, uint32_t sum);

#endif
