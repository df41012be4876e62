/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Rules over a client's first bytes. An input is a pattern, a line end, and the
 * bytes. Whatever they are: one rule or none takes the client, what holds does
 * not hold negated, and machine code and interpreter never contradict each other.
 */
#include <stdlib.h>
#include <string.h>

#include "peek/regex.h"
#include "peek/rules.h"

#define PATTERN_MAX 100

static void expect(bool what)
{
	if (!what)
		abort();
}

/* A rule for each way to compare each thing, plain and negated. */
static void try_rules(char *pattern, const struct peek_head *head)
{
	static char name[] = "a";
	static const struct baton_tuple key = { .family = BATON_IPV4 };

	for (uint8_t subject = 0; subject < RULES_N_SUBJECTS; subject++) {
		for (uint8_t match = RULES_EXACT; match <= RULES_PRESENT; match++) {
			struct rules_pattern p = { match, pattern };
			struct rules_condition c[2] = {
				{ .subject = subject, .name = name, .n_patterns = 1, .patterns = &p },
				{ .subject = subject, .name = name, .n_patterns = 1, .patterns = &p, .negate = true },
			};
			struct rules_spec specs[2] = { { .n_conditions = 1, .conditions = &c[0], .pool = 1 },
						       { .n_conditions = 1, .conditions = &c[1], .pool = 2 } };
			char why[200] = "";
			unsigned at = 9;
			struct rules *r = rules_new(specs, 2, why, sizeof why, &at);
			struct rules_verdict v;

			if (!r) {
				expect(why[0] && at == 0);
				continue;
			}
			rules_apply(r, 1, head, &key, &v);
			expect(v.rule <= 2 && v.pool == (v.rule + 1) % 3 && rules_hits(r, v.rule) == 1);
			expect(v.rule < 2 ? rules_undecided(r) == 0 : rules_undecided(r) == 2);
			rules_free(r);
		}
	}
}

static void try_regex(const char *pattern, struct peek_span subject)
{
	struct regex_scratch *scratch = regex_scratch_new();
	enum regex_result result[2] = { REGEX_UNDECIDED, REGEX_UNDECIDED };
	char why[200];

	expect(scratch != NULL);
	for (unsigned jit = 0; jit < 2; jit++) {
		struct regex *r = regex_new(pattern, false, jit, why, sizeof why);

		if (r)
			result[jit] = regex_match(r, scratch, subject);
		regex_free(r);
	}
	expect(result[0] == result[1] || result[0] == REGEX_UNDECIDED || result[1] == REGEX_UNDECIDED);
	regex_scratch_free(scratch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static struct peek_head head;
	const uint8_t *end = memchr(data, '\n', size < PATTERN_MAX ? size : PATTERN_MAX);
	char pattern[PATTERN_MAX + 1] = "";
	struct peek_state state = { 0 };
	struct peek_span rest;

	if (!end || size > PEEK_MAX_LEN)
		return 0;
	memcpy(pattern, data, (size_t)(end - data));
	rest = (struct peek_span){ end + 1, (uint32_t)(size - (size_t)(end + 1 - data)) };
	if (peek_head(&state, APPLICATION_ANY, rest.p, rest.len, PEEK_MAX_LEN, &head) != PEEK_COMPLETE)
		peek_head_clear(&head);
	try_rules(pattern, &head);
	try_regex(pattern, rest);
	return 0;
}
