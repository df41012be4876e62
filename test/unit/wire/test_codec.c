/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "messages.h"
#include "wire/codec.h"

static struct codec_arena arena;
static uint8_t bytes[CODEC_MESSAGE_MAX + 1];

static size_t encode(const struct health_message *m)
{
	size_t len = 0;

	assert_int_equal(codec_encode(m, &arena, bytes, CODEC_MESSAGE_MAX, &len), CODEC_OK);
	return len;
}

static enum codec_error encode_error(const struct health_message *m)
{
	size_t len = 4711;
	enum codec_error e = codec_encode(m, &arena, bytes, CODEC_MESSAGE_MAX, &len);

	assert_int_equal(len == 4711, e != CODEC_OK);
	return e;
}

static void test_round_trip(void **state)
{
	for (unsigned i = 0; i < N_MESSAGES; i++) {
		struct health_message m = message_example(i), back;
		size_t len = encode(&m);

		assert_int_equal(codec_decode(bytes, len, &arena, &back), CODEC_OK);
		message_assert_equal(&m, &back);
	}
}

/* A message cut anywhere is refused or is a shorter good one; never read past its end. */
static void test_truncated(void **state)
{
	for (unsigned i = 0; i < N_MESSAGES; i++) {
		struct health_message m = message_example(i), back;
		size_t len = encode(&m);

		for (size_t n = 0; n < len; n++) {
			uint8_t *cut = malloc(n ? n : 1);

			memcpy(cut, bytes, n);
			/* the body is the last field, so nothing short of all has a whole one */
			assert_int_not_equal(codec_decode(cut, n, &arena, &back), CODEC_OK);
			free(cut);
		}
	}
}

/* Any byte changed: refused, or something that can be sent again. */
static void test_changed_bytes(void **state)
{
	static uint8_t again[CODEC_MESSAGE_MAX];

	for (unsigned i = 0; i < N_MESSAGES; i++) {
		struct health_message m = message_example(i), back;
		struct codec_arena other;
		size_t len = encode(&m), n;

		assert_int_equal(codec_arena_init(&other), 0);
		for (size_t at = 0; at < len * 8; at++) {
			bytes[at / 8] ^= (uint8_t)(1 << at % 8);
			if (codec_decode(bytes, len, &arena, &back) == CODEC_OK)
				assert_int_equal(codec_encode(&back, &other, again, sizeof again, &n), CODEC_OK);
			bytes[at / 8] ^= (uint8_t)(1 << at % 8);
		}
		codec_arena_fini(&other);
	}
}

static void test_unknown_fields(void **state)
{
	/* field 100 as varint; field 101 as bytes; field 102 as 32 bits */
	static const uint8_t more[] = { 0xa0, 6, 5, 0xaa, 6, 3, 1, 2, 3, 0xb5, 6, 1, 2, 3, 4 };

	for (unsigned i = 0; i < N_MESSAGES; i++) {
		struct health_message m = message_example(i), back;
		size_t len = encode(&m);

		memcpy(bytes + len, more, sizeof more);
		assert_int_equal(codec_decode(bytes, len + sizeof more, &arena, &back), CODEC_OK);
		message_assert_equal(&m, &back);
	}
}

static void test_lengths(void **state)
{
	struct health_message m = message_example(MESSAGE_SEND_SNAPSHOT), back;
	size_t len = encode(&m), n;

	assert_int_equal(codec_encode(&m, &arena, bytes, len, &n), CODEC_OK);
	assert_int_equal(codec_encode(&m, &arena, bytes, len - 1, &n), CODEC_TOO_LONG);
	memset(bytes, 0, sizeof bytes);
	assert_int_equal(codec_decode(bytes, sizeof bytes, &arena, &back), CODEC_TOO_LONG);
	assert_int_equal(codec_decode(bytes, 0, &arena, &back), CODEC_HOST);
}

