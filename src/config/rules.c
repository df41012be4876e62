/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules from the configuration's form into that of src/peek, compiled. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"
#include "peek/rules.h"

static const uint8_t field_subjects[CONFIG_N_FIELDS] = {
	[CONFIG_FIELD_HEADER] = RULES_HEADER,
	[CONFIG_FIELD_COOKIE] = RULES_COOKIE,
	[CONFIG_FIELD_PARAMETER] = RULES_QUERY,
};

static const uint8_t value_matches[CONFIG_N_VALUES] = {
	[CONFIG_VALUE_EXACT] = RULES_EXACT,
	[CONFIG_VALUE_PREFIX] = RULES_PREFIX,
	[CONFIG_VALUE_SUFFIX] = RULES_SUFFIX,
	[CONFIG_VALUE_REGEX] = RULES_REGEX,
};

/* Texts and prefixes of a specification are borrowed from the configuration; patterns and lists are its own. */
static struct rules_condition *condition_add(struct rules_spec *s, uint8_t subject, bool negate, unsigned n_patterns)
{
	struct rules_condition *c = &s->conditions[s->n_conditions];

	c->patterns = n_patterns ? calloc(n_patterns, sizeof *c->patterns) : NULL;
	if (n_patterns && !c->patterns)
		return NULL;
	c->subject = subject;
	c->negate = negate;
	c->n_patterns = n_patterns;
	s->n_conditions++;
	return c;
}

/* "*.a.example" is all that ends in ".a.example", "*" all there is. */
static struct rules_pattern pattern_of(uint8_t subject, uint8_t match, char *text)
{
	if (match == RULES_EXACT && (subject == RULES_HOST || subject == RULES_SNI) && text[0] == '*')
		return text[1] ? (struct rules_pattern){ RULES_SUFFIX, text + 1 }
			       : (struct rules_pattern){ RULES_PRESENT, NULL };
	return (struct rules_pattern){ match, text };
}

static int texts_add(struct rules_spec *s, uint8_t subject, uint8_t match, bool negate, char *name,
		     const struct config_texts *t)
{
	struct rules_condition *c = condition_add(s, subject, negate, t->n);

	if (!c)
		return -ENOMEM;
	c->name = name;
	for (unsigned i = 0; i < t->n; i++)
		c->patterns[i] = pattern_of(subject, match, t->text[i]);
	return 0;
}

static int presence_add(struct rules_spec *s, uint8_t subject, bool negate, char *name)
{
	struct rules_condition *c = condition_add(s, subject, negate, 1);

	if (!c)
		return -ENOMEM;
	c->name = name;
	c->patterns[0].match = RULES_PRESENT;
	return 0;
}

static int field_add(struct rules_spec *s, uint8_t subject, bool negate, const struct config_field *f)
{
	unsigned before = s->n_conditions;
	int err = 0;

	for (unsigned i = 0; i < CONFIG_N_VALUES && !err; i++)
		if (f->values[i].n)
			err = texts_add(s, subject, value_matches[i], negate, f->name, &f->values[i]);
	if (!err && s->n_conditions == before)
		err = presence_add(s, subject, negate, f->name);
	return err;
}

static int clients_add(struct rules_spec *s, bool negate, const struct config_clients *clients)
{
	struct rules_condition *c = condition_add(s, RULES_CLIENT, negate, 0);

	c->prefixes = clients->prefix;
	c->n_prefixes = clients->n;
	return 0;
}

static int conditions_add(struct rules_spec *s, const struct config_rule *r, unsigned negate)
{
	int err = 0;

	for (unsigned i = 0; i < CONFIG_N_CONDITIONS && !err; i++)
		if (r->texts[i][negate].n)
			err = texts_add(s, config_condition_kinds[i].subject, config_condition_kinds[i].match, negate,
					NULL, &r->texts[i][negate]);
	for (unsigned k = 0; k < CONFIG_N_FIELDS; k++)
		for (unsigned i = 0; i < r->fields[k][negate].n && !err; i++)
			err = field_add(s, field_subjects[k], negate, &r->fields[k][negate].field[i]);
	if (!err && r->clients[negate].n)
		err = clients_add(s, negate, &r->clients[negate]);
	return err;
}

/* How many conditions there may be at most. */
static unsigned conditions_most(const struct config_rule *r)
{
	unsigned n = 2 * (CONFIG_N_CONDITIONS + 1);

	for (unsigned k = 0; k < CONFIG_N_FIELDS; k++)
		n += CONFIG_N_VALUES * (r->fields[k][0].n + r->fields[k][1].n);
	return n;
}

