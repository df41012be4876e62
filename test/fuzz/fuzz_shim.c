/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Input: a byte of options, then a shim datagram. With bit 0 the MAC is made
 * right first, so that fuzzing gets behind it; without, nothing may pass.
 */
#include <arpa/inet.h>
#include <endian.h>
#include <stdlib.h>
#include <string.h>

#include "tunnel/shim.h"

static const struct shim_keyring ring = { .keys = { { .sip = { 1, 2 }, .id = 5 } }, .n_keys = 1 };
static const uint8_t src[16] = { 192, 0, 2, 1 }, dst[16] = { 192, 0, 2, 9 };

static void expect(bool what)
{
	if (!what)
		abort();
}

static void sign(uint8_t *p, size_t len)
{
	struct siphash_state s;
	uint16_t covered;
	uint64_t mac;

	if (len < sizeof(struct baton_shim_hdr))
		return;
	memcpy(&covered, p + 4, 2);
	if (ntohs(covered) > len)
		return;
	memset(p + 16, 0, 8);
	siphash_init(&s, &ring.keys[0].sip);
	siphash_add_words(&s, src, 2);
	siphash_add_words(&s, dst, 2);
	siphash_add_words(&s, p, ntohs(covered) / 8u);
	mac = htobe64(siphash_end(&s));
	memcpy(p + 16, &mac, 8);
}

static void check_accepted(const uint8_t *p, size_t len, const struct baton_shim_hdr *hdr, const void *body)
{
	struct baton_shim_flow flow;
	struct baton_shim_hdr h;

	expect((const uint8_t *)hdr == p && (const uint8_t *)body == p + sizeof h);
	memcpy(&h, hdr, sizeof h);
	expect(ntohs(h.len) <= len);
	if (h.type != BATON_SHIM_INTRODUCE)
		return;
	expect(len >= BATON_SHIM_INTRODUCE_LEN);
	memcpy(&flow, body, sizeof flow);
	expect(flow.family == BATON_IPV4 || flow.family == BATON_IPV6);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct replay_window window = { 0 };
	const struct baton_shim_hdr *hdr;
	const void *body;
	uint8_t *p;
	size_t len;

	if (!size)
		return 0;
	len = size - 1;
	p = malloc(len ? len : 1);
	expect(p != NULL);
	memcpy(p, data + 1, len);
	if (data[0] & 1)
		sign(p, len);
	if (shim_decode(p, len, &ring, &window, src, dst, &hdr, &body) == SHIM_OK) {
		expect(data[0] & 1);
		check_accepted(p, len, hdr, body);
		expect(shim_decode(p, len, &ring, &window, src, dst, &hdr, &body) == SHIM_REPLAYED);
		/* the other way round it is another message */
		expect(shim_decode(p, len, &ring, NULL, dst, src, &hdr, &body) == SHIM_FORGED);
	}
	free(p);
	return 0;
}
