/* SPDX-License-Identifier: BSD-3-Clause */
/* Two workers share no cache line of what they write, wherever the allocator puts them. */
#include "forwarder/route_table.h"
#include "lcore.h"

#define LINE 64
#define N_ROUTES 100 /* nothing that fills lines by itself */
#define MAX_SPANS 16

struct spans {
	unsigned n;
	uintptr_t first[MAX_SPANS], last[MAX_SPANS]; /* lines */
};

static void add(struct spans *s, const void *p, size_t size)
{
	assert_non_null(p);
	assert_true(size && s->n < MAX_SPANS);
	s->first[s->n] = (uintptr_t)p / LINE;
	s->last[s->n++] = ((uintptr_t)p + size - 1) / LINE;
}

static void add_table(struct spans *s, const struct route_table *t)
{
	size_t entry = t->family == BATON_IPV4 ? sizeof *t->entries4 : sizeof *t->entries6;

	add(s, t, sizeof *t);
	add(s, t->buckets, t->n_buckets * sizeof *t->buckets);
	add(s, t->entries, t->n_buckets * ROUTE_PLACES * entry);
}

static void add_worker(struct spans *s, const struct forwarder_worker *w)
{
	add(s, w, sizeof *w);
	add(s, w->endpoints, 64 * sizeof *w->endpoints); /* as many as the fixture asks for */
	add(s, w->peers, w->max_peers * sizeof *w->peers);
	add_table(s, w->routes4);
	add_table(s, w->routes6);
}

static void workers_share_no_line(void **state)
{
	struct lcore *l = *state;
	struct forwarder_worker *workers[3] = { l->w, lcore_worker_new(l, N_ROUTES, NULL),
						lcore_worker_new(l, N_ROUTES, NULL) };
	struct spans s[3] = { 0 };

	for (unsigned i = 0; i < 3; i++)
		add_worker(&s[i], workers[i]);
	for (unsigned i = 0; i < 3; i++)
		for (unsigned k = 0; k < i; k++)
			for (unsigned a = 0; a < s[i].n; a++)
				for (unsigned b = 0; b < s[k].n; b++)
					assert_true(s[i].last[a] < s[k].first[b] || s[k].last[b] < s[i].first[a]);
	forwarder_worker_free(workers[1]);
	forwarder_worker_free(workers[2]);
}

static void a_worker_begins_with_a_line(void **state)
{
	struct lcore *l = *state;

	assert_int_equal((uintptr_t)l->w % LINE, 0);
	assert_int_equal((uintptr_t)l->w->endpoints % LINE, 0);
	assert_int_equal((uintptr_t)l->w->routes4->buckets % LINE, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(workers_share_no_line, lcore_setup, lcore_teardown),
		cmocka_unit_test_setup_teardown(a_worker_begins_with_a_line, lcore_setup, lcore_teardown),
	};

	return cmocka_run_group_tests(tests, lcore_group_setup, NULL);
}
