/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/group_cache.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "health/group.h"
#include "health/table.h"

#define FORGET_INTERVALS 10 /* a leader silent for so long is none; its members have long been asked */
#define DROP_ASKS 3         /* so often a member is asked that its leader lost */

struct health_group_leader {
	uint64_t id; /* 0: the place is free */
	uint64_t group, term, incarnation, number;
	uint64_t heard_ns, asked_ns;
	uint32_t interval_ms;
	uint8_t mode;
	uint64_t heard; /* bits of members it heard of at last */
	uint64_t known; /* entries that are known */
	uint64_t lost;  /* membership: bits it no longer has, being asked */
	uint64_t lost_ns[HEALTH_MAX_MEMBERS];
	uint64_t member_asked_ns[HEALTH_MAX_MEMBERS];
	struct health_group_entry *entries; /* HEALTH_MAX_MEMBERS */
};

static const struct {
	const char *name, *text;
} counter_words[HEALTH_GROUP_CACHE_N_COUNTERS] = {
#define X(NAME, name, text) [HEALTH_GROUP_CACHE_COUNTER_##NAME] = { #name, text },
	HEALTH_GROUP_CACHE_COUNTERS(X)
#undef X
};

const char *health_group_cache_counter_name(enum health_group_cache_counter c)
{
	return counter_words[c].name;
}

const char *health_group_cache_counter_text(enum health_group_cache_counter c)
{
	return counter_words[c].text;
}

static void count(struct health_group_cache *c, enum health_group_cache_counter counter)
{
	c->counters[counter]++;
}

struct health_group_cache_settings health_group_cache_settings_default(void)
{
	return (struct health_group_cache_settings){ .max_leaders = 256, .ask_ms = 200 };
}

int health_group_cache_init(struct health_group_cache *c, const struct health_group_cache_settings *settings,
			    struct health_cache *cache)
{
	if (!settings->max_leaders || !settings->ask_ms)
		return -EINVAL;
	memset(c, 0, sizeof *c);
	c->settings = *settings;
	c->cache = cache;
	c->leaders = calloc(settings->max_leaders, sizeof *c->leaders);
	c->asked_ns = calloc(cache->settings.max_hosts, sizeof *c->asked_ns);
	if (c->leaders && c->asked_ns)
		return 0;
	health_group_cache_fini(c);
	return -ENOMEM;
}

static void leader_forget(struct health_group_leader *l)
{
	free(l->entries);
	memset(l, 0, sizeof *l);
}

void health_group_cache_fini(struct health_group_cache *c)
{
	for (uint32_t i = 0; c->leaders && i < c->settings.max_leaders; i++)
		leader_forget(&c->leaders[i]);
	free(c->leaders);
	free(c->asked_ns);
	c->leaders = NULL;
	c->asked_ns = NULL;
}

static uint64_t interval_ns(const struct health_group_leader *l)
{
	return l->interval_ms * CLOCK_NS_PER_MS;
}

static bool entry_valid(const struct health_group_entry *e, uint8_t mode)
{
	if (e->index >= HEALTH_MAX_MEMBERS || !e->host || !memchr(e->name, 0, sizeof e->name))
		return false;
	if (mode == HEALTH_GROUP_MEMBERSHIP)
		return e->content.n_chunks == 0;
	return health_chunks_valid(e->content.n_chunks) && e->content.n_rows <= HEALTH_MAX_ROWS;
}

static bool message_valid(const struct health_message *m)
{
	const struct health_group_heartbeat *h = &m->group_heartbeat;
	bool valid = m->type == HEALTH_GROUP_HEARTBEAT && m->host && h->group && h->mode <= HEALTH_GROUP_MEMBERSHIP &&
		     h->interval_ms >= HEALTH_INTERVAL_MIN_MS && h->interval_ms <= HEALTH_INTERVAL_MAX_MS &&
		     h->n_entries <= HEALTH_MAX_MEMBERS;

	for (uint32_t i = 0; valid && i < h->n_entries; i++)
		valid = entry_valid(&h->entries[i], h->mode);
	return valid;
}

static struct health_group_leader *leader_find(struct health_group_cache *c, uint64_t id)
{
	for (uint32_t i = 0; i < c->settings.max_leaders; i++) {
		if (c->leaders[i].id == id)
			return &c->leaders[i];
	}
	return NULL;
}

