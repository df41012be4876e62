/* SPDX-License-Identifier: BSD-3-Clause */
#include "rules_double.h"

unsigned rules_n(const struct rules *r)
{
	return 1;
}

const char *rules_name(const struct rules *r, unsigned i)
{
	return "one";
}

void rules_apply(struct rules *r, unsigned lcore, const struct peek_head *head, const struct baton_tuple *key,
		 struct rules_verdict *ret)
{
	r->n_asked++;
	r->last = *head;
	*ret = r->verdict;
}
