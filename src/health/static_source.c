/* SPDX-License-Identifier: BSD-3-Clause */
#include "health/static_source.h"

#include <errno.h>
#include <stdbool.h>
#include <string.h>

/* What the tokens of one VIP are shared out by. */
struct capacities {
	uint32_t sum;
	uint32_t divisor; /* greatest common divisor */
};

static uint32_t gcd(uint32_t a, uint32_t b)
{
	while (b) {
		uint32_t rest = a % b;

		a = b;
		b = rest;
	}
	return a;
}

static bool takes_part(const struct view_endpoint *e, bool panic)
{
	return e->family && !e->retired && e->capacity > 0 && (e->usable || panic);
}

static struct capacities capacities_of(const struct view *v, const struct view_vip *vip, bool panic)
{
	struct capacities c = { 0 };

	for (unsigned i = 0; i < vip->n_endpoints; i++) {
		const struct view_endpoint *e = &v->endpoints[vip->endpoints[i]];

		if (!takes_part(e, panic))
			continue;
		c.sum += e->capacity;
		c.divisor = gcd(e->capacity, c.divisor);
	}
	return c;
}

static void share_out(const struct view *v, const struct view_vip *vip, const struct capacities *c, uint32_t wanted,
		      struct allotment *ret)
{
	/* whole rounds, in each of which every endpoint gets its capacity in lowest terms: no rounding */
	uint32_t round = c->sum / c->divisor;
	uint32_t rounds = wanted / round + (wanted % round != 0);

	if (rounds == 0)
		rounds = 1;
	/* the most that still counts below 2^32 */
	if (rounds > UINT32_MAX / round)
		rounds = UINT32_MAX / round;
	for (unsigned i = 0; i < vip->n_endpoints; i++) {
		const struct view_endpoint *e = &v->endpoints[vip->endpoints[i]];

		if (!takes_part(e, ret->panic))
			continue;
		ret->shares[ret->n_shares++] = (struct allotment_share){
			.endpoint = vip->endpoints[i],
			.share = e->capacity / c->divisor * rounds,
		};
	}
}

int static_source_answer(const struct view *v, const struct allotment_request *request, uint64_t now_ns,
			 uint64_t valid_ns, struct allotment *ret)
{
	const struct view_vip *vip;
	struct capacities c;
	bool panic;

	if (request->vip >= v->n_vips || v->vips[request->vip].addr.family == 0)
		return -ENOENT;
	vip = &v->vips[request->vip];
	if (vip->n_endpoints > ALLOTMENT_MAX_ENDPOINTS)
		return -E2BIG;

	c = capacities_of(v, vip, false);
	panic = c.sum == 0;
	if (panic)
		c = capacities_of(v, vip, true);

	memset(ret, 0, sizeof(*ret));
	ret->vip = request->vip;
	ret->classifier = request->classifier;
	ret->kind = ALLOTMENT_TOKENS;
	ret->made_ns = now_ns;
	ret->valid_ns = valid_ns;
	if (c.sum == 0)
		return 0;
	ret->panic = panic;
	share_out(v, vip, &c, request->wanted, ret);
	return 0;
}
