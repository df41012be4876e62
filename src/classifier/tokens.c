/* SPDX-License-Identifier: BSD-3-Clause */
#include "classifier/tokens.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "classifier/lag.h"

enum {
	WANTED_MIN = 64,
	WANTED_MAX = 1 << 20,
	SCAN_VIPS = 32, /* looked at in one call */
};

#define SCAN_NS (100 * 1000ull)
/* A lost request is repeated after this. */
#define ANSWER_NS (100 * CLOCK_NS_PER_MS)
/* At most this often, however fast tokens go. */
#define ASK_NS (1 * CLOCK_NS_PER_MS)

int tokens_init(struct tokens *t, uint16_t max_vips, uint16_t index, struct classifier_counters *counters)
{
	memset(t, 0, sizeof(*t));
	t->n_vips = max_vips;
	t->index = index;
	t->counters = counters;
	t->vips = calloc(max_vips, sizeof(*t->vips));
	t->endpoints = calloc(VIEW_NONE, sizeof(*t->endpoints));
	if (!t->vips || !t->endpoints) {
		tokens_fini(t);
		return -ENOMEM;
	}
	return 0;
}

void tokens_fini(struct tokens *t)
{
	free(t->vips);
	free(t->endpoints);
	memset(t, 0, sizeof(*t));
}

/* Sift the share at place i down to where it belongs; most tokens on top. */
static void heap_sift(struct tokens_vip *s, unsigned i)
{
	for (;;) {
		unsigned child = 2 * i + 1;
		struct tokens_share x = s->shares[i];

		if (child >= s->n_shares)
			return;
		if (child + 1u < s->n_shares && s->shares[child + 1].left > s->shares[child].left)
			child++;
		if (s->shares[child].left <= x.left)
			return;
		s->shares[i] = s->shares[child];
		s->shares[child] = x;
		i = child;
	}
}

static void arrange(struct tokens_vip *s, uint8_t order)
{
	s->order = order;
	if (order == BATON_CONSUME_GREATEST)
		for (unsigned i = s->n_shares / 2; i-- > 0;)
			heap_sift(s, i);
}

/* Where the VIP's order takes its next token. */
static unsigned place_next(struct tokens_vip *s)
{
	if (s->order == BATON_CONSUME_GREATEST)
		return 0;
	if (s->cursor >= s->n_shares)
		s->cursor = 0;
	return s->cursor;
}

static void share_remove(struct tokens_vip *s, unsigned i)
{
	s->left -= s->shares[i].left;
	s->n_shares--;
	if (s->order == BATON_CONSUME_GREATEST) {
		s->shares[i] = s->shares[s->n_shares];
		heap_sift(s, i);
		return;
	}
	memmove(&s->shares[i], &s->shares[i + 1], (s->n_shares - i) * sizeof(s->shares[0]));
}

/* Use up one token at place i. */
static void share_take(struct tokens_vip *s, unsigned i)
{
	s->left--;
	s->shares[i].left--;
	if (s->shares[i].left == 0)
		share_remove(s, i);
	else if (s->order == BATON_CONSUME_GREATEST)
		heap_sift(s, i);
	else if (s->order == BATON_CONSUME_ROUND_ROBIN)
		s->cursor++;
}

/* The turn stays with whom it was. */
static void share_take_out_of_turn(struct tokens_vip *s, unsigned i)
{
	uint16_t cursor = s->cursor, n = s->n_shares;

	share_take(s, i);
	s->cursor = s->n_shares < n && i < cursor ? cursor - 1 : cursor;
}

/* A token of an endpoint that can take connections; the others' tokens are void. */
static uint16_t take_token(struct tokens *t, struct tokens_vip *s, const struct view *v, uint16_t vip)
{
	if (s->order != v->vips[vip].consume)
		arrange(s, v->vips[vip].consume);
	while (s->n_shares > 0) {
		unsigned i = place_next(s);
		uint16_t e = s->shares[i].endpoint;

		if (!lag_endpoint_takes(v, vip, e, s->panic)) {
			share_remove(s, i);
			continue;
		}
		share_take(s, i);
		t->endpoints[e].lag -= s->one;
		s->unsettled++;
		s->last = e;
		return e;
	}
	return VIEW_NONE;
}

/*
 * No token, or none that is of use: by the weights of the last allotment, or,
 * where that has no endpoint left, by the configured capacities.
 */