static struct health_group_leader *leader_new(struct health_group_cache *c, const struct health_message *m)
{
	struct health_group_leader *l = leader_find(c, 0);

	if (!l)
		return NULL;
	l->entries = calloc(HEALTH_MAX_MEMBERS, sizeof *l->entries);
	if (!l->entries)
		return NULL;
	l->id = m->host;
	return l;
}

/* The leader of a message that is newer than what is known; NULL: counted why. */
static struct health_group_leader *leader_of(struct health_group_cache *c, const struct health_message *m)
{
	struct health_group_leader *l = leader_find(c, m->host);

	if (!l)
		l = leader_new(c, m);
	if (!l) {
		count(c, HEALTH_GROUP_CACHE_COUNTER_NO_ROOM);
		return NULL;
	}
	if (l->incarnation != m->incarnation || l->group != m->group_heartbeat.group ||
	    l->mode != m->group_heartbeat.mode) {
		count(c, HEALTH_GROUP_CACHE_COUNTER_NEW_LEADERS);
		l->known = l->heard = l->lost = 0;
		l->number = l->term = 0;
		l->asked_ns = 0;
		l->incarnation = m->incarnation;
		l->group = m->group_heartbeat.group;
		l->mode = m->group_heartbeat.mode;
	} else if (m->seq <= l->number) {
		count(c, HEALTH_GROUP_CACHE_COUNTER_OLD);
		return NULL;
	}
	return l;
}

/* The bits of the entries that came. */
static uint64_t entries_keep(struct health_group_leader *l, const struct health_group_heartbeat *h)
{
	uint64_t came = 0;

	for (uint32_t i = 0; i < h->n_entries; i++) {
		l->entries[h->entries[i].index] = h->entries[i];
		came |= 1ull << h->entries[i].index;
	}
	l->known |= came;
	return came;
}

/* Whether what is known is what the leader means. */
static bool entries_agree(const struct health_group_leader *l, const struct health_group_heartbeat *h)
{
	uint64_t sum = 0;

	if (h->heard & ~l->known)
		return false;
	for (unsigned i = 0; i < HEALTH_MAX_MEMBERS; i++) {
		if (h->heard >> i & 1)
			sum = health_group_sum(sum, &l->entries[i]);
	}
	return sum == h->sum;
}

static void ask_leader(struct health_group_cache *c, struct health_group_leader *l, uint64_t now_ns)
{
	struct health_message m = { .type = HEALTH_GROUP_ASK, .host = l->id, .incarnation = l->incarnation };

	count(c, HEALTH_GROUP_CACHE_COUNTER_UNKNOWN);
	if (l->asked_ns && now_ns - l->asked_ns < c->settings.ask_ms * CLOCK_NS_PER_MS)
		return;
	l->asked_ns = now_ns;
	m.group_ask.group = l->group;
	count(c, HEALTH_GROUP_CACHE_COUNTER_ASKED_LEADERS);
	c->cache->ops.send(c->cache->ops.context, &m);
}

/* For a heartbeat of its own. */
static void ask_host(struct health_group_cache *c, uint64_t host, uint64_t incarnation)
{
	struct health_message m = { .type = HEALTH_GET_SNAPSHOT, .host = host, .incarnation = incarnation };

	m.get_snapshot.n_chunks = 1;
	count(c, HEALTH_GROUP_CACHE_COUNTER_ASKED_MEMBERS);
	c->cache->ops.send(c->cache->ops.context, &m);
}

static void ask_member(struct health_group_cache *c, struct health_group_leader *l, unsigned member, uint64_t now_ns)
{
	l->member_asked_ns[member] = now_ns;
	ask_host(c, l->entries[member].host, l->entries[member].incarnation);
}

static void expand_content(struct health_group_cache *c, const struct health_group_leader *l, unsigned member,
			   uint64_t now_ns)
{
	const struct health_group_entry *e = &l->entries[member];
	struct health_message m = { .type = HEALTH_HEARTBEAT, .host = e->host, .incarnation = e->incarnation };

	m.seq = e->seq;
	m.heartbeat.interval_ms = l->interval_ms;
	m.heartbeat.content = e->content;
	memcpy(m.heartbeat.name, e->name, sizeof m.heartbeat.name);
	health_cache_receive(c->cache, &m, now_ns);
}

