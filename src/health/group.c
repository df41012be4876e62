/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/group.h"

#include <errno.h>
#include <string.h>

#include "health/cache.h"
#include "health/group_internal.h"
#include "health/table.h"

#define CORRECT_GAP 10 /* another leader is corrected at most so often in an interval */

static const struct {
	const char *name, *text;
} counter_words[HEALTH_GROUP_N_COUNTERS] = {
#define X(NAME, name, text) [HEALTH_GROUP_COUNTER_##NAME] = { #name, text },
	HEALTH_GROUP_COUNTERS(X)
#undef X
};

const char *health_group_counter_name(enum health_group_counter c)
{
	return counter_words[c].name;
}

const char *health_group_counter_text(enum health_group_counter c)
{
	return counter_words[c].text;
}

struct health_group_settings health_group_settings_default(void)
{
	return (struct health_group_settings){
		.interval_ms = 1000,
		.lease_ms = 3000,
		.skew_ms = 20,
		.own_ms = 30000,
		.alone_ms = 10000,
		.slow_ms = 10000,
		.mode = HEALTH_GROUP_CONTENT,
		.compress = true,
	};
}

static bool members_valid(const struct health_group_settings *s)
{
	if (s->n_members < 2 || s->n_members > HEALTH_MAX_MEMBERS || s->own >= s->n_members)
		return false;
	for (unsigned i = 0; i < s->n_members; i++) {
		if (!s->members[i])
			return false;
		for (unsigned j = 0; j < i; j++) {
			if (s->members[i] == s->members[j])
				return false;
		}
	}
	return true;
}

static bool settings_valid(const struct health_group_settings *s)
{
	return s->group && members_valid(s) && s->interval_ms >= HEALTH_INTERVAL_MIN_MS &&
	       s->interval_ms <= HEALTH_INTERVAL_MAX_MS && s->lease_ms / 2 >= s->interval_ms && s->skew_ms &&
	       s->alone_ms && s->own_ms && s->slow_ms >= s->interval_ms && s->slow_ms <= HEALTH_INTERVAL_MAX_MS &&
	       s->mode <= HEALTH_GROUP_MEMBERSHIP;
}

static void nobody_leads(struct health_group *g, uint64_t wait_ns, uint64_t now_ns)
{
	g->leader = HEALTH_GROUP_NOBODY;
	g->term = 0;
	g->lease_ns = UINT64_MAX;
	g->claim_ns = now_ns + wait_ns + g->settings.own * group_ms(g->settings.skew_ms);
}

int health_group_init(struct health_group *g, const struct health_group_settings *settings,
		      const struct health_group_ops *ops, uint64_t now_ns)
{
	if (!settings_valid(settings))
		return -EINVAL;
	memset(g, 0, sizeof *g);
	g->settings = *settings;
	g->ops = *ops;
	nobody_leads(g, group_ms(settings->lease_ms), now_ns);
	return 0;
}

/* Whether the leader tells the balancers of us, as far as it and they say. */
static bool covered(const struct health_group *g, uint64_t now_ns)
{
	uint64_t patience = group_ms(g->settings.interval_ms) * 3 / 2;

	if (g->leader == HEALTH_GROUP_NOBODY || now_ns < g->alone_ns)
		return false;
	return group_leads(g) || (g->covered_ns && now_ns - g->covered_ns < patience);
}

bool health_group_heartbeat(struct health_group *g, const struct health_message *m, uint64_t now_ns)
{
	if (group_leads(g)) {
		group_tell_report(g, g->settings.own, m, now_ns);
	} else if (g->leader != HEALTH_GROUP_NOBODY) {
		g->ops.to_member(g->ops.context, g->leader, m);
		group_count(g, HEALTH_GROUP_COUNTER_REPORTS);
	}
	if (covered(g, now_ns) && now_ns < g->own_ns)
		return false;
	g->own_ns = now_ns + group_ms(g->settings.own_ms);
	group_count(g, HEALTH_GROUP_COUNTER_OWN);
	return true;
}

void health_group_asked(struct health_group *g, uint64_t now_ns)
{
	g->alone_ns = now_ns + group_ms(g->settings.alone_ms);
}

static void lead(struct health_group *g, uint64_t now_ns)
{
	g->leader = g->settings.own;
	g->term = ++g->term_max;
	g->lease_ns = g->claim_ns = UINT64_MAX;
	group_count(g, HEALTH_GROUP_COUNTER_LEADS);
	group_tell_begin(g, now_ns);
}