/* The bounds that splitters count with hold for full rows, and a message of as many as fit really fits. */
static void test_row_bounds(void **state)
{
	enum { N = (CODEC_MESSAGE_MAX - CODEC_AROUND_MAX) / CODEC_ROW_MAX };
	static struct health_row rows[HEALTH_MAX_ROWS];
	static struct health_change changes[HEALTH_MAX_ROWS];
	struct health_message m = message_example(MESSAGE_SEND_SNAPSHOT), back;
	size_t len;

	for (unsigned i = 0; i < HEALTH_MAX_ROWS; i++) {
		rows[i] = message_row_full();
		changes[i] = (struct health_change){ .operation = HEALTH_UPDATE, .row = rows[i] };
	}
	m.send_snapshot.rows = rows;
	m.send_snapshot.n_rows = N;
	len = encode(&m);
	assert_true(len <= CODEC_AROUND_MAX + N * CODEC_ROW_MAX);
	assert_int_equal(codec_decode(bytes, len, &arena, &back), CODEC_OK);
	message_assert_equal(&m, &back);
	m.send_snapshot.n_rows = HEALTH_MAX_ROWS;
	assert_int_equal(encode_error(&m), CODEC_TOO_LONG);

	m = message_example(MESSAGE_ROW_CHANGE);
	m.row_change.changes = changes;
	m.row_change.n_changes = N;
	len = encode(&m);
	assert_true(len <= CODEC_AROUND_MAX + N * CODEC_ROW_MAX);
	assert_int_equal(codec_decode(bytes, len, &arena, &back), CODEC_OK);
	message_assert_equal(&m, &back);

	m = message_example(MESSAGE_HEARTBEAT_FULL);
	assert_true(encode(&m) <= CODEC_AROUND_MAX);
}

/* As many rows as a host has, when they are small. */
static void test_most_rows(void **state)
{
	static struct health_row rows[HEALTH_MAX_ROWS + 1];
	struct health_message m = message_example(MESSAGE_SEND_SNAPSHOT), back;
	size_t len;

	for (unsigned i = 0; i <= HEALTH_MAX_ROWS; i++) {
		rows[i] = m.send_snapshot.rows[0];
		rows[i].id.host_port = (uint16_t)i;
	}
	m.send_snapshot.rows = rows;
	m.send_snapshot.n_rows = HEALTH_MAX_ROWS;
	len = encode(&m);
	assert_int_equal(codec_decode(bytes, len, &arena, &back), CODEC_OK);
	m.send_snapshot.rows = rows;
	message_assert_equal(&m, &back);
	m.send_snapshot.n_rows++;
	assert_int_equal(encode_error(&m), CODEC_COUNT);
}

/* Twice as many rows as allowed, each of two bytes: counted and refused within the arena. */
static void test_many_tiny_parts(void **state)
{
	static uint8_t tiny[CODEC_MESSAGE_MAX];
	struct health_message m = message_example(MESSAGE_SEND_SNAPSHOT_EMPTY), back;
	size_t len = encode(&m), n = 2 * HEALTH_MAX_ROWS * 2, body;

	body = 11; /* of the snapshot: bytes behind its length */
	assert_int_equal(bytes[len - body - 1], body);
	memcpy(tiny, bytes, len - body - 1);
	tiny[len - body - 1] = (uint8_t)((body + n) & 0x7f) | 0x80;
	tiny[len - body] = (uint8_t)((body + n) >> 7);
	memcpy(tiny + len - body + 1, bytes + len - body, body);
	for (size_t i = 0; i < n; i += 2) {
		tiny[len + 1 + i] = 0x1a; /* rows, no bytes */
		tiny[len + 2 + i] = 0;
	}
	assert_int_equal(codec_decode(tiny, len + 1 + n, &arena, &back), CODEC_COUNT);
	/* a body of nothing but rows, as many as fit into a frame */
	for (size_t i = 0; i + 1 < sizeof tiny; i += 2) {
		tiny[i] = 0x1a;
		tiny[i + 1] = 0;
	}
	assert_int_not_equal(codec_decode(tiny, sizeof tiny, &arena, &back), CODEC_OK);
}

