/* SPDX-License-Identifier: BSD-3-Clause */
/* A ClientHello in pieces, or whatever else a client may begin with. */
#include <stdlib.h>

#include "lib/first_bytes.h"

static void check(const uint8_t *data, size_t size, uint32_t max, uint32_t random)
{
	static struct peek_head head;
	struct first_bytes in = { .protocol = APPLICATION_ANY, .bytes = data, .len = (uint32_t)size, .max = max };
	enum peek_verdict v;
	uint32_t cuts[64];
	unsigned n = 0;

	/* pieces of 1 to 4, 16, 64 or 256 bytes; what lies beyond 64 of them comes at once */
	for (uint32_t at = 0; n < 64;) {
		random = random * 1664525 + 1013904223;
		at += 1 + (random >> 8) % (4u << 2 * (random >> 30));
		if (at >= size)
			break;
		cuts[n++] = at;
	}
	if (first_bytes_cut(&in, cuts, n, &head, &v))
		abort();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	uint32_t seed = (uint32_t)size;

	if (size > PEEK_MAX_LEN + 100)
		return 0;
	for (size_t i = 0; i < size; i++)
		seed = seed * 31 + data[i];
	check(data, size, PEEK_MAX_LEN, seed);
	check(data, size, (uint32_t)(seed % (size + 1)), ~seed);
	return 0;
}
