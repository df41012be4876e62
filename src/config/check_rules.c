/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks of a VIP's rules: what they lead to, and whether they can ever hold. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"
#include "peek/rules.h"

const struct config_condition_kind config_condition_kinds[CONFIG_N_CONDITIONS] = {
	[CONFIG_CONDITION_METHOD] = { "method", RULES_METHOD, RULES_EXACT },
	[CONFIG_CONDITION_HOST] = { "host", RULES_HOST, RULES_EXACT },
	[CONFIG_CONDITION_HOST_REGEX] = { "host_regex", RULES_HOST, RULES_REGEX },
	[CONFIG_CONDITION_PATH] = { "path", RULES_PATH, RULES_EXACT },
	[CONFIG_CONDITION_PATH_PREFIX] = { "path_prefix", RULES_PATH, RULES_PREFIX },
	[CONFIG_CONDITION_PATH_SUFFIX] = { "path_suffix", RULES_PATH, RULES_SUFFIX },
	[CONFIG_CONDITION_PATH_REGEX] = { "path_regex", RULES_PATH, RULES_REGEX },
	[CONFIG_CONDITION_QUERY] = { "query", RULES_QUERY, RULES_EXACT },
	[CONFIG_CONDITION_QUERY_REGEX] = { "query_regex", RULES_QUERY, RULES_REGEX },
	[CONFIG_CONDITION_SNI] = { "sni", RULES_SNI, RULES_EXACT },
	[CONFIG_CONDITION_SNI_REGEX] = { "sni_regex", RULES_SNI, RULES_REGEX },
	[CONFIG_CONDITION_ALPN] = { "alpn", RULES_ALPN, RULES_EXACT },
	[CONFIG_CONDITION_PROTOCOL] = { "protocol", RULES_PROTOCOL, RULES_EXACT },
};

struct check {
	const struct config_vip *v;
	const struct conf_doc *doc;
	struct conf_findings *f;
	unsigned at; /* the rule in hand */
	const struct config_rule *rule;
};

static void path_format(const struct check *k, const char *key, char *buf, size_t size)
{
	snprintf(buf, size, "vip.rules[%u]%s%s", k->at, *key ? "." : "", key);
}

int config_pool_find(const struct config_vip *v, const char *name)
{
	if (!strcmp(name, CONFIG_POOL_DEFAULT))
		return 0;
	for (unsigned i = 0; i < v->n_pools; i++)
		if (v->pools[i].name && !strcmp(v->pools[i].name, name))
			return (int)i + 1;
	return -ENOENT;
}

bool config_rule_is_unconditional(const struct config_rule *r)
{
	unsigned n = 0;

	for (unsigned negate = 0; negate < 2; negate++) {
		for (unsigned i = 0; i < CONFIG_N_CONDITIONS; i++)
			n += r->texts[i][negate].n;
		for (unsigned i = 0; i < CONFIG_N_FIELDS; i++)
			n += r->fields[i][negate].n;
		n += r->clients[negate].n;
	}
	return n == 0;
}

static void check_pool(struct check *k)
{
	const char *words[APPLICATION_MAX_POOLS + 2] = { CONFIG_POOL_DEFAULT }, *near;
	char path[48];

	if (config_pool_find(k->v, k->rule->pool) >= 0)
		return;
	for (unsigned i = 0; i < k->v->n_pools; i++)
		words[i + 1] = k->v->pools[i].name;
	near = conf_nearest(k->rule->pool, words);
	path_format(k, "pool", path, sizeof path);
	if (near)
		conf_error(k->f, k->doc, path, "there is no pool \"%s\"; did you mean \"%s\"?", k->rule->pool, near);
	else
		conf_error(k->f, k->doc, path, "there is no pool \"%s\"", k->rule->pool);
}

static void check_answer(struct check *k)
{
	const struct config_answer *a = &k->rule->answer;
	char path[48], why[CONF_WHY_SIZE], *text;
	size_t len;
	int err;

	path_format(k, "answer", path, sizeof path);
	if (!a->status) {
		conf_error(k->f, k->doc, path, "needs a status");
		return;
	}
	if (k->v->application.protocol == APPLICATION_TLS)
		conf_error(k->f, k->doc, path, "is HTTP, but application.protocol is \"tls\"");
	err = config_answer_render(a, &text, &len, why, sizeof why);
	if (err == -EINVAL)
		conf_error(k->f, k->doc, path, "%s", why);
	else if (!err)
		free(text);
}

