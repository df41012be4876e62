/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "messages.h"

static struct baton_addr addr_of(const char *text)
{
	struct baton_addr a;

	assert_int_equal(baton_addr_parse(text, &a), 0);
	return a;
}

struct health_row message_row_full(void)
{
	struct health_row row = {
		.id = { .vip_port = UINT16_MAX, .host_port = UINT16_MAX, .proto = UINT8_MAX },
		.state = HEALTH_N_STATES - 1,
		.target = HEALTH_N_DIRECTIVES - 1,
		.current = HEALTH_N_DIRECTIVES - 1,
		.capacity = 99,
		.load = HEALTH_LOAD_MAX,
	};

	row.id.vip = addr_of("2001:db8:ffff:ffff:ffff:ffff:ffff:ffff");
	row.id.host = addr_of("fd00:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	memset(row.id.specific, 's', sizeof row.id.specific - 1);
	memset(row.reason, 'r', sizeof row.reason - 1);
	return row;
}

static struct health_row row_small(void)
{
	struct health_row row = { .id = { .host_port = 80, .proto = 6 }, .state = HEALTH_HEALTHY, .load = 1 };

	row.id.host = addr_of("192.0.2.1");
	return row;
}

static struct health_content content_of(unsigned n_chunks)
{
	struct health_content c = { .n_chunks = (uint16_t)n_chunks, .n_rows = HEALTH_MAX_ROWS };

	for (unsigned i = 0; i < n_chunks; i++)
		c.crc[i] = 0xffffffff - i;
	return c;
}

static void fill_heartbeat(struct health_message *m, unsigned n_chunks)
{
	m->type = HEALTH_HEARTBEAT;
	m->heartbeat.interval_ms = n_chunks == 1 ? 1 : 3600000;
	m->heartbeat.content = content_of(n_chunks);
	if (n_chunks > 1)
		memset(m->heartbeat.name, 'n', sizeof m->heartbeat.name - 1);
}

static void fill_row_change(struct health_message *m)
{
	static struct health_change changes[3];

	changes[0] = (struct health_change){ .operation = HEALTH_ADD, .row = message_row_full() };
	changes[1] = (struct health_change){ .operation = HEALTH_UPDATE, .row = row_small() };
	changes[2] = (struct health_change){ .operation = HEALTH_DELETE, .row.id = message_row_full().id };
	m->type = HEALTH_ROW_CHANGE;
	m->row_change.changes = changes;
	m->row_change.n_changes = 3;
}

static void fill_send_snapshot(struct health_message *m)
{
	static struct health_row rows[2];

	rows[0] = row_small();
	rows[1] = message_row_full();
	m->type = HEALTH_SEND_SNAPSHOT;
	m->send_snapshot.chunks = 1ull << 63 | 1;
	m->send_snapshot.n_chunks = 64;
	m->send_snapshot.rows = rows;
	m->send_snapshot.n_rows = 2;
}

/* Full: contents and names too. Not many entries: tests go through every byte, for every byte. */
static void fill_group_heartbeat(struct health_message *m, bool full)
{
	static struct health_group_entry entries[2][2];

	for (uint32_t i = 0; i < 2; i++) {
		struct health_group_entry *e = &entries[full][i];

		*e = (struct health_group_entry){ .index = (uint8_t)i, .host = 1 + i };
		if (!full)
			continue;
		e->incarnation = e->seq = UINT64_MAX;
		e->content = content_of(2);
		memset(e->name, 'n', sizeof e->name - 1);
	}
	m->type = HEALTH_GROUP_HEARTBEAT;
	m->group_heartbeat = (struct health_group_heartbeat){
		.group = UINT64_MAX,
		.term = UINT64_MAX,
		.interval_ms = 1000,
		.mode = full ? HEALTH_GROUP_CONTENT : HEALTH_GROUP_MEMBERSHIP,
		.heard = UINT64_MAX,
		.sum = UINT64_MAX,
		.entries = entries[full],
		.n_entries = 2,
	};
}

struct health_message message_example(unsigned which)
{
	struct health_message m = { .host = UINT64_MAX, .incarnation = UINT64_MAX, .seq = UINT64_MAX };

