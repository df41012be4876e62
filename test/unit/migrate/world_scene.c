/* SPDX-License-Identifier: BSD-3-Clause */
/* Beginnings and ends that many tests have in common. */
#include "world.h"

#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

struct world *world_ready(uint8_t family)
{
	struct world *w = world_new(family, 1, 16, 2, 64);

	memcpy(w->stream, WORLD_HEAD, WORLD_HEAD_LEN);
	return w;
}

/* A head of that many bytes in all. */
void world_long_head(struct world *w, uint32_t len)
{
	static const char begin[] = "GET / HTTP/1.1\r\nHost: a\r\nX: ";

	memset(w->stream, 'x', WORLD_HEAD_LEN);
	memcpy(w->stream, begin, sizeof begin - 1);
	memcpy(w->stream + len - 4, "\r\n\r\n", 4);
}

void world_socket_has(const struct world *w, unsigned host, uint32_t len)
{
	assert_true(w->hosts[host].open);
	assert_int_equal(w->hosts[host].received, len);
	assert_memory_equal(w->hosts[host].stream, w->stream, len);
}

void world_all_gone(struct world *w)
{
	assert_int_equal(handover_n_pending(w->h), 0);
	world_free(w);
}
