/* SPDX-License-Identifier: BSD-3-Clause */
#include "tunnel/shim.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#define ADDR_WORDS 2
#define HDR_WORDS (sizeof(struct baton_shim_hdr) / 8)

_Static_assert(sizeof(struct baton_shim_create) <= SHIM_BODY_MAX && sizeof(struct baton_shim_flow) <= SHIM_BODY_MAX &&
		       sizeof(struct baton_shim_conn) <= SHIM_BODY_MAX,
	       "the longest body");

size_t shim_body_len(uint8_t type)
{
	switch (type) {
	case BATON_SHIM_INTRODUCE:
		return sizeof(struct baton_shim_flow);
	case BATON_SHIM_UNKNOWN:
		return sizeof(struct baton_shim_unknown);
	case BATON_SHIM_RESYNC:
		return sizeof(struct baton_shim_resync);
	case BATON_SHIM_CREATE:
	case BATON_SHIM_ABORT:
		return sizeof(struct baton_shim_create);
	case BATON_SHIM_STATE:
	case BATON_SHIM_ENDED:
		return sizeof(struct baton_shim_conn);
	}
	return 0;
}

/* In network order. hdr.mac is 0. */
static __be64 shim_mac(const struct shim_key *key, const struct baton_shim_hdr *hdr, const void *body, size_t body_len,
		       const uint8_t outer_src[16], const uint8_t outer_dst[16])
{
	struct siphash_state s;

	siphash_init(&s, &key->sip);
	siphash_add_words(&s, outer_src, ADDR_WORDS);
	siphash_add_words(&s, outer_dst, ADDR_WORDS);
	siphash_add_words(&s, hdr, HDR_WORDS);
	siphash_add_words(&s, body, (unsigned)(body_len / 8));
	return htobe64(siphash_end(&s));
}

int shim_encode(uint8_t *dst, size_t size, const struct shim_keyring *keys, uint8_t type, const void *body,
		uint64_t seq, const uint8_t outer_src[16], const uint8_t outer_dst[16])
{
	size_t body_len = shim_body_len(type), len = sizeof(struct baton_shim_hdr) + body_len;
	struct baton_shim_hdr hdr = {
		.magic = htons(BATON_SHIM_MAGIC),
		.version = BATON_SHIM_VERSION,
		.type = type,
		.len = htons((uint16_t)len),
		.seq = htobe64(seq),
	};

	if (!body_len || !keys->n_keys)
		return -EINVAL;
	if (size < len)
		return -ENOSPC;
	hdr.key_id = keys->keys[0].id;
	hdr.mac = shim_mac(&keys->keys[0], &hdr, body, body_len, outer_src, outer_dst);
	memcpy(dst, &hdr, sizeof hdr);
	memcpy(dst + sizeof hdr, body, body_len);
	return (int)len;
}

/* May it carry more than its body: an inner packet? */
static bool shim_has_inner(uint8_t type)
{
	return type == BATON_SHIM_INTRODUCE || type == BATON_SHIM_CREATE;
}

static enum shim_verdict shim_check_header(const struct baton_shim_hdr *hdr, size_t len)
{
	size_t body_len = shim_body_len(hdr->type);

	if (ntohs(hdr->magic) != BATON_SHIM_MAGIC)
		return SHIM_MALFORMED;
	if (hdr->version != BATON_SHIM_VERSION)
		return SHIM_VERSION;
	if (!body_len || hdr->flags || ntohs(hdr->len) != sizeof *hdr + body_len)
		return SHIM_MALFORMED;
	if (len < sizeof *hdr + body_len || (!shim_has_inner(hdr->type) && len > sizeof *hdr + body_len))
		return SHIM_MALFORMED;
	return SHIM_OK;
}

static bool shim_addrs_valid(uint8_t family, const uint8_t saddr[16], const uint8_t daddr[16])
{
	static const uint8_t zero[12];

	if (family == BATON_IPV4)
		return !memcmp(saddr + 4, zero, sizeof zero) && !memcmp(daddr + 4, zero, sizeof zero);
	return family == BATON_IPV6;
}

