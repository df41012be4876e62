/* SPDX-License-Identifier: BSD-3-Clause */
/* Input: an encoded health message. What is taken can be sent again, and then means and is the same. */
#include <stdlib.h>
#include <string.h>

#include "wire/codec.h"

static struct codec_arena arenas[2];
static uint8_t first[CODEC_MESSAGE_MAX], second[CODEC_MESSAGE_MAX];

int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	return codec_arena_init(&arenas[0]) || codec_arena_init(&arenas[1]);
}

static void expect(bool what)
{
	if (!what)
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct health_message m;
	size_t n_first, n_second;

	if (codec_decode(data, size, &arenas[0], &m) != CODEC_OK)
		return 0;
	/* a number in more bytes than it needs is shorter when we say it, so a taken message always fits */
	expect(codec_encode(&m, &arenas[1], first, sizeof first, &n_first) == CODEC_OK);
	expect(codec_decode(first, n_first, &arenas[0], &m) == CODEC_OK);
	expect(codec_encode(&m, &arenas[1], second, sizeof second, &n_second) == CODEC_OK);
	expect(n_first == n_second && !memcmp(first, second, n_first));
	return 0;
}
