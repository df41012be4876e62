/* SPDX-License-Identifier: BSD-3-Clause */
#include "frame.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

uint32_t frame_sum(const uint8_t *p, size_t len, uint32_t sum)
{
	for (size_t i = 0; i < len; i++)
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

static void put16(uint8_t *p, uint32_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v);
}

static uint32_t get16(const uint8_t *p)
{
	return (uint32_t)p[0] << 8 | p[1];
}

struct baton_tuple frame_tuple(uint8_t proto, const char *src, uint16_t sport, const char *dst, uint16_t dport)
{
	struct baton_tuple t = { .proto = proto, .sport_be = htons(sport), .dport_be = htons(dport) };
	struct baton_addr s, d;

	assert_int_equal(baton_addr_parse(src, &s), 0);
	assert_int_equal(baton_addr_parse(dst, &d), 0);
	memcpy(t.saddr, s.b, 16);
	memcpy(t.daddr, d.b, 16);
	t.family = s.family;
	return t;
}

static uint32_t l4_sum(const uint8_t *l4, size_t len, const struct baton_tuple *t)
{
	uint32_t sum = frame_sum(t->saddr, 16, (uint32_t)len + t->proto);

	return frame_sum(l4, len, frame_sum(t->daddr, 16, sum));
}

static size_t l4_build(uint8_t *l4, const struct baton_tuple *t, const struct frame_options *o)
{
	size_t hlen = t->proto == IPPROTO_TCP ? 20 : 8, len = hlen + o->payload_len;
	size_t check = t->proto == IPPROTO_TCP ? 16 : 6;

	memset(l4, 0, hlen);
	memcpy(l4, &t->sport_be, 2);
	memcpy(l4 + 2, &t->dport_be, 2);
	if (o->payload_len)
		memcpy(l4 + hlen, o->payload, o->payload_len);
	if (t->proto == IPPROTO_TCP) {
		put32(l4 + 4, o->tcp_seq);
		put32(l4 + 8, o->tcp_ack);
		l4[12] = 5 << 4;
		l4[13] = o->tcp_flags;
		put16(l4 + 14, 65535);
	} else {
		put16(l4 + 4, (uint32_t)len);
	}
	if (t->proto == IPPROTO_TCP || !o->no_udp_checksum)
		put16(l4 + check, ~l4_sum(l4, len, t) & 0xffff);
	if (t->proto == IPPROTO_UDP && !o->no_udp_checksum && !get16(l4 + check))
		put16(l4 + check, 0xffff);
	return len;
}

static size_t ipv4_build(uint8_t *ip, const struct baton_tuple *t, const struct frame_options *o)
{
	size_t hlen = 20 + o->ip_options, len = hlen + l4_build(ip + hlen, t, o);

	memset(ip, 0, 20);
	memset(ip + 20, 1, o->ip_options); /* no-operation options */
	ip[0] = (uint8_t)(0x40 | hlen / 4);
	put16(ip + 2, (uint32_t)len);
	ip[8] = 64;
	ip[9] = t->proto;
	memcpy(ip + 12, t->saddr, 4);
	memcpy(ip + 16, t->daddr, 4);
	put16(ip + 10, ~frame_sum(ip, hlen, 0) & 0xffff);
	return len;
}

static size_t ipv6_build(uint8_t *ip, const struct baton_tuple *t, const struct frame_options *o)
{
	size_t len = l4_build(ip + 40, t, o);

	memset(ip, 0, 40);
	ip[0] = 0x60;
	put16(ip + 4, (uint32_t)len);
	ip[6] = t->proto;
	ip[7] = 64;
	memcpy(ip + 8, t->saddr, 16);
	memcpy(ip + 24, t->daddr, 16);
	return 40 + len;
}

void frame_build(struct frame *f, const struct baton_tuple *t, const struct frame_options *o)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 1, 2, 0, 0, 0, 0, 2 };
	bool v4 = t->family == BATON_IPV4;

	memcpy(f->b, macs, sizeof macs);
	put16(f->b + 12, v4 ? ETH_P_IP : ETH_P_IPV6);
	f->len = FRAME_ETH + (v4 ? ipv4_build : ipv6_build)(f->b + FRAME_ETH, t, o);
}

size_t frame_append(uint8_t *dst, size_t at, const struct frame *inner)
{
	memcpy(dst + at, inner->b + FRAME_ETH, inner->len - FRAME_ETH);
	return at + inner->len - FRAME_ETH;
}

static size_t ipv4_read(const uint8_t *ip, size_t len, struct baton_tuple *t)
{
	size_t hlen = (ip[0] & 0xfu) * 4;

	assert_true(len >= 20 && len >= hlen && hlen >= 20);
	assert_int_equal(get16(ip + 2), len);
	assert_int_equal(frame_sum(ip, hlen, 0), 0xffff);
	t->family = BATON_IPV4;
	t->proto = ip[9];
	memcpy(t->saddr, ip + 12, 4);
	memcpy(t->daddr, ip + 16, 4);
	return hlen;
}

static size_t ipv6_read(const uint8_t *ip, size_t len, struct baton_tuple *t)
{
	assert_true(len >= 40);
	assert_int_equal(ip[0] >> 4, 6);
	assert_int_equal(get16(ip + 4), len - 40);
	t->family = BATON_IPV6;
	t->proto = ip[6];
	memcpy(t->saddr, ip + 8, 16);
	memcpy(t->daddr, ip + 24, 16);
	return 40;
}

void frame_read(const uint8_t *b, size_t len, struct baton_tuple *ret, const uint8_t **ret_payload, size_t *ret_len)
{
	struct baton_tuple t = { 0 };
	size_t hlen, l4_len, header;
	const uint8_t *l4;

	assert_true(len > FRAME_ETH);
	hlen = (get16(b + 12) == ETH_P_IP ? ipv4_read : ipv6_read)(b + FRAME_ETH, len - FRAME_ETH, &t);
	l4 = b + FRAME_ETH + hlen;
	l4_len = len - FRAME_ETH - hlen;
	header = t.proto == IPPROTO_TCP ? 20 : 8;
	assert_true(l4_len >= header);
	memcpy(&t.sport_be, l4, 2);
	memcpy(&t.dport_be, l4 + 2, 2);
	if (t.proto == IPPROTO_UDP)
		assert_int_equal(get16(l4 + 4), l4_len);
	/* an absent UDP checksum is right too; who cares looks at the bytes */
	if (t.proto == IPPROTO_TCP || get16(l4 + 6))
		assert_int_equal(l4_sum(l4, l4_len, &t), 0xffff);
	*ret = t;
	*ret_payload = l4 + header;
	*ret_len = l4_len - header;
}
