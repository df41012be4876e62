/* SPDX-License-Identifier: BSD-3-Clause */
#include "classifier/lag.h"

/* A history longer than this says nothing about now. In connections. */
#define LAG_MAX 4096
/* Shares are followed exactly up to this sum. */
#define WEIGHT_SUM_MAX (1u << 24)

static int64_t clamp(int64_t x, int64_t limit)
{
	return x > limit ? limit : x < -limit ? -limit : x;
}

/* Twice the connections of a share, so that a lag of its size is not forgotten: that would repeat the excess. */
static int64_t lag_limit(uint64_t share)
{
	return (2 * (int64_t)(share < LAG_MAX ? share : LAG_MAX) + 2) * TOKENS_ONE;
}

void lag_settle(struct tokens *t, struct tokens_vip *s)
{
	if (s->unsettled == 0)
		return;
	for (unsigned i = 0; i < s->n_weights; i++)
		t->endpoints[s->weights[i].endpoint].lag += (int64_t)s->weights[i].weight * s->unsettled;
	s->unsettled = 0;
}

/*
 * Begin a new list of weights for shares with this sum. Endpoints that were in
 * the one before it keep their lag, made to sum to 0 again; the others begin
 * with none.
 */
static void weights_begin(struct tokens_vip *s, uint64_t sum)
{
	s->n_weights = 0;
	s->serial++;
	s->sum = sum;
	s->capacities_of = 0;
	/* huge shares lose their last bits; all others are followed exactly */
	for (s->shift = 0; sum >> s->shift > WEIGHT_SUM_MAX;)
		s->shift++;
	s->scale = sum ? (uint32_t)(TOKENS_ONE / (sum >> s->shift)) : 0;
	s->one = 0;
}

static void weights_put(struct tokens *t, struct tokens_vip *s, uint16_t vip, uint16_t endpoint, uint32_t share)
{
	struct tokens_endpoint *e = &t->endpoints[endpoint];
	uint32_t before = (uint32_t)vip << 16 | (uint16_t)(s->serial - 1);
	uint32_t weight = (share >> s->shift) * s->scale;

	if (e->stamp != before)
		e->lag = 0;
	/* a small endpoint can be as far behind as all the others together are ahead */
	e->lag = clamp(e->lag, lag_limit(e->lag > 0 ? s->sum : share));
	e->stamp = (uint32_t)vip << 16 | s->serial;
	s->weights[s->n_weights++] = (struct tokens_weight){ .endpoint = endpoint, .weight = weight };
	s->one += weight;
}

/* Lags that left with their endpoints leave a rest, which all the others share by weight. */
static void weights_end(struct tokens *t, struct tokens_vip *s)
{
	int64_t sum = 0;

	for (unsigned i = 0; i < s->n_weights; i++)
		sum += t->endpoints[s->weights[i].endpoint].lag;
	if (sum == 0 || s->one == 0)
		return;
	for (unsigned i = 0; i < s->n_weights; i++) {
		__int128 part = (__int128)sum * s->weights[i].weight / s->one;

		t->endpoints[s->weights[i].endpoint].lag -= (int64_t)part;
	}
}

void lag_weights_from_allotment(struct tokens *t, struct tokens_vip *s, const struct allotment *a)
{
	uint64_t sum = 0;

	for (unsigned i = 0; i < a->n_shares; i++)
		sum += a->shares[i].share;
	weights_begin(s, sum);
	for (unsigned i = 0; i < a->n_shares; i++)
		if (a->shares[i].share && a->shares[i].endpoint != VIEW_NONE)
			weights_put(t, s, a->vip, a->shares[i].endpoint, a->shares[i].share);
	weights_end(t, s);
}

void lag_weights_from_capacities(struct tokens *t, struct tokens_vip *s, const struct view *v, uint16_t vip)
{
	const struct view_vip *w = &v->vips[vip];
	unsigned n = w->n_endpoints < ALLOTMENT_MAX_ENDPOINTS ? w->n_endpoints : ALLOTMENT_MAX_ENDPOINTS;
	uint64_t sum = 0;

	for (unsigned i = 0; i < n; i++)
		sum += v->endpoints[w->endpoints[i]].capacity;
	weights_begin(s, sum);
	for (unsigned i = 0; i < n; i++)
		if (v->endpoints[w->endpoints[i]].capacity)
			weights_put(t, s, vip, w->endpoints[i], v->endpoints[w->endpoints[i]].capacity);
	weights_end(t, s);
}

struct candidate {
	uint16_t endpoint;
	int64_t weight;
	int64_t to_go; /* until the deadline, times weight */
	bool behind;
};

/* a before b? Deadlines are to_go / weight; multiplied out, they need no division. */
static bool sooner(const struct candidate *a, const struct candidate *b)
{
	if (a->behind != b->behind)
		return a->behind;
	return a->to_go * b->weight < b->to_go * a->weight;
}

static bool eligible(const struct tokens_vip *s, const struct view *v, uint16_t vip, uint16_t endpoint,
		     const struct tokens_except *except)
{
	for (unsigned i = 0; except && i < except->n; i++)
		if (except->ids[i] == endpoint)
			return false;
	return lag_endpoint_takes(v, vip, endpoint, s->panic);
}

uint16_t lag_choose(struct tokens *t, struct tokens_vip *s, const struct view *v, uint16_t vip,
		    const struct tokens_except *except)
{
	struct candidate best = { .endpoint = VIEW_NONE };
	int64_t total = 0;

	for (unsigned i = 0; i < s->n_weights; i++)
		if (eligible(s, v, vip, s->weights[i].endpoint, except))
			total += s->weights[i].weight;
	if (total == 0)
		return VIEW_NONE;

	for (unsigned i = 0; i < s->n_weights; i++) {
		struct candidate x = { .endpoint = s->weights[i].endpoint, .weight = s->weights[i].weight };
		struct tokens_endpoint *e = &t->endpoints[x.endpoint];

		if (x.weight == 0 || !eligible(s, v, vip, x.endpoint, except))
			continue;
		e->lag = clamp(e->lag + x.weight, LAG_MAX * TOKENS_ONE);
		x.behind = e->lag > 0;
		/* limited, so that the products stay below 2^63 */
		x.to_go = total - clamp(e->lag, 2 * TOKENS_ONE);
		if (best.endpoint == VIEW_NONE || sooner(&x, &best))
			best = x;
	}
	t->endpoints[best.endpoint].lag -= total;
	return best.endpoint;
}
