/* SPDX-License-Identifier: BSD-3-Clause */
/* Addresses and connection keys as plain bytes: comparable with memcmp, hashable as they are. */
#ifndef BATON_ADDR_H
#define BATON_ADDR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
	BATON_IPV4 = 4,
	BATON_IPV6 = 6,
};

/* One IP address. All bytes that an IPv4 address does not use are 0. */
struct baton_addr {
	uint8_t b[16];  /* network order; IPv4 in b[0..3] */
	uint8_t family; /* BATON_IPV4, BATON_IPV6; 0: no address */
	uint8_t zero[3];
};

/* An address with the length of its prefix in bits. */
struct baton_prefix {
	struct baton_addr addr;
	uint8_t len;
	uint8_t zero[3];
};

/*
 * Connection key: 4-tuple and protocol as they stand in the packet, that is
 * from the sender's side. 40 bytes, no padding.
 */
struct baton_tuple {
	uint8_t saddr[16]; /* network order; IPv4 in the first four bytes, rest 0 */
	uint8_t daddr[16];
	uint16_t sport_be;
	uint16_t dport_be;
	uint8_t family; /* BATON_IPV4 or BATON_IPV6 */
	uint8_t proto;  /* IPPROTO_* */
	uint8_t zero[2];
};

_Static_assert(sizeof(struct baton_addr) == 20, "no hidden padding");
_Static_assert(sizeof(struct baton_tuple) == 40, "no hidden padding");

/* Longest text: IPv6 address, prefix length, brackets, port, NUL. */
#define BATON_ADDR_TEXT_MAX 64

/* Parse "192.0.2.1" or "2001:db8::1". 0, or -EINVAL with *ret untouched. */
int baton_addr_parse(const char *text, struct baton_addr *ret);
/* Parse "192.0.2.0/24"; a bare address counts as a full-length prefix. 0 or -EINVAL. */
int baton_prefix_parse(const char *text, struct baton_prefix *ret);
/* Text of an address into buf (size ≥ BATON_ADDR_TEXT_MAX); returns buf. */
char *baton_addr_format(const struct baton_addr *a, char *buf, size_t size);
/* Text "addr:port" or "[addr]:port" from raw bytes; returns buf. */
char *baton_endpoint_format(const uint8_t addr[16], uint8_t family, uint16_t port_be, char *buf, size_t size);
bool baton_addr_equal(const struct baton_addr *a, const struct baton_addr *b);
bool baton_prefix_contains(const struct baton_prefix *p, const struct baton_addr *a);
/* The tuple of an answer: both ends exchanged. ret may be t. */
void baton_tuple_reverse(const struct baton_tuple *t, struct baton_tuple *ret);

#endif