struct bad {
	enum codec_error error;
	unsigned which;
	void (*spoil)(struct health_message *m, struct health_row *row);
};

#define SPOIL(name, what)                                                          \
	static void spoil_##name(struct health_message *m, struct health_row *row) \
	{                                                                          \
		what;                                                              \
	}

SPOIL(host, m->host = 0)
SPOIL(type, m->type = HEALTH_N_MESSAGES)
SPOIL(interval_0, m->heartbeat.interval_ms = 0)
SPOIL(interval_max, m->heartbeat.interval_ms = CODEC_INTERVAL_MAX_MS + 1)
SPOIL(name, memset(m->heartbeat.name, 'x', sizeof m->heartbeat.name))
SPOIL(chunks_0, m->heartbeat.content.n_chunks = 0)
SPOIL(chunks_3, m->heartbeat.content.n_chunks = 3)
SPOIL(chunks_128, m->heartbeat.content.n_chunks = 128)
SPOIL(n_rows, m->heartbeat.content.n_rows = HEALTH_MAX_ROWS + 1)
SPOIL(mask, m->get_snapshot.chunks = 1 << 16)
SPOIL(mask_chunks, m->get_snapshot.n_chunks = 15)
SPOIL(wrong_chunks, m->postulate_wrong.n_chunks = 32)
SPOIL(postulate, m->postulate.content.n_chunks = 65)
SPOIL(snapshot_chunks, m->send_snapshot.n_chunks = 0)
SPOIL(vip, row->id.vip.family = 5)
SPOIL(addr, row->id.host.family = 255)
SPOIL(specific, memset(row->id.specific, 'x', sizeof row->id.specific))
SPOIL(specific_text, row->id.specific[0] = '\n')
SPOIL(reason, memset(row->reason, 'x', sizeof row->reason))
SPOIL(reason_text, row->reason[0] = '\xff')
SPOIL(state, row->state = HEALTH_N_STATES)
SPOIL(target, row->target = HEALTH_N_DIRECTIVES)
SPOIL(current, row->current = 255)
SPOIL(capacity, row->capacity = 100)
SPOIL(load, row->load = HEALTH_LOAD_MAX + 1)
SPOIL(operation, ((struct health_change *)(uintptr_t)m->row_change.changes)[0].operation = HEALTH_DELETE + 1)

SPOIL(group, m->group_heartbeat.group = 0)
SPOIL(group_mode, m->group_heartbeat.mode = HEALTH_GROUP_N_MODES)
SPOIL(group_interval, m->group_heartbeat.interval_ms = 0)
SPOIL(group_count, m->group_heartbeat.n_entries = HEALTH_MAX_MEMBERS + 1)
SPOIL(group_ask, m->group_ask.group = 0)

