/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/health_rules.h"

#include <string.h>

#include "base/text.h"

void agent_health_reason_copy(char to[HEALTH_REASON_MAX], const char *from)
{
	size_t n = from ? strnlen(from, HEALTH_REASON_MAX) : 0;

	memset(to, 0, HEALTH_REASON_MAX);
	if (!n)
		return;
	memcpy(to, from, n); /* without its end, if it is too long */
	text_clean(to, HEALTH_REASON_MAX);
	n = strlen(to);
	memset(to + n, 0, HEALTH_REASON_MAX - n);
}

bool agent_health_text_valid(const char *text, size_t size)
{
	if (!text_valid(text, size))
		return false;
	for (size_t n = strlen(text); n < size; n++)
		if (text[n])
			return false;
	return true;
}

static bool addr_whole(const struct baton_addr *a)
{
	size_t used = a->family == BATON_IPV4 ? 4 : a->family == BATON_IPV6 ? 16 : 0;

	for (size_t i = used; i < sizeof a->b; i++)
		if (a->b[i])
			return false;
	return (used || !a->family) && !a->zero[0] && !a->zero[1] && !a->zero[2];
}

bool agent_health_id_valid(const struct health_app_id *id)
{
	return addr_whole(&id->vip) && addr_whole(&id->host) && id->host.family && id->host_port && id->vip_port &&
	       id->proto && !id->zero[0] && !id->zero[1] && !id->zero[2] &&
	       agent_health_text_valid(id->specific, sizeof id->specific);
}

/* failing > unknown > healthy: the first that is said by a judge. */
static unsigned badness(uint8_t state)
{
	return state == HEALTH_FAILING ? 2 : state == HEALTH_UNKNOWN ? 1 : 0;
}

static const struct agent_word *worst_judge(const struct agent_app *a)
{
	const struct agent_word *worst = NULL;

	for (unsigned i = 0; i < a->n_words; i++) {
		const struct agent_word *w = &a->words[i];

		if (!w->judge)
			continue;
		if (w->source.kind == AGENT_SOURCE_OPERATOR)
			return w;
		if (!worst || badness(w->state) > badness(worst->state))
			worst = w;
	}
	return worst;
}

static const struct agent_word *lowest_wish(const struct agent_app *a)
{
	const struct agent_word *lowest = NULL;

	for (unsigned i = 0; i < a->n_words; i++)
		if (a->words[i].wish != HEALTH_ACTIVE && (!lowest || a->words[i].wish < lowest->wish))
			lowest = &a->words[i];
	return lowest;
}

/* The higher, the more a source knows about the load. */
static unsigned load_rank(enum agent_source_kind kind)
{
	static const uint8_t rank[AGENT_N_SOURCES] = {
		[AGENT_SOURCE_OPERATOR] = 4, [AGENT_SOURCE_APP] = 3,    [AGENT_SOURCE_PROBE] = 2,
		[AGENT_SOURCE_UNIT] = 2,     [AGENT_SOURCE_CONFIG] = 1,
	};

	return rank[kind];
}

static uint16_t load_of(const struct agent_app *a)
{
	const struct agent_word *best = NULL;

	for (unsigned i = 0; i < a->n_words; i++) {
		const struct agent_word *w = &a->words[i];
		unsigned mine = load_rank(w->source.kind), his = best ? load_rank(best->source.kind) : 0;

		if (w->has_load && (!best || mine > his || (mine == his && w->load > best->load)))
			best = w;
	}
	return best ? best->load : 0;
}

static unsigned capacity_rank(enum agent_source_kind kind)
{
	return kind == AGENT_SOURCE_OPERATOR ? 2 : kind == AGENT_SOURCE_APP ? 1 : 0;
}

static uint8_t capacity_of(const struct agent_app *a)
{
	const struct agent_word *best = NULL;

	for (unsigned i = 0; i < a->n_words; i++) {
		const struct agent_word *w = &a->words[i];

		if (w->capacity != AGENT_HEALTH_NO_CAPACITY &&
		    (!best || capacity_rank(w->source.kind) > capacity_rank(best->source.kind)))
			best = w;
	}
	return best ? best->capacity : AGENT_HEALTH_DEFAULT_CAPACITY;
}

bool agent_health_combine(struct agent_app *a, uint8_t host_wish, const char *host_reason)
{
	const struct agent_word *judge = worst_judge(a), *wish = lowest_wish(a);
	uint8_t state = judge ? judge->state : HEALTH_UNKNOWN, capacity = capacity_of(a);
	uint8_t least = wish ? wish->wish : HEALTH_ACTIVE;
	const char *reason = judge ? judge->reason : "", *wish_reason = wish ? wish->wish_reason : "";
	uint16_t load = load_of(a);
	bool changed;

	if (host_wish < least) {
		least = host_wish;
		wish_reason = host_reason;
	}
	changed = state != a->state || least != a->wish || capacity != a->capacity || load != a->load ||
		  strcmp(reason, a->reason) != 0 || strcmp(wish_reason, a->wish_reason) != 0;
	a->state = state;
	a->wish = least;
	a->capacity = capacity;
	a->load = load;
	agent_health_reason_copy(a->reason, reason);
	agent_health_reason_copy(a->wish_reason, wish_reason);
	return changed;
}