static int action_set(struct rules_spec *s, const struct config_vip *v, const struct config_rule *r)
{
	char why[CONF_WHY_SIZE];
	size_t len = 0;
	int err = 0;

	if (r->pool) {
		s->action = RULES_POOL;
		s->pool = (uint16_t)config_pool_find(v, r->pool);
	} else if (r->refuse) {
		s->action = r->refuse == CONFIG_REFUSE_RESET ? RULES_RESET : RULES_DROP;
	} else {
		s->action = RULES_ANSWER;
		err = config_answer_render(&r->answer, &s->answer, &len, why, sizeof why);
		s->answer_len = (uint32_t)len;
	}
	return err;
}

static int spec_fill(struct rules_spec *s, const struct config_vip *v, const struct config_rule *r)
{
	int err;

	s->name = r->name;
	s->conditions = calloc(conditions_most(r), sizeof *s->conditions);
	if (!s->conditions)
		return -ENOMEM;
	err = conditions_add(s, r, 0);
	if (!err)
		err = conditions_add(s, r, 1);
	return err ? err : action_set(s, v, r);
}

static void specs_free(struct rules_spec *specs, unsigned n)
{
	for (unsigned i = 0; specs && i < n; i++) {
		for (unsigned k = 0; k < specs[i].n_conditions; k++)
			free(specs[i].conditions[k].patterns);
		free(specs[i].conditions);
		free(specs[i].answer);
	}
	free(specs);
}

static void text_print(FILE *out, const char *text)
{
	fprintf(out, "%zu:%s,", text ? strlen(text) : 0, text ? text : "");
}

static void condition_print(FILE *out, const struct rules_condition *c)
{
	fprintf(out, "\n %u %d ", c->subject, c->negate);
	text_print(out, c->name);
	for (unsigned i = 0; i < c->n_patterns; i++) {
		fprintf(out, " %u ", c->patterns[i].match);
		text_print(out, c->patterns[i].text);
	}
	for (unsigned i = 0; i < c->n_prefixes; i++)
		fwrite(&c->prefixes[i], sizeof c->prefixes[i], 1, out);
}

/* All that makes rules what they are: equal texts, equal rules. */
static int specs_print(const struct rules_spec *specs, unsigned n, char **ret, size_t *ret_len)
{
	char *text = NULL;
	size_t len = 0;
	FILE *out = open_memstream(&text, &len);

	if (!out)
		return -ENOMEM;
	for (unsigned i = 0; i < n; i++) {
		text_print(out, specs[i].name);
		fprintf(out, " %u %u ", specs[i].action, specs[i].pool);
		text_print(out, specs[i].answer);
		for (unsigned k = 0; k < specs[i].n_conditions; k++)
			condition_print(out, &specs[i].conditions[k]);
		fputc('\n', out);
	}
	if (fclose(out) != 0) {
		free(text);
		return -ENOMEM;
	}
	*ret = text;
	*ret_len = len;
	return 0;
}

static int specs_compile(struct config_vip *v, const struct rules_spec *specs, const struct conf_doc *doc,
			 struct conf_findings *f)
{
	char why[CONF_WHY_SIZE] = "", path[48];
	unsigned at = 0;

	v->compiled = rules_new(specs, v->n_rules, why, sizeof why, &at);
	if (v->compiled)
		return specs_print(specs, v->n_rules, &v->compiled_from, &v->compiled_from_len);
	snprintf(path, sizeof path, at < v->n_rules ? "vip.rules[%u]" : "vip.rules", at);
	conf_error(f, doc, path, "%s", why);
	return 0;
}

int config_rules_compile(struct config_vip *v, const struct conf_doc *doc, struct conf_findings *f)
{
	struct rules_spec *specs;
	int err = 0;

	if (!v->n_rules)
		return 0;
	specs = calloc(v->n_rules, sizeof *specs);
	if (!specs)
		return -ENOMEM;
	for (unsigned i = 0; i < v->n_rules && !err; i++)
		err = spec_fill(&specs[i], v, &v->rules[i]);
	if (!err)
		err = specs_compile(v, specs, doc, f);
	specs_free(specs, v->n_rules);
	return err;
}

static bool same_rules(const struct config_vip *v, const struct config_vip *w)
{
	return v->port == w->port && v->proto == w->proto && baton_addr_equal(&v->addr, &w->addr) && v->compiled_from &&
	       w->compiled_from && v->compiled_from_len == w->compiled_from_len &&
	       !memcmp(v->compiled_from, w->compiled_from, v->compiled_from_len);
}

void config_rules_exchange(struct config *a, struct config *b)
{
	for (unsigned i = 0; i < a->n_vips; i++) {
		for (unsigned k = 0; k < b->n_vips; k++) {
			struct rules *r = a->vips[i].compiled;

			if (!same_rules(&a->vips[i], &b->vips[k]))
				continue;
			a->vips[i].compiled = b->vips[k].compiled;
			b->vips[k].compiled = r;
			break;
		}
	}
}
