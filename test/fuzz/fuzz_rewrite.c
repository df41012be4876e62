/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Input: addresses (2 * 16 bytes) and ports (4) to rewrite to, then a frame. A
 * packet whose checksums were right has right ones afterwards, and again after
 * the way back.
 */
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include "forwarder/checksum.h"
#include "forwarder/packet.h"
#include "forwarder/rewrite.h"

#define TO_LEN 36

static void expect(bool what)
{
	if (!what)
		abort();
}

static void read_to(const uint8_t *data, const struct baton_tuple *like, struct baton_tuple *ret)
{
	size_t n = like->family == BATON_IPV4 ? 4 : 16;

	memset(ret, 0, sizeof *ret);
	memcpy(ret->saddr, data, n);
	memcpy(ret->daddr, data + 16, n);
	memcpy(&ret->sport_be, data + 32, 2);
	memcpy(&ret->dport_be, data + 34, 2);
	ret->family = like->family;
	ret->proto = like->proto;
}

/* Rewrite and look at the whole packet. False if its TTL is at an end. */
static bool apply(uint8_t *l3, uint8_t *l4, uint32_t l4_len, const struct baton_tuple *from,
		  const struct baton_tuple *to)
{
	bool unsummed = from->proto == IPPROTO_UDP && !(l4[6] | l4[7]);
	uint16_t l3_delta, l4_delta;

	rewrite_deltas(from, to, &l3_delta, &l4_delta);
	if (!rewrite_apply(l3, l4, to, l3_delta, l4_delta))
		return false;
	if (to->family == BATON_IPV4)
		expect(!checksum_of(l3, (l3[0] & 15u) * 4));
	if (unsummed)
		expect(!(l4[6] | l4[7]));
	else
		expect(!checksum_transport(to, l4, l4_len));
	return true;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct baton_tuple to;
	struct packet_info p;
	uint32_t l4_len;
	uint8_t *frame, *l3, *l4;

	if (size < TO_LEN)
		return 0;
	packet_parse(data + TO_LEN, (uint32_t)size - TO_LEN, &p);
	if (p.kind != PACKET_FLOW)
		return 0;
	frame = malloc(p.end);
	expect(frame != NULL);
	memcpy(frame, data + TO_LEN, p.end);
	l3 = frame + p.l2_len;
	l4 = frame + p.l4_offset;
	l4_len = p.tuple.proto == IPPROTO_UDP ? l4[4] * 256u + l4[5] : (uint32_t)(p.end - p.l4_offset);
	if (p.tuple.proto == IPPROTO_TCP || l4[6] | l4[7])
		checksum_transport_write(&p.tuple, l4, l4_len);
	read_to(data, &p.tuple, &to);
	if (apply(l3, l4, l4_len, &p.tuple, &to))
		apply(l3, l4, l4_len, &to, &p.tuple);
	free(frame);
	return 0;
}
