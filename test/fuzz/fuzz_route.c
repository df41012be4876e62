/* SPDX-License-Identifier: BSD-3-Clause */
/* Operations on a small route table, four bytes each: the table must do what its model does. */
#include <stdlib.h>

#include "lib/route_model.h"

#define N_KEYS 256

static const char *step(struct route_model *m, const uint8_t op[4], uint32_t *cursor)
{
	switch (op[0] % 8) {
	case 0:
	case 1:
	case 2:
		return route_model_add(m, op[1], op[2]);
	case 3:
	case 4:
		return route_model_del(m, op[1]);
	case 5:
		return route_model_find_bulk(m, op[1], op[2], op[3] % (ROUTE_BURST + 1));
	case 6:
		return route_model_scan(m, cursor, op[1] % 8, op[2] & 1);
	default:
		if (op[0] & 8)
			return route_model_set_compact(m, op[1], op[2] & 1);
		return route_model_find_flow(m, op[0] / 16 % ROUTE_MAX_BANKS,
					     baton_flow_id(op[1], (uint32_t)op[2] << 8 | op[3]));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct route_table_params p = { .capacity = 1, .family = BATON_IPV4 };
	struct route_model m;
	uint32_t cursor = 0;

	if (size < 3)
		return 0;
	p.capacity += data[0];
	p.family = data[1] & 1 ? BATON_IPV6 : BATON_IPV4;
	p.n_banks = (data[1] >> 1) % (ROUTE_MAX_BANKS + 1);
	p.reserved_port = data[2];
	if (route_model_init(&m, route_table_new(&p), p.reserved_port, N_KEYS) < 0)
		abort();
	for (size_t i = 3; i + 4 <= size; i += 4)
		if (step(&m, data + i, &cursor))
			abort();
	if (route_model_check(&m))
		abort();
	route_model_fini(&m);
	return 0;
}