static void check_action(struct check *k)
{
	const struct config_rule *r = k->rule;
	char path[48], answer[48];
	bool answers;

	path_format(k, "", path, sizeof path);
	path_format(k, "answer", answer, sizeof answer);
	answers = conf_doc_has(k->doc, answer);
	if (!r->pool && !r->refuse && !answers)
		conf_error(k->f, k->doc, path, "has none of pool, refuse and answer");
	else if ((r->pool != NULL) + (r->refuse != CONFIG_REFUSE_NOT) + answers > 1)
		conf_error(k->f, k->doc, path, "has more than one of pool, refuse and answer");
	if (r->pool)
		check_pool(k);
	if (answers)
		check_answer(k);
}

/* The condition's key reads one protocol, and the VIP reads the other. */
static void check_protocol(struct check *k, const char *key, bool negate, bool http, bool tls)
{
	uint8_t protocol = k->v->application.protocol;
	char path[80], whole[32];

	snprintf(whole, sizeof whole, "%s%s", negate ? "not_" : "", key);
	path_format(k, whole, path, sizeof path);
	if (http && protocol == APPLICATION_TLS)
		conf_error(k->f, k->doc, path, "is of HTTP, but application.protocol is \"tls\"");
	if (tls && protocol == APPLICATION_HTTP)
		conf_error(k->f, k->doc, path, "is of TLS, but application.protocol is \"http\"");
}

static bool names_protocol(const struct config_texts *t, const char *name)
{
	for (unsigned i = 0; i < t->n; i++)
		if (!strcmp(t->text[i], name))
			return true;
	return false;
}

static void check_texts(struct check *k, unsigned i, bool negate)
{
	const struct config_texts *t = &k->rule->texts[i][negate];
	uint8_t subject = config_condition_kinds[i].subject;
	bool http = subject <= RULES_COOKIE, tls = subject == RULES_SNI || subject == RULES_ALPN;

	if (subject == RULES_PROTOCOL) {
		http = names_protocol(t, "http");
		tls = names_protocol(t, "tls");
	}
	if (t->n)
		check_protocol(k, config_condition_kinds[i].key, negate, http, tls);
}

static void check_conditions(struct check *k)
{
	static const char *const fields[CONFIG_N_FIELDS] = { "header", "cookie", "parameter" };

	for (unsigned negate = 0; negate < 2; negate++) {
		for (unsigned i = 0; i < CONFIG_N_CONDITIONS; i++)
			check_texts(k, i, negate);
		for (unsigned i = 0; i < CONFIG_N_FIELDS; i++)
			if (k->rule->fields[i][negate].n)
				check_protocol(k, fields[i], negate, true, false);
	}
}

static void check_name(struct check *k)
{
	char path[48];

	for (unsigned i = 0; k->rule->name && i < k->at; i++) {
		if (!k->v->rules[i].name || strcmp(k->v->rules[i].name, k->rule->name))
			continue;
		path_format(k, "name", path, sizeof path);
		conf_error(k->f, k->doc, path, "\"%s\" is used already by rules[%u]", k->rule->name, i);
		return;
	}
}

void config_check_rules(const struct config_vip *v, const struct conf_doc *doc, struct conf_findings *f)
{
	struct check k = { .v = v, .doc = doc, .f = f };
	bool ended = false;
	char path[48];

	for (k.at = 0; k.at < v->n_rules; k.at++) {
		k.rule = &v->rules[k.at];
		check_name(&k);
		check_action(&k);
		check_conditions(&k);
		if (ended || !config_rule_is_unconditional(k.rule))
			continue;
		ended = true;
		snprintf(path, sizeof path, "vip.rules[%u]", k.at + 1);
		if (k.at + 1 < v->n_rules)
			conf_warning(f, doc, path, "never reached: rules[%u] holds for every connection", k.at);
	}
}
