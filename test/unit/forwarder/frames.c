/* SPDX-License-Identifier: BSD-3-Clause */
#include "frames.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

uint64_t frame_random(uint64_t *state)
{
	*state ^= *state << 13;
	*state ^= *state >> 7;
	*state ^= *state << 17;
	return *state;
}

static void put16(uint8_t *p, unsigned v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

static void put32(uint8_t *p, uint32_t v)
{
	put16(p, v >> 16);
	put16(p + 2, v & 0xffff);
}

static uint32_t sum16(uint32_t sum, const uint8_t *p, uint32_t len)
{
	for (uint32_t i = 0; i < len; i++) {
		sum += i & 1 ? p[i] : (uint32_t)p[i] << 8;
		sum = (sum & 0xffff) + (sum >> 16);
	}
	return sum;
}

uint16_t frame_checksum(const struct baton_tuple *pseudo, const uint8_t *p, uint32_t len)
{
	uint32_t sum = 0;

	if (pseudo) {
		uint32_t n = pseudo->family == BATON_IPV4 ? 4 : 16;
		uint8_t rest[8] = { 0 };

		put32(rest, len);
		put32(rest + 4, pseudo->proto);
		sum = sum16(sum, pseudo->saddr, n);
		sum = sum16(sum, pseudo->daddr, n);
		sum = sum16(sum, rest, sizeof rest);
	}
	return (uint16_t)~sum16(sum, p, len);
}

bool frame_checksums_right(const uint8_t *l3, const uint8_t *l4, uint32_t l4_len, uint8_t proto)
{
	struct baton_tuple t = { .proto = proto };

	if (l3[0] >> 4 == 4) {
		t.family = BATON_IPV4;
		memcpy(t.saddr, l3 + 12, 4);
		memcpy(t.daddr, l3 + 16, 4);
		if (frame_checksum(NULL, l3, (l3[0] & 15u) * 4))
			return false;
	} else {
		t.family = BATON_IPV6;
		memcpy(t.saddr, l3 + 8, 16);
		memcpy(t.daddr, l3 + 24, 16);
	}
	return !frame_checksum(proto == IPPROTO_ICMP ? NULL : &t, l4, l4_len);
}

static void build_link(const struct frame_spec *s, struct frame *f)
{
	static const uint8_t macs[12] = { 2, 0, 0, 0, 0, 0xd0, 2, 0, 0, 0, 0, 0xc1 };

	memcpy(f->b, macs, sizeof macs);
	f->l3 = sizeof macs;
	for (unsigned i = 0; i < s->vlans; i++, f->l3 += 4) {
		put16(f->b + f->l3, i + 1 < s->vlans ? 0x88a8 : 0x8100);
		put16(f->b + f->l3 + 2, 100 + i);
	}
	put16(f->b + f->l3, s->family == BATON_IPV4 ? 0x0800 : 0x86dd);
	f->l3 += 2;
}

static void build_addr(const char *text, const char *otherwise, uint8_t family, uint8_t ret[16])
{
	int ok = inet_pton(family == BATON_IPV4 ? AF_INET : AF_INET6, text ? text : otherwise, ret);

	assert(ok == 1);
	(void)ok;
}

/* Header without total length and checksum. */
static void build_ipv4(const struct frame_spec *s, struct frame *f)
{
	uint8_t *l3 = f->b + f->l3;

	build_addr(s->src, "198.51.100.7", BATON_IPV4, f->tuple.saddr);
	build_addr(s->dst, "203.0.113.80", BATON_IPV4, f->tuple.daddr);
	l3[0] = (uint8_t)(0x45 + s->options / 4);
	l3[1] = 0xb9;
	put16(l3 + 4, 0x1234);
	put16(l3 + 6, s->fragment);
	l3[8] = s->ttl ? s->ttl : 61;
	l3[9] = s->proto;
	memcpy(l3 + 12, f->tuple.saddr, 4);
	memcpy(l3 + 16, f->tuple.daddr, 4);
	memset(l3 + 20, 1, s->options);
	f->l4 = f->l3 + 20 + s->options;
}

static void build_ipv6(const struct frame_spec *s, struct frame *f)
{
	uint8_t *l3 = f->b + f->l3, *next = l3 + 6;

	build_addr(s->src, "2001:db8:1::7", BATON_IPV6, f->tuple.saddr);
	build_addr(s->dst, "2001:db8:80::80", BATON_IPV6, f->tuple.daddr);
	put32(l3, 0x6b912345);
	l3[7] = s->ttl ? s->ttl : 61;
	memcpy(l3 + 8, f->tuple.saddr, 16);
	memcpy(l3 + 24, f->tuple.daddr, 16);
	f->l4 = f->l3 + 40;
	for (const char *x = s->extension ? s->extension : ""; *x; x++) {
		uint8_t *h = f->b + f->l4;

		*next = *x == 'h'   ? IPPROTO_HOPOPTS
			: *x == 'd' ? IPPROTO_DSTOPTS
			: *x == 'r' ? IPPROTO_ROUTING
				    : IPPROTO_FRAGMENT;
		next = h;
		if (*x == 'f')
			put16(h + 2, s->fragment);
		else if (*x == 'd')
			h[1] = 1;
		f->l4 += *x == 'd' ? 16 : 8;
	}
	*next = s->proto;
}

static uint32_t build_tcp(const struct frame_spec *s, uint8_t *l4)
{
	put32(l4 + 4, s->seq);
	put32(l4 + 8, s->ack);
	l4[12] = (uint8_t)((20 + s->tcp_options) << 2);
	l4[13] = s->tcp_flags ? s->tcp_flags : 0x10;
	put16(l4 + 14, 0xfaf0);
	memset(l4 + 20, 1, s->tcp_options);
	return 20 + s->tcp_options;
}

/* Transport header with payload, checksum included. */
static void build_l4(const struct frame_spec *s, struct frame *f)
{
	bool tcp = s->proto == IPPROTO_TCP, udp = s->proto == IPPROTO_UDP;
	uint8_t *l4 = f->b + f->l4;
	uint32_t header = tcp ? build_tcp(s, l4) : 8, len = header + s->payload;
	uint16_t sum;

	if (tcp || udp) {
		f->tuple.sport_be = htons(s->sport ? s->sport : 40007);
		f->tuple.dport_be = htons(s->dport ? s->dport : 443);
		memcpy(l4, &f->tuple.sport_be, 2);
		memcpy(l4 + 2, &f->tuple.dport_be, 2);
	} else {
		l4[0] = s->icmp_type;
	}
	if (udp)
		put16(l4 + 4, len);
	for (uint32_t i = 0; i < s->payload; i++)
		l4[header + i] = s->content ? ((const uint8_t *)s->content)[i] : (uint8_t)(i * 7 + 1);
	f->end = f->l4 + len;
	if (s->no_checksum)
		return;
	sum = frame_checksum(s->proto == IPPROTO_ICMP ? NULL : &f->tuple, l4, len);
	put16(l4 + (tcp ? 16 : udp ? 6 : 2), sum || !udp ? sum : 0xffff);
}

void frame_build(const struct frame_spec *s, struct frame *ret)
{
	uint8_t *l3;

	memset(ret, 0, sizeof *ret);
	ret->tuple.family = s->family;
	ret->tuple.proto = s->proto;
	build_link(s, ret);
	if (s->family == BATON_IPV4)
		build_ipv4(s, ret);
	else
		build_ipv6(s, ret);
	build_l4(s, ret);
	l3 = ret->b + ret->l3;
	if (s->family == BATON_IPV4) {
		put16(l3 + 2, ret->end - ret->l3);
		put16(l3 + 10, frame_checksum(NULL, l3, ret->l4 - ret->l3));
	} else {
		put16(l3 + 4, ret->end - ret->l3 - 40);
	}
	memset(ret->b + ret->end, 0xee, s->padding);
	ret->len = ret->end + s->padding;
	assert(ret->len <= FRAME_MAX);
}
