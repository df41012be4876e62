/* SPDX-License-Identifier: BSD-3-Clause */
/* Ethernet headers with up to two VLAN tags, read from and written to plain bytes. */
#ifndef BATON_NEIGH_LINK_H
#define BATON_NEIGH_LINK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LINK_TYPE_ARP 0x0806
#define LINK_TYPE_IPV6 0x86dd
#define LINK_MAC_LEN 6
#define LINK_TAG_LEN 4
#define LINK_MAX_TAGS 2
/* Shortest Ethernet frame without its check sequence (IEEE 802.3). */
#define LINK_MIN_FRAME 60

struct link_header {
	uint8_t dst[LINK_MAC_LEN];
	uint8_t src[LINK_MAC_LEN];
	uint8_t tags[LINK_MAX_TAGS * LINK_TAG_LEN]; /* as in the frame: type and tag, each network order */
	uint8_t tags_len;                           /* bytes */
	uint16_t type;                              /* of the payload, host order */
};

/* 0, or -EINVAL if the frame is shorter than its headers or has more than two tags. */
int link_parse(const uint8_t *frame, size_t len, struct link_header *ret);
/* Write the header; returns its length, at most 22 bytes. */
size_t link_write(uint8_t *frame, const struct link_header *h);
/* Length of the header as parsed. */
size_t link_header_len(const struct link_header *h);
/* False for frames of a VLAN; a tag with VLAN id 0 carries a priority only (IEEE 802.1Q). */
bool link_is_untagged(const struct link_header *h);
/* Whether a station may have this address: neither zero nor a group address. */
bool link_mac_is_station(const uint8_t mac[LINK_MAC_LEN]);

#endif
