/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/loop.h"

#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"

#define LOOP_EVENTS 64

struct loop {
	int epoll_fd;
	bool stopped;
	struct loop_timer *timers; /* by moment */
	struct epoll_event events[LOOP_EVENTS];
	int n_events; /* of this turn; what has been unwatched meanwhile has NULL in it */
};

int loop_new(struct loop **ret)
{
	struct loop *l = calloc(1, sizeof *l);

	if (!l)
		return -ENOMEM;
	l->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (l->epoll_fd < 0) {
		free(l);
		return -errno;
	}
	*ret = l;
	return 0;
}

void loop_free(struct loop *l)
{
	if (!l)
		return;
	close(l->epoll_fd);
	free(l);
}

int loop_watch(struct loop *l, struct loop_watch *w, uint32_t events)
{
	struct epoll_event e = { .events = events, .data.ptr = w };

	if (epoll_ctl(l->epoll_fd, w->watched ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, w->fd, &e))
		return -errno;
	w->watched = true;
	return 0;
}

void loop_unwatch(struct loop *l, struct loop_watch *w)
{
	if (!w->watched)
		return;
	w->watched = false;
	epoll_ctl(l->epoll_fd, EPOLL_CTL_DEL, w->fd, NULL);
	for (int i = 0; i < l->n_events; i++)
		if (l->events[i].data.ptr == w)
			l->events[i].data.ptr = NULL;
}

void loop_timer_del(struct loop *l, struct loop_timer *t)
{
	if (!t->set)
		return;
	for (struct loop_timer **p = &l->timers; *p; p = &(*p)->next)
		if (*p == t) {
			*p = t->next;
			break;
		}
	t->set = false;
}

void loop_timer_set(struct loop *l, struct loop_timer *t, uint64_t at_ns)
{
	struct loop_timer **p = &l->timers;

	loop_timer_del(l, t);
	while (*p && (*p)->at_ns <= at_ns)
		p = &(*p)->next;
	t->at_ns = at_ns;
	t->next = *p;
	t->set = true;
	*p = t;
}

/* Those due at this moment; a callback that sets its timer to the past does not hold the loop up. */
static void timers_run(struct loop *l)
{
	uint64_t now_ns = clock_monotonic_ns();
	unsigned n = 0;

	for (struct loop_timer *t = l->timers; t && t->at_ns <= now_ns; t = t->next)
		n++;
	for (; n && l->timers && l->timers->at_ns <= now_ns; n--) {
		struct loop_timer *t = l->timers;

		l->timers = t->next;
		t->set = false;
		t->due(t, now_ns);
	}
}

/* Milliseconds, rounded up, so that the timer is due when the wait is over. */
static int wait_until_timer(const struct loop *l, int wait_ms)
{
	uint64_t now_ns = clock_monotonic_ns(), ms;

	if (!l->timers)
		return wait_ms;
	if (l->timers->at_ns <= now_ns)
		return 0;
	ms = (l->timers->at_ns - now_ns + CLOCK_NS_PER_MS - 1) / CLOCK_NS_PER_MS;
	if (ms > INT_MAX)
		ms = INT_MAX;
	return wait_ms >= 0 && (uint64_t)wait_ms < ms ? wait_ms : (int)ms;
}

int loop_turn(struct loop *l, int wait_ms)
{
	int n = epoll_wait(l->epoll_fd, l->events, LOOP_EVENTS, wait_until_timer(l, wait_ms));

	if (n < 0 && errno != EINTR)
		return -errno;
	l->n_events = n < 0 ? 0 : n;
	for (int i = 0; i < l->n_events; i++) {
		struct loop_watch *w = l->events[i].data.ptr;

		if (w)
			w->ready(w, l->events[i].events);
	}
	l->n_events = 0;
	timers_run(l);
	return 0;
}

int loop_run(struct loop *l)
{
	int err = 0;

	while (!l->stopped && !err)
		err = loop_turn(l, -1);
	return err;
}

void loop_stop(struct loop *l)
{
	l->stopped = true;
}
