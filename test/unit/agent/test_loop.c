/* SPDX-License-Identifier: BSD-3-Clause */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <sys/epoll.h>
#include <unistd.h>

#include "agent/loop.h"
#include "base/clock.h"

struct pipe_end {
	struct loop_watch watch;
	struct loop *loop;
	struct pipe_end *other; /* forgotten when this one is ready */
	unsigned n;
};

static void pipe_ready(struct loop_watch *w, uint32_t events)
{
	struct pipe_end *p = (struct pipe_end *)w;

	assert_true(events & EPOLLIN);
	p->n++;
	if (p->other)
		loop_unwatch(p->loop, &p->other->watch);
}

static void unwatched_in_the_same_turn_is_not_called(void **state)
{
	struct pipe_end a = { 0 }, b = { 0 };
	struct loop *l;
	int fds[2];

	assert_int_equal(loop_new(&l), 0);
	assert_int_equal(pipe(fds), 0);
	a.watch.fd = fds[0];
	b.watch.fd = dup(fds[0]);
	a.watch.ready = b.watch.ready = pipe_ready;
	a.loop = b.loop = l;
	a.other = &b;
	b.other = &a;
	assert_int_equal(loop_watch(l, &a.watch, EPOLLIN), 0);
	assert_int_equal(loop_watch(l, &b.watch, EPOLLIN), 0);
	assert_int_equal(write(fds[1], "x", 1), 1);
	assert_int_equal(loop_turn(l, 0), 0);
	assert_int_equal(a.n + b.n, 1);
	assert_int_equal(loop_turn(l, 0), 0);
	assert_int_equal(a.n + b.n, 2); /* level-triggered */
	close(fds[0]), close(fds[1]), close(b.watch.fd);
	loop_free(l);
}

struct timer {
	struct loop_timer t;
	struct loop *loop;
	unsigned *order, n, place;
	bool again, stops;
};

static void timer_due(struct loop_timer *t, uint64_t now_ns)
{
	struct timer *x = (struct timer *)t;

	assert_true(now_ns >= t->at_ns);
	x->n++;
	x->place = ++*x->order;
	if (x->again)
		loop_timer_set(x->loop, t, 1);
	if (x->stops)
		loop_stop(x->loop);
}

static void timers_come_in_order(void **state)
{
	struct timer t[4] = { 0 };
	unsigned order = 0;
	uint64_t now;
	struct loop *l;

	assert_int_equal(loop_new(&l), 0);
	for (int i = 0; i < 4; i++) {
		t[i].loop = l;
		t[i].order = &order;
		t[i].t.due = timer_due;
	}
	now = clock_monotonic_ns();
	t[2].stops = true;
	loop_timer_set(l, &t[2].t, now + 3000000);
	loop_timer_set(l, &t[0].t, now + 1000000);
	loop_timer_set(l, &t[1].t, now + 9000000);
	loop_timer_set(l, &t[1].t, now + 2000000); /* moved */
	loop_timer_set(l, &t[3].t, now + 2000000);
	loop_timer_del(l, &t[3].t);
	assert_int_equal(loop_run(l), 0);
	assert_int_equal(t[0].place, 1);
	assert_int_equal(t[1].place, 2);
	assert_int_equal(t[2].place, 3);
	assert_int_equal(t[3].n, 0);
	loop_free(l);
}

static void timer_set_to_the_past_waits_for_the_next_turn(void **state)
{
	struct timer t = { .again = true, .t.due = timer_due };
	unsigned order = 0;

	t.order = &order;
	assert_int_equal(loop_new(&t.loop), 0);
	loop_timer_set(t.loop, &t.t, 1);
	assert_int_equal(loop_turn(t.loop, -1), 0);
	assert_int_equal(t.n, 1);
	assert_int_equal(loop_turn(t.loop, -1), 0);
	assert_int_equal(t.n, 2);
	loop_free(t.loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(unwatched_in_the_same_turn_is_not_called),
		cmocka_unit_test(timers_come_in_order),
		cmocka_unit_test(timer_set_to_the_past_waits_for_the_next_turn),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
