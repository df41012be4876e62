/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * One form of hash, tag match and lookup; included once for each form by
 * route_each_form.h. The compiler makes straight code of each: `six` is a
 * constant everywhere.
 */
#include "forwarder/route_form_begin.h"

FORM_INLINE uint64_t FORM(hash_typed)(const struct route_table *t, const struct baton_tuple *key, bool six)
{
	return six ? FORM_HASH6(t, key->saddr, key->daddr, last_word(key))
		   : FORM_HASH4(t, addresses4(key), last_word(key));
}

/* Place of the key among the slots in mask of bucket b, or -ENOENT. */
FORM_INLINE int64_t FORM(among)(const struct route_table *t, const struct baton_tuple *key, uint32_t b, uint32_t mask,
				bool six)
{
	for (; mask; mask &= mask - 1) {
		uint32_t place = b * ROUTE_PLACES + (uint32_t)__builtin_ctz(mask);

		if (six ? entry_is6(&t->entries6[place], key->saddr, last_word(key))
			: entry_is4(&t->entries4[place], addresses4(key), last_word(key)))
			return place;
	}
	return -ENOENT;
}

/* Search on behind bucket b, whose slots have been looked at. */
FORM_INLINE int64_t FORM(beyond)(const struct route_table *t, const struct baton_tuple *key, uint16_t tag, uint32_t b,
				 bool six)
{
	for (uint32_t n = 1; n < t->n_buckets && t->buckets[b].overflow; n++) {
		int64_t place;

		b = b + 1 == t->n_buckets ? 0 : b + 1;
		place = FORM(among)(t, key, b, FORM_MATCH(&t->buckets[b], tag), six);
		if (place >= 0)
			return place;
	}
	return -ENOENT;
}

FORM_INLINE int64_t FORM(find_typed)(const struct route_table *t, const struct baton_tuple *key, uint64_t hash,
				     bool six)
{
	uint32_t b = route_home(t, hash);
	uint16_t tag = route_tag(hash);
	int64_t place = FORM(among)(t, key, b, FORM_MATCH(&t->buckets[b], tag), six);

	return place >= 0 ? place : FORM(beyond)(t, key, tag, b, six);
}

/*
 * Three passes, so that each key's cache misses overlap with those of the
 * others: bucket lines, then entry lines, then the comparison.
 */
FORM_INLINE void FORM(bulk_typed)(const struct route_table *t, const struct baton_tuple *const keys[], unsigned n,
				  int64_t ret_index[], bool six)
{
	uint32_t home[ROUTE_BURST], mask[ROUTE_BURST];
	uint16_t tag[ROUTE_BURST];

	for (unsigned i = 0; i < n; i++) {
		uint64_t hash = FORM(hash_typed)(t, keys[i], six);

		home[i] = route_home(t, hash);
		tag[i] = route_tag(hash);
		__builtin_prefetch(&t->buckets[home[i]]);
	}
	for (unsigned i = 0; i < n; i++) {
		uint32_t place;

		mask[i] = FORM_MATCH(&t->buckets[home[i]], tag[i]);
		if (!mask[i])
			continue;
		place = home[i] * ROUTE_PLACES + (uint32_t)__builtin_ctz(mask[i]);
		__builtin_prefetch(six ? (const void *)&t->entries6[place] : &t->entries4[place]);
	}
	for (unsigned i = 0; i < n; i++) {
		ret_index[i] = FORM(among)(t, keys[i], home[i], mask[i], six);
		if (__builtin_expect(ret_index[i] < 0, 0))
			ret_index[i] = FORM(beyond)(t, keys[i], tag[i], home[i], six);
	}
}

FORM_TARGET static uint64_t FORM(hash)(const struct route_table *t, const struct baton_tuple *key)
{
	return t->family == BATON_IPV6 ? FORM(hash_typed)(t, key, true) : FORM(hash_typed)(t, key, false);
}

FORM_TARGET static uint32_t FORM(match)(const struct route_bucket *b, uint16_t tag)
{
	return FORM_MATCH(b, tag);
}

FORM_TARGET static int64_t FORM(find)(const struct route_table *t, const struct baton_tuple *key, uint64_t hash)
{
	return t->family == BATON_IPV6 ? FORM(find_typed)(t, key, hash, true) : FORM(find_typed)(t, key, hash, false);
}

FORM_TARGET static void FORM(find_bulk)(const struct route_table *t, const struct baton_tuple *const keys[], unsigned n,
					int64_t ret_index[])
{
	if (t->family == BATON_IPV6)
		FORM(bulk_typed)(t, keys, n, ret_index, true);
	else
		FORM(bulk_typed)(t, keys, n, ret_index, false);
}

static const struct route_form FORM(form) = {
	.name = FORM_STRING(FORM_NAME),
	.supported = FORM(supported),
	.hash = FORM(hash),
	.match = FORM(match),
	.find = FORM(find),
	.find_bulk = FORM(find_bulk),
};

#include "forwarder/route_form_end.h"