/* What the leader says of one member it heard. */
static void expand(struct health_group_cache *c, struct health_group_leader *l, unsigned member, uint64_t now_ns)
{
	const struct health_group_entry *e = &l->entries[member];

	count(c, HEALTH_GROUP_CACHE_COUNTER_EXPANDED);
	if (l->mode == HEALTH_GROUP_CONTENT)
		expand_content(c, l, member, now_ns);
	else if (health_cache_alive(c->cache, e->host, e->incarnation, now_ns) == 0)
		health_cache_expect(c->cache, e->host, l->interval_ms);
	else
		ask_member(c, l, member, now_ns);
}

/* Membership: those the leader had and has no more are asked whether they are alive. */
static void note_lost(struct health_group_cache *c, struct health_group_leader *l, uint64_t heard, uint64_t now_ns)
{
	uint64_t lost = l->mode == HEALTH_GROUP_MEMBERSHIP ? l->heard & l->known & ~heard : 0;

	l->lost &= ~heard;
	for (unsigned i = 0; i < HEALTH_MAX_MEMBERS; i++) {
		if (!(lost >> i & 1))
			continue;
		l->lost_ns[i] = now_ns;
		ask_member(c, l, i, now_ns);
	}
	l->lost |= lost;
}

/* A new leader does not know whom the one before heard, and that one is often just what is lost. */
static void succeed(struct health_group_cache *c, struct health_group_leader *l, uint64_t heard, uint64_t now_ns)
{
	for (uint32_t i = 0; i < c->settings.max_leaders; i++) {
		struct health_group_leader *old = &c->leaders[i];
		uint64_t left;

		if (old == l || !old->id || old->group != l->group || old->term >= l->term || old->mode != l->mode)
			continue;
		left = old->heard & old->known & ~heard;
		for (unsigned k = 0; k < HEALTH_MAX_MEMBERS; k++) {
			if ((left & ~l->known) >> k & 1)
				l->entries[k] = old->entries[k];
		}
		l->known |= left;
		l->heard |= left;
		old->heard = old->lost = 0;
	}
	note_lost(c, l, heard, now_ns);
}

void health_group_cache_receive(struct health_group_cache *c, const struct health_message *m, uint64_t now_ns)
{
	const struct health_group_heartbeat *h = &m->group_heartbeat;
	struct health_group_leader *l;
	uint64_t came;
	bool agree;

	if (!message_valid(m)) {
		count(c, HEALTH_GROUP_CACHE_COUNTER_MALFORMED);
		return;
	}
	l = leader_of(c, m);
	if (!l)
		return;
	count(c, HEALTH_GROUP_CACHE_COUNTER_HEARD);
	c->counters[HEALTH_GROUP_CACHE_COUNTER_ENTRIES] += h->n_entries;
	l->number = m->seq;
	l->heard_ns = now_ns;
	l->interval_ms = h->interval_ms;
	came = entries_keep(l, h);
	agree = entries_agree(l, h);
	if (!agree)
		ask_leader(c, l, now_ns);
	if (h->term > l->term) {
		l->term = h->term;
		succeed(c, l, h->heard, now_ns);
	} else {
		note_lost(c, l, h->heard, now_ns);
	}
	l->heard = h->heard;
	for (unsigned i = 0; i < HEALTH_MAX_MEMBERS; i++) {
		if ((h->heard >> i & 1) && (agree || came >> i & 1))
			expand(c, l, i, now_ns);
	}
}

/* No leader heard it lately, whatever they said before. */
static void unhear(struct health_group_cache *c, uint64_t host)
{
	for (uint32_t i = 0; i < c->settings.max_leaders; i++) {
		struct health_group_leader *l = &c->leaders[i];

		for (unsigned k = 0; l->id && k < HEALTH_MAX_MEMBERS; k++) {
			if (l->known >> k & 1 && l->entries[k].host == host)
				l->heard &= ~(1ull << k);
		}
	}
}

