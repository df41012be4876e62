/* SPDX-License-Identifier: BSD-3-Clause */
#include <string.h>

#include "peek/rules.h"
#include "peek/rules_internal.h"
#include "peek/span.h"

/* Undecided regular expressions of one connection, after which no more are tried: they are what takes long. */
#define UNDECIDED_MAX 4

/*
 * What all regular expressions over one connection may cost: one over a long value goes at worst with the square
 * of its length, one over a short value is still a call. 16 over 1 KB, 126 over 300 bytes, 1290 over 50.
 */
#define REGEX_CALL_LEN 64u
#define REGEX_BUDGET (16u * (REGEX_SUBJECT_MAX + REGEX_CALL_LEN) * (REGEX_SUBJECT_MAX + REGEX_CALL_LEN))

struct subject {
	const struct peek_head *head;
	const struct baton_tuple *key;
	struct regex_scratch *scratch;
	unsigned n_undecided;
	uint32_t regex_budget;
};

/* Goes over the values that a condition is about. */
struct values {
	const struct peek_head *head;
	const struct rules_compiled_condition *condition;
	unsigned next;
	struct peek_span rest; /* of a query */
};

static struct peek_span text_span(const char *text)
{
	return (struct peek_span){ (const uint8_t *)text, (uint32_t)strlen(text) };
}

static struct peek_span protocol_span(uint8_t kind)
{
	return text_span(kind == PEEK_HTTP ? "http" : kind == PEEK_TLS ? "tls" : "none");
}

/* All fields of the name count: a second one must not hide from a rule. */
static bool next_field(struct values *v, struct peek_span *ret)
{
	while (v->next < v->head->n_fields) {
		const struct peek_field *f = &v->head->fields[v->next++];

		if (span_is_name(f->name, v->condition->name, v->condition->name_len)) {
			*ret = f->value;
			return true;
		}
	}
	return false;
}

/* name=value pairs between '&'; without '=' the value is empty. */
static bool next_parameter(struct values *v, struct peek_span *ret)
{
	const struct rules_compiled_condition *c = v->condition;

	if (v->next++ == 0)
		v->rest = v->head->query;
	while (v->rest.len) {
		struct peek_span pair = span_split(&v->rest, '&');

		if (pair.len < c->name_len || memcmp(pair.p, c->name, c->name_len))
			continue;
		if (pair.len == c->name_len || pair.p[c->name_len] == '=') {
			uint32_t at = pair.len == c->name_len ? pair.len : c->name_len + 1;

			*ret = (struct peek_span){ pair.p + at, pair.len - at };
			return true;
		}
	}
	return false;
}

static struct peek_span single_value(const struct peek_head *h, const struct rules_compiled_condition *c)
{
	switch (c->subject) {
	case RULES_METHOD:
		return h->method;
	case RULES_HOST:
		return h->host;
	case RULES_PATH:
		return h->path;
	case RULES_QUERY:
		return h->query;
	case RULES_COOKIE:
		return peek_head_cookie(h, c->name);
	case RULES_SNI:
		return h->sni;
	case RULES_PROTOCOL:
		return protocol_span(h->kind);
	default:
		return (struct peek_span){ 0 };
	}
}

static bool next_value(struct values *v, struct peek_span *ret)
{
	const struct rules_compiled_condition *c = v->condition;

	if (c->subject == RULES_HEADER)
		return next_field(v, ret);
	if (c->subject == RULES_QUERY && c->name)
		return next_parameter(v, ret);
	if (c->subject == RULES_ALPN) {
		if (v->next == v->head->n_alpn)
			return false;
		*ret = v->head->alpn[v->next++];
		return true;
	}
	*ret = single_value(v->head, c);
	return v->next++ == 0 && ret->p;
}

