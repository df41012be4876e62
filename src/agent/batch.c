/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/batch.h"

#include <bpf/bpf.h>
#include <errno.h>

int batch_reader_next(struct batch_reader *r, int fd, bool *ret_end)
{
	DECLARE_LIBBPF_OPTS(bpf_map_batch_opts, opts);
	uint32_t n = BATCH_ENTRIES;
	int err = bpf_map_lookup_batch(fd, r->started ? &r->place : NULL, &r->place, r->keys, r->values, &n, &opts);

	if (err && errno != ENOENT) {
		r->started = false;
		return -errno;
	}
	*ret_end = err != 0;
	r->started = !*ret_end;
	return (int)n;
}