	switch (which) {
	case MESSAGE_HEARTBEAT:
		m = (struct health_message){ .host = 1 };
		fill_heartbeat(&m, 1);
		break;
	case MESSAGE_HEARTBEAT_FULL:
		fill_heartbeat(&m, HEALTH_MAX_CHUNKS);
		break;
	case MESSAGE_GOODBYE:
		m.type = HEALTH_GOODBYE;
		break;
	case MESSAGE_ROW_CHANGE:
		fill_row_change(&m);
		break;
	case MESSAGE_ROW_CHANGE_EMPTY:
		m.type = HEALTH_ROW_CHANGE;
		break;
	case MESSAGE_GET_SNAPSHOT:
		m.type = HEALTH_GET_SNAPSHOT;
		m.get_snapshot.chunks = 0x8001;
		m.get_snapshot.n_chunks = 16;
		break;
	case MESSAGE_SEND_SNAPSHOT:
		fill_send_snapshot(&m);
		break;
	case MESSAGE_SEND_SNAPSHOT_EMPTY:
		m.type = HEALTH_SEND_SNAPSHOT;
		m.send_snapshot.chunks = 1;
		m.send_snapshot.n_chunks = 1;
		break;
	case MESSAGE_POSTULATE:
		m.type = HEALTH_POSTULATE;
		m.postulate.id = UINT64_MAX;
		m.postulate.content = content_of(2);
		break;
	case MESSAGE_POSTULATE_WRONG:
		m.type = HEALTH_POSTULATE_WRONG;
		m.postulate_wrong.id = 7;
		m.postulate_wrong.chunks = UINT64_MAX;
		m.postulate_wrong.n_chunks = 64;
		break;
	case MESSAGE_GROUP_HEARTBEAT:
		fill_group_heartbeat(&m, true);
		break;
	case MESSAGE_GROUP_MEMBERSHIP:
		fill_group_heartbeat(&m, false);
		break;
	case MESSAGE_GROUP_ASK:
		m.type = HEALTH_GROUP_ASK;
		m.group_ask.group = 5;
		break;
	}
	return m;
}

static void assert_group_heartbeats_equal(const struct health_group_heartbeat *a,
					  const struct health_group_heartbeat *b)
{
	assert_true(a->group == b->group && a->term == b->term && a->heard == b->heard && a->sum == b->sum);
	assert_int_equal(a->interval_ms, b->interval_ms);
	assert_int_equal(a->mode, b->mode);
	assert_int_equal(a->n_entries, b->n_entries);
	for (uint32_t i = 0; i < a->n_entries; i++) {
		assert_int_equal(a->entries[i].index, b->entries[i].index);
		assert_true(a->entries[i].host == b->entries[i].host);
		assert_true(a->entries[i].incarnation == b->entries[i].incarnation);
		assert_true(a->entries[i].seq == b->entries[i].seq);
		assert_memory_equal(&a->entries[i].content, &b->entries[i].content, sizeof a->entries[i].content);
		assert_string_equal(a->entries[i].name, b->entries[i].name);
	}
}

static void assert_bodies_equal(const struct health_message *a, const struct health_message *b)
{
	switch (a->type) {
	case HEALTH_HEARTBEAT:
		assert_memory_equal(&a->heartbeat, &b->heartbeat, sizeof a->heartbeat);
		break;
	case HEALTH_ROW_CHANGE:
		assert_int_equal(a->row_change.n_changes, b->row_change.n_changes);
		for (uint32_t i = 0; i < a->row_change.n_changes; i++)
			assert_memory_equal(&a->row_change.changes[i], &b->row_change.changes[i],
					    sizeof *a->row_change.changes);
		break;
	case HEALTH_GET_SNAPSHOT:
		assert_int_equal(a->get_snapshot.chunks, b->get_snapshot.chunks);
		assert_int_equal(a->get_snapshot.n_chunks, b->get_snapshot.n_chunks);
		break;
	case HEALTH_SEND_SNAPSHOT:
		assert_int_equal(a->send_snapshot.chunks, b->send_snapshot.chunks);
		assert_int_equal(a->send_snapshot.n_chunks, b->send_snapshot.n_chunks);
		assert_int_equal(a->send_snapshot.n_rows, b->send_snapshot.n_rows);
		for (uint32_t i = 0; i < a->send_snapshot.n_rows; i++)
			assert_memory_equal(&a->send_snapshot.rows[i], &b->send_snapshot.rows[i],
					    sizeof *a->send_snapshot.rows);
		break;
	case HEALTH_POSTULATE:
		assert_int_equal(a->postulate.id, b->postulate.id);
		assert_memory_equal(&a->postulate.content, &b->postulate.content, sizeof a->postulate.content);
		break;
	case HEALTH_POSTULATE_WRONG:
		assert_int_equal(a->postulate_wrong.id, b->postulate_wrong.id);
		assert_int_equal(a->postulate_wrong.chunks, b->postulate_wrong.chunks);
		assert_int_equal(a->postulate_wrong.n_chunks, b->postulate_wrong.n_chunks);
		break;
	case HEALTH_GROUP_HEARTBEAT:
		assert_group_heartbeats_equal(&a->group_heartbeat, &b->group_heartbeat);
		break;
	case HEALTH_GROUP_ASK:
		assert_true(a->group_ask.group == b->group_ask.group);
		break;
	}
}

void message_assert_equal(const struct health_message *a, const struct health_message *b)
{
	assert_int_equal(a->type, b->type);
	assert_true(a->host == b->host);
	assert_true(a->incarnation == b->incarnation);
	assert_true(a->seq == b->seq);
	assert_bodies_equal(a, b);
}
