/* SPDX-License-Identifier: BSD-3-Clause */
#include "classifier/guess.h"

#include <math.h>

#include "classifier/lag.h"
#include "tunnel/siphash.h"

/* Uniform in (0, 1]. */
static double draw(const struct view_endpoint *e, const struct baton_tuple *key)
{
	const struct siphash_key public = { .k0 = 0x6261746f6e, .k1 = 0x6775657373 }; /* "baton", "guess" */
	struct siphash_state s;

	siphash_init(&s, &public);
	siphash_add_words(&s, key, sizeof(*key) / 8);
	siphash_add_words(&s, e->addr, sizeof(e->addr) / 8);
	siphash_add(&s, e->port_be);
	return (double)((siphash_end(&s) >> 11) + 1) * 0x1p-53;
}

uint16_t guess_endpoint(const struct view *v, uint16_t vip, const struct baton_tuple *key)
{
	const struct view_vip *w = &v->vips[vip];
	uint16_t best = VIEW_NONE;
	double best_score = 0;

	for (unsigned i = 0; i < w->n_endpoints; i++) {
		uint16_t id = w->endpoints[i];
		double score;

		if (!lag_endpoint_takes(v, vip, id, false) || v->endpoints[id].capacity == 0)
			continue;
		/* the greatest w / -ln(u); u = 1 gives infinity, which is greatest */
		score = v->endpoints[id].capacity / -log(draw(&v->endpoints[id], key));
		if (best == VIEW_NONE || score > best_score) {
			best = id;
			best_score = score;
		}
	}
	return best;
}
