/* SPDX-License-Identifier: BSD-3-Clause */
#include "libbaton/workload.h"

#include "baton/client.h"

/* Threads read the clock before they get the lock: now_ns may lie a little before what another has left. */
static void move(struct workload *w, uint64_t now_ns)
{
	uint64_t n_busy = w->n_running < w->n_workers ? w->n_running : w->n_workers;

	if (now_ns <= w->moved_ns)
		return;
	w->busy_ns += n_busy * (now_ns - w->moved_ns);
	w->moved_ns = now_ns;
}

void workload_set(struct workload *w, unsigned n_workers, uint32_t service_us, uint64_t now_ns)
{
	pthread_mutex_lock(&w->lock);
	move(w, now_ns);
	w->n_workers = n_workers;
	w->n_ended = 0;
	w->busy_ns = 0;
	pthread_mutex_unlock(&w->lock);
	w->service_ns = service_us * 1e3;
	w->pace = (struct live_pace){ 0 };
}

void workload_begin(struct workload *w, uint64_t now_ns)
{
	pthread_mutex_lock(&w->lock);
	move(w, now_ns);
	w->n_running++;
	pthread_mutex_unlock(&w->lock);
}

void workload_end(struct workload *w, uint64_t now_ns)
{
	pthread_mutex_lock(&w->lock);
	move(w, now_ns);
	if (w->n_running) {
		w->n_running--;
		w->n_ended++;
	}
	pthread_mutex_unlock(&w->lock);
}

static unsigned load_of(uint64_t n_running, unsigned n_workers)
{
	uint64_t load = n_workers ? n_running * BATON_CLIENT_LOAD_FULL / n_workers : 0;

	return load < BATON_CLIENT_LOAD_MAX ? (unsigned)load : BATON_CLIENT_LOAD_MAX;
}

void workload_take(struct workload *w, int configured, uint64_t now_ns, unsigned *ret_load, int *ret_capacity)
{
	uint64_t n_running, busy_ns;
	uint32_t n_ended;

	pthread_mutex_lock(&w->lock);
	move(w, now_ns);
	n_running = w->n_running;
	n_ended = w->n_ended;
	busy_ns = w->busy_ns;
	w->n_ended = 0;
	w->busy_ns = 0;
	pthread_mutex_unlock(&w->lock);

	live_pace_add(&w->pace, n_ended, (double)busy_ns, w->n_workers);
	*ret_load = load_of(n_running, w->n_workers);
	*ret_capacity = configured;
	if (w->service_ns > 0 && configured > 0)
		*ret_capacity = live_pace_capacity(&w->pace, (uint8_t)configured, w->service_ns);
}
