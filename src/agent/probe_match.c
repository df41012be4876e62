/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/probe_match.h"

#include <string.h>

static bool is_matched(const regex_t *expression, const char *body, size_t len)
{
	regmatch_t range = { .rm_so = 0, .rm_eo = (regoff_t)len };

	return !regexec(expression, body, 1, &range, REG_STARTEND);
}

void probe_match(const struct probe_config *c, const regex_t *expression, long status, const char *body, size_t len,
		 struct probe_result *ret)
{
	char wanted[64];

	if (!probe_status_wanted(c, status))
		probe_result_set(ret, false, "HTTP %ld, want %s", status,
				 probe_status_format(c, wanted, sizeof wanted));
	else if (c->body_contains && !memmem(body, len, c->body_contains, strlen(c->body_contains)))
		probe_result_set(ret, false, "HTTP %ld, body lacks \"%s\"", status, c->body_contains);
	else if (expression && !is_matched(expression, body, len))
		probe_result_set(ret, false, "HTTP %ld, body does not match \"%s\"", status, c->body_matches);
	else
		probe_result_set(ret, true, "HTTP %ld", status);
}
