/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any messages in any order into a cache and a host of the health protocol,
 * and what they answer into each other. Each message comes out of bytes of the
 * input; ids, incarnations and sequence numbers are small, so that they meet.
 */
#include <stdlib.h>
#include <string.h>

#include "health/cache.h"
#include "health/host.h"

#define MS 1000000ull
#define MESSAGES_MAX 64

struct input {
	const uint8_t *p, *end;
};

struct pair {
	struct health_host host;
	struct health_cache cache;
	uint64_t now_ns;
};

static uint64_t take(struct input *in, unsigned n)
{
	uint64_t value = 0;

	while (n-- > 0)
		value = value << 8 | (in->p < in->end ? *in->p++ : 0);
	return value;
}

static void from_host(void *context, const struct health_message *m)
{
	struct pair *p = context;

	health_cache_receive(&p->cache, m, p->now_ns);
}

static void from_cache(void *context, const struct health_message *m)
{
	struct pair *p = context;

	health_host_receive(&p->host, m, p->now_ns);
}

static void row_take(struct input *in, struct health_row *row)
{
	memset(row, 0, sizeof(*row));
	row->id.host.family = (uint8_t)(take(in, 1) % 8);
	row->id.vip.family = (uint8_t)(take(in, 1) % 8);
	row->id.host.b[0] = row->id.vip.b[15] = (uint8_t)take(in, 1);
	row->id.host_port = (uint16_t)take(in, 1);
	row->state = (uint8_t)(take(in, 1) % 4);
	row->target = (uint8_t)(take(in, 1) % 4);
	row->current = (uint8_t)(take(in, 1) % 4);
	row->capacity = (uint8_t)(take(in, 1) % 128);
	row->load = (uint16_t)take(in, 2);
	/* may lack its end */
	memset(row->reason, (int)take(in, 1), take(in, 1) % (sizeof(row->reason) + 1));
}

static void content_take(struct input *in, struct health_content *c)
{
	c->n_chunks = (uint16_t)take(in, 1);
	c->n_rows = (uint16_t)take(in, 2);
	for (unsigned i = 0; i < 4; i++)
		c->crc[i] = (uint32_t)take(in, 1);
}

static void message_take(struct input *in, struct health_message *m, struct health_change *changes,
			 struct health_row *rows)
{
	memset(m, 0, sizeof(*m));
	m->type = (uint8_t)(take(in, 1) % (HEALTH_N_MESSAGES + 1));
	m->host = take(in, 1) % 4;
	m->incarnation = take(in, 1) % 4;
	m->seq = take(in, 1);
	switch (m->type) {
	case HEALTH_HEARTBEAT:
		m->heartbeat.interval_ms = (uint32_t)take(in, 4);
		content_take(in, &m->heartbeat.content);
		memset(m->heartbeat.name, (int)take(in, 1), take(in, 2) % (HEALTH_NAME_MAX + 1));
		break;
	case HEALTH_ROW_CHANGE:
		m->row_change.changes = changes;
		m->row_change.n_changes = (uint32_t)take(in, 1) % (MESSAGES_MAX + 8);
		for (unsigned i = 0; i < m->row_change.n_changes && in->p < in->end; i++) {
			changes[i].operation = (uint8_t)(take(in, 1) % 4);
			row_take(in, &changes[i].row);
		}
		break;
	case HEALTH_SEND_SNAPSHOT:
		m->send_snapshot.chunks = take(in, 8);
		m->send_snapshot.n_chunks = (uint16_t)take(in, 1);
		m->send_snapshot.rows = rows;
		m->send_snapshot.n_rows = (uint32_t)take(in, 1) % (MESSAGES_MAX + 8);
		for (unsigned i = 0; i < m->send_snapshot.n_rows && in->p < in->end; i++)
			row_take(in, &rows[i]);
		break;
	case HEALTH_POSTULATE:
		m->postulate.id = take(in, 1);
		content_take(in, &m->postulate.content);
		break;
	default:
		m->get_snapshot.chunks = take(in, 8);
		m->get_snapshot.n_chunks = (uint16_t)take(in, 2);
		if (m->type == HEALTH_POSTULATE_WRONG) {
			m->postulate_wrong.id = take(in, 1);
			m->postulate_wrong.chunks = take(in, 8);
			m->postulate_wrong.n_chunks = (uint16_t)take(in, 1);
		}
	}
}

static void check(const struct pair *p)
{
	const struct health_cache_host *h;
	uint32_t n_rows = 0;

	for (uint32_t i = 0; (h = health_cache_next(&p->cache, &i));) {
		n_rows += h->table.n_rows;
		if (h->presence != HEALTH_PRESENT && h->table.n_rows)
			abort();
		for (unsigned k = 0; k < h->table.n_rows; k++) {
			if (!health_row_valid(health_table_at(&h->table, k)))
				abort();
		}
	}
	if (n_rows != p->cache.n_rows || n_rows > p->cache.settings.max_rows)
		abort();
}

static void step(struct pair *p, struct input *in)
{
	struct health_change changes[MESSAGES_MAX + 8] = { 0 };
	struct health_row rows[MESSAGES_MAX + 8] = { 0 };
	struct health_message m;
	uint8_t what = (uint8_t)take(in, 1);

	p->now_ns += what * MS;
	if (what % 4 == 0) {
		row_take(in, &rows[0]);
		health_host_set(&p->host, &rows[0]);
	} else if (what % 4 == 1) {
		message_take(in, &m, changes, rows);
		health_host_receive(&p->host, &m, p->now_ns);
	} else {
		message_take(in, &m, changes, rows);
		health_cache_receive(&p->cache, &m, p->now_ns);
	}
	health_host_poll(&p->host, p->now_ns);
	health_cache_poll(&p->cache, p->now_ns);
	check(p);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { .p = data, .end = data + size };
	struct pair p = { .now_ns = 1 };
	struct health_cache_settings cs = { .max_hosts = 2, .max_rows = 20, .ask_ms = 50, .ask_max_ms = 400 };
	struct health_host_settings hs = health_host_settings_default();
	struct health_cache_ops cache_ops = { .send = from_cache, .context = &p };
	struct health_host_ops host_ops = { .send = from_host, .context = &p };

	hs.id = 2;
	hs.incarnation = 2;
	if (health_cache_init(&p.cache, &cs, &cache_ops) != 0 || health_host_init(&p.host, &hs, &host_ops, 1) != 0)
		abort();
	for (unsigned i = 0; i < MESSAGES_MAX && in.p < in.end; i++)
		step(&p, &in);
	health_host_fini(&p.host);
	health_cache_fini(&p.cache);
	return 0;
}
