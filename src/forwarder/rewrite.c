/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarder/rewrite.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "forwarder/checksum.h"

#define IPV4_TTL 8
#define IPV4_CHECKSUM 10
#define IPV4_ADDRS 12
#define IPV6_HOP_LIMIT 7
#define IPV6_ADDRS 8
#define TCP_CHECKSUM 16
#define UDP_CHECKSUM 6

/*
 * RFC 1624, equation 3: HC' = ~(~HC + ~m + m'), with ~m + m' summed up
 * beforehand. The sum of the ones' complements of words is the ones' complement
 * of their sum.
 */
void rewrite_deltas(const struct baton_tuple *from, const struct baton_tuple *to, uint16_t *ret_l3, uint16_t *ret_l4)
{
	uint16_t old = checksum_fold(checksum_add(0, from->saddr, 2 * sizeof from->saddr));
	uint16_t new = checksum_fold(checksum_add(0, to->saddr, 2 * sizeof to->saddr));
	uint32_t l3 = (uint32_t)(uint16_t)~old + new;
	uint32_t ports_old = (uint32_t)from->sport_be + from->dport_be;
	uint32_t ports_new = (uint32_t)to->sport_be + to->dport_be;

	*ret_l3 = checksum_fold(l3 + CHECKSUM_TTL_DELTA);
	*ret_l4 = checksum_fold((uint64_t)l3 + (uint16_t)~checksum_fold(ports_old) + ports_new);
}

void rewrite_tunnel_tuple(const struct baton_tuple *key, const uint8_t tunnel_addr[16], const uint8_t host_addr[16],
			  uint32_t flow_id, struct baton_tuple *ret)
{
	memcpy(ret->saddr, tunnel_addr, sizeof ret->saddr);
	memcpy(ret->daddr, host_addr, sizeof ret->daddr);
	ret->sport_be = htons((uint16_t)(flow_id >> 16));
	ret->dport_be = htons((uint16_t)flow_id);
	ret->family = key->family;
	ret->proto = key->proto;
	memset(ret->zero, 0, sizeof ret->zero);
}

/* delta: of one hop less, and of what else will change. */
static inline bool rewrite_hop4(uint8_t *l3, uint16_t delta)
{
	uint16_t checksum;

	if (l3[IPV4_TTL] <= 1)
		return false;
	l3[IPV4_TTL]--;
	memcpy(&checksum, l3 + IPV4_CHECKSUM, 2);
	checksum = checksum_moved(checksum, delta);
	memcpy(l3 + IPV4_CHECKSUM, &checksum, 2);
	return true;
}

static inline bool rewrite_hop6(uint8_t *l3)
{
	if (l3[IPV6_HOP_LIMIT] <= 1)
		return false;
	l3[IPV6_HOP_LIMIT]--;
	return true;
}

bool rewrite_hop(uint8_t *l3, uint8_t family)
{
	return family == BATON_IPV4 ? rewrite_hop4(l3, CHECKSUM_TTL_DELTA) : rewrite_hop6(l3);
}

static inline bool rewrite_ipv4(uint8_t *l3, const struct baton_tuple *to, uint16_t delta)
{
	if (!rewrite_hop4(l3, delta))
		return false;
	memcpy(l3 + IPV4_ADDRS, to->saddr, 4);
	memcpy(l3 + IPV4_ADDRS + 4, to->daddr, 4);
	return true;
}

static inline bool rewrite_ipv6(uint8_t *l3, const struct baton_tuple *to)
{
	if (!rewrite_hop6(l3))
		return false;
	memcpy(l3 + IPV6_ADDRS, to->saddr, 2 * sizeof to->saddr);
	return true;
}

static inline void rewrite_transport(uint8_t *l4, const struct baton_tuple *to, uint16_t delta)
{
	bool udp = to->proto == IPPROTO_UDP;
	uint8_t *at = l4 + (udp ? UDP_CHECKSUM : TCP_CHECKSUM);
	uint16_t checksum;

	memcpy(l4, &to->sport_be, 2);
	memcpy(l4 + 2, &to->dport_be, 2);
	memcpy(&checksum, at, 2);
	if (udp && !checksum)
		return;
	checksum = checksum_moved(checksum, delta);
	if (udp && !checksum)
		checksum = 0xffff;
	memcpy(at, &checksum, 2);
}

bool rewrite_apply(uint8_t *l3, uint8_t *l4, const struct baton_tuple *to, uint16_t l3_delta, uint16_t l4_delta)
{
	if (to->family == BATON_IPV4 ? !rewrite_ipv4(l3, to, l3_delta) : !rewrite_ipv6(l3, to))
		return false;
	rewrite_transport(l4, to, l4_delta);
	return true;
}
