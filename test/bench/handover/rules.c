/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules as a site with some history has them. */
#include <stdio.h>

#include "rig.h"

#define N_RULES 20
#define N_CONDITIONS 2
#define N_PATTERNS 4

struct plain_condition {
	uint8_t subject, match;
	const char *name;
	const char *patterns[N_PATTERNS];
};

static const struct {
	uint16_t pool;
	struct plain_condition conditions[N_CONDITIONS]; /* the second one maybe without patterns */
} plain[N_RULES] = {
	{ 1, { { RULES_PATH, RULES_PREFIX, NULL, { "/api/v1/" } } } },
	{ 2, { { RULES_PATH, RULES_PREFIX, NULL, { "/api/v2/", "/api/v3/" } } } },
	{ 3, { { RULES_PATH, RULES_SUFFIX, NULL, { ".png", ".jpg", ".css", ".js" } } } },
	{ 1, { { RULES_HOST, RULES_EXACT, NULL, { "shop.example.org", "store.example.org" } } } },
	{ 3, { { RULES_HOST, RULES_SUFFIX, NULL, { ".static.example.org" } } } },
	{ 2,
	  { { RULES_METHOD, RULES_EXACT, NULL, { "POST", "PUT" } },
	    { RULES_PATH, RULES_PREFIX, NULL, { "/upload/" } } } },
	{ 1, { { RULES_COOKIE, RULES_PRESENT, "beta", { "" } } } },
	{ 1, { { RULES_HEADER, RULES_EXACT, "X-Tenant", { "red", "green", "blue" } } } },
	{ 2, { { RULES_QUERY, RULES_EXACT, "debug", { "1", "yes" } } } },
	{ 2, { { RULES_PATH, RULES_REGEX, NULL, { "^/item/[0-9]+/(edit|view)$" } } } },
	{ 1,
	  { { RULES_HOST,
	      RULES_EXACT,
	      NULL,
	      { "a.example.org", "b.example.org", "c.example.org", "d.example.org" } } } },
	{ 3, { { RULES_PATH, RULES_EXACT, NULL, { "/health", "/ready" } } } },
	{ 3, { { RULES_METHOD, RULES_EXACT, NULL, { "OPTIONS", "HEAD" } } } },
	{ 1, { { RULES_COOKIE, RULES_EXACT, "lang", { "fr", "it" } } } },
	{ 2, { { RULES_HEADER, RULES_PREFIX, "Accept-Language", { "pt", "es" } } } },
	{ 3, { { RULES_PATH, RULES_PREFIX, NULL, { "/img/", "/fonts/", "/video/", "/js/" } } } },
	{ 2, { { RULES_PATH, RULES_SUFFIX, NULL, { ".php" } }, { RULES_HOST, RULES_PREFIX, NULL, { "old." } } } },
	{ 1, { { RULES_HEADER, RULES_PRESENT, "Upgrade", { "" } } } },
	{ 2, { { RULES_QUERY, RULES_EXACT, "version", { "2" } } } },
	{ 3, { { RULES_PATH, RULES_PREFIX, NULL, { "/last/" } } } },
};

static void fill_condition(struct rules_condition *c, struct rules_pattern *patterns, const struct plain_condition *p)
{
	*c = (struct rules_condition){ .subject = p->subject, .name = (char *)p->name, .patterns = patterns };
	for (; c->n_patterns < N_PATTERNS && p->patterns[c->n_patterns]; c->n_patterns++)
		patterns[c->n_patterns] =
			(struct rules_pattern){ .match = p->match, .text = (char *)p->patterns[c->n_patterns] };
}

struct rules *bench_rules_new(void)
{
	struct rules_pattern patterns[N_RULES][N_CONDITIONS][N_PATTERNS];
	struct rules_condition conditions[N_RULES][N_CONDITIONS];
	struct rules_spec specs[N_RULES] = { 0 };
	struct rules *rules;
	char why[256];
	unsigned at;

	for (unsigned i = 0; i < N_RULES; i++) {
		specs[i].action = RULES_POOL;
		specs[i].pool = plain[i].pool;
		specs[i].conditions = conditions[i];
		for (unsigned j = 0; j < N_CONDITIONS && plain[i].conditions[j].patterns[0]; j++) {
			fill_condition(&conditions[i][j], patterns[i][j], &plain[i].conditions[j]);
			specs[i].n_conditions++;
		}
	}
	rules = rules_new(specs, N_RULES, why, sizeof why, &at);
	if (!rules)
		fprintf(stderr, "baton-bench-handover: rule %u: %s\n", at + 1, why);
	return rules;
}