static uint16_t take_by_weight(struct tokens *t, struct tokens_vip *s, const struct view *v, uint16_t vip,
			       const struct tokens_except *except)
{
	uint16_t e;

	lag_settle(t, s);
	e = lag_choose(t, s, v, vip, except);
	/* that all who have a share refused one connection says nothing about the next */
	if (e == VIEW_NONE && !except && s->capacities_of != v->generation + 1) {
		lag_weights_from_capacities(t, s, v, vip);
		s->capacities_of = v->generation + 1;
		e = lag_choose(t, s, v, vip, NULL);
	}
	return e;
}

static void expire(struct tokens *t, struct tokens_vip *s)
{
	s->source = TOKENS_SOURCE_WEIGHTS;
	s->left = 0;
	s->n_shares = 0;
	s->panic = 0;
	t->counters->allotments_stale++;
}

uint16_t tokens_choose(struct tokens *t, const struct view *v, uint16_t vip, const struct tokens_except *except,
		       uint64_t now_ns)
{
	struct tokens_vip *s;
	uint16_t e = VIEW_NONE;
	bool overdrawn = true;

	if (vip >= t->n_vips)
		return VIEW_NONE;
	s = &t->vips[vip];
	s->demand++;
	if ((s->source == TOKENS_SOURCE_TOKENS || s->source == TOKENS_SOURCE_PERCENT) && now_ns >= s->expires_ns)
		expire(t, s);
	if (s->source == TOKENS_SOURCE_TOKENS && !except) {
		e = take_token(t, s, v, vip);
		overdrawn = e == VIEW_NONE;
	} else if (s->source == TOKENS_SOURCE_PERCENT || except) {
		overdrawn = false;
	}
	if (e == VIEW_NONE)
		e = take_by_weight(t, s, v, vip, except);
	if (s->source != TOKENS_SOURCE_PERCENT && s->left <= s->low)
		t->urgent = true;
	if (e != VIEW_NONE && overdrawn)
		t->counters->allotments_overdrawn++;
	return e;
}

void tokens_spend(struct tokens *t, uint16_t vip, uint16_t endpoint)
{
	struct tokens_vip *s;

	if (vip >= t->n_vips)
		return;
	s = &t->vips[vip];
	s->demand++;
	for (unsigned i = 0; i < s->n_weights; i++) {
		if (s->weights[i].endpoint != endpoint)
			continue;
		/* as if it had been its turn; all have then had their weight of one more connection */
		t->endpoints[endpoint].lag -= s->one;
		s->unsettled++;
		break;
	}
	for (unsigned i = 0; i < s->n_shares; i++) {
		if (s->shares[i].endpoint == endpoint) {
			share_take_out_of_turn(s, i);
			break;
		}
	}
	if (s->source != TOKENS_SOURCE_PERCENT && s->left <= s->low)
		t->urgent = true;
}

bool tokens_overloaded(const struct tokens *t, uint16_t vip, uint16_t endpoint, uint64_t now_ns)
{
	const struct tokens_vip *s = vip < t->n_vips ? &t->vips[vip] : NULL;

	if (!s || (s->source != TOKENS_SOURCE_TOKENS && s->source != TOKENS_SOURCE_PERCENT))
		return false;
	return !s->panic && s->n_open && now_ns < s->expires_ns && t->endpoints[endpoint].full_ns == s->made_ns;
}

static bool due(const struct tokens_vip *s, uint64_t now_ns)
{
	if (s->waiting)
		return now_ns >= s->asked_ns + ANSWER_NS;
	if (s->source == TOKENS_SOURCE_NONE || now_ns >= s->ask_ns)
		return true;
	return s->source != TOKENS_SOURCE_PERCENT && s->demand > 0 && s->left <= s->low &&
	       now_ns >= s->asked_ns + ASK_NS;
}

static uint32_t wanted(const struct tokens_vip *s)
{
	uint64_t n = 2ull * s->demand;

	return n < WANTED_MIN ? WANTED_MIN : n > WANTED_MAX ? WANTED_MAX : (uint32_t)n;
}

/* The id is free: what comes after under it begins anew. */
static void forget(struct tokens_vip *s)
{
	if (s->source != TOKENS_SOURCE_NONE || s->asked_ns)
		memset(s, 0, sizeof(*s));
}

static bool ask(struct tokens *t, uint16_t vip, uint64_t now_ns, struct allotment_request *ret)
{
	struct tokens_vip *s = &t->vips[vip];

	if (!due(s, now_ns))
		return false;
	*ret = (struct allotment_request){ .vip = vip, .classifier = t->index, .wanted = wanted(s), .used = s->demand };
	s->demand = 0;
	s->asked_ns = now_ns;
	s->waiting = 1;
	t->counters->allotments_asked++;
	return true;
}