/* The leader lost it: give it up unless it answered. */
static void poll_lost(struct health_group_cache *c, struct health_group_leader *l, unsigned member,
		      const struct health_cache_host *h, uint64_t now_ns)
{
	uint64_t gap = 1000 * CLOCK_NS_PER_MS / DROP_ASKS;

	if (!h || h->presence != HEALTH_PRESENT || h->heard_ns > l->lost_ns[member]) {
		l->lost &= ~(1ull << member);
	} else if (now_ns - l->lost_ns[member] >= gap * DROP_ASKS) {
		l->lost &= ~(1ull << member);
		count(c, HEALTH_GROUP_CACHE_COUNTER_DROPPED);
		unhear(c, h->id);
		health_cache_expect(c->cache, h->id, HEALTH_INTERVAL_MIN_MS);
	} else if (now_ns - l->member_asked_ns[member] >= gap) {
		ask_member(c, l, member, now_ns);
	}
}

/* A heartbeat of its own announced another soon, but it falls silent again now that the leader has it. */
static void poll_heard(struct health_group_cache *c, struct health_group_leader *l, unsigned member,
		       const struct health_cache_host *h, uint64_t now_ns)
{
	if (l->mode == HEALTH_GROUP_MEMBERSHIP && l->heard >> member & 1 && h && h->presence == HEALTH_PRESENT &&
	    h->interval_ms < l->interval_ms && now_ns - l->heard_ns < interval_ns(l) &&
	    h->incarnation == l->entries[member].incarnation)
		health_cache_expect(c->cache, h->id, l->interval_ms);
}

static void poll_leader(struct health_group_cache *c, struct health_group_leader *l, uint64_t now_ns)
{
	for (unsigned i = 0; i < HEALTH_MAX_MEMBERS; i++) {
		const struct health_cache_host *h;

		if (!((l->known | l->lost) >> i & 1))
			continue;
		h = health_cache_find(c->cache, l->entries[i].host);
		if (l->lost >> i & 1)
			poll_lost(c, l, i, h, now_ns);
		else
			poll_heard(c, l, i, h, now_ns);
	}
	if (now_ns - l->heard_ns >= FORGET_INTERVALS * interval_ns(l))
		leader_forget(l);
}

/*
 * One and a half intervals without a word, from whomever: a host is asked
 * itself, well before the cache gives it up. Any host, for the leader that it
 * relies on may be one that was never heard here.
 */
static uint64_t poll_hosts(struct health_group_cache *c, uint64_t now_ns)
{
	const struct health_cache_host *h;
	uint64_t next = UINT64_MAX;

	for (uint32_t i = 0; (h = health_cache_next(c->cache, &i));) {
		uint64_t interval = h->interval_ms * CLOCK_NS_PER_MS, *asked = &c->asked_ns[i - 1];

		if (h->presence != HEALTH_PRESENT)
			continue;
		if (now_ns - h->heard_ns >= interval * 3 / 2 && now_ns - *asked >= interval / 2) {
			*asked = now_ns;
			ask_host(c, h->id, h->incarnation);
		}
		next = next < now_ns + interval / 4 ? next : now_ns + interval / 4;
	}
	return next;
}

uint64_t health_group_cache_poll(struct health_group_cache *c, uint64_t now_ns)
{
	uint64_t next = UINT64_MAX, hosts_ns;

	for (uint32_t i = 0; i < c->settings.max_leaders; i++) {
		struct health_group_leader *l = &c->leaders[i];
		uint64_t gap;

		if (l->id)
			poll_leader(c, l, now_ns);
		if (!l->id)
			continue;
		gap = l->mode == HEALTH_GROUP_MEMBERSHIP ? CLOCK_NS_PER_S : interval_ns(l);
		next = next < now_ns + gap / 4 ? next : now_ns + gap / 4;
	}
	hosts_ns = poll_hosts(c, now_ns);
	return hosts_ns < next ? hosts_ns : next;
}

uint64_t health_group_cache_leader_of(const struct health_group_cache *c, uint64_t host, uint64_t now_ns)
{
	const struct health_group_leader *best = NULL;

	for (uint32_t i = 0; i < c->settings.max_leaders; i++) {
		const struct health_group_leader *l = &c->leaders[i];

		if (!l->id || now_ns - l->heard_ns >= interval_ns(l) * 3 / 2 || (best && best->heard_ns > l->heard_ns))
			continue;
		for (unsigned k = 0; k < HEALTH_MAX_MEMBERS; k++) {
			if ((l->heard & l->known) >> k & 1 && l->entries[k].host == host)
				best = l;
		}
	}
	return best ? best->id : 0;
}
