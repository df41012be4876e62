/* SPDX-License-Identifier: BSD-3-Clause */
#include "peek/rules.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "peek/chars.h"
#include "peek/rules_internal.h"

/* Where a reason goes. */
struct reason {
	char *text;
	size_t size;
};

static int refuse(struct reason why, const char *text)
{
	snprintf(why.text, why.size, "%s", text);
	return -EINVAL;
}

static int no_memory(struct reason why)
{
	snprintf(why.text, why.size, "no memory");
	return -ENOMEM;
}

static bool is_token(const char *text)
{
	for (const char *p = text; *p; p++)
		if (!chars_is((uint8_t)*p, CHAR_TOKEN))
			return false;
	return *text;
}

static bool is_lower_subject(uint8_t subject)
{
	return subject == RULES_HOST || subject == RULES_SNI;
}

static int pattern_check(uint8_t subject, const struct rules_pattern *p, struct reason why)
{
	if (p->match > RULES_PRESENT)
		return refuse(why, "a pattern is compared in no known way");
	if (p->match == RULES_PRESENT)
		return 0;
	if (!p->text || !*p->text)
		return refuse(why, "a pattern is empty");
	if (subject == RULES_PROTOCOL &&
	    (p->match != RULES_EXACT || (strcmp(p->text, "http") && strcmp(p->text, "tls") && strcmp(p->text, "none"))))
		return refuse(why, "a protocol is \"http\", \"tls\" or \"none\"");
	return 0;
}

static int pattern_compile(uint8_t subject, const struct rules_pattern *p, struct rules_compiled_pattern *c,
			   struct reason why)
{
	int r = pattern_check(subject, p, why);

	if (r < 0)
		return r;
	c->match = p->match;
	if (p->match == RULES_PRESENT)
		return 0;
	if (p->match == RULES_REGEX) {
		c->regex = regex_new(p->text, is_lower_subject(subject), true, why.text, why.size);
		return c->regex ? 0 : -EINVAL;
	}
	c->text = strdup(p->text);
	if (!c->text)
		return no_memory(why);
	c->len = (uint32_t)strlen(c->text);
	for (uint32_t i = 0; is_lower_subject(subject) && i < c->len; i++)
		c->text[i] = (char)chars_lower((uint8_t)c->text[i]);
	return 0;
}

static int condition_check(const struct rules_condition *s, struct reason why)
{
	if (s->subject >= RULES_N_SUBJECTS)
		return refuse(why, "a condition is about nothing known");
	if (s->subject == RULES_CLIENT) {
		if (!s->n_prefixes || s->n_patterns)
			return refuse(why, "a condition on clients needs prefixes, and nothing else");
	} else if (!s->n_patterns || s->n_prefixes) {
		return refuse(why, "a condition needs patterns");
	}
	if (s->n_patterns > RULES_MAX_PATTERNS || s->n_prefixes > RULES_MAX_PATTERNS)
		return refuse(why, "a condition has too many patterns");
	if ((s->subject == RULES_HEADER || s->subject == RULES_COOKIE) && (!s->name || !is_token(s->name)))
		return refuse(why, "the name of a header or cookie is missing, or no token");
	if (s->subject == RULES_QUERY && s->name && !*s->name)
		return refuse(why, "the name of a parameter is empty");
	return 0;
}

static int condition_copy(const struct rules_condition *s, struct rules_compiled_condition *c)
{
	c->subject = s->subject;
	c->negate = s->negate;
	if (s->name) {
		c->name = strdup(s->name);
		if (!c->name)
			return -ENOMEM;
		c->name_len = (uint32_t)strlen(c->name);
	}
	if (s->n_prefixes) {
		c->prefixes = calloc(s->n_prefixes, sizeof *c->prefixes);
		if (!c->prefixes)
			return -ENOMEM;
		memcpy(c->prefixes, s->prefixes, s->n_prefixes * sizeof *c->prefixes);
		c->n_prefixes = s->n_prefixes;
	}
	return 0;
}

static int condition_compile(const struct rules_condition *s, struct rules_compiled_condition *c, struct reason why)
{
	int r = condition_check(s, why);

	if (r < 0)
		return r;
	if (condition_copy(s, c) < 0)
		return no_memory(why);
	if (!s->n_patterns)
		return 0;
	c->patterns = calloc(s->n_patterns, sizeof *c->patterns);
	if (!c->patterns)
		return no_memory(why);
	c->n_patterns = s->n_patterns;
	for (unsigned i = 0; i < s->n_patterns; i++) {
		r = pattern_compile(s->subject, &s->patterns[i], &c->patterns[i], why);
		if (r < 0)
			return r;
	}
	return 0;
}

static int action_compile(const struct rules_spec *s, struct rules_compiled *c, struct reason why)
{
	if (s->action > RULES_ANSWER)
		return refuse(why, "no known action");
	c->action = s->action;
	c->pool = s->pool;
	if (s->action != RULES_ANSWER)
		return 0;
	if (!s->answer || !s->answer_len)
		return refuse(why, "the answer is empty");
	c->answer = malloc(s->answer_len);
	if (!c->answer)
		return no_memory(why);
	memcpy(c->answer, s->answer, s->answer_len);
	c->answer_len = s->answer_len;
	return 0;
}

