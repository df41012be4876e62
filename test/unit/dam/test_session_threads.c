/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Several lcores at one small table: whatever is found was noted under that
 * very key. Run it under ThreadSanitizer after changes: meson setup -Db_sanitize=thread.
 */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dam/session.h"

#define THREADS 4
#define KEYS 64 /* more than the table holds */
#define STEPS 1000000

struct worker {
	struct sessions *s;
	const struct session_key *keys;
	_Atomic uint32_t *now_s;
	unsigned seed;
	unsigned n_found, n_wrong;
};

static void work_step(struct worker *w, unsigned i)
{
	unsigned key = (unsigned)rand_r(&w->seed) % KEYS;
	uint32_t now_s = atomic_load(w->now_s);
	uint16_t endpoint;
	bool evicted;

	switch (rand_r(&w->seed) % 8) {
	case 0:
		sessions_del(w->s, &w->keys[key]);
		break;
	case 1:
	case 2:
	case 3:
		/* the endpoint tells whose it is */
		sessions_add(w->s, &w->keys[key], (uint16_t)(key + KEYS * ((unsigned)rand_r(&w->seed) % 1000)), 5,
			     now_s, &evicted);
		break;
	default:
		if (!sessions_find(w->s, &w->keys[key], now_s, &endpoint))
			break;
		w->n_found++;
		w->n_wrong += endpoint % KEYS != key;
	}
	if (i % 1000 == 0)
		atomic_fetch_add(w->now_s, 1);
}

static void *work(void *arg)
{
	struct worker *w = arg;

	for (unsigned i = 0; i < STEPS; i++)
		work_step(w, i);
	return NULL;
}

static void nothing_is_found_under_another_key(void **state)
{
	const struct baton_affinity a = { .kind = BATON_AFFINITY_CLIENT };
	struct sessions *s = sessions_new(30, (const uint8_t *)"sixteen bytes k");
	struct session_key keys[KEYS];
	struct worker workers[THREADS];
	pthread_t threads[THREADS];
	_Atomic uint32_t now_s = 1000;
	uint16_t endpoint;
	bool evicted;

	(void)state;
	assert_non_null(s);
	for (uint8_t i = 0; i < KEYS; i++)
		sessions_key(s, 0, &a, &i, 1, &keys[i]);
	for (unsigned i = 0; i < THREADS; i++) {
		workers[i] = (struct worker){ .s = s, .keys = keys, .now_s = &now_s, .seed = i + 1 };
		assert_int_equal(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
	}
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(threads[i], NULL);
		assert_int_equal(workers[i].n_wrong, 0);
		assert_true(workers[i].n_found > STEPS / 100);
	}
	/* no place was left claimed: all can be emptied and used again */
	for (unsigned i = 0; i < KEYS; i++)
		sessions_del(s, &keys[i]);
	assert_int_equal(sessions_count(s, now_s), 0);
	for (unsigned i = 0; i < 10; i++) {
		assert_true(sessions_add(s, &keys[i], (uint16_t)i, 5, now_s, &evicted));
		assert_true(sessions_find(s, &keys[i], now_s, &endpoint));
		assert_int_equal(endpoint, i);
	}
	sessions_free(s);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(nothing_is_found_under_another_key) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
