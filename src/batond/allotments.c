/* SPDX-License-Identifier: BSD-3-Clause */
#include "batond/allotments.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <rte_mempool.h>
#include <rte_ring.h>
#include <rte_ring_elem.h>

#include "base/clock.h"
#include "batond/batond.h"
#include "batond/hosts.h"
#include "health/live_source.h"
#include "health/static_source.h"

/* One VIP's source of allotments, made when it is first asked for. */
struct allotments_vip {
	struct live_source *live;  /* NULL: static */
	struct live_params params; /* that .live was made with */
	struct allotment *last;
};

struct allotments {
	struct allotments_vip vips[BATOND_MAX_VIPS];             /* by id */
	struct live_endpoint endpoints[ALLOTMENT_MAX_ENDPOINTS]; /* scratch */
};

int allotments_start(struct batond *b)
{
	b->allotments = calloc(1, sizeof *b->allotments);
	return b->allotments ? 0 : -ENOMEM;
}

void allotments_stop(struct batond *b)
{
	for (unsigned i = 0; b->allotments && i < BATOND_MAX_VIPS; i++) {
		live_source_free(b->allotments->vips[i].live);
		free(b->allotments->vips[i].last);
	}
	free(b->allotments);
	b->allotments = NULL;
}

static const struct config_vip *allotments_config(const struct batond *b, const struct view_vip *v)
{
	for (unsigned i = 0; i < b->config->n_vips; i++) {
		const struct config_vip *c = &b->config->vips[i];

		if (baton_addr_equal(&c->addr, &v->addr) && htons(c->port) == v->port_be && c->proto == v->proto)
			return c;
	}
	return NULL;
}

/* The VIP's live source, made anew if its parameters changed; NULL if memory is short. */
static struct live_source *allotments_live(struct batond *b, struct allotments_vip *a, const struct config_vip *c)
{
	struct live_params p;

	memset(&p, 0, sizeof p); /* compared as bytes */
	p.kind = c->percent ? ALLOTMENT_PERCENT : ALLOTMENT_TOKENS;
	p.n_classifiers = (uint16_t)b->n_classifiers;
	p.n_balancers = (uint16_t)b->config->health_balancers;
	p.refresh_ns = (uint64_t)b->config->health_refresh_ms * CLOCK_NS_PER_MS;
	p.service_ns = (uint64_t)c->service_ms * CLOCK_NS_PER_MS;
	p.stale_ns = (uint64_t)b->config->health_stale_s * CLOCK_NS_PER_S;
	p.warmup_ns = (uint64_t)c->warm_up_s * CLOCK_NS_PER_S;
	if (a->live && !memcmp(&p, &a->params, sizeof p))
		return a->live;
	live_source_free(a->live);
	a->live = live_source_new(&p);
	a->params = p;
	return a->live;
}

/* What is known of the VIP's endpoints, as the live source takes it. */
static uint16_t allotments_endpoints(struct batond *b, const struct view_vip *v)
{
	uint16_t n = 0;

	for (unsigned i = 0; i < v->n_endpoints && n < ALLOTMENT_MAX_ENDPOINTS; i++) {
		const struct view_endpoint *e = &b->view->endpoints[v->endpoints[i]];
		const struct hosts_endpoint *said = hosts_endpoint_get(b, v->endpoints[i]);
		struct live_endpoint *l = &b->allotments->endpoints[n++];

		memset(l, 0, sizeof *l);
		l->endpoint = v->endpoints[i];
		l->configured = e->capacity;
		l->capacity = said->known ? said->row.capacity : 0;
		l->load = said->row.load;
		l->state = said->row.state;
		/* what the operator or the next hop forbids, the host can't allow */
		l->target = e->usable ? said->row.target : HEALTH_INACTIVE;
		l->current = said->row.current;
		l->reported_ns = said->reported_ns;
		l->confirmed_ns = said->heard_ns;
		l->active_ns = said->active_ns;
	}
	return n;
}

static int allotments_make(struct batond *b, const struct allotment_request *r, uint64_t now_ns, struct allotment *ret)
{
	const struct view_vip *v = r->vip < b->view->n_vips ? &b->view->vips[r->vip] : NULL;
	const struct config_vip *c = v && v->addr.family ? allotments_config(b, v) : NULL;
	struct allotments_vip *a;
	struct live_source *live;

	if (!c)
		return -ENOENT;
	a = &b->allotments->vips[r->vip];
	if (c->health == BATON_HEALTH_STATIC)
		return static_source_answer(b->view, r, now_ns, STATIC_SOURCE_VALID_NS, ret);
	live = allotments_live(b, a, c);
	if (!live)
		return -ENOMEM;
	return live_source_answer(live, r, b->allotments->endpoints, allotments_endpoints(b, v), now_ns, ret);
}

static void allotments_keep(struct batond *b, const struct allotment *a)
{
	struct allotments_vip *v = &b->allotments->vips[a->vip];

	if (!v->last)
		v->last = malloc(sizeof *v->last);
	if (v->last)
		*v->last = *a;
}

static void allotments_answer(struct batond *b, const struct allotment_request *r, uint64_t now_ns)
{
	void *a;

	if (r->classifier >= b->n_classifiers || rte_mempool_get(b->channel.allotments, &a) < 0) {
		b->counters.allotments_failed++;
		return;
	}
	if (allotments_make(b, r, now_ns, a) == 0) {
		allotments_keep(b, a);
		if (rte_ring_enqueue(b->channel.allotted[r->classifier], a) == 0) {
			b->counters.allotments++;
			return;
		}
	}
	b->counters.allotments_failed++;
	rte_mempool_put(b->channel.allotments, a);
}

void allotments_poll(struct batond *b, uint64_t now_ns)
{
	struct allotment_request r;

	while (rte_ring_dequeue_elem(b->channel.allotment_requests, &r, sizeof r) == 0)
		allotments_answer(b, &r, now_ns);
}

const struct allotment *allotments_last(const struct batond *b, uint16_t vip)
{
	return b->allotments->vips[vip].last;
}
