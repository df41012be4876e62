/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/probe_set.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/random.h>
#include <unistd.h>

#include "agent/probe_command.h"
#include "agent/probe_fetch.h"
#include "agent/probe_verdict.h"
#include "base/clock.h"

#define EVENTS_MAX 64
/* What nothing is known of is tried first within this time, however long its interval. */
#define FIRST_WITHIN_NS CLOCK_NS_PER_S
/* The upper half of epoll_data: a descriptor of libcurl, or 1 + the number of the probe whose program it is of. */
#define TAG_SHIFT 32

struct probe {
	const struct probe_config *config;
	struct probe_fetch *fetch; /* NULL: a command */
	struct probe_command command;
	struct probe_verdict verdict;
	uint64_t due_ns;
	bool running; /* an attempt whose result is not known yet */
};

struct probe_set {
	struct probe *probes;
	unsigned n, n_running_commands, max_commands;
	struct probe_fetcher *fetcher;
	int epoll_fd;
	uint64_t random, attempts;
	uint64_t next_ns; /* no attempt falls due, no program's time is up before */
	probe_set_report_fn report;
	void *context;
};

/* xorshift64 (Marsaglia, "Xorshift RNGs", 2003): spreads, keeps no secrets. Below n. */
static uint64_t random_below(struct probe_set *s, uint64_t n)
{
	s->random ^= s->random << 13;
	s->random ^= s->random >> 7;
	s->random ^= s->random << 17;
	return s->random % n;
}

static uint64_t interval_ns(const struct probe *p)
{
	return (uint64_t)p->config->interval_ms * CLOCK_NS_PER_MS;
}

static uint64_t interval_jittered_ns(struct probe_set *s, const struct probe *p)
{
	uint64_t ns = interval_ns(p);

	return ns - ns / 10 + random_below(s, ns / 5);
}

/* From now to the first attempt. */
static uint64_t first_ns(struct probe_set *s, const struct probe *p)
{
	uint64_t ns = interval_ns(p);

	return random_below(s, p->verdict.state == HEALTH_UNKNOWN && ns > FIRST_WITHIN_NS ? FIRST_WITHIN_NS : ns);
}

static void sooner(struct probe_set *s, uint64_t at_ns)
{
	if (at_ns < s->next_ns)
		s->next_ns = at_ns;
}

static void result_take(struct probe_set *s, struct probe *p, const struct probe_result *r)
{
	s->attempts++;
	p->running = false;
	sooner(s, p->due_ns);
	if (probe_verdict_take(&p->verdict, r->good, p->config->rise, p->config->fall))
		s->report(s->context, (unsigned)(p - s->probes), p->verdict.state, r->reason);
}

static void fetch_done(void *context, unsigned number, const struct probe_result *r)
{
	struct probe_set *s = context;

	result_take(s, &s->probes[number], r);
}

/* Its program has a slot as long as it is not dead. */
static void command_poll(struct probe_set *s, struct probe *p, uint64_t now_ns)
{
	struct probe_result r;
	bool ended;

	if (!probe_command_is_running(&p->command))
		return;
	ended = probe_command_poll(&p->command, p->config, now_ns, &r);
	if (!probe_command_is_running(&p->command)) {
		s->n_running_commands--;
		s->next_ns = now_ns; /* somebody may wait for the slot */
	}
	if (ended)
		result_take(s, p, &r);
}

static int command_start(struct probe_set *s, struct probe *p, uint64_t now_ns, struct probe_result *ret)
{
	uint64_t tag = (uint64_t)(p - s->probes + 1) << TAG_SHIFT;
	bool before = probe_command_is_running(&p->command);
	int err = probe_command_start(&p->command, p->config, s->epoll_fd, tag, now_ns, ret);

	if (!before && probe_command_is_running(&p->command))
		s->n_running_commands++;
	if (!err)
		sooner(s, p->command.deadline_ns);
	return err;
}

static void start(struct probe_set *s, struct probe *p, uint64_t now_ns)
{
	struct probe_result r;
	int err;

	p->due_ns = now_ns + interval_jittered_ns(s, p);
	p->running = true;
	if (p->fetch) {
		err = probe_fetch_start(p->fetch);
		if (err)
			probe_result_set(&r, false, "can't start: out of memory");
	} else {
		err = command_start(s, p, now_ns, &r);
	}
	if (err)
		result_take(s, p, &r);
}

static bool is_startable(const struct probe_set *s, const struct probe *p)
{
	return !p->running &&
	       (p->fetch || s->n_running_commands < s->max_commands || probe_command_is_running(&p->command));
}

