/* SPDX-License-Identifier: BSD-3-Clause */
#include "host.h"

#include <errno.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>

void host_move(struct tail_host *h, uint64_t now_ns)
{
	double work = (double)(now_ns - h->moved_ns) * h->speed * h->factor;

	for (unsigned i = 0; i < h->n_running; i++)
		h->running[i].work_ns -= work;
	h->busy_ns += (double)(now_ns - h->moved_ns) * h->n_running;
	h->moved_ns = now_ns;
}

static int grow(struct tail_host *h, uint32_t n_waiting)
{
	uint32_t room = h->room ? 2 * h->room : 16;
	struct tail_request *waiting = calloc(room, sizeof(*waiting));

	if (!waiting)
		return -ENOMEM;
	for (uint32_t i = 0; i < n_waiting; i++)
		waiting[i] = h->waiting[(h->head + i) & (h->room - 1)];
	free(h->waiting);
	h->waiting = waiting;
	h->room = room;
	h->head = 0;
	return 0;
}

int host_put(struct tail_host *h, unsigned n_cores, struct tail_request r)
{
	uint32_t n_waiting = h->n - h->n_running;

	if (h->n_running < n_cores) {
		h->running[h->n_running++] = r;
	} else {
		if (n_waiting == h->room && grow(h, n_waiting) < 0)
			return -ENOMEM;
		h->waiting[(h->head + n_waiting) & (h->room - 1)] = r;
	}
	h->n++;
	return 0;
}

static unsigned first_done(const struct tail_host *h)
{
	unsigned best = 0;

	for (unsigned i = 1; i < h->n_running; i++)
		if (h->running[i].work_ns < h->running[best].work_ns)
			best = i;
	return best;
}

uint64_t host_next_ns(const struct tail_host *h)
{
	double work;

	if (h->n_running == 0)
		return UINT64_MAX;
	work = h->running[first_done(h)].work_ns;
	return h->moved_ns + (work > 0 ? (uint64_t)ceil(work / (h->speed * h->factor)) : 0);
}

struct tail_request host_take(struct tail_host *h)
{
	unsigned i = first_done(h);
	struct tail_request r = h->running[i];

	if (h->n > h->n_running) {
		h->running[i] = h->waiting[h->head];
		h->head = (h->head + 1) & (h->room - 1);
	} else {
		h->running[i] = h->running[--h->n_running];
	}
	h->n--;
	h->n_done++;
	return r;
}

void host_fini(struct tail_host *h)
{
	free(h->waiting);
	h->waiting = NULL;
}
