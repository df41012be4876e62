/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * First bytes as they come in pieces: whatever the pieces, peek_head() must say
 * what it says of the whole, and point to nothing outside of it.
 */
#ifndef BATON_TEST_FIRST_BYTES_H
#define BATON_TEST_FIRST_BYTES_H

#include <stddef.h>
#include <stdint.h>

#include "peek/head.h"

struct first_bytes {
	uint8_t protocol; /* enum application_protocol */
	const uint8_t *bytes;
	uint32_t len;
	uint32_t max;
};

/*
 * Parse the whole, into *ret_head, and the first cuts[0], cuts[1] … bytes, then all. NULL, or what
 * differs. Each piece is a block of its own of just that size, so that sanitizers see every byte too many.
 */
const char *first_bytes_cut(const struct first_bytes *in, const uint32_t *cuts, unsigned n_cuts,
			    struct peek_head *ret_head, enum peek_verdict *ret_verdict);

/* Abort unless the bytes say the same in pieces of many sizes, with and without a limit below their number. */
void first_bytes_fuzz(enum application_protocol protocol, const uint8_t *data, size_t size);

#endif
