/* SPDX-License-Identifier: BSD-3-Clause */
/* What the first bytes mean: a pool, or a refusal. */
#include "migrate/handover_internal.h"

static void count_head(struct handover *h, enum handover_end end)
{
	struct handover_counters *c = &h->counters;

	switch (end) {
	case HEAD_COMPLETE:
		if (h->head.kind == PEEK_TLS)
			c->heads_tls++;
		else
			c->heads_http++;
		break;
	case HEAD_ALIEN:
		c->heads_alien++;
		break;
	case HEAD_TOO_LONG:
		c->heads_too_long++;
		break;
	case HEAD_LATE:
		c->heads_late++;
		break;
	case HEAD_NO_ROOM:
		c->heads_no_room++;
		break;
	}
}

/* Rules may speak of what was not understood as well; what none of them takes goes by the application's setting. */
static void verdict_of(struct handover *h, struct pending *p, const struct application *app, enum handover_end end,
		       struct rules_verdict *ret)
{
	*ret = (struct rules_verdict){ .rule = UINT16_MAX, .action = RULES_POOL };
	if (app->rules) {
		rules_apply(app->rules, h->lcore, &h->head, &p->key, ret);
		if (ret->rule < rules_n(app->rules))
			return;
		*ret = (struct rules_verdict){ .rule = UINT16_MAX, .action = RULES_POOL };
	}
	if (end == HEAD_COMPLETE)
		return;
	if (app->otherwise == APPLICATION_OTHERWISE_RESET)
		ret->action = RULES_RESET;
	else if (app->otherwise == APPLICATION_OTHERWISE_DROP)
		ret->action = RULES_DROP;
}

static struct peek_span affinity_bytes(const struct handover *h, const struct pending *p,
				       const struct baton_affinity *a)
{
	struct peek_span client = { p->key.saddr, p->key.family == BATON_IPV4 ? 4 : 16 };

	return a->kind == BATON_AFFINITY_CLIENT ? client : peek_head_affinity(&h->head, a);
}

static void find_keys(struct handover *h, struct pending *p, const struct view_vip *vip)
{
	p->keys.present = 0;
	for (unsigned i = 0; i < vip->n_affinities; i++) {
		struct peek_span s = affinity_bytes(h, p, &vip->affinities[i]);

		if (!s.p)
			continue;
		h->env->key(h->arg, p->vip, &vip->affinities[i], s.p, s.len, &p->keys.key[i]);
		p->keys.present |= 1u << i;
	}
}

static void to_pool(struct handover *h, struct pending *p, const struct application *app, uint16_t pool)
{
	p->service = p->vip;
	if (pool)
		p->service = pool <= app->n_pools ? app->pools[pool - 1] : VIEW_NONE;
	p->attempts = (uint8_t)(app->attempts < PENDING_TRIED_MAX ? app->attempts : PENDING_TRIED_MAX);
	find_keys(h, p, &h->view->vips[p->vip]);
	handover_offer(h, p);
}

void handover_decide(struct handover *h, struct pending *p, const struct application *app, enum handover_end end)
{
	struct rules_verdict v;

	if (end != HEAD_COMPLETE)
		peek_head_clear(&h->head);
	count_head(h, end);
	if (handover_traces(h))
		handover_tell_head(h, p, end);
	verdict_of(h, p, app, end, &v);
	if (handover_traces(h))
		handover_tell_rule(h, p, app, &v);
	switch ((enum rules_action)v.action) {
	case RULES_POOL:
		to_pool(h, p, app, v.pool);
		break;
	case RULES_RESET:
		h->counters.rule_reset++;
		handover_reset(h, p);
		handover_forget(h, p);
		break;
	case RULES_DROP:
		h->counters.rule_dropped++;
		h->env->drop(h->arg, &p->key, p->forwarder, p->vip);
		handover_forget(h, p);
		break;
	case RULES_ANSWER:
		h->counters.rule_answered++;
		handover_answer(h, p, v.answer, v.answer_len);
		break;
	}
}
