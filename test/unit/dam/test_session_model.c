/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * The smallest table there is, two buckets, beside a plain list: every session
 * may stand in any of its ten places, so the one that goes is exactly known.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

#include "dam/session.h"

#define PLACES 10
#define KEYS 24
#define SEEDS 300
#define STEPS 1000

struct model_session {
	bool there;
	uint16_t endpoint;
	uint32_t used_s, timeout_s;
};

struct model {
	struct model_session by_key[KEYS];
};

static bool model_expired(const struct model_session *m, uint32_t now_s)
{
	return now_s - m->used_s > m->timeout_s;
}

static unsigned model_count(const struct model *m, uint32_t now_s)
{
	unsigned n = 0;

	for (unsigned i = 0; i < KEYS; i++)
		n += m->by_key[i].there && !model_expired(&m->by_key[i], now_s);
	return n;
}

/* How many places are taken, by the dead as well. */
static unsigned model_taken(const struct model *m)
{
	unsigned n = 0;

	for (unsigned i = 0; i < KEYS; i++)
		n += m->by_key[i].there;
	return n;
}

/* May this one go for a new one? The expired before the others, the oldest before the younger. */
static bool model_may_go(const struct model *m, unsigned key, uint32_t now_s)
{
	const struct model_session *x = &m->by_key[key];

	for (unsigned i = 0; i < KEYS; i++) {
		const struct model_session *y = &m->by_key[i];

		if (!y->there || i == key)
			continue;
		if (model_expired(x, now_s) < model_expired(y, now_s))
			return false;
		if (model_expired(x, now_s) == model_expired(y, now_s) && now_s - x->used_s < now_s - y->used_s)
			return false;
	}
	return true;
}

struct run {
	struct sessions *s;
	struct session_key keys[KEYS];
	struct model model;
	uint32_t now_s;
};

static void step_find(struct run *r, unsigned key)
{
	struct model_session *m = &r->model.by_key[key];
	bool want = m->there && !model_expired(m, r->now_s);
	uint16_t endpoint = 0;

	assert_int_equal(sessions_find(r->s, &r->keys[key], r->now_s, &endpoint), want);
	if (!want)
		return;
	assert_int_equal(endpoint, m->endpoint);
	m->used_s = r->now_s;
}

/* Who went? Looking counts as use, so all that are alive are used at this second then. */
static void learn_who_went(struct run *r, unsigned added, bool evicted)
{
	unsigned gone = 0;

	for (unsigned i = 0; i < KEYS; i++) {
		struct model_session *m = &r->model.by_key[i];
		uint16_t endpoint;

		if (!m->there || i == added)
			continue;
		if (model_expired(m, r->now_s)) {
			/* dead or gone: the table does not tell */
			m->there = false;
			sessions_del(r->s, &r->keys[i]);
			continue;
		}
		if (sessions_find(r->s, &r->keys[i], r->now_s, &endpoint)) {
			assert_int_equal(endpoint, m->endpoint);
			continue;
		}
		assert_true(model_may_go(&r->model, i, r->now_s));
		gone++;
		m->there = false;
	}
	assert_int_equal(gone, evicted);
	for (unsigned i = 0; i < KEYS; i++)
		if (r->model.by_key[i].there)
			r->model.by_key[i].used_s = r->now_s;
}

static void step_add(struct run *r, unsigned key)
{
	struct model_session *m = &r->model.by_key[key];
	bool full = model_taken(&r->model) == PLACES, was = m->there, evicted;
	uint16_t endpoint = (uint16_t)rand();
	uint32_t timeout_s = (uint32_t)(rand() % 40);

	assert_int_equal(sessions_add(r->s, &r->keys[key], endpoint, timeout_s, r->now_s, &evicted), !was);
	if (was)
		assert_false(evicted);
	else if (!full)
		assert_false(evicted);
	*m = (struct model_session){ true, endpoint, r->now_s, timeout_s };
	if (!was && full)
		learn_who_went(r, key, evicted);
}

static void step(struct run *r)
{
	unsigned key = (unsigned)rand() % KEYS;

	switch (rand() % 8) {
	case 0:
		sessions_del(r->s, &r->keys[key]);
		r->model.by_key[key].there = false;
		break;
	case 1:
		r->now_s += (uint32_t)rand() % 20;
		break;
	case 2:
	case 3:
	case 4:
		step_add(r, key);
		break;
	default:
		step_find(r, key);
	}
	assert_int_equal(sessions_count(r->s, r->now_s), model_count(&r->model, r->now_s));
}

static void it_does_what_the_model_does(void **state)
{
	(void)state;
	for (unsigned seed = 0; seed < SEEDS; seed++) {
		struct run r = { .now_s = UINT32_MAX - 500 }; /* seconds wrap on the way */

		srand(seed);
		r.s = sessions_new(1, (const uint8_t *)"sixteen bytes k");
		assert_non_null(r.s);
		for (unsigned i = 0; i < KEYS; i++) {
			const struct baton_affinity a = { .kind = BATON_AFFINITY_CLIENT };
			uint8_t client[4] = { 10, (uint8_t)seed, 0, (uint8_t)i };

			sessions_key(r.s, 0, &a, client, sizeof client, &r.keys[i]);
		}
		for (unsigned i = 0; i < STEPS; i++)
			step(&r);
		sessions_free(r.s);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(it_does_what_the_model_does) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