static enum regex_result subject_regex(struct subject *u, const struct regex *r, struct peek_span s)
{
	uint32_t len = s.len < REGEX_SUBJECT_MAX ? s.len : REGEX_SUBJECT_MAX;
	uint32_t cost = (len + REGEX_CALL_LEN) * (len + REGEX_CALL_LEN);
	enum regex_result result;

	if (u->n_undecided >= UNDECIDED_MAX || cost > u->regex_budget)
		return REGEX_UNDECIDED;
	u->regex_budget -= cost;
	result = regex_match(r, u->scratch, s);
	u->n_undecided += result == REGEX_UNDECIDED;
	return result;
}

static enum regex_result pattern_match(const struct rules_compiled_pattern *p, struct peek_span s, struct subject *u)
{
	switch (p->match) {
	case RULES_EXACT:
		return s.len == p->len && !memcmp(s.p, p->text, p->len) ? REGEX_YES : REGEX_NO;
	case RULES_PREFIX:
		return s.len >= p->len && !memcmp(s.p, p->text, p->len) ? REGEX_YES : REGEX_NO;
	case RULES_SUFFIX:
		return s.len >= p->len && !memcmp(s.p + s.len - p->len, p->text, p->len) ? REGEX_YES : REGEX_NO;
	case RULES_PRESENT:
		return REGEX_YES;
	default:
		return subject_regex(u, p->regex, s);
	}
}

static bool client_matches(const struct rules_compiled_condition *c, const struct baton_tuple *key)
{
	struct baton_addr client = { .family = key->family };

	memcpy(client.b, key->saddr, sizeof client.b);
	for (unsigned i = 0; i < c->n_prefixes; i++)
		if (baton_prefix_contains(&c->prefixes[i], &client))
			return true;
	return false;
}

static enum regex_result any_pattern(const struct rules_compiled_condition *c, struct subject *u)
{
	struct values v = { .head = u->head, .condition = c };
	enum regex_result result = REGEX_NO;
	struct peek_span s;

	if (c->subject == RULES_CLIENT)
		return client_matches(c, u->key) ? REGEX_YES : REGEX_NO;
	while (next_value(&v, &s)) {
		for (unsigned i = 0; i < c->n_patterns; i++) {
			enum regex_result one = pattern_match(&c->patterns[i], s, u);

			if (one == REGEX_YES)
				return one;
			if (one == REGEX_UNDECIDED)
				result = one;
		}
	}
	return result;
}

static bool rule_holds(const struct rules_compiled *r, struct subject *u, uint64_t *undecided)
{
	for (unsigned i = 0; i < r->n_conditions; i++) {
		enum regex_result result = any_pattern(&r->conditions[i], u);

		if (result == REGEX_UNDECIDED)
			__atomic_store_n(undecided, *undecided + 1, __ATOMIC_RELAXED);
		/* what is undecided holds neither way */
		if (result != (r->conditions[i].negate ? REGEX_NO : REGEX_YES))
			return false;
	}
	return true;
}

void rules_apply(struct rules *r, unsigned lcore, const struct peek_head *head, const struct baton_tuple *key,
		 struct rules_verdict *ret)
{
	struct subject u = { .head = head, .key = key, .scratch = r->scratch[lcore], .regex_budget = REGEX_BUDGET };
	uint64_t *counts = r->counts[lcore];
	unsigned i = 0;

	while (i < r->n && !rule_holds(&r->rules[i], &u, &counts[r->n + 1]))
		i++;
	__atomic_store_n(&counts[i], counts[i] + 1, __ATOMIC_RELAXED);
	*ret = (struct rules_verdict){ .rule = (uint16_t)i, .action = RULES_POOL };
	if (i == r->n)
		return;
	ret->action = r->rules[i].action;
	ret->pool = r->rules[i].pool;
	ret->answer = r->rules[i].answer;
	ret->answer_len = r->rules[i].answer_len;
	if (ret->action == RULES_ANSWER && head->kind != PEEK_HTTP)
		ret->action = RULES_RESET;
}
