/* SPDX-License-Identifier: BSD-3-Clause */
/* In place of rules over heads: one verdict for all. */
#ifndef BATON_TEST_RULES_DOUBLE_H
#define BATON_TEST_RULES_DOUBLE_H

#include "peek/rules.h"

struct rules {
	struct rules_verdict verdict; /* .rule 0: it; 1: no rule takes it */
	unsigned n_asked;
	struct peek_head last;
};

#endif
