/* SPDX-License-Identifier: BSD-3-Clause */
/* What a trace tells of a hand-over. */
#include <stdarg.h>
#include <stddef.h>
#include <setjmp.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "world.h"

static const struct trace_filters everybody = { .n = 1, .list = { { .client = { .addr.family = BATON_IPV4 } } } };

/* The lines stand in the steps in this order, others between them. */
static void tells(const struct world *w, const char *const lines[])
{
	const char *at = w->steps;

	for (unsigned i = 0; lines[i]; i++) {
		const char *found = strstr(at, lines[i]);

		if (!found)
			fail_msg("\"%s\" is not behind what came before in:\n%s", lines[i], w->steps);
		at = found + strlen(lines[i]);
	}
}

static void every_step_of_a_hand_over(void **state)
{
	static const char *const lines[] = { "SYN answered with a cookie: MSS 1460",
					     "first 51 bytes\n",
					     "understood: HTTP, GET www.example.org/index.html\n",
					     "no rule takes it: default pool\n",
					     "endpoint chosen",
					     "offered to a host: attempt 1, 51 bytes\n",
					     "host asked what has become of it\n",
					     "host says: there\n",
					     "handed over\n",
					     NULL };
	struct world *w = world_ready(BATON_IPV4);

	w->view->trace = &everybody;
	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_run(w, 10 * WORLD_MS);
	tells(w, lines);
	assert_null(strstr(w->steps, "refused"));
	world_all_gone(w);
}

static void refusals_have_reasons(void **state)
{
	static const char *const lines[] = { "offered to a host: attempt 1",
					     "host says: refused, nothing listens on the virtual address and port\n",
					     "offered to a host: attempt 2",
					     "host says: refused, the listener's accept queue is full\n",
					     "no endpoint takes it\n",
					     "client sent a reset\n",
					     NULL };
	struct world *w = world_ready(BATON_IPV4);

	w->view->trace = &everybody;
	w->hosts[0].refusal = BATON_SHIM_REFUSAL_NO_LISTENER;
	w->hosts[1].refusal = BATON_SHIM_REFUSAL_BACKLOG_FULL;
	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_run(w, 20 * WORLD_MS);
	tells(w, lines);
	world_all_gone(w);
}

static void rules_are_named(void **state)
{
	static const char *const lines[] = { "rule 1: one, reset\n", "client sent a reset\n", NULL };
	struct world *w = world_ready(BATON_IPV4);

	w->view->trace = &everybody;
	w->app.rules = &w->rules;
	w->rules.verdict = (struct rules_verdict){ .action = RULES_RESET };
	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	tells(w, lines);
	world_all_gone(w);
}

static void nothing_is_told_of_nobody(void **state)
{
	struct world *w = world_ready(BATON_IPV4);

	world_shake(w);
	world_data(w, 0, WORLD_HEAD_LEN, 0);
	world_run(w, 10 * WORLD_MS);
	assert_string_equal(w->steps, "");
	world_all_gone(w);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_step_of_a_hand_over),
		cmocka_unit_test(refusals_have_reasons),
		cmocka_unit_test(rules_are_named),
		cmocka_unit_test(nothing_is_told_of_nobody),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
