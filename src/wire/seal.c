/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/seal.h"

#include <endian.h>
#include <errno.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "wire/seal_peers.h"

#define PEERS_MAX 65535

enum { KIND_DATA, KIND_HELLO, N_KINDS };

/* What is in front of the encrypted text; all of it is authenticated. Big-endian. */
struct seal_header {
	uint64_t destination_be;
	uint8_t magic[2], version, key_id;
	uint8_t kind, zero[3];
	uint64_t sender_be, incarnation_be, seq_be; /* together: the nonce */
};

struct seal_hello {
	uint64_t challenge, echo; /* each 0: none; opaque, so of no order */
};

_Static_assert(sizeof(struct seal_header) == 40, "no hidden padding");
_Static_assert(sizeof(struct seal_header) - offsetof(struct seal_header, sender_be) ==
		       crypto_aead_xchacha20poly1305_ietf_NPUBBYTES,
	       "sender, incarnation, sequence number: a nonce");
_Static_assert(sizeof(struct seal_header) + crypto_aead_xchacha20poly1305_ietf_ABYTES == SEAL_OVERHEAD, "");
_Static_assert(SEAL_KEY_LEN == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "");

static const uint8_t magic[2] = { 'b', 'S' };

struct seal {
	uint64_t own, incarnation, seq;
	struct seal_keyring keys;
	struct seal_peers peers;
	uint64_t counters[SEAL_N_VERDICTS];
};

struct seal *seal_new(uint64_t own, uint64_t incarnation, const struct seal_keyring *keys, uint32_t n_peers_max)
{
	struct seal *s;

	if (!own || !incarnation || !keys->n_keys || keys->n_keys > SEAL_KEYS_MAX || !n_peers_max ||
	    n_peers_max > PEERS_MAX || sodium_init() < 0)
		return NULL;
	s = calloc(1, sizeof *s);
	if (!s)
		return NULL;
	s->own = own;
	s->incarnation = incarnation;
	s->keys = *keys;
	if (seal_peers_init(&s->peers, n_peers_max) < 0) {
		free(s);
		return NULL;
	}
	return s;
}

void seal_free(struct seal *s)
{
	if (!s)
		return;
	seal_peers_fini(&s->peers);
	sodium_memzero(s, sizeof *s);
	free(s);
}

void seal_set_keys(struct seal *s, const struct seal_keyring *keys)
{
	s->keys = *keys;
}

uint64_t seal_incarnation(uint64_t now_wall_ns, uint64_t last)
{
	const uint64_t step = 1ull << 16;
	uint64_t base = now_wall_ns;

	/* a remembered number at the end of all numbers was not one of ours */
	if (last > base && last < UINT64_MAX - 2 * step)
		base = last;
	return (base & ~(step - 1)) + step + randombytes_uniform((uint32_t)step);
}

static int seal_frame(struct seal *s, uint8_t kind, uint64_t destination, const void *text, size_t len, uint8_t *frame,
		      size_t size)
{
	struct seal_header h = {
		.destination_be = htobe64(destination),
		.version = SEAL_FRAME_VERSION,
		.key_id = s->keys.keys[0].id,
		.kind = kind,
		.sender_be = htobe64(s->own),
		.incarnation_be = htobe64(s->incarnation),
		.seq_be = htobe64(s->seq + 1),
	};

	if (len > SEAL_FRAME_MAX - SEAL_OVERHEAD || size < len + SEAL_OVERHEAD)
		return -EMSGSIZE;
	s->seq++;
	memcpy(h.magic, magic, sizeof magic);
	memcpy(frame, &h, sizeof h);
	crypto_aead_xchacha20poly1305_ietf_encrypt(frame + sizeof h, NULL, text, len, frame, sizeof h, NULL,
						   frame + offsetof(struct seal_header, sender_be),
						   s->keys.keys[0].key);
	return (int)(len + SEAL_OVERHEAD);
}

int seal_close(struct seal *s, uint64_t destination, const uint8_t *text, size_t len, uint8_t *frame, size_t size)
{
	return seal_frame(s, KIND_DATA, destination, text, len, frame, size);
}

void seal_beacon(struct seal *s, uint8_t frame[SEAL_HELLO_LEN])
{
	const struct seal_hello nothing = { 0 };

	seal_frame(s, KIND_HELLO, SEAL_EVERYONE, &nothing, sizeof nothing, frame, SEAL_HELLO_LEN);
}

/* What can be told without a key. SEAL_OK if nothing is wrong so far. */
static enum seal_verdict header_check(const struct seal *s, const struct seal_header *h, size_t len)
{
	uint64_t destination = be64toh(h->destination_be);

	if (memcmp(h->magic, magic, sizeof magic))
		return SEAL_MALFORMED;
	if (h->version != SEAL_FRAME_VERSION)
		return SEAL_VERSION;
	if (h->kind >= N_KINDS || h->zero[0] || h->zero[1] || h->zero[2] || !h->sender_be || !h->incarnation_be ||
	    !h->seq_be)
		return SEAL_MALFORMED;
	if (h->kind == KIND_HELLO && len != SEAL_HELLO_LEN)
		return SEAL_MALFORMED;
	if (destination != SEAL_EVERYONE && destination != s->own)
		return SEAL_ELSEWHERE;
	return SEAL_OK;
}

