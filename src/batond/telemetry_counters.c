/* SPDX-License-Identifier: BSD-3-Clause */
/* Drop reasons and counters, from the modules' own lists, for telemetry and for docs/counters.md. */
#include <stddef.h>
#include <stdio.h>
#include <string.h>

#include <rte_common.h>
#include <rte_telemetry.h>

#include "batond/batond.h"
#include "batond/exception.h"
#include "batond/hosts.h"
#include "batond/telemetry.h"
#include "wire/seal.h"

/* DPDK writes an answer of at most 16 KiB, and leaves out without a word what goes beyond. */
#define COUNTERS_PAGE_BYTES 15000
#define COUNTERS_ROW_BYTES 80 /* of a row, beside its texts */

/* One counter: where it stands in the struct its group is read from. */
struct counter_entry {
	const char *name, *text;
	size_t offset;
};

/* All counters of one kind, and how to find the structs that hold them. */
struct counter_group {
	const char *name, *text;
	const struct counter_entry *entries;
	unsigned n_entries;
	bool drops; /* they count lost packets */
	/* The i-th struct, NULL after the last. */
	const void *(*at)(const struct batond *b, unsigned i);
};

static const struct counter_entry forwarder_bad[] = {
#define X(name, text) { NULL, text, offsetof(struct forwarder_counters, bad[PACKET_BAD_##name]) },
	PACKET_BAD_REASONS(X)
#undef X
};

static const struct counter_entry forwarder_drops[] = {
#define X(token, name, text) { name, text, offsetof(struct forwarder_counters, drops[DROP_##token]) },
	FORWARDER_DROP_REASONS(X)
#undef X
};

static const struct counter_entry forwarder_others[] = {
#define X(name, text) { #name, text, offsetof(struct forwarder_counters, name) },
	FORWARDER_COUNTERS(X)
#undef X
};

static const struct counter_entry classifier_entries[] = {
#define X(name, text) { #name, text, offsetof(struct classifier_counters, name) },
	CLASSIFIER_COUNTERS(X)
#undef X
};

static const struct counter_entry service_entries[] = {
#define X(name, text) { #name, text, offsetof(struct classifier_service_counters, name) },
	CLASSIFIER_SERVICE_COUNTERS(X)
#undef X
};

static const struct counter_entry session_entries[] = {
#define X(name, text) { #name, text, offsetof(struct session_counters, name) },
	SESSION_COUNTERS(X)
#undef X
};

static const struct counter_entry handover_entries[] = {
#define X(name, text) { #name, text, offsetof(struct handover_counters, name) },
	HANDOVER_COUNTERS(X)
#undef X
};

