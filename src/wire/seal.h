/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Sealed frames: who holds a key from the cluster secret wrote it, it was meant
 * for us, it was not seen before, and its sender is alive now. Pure but for
 * random numbers; time comes in. One struct seal, one thread.
 *
 *    0   8  destination: id of the station it is for, 0 for all (topic of the link)
 *    8   2  magic "bS"
 *   10   1  version
 *   11   1  key id
 *   12   1  kind: data, or hello
 *   13   3  zero
 *   16   8  sender's id
 *   24   8  incarnation: the run of the sender
 *   32   8  sequence number within it, from 1
 *   40   n  encrypted: data, or hello = {challenge 8, echo 8}
 *  40+n 16  tag
 *
 * Numbers are big-endian. XChaCha20-Poly1305; bytes 16-39 are the nonce, bytes
 * 0-39 are authenticated with the text.
 *
 * Proof of life. Old frames are authentic too, so neither a sender nor a new
 * incarnation is believed for its seal alone: the receiver sends a hello with a
 * random challenge, and the hello that echoes it proves that the incarnation it
 * came under lives now. From then on exactly that incarnation is heard, each
 * frame once (window of tunnel/replay.h), from the echo on. What comes before
 * the proof is dropped and counted; the protocol above sends it again. So it
 * does not matter whether the new incarnation is greater than the old one: a
 * host whose clock was set back while its state was lost proves itself like any
 * other, and a recording of its greater incarnations proves nothing. Both sides
 * challenge each other: three hellos in the first round trip. A hello that asks
 * nothing and answers nothing is a beacon: it shows that its sender is there,
 * and lets those that don't know its incarnation yet challenge it.
 */
#ifndef BATON_WIRE_SEAL_H
#define BATON_WIRE_SEAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define SEAL_FRAME_VERSION 1
#define SEAL_KEYS_MAX 2
#define SEAL_KEY_LEN 32
#define SEAL_OVERHEAD 56     /* bytes that sealing adds to a text */
#define SEAL_FRAME_MAX 65536 /* sealed */
#define SEAL_HELLO_LEN (SEAL_OVERHEAD + 16)

#define SEAL_EVERYONE 0 /* destination: all stations */

/* What becomes of a frame that came in: NAME, name, help. */
#define SEAL_VERDICTS(X)                                                                                 \
	X(OK, ok, "data of a proven sender, seen for the first time")                                    \
	X(HELLO, hello, "challenge or proof; nothing for the protocol above")                            \
	X(MALFORMED, malformed, "not a sealed frame: length, magic or kind")                             \
	X(VERSION, version, "frame of another version")                                                  \
	X(ELSEWHERE, elsewhere, "for another station")                                                   \
	X(OWN, own, "under our own id: reflected, or two stations have one id")                          \
	X(UNKNOWN_KEY, unknown_key, "key id that is not in the keyring")                                 \
	X(FORGED, forged, "tag is wrong")                                                                \
	X(REPLAYED, replayed, "seen before, or too old to tell")                                         \
	X(STALE, stale, "of a lower incarnation than the proven one; it was challenged")                 \
	X(UNPROVEN, unproven, "of a sender or an incarnation that is not proven yet; it was challenged") \
	X(FULL, full, "no room for one more sender")

enum seal_verdict {
#define X(NAME, name, help) SEAL_##NAME,
	SEAL_VERDICTS(X)
#undef X
		SEAL_N_VERDICTS
};

struct seal_key {
	uint8_t id;
	uint8_t key[SEAL_KEY_LEN];
};

/* keys[0] seals; all open. */
struct seal_keyring {
	unsigned n_keys;
	struct seal_key keys[SEAL_KEYS_MAX];
};

/*
 * Keys from the cluster secret's file (see tunnel/shim.h for its form), for one
 * purpose: other words, other keys. Links that share a secret but not a struct
 * seal need different purposes, or two frames would have one nonce.
 * 0; -EINVAL malformed; -EACCES not for its owner only; or -errno of reading.
 */
int seal_keyring_load(const char *path, const char *purpose, struct seal_keyring *ret);

#define SEAL_PURPOSE_HEALTH "baton health link key, version 1" /* hosts and balancers */
#define SEAL_PURPOSE_GROUP "baton group link key, version 1"   /* hosts of a group among themselves */

struct seal;

/*
 * State of a station with id own (not 0), in its run incarnation (see
 * seal_incarnation()), that hears at most n_peers_max senders (at most 65535).
 * The keyring is copied. All memory is allocated here. NULL: no memory, or no
 * such parameters. Frees with seal_free().
 */
struct seal *seal_new(uint64_t own, uint64_t incarnation, const struct seal_keyring *keys, uint32_t n_peers_max);
void seal_free(struct seal *s);

/* From now on these keys. Proven senders stay proven, so a secret rolls without a gap. */
void seal_set_keys(struct seal *s, const struct seal_keyring *keys);

/*
 * A number for a run: wall clock (ns since 1970), but greater than last, the
 * number of the run before as far as it is known (0: not); the low 16 bits are
 * random, so that stations with one id by mistake still differ. A number must
 * never be used twice, even with the clock set back: nonces would repeat.
 */
uint64_t seal_incarnation(uint64_t now_wall_ns, uint64_t last);

/*
 * Seal len bytes of text for station destination, or SEAL_EVERYONE, into frame
 * (size bytes of room). Length of the frame, or -EMSGSIZE. text and frame may
 * not overlap.
 */
int seal_close(struct seal *s, uint64_t destination, const uint8_t *text, size_t len, uint8_t *frame, size_t size);

/* A hello for everyone that only shows that we are there; SEAL_HELLO_LEN bytes. */
void seal_beacon(struct seal *s, uint8_t frame[SEAL_HELLO_LEN]);

/* What a frame turned out to be. */
struct seal_opened {
	uint64_t sender, incarnation; /* SEAL_OK, _HELLO, _REPLAYED, _STALE, _UNPROVEN, _FULL; else 0 */
	const uint8_t *text;          /* SEAL_OK: in the room given by the caller */
	size_t len;
	/* Not 0: send hello[] (hello_len bytes, a whole frame) to .sender, whatever the verdict. */
	size_t hello_len;
	uint8_t hello[SEAL_HELLO_LEN];
	bool proven;     /* this frame proved its sender: a new run, or our first word from it */
	bool challenged; /* the sender did not know us and will hear us from now on: tell it our state */
};

/*
 * Open a frame of len bytes. room: size bytes for the text, apart from the
 * frame; with less than len - SEAL_OVERHEAD the frame is malformed. now_ns:
 * monotonic. *ret is always written. Counts the verdict.
 */
enum seal_verdict seal_open(struct seal *s, const uint8_t *frame, size_t len, uint64_t now_ns, uint8_t *room,
			    size_t size, struct seal_opened *ret);

/* Frames by verdict, SEAL_N_VERDICTS numbers; borrowed. */
const uint64_t *seal_counters(const struct seal *s);
/* Name of a verdict in lower case ("unknown_key"), and its help. */
const char *seal_verdict_name(enum seal_verdict v);
const char *seal_verdict_help(enum seal_verdict v);
/* Senders in the table, and those of them that are proven. */
uint32_t seal_n_peers(const struct seal *s, uint32_t *ret_n_proven);

#endif
