/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "migrate/tcp_options.h"

struct options_case {
	const char *name;
	bool good;
	struct tcp_options want;
	uint32_t len;
	uint8_t bytes[TCP_OPTIONS_MAX];
};

#define NO_WS .wscale = TCP_OPTIONS_NO_WSCALE

static const struct options_case cases[] = {
	{ "none", true, { NO_WS }, 0, { 0 } },
	{ "linux", true, { 0x01020304, 0x05060708, 1460, 7, true, true }, 20, { 2, 4, 0x05, 0xb4, 4, 2, 8, 10, 1, 2,
										3, 4, 5,    6,    7, 8, 1, 3,  3, 7 } },
	{ "end hides what follows", true, { .mss = 536, NO_WS }, 8, { 2, 4, 2, 0x18, 0, 3, 3, 7 } },
	{ "unknown kinds are skipped", true, { .wscale = 3 }, 12, { 253, 6, 9, 9, 9, 9, 30, 2, 1, 3, 3, 3 } },
	{ "scale above 14", true, { .wscale = 14 }, 4, { 3, 3, 200, 0 } },
	{ "known kind, other length", true, { NO_WS }, 8, { 2, 3, 5, 1, 4, 3, 0, 1 } },
	{ "length 0", false, { NO_WS }, 4, { 2, 0, 1, 1 } },
	{ "length 1", false, { NO_WS }, 4, { 77, 1, 1, 1 } },
	{ "beyond the header", false, { NO_WS }, 4, { 8, 10, 0, 0 } },
	{ "kind alone", false, { NO_WS }, 1, { 2 } },
};

static void reads(void **state)
{
	for (unsigned i = 0; i < sizeof cases / sizeof cases[0]; i++) {
		const struct options_case *c = &cases[i];
		/* as long as it is, so that a sanitizer sees a read beyond */
		uint8_t *exact = malloc(c->len ? c->len : 1);
		struct tcp_options got;

		memcpy(exact, c->bytes, c->len);
		print_message("%s\n", c->name);
		assert_int_equal(tcp_options_parse(exact, c->len, &got), c->good);
		assert_int_equal(got.mss, c->want.mss);
		assert_int_equal(got.wscale, c->want.wscale);
		assert_int_equal(got.sack, c->want.sack);
		assert_int_equal(got.timestamps, c->want.timestamps);
		assert_int_equal(got.tsval, c->want.tsval);
		assert_int_equal(got.tsecr, c->want.tsecr);
		free(exact);
	}
}

/* What is written is read back the same, whatever the combination. */
static void writes(void **state)
{
	for (unsigned i = 0; i < 16; i++) {
		struct tcp_options o = { .mss = i & 1 ? 1440 : 0,
					 .wscale = i & 2 ? 7 : TCP_OPTIONS_NO_WSCALE,
					 .sack = i & 4,
					 .timestamps = i & 8 },
				   got;
		uint8_t b[TCP_OPTIONS_MAX];
		uint32_t len;

		if (o.timestamps) {
			o.tsval = 0xa1b2c3d4;
			o.tsecr = 0x11223344;
		}
		len = tcp_options_write(b, &o);
		assert_int_equal(len % 4, 0);
		assert_true(len <= TCP_OPTIONS_MAX);
		assert_true(tcp_options_parse(b, len, &got));
		assert_int_equal(got.mss, o.mss);
		assert_int_equal(got.wscale, o.wscale);
		assert_int_equal(got.sack, o.sack);
		assert_int_equal(got.timestamps, o.timestamps);
		assert_int_equal(got.tsval, o.tsval);
		assert_int_equal(got.tsecr, o.tsecr);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(reads),
		cmocka_unit_test(writes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