static bool shim_flow_valid(const void *body)
{
	static const uint8_t zero[sizeof(((struct baton_shim_flow *)0)->zero)];
	struct baton_shim_flow f;

	memcpy(&f, body, sizeof f);
	if (f.proto != IPPROTO_TCP && f.proto != IPPROTO_UDP)
		return false;
	return !memcmp(f.zero, zero, sizeof zero) && shim_addrs_valid(f.family, f.saddr, f.daddr);
}

static bool shim_create_valid(const void *body)
{
	static const uint8_t zero[sizeof(((struct baton_shim_create *)0)->zero)];
	struct baton_shim_create c;

	memcpy(&c, body, sizeof c);
	if (!c.sport || !c.dport || c.options & ~(BATON_TCP_WSCALE | BATON_TCP_SACK | BATON_TCP_TIMESTAMPS))
		return false;
	return !memcmp(c.zero, zero, sizeof zero) && shim_addrs_valid(c.family, c.saddr, c.daddr);
}

static bool shim_conn_valid(const void *body)
{
	static const uint8_t zero[sizeof(((struct baton_shim_conn *)0)->zero1)];
	struct baton_shim_conn c;

	memcpy(&c, body, sizeof c);
	if (!c.sport || !c.dport || c.state > BATON_SHIM_CONN_REFUSED || c.reason >= BATON_SHIM_N_REFUSALS || c.zero0)
		return false;
	return !memcmp(c.zero1, zero, sizeof zero) && shim_addrs_valid(c.family, c.saddr, c.daddr);
}

static bool shim_body_valid(uint8_t type, const void *body)
{
	switch (type) {
	case BATON_SHIM_INTRODUCE:
		return shim_flow_valid(body);
	case BATON_SHIM_CREATE:
	case BATON_SHIM_ABORT:
		return shim_create_valid(body);
	case BATON_SHIM_STATE:
	case BATON_SHIM_ENDED:
		return shim_conn_valid(body);
	}
	return true;
}

static const struct shim_key *shim_key_find(const struct shim_keyring *keys, uint8_t id)
{
	for (unsigned i = 0; i < keys->n_keys; i++)
		if (keys->keys[i].id == id)
			return &keys->keys[i];
	return NULL;
}

static enum shim_verdict shim_check_replay(struct replay_window *window, uint64_t seq)
{
	if (!window)
		return SHIM_OK;
	switch (replay_check(window, seq)) {
	case REPLAY_OK:
		return SHIM_OK;
	case REPLAY_SEEN:
		return SHIM_REPLAYED;
	case REPLAY_TOO_OLD:
		break;
	}
	return SHIM_STALE;
}

enum shim_verdict shim_decode(const uint8_t *p, size_t len, const struct shim_keyring *keys,
			      struct replay_window *window, const uint8_t outer_src[16], const uint8_t outer_dst[16],
			      const struct baton_shim_hdr **ret_hdr, const void **ret_body)
{
	const uint8_t *body = p + sizeof(struct baton_shim_hdr);
	const struct shim_key *key;
	struct baton_shim_hdr hdr;
	enum shim_verdict v;
	__be64 mac;

	if (len < sizeof hdr)
		return SHIM_MALFORMED;
	memcpy(&hdr, p, sizeof hdr);
	v = shim_check_header(&hdr, len);
	if (v != SHIM_OK)
		return v;
	key = shim_key_find(keys, hdr.key_id);
	if (!key)
		return SHIM_UNKNOWN_KEY;
	mac = hdr.mac;
	hdr.mac = 0;
	if (mac != shim_mac(key, &hdr, body, shim_body_len(hdr.type), outer_src, outer_dst))
		return SHIM_FORGED;
	if (!shim_body_valid(hdr.type, body))
		return SHIM_MALFORMED;
	v = shim_check_replay(window, be64toh(hdr.seq));
	*ret_hdr = (const struct baton_shim_hdr *)p;
	*ret_body = body;
	return v;
}

void shim_flow_from_tuple(struct baton_shim_flow *dst, uint32_t flow_id, const struct baton_tuple *t)
{
	memset(dst, 0, sizeof *dst);
	dst->flow_id = htonl(flow_id);
	dst->family = t->family;
	dst->proto = t->proto;
	dst->sport = t->sport_be;
	dst->dport = t->dport_be;
	memcpy(dst->saddr, t->saddr, sizeof dst->saddr);
	memcpy(dst->daddr, t->daddr, sizeof dst->daddr);
}
