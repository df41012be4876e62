/* SPDX-License-Identifier: BSD-3-Clause */
/* A request head in pieces. */
#include "lib/first_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	first_bytes_fuzz(APPLICATION_HTTP, data, size);
	return 0;
}