static const struct bad bads[] = {
	{ CODEC_HOST, MESSAGE_GOODBYE, spoil_host },
	{ CODEC_TYPE, MESSAGE_GOODBYE, spoil_type },
	{ CODEC_INTERVAL, MESSAGE_HEARTBEAT, spoil_interval_0 },
	{ CODEC_INTERVAL, MESSAGE_HEARTBEAT, spoil_interval_max },
	{ CODEC_TEXT, MESSAGE_HEARTBEAT, spoil_name },
	{ CODEC_CHUNKS, MESSAGE_HEARTBEAT, spoil_chunks_0 },
	{ CODEC_CHUNKS, MESSAGE_HEARTBEAT, spoil_chunks_3 },
	{ CODEC_CHUNKS, MESSAGE_HEARTBEAT, spoil_chunks_128 },
	{ CODEC_COUNT, MESSAGE_HEARTBEAT, spoil_n_rows },
	{ CODEC_CHUNKS, MESSAGE_GET_SNAPSHOT, spoil_mask },
	{ CODEC_CHUNKS, MESSAGE_GET_SNAPSHOT, spoil_mask_chunks },
	{ CODEC_CHUNKS, MESSAGE_POSTULATE_WRONG, spoil_wrong_chunks },
	{ CODEC_CHUNKS, MESSAGE_POSTULATE, spoil_postulate },
	{ CODEC_CHUNKS, MESSAGE_SEND_SNAPSHOT, spoil_snapshot_chunks },
	{ CODEC_ADDRESS, MESSAGE_SEND_SNAPSHOT, spoil_vip },
	{ CODEC_ADDRESS, MESSAGE_ROW_CHANGE, spoil_addr },
	{ CODEC_TEXT, MESSAGE_ROW_CHANGE, spoil_specific },
	{ CODEC_TEXT, MESSAGE_SEND_SNAPSHOT, spoil_specific_text },
	{ CODEC_TEXT, MESSAGE_SEND_SNAPSHOT, spoil_reason },
	{ CODEC_TEXT, MESSAGE_ROW_CHANGE, spoil_reason_text },
	{ CODEC_STATE, MESSAGE_ROW_CHANGE, spoil_state },
	{ CODEC_DIRECTIVE, MESSAGE_ROW_CHANGE, spoil_target },
	{ CODEC_DIRECTIVE, MESSAGE_SEND_SNAPSHOT, spoil_current },
	{ CODEC_CAPACITY, MESSAGE_ROW_CHANGE, spoil_capacity },
	{ CODEC_LOAD, MESSAGE_SEND_SNAPSHOT, spoil_load },
	{ CODEC_OPERATION, MESSAGE_ROW_CHANGE, spoil_operation },
	{ CODEC_GROUP, MESSAGE_GROUP_HEARTBEAT, spoil_group },
	{ CODEC_GROUP, MESSAGE_GROUP_HEARTBEAT, spoil_group_mode },
	{ CODEC_INTERVAL, MESSAGE_GROUP_MEMBERSHIP, spoil_group_interval },
	{ CODEC_COUNT, MESSAGE_GROUP_HEARTBEAT, spoil_group_count },
	{ CODEC_GROUP, MESSAGE_GROUP_ASK, spoil_group_ask },
};

static void test_refused(void **state)
{
	for (size_t i = 0; i < sizeof bads / sizeof *bads; i++) {
		struct health_message m = message_example(bads[i].which);
		struct health_row *row = NULL;

		assert_int_equal(encode_error(&m), CODEC_OK);
		if (m.type == HEALTH_ROW_CHANGE)
			row = &((struct health_change *)(uintptr_t)m.row_change.changes)[0].row;
		else if (m.type == HEALTH_SEND_SNAPSHOT)
			row = &((struct health_row *)(uintptr_t)m.send_snapshot.rows)[0];
		bads[i].spoil(&m, row);
		assert_string_equal(codec_error_name(encode_error(&m)), codec_error_name(bads[i].error));
	}
}

