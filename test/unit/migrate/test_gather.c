/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdbool.h>
#include <string.h>

#include "frames.h"
#include "migrate/gather.h"

/* Against one flag for each byte. */
static void pieces_come_together(void **state)
{
	uint8_t buf[64], want[64], data[64];
	bool have[64];
	uint64_t seed = 5;

	for (unsigned run = 0; run < 5000; run++) {
		struct gather g = { 0 };

		memset(have, 0, sizeof have);
		memset(buf, 0, sizeof buf);
		memset(want, 0, sizeof want);
		for (unsigned step = 0; step < 30; step++) {
			uint32_t from = (uint32_t)(frame_random(&seed) % 64), len = (uint32_t)(frame_random(&seed) % 9),
				 n = 0;
			bool room;

			len = from + len > 64 ? 64 - from : len;
			for (unsigned i = 0; i < len; i++)
				data[i] = (uint8_t)(1 + frame_random(&seed) % 255);
			room = gather_put(&g, buf, from, data, len);
			assert_true(room || g.n == GATHER_RANGES);
			for (unsigned i = 0; room && i < len; i++)
				if (!have[from + i]) {
					have[from + i] = true;
					want[from + i] = data[i];
				}
			while (n < 64 && have[n])
				n++;
			assert_int_equal(gather_have(&g), n);
			for (unsigned i = 0; i < 64; i++)
				assert_true(!have[i] || buf[i] == want[i]);
		}
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(pieces_come_together),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
