/* SPDX-License-Identifier: BSD-3-Clause */
#include "neigh/link.h"

#include <errno.h>
#include <string.h>

#include "base/bytes.h"

#define TYPE_8021Q 0x8100
#define TYPE_8021AD 0x88a8

int link_parse(const uint8_t *frame, size_t len, struct link_header *ret)
{
	struct link_header h = { 0 };
	size_t at = 2 * LINK_MAC_LEN;

	if (len < at + 2)
		return -EINVAL;
	memcpy(h.dst, frame, LINK_MAC_LEN);
	memcpy(h.src, frame + LINK_MAC_LEN, LINK_MAC_LEN);
	h.type = bytes_load16_be(frame + at);
	while (h.type == TYPE_8021Q || h.type == TYPE_8021AD) {
		if (h.tags_len == sizeof h.tags || len < at + LINK_TAG_LEN + 2)
			return -EINVAL;
		memcpy(h.tags + h.tags_len, frame + at, LINK_TAG_LEN);
		h.tags_len += LINK_TAG_LEN;
		at += LINK_TAG_LEN;
		h.type = bytes_load16_be(frame + at);
	}
	*ret = h;
	return 0;
}

size_t link_write(uint8_t *frame, const struct link_header *h)
{
	memcpy(frame, h->dst, LINK_MAC_LEN);
	memcpy(frame + LINK_MAC_LEN, h->src, LINK_MAC_LEN);
	memcpy(frame + 2 * LINK_MAC_LEN, h->tags, h->tags_len);
	bytes_store16_be(frame + 2 * LINK_MAC_LEN + h->tags_len, h->type);
	return link_header_len(h);
}

size_t link_header_len(const struct link_header *h)
{
	return 2 * LINK_MAC_LEN + h->tags_len + 2u;
}

bool link_is_untagged(const struct link_header *h)
{
	for (size_t i = 0; i < h->tags_len; i += LINK_TAG_LEN) {
		if (bytes_load16_be(h->tags + i + 2) & 0x0fff)
			return false;
	}
	return true;
}

bool link_mac_is_station(const uint8_t mac[LINK_MAC_LEN])
{
	static const uint8_t zero[LINK_MAC_LEN];

	return !(mac[0] & 1) && memcmp(mac, zero, LINK_MAC_LEN) != 0;
}
