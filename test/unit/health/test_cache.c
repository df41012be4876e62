/* SPDX-License-Identifier: BSD-3-Clause */
/* Single cases of both ends of the health protocol that random runs meet too seldom or can't judge. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include <errno.h>
#include <netinet/in.h>
#include <string.h>

#include "health/cache.h"
#include "health/host.h"

#define MS 1000000ull
#define HOST 77

struct pair {
	struct health_host host;
	struct health_cache cache;
	uint64_t now_ns;
	bool deaf; /* the cache gets nothing */
	unsigned sent[HEALTH_N_MESSAGES], asked, objected;
	unsigned events[HEALTH_N_EVENTS];
	uint8_t cause; /* of the last event */
};

static void from_host(void *context, const struct health_message *m)
{
	struct pair *p = context;

	p->sent[m->type]++;
	if (!p->deaf)
		health_cache_receive(&p->cache, m, p->now_ns);
}

static void from_cache(void *context, const struct health_message *m)
{
	struct pair *p = context;

	p->asked += m->type == HEALTH_GET_SNAPSHOT;
	p->objected += m->type == HEALTH_POSTULATE_WRONG;
	health_host_receive(&p->host, m, p->now_ns);
}

static void note_event(void *context, const struct health_event *e)
{
	struct pair *p = context;

	p->events[e->kind]++;
	p->cause = e->cause;
}

static void host_begin(struct pair *p, uint64_t incarnation)
{
	struct health_host_settings s = health_host_settings_default();
	struct health_host_ops ops = { .send = from_host, .context = p };

	s.id = HOST;
	s.incarnation = incarnation;
	s.name = "a.example";
	assert_int_equal(health_host_init(&p->host, &s, &ops, p->now_ns), 0);
}

static struct pair *pair_new(uint32_t max_hosts, uint32_t max_rows)
{
	struct pair *p = calloc(1, sizeof(*p));
	struct health_cache_settings s = health_cache_settings_default();
	struct health_cache_ops ops = { .send = from_cache, .event = note_event, .context = p };

	s.max_hosts = max_hosts;
	s.max_rows = max_rows;
	p->now_ns = 1000 * MS;
	assert_int_equal(health_cache_init(&p->cache, &s, &ops), 0);
	host_begin(p, 5);
	return p;
}

static void pair_free(struct pair *p)
{
	health_host_fini(&p->host);
	health_cache_fini(&p->cache);
	free(p);
}

static void run(struct pair *p, unsigned ms)
{
	for (unsigned i = 0; i < ms; i++) {
		p->now_ns += MS;
		health_host_poll(&p->host, p->now_ns);
		health_cache_poll(&p->cache, p->now_ns);
	}
}

static struct health_row row_of(unsigned port, uint8_t target)
{
	struct health_row row = { .state = HEALTH_HEALTHY, .target = target, .capacity = 10 };

	row.id.host.family = BATON_IPV4;
	row.id.host.b[0] = 10;
	row.id.host_port = (uint16_t)port;
	row.id.proto = IPPROTO_TCP;
	return row;
}

static void set(struct pair *p, unsigned port, uint8_t target)
{
	struct health_row row = row_of(port, target);

	assert_int_equal(health_host_set(&p->host, &row), 0);
}

static const struct health_row *cached(struct pair *p, unsigned port)
{
	struct health_row row = row_of(port, 0);
	const struct health_cache_host *h = health_cache_find(&p->cache, HOST);

	return h ? health_table_find(&h->table, &row.id) : NULL;
}

static void current_moves_after_three_and_quiet(void **state)
{
	struct pair *p = pair_new(4, 100);

	set(p, 1, HEALTH_ACTIVE);
	run(p, 1);
	assert_int_equal(cached(p, 1)->target, HEALTH_ACTIVE);
	assert_int_equal(cached(p, 1)->current, HEALTH_INACTIVE);
	run(p, 399);
	assert_int_equal(cached(p, 1)->current, HEALTH_INACTIVE);
	run(p, 150);
	assert_int_equal(cached(p, 1)->current, HEALTH_ACTIVE);
	assert_true(health_host_settled(&p->host, &cached(p, 1)->id));
	assert_string_equal(health_cache_find(&p->cache, HOST)->name, "a.example");
	assert_int_equal(p->events[HEALTH_EVENT_ROW_ADDED], 1);
	assert_int_equal(p->events[HEALTH_EVENT_ROW_CHANGED], 1);
	pair_free(p);
}

