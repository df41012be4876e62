/* SPDX-License-Identifier: BSD-3-Clause */
/* Text of an address or prefix: what parses must print and parse again to the same. */
#include "baton/addr.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char text[128], again[BATON_ADDR_TEXT_MAX];
	struct baton_prefix p;
	struct baton_addr a;

	if (size >= sizeof text)
		return 0;
	memcpy(text, data, size);
	text[size] = 0;
	if (baton_prefix_parse(text, &p) < 0)
		return 0;
	if (!baton_prefix_contains(&p, &p.addr) || p.len > (p.addr.family == BATON_IPV4 ? 32 : 128))
		abort();
	baton_addr_format(&p.addr, again, sizeof again);
	if (baton_addr_parse(again, &a) < 0 || !baton_addr_equal(&a, &p.addr))
		abort();
	return 0;
}
