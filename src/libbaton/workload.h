/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the workers of an application have to do: requests running, and how long
 * workers were busy for those that ended. Time is given.
 *
 * Any thread may begin and end requests; all else belongs to the client's thread.
 */
#ifndef BATON_LIBBATON_WORKLOAD_H
#define BATON_LIBBATON_WORKLOAD_H

#include <pthread.h>
#include <stdint.h>

#include "health/live_pace.h"

struct workload {
	pthread_mutex_t lock; /* of the next five */
	unsigned n_workers;   /* 0: load is not counted; written by the client's thread, which reads it without .lock */
	uint32_t n_ended;     /* since taken */
	uint64_t n_running;   /* waiting ones too */
	uint64_t busy_ns;     /* sum over the workers until .moved_ns, since taken */
	uint64_t moved_ns;    /* when .n_running last changed, or .busy_ns was taken */
	double service_ns;    /* busy time of a request at full speed, mean; 0: pace is not measured */
	struct live_pace pace;
};

#define WORKLOAD_INIT                             \
	{                                         \
		.lock = PTHREAD_MUTEX_INITIALIZER \
	}

/* Begin to measure anew, with what runs. */
void workload_set(struct workload *w, unsigned n_workers, uint32_t service_us, uint64_t now_ns);
void workload_begin(struct workload *w, uint64_t now_ns);
/* An end without a beginning is none. */
void workload_end(struct workload *w, uint64_t now_ns);
/*
 * Load (hundredths of a percent, at most BATON_CLIENT_LOAD_MAX) and the capacity that can be offered of the configured
 * one, which is given back where there is no measuring it: without a service time, or when it is 0 or -1 (none).
 */
void workload_take(struct workload *w, int configured, uint64_t now_ns, unsigned *ret_load, int *ret_capacity);

#endif
