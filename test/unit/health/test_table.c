/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "health/row.h"
#include "health/table.h"

static struct health_row row_of(unsigned port)
{
	struct health_row row = { .state = HEALTH_HEALTHY, .target = HEALTH_ACTIVE, .capacity = 10, .load = 100 };

	row.id.host.family = BATON_IPV4;
	row.id.host.b[3] = 7;
	row.id.host_port = row.id.vip_port = (uint16_t)port;
	row.id.vip.family = BATON_IPV6;
	row.id.vip.b[15] = 9;
	row.id.proto = IPPROTO_TCP;
	return row;
}

static void crc_is_castagnoli(void **state)
{
	/* check value of the CRC catalogue, and RFC 3720 B.4: 32 bytes of zeros */
	uint8_t zeros[32] = { 0 };

	assert_int_equal(health_crc32c(0, (const uint8_t *)"123456789", 9), 0xe3069283);
	assert_int_equal(health_crc32c(0, zeros, sizeof(zeros)), 0x8a9136aa);
	assert_int_equal(health_crc32c(health_crc32c(0, zeros, 5), zeros + 5, 27), 0x8a9136aa);
}

static void rows_are_found_in_order_and_deleted(void **state)
{
	struct health_table t;
	struct health_row row;

	health_table_init(&t);
	for (unsigned i = 0; i < 100; i++) {
		row = row_of(1 + i * 37 % 100);
		assert_int_equal(health_table_set(&t, &row), 0);
	}
	assert_int_equal(t.n_rows, 100);
	for (unsigned i = 0; i < 100; i++)
		assert_int_equal(health_table_at(&t, i)->id.host_port, 1 + i);
	row = row_of(50);
	assert_int_equal(health_table_delete(&t, &row.id), 0);
	assert_int_equal(health_table_delete(&t, &row.id), -ENOENT);
	assert_null(health_table_find(&t, &row.id));
	assert_int_equal(health_table_at(&t, 49)->id.host_port, 51);
	health_table_fini(&t);
}

static void bytes_behind_texts_do_not_count(void **state)
{
	struct health_table t;
	struct health_row row = row_of(1), same = row;
	struct health_content content;

	health_table_init(&t);
	memcpy(row.reason, "ok\0rubbish", 10);
	memcpy(row.id.specific, "x\0y", 3);
	row.id.host.b[9] = 1;
	memcpy(same.reason, "ok", 2);
	same.id.specific[0] = 'x';
	assert_int_equal(health_table_set(&t, &row), 0);
	health_table_content(&t, 1, &content);
	assert_int_equal(health_table_set(&t, &same), 0);
	assert_int_equal(t.n_rows, 1);
	assert_int_equal(health_table_differs(&t, &content), 0);
	assert_memory_equal(health_table_find(&t, &row.id), &same, sizeof(same));
	health_table_fini(&t);
}

static void every_field_changes_the_indicator(void **state)
{
	struct health_row base = row_of(1), row;
	struct health_content content;
	struct health_table t;

	health_table_init(&t);
	assert_int_equal(health_table_set(&t, &base), 0);
	health_table_content(&t, 1, &content);
#define DIFFERS(assignment)                              \
	row = base;                                      \
	assignment;                                      \
	health_table_fini(&t);                           \
	assert_int_equal(health_table_set(&t, &row), 0); \
	assert_int_equal(health_table_differs(&t, &content), 1);
	DIFFERS(row.state = HEALTH_FAILING)
	DIFFERS(row.target = HEALTH_DRAINING)
	DIFFERS(row.current = HEALTH_DRAINING)
	DIFFERS(row.capacity++)
	DIFFERS(row.load++)
	DIFFERS(row.reason[0] = 'a')
	DIFFERS(row.id.specific[0] = 'a')
	DIFFERS(row.id.vip_port++)
	DIFFERS(row.id.host_port++)
	DIFFERS(row.id.proto++)
	DIFFERS(row.id.vip.b[0]++)
	DIFFERS(row.id.host.b[0]++)
	DIFFERS(row.id.host.family = BATON_IPV6)
#undef DIFFERS
	health_table_fini(&t);
	assert_int_equal(health_table_differs(&t, &content), 1);
}

static void indicator_names_the_chunk(void **state)
{
	struct health_table t;
	struct health_row row;
	struct health_content content;

	health_table_init(&t);
	for (unsigned i = 0; i < 500; i++) {
		row = row_of(1 + i);
		assert_int_equal(health_table_set(&t, &row), 0);
	}
	assert_int_equal(health_table_n_chunks(&t), 32);
	health_table_content(&t, 32, &content);
	assert_int_equal(content.n_rows, 500);
	row = row_of(77);
	row.load = 1;
	assert_int_equal(health_table_set(&t, &row), 0);
	assert_true(health_table_differs(&t, &content) == 1ull << health_table_chunk(&row.id, 32));
	row.load = 100;
	assert_int_equal(health_table_set(&t, &row), 0);
	assert_int_equal(health_table_differs(&t, &content), 0);
	health_table_fini(&t);
}

