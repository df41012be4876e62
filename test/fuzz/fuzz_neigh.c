/* SPDX-License-Identifier: BSD-3-Clause */
/* Frames for the neighbourhood; each in the input: port, time since the last in 10 ms, length, bytes. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "neigh/neigh.h"

static const struct neigh_port fuzz_port = {
	.mac = { 2, 0, 0, 0, 0, 1 },
	.source4 = { .b = { 192, 0, 2, 1 }, .family = BATON_IPV4 },
	.source6 = { .b = { 0x20, 1, 0x0d, 0xb8, [15] = 1 }, .family = BATON_IPV6 },
};

static bool fuzz_is_local(void *arg, uint16_t port, const struct baton_addr *addr)
{
	return addr->family == BATON_IPV4 ? addr->b[3] == 80 : addr->b[15] == 80;
}

static void fuzz_emit(void *arg, uint16_t port, const uint8_t *frame, size_t len)
{
	if (port > 1 || len < 60 || len > 94 || memcmp(frame + 6, fuzz_port.mac, 6))
		abort();
}

static void fuzz_change(void *arg, uint16_t id, enum neigh_state state, const uint8_t mac[6])
{
	bool has_mac = state == NEIGH_REACHABLE || state == NEIGH_PROBE;

	if (id > 1 || state > NEIGH_FAILED || has_mac != (mac != NULL) || (mac && mac[0] & 1))
		abort();
}

static struct neigh *fuzz_new(void)
{
	struct neigh_params p = {
		.max_nexthops = 2, .is_local = fuzz_is_local, .emit = fuzz_emit, .change = fuzz_change
	};
	struct baton_addr host4 = { .b = { 192, 0, 2, 10 }, .family = BATON_IPV4 };
	struct baton_addr host6 = { .b = { 0x20, 1, 0x0d, 0xb8, [15] = 10 }, .family = BATON_IPV6 };
	struct neigh *n = neigh_new(&p);
	uint16_t id;

	if (!n || neigh_port_set(n, 0, &fuzz_port) || neigh_nexthop_add(n, 0, &host4, 1, &id) ||
	    neigh_nexthop_add(n, 0, &host6, 1, &id))
		abort();
	return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct neigh *n = fuzz_new();
	uint64_t now_ns = 1;

	while (size >= 3) {
		size_t len = data[2] < size - 3 ? data[2] : size - 3;
		uint8_t *frame = malloc(len ? len : 1);

		if (!frame)
			abort();
		memcpy(frame, data + 3, len);
		now_ns += data[1] * 10000000ull;
		neigh_input(n, data[0] & 1, frame, len, now_ns);
		neigh_poll(n, now_ns);
		free(frame);
		data += 3 + len;
		size -= 3 + len;
	}
	neigh_free(n);
	return 0;
}
