/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/steps.h"

#include <bpf/libbpf.h>
#include <errno.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

#include "agent/counter.h"
#include "base/clock.h"
#include "base/log.h"
#include "base/trace_log.h"

#define STEPS_KEPT 4096
#define CHECK_NS CLOCK_NS_PER_S /* between looks for traces whose time is over */

struct steps {
	struct loop_watch watch; /* first */
	struct loop_timer check;
	struct loop *loop;
	struct ring_buffer *ring;
	struct agent_tracing *tracing; /* the programs' */
	struct trace_log *log;
	bool any;
};

static uint32_t mask_word(unsigned prefix_len, unsigned word)
{
	uint8_t b[4];
	uint32_t mask;

	for (unsigned i = 0; i < 4; i++) {
		unsigned from = (4 * word + i) * 8, bits = prefix_len > from ? prefix_len - from : 0;

		b[i] = bits >= 8 ? 0xff : (uint8_t)(0xff00 >> bits);
	}
	memcpy(&mask, b, sizeof mask);
	return mask;
}

static void traced_set(struct agent_traced *t, const struct trace_filter *f)
{
	memset(t, 0, sizeof *t);
	memcpy(t->addr, f->client.addr.b, sizeof t->addr);
	for (unsigned i = 0; i < 4; i++)
		t->mask[i] = mask_word(f->client.len, i);
	t->port = f->port_be;
	t->family = f->client.addr.family;
}

void steps_tracing(struct agent_tracing *ret, const struct trace_filters *f)
{
	_Static_assert(AGENT_MAX_TRACED >= TRACE_MAX_FILTERS, "room for all");

	/* the programs read while this writes: a list that is half old and half new tells a step too many at worst */
	ret->n = 0;
	atomic_thread_fence(memory_order_release);
	for (unsigned i = 0; i < f->n; i++)
		traced_set(&ret->list[i], &f->list[i]);
	atomic_thread_fence(memory_order_release);
	ret->n = f->n;
}

static const char *step_text(const struct agent_step *s)
{
	if (s->event == TRACE_HOST_IGNORED)
		return s->a ? "ABORT" : "CREATE";
	if (s->event == TRACE_HOST_NOT_INTRODUCED && s->a < AGENT_N_COUNTERS)
		return agent_counter_text((enum agent_counter)s->a);
	return "";
}

void steps_record(struct trace_record *ret, const struct agent_step *s, uint64_t time_ns)
{
	const char *text = step_text(s);

	*ret = (struct trace_record){ .time_ns = time_ns, .event = s->event, .who = TRACE_HOST, .a = s->a, .b = s->b };
	memcpy(ret->key.saddr, s->key.saddr, sizeof ret->key.saddr);
	memcpy(ret->key.daddr, s->key.daddr, sizeof ret->key.daddr);
	ret->key.sport_be = s->key.sport;
	ret->key.dport_be = s->key.dport;
	ret->key.family = s->key.family;
	ret->key.proto = s->proto;
	memcpy(ret->peer, s->device, sizeof ret->peer);
	trace_text_set(ret, text, (uint32_t)strlen(text));
}

static int step_taken(void *arg, void *data, size_t size)
{
	struct steps *s = arg;
	const struct agent_step *e = data;
	struct trace_record r;

	if (size < sizeof *e)
		return 0;
	steps_record(&r, e, clock_wall_ns() - (clock_monotonic_ns() - e->time_ns));
	trace_log_add(s->log, &r);
	return 0;
}

static void tracing_set(struct steps *s)
{
	struct trace_filters f;

	trace_log_filters(s->log, &f);
	steps_tracing(s->tracing, &f);
	trace_log_in_force(s->log, &f, clock_wall_ns());
	s->any = f.n > 0;
}

void steps_poll(struct steps *s, uint64_t now_ns)
{
	ring_buffer__consume(s->ring);
	if (trace_log_expire(s->log, now_ns, clock_wall_ns()))
		tracing_set(s);
}

static void ring_ready(struct loop_watch *w, uint32_t events)
{
	(void)events;
	steps_poll((struct steps *)w, clock_monotonic_ns());
}

static void check_due(struct loop_timer *t, uint64_t now_ns)
{
	struct steps *s = (struct steps *)((char *)t - offsetof(struct steps, check));

	steps_poll(s, now_ns);
	if (s->any)
		loop_timer_set(s->loop, t, now_ns + CHECK_NS);
}

int steps_ask(struct steps *s, const struct trace_filter *f, uint32_t seconds, bool first)
{
	uint64_t now_ns = clock_monotonic_ns();
	int err = trace_log_ask(s->log, f, now_ns + seconds * CLOCK_NS_PER_S);

	if (!err && first)
		trace_log_join(s->log, f, clock_wall_ns());
	if (err <= 0)
		return err;
	tracing_set(s);
	if (s->loop)
		loop_timer_set(s->loop, &s->check, now_ns + CHECK_NS);
	return 0;
}

const struct trace_record *steps_next(struct steps *s, uint64_t seq, uint64_t since_ns, const struct trace_filter *f)
{
	return trace_log_next(s->log, seq, since_ns, f);
}

static int steps_open(struct steps *s, const struct datapath *d)
{
	int fd;

	s->log = trace_log_new(STEPS_KEPT);
	if (!s->log)
		return -ENOMEM;
	s->tracing = datapath_tracing(d, &fd);
	s->ring = ring_buffer__new(fd, step_taken, s, NULL);
	if (!s->ring)
		return -errno;
	s->watch.fd = ring_buffer__epoll_fd(s->ring);
	s->watch.ready = ring_ready;
	s->check.due = check_due;
	return s->loop ? loop_watch(s->loop, &s->watch, EPOLLIN) : 0;
}

int steps_start(struct loop *l, const struct datapath *d, struct steps **ret)
{
	struct steps *s = calloc(1, sizeof *s);
	int err;

	if (!s)
		return -ENOMEM;
	s->loop = l;
	err = steps_open(s, d);
	if (err) {
		log_error("can't follow the steps of traced connections reason=\"%s\"", strerror(-err));
		steps_stop(s);
		return err;
	}
	*ret = s;
	return 0;
}

void steps_stop(struct steps *s)
{
	if (!s)
		return;
	if (s->tracing)
		s->tracing->n = 0;
	if (s->loop && s->ring) {
		loop_timer_del(s->loop, &s->check);
		loop_unwatch(s->loop, &s->watch);
	}
	ring_buffer__free(s->ring);
	trace_log_free(s->log);
	free(s);
}
