/* SPDX-License-Identifier: BSD-3-Clause */
#include "forwarder/checksum.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "base/bytes.h"

uint64_t checksum_add(uint64_t sum, const void *p, uint32_t len)
{
	const uint8_t *b = p;
	for (; len >= 8; len -= 8, b += 8) {
		uint64_t two = bytes_load64(b);

		sum += (two & UINT32_MAX) + (two >> 32);
	}
	if (len >= 4) {
		sum += bytes_load32(b);
		len -= 4;
		b += 4;
	}
	if (len) {
		uint32_t word = 0;

		memcpy(&word, b, len);
		sum += word;
	}
	return sum;
}

uint16_t checksum_of(const void *p, uint32_t len)
{
	return (uint16_t)~checksum_fold(checksum_add(0, p, len));
}

uint16_t checksum_transport(const struct baton_tuple *t, const void *l4, uint32_t len)
{
	/* the bytes of an IPv4 tuple's addresses that are not used are 0, and so add nothing */
	uint64_t sum = checksum_add(0, t->saddr, 2 * sizeof t->saddr);

	sum += htonl(t->proto);
	sum += htonl(len);
	return (uint16_t)~checksum_fold(checksum_add(sum, l4, len));
}

void checksum_transport_write(const struct baton_tuple *t, void *l4, uint32_t len)
{
	uint32_t field = t->proto == IPPROTO_TCP ? 16 : t->proto == IPPROTO_UDP ? 6 : 2;
	uint8_t *at = (uint8_t *)l4 + field;
	uint16_t sum;

	memset(at, 0, 2);
	sum = checksum_transport(t, l4, len);
	if (!sum && t->proto == IPPROTO_UDP)
		sum = 0xffff;
	memcpy(at, &sum, 2);
}

void checksum_ipv4_write(void *l3)
{
	uint8_t *h = l3;
	uint16_t sum;

	memset(h + 10, 0, 2);
	sum = checksum_of(h, (h[0] & 15u) * 4);
	memcpy(h + 10, &sum, 2);
}