/* Messages that our encoder can't make: byte by byte. Field 1: host 1. */
static void test_refused_bytes(void **state)
{
#define HOST 9, 1, 0, 0, 0, 0, 0, 0, 0
	static const struct {
		enum codec_error error;
		uint8_t len, bytes[40];
	} cases[] = {
		{ CODEC_TYPE, 9, { HOST } },
		{ CODEC_TYPE, 11, { HOST, 0x6a, 0 } },        /* body 13 */
		{ CODEC_GROUP, 11, { HOST, 0x5a, 0 } },       /* consolidated heartbeat */
		{ CODEC_GROUP, 11, { HOST, 0x62, 0 } },       /* ask */
		{ CODEC_OK, 11, { HOST, 0x2a, 0 } },          /* goodbye */
		{ CODEC_OK, 13, { HOST, 0x22, 0, 0x2a, 0 } }, /* the last body counts */
		{ CODEC_INTERVAL, 11, { HOST, 0x22, 0 } },
		{ CODEC_CONTENT, 13, { HOST, 0x22, 2, 8, 1 } },
		{ CODEC_CHUNKS, 15, { HOST, 0x22, 4, 8, 1, 0x12, 0 } },
		{ CODEC_CONTENT, 11, { HOST, 0x4a, 0 } },              /* postulate */
		{ CODEC_ROW, 13, { HOST, 0x32, 2, 0xa, 0 } },          /* change without row */
		{ CODEC_ROW, 15, { HOST, 0x32, 4, 0xa, 2, 0x12, 0 } }, /* row without id */
		{ CODEC_OK, 17, { HOST, 0x32, 6, 0xa, 4, 0x12, 2, 0xa, 0 } },
		{ CODEC_ADDRESS, 20, { HOST, 0x32, 9, 0xa, 7, 0x12, 5, 0xa, 3, 0xa, 1, 7 } },
		{ CODEC_PORT, 21, { HOST, 0x32, 10, 0xa, 8, 0x12, 6, 0xa, 4, 0x18, 0x80, 0x80, 4 } },
		{ CODEC_PROTO, 20, { HOST, 0x32, 9, 0xa, 7, 0x12, 5, 0xa, 3, 0x28, 0x80, 2 } },
		{ CODEC_SYNTAX, 11, { HOST, 0x22, 1 } },
		{ CODEC_SYNTAX, 10, { HOST, 0xff } },
		{ CODEC_SYNTAX, 11, { HOST, 0x20, 0 } }, /* a body that is a number */
	};
	struct health_message back;

	for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
		enum codec_error e = codec_decode(cases[i].bytes, cases[i].len, &arena, &back);

		if (e != cases[i].error)
			print_error("case %zu\n", i);
		assert_string_equal(codec_error_name(e), codec_error_name(cases[i].error));
	}
}

static int setup(void **state)
{
	return codec_arena_init(&arena);
}

static int teardown(void **state)
{
	codec_arena_fini(&arena);
	return 0;
}

/* The longest heartbeat of the largest group has room in a message. */
static void test_largest_group(void **state)
{
	static struct health_group_entry entries[HEALTH_MAX_MEMBERS];
	struct health_message m = message_example(MESSAGE_GROUP_HEARTBEAT);

	for (unsigned i = 0; i < HEALTH_MAX_MEMBERS; i++) {
		entries[i] = m.group_heartbeat.entries[1];
		entries[i].index = (uint8_t)i;
		entries[i].content.n_chunks = HEALTH_MAX_CHUNKS;
		memset(entries[i].content.crc, 0xff, sizeof entries[i].content.crc);
	}
	m.group_heartbeat.entries = entries;
	m.group_heartbeat.n_entries = HEALTH_MAX_MEMBERS;
	assert_int_equal(encode_error(&m), CODEC_OK);
	entries[5].index = HEALTH_MAX_MEMBERS;
	assert_int_equal(encode_error(&m), CODEC_GROUP);
	entries[5].index = 5;
	entries[5].host = 0;
	assert_int_equal(encode_error(&m), CODEC_GROUP);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_round_trip),    cmocka_unit_test(test_truncated),
		cmocka_unit_test(test_changed_bytes), cmocka_unit_test(test_unknown_fields),
		cmocka_unit_test(test_lengths),       cmocka_unit_test(test_row_bounds),
		cmocka_unit_test(test_most_rows),     cmocka_unit_test(test_many_tiny_parts),
		cmocka_unit_test(test_refused),       cmocka_unit_test(test_largest_group),
		cmocka_unit_test(test_refused_bytes),
	};

	return cmocka_run_group_tests_name("codec", tests, setup, teardown);
}
