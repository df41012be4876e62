/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Input: frames for one station, each behind a byte of options and two of
 * length (big-endian). With bit 0 of the options, magic, version and key id
 * are made right, with bit 1 the seal as well. As nobody here can echo the
 * station's challenges, nothing may ever be heard or proven.
 */
#include <sodium.h>
#include <stdlib.h>
#include <string.h>

#include "wire/seal.h"

#define HEADER_LEN 40
#define NONCE_AT 16
#define N_PEERS 3

static const struct seal_keyring ring = { .n_keys = 1, .keys = { { .id = 5, .key = { 1, 2, 3 } } } };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void expect(bool what)
{
	if (!what)
		abort();
}

static void make_right(uint8_t options, uint8_t *frame, size_t len)
{
	if (len < SEAL_OVERHEAD || !(options & 1))
		return;
	memcpy(frame + 8, "bS", 2);
	frame[10] = SEAL_FRAME_VERSION;
	frame[11] = ring.keys[0].id;
	if (options & 2)
		crypto_aead_xchacha20poly1305_ietf_encrypt(frame + HEADER_LEN, NULL, frame + HEADER_LEN,
							   len - SEAL_OVERHEAD, frame, HEADER_LEN, NULL,
							   frame + NONCE_AT, ring.keys[0].key);
}

static void hear(struct seal *s, uint8_t options, const uint8_t *data, size_t len, uint64_t now_ns)
{
	static uint8_t room[SEAL_FRAME_MAX];
	uint8_t *frame = malloc(len ? len : 1); /* of exactly its size: reads past its end show */
	struct seal_opened opened;

	if (!frame)
		return;
	memcpy(frame, data, len);
	make_right(options, frame, len);
	expect(seal_open(s, frame, len, now_ns, room, sizeof room, &opened) != SEAL_OK);
	expect(!opened.proven && !opened.text);
	expect(!opened.hello_len || (opened.hello_len == SEAL_HELLO_LEN && opened.sender));
	expect(seal_n_peers(s, NULL) <= N_PEERS);
	free(frame);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct seal *s = seal_new(7, 1000, &ring, N_PEERS);
	uint64_t now_ns = 1000000000;

	expect(s != NULL);
	while (size >= 3) {
		size_t len = (size_t)data[1] << 8 | data[2];
		uint8_t options = data[0];

		data += 3;
		size -= 3;
		if (len > size)
			len = size;
		hear(s, options, data, len, now_ns);
		now_ns += (uint64_t)(options >> 2) * 1000000000; /* up to a minute */
		data += len;
		size -= len;
	}
	seal_free(s);
	return 0;
}
