/* SPDX-License-Identifier: BSD-3-Clause */
/* Read a BPF hash map in batches, bucket by bucket, without missing what stays in it meanwhile. */
#ifndef BATON_AGENT_BATCH_H
#define BATON_AGENT_BATCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Larger than any bucket of the kernel's hash table is likely to grow (else -ENOSPC). */
#define BATCH_ENTRIES 1024

/* Zeroed before its first use. keys and values are the caller's, with room for BATCH_ENTRIES each. */
struct batch_reader {
	void *keys, *values;
	uint32_t place; /* opaque, the kernel's */
	bool started;
};

/* Next entries of map fd. Their number; *ret_end: these were the last. -errno: the next call begins anew. */
int batch_reader_next(struct batch_reader *r, int fd, bool *ret_end);

#endif
