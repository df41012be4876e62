/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "tunnel/replay.h"

/* What the window stands for: the numbers accepted so far that are not too old. */
struct model {
	uint64_t top;
	uint64_t seen[REPLAY_WINDOW];
	unsigned n;
};

static enum replay_verdict model_check(struct model *m, uint64_t seq)
{
	unsigned kept = 0;

	if (seq <= m->top && m->top - seq >= REPLAY_WINDOW)
		return REPLAY_TOO_OLD;
	for (unsigned i = 0; i < m->n; i++)
		if (m->seen[i] == seq)
			return REPLAY_SEEN;
	if (seq > m->top)
		m->top = seq;
	for (unsigned i = 0; i < m->n; i++)
		if (m->top - m->seen[i] < REPLAY_WINDOW)
			m->seen[kept++] = m->seen[i];
	m->n = kept;
	assert_true(m->n < REPLAY_WINDOW);
	m->seen[m->n++] = seq;
	return REPLAY_OK;
}

static uint64_t random_next(uint64_t *s)
{
	*s ^= *s << 13;
	*s ^= *s >> 7;
	*s ^= *s << 17;
	return *s;
}

/* A walk from start: small steps up and down, repeats, jumps over part of the window and far beyond it. */
static void walk(uint64_t start, unsigned steps)
{
	struct replay_window w = { 0 };
	struct model m = { .top = 0 };
	uint64_t s = 0xa0761d6478bd642f ^ start, seq = start;
	unsigned verdicts[3] = { 0 };

	for (unsigned i = 0; i < steps; i++) {
		uint64_t r = random_next(&s), by = r >> 32;
		enum replay_verdict v;

		switch (r % 8) {
		case 0:
			seq = m.top + by % 130;
			break;
		case 1:
			seq = m.top + by % (2 * REPLAY_WINDOW);
			break;
		case 2:
			seq = by % 64 ? m.top : m.top + (by << (r >> 8) % 16);
			break;
		case 3:
			seq = m.top - by % (REPLAY_WINDOW + 70);
			break;
		default:
			seq = m.top + 3 - by % 80;
		}
		v = model_check(&m, seq);
		assert_int_equal(replay_check(&w, seq), v);
		assert_true(w.top == m.top);
		verdicts[v]++;
	}
	/* the walk has been where it was meant to go */
	assert_true(verdicts[REPLAY_OK] > steps / 100);
	assert_true(verdicts[REPLAY_SEEN] > steps / 100);
	assert_true(verdicts[REPLAY_TOO_OLD] > steps / 100);
}

static void test_model_low(void **state)
{
	walk(0, 40000);
}

static void test_model_clock(void **state)
{
	walk(1790000000000000000, 40000);
}

/* Up to the last number there is, from each distance below it. */
static void test_near_the_end(void **state)
{
	for (uint64_t below = 0; below < 3 * REPLAY_WINDOW; below += 7) {
		struct replay_window w = { 0 };
		struct model m = { .top = 0 };
		uint64_t s = below + 1;

		for (unsigned i = 0; i < 400; i++) {
			uint64_t seq = UINT64_MAX - (i ? random_next(&s) % (below + 1) : below);

			assert_int_equal(replay_check(&w, seq), model_check(&m, seq));
		}
		assert_int_equal(replay_check(&w, UINT64_MAX), model_check(&m, UINT64_MAX));
		assert_int_equal(replay_check(&w, UINT64_MAX), REPLAY_SEEN);
		/* no wrap: what comes after is old */
		assert_int_equal(replay_check(&w, 0), REPLAY_TOO_OLD);
	}
}

static void test_edges(void **state)
{
	struct replay_window w = { 0 };

	assert_int_equal(replay_check(&w, 0), REPLAY_OK);
	assert_int_equal(replay_check(&w, 0), REPLAY_SEEN);
	assert_int_equal(replay_check(&w, REPLAY_WINDOW - 1), REPLAY_OK);
	assert_int_equal(replay_check(&w, 0), REPLAY_SEEN);
	assert_int_equal(replay_check(&w, REPLAY_WINDOW), REPLAY_OK);
	assert_int_equal(replay_check(&w, 0), REPLAY_TOO_OLD);
	assert_int_equal(replay_check(&w, 1), REPLAY_OK);
	/* a jump by exactly the ring, and by far more */
	for (unsigned words = 6; words < 18; words++) {
		uint64_t top = w.top + words * 64u;

		assert_int_equal(replay_check(&w, top), REPLAY_OK);
		for (uint64_t back = 1; back < REPLAY_WINDOW && back < words * 64u; back++)
			assert_int_equal(replay_check(&w, top - back), REPLAY_OK);
		for (uint64_t back = 0; back < REPLAY_WINDOW && back < words * 64u; back++)
			assert_int_equal(replay_check(&w, top - back), REPLAY_SEEN);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_model_low),
		cmocka_unit_test(test_model_clock),
		cmocka_unit_test(test_near_the_end),
		cmocka_unit_test(test_edges),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