/* Decrypt with whatever key has the id: two may, by chance. */
static enum seal_verdict text_open(const struct seal *s, const struct seal_header *h, const uint8_t *frame, size_t len,
				   uint8_t *room)
{
	enum seal_verdict v = SEAL_UNKNOWN_KEY;

	for (unsigned i = 0; i < s->keys.n_keys; i++) {
		if (s->keys.keys[i].id != h->key_id)
			continue;
		v = SEAL_FORGED;
		if (!crypto_aead_xchacha20poly1305_ietf_decrypt(
			    room, NULL, NULL, frame + sizeof *h, len - sizeof *h, frame, sizeof *h,
			    frame + offsetof(struct seal_header, sender_be), s->keys.keys[i].key))
			return SEAL_OK;
	}
	return v;
}

static void hello_send(struct seal *s, uint64_t challenge, uint64_t echo, struct seal_opened *ret)
{
	struct seal_hello hello = { .challenge = challenge, .echo = echo };

	ret->hello_len =
		(size_t)seal_frame(s, KIND_HELLO, ret->sender, &hello, sizeof hello, ret->hello, sizeof ret->hello);
}

/* A frame of an incarnation that is not known: ask whether it lives. */
static enum seal_verdict doubt(struct seal *s, struct seal_peer *p, uint64_t now_ns, struct seal_opened *ret)
{
	if (!ret->hello_len && seal_peer_ask(p, now_ns))
		hello_send(s, seal_peer_challenge(p, now_ns), 0, ret);
	return p->proven && ret->incarnation < p->incarnation ? SEAL_STALE : SEAL_UNPROVEN;
}

static enum seal_verdict hello_open(struct seal *s, struct seal_peer *p, uint64_t seq, const uint8_t *text,
				    uint64_t now_ns, struct seal_opened *ret)
{
	struct seal_hello hello;
	bool knows;

	memcpy(&hello, text, sizeof hello);
	ret->proven = seal_peers_prove(&s->peers, p, ret->incarnation, seq, hello.echo, now_ns);
	knows = seal_peer_knows(p, ret->incarnation);
	if (hello.challenge && seal_peer_answer(p, ret->incarnation, now_ns)) {
		hello_send(s, knows ? 0 : seal_peer_challenge(p, now_ns), hello.challenge, ret);
		ret->challenged = true;
	}
	return knows ? SEAL_HELLO : doubt(s, p, now_ns, ret);
}

/* An authentic frame: whether it is news. */
static enum seal_verdict frame_judge(struct seal *s, const struct seal_header *h, const uint8_t *text, uint64_t now_ns,
				     struct seal_opened *ret)
{
	uint64_t seq = be64toh(h->seq_be);
	struct seal_peer *p;

	if (be64toh(h->sender_be) == s->own)
		return SEAL_OWN;
	ret->sender = be64toh(h->sender_be);
	ret->incarnation = be64toh(h->incarnation_be);
	p = seal_peers_get(&s->peers, ret->sender, now_ns);
	if (!p)
		return SEAL_FULL;
	if (seal_peer_knows(p, ret->incarnation)) {
		if (replay_check(&p->window, seq) != REPLAY_OK)
			return SEAL_REPLAYED;
		p->heard_ns = now_ns;
		if (h->kind == KIND_DATA)
			return SEAL_OK;
	}
	return h->kind == KIND_DATA ? doubt(s, p, now_ns, ret) : hello_open(s, p, seq, text, now_ns, ret);
}

static enum seal_verdict frame_open(struct seal *s, const uint8_t *frame, size_t len, uint64_t now_ns, uint8_t *room,
				    size_t size, struct seal_opened *ret)
{
	struct seal_header h;
	enum seal_verdict v;

	if (len < SEAL_OVERHEAD || len > SEAL_FRAME_MAX || size < len - SEAL_OVERHEAD)
		return SEAL_MALFORMED;
	memcpy(&h, frame, sizeof h);
	v = header_check(s, &h, len);
	if (v == SEAL_OK)
		v = text_open(s, &h, frame, len, room);
	if (v == SEAL_OK)
		v = frame_judge(s, &h, room, now_ns, ret);
	if (v == SEAL_OK) {
		ret->text = room;
		ret->len = len - SEAL_OVERHEAD;
	}
	return v;
}

enum seal_verdict seal_open(struct seal *s, const uint8_t *frame, size_t len, uint64_t now_ns, uint8_t *room,
			    size_t size, struct seal_opened *ret)
{
	enum seal_verdict v;

	memset(ret, 0, sizeof *ret);
	v = frame_open(s, frame, len, now_ns, room, size, ret);
	s->counters[v]++;
	return v;
}

const uint64_t *seal_counters(const struct seal *s)
{
	return s->counters;
}

uint32_t seal_n_peers(const struct seal *s, uint32_t *ret_n_proven)
{
	if (ret_n_proven)
		*ret_n_proven = s->peers.n_proven;
	return s->peers.n;
}

static const char *const verdict_names[SEAL_N_VERDICTS] = {
#define X(NAME, name, help) #name,
	SEAL_VERDICTS(X)
#undef X
};

static const char *const verdict_helps[SEAL_N_VERDICTS] = {
#define X(NAME, name, help) help,
	SEAL_VERDICTS(X)
#undef X
};

const char *seal_verdict_name(enum seal_verdict v)
{
	return verdict_names[v];
}

const char *seal_verdict_help(enum seal_verdict v)
{
	return verdict_helps[v];
}
