/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/group_link.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#include "base/clock.h"
#include "wire/codec.h"
#include "wire/link.h"

#define GROUP_TURN 16 /* frames of one link taken in one turn */
#define GROUP_LINGER_MS 50
/* A far end that was restarted unnoticed says so when something is sent to it. */
#define GROUP_BEACON_MS 30000

struct group_end {
	struct loop_watch watch; /* first */
	struct group_link *all;
	struct link *link; /* NULL: this member connects to us */
	uint64_t heard_ns;
};

struct group_link {
	struct loop *loop;
	struct loop_timer work, upkeep;
	struct group_link_ops ops;
	struct seal *seal;
	struct codec_arena arena;
	struct health_group group;
	struct group_end ends[HEALTH_MAX_MEMBERS]; /* that of our own place listens */
	uint64_t beacon_ns;
	uint8_t text[CODEC_MESSAGE_MAX], frame[LINK_FRAME_MAX];
};

static struct link *link_to(struct group_link *g, unsigned member)
{
	unsigned own = g->group.settings.own;

	return g->ends[member < own ? member : own].link;
}

static void to_member(void *context, unsigned member, const struct health_message *m)
{
	struct group_link *g = context;
	const struct health_group_settings *s = &g->group.settings;
	bool everyone = member == HEALTH_GROUP_EVERYONE;
	size_t len;
	int n;

	if (codec_encode(m, &g->arena, g->text, sizeof g->text, &len) != CODEC_OK)
		return;
	n = seal_close(g->seal, everyone ? SEAL_EVERYONE : s->members[member], g->text, len, g->frame, sizeof g->frame);
	if (n < 0)
		return;
	if (!everyone)
		link_send(link_to(g, member), g->frame, (size_t)n);
	for (unsigned i = 0; everyone && i <= s->own; i++)
		link_send(g->ends[i].link, g->frame, (size_t)n);
}

static void to_balancers(void *context, const struct health_message *m)
{
	struct group_link *g = context;

	g->ops.to_balancers(g->ops.context, m);
}

static void work_due(struct loop_timer *t, uint64_t now_ns)
{
	struct group_link *g = (struct group_link *)((char *)t - offsetof(struct group_link, work));

	loop_timer_set(g->loop, t, health_group_poll(&g->group, now_ns));
}

static void frame_take(struct group_end *x, size_t len, uint64_t now_ns)
{
	struct group_link *g = x->all;
	struct health_message m;
	struct seal_opened o;
	enum seal_verdict v = seal_open(g->seal, g->frame, len, now_ns, g->text, sizeof g->text, &o);

	if (v == SEAL_OK || v == SEAL_HELLO)
		x->heard_ns = now_ns;
	if (o.hello_len)
		link_send(x->link, o.hello, o.hello_len);
	/* members speak for themselves alone */
	if (v != SEAL_OK || codec_decode(o.text, o.len, &g->arena, &m) != CODEC_OK || m.host != o.sender)
		return;
	health_group_receive(&g->group, &m, now_ns);
	loop_timer_set(g->loop, &g->work, now_ns);
}

static void end_ready(struct loop_watch *w, uint32_t events)
{
	struct group_end *x = (struct group_end *)w;
	uint64_t now_ns = clock_monotonic_ns();

	for (int i = 0; i < GROUP_TURN; i++) {
		ssize_t n = link_receive(x->link, x->all->frame, sizeof x->all->frame);

		if (n < 0)
			return;
		frame_take(x, (size_t)n, now_ns);
	}
}

/* Followers that are not the leader's have nothing to say to each other: only where a word is due is silence a sign. */
static bool word_due(const struct group_link *g, unsigned member)
{
	return g->group.leader == HEALTH_GROUP_NOBODY || g->group.leader == g->group.settings.own ||
	       g->group.leader == member;
}

static void upkeep_due(struct loop_timer *t, uint64_t now_ns)
{
	struct group_link *g = (struct group_link *)((char *)t - offsetof(struct group_link, upkeep));
	bool beacon = now_ns >= g->beacon_ns;
	uint8_t hello[SEAL_HELLO_LEN];

	if (beacon)
		g->beacon_ns = now_ns + GROUP_BEACON_MS * CLOCK_NS_PER_MS;
	for (unsigned i = 0; i < g->group.settings.own; i++) {
		struct group_end *x = &g->ends[i];

		if (beacon) {
			seal_beacon(g->seal, hello);
			link_send(x->link, hello, sizeof hello);
		}
		if (!word_due(g, i) || now_ns - x->heard_ns < LINK_SILENT_MS * CLOCK_NS_PER_MS)
			continue;
		x->heard_ns = now_ns;
		link_reconnect(x->link);
	}
	loop_timer_set(g->loop, t, now_ns + LINK_BEACON_MS * CLOCK_NS_PER_MS);
}

