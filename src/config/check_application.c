/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks across keys of mode application and of affinity, within one VIP's file. */
#include <errno.h>
#include <netinet/in.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"

struct check {
	const struct config_vip *v;
	const struct conf_doc *doc;
	struct conf_findings *f;
};

static void need_mode(struct check *k, const char *path)
{
	if (conf_doc_has(k->doc, path))
		conf_error(k->f, k->doc, path, "needs mode = \"application\"");
}

static bool pool_is_used(const struct config_vip *v, unsigned pool)
{
	for (unsigned i = 0; i < v->n_rules; i++)
		if (v->rules[i].pool && !strcmp(v->rules[i].pool, v->pools[pool].name))
			return true;
	return false;
}

static void check_pools(struct check *k)
{
	const struct config_vip *v = k->v;
	char path[48];

	for (unsigned i = 0; i < v->n_pools; i++) {
		snprintf(path, sizeof path, "vip.pools[%u].name", i);
		for (unsigned j = 0; j < i; j++) {
			if (!strcmp(v->pools[i].name, v->pools[j].name)) {
				conf_error(k->f, k->doc, path, "\"%s\" is used already by pools[%u]", v->pools[i].name,
					   j);
				break;
			}
		}
		if (!pool_is_used(v, i))
			conf_warning(k->f, k->doc, path, "no rule leads to \"%s\"", v->pools[i].name);
	}
}

static bool affinity_is_http(uint8_t by)
{
	return by == BATON_AFFINITY_COOKIE || by == BATON_AFFINITY_HEADER || by == BATON_AFFINITY_SERVER;
}

static bool affinity_is_tls(uint8_t by)
{
	return by == BATON_AFFINITY_TLS_SESSION || by == BATON_AFFINITY_SNI;
}

/* Is there something that it could go by? */
static void check_affinity_fits(struct check *k, const struct config_affinity *a, const char *path)
{
	const struct config_vip *v = k->v;
	const char *by = config_affinity_name(a->by);

	if (a->by == BATON_AFFINITY_CLIENT)
		return;
	if (!v->by_application)
		conf_error(k->f, k->doc, path, "\"%s\" needs mode = \"application\"", by);
	else if (v->application.protocol == APPLICATION_HTTP && affinity_is_tls(a->by))
		conf_error(k->f, k->doc, path, "\"%s\" is of TLS, but application.protocol is \"http\"", by);
	else if (v->application.protocol == APPLICATION_TLS && affinity_is_http(a->by))
		conf_error(k->f, k->doc, path, "\"%s\" is of HTTP, but application.protocol is \"tls\"", by);
}

static bool same_affinity(const struct config_affinity *a, const struct config_affinity *b)
{
	return a->by == b->by && !strcmp(a->name ? a->name : "", b->name ? b->name : "");
}

static void check_names(struct check *k, const struct config_endpoint *e, unsigned n, const char *where)
{
	char path[64];

	for (unsigned i = 0; i < n; i++) {
		snprintf(path, sizeof path, "%s[%u]", where, i);
		if (!e[i].name)
			conf_warning(k->f, k->doc, path, "has no name for the affinity by \"server\" to find it by");
	}
}

static void check_server_names(struct check *k)
{
	char path[48];

	check_names(k, k->v->endpoints, k->v->n_endpoints, "vip.endpoints");
	for (unsigned i = 0; i < k->v->n_pools; i++) {
		snprintf(path, sizeof path, "vip.pools[%u].endpoints", i);
		check_names(k, k->v->pools[i].endpoints, k->v->pools[i].n_endpoints, path);
	}
}

static void check_affinity(struct check *k, unsigned i)
{
	const struct config_affinity *a = &k->v->affinities[i];
	char path[48];

	snprintf(path, sizeof path, "vip.affinity[%u]", i);
	if (affinity_is_http(a->by) && !a->name)
		conf_error(k->f, k->doc, path, "\"%s\" needs a name", config_affinity_name(a->by));
	if (!affinity_is_http(a->by) && a->name)
		conf_error(k->f, k->doc, path, "\"%s\" has no name", config_affinity_name(a->by));
	for (unsigned j = 0; j < i; j++)
		if (same_affinity(a, &k->v->affinities[j]))
			conf_error(k->f, k->doc, path, "the same as affinity[%u]", j);
	check_affinity_fits(k, a, path);
	if (a->by == BATON_AFFINITY_SERVER)
		check_server_names(k);
}

static void check_mode(struct check *k)
{
	const struct config_vip *v = k->v;

	if (v->proto != IPPROTO_TCP)
		conf_error(k->f, k->doc, "vip.protocol", "mode application is for TCP only");
	if (v->unknown == BATON_UNKNOWN_HASH && v->n_pools)
		conf_warning(k->f, k->doc, "vip.unknown",
			     "\"hash\" guesses among the VIP's own endpoints; a connection to a pool is lost");
}

/* A connection may come to the VIP's own endpoints. */
static bool own_endpoints_used(const struct config_vip *v)
{
	if (v->application.otherwise == APPLICATION_OTHERWISE_DEFAULT)
		return true;
	for (unsigned i = 0; i < v->n_rules; i++) {
		if (v->rules[i].pool && !strcmp(v->rules[i].pool, CONFIG_POOL_DEFAULT))
			return true;
		if (config_rule_is_unconditional(&v->rules[i]))
			return false;
	}
	return true;
}

static void check_own_endpoints(struct check *k)
{
	if (!k->v->n_endpoints && own_endpoints_used(k->v))
		conf_warning(k->f, k->doc, "vip.endpoints", "none; a connection that no rule takes will be refused");
}

int config_check_application(struct config_vip *v, const struct conf_doc *doc, struct conf_findings *f)
{
	struct check k = { .v = v, .doc = doc, .f = f };
	unsigned before = f->n_errors;

	for (unsigned i = 0; i < v->n_affinities; i++)
		check_affinity(&k, i);
	if (!v->by_application) {
		need_mode(&k, "vip.application");
		need_mode(&k, "vip.pools");
		need_mode(&k, "vip.rules");
		return 0;
	}
	check_mode(&k);
	check_pools(&k);
	check_own_endpoints(&k);
	config_check_rules(v, doc, f);
	return f->n_errors > before ? 0 : config_rules_compile(v, doc, f);
}
