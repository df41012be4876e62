/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What is known against few rounds of AES, tried on the hash (docs/decisions/0008-keyed-hash-of-routes.md). A model of
 * it in plain C, with any number of rounds, shows that each of these attacks works where there are fewer.
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

#include "forwarder/route_table.h"

#define N_TABLES 4
#define BLOCK 16

struct block {
	uint8_t b[BLOCK];
};

struct rounds {
	unsigned between, last; /* between the blocks of an IPv6 key; after the last block */
};

static const struct rounds as_it_is = { 2, 4 };

/* splitmix64 (Steele, Lea, Flood 2014) */
static uint64_t random_state;

static uint64_t random_next(void)
{
	uint64_t x = random_state += 0x9e3779b97f4a7c15ull;

	x = (x ^ x >> 30) * 0xbf58476d1ce4e5b9ull;
	x = (x ^ x >> 27) * 0x94d049bb133111ebull;
	return x ^ x >> 31;
}

static void random_bytes(uint8_t *p, size_t n)
{
	for (size_t i = 0; i < n; i++)
		p[i] = (uint8_t)(random_next() >> 32);
}

/* Multiplication in GF(2^8) as FIPS 197 says. */
static uint8_t gf_mul(uint8_t a, uint8_t b)
{
	uint8_t r = 0;

	for (; b; b >>= 1) {
		r ^= b & 1 ? a : 0;
		a = (uint8_t)(a << 1 ^ (a & 0x80 ? 0x1b : 0));
	}
	return r;
}

static uint8_t sbox[256];

static int sbox_make(void **state)
{
	for (unsigned x = 0; x < 256; x++) {
		uint8_t inverse = 1;

		for (unsigned i = 0; i < 254; i++)
			inverse = gf_mul(inverse, (uint8_t)x);
		sbox[x] = 0x63;
		for (unsigned i = 0; i < 5; i++)
			sbox[x] ^= (uint8_t)(inverse << i | inverse >> (8 - i));
	}
	return 0;
}

/* ShiftRows and MixColumns: what differences go through unchanged but for their place. */
static struct block linear(const struct block *s)
{
	struct block r;

	for (unsigned i = 0; i < BLOCK; i++) {
		const unsigned column = i / 4, row = i % 4;
		uint8_t a[4];

		for (unsigned k = 0; k < 4; k++)
			a[k] = s->b[(column + (row + k) % 4) % 4 * 4 + (row + k) % 4];
		r.b[i] = (uint8_t)(gf_mul(a[0], 2) ^ gf_mul(a[1], 3) ^ a[2] ^ a[3]);
	}
	return r;
}

static void add(struct block *x, const void *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		x->b[i] ^= ((const uint8_t *)p)[i];
}

static void aes_rounds(struct block *x, const uint8_t keys[][16], unsigned n)
{
	for (unsigned r = 0; r < n; r++) {
		for (unsigned i = 0; i < BLOCK; i++)
			x->b[i] = sbox[x->b[i]];
		*x = linear(x);
		add(x, keys[r], BLOCK);
	}
}

static void add_last(struct block *x, const struct baton_tuple *k, size_t at)
{
	x->b[at] ^= ((const uint8_t *)&k->sport_be)[0];
	x->b[at + 1] ^= ((const uint8_t *)&k->sport_be)[1];
	x->b[at + 2] ^= ((const uint8_t *)&k->dport_be)[0];
	x->b[at + 3] ^= ((const uint8_t *)&k->dport_be)[1];
	x->b[at + 4] ^= k->proto;
}

static uint64_t model(const struct route_table *t, const struct baton_tuple *k, struct rounds n)
{
	struct block x = { { 0 } };
	uint64_t hash;

	add(&x, t->round_keys[0], BLOCK);
	if (k->family == BATON_IPV6) {
		add(&x, k->saddr, 16);
		aes_rounds(&x, t->round_keys + 1, n.between);
		add(&x, k->daddr, 16);
		aes_rounds(&x, t->round_keys + 3, n.between);
		add_last(&x, k, 0);
	} else {
		add(&x, k->saddr, 4);
		for (unsigned i = 0; i < 4; i++)
			x.b[4 + i] ^= k->daddr[i];
		add_last(&x, k, 8);
	}
	aes_rounds(&x, t->round_keys + 5, n.last);
	memcpy(&hash, x.b, sizeof hash);
	return hash;
}

