/* SPDX-License-Identifier: BSD-3-Clause */
/* A ClientHello in pieces, or whatever else a client may begin with. */
#include "lib/first_bytes.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	first_bytes_fuzz(APPLICATION_ANY, data, size);
	return 0;
}
