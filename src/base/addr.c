/* SPDX-License-Identifier: BSD-3-Clause */
#include "baton/addr.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/number.h"

int baton_addr_parse(const char *text, struct baton_addr *ret)
{
	struct baton_addr a = { 0 };

	if (inet_pton(AF_INET, text, a.b) == 1)
		a.family = BATON_IPV4;
	else if (inet_pton(AF_INET6, text, a.b) == 1)
		a.family = BATON_IPV6;
	else
		return -EINVAL;
	*ret = a;
	return 0;
}

int baton_prefix_parse(const char *text, struct baton_prefix *ret)
{
	struct baton_prefix p = { 0 };
	char addr[BATON_ADDR_TEXT_MAX];
	const char *slash = strchr(text, '/');
	size_t n = slash ? (size_t)(slash - text) : strlen(text);
	uint64_t len, max;

	if (n >= sizeof addr)
		return -EINVAL;
	memcpy(addr, text, n);
	addr[n] = 0;
	if (baton_addr_parse(addr, &p.addr) < 0)
		return -EINVAL;
	max = p.addr.family == BATON_IPV4 ? 32 : 128;
	len = max;
	if (slash && number_parse(slash + 1, 0, max, &len))
		return -EINVAL;
	p.len = (uint8_t)len;
	*ret = p;
	return 0;
}

char *baton_addr_format(const struct baton_addr *a, char *buf, size_t size)
{
	if (!a->family || !inet_ntop(a->family == BATON_IPV4 ? AF_INET : AF_INET6, a->b, buf, (socklen_t)size))
		snprintf(buf, size, "-");
	return buf;
}

char *baton_endpoint_format(const uint8_t addr[16], uint8_t family, uint16_t port_be, char *buf, size_t size)
{
	char text[INET6_ADDRSTRLEN];

	if (!inet_ntop(family == BATON_IPV4 ? AF_INET : AF_INET6, addr, text, sizeof text))
		snprintf(text, sizeof text, "?");
	snprintf(buf, size, family == BATON_IPV4 ? "%s:%u" : "[%s]:%u", text, ntohs(port_be));
	return buf;
}

bool baton_addr_equal(const struct baton_addr *a, const struct baton_addr *b)
{
	return a->family == b->family && !memcmp(a->b, b->b, sizeof a->b);
}

bool baton_prefix_contains(const struct baton_prefix *p, const struct baton_addr *a)
{
	unsigned bytes = p->len / 8, bits = p->len % 8;

	if (p->addr.family != a->family || memcmp(p->addr.b, a->b, bytes))
		return false;
	if (!bits)
		return true;
	return ((p->addr.b[bytes] ^ a->b[bytes]) & (0xff00 >> bits) & 0xff) == 0;
}

void baton_tuple_reverse(const struct baton_tuple *t, struct baton_tuple *ret)
{
	struct baton_tuple r = *t;

	memcpy(r.saddr, t->daddr, sizeof r.saddr);
	memcpy(r.daddr, t->saddr, sizeof r.daddr);
	r.sport_be = t->dport_be;
	r.dport_be = t->sport_be;
	*ret = r;
}