static struct route_table *table_make(const struct route_form *form, uint8_t family, uint64_t seed)
{
	struct route_table_params p = { .family = family, .capacity = 20000 };
	struct route_table *t;

	random_state = seed;
	random_bytes(p.hash_key, sizeof p.hash_key);
	t = route_table_new_form(&p, form);
	assert_non_null(t);
	return t;
}

static struct baton_tuple random_key(uint8_t family)
{
	struct baton_tuple k = { .family = family, .proto = IPPROTO_TCP };

	random_bytes(k.saddr, family == BATON_IPV6 ? 16 : 4);
	random_bytes(k.daddr, family == BATON_IPV6 ? 16 : 4);
	k.sport_be = (uint16_t)random_next();
	k.dport_be = (uint16_t)random_next();
	return k;
}

/* hash of the form, or of the model with that many rounds */
typedef uint64_t (*hash_fn)(const struct route_table *t, const struct baton_tuple *k, struct rounds n);

static uint64_t real(const struct route_table *t, const struct baton_tuple *k, struct rounds n)
{
	return t->form->hash(t, k);
}

static bool is_aes(const struct route_form *f)
{
	return f->supported() && strstr(f->name, "aes");
}

static const struct route_form *some_aes(void)
{
	for (unsigned f = 0; route_forms[f]; f++)
		if (is_aes(route_forms[f]))
			return route_forms[f];
	return route_forms[0]; /* the model needs the table's keys only */
}

static void the_model_is_the_hash(void **state)
{
	for (unsigned f = 0; route_forms[f]; f++) {
		if (!is_aes(route_forms[f]))
			continue;
		for (uint8_t family = 4; family <= 6; family += 2) {
			struct route_table *t = table_make(route_forms[f], family, f);

			for (unsigned i = 0; i < 200; i++) {
				struct baton_tuple k = random_key(family);

				assert_true(real(t, &k, as_it_is) == model(t, &k, as_it_is));
			}
			route_table_free(t);
		}
	}
}

/* The difference that most often follows from `in` behind the S-box: with 4 of 256 values. */
static uint8_t likely_difference(uint8_t in)
{
	unsigned n[256] = { 0 };

	for (unsigned x = 0; x < 256; x++)
		if (++n[sbox[x] ^ sbox[x ^ in]] == 4)
			return sbox[x] ^ sbox[x ^ in];
	return 0;
}

/* The difference after n rounds that one in byte `at` most likely becomes. */
static struct block likely_trail(unsigned at, uint8_t in, unsigned n)
{
	struct block d = { { 0 } };

	d.b[at] = in;
	for (; n; n--) {
		for (unsigned i = 0; i < BLOCK; i++)
			d.b[i] = d.b[i] ? likely_difference(d.b[i]) : 0;
		d = linear(&d);
	}
	return d;
}

/* Pairs whose sources differ in one byte and whose destinations differ in what shall undo that; how many collide. */
static unsigned cancel_in_destination(const struct route_table *t, hash_fn hash, struct rounds n, unsigned trail,
				      unsigned n_pairs)
{
	unsigned n_found = 0;

	for (unsigned i = 0; i < n_pairs; i++) {
		struct baton_tuple a = random_key(BATON_IPV6), b = a;
		unsigned at = i % BLOCK;
		uint8_t in = (uint8_t)(1 + i / BLOCK % 255);
		struct block undo = likely_trail(at, in, trail);

		b.saddr[at] ^= in;
		add((struct block *)b.daddr, &undo, BLOCK);
		n_found += hash(t, &a, n) == hash(t, &b, n);
	}
	return n_found;
}