static void change_and_change_back_is_told_as_it_is(void **state)
{
	struct pair *p = pair_new(4, 100);
	struct health_row row = row_of(1, HEALTH_ACTIVE);
	unsigned gaps;

	set(p, 1, HEALTH_ACTIVE);
	run(p, 1000);
	gaps = (unsigned)p->cache.counters[HEALTH_CACHE_COUNTER_DIFFERENCES];
	assert_int_equal(health_host_delete(&p->host, &row.id), 0);
	set(p, 1, HEALTH_DRAINING);
	set(p, 2, HEALTH_ACTIVE);
	row.id.host_port = 2;
	assert_int_equal(health_host_delete(&p->host, &row.id), 0);
	assert_int_equal(health_host_delete(&p->host, &row.id), -ENOENT);
	run(p, 1);
	assert_int_equal(cached(p, 1)->target, HEALTH_DRAINING);
	assert_null(cached(p, 2));
	run(p, 2000);
	assert_int_equal(p->cache.counters[HEALTH_CACHE_COUNTER_DIFFERENCES], gaps);
	assert_int_equal(p->sent[HEALTH_ROW_CHANGE], 4);
	pair_free(p);
}

static void full_table_comes_in_small_messages(void **state)
{
	struct pair *p = pair_new(4, 2000);
	const struct health_cache_host *h;

	p->deaf = true;
	for (unsigned i = 0; i < HEALTH_MAX_ROWS; i++)
		set(p, 1 + i, HEALTH_INACTIVE);
	run(p, 100);
	p->deaf = false;
	run(p, 3000);
	h = health_cache_find(&p->cache, HOST);
	assert_true(h && h->complete && h->table.n_rows == HEALTH_MAX_ROWS);
	/* one ask was enough, for 64 chunks in two dozen messages or so */
	assert_int_equal(p->asked, 1);
	assert_in_range(p->sent[HEALTH_SEND_SNAPSHOT], 16, 32);
	pair_free(p);
}

static void many_askers_share_snapshots(void **state)
{
	struct pair *p = pair_new(4, 2000);
	struct health_message m = { .type = HEALTH_GET_SNAPSHOT, .host = HOST, .incarnation = 5 };
	unsigned before;

	for (unsigned i = 0; i < 100; i++)
		set(p, 1 + i, HEALTH_INACTIVE);
	run(p, 2000);
	before = p->sent[HEALTH_SEND_SNAPSHOT];
	for (unsigned i = 0; i < 1000; i++) {
		m.get_snapshot.n_chunks = (uint16_t)(1u << i % 7);
		m.get_snapshot.chunks = 1;
		health_host_receive(&p->host, &m, p->now_ns);
		m.get_snapshot.chunks = 0;
		health_host_receive(&p->host, &m, p->now_ns);
		run(p, 1);
	}
	assert_in_range(p->sent[HEALTH_SEND_SNAPSHOT] - before, 1, 1000 / 20 + 1);
	assert_in_range(p->sent[HEALTH_HEARTBEAT], 1, 5 + 1000 / 20);
	m.get_snapshot.n_chunks = 3;
	m.get_snapshot.chunks = 1;
	health_host_receive(&p->host, &m, p->now_ns);
	assert_int_equal(p->host.counters[HEALTH_HOST_COUNTER_MALFORMED], 1);
	pair_free(p);
}

static void three_missed_heartbeats_end_it(void **state)
{
	struct pair *p = pair_new(4, 100);

	set(p, 1, HEALTH_ACTIVE);
	run(p, 1000);
	p->deaf = true;
	run(p, 2400);
	assert_non_null(cached(p, 1));
	run(p, 1200);
	assert_null(cached(p, 1));
	assert_int_equal(health_cache_find(&p->cache, HOST)->presence, HEALTH_AGED);
	assert_int_equal(p->cause, HEALTH_CAUSE_SILENCE);
	assert_int_equal(p->cache.n_rows, 0);
	p->deaf = false;
	run(p, 1100);
	assert_int_equal(cached(p, 1)->current, HEALTH_ACTIVE);
	pair_free(p);
}

static void goodbye_ends_it_at_once(void **state)
{
	struct pair *p = pair_new(4, 100);
	struct health_message late = { .type = HEALTH_HEARTBEAT, .host = HOST, .incarnation = 5, .seq = 99 };

	late.heartbeat.content.n_chunks = 1;
	late.heartbeat.interval_ms = 1000;
	set(p, 1, HEALTH_ACTIVE);
	run(p, 10);
	health_host_goodbye(&p->host);
	assert_null(cached(p, 1));
	assert_int_equal(p->cause, HEALTH_CAUSE_GOODBYE);
	health_cache_receive(&p->cache, &late, p->now_ns);
	assert_int_equal(health_cache_find(&p->cache, HOST)->presence, HEALTH_LEFT);
	assert_int_equal(p->cache.counters[HEALTH_CACHE_COUNTER_OLD_INCARNATION], 1);
	late.incarnation = 6;
	health_cache_receive(&p->cache, &late, p->now_ns);
	assert_int_equal(health_cache_find(&p->cache, HOST)->presence, HEALTH_PRESENT);
	pair_free(p);
}

