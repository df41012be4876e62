/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames for tests, written out by rules of their own: nothing here uses the code under test. */
#ifndef BATON_TEST_FRAMES_H
#define BATON_TEST_FRAMES_H

#include <stdint.h>

#include "baton/addr.h"

#define FRAME_MAX 2048

/* What to build. All 0 but family and proto is a whole, correct frame without payload. */
struct frame_spec {
	const char *name;
	uint8_t family;   /* BATON_IPV4 or BATON_IPV6 */
	uint8_t proto;    /* IPPROTO_* */
	unsigned vlans;   /* tags; the first of two is 802.1ad */
	unsigned options; /* bytes of IPv4 or TCP options, multiple of 4 */
	unsigned tcp_options;
	const char *extension; /* IPv6: letters h, d, r, f (hop-by-hop, destination, routing, fragment) */
	uint16_t fragment;     /* IPv4: flags and offset, host order; IPv6: those of the f header */
	uint8_t tcp_flags;     /* 0: ACK */
	uint8_t icmp_type;
	unsigned payload;      /* bytes */
	unsigned padding;      /* bytes behind the packet */
	const char *src, *dst; /* NULL: 198.51.100.7 / 2001:db8:1::7 → 203.0.113.80 / 2001:db8:80::80 */
	uint16_t sport, dport; /* host order; 0: 40007 and 443 */
	const void *content;   /* payload bytes; NULL: made from their position */
	uint8_t ttl;           /* 0: 61 */
	uint32_t seq, ack;
	bool no_checksum; /* UDP: 0 */
};

struct frame {
	uint8_t b[FRAME_MAX];
	uint32_t len, l3, l4, end;
	struct baton_tuple tuple; /* ports 0 unless TCP or UDP */
};

void frame_build(const struct frame_spec *s, struct frame *ret);

/*
 * Checksum over a message with pseudo header, byte by byte, as RFC 1071 says in
 * words; 0 if the one inside is right. In host order.
 */
uint16_t frame_checksum(const struct baton_tuple *pseudo, const uint8_t *p, uint32_t len);
/* True if the IPv4 header checksum and the transport's are right. */
bool frame_checksums_right(const uint8_t *l3, const uint8_t *l4, uint32_t l4_len, uint8_t proto);

/* A generator with a state of its own (xorshift64), so that a run can be repeated. */
uint64_t frame_random(uint64_t *state);

#endif
