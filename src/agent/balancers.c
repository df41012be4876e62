/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/balancers.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/clock.h"
#include "wire/link.h"

#define BALANCERS_TURN 16       /* frames of one link taken in one turn */
#define BALANCERS_LINGER_MS 100 /* for what was sent last */
#define BALANCERS_MAX_PEERS 64  /* stations that may answer; more than there are balancers */

struct balancer {
	struct loop_watch watch; /* first */
	struct balancers *all;
	struct agent_balancer config;
	struct link *link; /* NULL: free place */
	uint64_t heard_ns;
};

struct balancers {
	struct loop *loop;
	struct loop_timer silence;
	struct balancers_ops ops;
	struct seal *seal;
	struct codec_arena arena;
	uint64_t host;
	struct balancer links[AGENT_MAX_BALANCERS];
	unsigned n;
	bool sent;
	uint64_t encoded[CODEC_N_ERRORS], decoded[CODEC_N_ERRORS];
	uint8_t text[CODEC_MESSAGE_MAX], frame[LINK_FRAME_MAX];
};

static void message_take(struct balancers *b, const struct seal_opened *o, uint64_t now_ns)
{
	struct health_message m;
	enum codec_error e = codec_decode(o->text, o->len, &b->arena, &m);

	b->decoded[e]++;
	if (e == CODEC_OK && m.host == b->host)
		b->ops.receive(b->ops.context, &m, now_ns);
}

static void frame_take(struct balancer *x, size_t len, uint64_t now_ns)
{
	struct balancers *b = x->all;
	struct seal_opened o;
	enum seal_verdict v = seal_open(b->seal, b->frame, len, now_ns, b->text, sizeof b->text, &o);

	if (v == SEAL_OK || v == SEAL_HELLO)
		x->heard_ns = now_ns;
	if (o.hello_len)
		link_send(x->link, o.hello, o.hello_len);
	if (v == SEAL_OK)
		message_take(b, &o, now_ns);
	if (o.challenged)
		b->ops.heard(b->ops.context, now_ns);
}

static void link_ready(struct loop_watch *w, uint32_t events)
{
	struct balancer *x = (struct balancer *)w;
	uint64_t now_ns = clock_monotonic_ns();

	for (int i = 0; i < BALANCERS_TURN; i++) {
		ssize_t n = link_receive(x->link, x->all->frame, sizeof x->all->frame);

		if (n < 0)
			return;
		frame_take(x, (size_t)n, now_ns);
	}
}

/* Balancers show themselves every LINK_BEACON_MS: a link that is silent for long is made anew. */
static void silence_due(struct loop_timer *t, uint64_t now_ns)
{
	struct balancers *b = (struct balancers *)((char *)t - offsetof(struct balancers, silence));

	for (unsigned i = 0; i < AGENT_MAX_BALANCERS; i++) {
		struct balancer *x = &b->links[i];

		if (!x->link || now_ns - x->heard_ns < LINK_SILENT_MS * CLOCK_NS_PER_MS)
			continue;
		x->heard_ns = now_ns;
		link_reconnect(x->link);
	}
	loop_timer_set(b->loop, t, now_ns + LINK_BEACON_MS * CLOCK_NS_PER_MS);
}

static int balancer_open(struct balancers *b, struct balancer *x, const struct agent_balancer *c)
{
	int err = link_open(&x->link);

	if (err)
		return err;
	err = link_connect(x->link, &c->addr, c->port);
	x->all = b;
	x->config = *c;
	x->heard_ns = clock_monotonic_ns();
	x->watch = (struct loop_watch){ .fd = link_fd(x->link), .ready = link_ready };
	if (!err)
		err = x->watch.fd < 0 ? x->watch.fd : loop_watch(b->loop, &x->watch, EPOLLIN);
	if (err) {
		link_close(x->link);
		x->link = NULL;
		return err;
	}
	b->n++;
	return 0;
}

static void balancer_close(struct balancers *b, struct balancer *x)
{
	loop_unwatch(b->loop, &x->watch);
	link_close(x->link);
	x->link = NULL;
	b->n--;
}

