/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules as they are compiled (rules.c) and applied (rules_apply.c). */
#ifndef BATON_PEEK_RULES_INTERNAL_H
#define BATON_PEEK_RULES_INTERNAL_H

#include "peek/regex.h"
#include "peek/rules.h"

struct rules_compiled_pattern {
	uint8_t match; /* enum rules_match */
	char *text;    /* owned; in lower case where the subject is */
	uint32_t len;
	struct regex *regex; /* owned; REGEX */
};

struct rules_compiled_condition {
	uint8_t subject; /* enum rules_subject */
	bool negate;
	char *name; /* owned */
	uint32_t name_len;
	unsigned n_patterns;
	struct rules_compiled_pattern *patterns; /* owned */
	unsigned n_prefixes;
	struct baton_prefix *prefixes; /* owned */
};

struct rules_compiled {
	char name[RULES_NAME_MAX];
	unsigned n_conditions;
	struct rules_compiled_condition *conditions; /* owned */
	uint8_t action;                              /* enum rules_action */
	uint16_t pool;
	char *answer; /* owned */
	uint32_t answer_len;
};

struct rules {
	unsigned n;
	struct rules_compiled *rules;                    /* owned */
	struct regex_scratch *scratch[RULES_MAX_LCORES]; /* owned; if there is a REGEX */
	/* by lcore, whose only writer it is: hits of each rule, of none, and undecided conditions */
	uint64_t *counts[RULES_MAX_LCORES];
};

#endif