static void restart_with_the_same_table_is_seamless(void **state)
{
	struct pair *p = pair_new(4, 100);
	struct health_row kept;

	set(p, 1, HEALTH_ACTIVE);
	set(p, 2, HEALTH_ACTIVE);
	run(p, 1000);
	kept = *cached(p, 1);
	health_host_fini(&p->host);
	host_begin(p, 6);
	assert_int_equal(health_host_set(&p->host, &kept), 0);
	run(p, 100);
	assert_int_equal(cached(p, 1)->current, HEALTH_ACTIVE);
	assert_null(cached(p, 2));
	assert_int_equal(p->events[HEALTH_EVENT_HOST_RESTARTED], 1);
	assert_int_equal(health_cache_find(&p->cache, HOST)->incarnation, 6);
	pair_free(p);
}

static void smaller_incarnation_needs_forgetting(void **state)
{
	struct pair *p = pair_new(4, 100);

	set(p, 1, HEALTH_ACTIVE);
	run(p, 1000);
	health_host_fini(&p->host);
	host_begin(p, 2);
	run(p, 500);
	assert_int_equal(health_cache_find(&p->cache, HOST)->incarnation, 5);
	assert_int_equal(health_cache_forget(&p->cache, HOST, p->now_ns), 0);
	assert_int_equal(health_cache_forget(&p->cache, HOST, p->now_ns), -ENOENT);
	assert_int_equal(p->cause, HEALTH_CAUSE_FORGOTTEN);
	run(p, 1000);
	assert_int_equal(health_cache_find(&p->cache, HOST)->incarnation, 2);
	pair_free(p);
}

static void cache_without_room_does_not_hold_up_the_rest(void **state)
{
	struct pair *p = pair_new(1, 2);
	struct health_message other = { .type = HEALTH_GOODBYE, .host = 78, .incarnation = 1 };
	unsigned asked;

	for (unsigned i = 1; i <= 4; i++)
		set(p, i, HEALTH_ACTIVE);
	run(p, 2000);
	assert_int_equal(p->cache.n_rows, 2);
	assert_true(p->cache.counters[HEALTH_CACHE_COUNTER_NO_ROOM_ROW] > 0);
	assert_true(health_host_settled(&p->host, &health_table_at(&p->host.table, 3)->id));
	/* asking gets seldom */
	asked = p->asked;
	run(p, 20000);
	assert_in_range(p->asked - asked, 1, 8);
	/* no place for another host, until this one is gone */
	health_cache_receive(&p->cache, &other, p->now_ns);
	assert_int_equal(p->cache.counters[HEALTH_CACHE_COUNTER_NO_ROOM_HOST], 1);
	health_host_goodbye(&p->host);
	health_cache_receive(&p->cache, &other, p->now_ns);
	assert_non_null(health_cache_find(&p->cache, 78));
	assert_null(health_cache_find(&p->cache, HOST));
	pair_free(p);
}

static void rows_are_found_by_application(void **state)
{
	struct pair *p = pair_new(4, 100);
	struct health_app_filter f = { .host = row_of(1, 0).id.host };
	uint32_t i = 0;

	for (unsigned port = 1; port <= 4; port++)
		set(p, port, HEALTH_ACTIVE);
	run(p, 10);
	assert_int_equal(health_cache_visit(&p->cache, &f, NULL, NULL), 4);
	f.host_port = 3;
	assert_int_equal(health_cache_visit(&p->cache, &f, NULL, NULL), 1);
	f.host.b[3] = 1;
	assert_int_equal(health_cache_visit(&p->cache, &f, NULL, NULL), 0);
	assert_int_equal(health_cache_next(&p->cache, &i)->id, HOST);
	assert_null(health_cache_next(&p->cache, &i));
	pair_free(p);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(current_moves_after_three_and_quiet),
		cmocka_unit_test(change_and_change_back_is_told_as_it_is),
		cmocka_unit_test(full_table_comes_in_small_messages),
		cmocka_unit_test(many_askers_share_snapshots),
		cmocka_unit_test(three_missed_heartbeats_end_it),
		cmocka_unit_test(goodbye_ends_it_at_once),
		cmocka_unit_test(restart_with_the_same_table_is_seamless),
		cmocka_unit_test(smaller_incarnation_needs_forgetting),
		cmocka_unit_test(cache_without_room_does_not_hold_up_the_rest),
		cmocka_unit_test(rows_are_found_by_application),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
