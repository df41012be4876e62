/* SPDX-License-Identifier: BSD-3-Clause */
/* A neighbourhood with recorded output, and frames made by hand. */
#ifndef TEST_NEIGH_FIXTURE_H
#define TEST_NEIGH_FIXTURE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "baton/addr.h"
#include "neigh/neigh.h"

#define MS 1000000ull
#define T0 (1000 * MS)

#define OUR_MAC "\x02\x00\x00\x00\x00\x01"
#define OUR_MAC_PORT1 "\x02\x00\x00\x00\x00\x02"
#define HOST_MAC "\x02\x00\x00\x00\x00\x0a"
#define HOST_MAC_NEW "\x02\x00\x00\x00\x00\x0b"
#define OTHER_MAC "\x02\x00\x00\x00\x00\x0c"
#define BROADCAST "\xff\xff\xff\xff\xff\xff"
#define ALL_NODES_MAC "\x33\x33\x00\x00\x00\x01"

#define FIXTURE_MAX 64

struct sent {
	uint16_t port;
	size_t len;
	uint8_t frame[128];
};

struct changed {
	uint16_t id;
	enum neigh_state state;
	bool has_mac;
	uint8_t mac[6];
};

struct fixture {
	struct neigh *n;
	struct sent sent[FIXTURE_MAX]; /* the first ones; n_sent counts all */
	unsigned n_sent;
	struct changed changed[FIXTURE_MAX];
	unsigned n_changed;
};

struct frame {
	uint8_t b[256];
	size_t len;
};

/* Two ports: 192.0.2.1 and 2001:db8::1 on port 0, .2 and ::2 on port 1. Local: those and the VIPs .80 and ::80. */
int fixture_setup(void **state);
int fixture_teardown(void **state);
/* Forget what was recorded. */
void fixture_clear(struct fixture *f);
struct baton_addr addr_of(const char *text);
void input(struct fixture *f, uint16_t port, const struct frame *frame, uint64_t now_ns);
uint16_t watch(struct fixture *f, uint16_t port, const char *addr, uint64_t now_ns);
enum neigh_state state_of(const struct fixture *f, uint16_t id);

/* Ethernet header; tags: hexadecimal words of n_tags * 4 bytes. */
struct frame frame_link(const char *dst, const char *src, const void *tags, unsigned n_tags, uint16_t type);
void frame_add(struct frame *f, const void *bytes, size_t len);
/* An untagged ARP packet. */
struct frame frame_arp(const char *dst, unsigned operation, const char *sender_mac, const char *sender,
		       const char *target_mac, const char *target);
void frame_add_arp(struct frame *f, unsigned operation, const char *sender_mac, const char *sender,
		   const char *target_mac, const char *target);

struct nd_spec {
	const char *tags; /* NULL: none */
	unsigned n_tags;
	const char *eth_dst, *eth_src; /* MACs; NULL: ours, the host's */
	const char *src, *dst, *target;
	uint8_t type, code, flags;
	uint8_t hop_limit_less; /* below 255 */
	uint8_t checksum_off;   /* added to the right checksum */
	const void *options;
	size_t options_len;
};
struct frame frame_nd(const struct nd_spec *s);
/* Checksum of an ICMPv6 message in an IPv6 packet, as RFC 8200 says; 0 over a message with a right one. */
uint16_t icmp6_checksum(const uint8_t *ipv6, size_t icmp_len);

#endif