bool tokens_wants(struct tokens *t, const struct view *v, uint64_t now_ns, struct allotment_request *ret)
{
	uint16_t n = v->n_vips < t->n_vips ? v->n_vips : t->n_vips;

	if (!t->urgent && now_ns < t->scan_ns)
		return false;
	for (unsigned i = 0; i < SCAN_VIPS && t->cursor < n; i++) {
		uint16_t vip = t->cursor++;

		if (v->vips[vip].addr.family == 0)
			forget(&t->vips[vip]);
		else if (ask(t, vip, now_ns, ret))
			return true;
	}
	if (t->cursor >= n) {
		t->cursor = 0;
		t->scan_ns = now_ns + SCAN_NS;
		t->urgent = false;
	}
	return false;
}

static uint64_t expires_ns(const struct allotment *a)
{
	return a->valid_ns < UINT64_MAX - a->made_ns ? a->made_ns + a->valid_ns : UINT64_MAX;
}

static bool acceptable(struct tokens *t, const struct allotment *a, uint64_t now_ns)
{
	if (a->vip >= t->n_vips || a->classifier != t->index || a->n_shares > ALLOTMENT_MAX_ENDPOINTS ||
	    a->kind > ALLOTMENT_PERCENT) {
		t->counters->allotments_refused++;
		return false;
	}
	if (expires_ns(a) > now_ns && a->made_ns >= t->vips[a->vip].made_ns)
		return true;
	t->counters->allotments_stale++;
	return false;
}

/* Tokens of the new allotment, less what an endpoint got too much before. */
static void shares_load(struct tokens *t, struct tokens_vip *s, const struct allotment *a)
{
	s->n_shares = 0;
	s->left = 0;
	s->cursor = 0;
	for (unsigned i = 0; i < a->n_shares; i++) {
		uint32_t share = a->shares[i].share;
		uint32_t left, ahead;

		if (a->shares[i].endpoint == VIEW_NONE)
			continue;
		ahead = lag_ahead(t, a->shares[i].endpoint);
		left = share > ahead ? share - ahead : 0;
		/* sums beyond 32 bits would be load that no classifier carries */
		if (left > UINT32_MAX - s->left)
			left = UINT32_MAX - s->left;
		if (left == 0)
			continue;
		s->shares[s->n_shares++] = (struct tokens_share){ .endpoint = a->shares[i].endpoint, .left = left };
		s->left += left;
	}
}

/* Go on with the endpoint after the last one used: many allotments end after a few connections. */
static void cursor_restore(struct tokens_vip *s)
{
	for (unsigned i = 0; i < s->n_shares; i++)
		if (s->shares[i].endpoint == s->last)
			s->cursor = (uint16_t)(i + 1);
}

static void note_full(struct tokens *t, struct tokens_vip *s, const struct allotment *a)
{
	s->n_open = 0;
	for (unsigned i = 0; i < a->n_shares; i++) {
		const struct allotment_share *x = &a->shares[i];

		if (x->endpoint == VIEW_NONE)
			continue;
		if (x->flags & ALLOTMENT_FULL)
			t->endpoints[x->endpoint].full_ns = a->made_ns;
		else if (x->share)
			s->n_open++;
	}
}

void tokens_allot(struct tokens *t, const struct allotment *a, uint64_t now_ns)
{
	struct tokens_vip *s;

	if (!acceptable(t, a, now_ns))
		return;
	s = &t->vips[a->vip];
	t->counters->allotments_received++;
	if (s->source == TOKENS_SOURCE_NONE)
		s->last = VIEW_NONE;
	s->waiting = 0;
	s->made_ns = a->made_ns;
	s->expires_ns = expires_ns(a);
	s->ask_ns = s->expires_ns - a->valid_ns / 4;
	s->panic = a->panic;
	note_full(t, s, a);
	lag_settle(t, s);
	lag_weights_from_allotment(t, s, a);
	if (a->kind == ALLOTMENT_PERCENT) {
		s->source = TOKENS_SOURCE_PERCENT;
		s->n_shares = 0;
		s->left = s->low = 0;
		return;
	}
	s->source = TOKENS_SOURCE_TOKENS;
	shares_load(t, s, a);
	cursor_restore(s);
	s->low = s->left / 4;
	arrange(s, s->order);
}