/* The same with destinations and ports: four bytes that a diagonal of the destination leads to. */
static unsigned cancel_in_ports(const struct route_table *t, hash_fn hash, struct rounds n, unsigned trail,
				unsigned n_pairs)
{
	unsigned n_found = 0;

	for (unsigned i = 0; i < n_pairs; i++) {
		struct baton_tuple a = random_key(BATON_IPV6), b = a;
		unsigned at = i % 4 * 5;
		uint8_t in = (uint8_t)(1 + i / 4 % 255);
		struct block undo = likely_trail(at, in, trail);
		uint16_t ports[2];

		memcpy(ports, undo.b, sizeof ports);
		b.daddr[at] ^= in;
		b.sport_be ^= ports[0];
		b.dport_be ^= ports[1];
		n_found += hash(t, &a, n) == hash(t, &b, n);
	}
	return n_found;
}

static void differences_are_not_cancelled_by_later_blocks(void **state)
{
	const struct rounds weak = { 1, 4 };
	struct route_table *t = table_make(some_aes(), BATON_IPV6, 99);

	/* one round between blocks: one pair in 64 collides, as the S-box allows */
	assert_in_range(cancel_in_destination(t, model, weak, 1, 8160), 8160 / 64 / 2, 8160 / 64 * 2);
	assert_in_range(cancel_in_ports(t, model, weak, 1, 8160), 8160 / 64 / 2, 8160 / 64 * 2);
	route_table_free(t);
	for (unsigned f = 0; route_forms[f]; f++) {
		if (!route_forms[f]->supported())
			continue;
		t = table_make(route_forms[f], BATON_IPV6, f);
		for (unsigned trail = 1; trail <= 2; trail++) {
			assert_int_equal(cancel_in_destination(t, real, as_it_is, trail, 16320), 0);
			assert_int_equal(cancel_in_ports(t, real, as_it_is, trail, 16320), 0);
		}
		route_table_free(t);
	}
}

/* Exclusive or of the hashes of all 256 values of one byte: 0 behind three rounds, whatever the keys (the square
 * attack). */
static uint64_t sum_over_a_byte(const struct route_table *t, hash_fn hash, struct rounds n, uint8_t *byte,
				const struct baton_tuple *k)
{
	uint64_t sum = 0;

	for (unsigned v = 0; v < 256; v++) {
		*byte = (uint8_t)v;
		sum ^= hash(t, k, n);
	}
	return sum;
}

static void a_net_of_256_clients_has_no_structure(void **state)
{
	const struct rounds weak = { 2, 3 };

	for (unsigned f = 0; route_forms[f]; f++) {
		struct route_table *t;

		if (!route_forms[f]->supported())
			continue;
		t = table_make(route_forms[f], BATON_IPV4, f);
		for (unsigned i = 0; i < 64; i++) {
			struct baton_tuple k = random_key(BATON_IPV4);
			uint8_t *byte = i % 2 ? (uint8_t *)&k.sport_be + i / 2 % 2 : &k.saddr[i / 2 % 4];

			assert_true(sum_over_a_byte(t, model, weak, byte, &k) == 0);
			assert_true(sum_over_a_byte(t, real, as_it_is, byte, &k) != 0);
		}
		route_table_free(t);
	}
}

/* Bits that an attacker chooses, of addresses and ports. */
static void flip(struct baton_tuple *k, unsigned bit)
{
	unsigned len = k->family == BATON_IPV6 ? 16 : 4, byte = bit / 8;
	uint8_t *p = byte < len           ? &k->saddr[byte]
		     : byte < 2 * len     ? &k->daddr[byte - len]
		     : byte < 2 * len + 2 ? (uint8_t *)&k->sport_be + byte - 2 * len
					  : (uint8_t *)&k->dport_be + byte - 2 * len - 2;

	*p ^= (uint8_t)(1 << bit % 8);
}