static int end_open(struct group_link *g, unsigned member, const struct group_member *m)
{
	struct group_end *x = &g->ends[member];
	int err = link_open(&x->link);

	if (err)
		return err;
	x->all = g;
	x->heard_ns = clock_monotonic_ns();
	if (member == g->group.settings.own)
		err = link_bind(x->link, &m->addr, m->port);
	else
		err = link_connect(x->link, &m->addr, m->port);
	if (err)
		return err;
	x->watch = (struct loop_watch){ .fd = link_fd(x->link), .ready = end_ready };
	return x->watch.fd < 0 ? x->watch.fd : loop_watch(g->loop, &x->watch, EPOLLIN);
}

static int group_begin(struct group_link *g, const struct group_link_settings *s, const struct seal_keyring *keys)
{
	struct health_group_ops ops = { to_member, to_balancers, g };
	struct health_group_settings gs = s->group;
	uint64_t now_ns = clock_monotonic_ns();
	int err;

	gs.n_members = s->n_members;
	for (unsigned i = 0; i < s->n_members; i++)
		gs.members[i] = s->members[i].host;
	err = health_group_init(&g->group, &gs, &ops, now_ns);
	if (err)
		return err;
	g->seal = seal_new(gs.members[gs.own], gs.incarnation, keys, HEALTH_MAX_MEMBERS);
	err = g->seal ? codec_arena_init(&g->arena) : -ENOMEM;
	for (unsigned i = 0; !err && i <= gs.own; i++)
		err = end_open(g, i, &s->members[i]);
	if (err)
		return err;
	g->beacon_ns = now_ns;
	loop_timer_set(g->loop, &g->upkeep, now_ns);
	loop_timer_set(g->loop, &g->work, now_ns);
	return 0;
}

int group_link_new(struct loop *l, const struct group_link_settings *settings, const struct seal_keyring *keys,
		   const struct group_link_ops *ops, struct group_link **ret)
{
	struct group_link *g;
	int err;

	if (!settings->n_members) {
		*ret = NULL;
		return 0;
	}
	if (settings->n_members > HEALTH_MAX_MEMBERS)
		return -EINVAL;
	g = calloc(1, sizeof *g);
	if (!g)
		return -ENOMEM;
	g->loop = l;
	g->ops = *ops;
	g->work.due = work_due;
	g->upkeep.due = upkeep_due;
	g->group.leader = HEALTH_GROUP_NOBODY;
	err = group_begin(g, settings, keys);
	if (err) {
		group_link_free(g);
		return err;
	}
	*ret = g;
	return 0;
}

void group_link_free(struct group_link *g)
{
	struct timespec moment = { .tv_nsec = GROUP_LINGER_MS * CLOCK_NS_PER_MS };

	if (!g)
		return;
	if (g->group.settings.n_members && g->group.leader == g->group.settings.own) {
		health_group_resign(&g->group, clock_monotonic_ns());
		/* the links' own threads send; closing one drops what they still hold */
		nanosleep(&moment, NULL);
	}
	loop_timer_del(g->loop, &g->work);
	loop_timer_del(g->loop, &g->upkeep);
	for (unsigned i = 0; i < HEALTH_MAX_MEMBERS; i++) {
		if (!g->ends[i].link)
			continue;
		loop_unwatch(g->loop, &g->ends[i].watch);
		link_close(g->ends[i].link);
	}
	codec_arena_fini(&g->arena);
	seal_free(g->seal);
	free(g);
}

void group_link_set_keys(struct group_link *g, const struct seal_keyring *keys)
{
	if (g)
		seal_set_keys(g->seal, keys);
}

bool group_link_outgoing(struct group_link *g, const struct health_message *m, uint64_t now_ns)
{
	return !g || m->type != HEALTH_HEARTBEAT || health_group_heartbeat(&g->group, m, now_ns);
}

bool group_link_incoming(struct group_link *g, const struct health_message *m, uint64_t now_ns)
{
	if (!g)
		return m->type == HEALTH_GROUP_ASK;
	if (m->type == HEALTH_GET_SNAPSHOT && m->get_snapshot.chunks == 0)
		health_group_asked(&g->group, now_ns);
	if (m->type != HEALTH_GROUP_ASK)
		return false;
	health_group_receive_ask(&g->group, m);
	return true;
}

const struct health_group *group_link_state(const struct group_link *g)
{
	return g ? &g->group : NULL;
}
