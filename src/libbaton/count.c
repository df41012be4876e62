/* SPDX-License-Identifier: BSD-3-Clause */
/* Counting requests: what applications call, and telling what comes of it. */
#include <arpa/inet.h>
#include <errno.h>
#include <sys/timerfd.h>
#include <time.h>

#include "libbaton/internal.h"

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static void timer_set(const struct baton_client *c, long ns)
{
	struct itimerspec t = { .it_value.tv_nsec = ns };

	timerfd_settime(c->count_fd, 0, &t, NULL);
}

int baton_client_workers(struct baton_client *c, int id, unsigned n_workers, uint32_t service_us)
{
	struct client_app *a = client_app_find(c, id);

	if (!a)
		return -ENOENT;
	workload_set(&a->workload, n_workers, service_us, now_ns());
	client_app_capacity(c, a, a->capacity);
	timer_set(c, 1);
	return 0;
}

int baton_client_request_begin(struct baton_client *c, int id)
{
	struct client_app *a = client_app_find(c, id);

	if (!a)
		return -ENOENT;
	workload_begin(&a->workload, now_ns());
	return 0;
}

int baton_client_request_end(struct baton_client *c, int id)
{
	struct client_app *a = client_app_find(c, id);

	if (!a)
		return -ENOENT;
	workload_end(&a->workload, now_ns());
	return 0;
}

/* Unlike what the application says, this leaves the last answer as it is: it asks for nothing new. */
static void app_count(struct client_app *a)
{
	struct baton_agent_request *r = &a->request;
	unsigned load;
	int capacity;
	__u8 told;

	workload_take(&a->workload, a->capacity, now_ns(), &load, &capacity);
	told = capacity < 0 ? BATON_AGENT_NO_CAPACITY : (__u8)capacity;
	if (r->fields & BATON_AGENT_HAS_LOAD && r->load == htons((uint16_t)load) && r->capacity == told)
		return;
	r->fields |= BATON_AGENT_HAS_LOAD;
	r->load = htons((uint16_t)load);
	r->capacity = told;
	a->unsent = true;
}

void client_count(struct baton_client *c)
{
	bool any = false;

	for (int i = 0; i < BATON_CLIENT_MAX_APPLICATIONS; i++) {
		struct client_app *a = client_app_find(c, i);

		if (!a || !a->workload.n_workers)
			continue;
		app_count(a);
		any = true;
	}
	if (any)
		timer_set(c, BATON_CLIENT_COUNT_MS * 1000000L);
}