static int name_compile(const struct rules *r, unsigned i, const struct rules_spec *s, struct reason why)
{
	struct rules_compiled *c = &r->rules[i];

	if (s->name && (!*s->name || strlen(s->name) >= sizeof c->name))
		return refuse(why, "the name is empty or too long");
	if (s->name)
		snprintf(c->name, sizeof c->name, "%s", s->name);
	else
		snprintf(c->name, sizeof c->name, "%u", i + 1);
	for (unsigned k = 0; k < i; k++)
		if (!strcmp(c->name, r->rules[k].name))
			return refuse(why, "the name is that of an earlier rule");
	return 0;
}

static int rule_compile(struct rules *rules, unsigned i, const struct rules_spec *s, struct reason why)
{
	struct rules_compiled *c = &rules->rules[i];
	int r = name_compile(rules, i, s, why);

	if (r == 0)
		r = action_compile(s, c, why);
	if (r < 0 || !s->n_conditions)
		return r;
	c->conditions = calloc(s->n_conditions, sizeof *c->conditions);
	if (!c->conditions)
		return no_memory(why);
	c->n_conditions = s->n_conditions;
	for (unsigned k = 0; k < s->n_conditions; k++) {
		r = condition_compile(&s->conditions[k], &c->conditions[k], why);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool has_regex(const struct rules *r)
{
	for (unsigned i = 0; i < r->n; i++)
		for (unsigned k = 0; k < r->rules[i].n_conditions; k++)
			for (unsigned m = 0; m < r->rules[i].conditions[k].n_patterns; m++)
				if (r->rules[i].conditions[k].patterns[m].regex)
					return true;
	return false;
}

static int lcores_init(struct rules *r)
{
	/* whole cache lines, so that lcores do not share any */
	size_t bytes = ((r->n + 2) * sizeof(uint64_t) + 63) / 64 * 64;
	bool regex = has_regex(r);

	for (unsigned i = 0; i < RULES_MAX_LCORES; i++) {
		r->counts[i] = aligned_alloc(64, bytes);
		if (!r->counts[i])
			return -ENOMEM;
		memset(r->counts[i], 0, bytes);
		if (regex && !(r->scratch[i] = regex_scratch_new()))
			return -ENOMEM;
	}
	return 0;
}

struct rules *rules_new(const struct rules_spec *specs, unsigned n, char *why, size_t size, unsigned *ret_at)
{
	struct reason reason = { why, size };
	struct rules *r = calloc(1, sizeof *r);
	unsigned i = 0;
	int error = r ? 0 : no_memory(reason);

	if (error == 0 && n > APPLICATION_MAX_RULES)
		error = refuse(reason, "too many rules");
	if (error == 0 && n && !(r->rules = calloc(n, sizeof *r->rules)))
		error = no_memory(reason);
	for (; error == 0 && i < n; i++) {
		r->n = i + 1;
		error = rule_compile(r, i, &specs[i], reason);
		if (error < 0)
			break;
	}
	if (error == 0 && lcores_init(r) < 0)
		error = no_memory(reason);
	if (error == 0)
		return r;
	*ret_at = i;
	rules_free(r);
	return NULL;
}

static void condition_fini(struct rules_compiled_condition *c)
{
	for (unsigned i = 0; i < c->n_patterns; i++) {
		free(c->patterns[i].text);
		regex_free(c->patterns[i].regex);
	}
	free(c->patterns);
	free(c->prefixes);
	free(c->name);
}

void rules_free(struct rules *r)
{
	if (!r)
		return;
	for (unsigned i = 0; i < r->n; i++) {
		for (unsigned k = 0; k < r->rules[i].n_conditions; k++)
			condition_fini(&r->rules[i].conditions[k]);
		free(r->rules[i].conditions);
		free(r->rules[i].answer);
	}
	for (unsigned i = 0; i < RULES_MAX_LCORES; i++) {
		regex_scratch_free(r->scratch[i]);
		free(r->counts[i]);
	}
	free(r->rules);
	free(r);
}

unsigned rules_n(const struct rules *r)
{
	return r->n;
}

const char *rules_name(const struct rules *r, unsigned i)
{
	return r->rules[i].name;
}

static uint64_t count_of(const struct rules *r, unsigned i)
{
	uint64_t sum = 0;

	for (unsigned k = 0; k < RULES_MAX_LCORES; k++)
		sum += __atomic_load_n(&r->counts[k][i], __ATOMIC_RELAXED);
	return sum;
}

uint64_t rules_hits(const struct rules *r, unsigned i)
{
	return count_of(r, i);
}

uint64_t rules_undecided(const struct rules *r)
{
	return count_of(r, r->n + 1);
}