/* How many of the 48 bits that are used (32 for the bucket, 16 for the tag) are flipped too often or too seldom. */
static unsigned uneven(const struct route_table *t, hash_fn hash, struct rounds n, unsigned bit)
{
	enum { PAIRS = 512, MIDDLE = PAIRS / 2, BOUND = 6 * 12 }; /* six deviations of a binomial variable, 11.3 each */
	unsigned flipped[64] = { 0 }, n_uneven = 0;

	for (unsigned i = 0; i < PAIRS; i++) {
		struct baton_tuple a = random_key(t->family), b = a;
		uint64_t difference;

		flip(&b, bit);
		difference = hash(t, &a, n) ^ hash(t, &b, n);
		for (unsigned k = 0; k < 64; k++)
			flipped[k] += difference >> k & 1;
	}
	for (unsigned k = 0; k < 64; k++)
		if (k < 32 || k >= 48)
			n_uneven += flipped[k] < MIDDLE - BOUND || flipped[k] > MIDDLE + BOUND;
	return n_uneven;
}

static void every_bit_of_a_key_changes_every_bit_in_use(void **state)
{
	const struct rounds weak = { 2, 1 };

	for (unsigned f = 0; route_forms[f]; f++) {
		if (!route_forms[f]->supported())
			continue;
		for (uint8_t family = 4; family <= 6; family += 2) {
			struct route_table *t = table_make(route_forms[f], family, f + 7);
			unsigned n_bits = 8 * (family == BATON_IPV6 ? 36 : 12);

			for (unsigned bit = 0; bit < n_bits; bit++)
				if (uneven(t, real, as_it_is, bit))
					fail_msg("%s, IPv%u: bit %u of the key", route_forms[f]->name, family, bit);
			assert_true(uneven(t, model, weak, n_bits - 1) > 16);
			route_table_free(t);
		}
	}
}

/* All clients of a /24, or of a /120, each from as many ports: bucket and tag as of keys at random, and of each other.
 */
static void net_spreads(const struct route_table *t)
{
	enum { CLIENTS = 256, PORTS = 256, CELLS = 256 };
	uint32_t bucket[CELLS] = { 0 }, tag[CELLS] = { 0 }, both[CELLS] = { 0 };
	struct baton_tuple k = random_key(t->family);
	uint32_t *counts[] = { bucket, tag, both };

	for (unsigned c = 0; c < CLIENTS; c++) {
		k.saddr[t->family == BATON_IPV6 ? 15 : 3] = (uint8_t)c;
		for (unsigned p = 0; p < PORTS; p++) {
			uint64_t hash;
			uint32_t home;

			k.sport_be = htons((uint16_t)(1024 + p));
			hash = t->form->hash(t, &k);
			home = route_home(t, hash) * CELLS / t->n_buckets;
			bucket[(uint32_t)hash >> 24]++;
			tag[route_tag(hash) % CELLS]++;
			both[home / 16 * 16 + route_tag(hash) % 16]++;
		}
	}
	/* chi-square with 255 degrees of freedom: mean 255, deviation 23; 65,536 keys, 256 in each cell */
	for (unsigned i = 0; i < 3; i++) {
		double sum = 0;

		for (unsigned cell = 0; cell < CELLS; cell++)
			sum += ((double)counts[i][cell] - 256) * ((double)counts[i][cell] - 256) / 256;
		assert_true(sum > 255 - 6 * 23 && sum < 255 + 6 * 23);
	}
}

static void all_ports_of_a_net_spread(void **state)
{
	for (unsigned f = 0; route_forms[f]; f++) {
		if (!route_forms[f]->supported())
			continue;
		for (uint64_t seed = 0; seed < N_TABLES; seed++) {
			for (uint8_t family = 4; family <= 6; family += 2) {
				struct route_table *t = table_make(route_forms[f], family, 1000 + seed);

				net_spreads(t);
				route_table_free(t);
			}
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_model_is_the_hash),
		cmocka_unit_test(differences_are_not_cancelled_by_later_blocks),
		cmocka_unit_test(a_net_of_256_clients_has_no_structure),
		cmocka_unit_test(every_bit_of_a_key_changes_every_bit_in_use),
		cmocka_unit_test(all_ports_of_a_net_spread),
	};

	return cmocka_run_group_tests(tests, sbox_make, NULL);
}