static void chunks_of_other_numbers_cover_the_same_rows(void **state)
{
	struct health_row row;

	assert_int_equal(health_chunks_convert(1 << 5, 8, 2), 1 << 1);
	assert_int_equal(health_chunks_convert(1 << 1, 2, 8), 0xaa);
	assert_int_equal(health_chunks_convert(1, 1, 4), 0xf);
	for (unsigned port = 1; port < 200; port++) {
		row = row_of(port);
		for (unsigned to = 1; to <= HEALTH_MAX_CHUNKS; to *= 2) {
			uint64_t chunks = health_chunks_convert(1ull << health_table_chunk(&row.id, 16), 16, to);

			assert_true(chunks >> health_table_chunk(&row.id, to) & 1);
		}
	}
	assert_true(health_chunks_all(64) == UINT64_MAX && health_chunks_all(4) == 15);
	assert_false(health_chunks_valid(0) || health_chunks_valid(3) || health_chunks_valid(128));
}

static void table_is_bounded(void **state)
{
	struct health_table t;
	struct health_row row;
	unsigned n = 0;

	health_table_init(&t);
	for (unsigned i = 0; i < HEALTH_MAX_ROWS; i++) {
		row = row_of(1 + i);
		assert_int_equal(health_table_set(&t, &row), 0);
	}
	row = row_of(5000);
	assert_int_equal(health_table_set(&t, &row), -ENOSPC);
	health_table_fini(&t);
	/* ids chosen to fall into one chunk */
	for (unsigned port = 1; port < 65536 && n < HEALTH_MESSAGE_ROWS; port++) {
		row = row_of(port);
		if (health_table_chunk(&row.id, HEALTH_MAX_CHUNKS) == 3) {
			assert_int_equal(health_table_set(&t, &row), 0);
			n++;
		}
	}
	do
		row.id.host_port++;
	while (health_table_chunk(&row.id, HEALTH_MAX_CHUNKS) != 3);
	assert_int_equal(health_table_set(&t, &row), -ENOSPC);
	assert_int_equal(t.n_rows, HEALTH_MESSAGE_ROWS);
	health_table_fini(&t);
}

static void invalid_rows_are_refused(void **state)
{
	struct health_table t;
	struct health_row row;

	health_table_init(&t);
#define REFUSED(assignment) \
	row = row_of(1);    \
	assignment;         \
	assert_int_equal(health_table_set(&t, &row), -EINVAL);
	REFUSED(row.state = HEALTH_N_STATES)
	REFUSED(row.target = HEALTH_N_DIRECTIVES)
	REFUSED(row.current = 255)
	REFUSED(row.capacity = 100)
	REFUSED(row.load = HEALTH_LOAD_MAX + 1)
	REFUSED(row.id.host.family = 0)
	REFUSED(row.id.vip.family = 5)
	REFUSED(memset(row.reason, 'a', sizeof(row.reason)))
	REFUSED(memset(row.id.specific, 'a', sizeof(row.id.specific)))
	REFUSED(memcpy(row.reason, "a\nb", 3))
	REFUSED(memcpy(row.reason, "\xc3", 1))
	REFUSED(memcpy(row.reason, "\xed\xa0\x80", 3))
#undef REFUSED
	row = row_of(1);
	memcpy(row.reason, "Zürich €", strlen("Zürich €"));
	assert_int_equal(health_table_set(&t, &row), 0);
	health_table_fini(&t);
}

static void filters_match(void **state)
{
	struct health_row row = row_of(80);
	struct health_app_filter any = { 0 }, vip = { .vip = row.id.vip, .vip_port = 80, .proto = IPPROTO_TCP };
	struct health_app_filter host = { .host = row.id.host, .host_port = 80 };

	assert_true(health_app_matches(&row.id, &any) && health_app_matches(&row.id, &vip) &&
		    health_app_matches(&row.id, &host));
	vip.vip_port = 81;
	host.host.b[0] = 1;
	assert_false(health_app_matches(&row.id, &vip) || health_app_matches(&row.id, &host));
	memset(&row.id.vip, 0, sizeof(row.id.vip));
	assert_true(health_app_matches(&row.id, &vip));
}

static void directive_is_the_more_cautious(void **state)
{
	struct health_row row = row_of(1);

	row.target = HEALTH_ACTIVE;
	row.current = HEALTH_INACTIVE;
	assert_int_equal(health_row_directive(&row), HEALTH_INACTIVE);
	row.target = HEALTH_DRAINING;
	row.current = HEALTH_ACTIVE;
	assert_int_equal(health_row_directive(&row), HEALTH_DRAINING);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(crc_is_castagnoli),
		cmocka_unit_test(rows_are_found_in_order_and_deleted),
		cmocka_unit_test(bytes_behind_texts_do_not_count),
		cmocka_unit_test(every_field_changes_the_indicator),
		cmocka_unit_test(indicator_names_the_chunk),
		cmocka_unit_test(chunks_of_other_numbers_cover_the_same_rows),
		cmocka_unit_test(table_is_bounded),
		cmocka_unit_test(invalid_rows_are_refused),
		cmocka_unit_test(filters_match),
		cmocka_unit_test(directive_is_the_more_cautious),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