static bool same(const struct agent_balancer *a, const struct agent_balancer *b)
{
	return a->port == b->port && baton_addr_equal(&a->addr, &b->addr);
}

static bool configured(const struct agent_config_health *c, const struct agent_balancer *x)
{
	for (unsigned i = 0; i < c->n_balancers; i++)
		if (same(&c->balancers[i], x))
			return true;
	return false;
}

static int balancer_get(struct balancers *b, const struct agent_balancer *c)
{
	struct balancer *place = NULL;

	for (unsigned i = 0; i < AGENT_MAX_BALANCERS; i++) {
		if (!b->links[i].link)
			place = place ? place : &b->links[i];
		else if (same(&b->links[i].config, c))
			return 0;
	}
	return place ? balancer_open(b, place, c) : -ENOSPC;
}

static int links_set(struct balancers *b, const struct agent_config_health *c)
{
	int err = 0, e;

	for (unsigned i = 0; i < AGENT_MAX_BALANCERS; i++)
		if (b->links[i].link && !configured(c, &b->links[i].config))
			balancer_close(b, &b->links[i]);
	for (unsigned i = 0; i < c->n_balancers; i++) {
		e = balancer_get(b, &c->balancers[i]);
		err = err ? err : e;
	}
	return err;
}

int balancers_config(struct balancers *b, const struct agent_config *c, const struct seal_keyring *keys)
{
	seal_set_keys(b->seal, keys);
	return links_set(b, &c->health);
}

int balancers_new(struct loop *l, const struct agent_config *c, uint64_t host, uint64_t incarnation,
		  const struct seal_keyring *keys, const struct balancers_ops *ops, struct balancers **ret)
{
	struct balancers *b = calloc(1, sizeof *b);
	int err;

	if (!b)
		return -ENOMEM;
	b->loop = l;
	b->host = host;
	b->ops = *ops;
	b->silence.due = silence_due;
	b->seal = seal_new(host, incarnation, keys, BALANCERS_MAX_PEERS);
	err = b->seal ? codec_arena_init(&b->arena) : -ENOMEM;
	if (!err)
		err = links_set(b, &c->health);
	if (err) {
		balancers_free(b);
		return err;
	}
	loop_timer_set(l, &b->silence, clock_monotonic_ns() + LINK_BEACON_MS * CLOCK_NS_PER_MS);
	*ret = b;
	return 0;
}

void balancers_free(struct balancers *b)
{
	struct timespec moment = { .tv_nsec = BALANCERS_LINGER_MS * CLOCK_NS_PER_MS };

	if (!b)
		return;
	/* the links' own threads send; closing one drops what they still hold */
	if (b->n && b->sent)
		nanosleep(&moment, NULL);
	loop_timer_del(b->loop, &b->silence);
	for (unsigned i = 0; i < AGENT_MAX_BALANCERS; i++)
		if (b->links[i].link)
			balancer_close(b, &b->links[i]);
	codec_arena_fini(&b->arena);
	seal_free(b->seal);
	free(b);
}

void balancers_send(struct balancers *b, const struct health_message *m)
{
	enum codec_error e;
	size_t len;
	int n;

	if (!b->n)
		return;
	e = codec_encode(m, &b->arena, b->text, sizeof b->text, &len);
	b->encoded[e]++;
	n = e == CODEC_OK ? seal_close(b->seal, SEAL_EVERYONE, b->text, len, b->frame, sizeof b->frame) : -EINVAL;
	if (n < 0)
		return;
	b->sent = true;
	for (unsigned i = 0; i < AGENT_MAX_BALANCERS; i++)
		if (b->links[i].link)
			link_send(b->links[i].link, b->frame, (size_t)n);
}

unsigned balancers_count(const struct balancers *b)
{
	return b->n;
}

const uint64_t *balancers_verdicts(const struct balancers *b)
{
	return seal_counters(b->seal);
}

const uint64_t *balancers_decoded(const struct balancers *b)
{
	return b->decoded;
}
