/* SPDX-License-Identifier: BSD-3-Clause */
/* Rules of the VIPs with mode application, and how often each decided. */
#include <stddef.h>

#include <rte_telemetry.h>

#include "batond/batond.h"
#include "batond/telemetry.h"
#include "peek/rules.h"

#define RULES_ROWS 60 /* a page: the longest row has some 250 bytes */

static const char *rule_action(const struct config_rule *r)
{
	if (r->pool)
		return "pool";
	if (r->refuse == CONFIG_REFUSE_RESET)
		return "reset";
	return r->refuse == CONFIG_REFUSE_DROP ? "drop" : "answer";
}

/* i = n_rules: what no rule took. */
static void rule_row(struct telemetry_page *p, const struct config_vip *v, unsigned i)
{
	const struct config_rule *r = i < v->n_rules ? &v->rules[i] : NULL;
	struct rte_tel_data *row = telemetry_row(p);

	if (!row)
		return;
	telemetry_text(row, "vip", v->name);
	telemetry_number(row, "number", r ? i + 1 : 0);
	telemetry_text(row, "rule", r ? rules_name(v->compiled, i) : "");
	telemetry_text(row, "action", r ? rule_action(r) : "none");
	telemetry_text(row, "pool", r ? r->pool ? r->pool : "" : CONFIG_POOL_DEFAULT);
	telemetry_number(row, "hits", rules_hits(v->compiled, i));
	if (!r)
		telemetry_number(row, "undecided", rules_undecided(v->compiled));
}

/* Cursor: place of the VIP in the configuration and of the rule in it, 16 bits each. */
uint64_t telemetry_rules(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	unsigned rule = cursor & 0xffff;

	for (uint64_t vip = cursor >> 16; vip < b->config->n_vips; vip++, rule = 0) {
		const struct config_vip *v = &b->config->vips[vip];

		for (; v->compiled && rule <= v->n_rules; rule++) {
			if (p->n_rows == RULES_ROWS)
				return vip << 16 | rule;
			rule_row(p, v, rule);
		}
	}
	return 0;
}
