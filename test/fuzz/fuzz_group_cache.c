/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Any consolidated heartbeats in any order, of few leaders with few members, so
 * that they meet; times pass between them. Whom no message names must not
 * become present, and with right sums all that are named do.
 */
#include <stdlib.h>
#include <string.h>

#include "health/group.h"
#include "health/group_cache.h"

#define MS 1000000ull
#define MESSAGES_MAX 64
#define N_HOSTS 16

struct input {
	const uint8_t *p, *end;
};

static void expect(bool what)
{
	if (!what)
		abort();
}

static uint64_t take(struct input *in, unsigned n)
{
	uint64_t value = 0;

	while (n-- > 0)
		value = value << 8 | (in->p < in->end ? *in->p++ : 0);
	return value;
}

static void answer(void *context, const struct health_message *m)
{
	uint64_t *named = context;

	expect(m->type == HEALTH_GET_SNAPSHOT || m->type == HEALTH_GROUP_ASK);
	/* nobody is asked who was never heard of; leaders are hosts 1 to 4 */
	expect(m->host < N_HOSTS && ((*named >> m->host & 1) || m->type == HEALTH_GROUP_ASK));
}

static void entry_take(struct input *in, struct health_group_entry *e, uint64_t *named)
{
	memset(e, 0, sizeof *e);
	e->index = (uint8_t)(take(in, 1) % (HEALTH_MAX_MEMBERS + 1));
	e->host = take(in, 1) % N_HOSTS;
	e->incarnation = take(in, 1) % 4;
	e->seq = take(in, 1) % 4;
	e->content.n_chunks = (uint16_t)(take(in, 1) % 4);
	e->content.n_rows = (uint16_t)take(in, 1);
	e->content.crc[0] = (uint32_t)take(in, 1);
	memset(e->name, 'n', take(in, 1));
	*named |= 1ull << e->host;
}

/* Bit 7 of the mode's byte: the sum is that of the entries which came, as if they were all. */
static void message_take(struct input *in, struct health_message *m, struct health_group_entry *entries,
			 uint64_t *named)
{
	uint8_t mode = (uint8_t)take(in, 1);
	uint64_t heard = 0, sum = 0;

	memset(m, 0, sizeof *m);
	m->type = HEALTH_GROUP_HEARTBEAT;
	m->host = take(in, 1) % 5;
	m->incarnation = take(in, 1) % 4;
	m->seq = take(in, 1);
	m->group_heartbeat.group = take(in, 1) % 3;
	m->group_heartbeat.term = take(in, 1);
	m->group_heartbeat.interval_ms = (uint32_t)take(in, 2);
	m->group_heartbeat.mode = mode % (HEALTH_GROUP_N_MODES + 1);
	m->group_heartbeat.n_entries = (uint32_t)(take(in, 1) % 4);
	m->group_heartbeat.entries = entries;
	for (uint32_t i = 0; i < m->group_heartbeat.n_entries; i++) {
		entry_take(in, &entries[i], named);
		heard |= 1ull << (entries[i].index & 63);
		sum = health_group_sum(sum, &entries[i]);
	}
	m->group_heartbeat.heard = mode & 0x80 ? heard : take(in, 8);
	m->group_heartbeat.sum = mode & 0x80 ? sum : take(in, 8);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct health_cache_settings cs = { .max_hosts = 8, .max_rows = 64, .ask_ms = 100, .ask_max_ms = 1000 };
	struct health_group_cache_settings gs = { .max_leaders = 3, .ask_ms = 200 };
	struct input in = { data, data + size };
	uint64_t named = 0, now_ns = 1000 * MS;
	struct health_cache_ops ops = { .send = answer, .context = &named };
	struct health_group_entry entries[4];
	struct health_group_cache groups;
	struct health_cache cache;
	struct health_message m;

	expect(health_cache_init(&cache, &cs, &ops) == 0);
	expect(health_group_cache_init(&groups, &gs, &cache) == 0);
	for (unsigned i = 0; i < MESSAGES_MAX && in.p < in.end; i++) {
		message_take(&in, &m, entries, &named);
		health_group_cache_receive(&groups, &m, now_ns);
		now_ns += take(&in, 1) * 50 * MS;
		health_group_cache_poll(&groups, now_ns);
		health_cache_poll(&cache, now_ns);
		for (uint64_t host = 0; host < N_HOSTS; host++)
			expect((named >> host & 1) || !health_cache_find(&cache, host));
	}
	health_group_cache_fini(&groups);
	health_cache_fini(&cache);
	return 0;
}