static void follow(struct health_group *g, unsigned member, const struct health_group_heartbeat *h, uint64_t now_ns)
{
	if (group_leads(g))
		group_count(g, HEALTH_GROUP_COUNTER_YIELDS);
	if (g->leader != member) {
		group_count(g, HEALTH_GROUP_COUNTER_FOLLOWS);
		g->covered_ns = 0;
	}
	g->leader = member;
	g->term = h->term;
	g->lease_ns = now_ns + group_ms(g->settings.lease_ms);
	g->claim_ns = UINT64_MAX;
	if (h->heard >> g->settings.own & 1)
		g->covered_ns = now_ns;
}

/* Whether we heed a leader of that place and term rather than the one we have. */
static bool heeded(const struct health_group *g, unsigned member, uint64_t term)
{
	if (g->leader == HEALTH_GROUP_NOBODY || term > g->term)
		return true;
	return term == g->term && member <= g->leader;
}

static void receive_advert(struct health_group *g, unsigned member, const struct health_message *m, uint64_t now_ns)
{
	const struct health_group_heartbeat *h = &m->group_heartbeat;

	if (h->term == 0 || h->term > HEALTH_GROUP_TERM_MAX || h->mode >= HEALTH_GROUP_N_MODES) {
		group_count(g, HEALTH_GROUP_COUNTER_MALFORMED);
		return;
	}
	if (h->term > g->term_max)
		g->term_max = h->term;
	if (h->mode == HEALTH_GROUP_RESIGNED) {
		if (g->leader == member && h->term == g->term)
			nobody_leads(g, 0, now_ns);
	} else if (heeded(g, member, h->term)) {
		follow(g, member, h, now_ns);
	} else {
		group_count(g, HEALTH_GROUP_COUNTER_WORSE);
		if (group_leads(g) && now_ns >= g->answer_ns) {
			g->answer_ns = now_ns + group_ms(g->settings.interval_ms) / CORRECT_GAP;
			group_tell_member(g, member, g->settings.mode, now_ns);
		}
	}
}

static void receive_report(struct health_group *g, unsigned member, const struct health_message *m, uint64_t now_ns)
{
	if (!group_leads(g))
		group_count(g, HEALTH_GROUP_COUNTER_MISPLACED);
	else if (!health_chunks_valid(m->heartbeat.content.n_chunks) || m->heartbeat.content.n_rows > HEALTH_MAX_ROWS ||
		 !memchr(m->heartbeat.name, 0, HEALTH_NAME_MAX))
		group_count(g, HEALTH_GROUP_COUNTER_MALFORMED);
	else
		group_tell_report(g, member, m, now_ns);
}

void health_group_receive(struct health_group *g, const struct health_message *m, uint64_t now_ns)
{
	unsigned member = 0;

	while (member < g->settings.n_members && g->settings.members[member] != m->host)
		member++;
	if (member == g->settings.n_members || member == g->settings.own)
		group_count(g, HEALTH_GROUP_COUNTER_FOREIGN);
	else if (m->type == HEALTH_HEARTBEAT)
		receive_report(g, member, m, now_ns);
	else if (m->type != HEALTH_GROUP_HEARTBEAT)
		group_count(g, HEALTH_GROUP_COUNTER_MALFORMED);
	else if (m->group_heartbeat.group != g->settings.group)
		group_count(g, HEALTH_GROUP_COUNTER_FOREIGN);
	else
		receive_advert(g, member, m, now_ns);
}

void health_group_receive_ask(struct health_group *g, const struct health_message *m)
{
	if (m->type != HEALTH_GROUP_ASK || m->host != g->settings.members[g->settings.own] ||
	    m->group_ask.group != g->settings.group)
		group_count(g, HEALTH_GROUP_COUNTER_FOREIGN);
	else
		g->whole = true;
}

uint64_t health_group_poll(struct health_group *g, uint64_t now_ns)
{
	if (now_ns >= g->lease_ns) {
		group_count(g, HEALTH_GROUP_COUNTER_LOST);
		nobody_leads(g, 0, now_ns);
	}
	if (now_ns >= g->claim_ns)
		lead(g, now_ns);
	if (group_leads(g))
		return group_tell_poll(g, now_ns);
	return g->lease_ns < g->claim_ns ? g->lease_ns : g->claim_ns;
}

void health_group_resign(struct health_group *g, uint64_t now_ns)
{
	if (!group_leads(g))
		return;
	group_tell_member(g, HEALTH_GROUP_EVERYONE, HEALTH_GROUP_RESIGNED, now_ns);
	nobody_leads(g, group_ms(g->settings.lease_ms), now_ns);
}
