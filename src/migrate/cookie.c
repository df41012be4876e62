/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Layout of a cookie, from the top: 23 bits MAC, 1 bit parity of the epoch,
 * 1 bit SACK, 4 bits window scale, 3 bits MSS class.
 *
 * A guess is right with a chance of keys × epochs / 2^23: the epoch's parity
 * leaves at most two epochs to try.
 */
#include "migrate/cookie.h"

#define OPTION_BITS 9
#define OPTION_MASK ((1u << OPTION_BITS) - 1)
#define MSS_BITS 3
#define MSS_CLASSES (1u << MSS_BITS)
#define WSCALE_SHIFT MSS_BITS
#define SACK_SHIFT 7
#define PARITY_SHIFT 8
#define WSCALE_MASK 15u

_Static_assert(COOKIE_NO_WSCALE == WSCALE_MASK, "fits its bits");

/*
 * What is common: Ethernet (1500 bytes), PPPoE (1492; RFC 2516), tunnels and
 * mobile networks below that, IPv6's least MTU (1280), jumbo frames (9000).
 */
static const uint16_t classes4[MSS_CLASSES] = { COOKIE_MSS_MIN_IPV4, 1220, 1360, 1400, 1440, 1452, 1460, 8960 };
static const uint16_t classes6[MSS_CLASSES] = { COOKIE_MSS_MIN_IPV6, 1300, 1360, 1400, 1420, 1432, 1440, 8940 };

static const uint16_t *classes_of(const struct baton_tuple *key)
{
	return key->family == BATON_IPV4 ? classes4 : classes6;
}

static unsigned class_of(const uint16_t *classes, uint16_t mss)
{
	unsigned i = MSS_CLASSES - 1;

	while (i > 0 && classes[i] > mss)
		i--;
	return i;
}

static uint32_t cookie_mac(const struct siphash_key *k, const struct baton_tuple *key, uint32_t client_isn,
			   uint64_t epoch, uint32_t options)
{
	struct siphash_state s;

	siphash_init(&s, k);
	siphash_add_words(&s, key, sizeof *key / 8);
	siphash_add(&s, (uint64_t)client_isn << 32 | options);
	siphash_add(&s, epoch);
	return (uint32_t)siphash_end(&s) & ~OPTION_MASK;
}

uint32_t cookie_make(const struct cookie_keyring *k, const struct baton_tuple *key, uint32_t client_isn,
		     const struct cookie_options *o, uint64_t wall_s)
{
	uint64_t epoch = wall_s / COOKIE_EPOCH_S;
	uint32_t options = class_of(classes_of(key), o->mss) | (uint32_t)(o->wscale & WSCALE_MASK) << WSCALE_SHIFT |
			   (uint32_t)o->sack << SACK_SHIFT | (uint32_t)(epoch & 1) << PARITY_SHIFT;

	return cookie_mac(&k->keys[0], key, client_isn, epoch, options) | options;
}

bool cookie_check(const struct cookie_keyring *k, const struct baton_tuple *key, uint32_t client_isn, uint32_t isn,
		  uint64_t wall_s, struct cookie_options *ret)
{
	uint64_t now = wall_s / COOKIE_EPOCH_S, epochs[2] = { now, now };
	uint32_t options = isn & OPTION_MASK, mac = isn & ~OPTION_MASK;
	unsigned n_epochs = 1;

	if ((options >> PARITY_SHIFT & 1) != (now & 1)) {
		epochs[0] = now - 1;
		epochs[1] = now + 1; /* of a device whose clock is ahead */
		n_epochs = 2;
	}
	for (unsigned i = 0; i < n_epochs; i++)
		for (unsigned j = 0; j < k->n_keys; j++)
			if (cookie_mac(&k->keys[j], key, client_isn, epochs[i], options) == mac) {
				ret->mss = classes_of(key)[options & (MSS_CLASSES - 1)];
				ret->wscale = options >> WSCALE_SHIFT & WSCALE_MASK;
				ret->sack = options >> SACK_SHIFT & 1;
				return true;
			}
	return false;
}