static const struct counter_entry refusal_entries[] = {
#define X(token, name, text) \
	{ "refused_" name, text, offsetof(struct handover_counters, refusals[BATON_SHIM_REFUSAL_##token]) },
	BATON_SHIM_REFUSALS(X)
#undef X
};

static const struct counter_entry neigh_entries[] = {
#define X(name, text) { #name, text, offsetof(struct neigh_counters, name) },
	NEIGH_COUNTERS(X)
#undef X
};

static const struct counter_entry exception_entries[] = {
#define X(name, text) { #name, text, offsetof(struct exception_counters, name) },
	EXCEPTION_COUNTERS(X)
#undef X
};

static const struct counter_entry hosts_entries[] = {
#define X(name, text) { #name, text, offsetof(struct hosts_counters, name) },
	HOSTS_COUNTERS(X)
#undef X
};

/* Arrays of numbers: the place is the offset. */
static const struct counter_entry seal_entries[] = {
#define X(token, name, text) { #name, text, SEAL_##token * sizeof(uint64_t) },
	SEAL_VERDICTS(X)
#undef X
};

static const struct counter_entry cache_entries[] = {
#define X(token, name, text) { #name, text, HEALTH_CACHE_COUNTER_##token * sizeof(uint64_t) },
	HEALTH_CACHE_COUNTERS(X)
#undef X
};

static const struct counter_entry group_entries[] = {
#define X(token, name, text) { #name, text, HEALTH_GROUP_CACHE_COUNTER_##token * sizeof(uint64_t) },
	HEALTH_GROUP_CACHE_COUNTERS(X)
#undef X
};

static const struct counter_entry control_entries[] = {
#define X(name, text) { #name, text, offsetof(struct control_counters, name) },
	CONTROL_COUNTERS(X)
#undef X
};

static const void *forwarder_at(const struct batond *b, unsigned i)
{
	return i < b->n_forwarders ? &b->forwarders[i]->counters : NULL;
}

static const void *classifier_at(const struct batond *b, unsigned i)
{
	return i < b->n_classifiers ? classifier_counters_get(b->classifiers[i].classifier) : NULL;
}

static const void *service_at(const struct batond *b, unsigned i)
{
	return i < b->n_classifiers ? &b->classifiers[i].counters : NULL;
}

static const void *session_at(const struct batond *b, unsigned i)
{
	return i < b->n_classifiers ? classifier_session_counters_get(b->classifiers[i].classifier) : NULL;
}

static const void *handover_at(const struct batond *b, unsigned i)
{
	return i < b->n_classifiers ? handover_counters_get(b->classifiers[i].handover) : NULL;
}

static const void *neigh_at(const struct batond *b, unsigned i)
{
	return i == 0 ? neigh_counters_get(b->neigh) : NULL;
}

static const void *exception_at(const struct batond *b, unsigned i)
{
	static const struct exception_counters none;

	if (i >= b->n_ports)
		return NULL;
	return b->ports[i].exception ? exception_counters_get(b->ports[i].exception) : &none;
}

static const void *hosts_at(const struct batond *b, unsigned i)
{
	return i == 0 ? hosts_counters_get(b) : NULL;
}

static const void *seal_at(const struct batond *b, unsigned i)
{
	static const uint64_t none[SEAL_N_VERDICTS];
	const uint64_t *counters = hosts_seal_counters_get(b);

	if (i > 0)
		return NULL;
	return counters ? counters : none;
}

static const void *cache_at(const struct batond *b, unsigned i)
{
	static const uint64_t none[HEALTH_CACHE_N_COUNTERS];
	const struct health_cache *cache = hosts_cache_get(b);

	if (i > 0)
		return NULL;
	return cache ? cache->counters : none;
}

static const void *groups_at(const struct batond *b, unsigned i)
{
	static const uint64_t none[HEALTH_GROUP_CACHE_N_COUNTERS];
	const struct health_group_cache *groups = hosts_groups_get(b);

	if (i > 0)
		return NULL;
	return groups ? groups->counters : none;
}

static const void *control_at(const struct batond *b, unsigned i)
{
	return i == 0 ? &b->counters : NULL;
}

static const struct counter_group counter_groups[] = {
	{ "parser", "Frames that the parser refuses", forwarder_bad, RTE_DIM(forwarder_bad), true, forwarder_at },
	{ "forwarder", "Packets that a forwarder drops", forwarder_drops, RTE_DIM(forwarder_drops), true,
	  forwarder_at },
	{ "forwarder", "What forwarders do", forwarder_others, RTE_DIM(forwarder_others), false, forwarder_at },
	{ "classifier", "What classifiers decide", classifier_entries, RTE_DIM(classifier_entries), false,
	  classifier_at },
	{ "classifier", "What classifiers' lcores send", service_entries, RTE_DIM(service_entries), false, service_at },
	{ "sessions", "Where connections went before", session_entries, RTE_DIM(session_entries), false, session_at },
	{ "handover", "Connections accepted and handed over", handover_entries, RTE_DIM(handover_entries), false,
	  handover_at },
	{ "handover", "Why hosts refuse connections", refusal_entries, RTE_DIM(refusal_entries), false, handover_at },
	{ "neighbourhood", "ARP and neighbour discovery", neigh_entries, RTE_DIM(neigh_entries), false, neigh_at },
	{ "exception", "Exception ports to the kernel", exception_entries, RTE_DIM(exception_entries), false,
	  exception_at },
	{ "health", "The hosts' messages", hosts_entries, RTE_DIM(hosts_entries), false, hosts_at },
	{ "seal", "Frames of the health link", seal_entries, RTE_DIM(seal_entries), false, seal_at },
	{ "cache", "The cache of the hosts' tables", cache_entries, RTE_DIM(cache_entries), false, cache_at },
	{ "groups", "Leaders that speak for several hosts", group_entries, RTE_DIM(group_entries), false, groups_at },
	{ "control", "The control thread", control_entries, RTE_DIM(control_entries), false, control_at },
};

static const char *counter_name(const struct counter_group *g, unsigned i)
{
	return g->entries == forwarder_bad ? packet_bad_name((enum packet_bad)i) : g->entries[i].name;
}

static uint64_t counter_sum(const struct batond *b, const struct counter_group *g, const struct counter_entry *e)
{
	const void *at;
	uint64_t sum = 0;

	for (unsigned i = 0; (at = g->at(b, i)); i++)
		sum += *(const uint64_t *)((const char *)at + e->offset);
	return sum;
}

static size_t counter_row_bytes(const struct counter_group *g, unsigned i)
{
	return COUNTERS_ROW_BYTES + strlen(g->name) + strlen(counter_name(g, i)) + strlen(g->entries[i].text);
}

/* Cursor: how many counters of the kind have been told. */
static uint64_t counters_page(struct batond *b, struct telemetry_page *p, uint64_t cursor, bool drops)
{
	uint64_t n = 0;
	size_t bytes = 0;

	for (unsigned k = 0; k < RTE_DIM(counter_groups); k++) {
		const struct counter_group *g = &counter_groups[k];

		for (unsigned i = 0; i < g->n_entries && g->drops == drops; i++, n++) {
			struct rte_tel_data *row;

			if (n < cursor)
				continue;
			bytes += counter_row_bytes(g, i);
			if (bytes > COUNTERS_PAGE_BYTES)
				return n;
			row = telemetry_row(p);
			if (!row)
				return n;
			telemetry_text(row, "group", g->name);
			telemetry_text(row, "name", counter_name(g, i));
			telemetry_number(row, "count", counter_sum(b, g, &g->entries[i]));
			telemetry_text(row, "text", g->entries[i].text);
		}
	}
	return 0;
}

uint64_t telemetry_drops(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	return counters_page(b, p, cursor, true);
}

uint64_t telemetry_counters(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	return counters_page(b, p, cursor, false);
}

void telemetry_print_counters(void)
{
	printf("# Counters\n\n`batonctl show drops` and `batonctl show counters` print these with their values. This "
	       "page is what\n"
	       "`batond --list-counters` prints.\n");
	for (unsigned k = 0; k < RTE_DIM(counter_groups); k++) {
		const struct counter_group *g = &counter_groups[k];

		printf("\n## %s\n\n| Name | What it counts |\n| --- | --- |\n", g->text);
		for (unsigned i = 0; i < g->n_entries; i++)
			printf("| `%s` | %s |\n", counter_name(g, i), g->entries[i].text);
	}
}
