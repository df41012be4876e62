/* SPDX-License-Identifier: BSD-3-Clause */
/* Load and capacity from requests that begin and end at given times. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <pthread.h>

#include "baton/client.h"
#include "libbaton/workload.h"

#define MS 1000000ull
#define REQUEST_US 10000
#define CONFIGURED 60
#define N_THREADS 4
#define N_OF_THREAD 20000

static unsigned load(struct workload *w, uint64_t now_ns)
{
	unsigned load;
	int capacity;

	workload_take(w, CONFIGURED, now_ns, &load, &capacity);
	return load;
}

static int capacity(struct workload *w, int configured, uint64_t now_ns)
{
	unsigned load;
	int capacity;

	workload_take(w, configured, now_ns, &load, &capacity);
	return capacity;
}

/* Two workers that are busy, and stay so, need each_ms for a request; taken as often as the library does. */
static int capacity_after(struct workload *w, uint64_t *now_ns, unsigned n_requests, unsigned each_ms)
{
	uint64_t taken_ns = *now_ns;

	for (unsigned i = 0; i < n_requests; i++) {
		*now_ns += each_ms * MS / 2;
		workload_end(w, *now_ns);
		workload_begin(w, *now_ns);
		if (*now_ns - taken_ns < BATON_CLIENT_COUNT_MS * MS)
			continue;
		capacity(w, CONFIGURED, *now_ns);
		taken_ns = *now_ns;
	}
	return capacity(w, CONFIGURED, *now_ns);
}

static void load_is_running_over_workers(void **state)
{
	struct workload w = WORKLOAD_INIT;

	workload_begin(&w, MS);
	workload_set(&w, 4, 0, MS); /* what runs already counts */
	assert_int_equal(load(&w, 2 * MS), 2500);
	for (int i = 0; i < 5; i++)
		workload_begin(&w, 3 * MS);
	assert_int_equal(load(&w, 4 * MS), 15000);
	for (int i = 0; i < 30; i++)
		workload_begin(&w, 5 * MS);
	assert_int_equal(load(&w, 6 * MS), BATON_CLIENT_LOAD_MAX);
	for (int i = 0; i < 35; i++)
		workload_end(&w, 7 * MS);
	assert_int_equal(load(&w, 8 * MS), 2500);
	for (int i = 0; i < 3; i++)
		workload_end(&w, 9 * MS);
	workload_begin(&w, 9 * MS);
	assert_int_equal(load(&w, 9 * MS), 2500);
	workload_set(&w, 0, 0, 10 * MS);
	assert_int_equal(load(&w, 10 * MS), 0);
}

static void capacity_follows_the_pace(void **state)
{
	struct workload w = WORKLOAD_INIT;
	uint64_t now_ns = 1000 * MS;

	workload_set(&w, 2, REQUEST_US, now_ns);
	workload_begin(&w, now_ns);
	workload_begin(&w, now_ns);
	assert_int_equal(capacity(&w, CONFIGURED, now_ns), CONFIGURED);
	assert_int_equal(capacity_after(&w, &now_ns, 200, 10), CONFIGURED);
	assert_in_range(capacity_after(&w, &now_ns, 200, 20), CONFIGURED / 2, CONFIGURED / 2 + 5);
	assert_in_range(capacity_after(&w, &now_ns, 200, 10), CONFIGURED - 2, CONFIGURED);
	assert_in_range(capacity_after(&w, &now_ns, 200, 20), CONFIGURED / 2, CONFIGURED / 2 + 5);
	workload_set(&w, 2, 2 * REQUEST_US, now_ns); /* measured anew: so long is as configured */
	assert_int_equal(capacity_after(&w, &now_ns, 200, 20), CONFIGURED);
}

static void nothing_is_learnt_from_idle_workers(void **state)
{
	struct workload w = WORKLOAD_INIT;
	uint64_t now_ns = MS;
	int slow;

	workload_set(&w, 4, REQUEST_US, now_ns);
	for (int i = 0; i < 100; i++) {
		workload_begin(&w, now_ns);
		now_ns += 2 * REQUEST_US * 1000;
		workload_end(&w, now_ns);
		now_ns += 500 * MS;
	}
	slow = capacity(&w, CONFIGURED, now_ns);
	assert_in_range(slow, CONFIGURED / 2, CONFIGURED / 2 + 5);
	assert_int_equal(capacity(&w, CONFIGURED, now_ns + 3600000 * MS), slow);
}

static void a_worker_that_hangs_has_no_pace(void **state)
{
	struct workload w = WORKLOAD_INIT;

	workload_set(&w, 1, REQUEST_US, MS);
	workload_begin(&w, MS);
	assert_int_equal(capacity(&w, CONFIGURED, 60000 * MS), 1);
}

static void who_waits_keeps_no_worker_busy(void **state)
{
	struct workload w = WORKLOAD_INIT;
	uint64_t now_ns = MS;

	workload_set(&w, 1, REQUEST_US, now_ns);
	for (int i = 0; i < 50; i++)
		workload_begin(&w, now_ns);
	for (int i = 0; i < 50; i++) {
		now_ns += 10 * MS;
		workload_end(&w, now_ns);
		assert_int_equal(capacity(&w, CONFIGURED, now_ns), CONFIGURED);
	}
}

static void capacity_is_left_alone(void **state)
{
	struct workload w = WORKLOAD_INIT;

	workload_set(&w, 1, REQUEST_US, MS);
	workload_begin(&w, MS);
	assert_int_equal(capacity(&w, -1, 5000 * MS), -1);
	assert_int_equal(capacity(&w, 0, 5000 * MS), 0);
	workload_set(&w, 1, 0, 5000 * MS);
	assert_int_equal(capacity(&w, CONFIGURED, 9000 * MS), CONFIGURED);
}

static void a_late_thread_does_not_turn_time_back(void **state)
{
	struct workload w = WORKLOAD_INIT;

	workload_set(&w, 2, REQUEST_US, 100);
	workload_begin(&w, 200);
	workload_begin(&w, 150);
	workload_end(&w, 260);
	workload_end(&w, 240);
	assert_int_equal(w.busy_ns, 2 * 60);
	assert_int_equal(w.moved_ns, 260);
}

static void *requests_run(void *arg)
{
	struct workload *w = arg;

	for (int i = 0; i < N_OF_THREAD; i++) {
		workload_begin(w, MS);
		workload_end(w, MS);
	}
	return NULL;
}

static void threads_lose_no_request(void **state)
{
	struct workload w = WORKLOAD_INIT;
	pthread_t threads[N_THREADS];

	workload_set(&w, N_THREADS, REQUEST_US, MS);
	workload_begin(&w, MS);
	for (int i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_create(&threads[i], NULL, requests_run, &w), 0);
	for (int i = 0; i < N_THREADS; i++)
		assert_int_equal(pthread_join(threads[i], NULL), 0);
	assert_int_equal(w.n_ended, N_THREADS * N_OF_THREAD);
	assert_int_equal(load(&w, MS), 10000 / N_THREADS);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(load_is_running_over_workers),
		cmocka_unit_test(capacity_follows_the_pace),
		cmocka_unit_test(a_worker_that_hangs_has_no_pace),
		cmocka_unit_test(who_waits_keeps_no_worker_busy),
		cmocka_unit_test(capacity_is_left_alone),
		cmocka_unit_test(a_late_thread_does_not_turn_time_back),
		cmocka_unit_test(threads_lose_no_request),
		cmocka_unit_test(nothing_is_learnt_from_idle_workers),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
