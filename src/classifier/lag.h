/* SPDX-License-Identifier: BSD-3-Clause */
/* The running record behind tokens.h: weights, lags, and the choice by them. */
#ifndef BATON_CLASSIFIER_LAG_H
#define BATON_CLASSIFIER_LAG_H

#include "classifier/tokens.h"

/*
 * May this endpoint get a new connection of the VIP? In a panic (every endpoint
 * looks dead) one that looks dead may, one that is no longer configured never.
 */
static inline bool lag_endpoint_takes(const struct view *v, uint16_t vip, uint16_t endpoint, bool panic)
{
	const struct view_endpoint *e;

	if (endpoint >= v->n_endpoints)
		return false;
	e = &v->endpoints[endpoint];
	return (e->usable || panic) && !e->retired && e->vip == vip && e->family == v->vips[vip].addr.family;
}

/* Account for the tokens used since: each endpoint should have had its weight of them. */
void lag_settle(struct tokens *t, struct tokens_vip *s);
/* New weights; endpoints that stay keep their lag, as long as it is no larger than their share. */
void lag_weights_from_allotment(struct tokens *t, struct tokens_vip *s, const struct allotment *a);
void lag_weights_from_capacities(struct tokens *t, struct tokens_vip *s, const struct view *v, uint16_t vip);
/* The endpoint whose turn it is by weight, or VIEW_NONE if none can take a connection. except may be NULL. */
uint16_t lag_choose(struct tokens *t, struct tokens_vip *s, const struct view *v, uint16_t vip,
		    const struct tokens_except *except);

/* How many connections an endpoint got beyond its share. */
static inline uint32_t lag_ahead(const struct tokens *t, uint16_t endpoint)
{
	int64_t lag = t->endpoints[endpoint].lag;

	return lag < 0 ? (uint32_t)(-lag / TOKENS_ONE) : 0;
}

#endif