/* The due probe that has waited longest, or NULL. */
static struct probe *due_find(struct probe_set *s, uint64_t now_ns)
{
	struct probe *first = NULL;

	for (struct probe *p = s->probes; p < s->probes + s->n; p++)
		if (p->due_ns <= now_ns && is_startable(s, p) && (!first || p->due_ns < first->due_ns))
			first = p;
	return first;
}

static void next_find(struct probe_set *s)
{
	s->next_ns = UINT64_MAX;
	for (const struct probe *p = s->probes; p < s->probes + s->n; p++) {
		if (is_startable(s, p))
			sooner(s, p->due_ns);
		if (p->running && !p->fetch)
			sooner(s, p->command.deadline_ns);
	}
}

static void timers_run(struct probe_set *s, uint64_t now_ns)
{
	struct probe *p;

	if (now_ns < s->next_ns)
		return;
	for (p = s->probes; p < s->probes + s->n; p++)
		if (p->running && !p->fetch && p->command.deadline_ns <= now_ns)
			command_poll(s, p, now_ns);
	while ((p = due_find(s, now_ns)))
		start(s, p, now_ns);
	next_find(s);
}

/* Whether there may be more events. */
static bool events_run(struct probe_set *s, uint64_t now_ns)
{
	struct epoll_event events[EVENTS_MAX];
	int n = epoll_wait(s->epoll_fd, events, EVENTS_MAX, 0);

	for (int i = 0; i < n; i++) {
		uint64_t data = events[i].data.u64;

		if (data >> TAG_SHIFT)
			command_poll(s, &s->probes[(data >> TAG_SHIFT) - 1], now_ns);
		else
			probe_fetcher_event(s->fetcher, (int)data, events[i].events);
	}
	return n == EVENTS_MAX;
}

uint64_t probe_set_tick(struct probe_set *s, uint64_t now_ns)
{
	bool more = events_run(s, now_ns);
	uint64_t due_ns;

	timers_run(s, now_ns);
	probe_fetcher_tick(s->fetcher, now_ns);
	due_ns = probe_fetcher_due_ns(s->fetcher);
	if (due_ns > s->next_ns)
		due_ns = s->next_ns;
	return more ? now_ns : due_ns;
}

uint64_t probe_set_attempts(const struct probe_set *s)
{
	return s->attempts;
}

int probe_set_fd(const struct probe_set *s)
{
	return s->epoll_fd;
}

static int probes_fill(struct probe_set *s, const struct probe_spec *specs, unsigned n)
{
	uint64_t now_ns = clock_monotonic_ns();
	int err = 0;

	for (; s->n < n && !err; s->n++) {
		struct probe *p = &s->probes[s->n];

		p->config = specs[s->n].config;
		p->verdict.state = specs[s->n].state;
		probe_command_init(&p->command);
		p->due_ns = now_ns + first_ns(s, p);
		if (p->config->type != PROBE_COMMAND)
			err = probe_fetch_new(s->fetcher, p->config, &specs[s->n].to, specs[s->n].port, s->n,
					      &p->fetch);
	}
	return err;
}

static void random_seed(struct probe_set *s)
{
	if (getrandom(&s->random, sizeof s->random, GRND_NONBLOCK) != sizeof s->random)
		s->random = clock_monotonic_ns();
	s->random |= 1; /* 0 would stay 0 */
}

int probe_set_new(const struct probe_spec *specs, unsigned n, unsigned max_commands, probe_set_report_fn report,
		  void *context, struct probe_set **ret)
{
	struct probe_set *s = calloc(1, sizeof *s);
	int err = 0;

	if (!s)
		return -ENOMEM;
	s->max_commands = max_commands;
	s->report = report;
	s->context = context;
	random_seed(s);
	s->probes = calloc(n ? n : 1, sizeof *s->probes);
	s->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->epoll_fd < 0)
		err = -errno;
	else if (!s->probes)
		err = -ENOMEM;
	if (!err)
		err = probe_fetcher_new(s->epoll_fd, 0, fetch_done, s, &s->fetcher);
	if (!err)
		err = probes_fill(s, specs, n);
	if (err)
		probe_set_free(s);
	else
		*ret = s;
	return err;
}

void probe_set_free(struct probe_set *s)
{
	if (!s)
		return;
	for (unsigned i = 0; i < s->n; i++) {
		probe_fetch_free(s->probes[i].fetch);
		probe_command_fini(&s->probes[i].command);
	}
	probe_fetcher_free(s->fetcher);
	if (s->epoll_fd >= 0)
		close(s->epoll_fd);
	free(s->probes);
	free(s);
}
