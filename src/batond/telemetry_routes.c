/* SPDX-License-Identifier: BSD-3-Clause */
/* Routes belong to their forwarder lcore: it is asked by message and answers a piece at a time. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <rte_cycles.h>
#include <rte_telemetry.h>

#include "batond/batond.h"
#include "batond/telemetry.h"

#define ROUTES_WAIT_US 20
#define ROUTES_TRIES 25000 /* half a second */

/* Cursor: place in the table (32 bits), family (1 bit: IPv6), forwarder. */
#define ROUTES_FAMILY_BIT 32
#define ROUTES_FORWARDER_BIT 33

struct routes_filter {
	struct baton_addr client, host; /* family 0: any */
	char vip[VIEW_NAME_MAX];        /* empty: any */
};

static bool routes_filter_set(struct routes_filter *f, const char *word)
{
	if (!strncmp(word, "client=", 7))
		return baton_addr_parse(word + 7, &f->client) == 0;
	if (!strncmp(word, "host=", 5))
		return baton_addr_parse(word + 5, &f->host) == 0;
	if (strncmp(word, "vip=", 4) || strlen(word + 4) >= sizeof f->vip)
		return false;
	memcpy(f->vip, word + 4, strlen(word + 4) + 1);
	return true;
}

static bool routes_filter_parse(const char *text, struct routes_filter *ret)
{
	char copy[256], *rest = copy, *word;

	memset(ret, 0, sizeof *ret);
	if (strlen(text) >= sizeof copy)
		return false;
	memcpy(copy, text, strlen(text) + 1);
	while ((word = strsep(&rest, ",")))
		if (*word && !routes_filter_set(ret, word))
			return false;
	return true;
}

static bool routes_address_is(const struct baton_addr *want, const uint8_t addr[16], uint8_t family)
{
	return want->family == family && !memcmp(want->b, addr, sizeof want->b);
}

/* The VIP of that name, or a pool of it. */
static bool routes_vip_is(const struct view *v, uint16_t vip, const char *want)
{
	size_t n = strlen(want);

	return vip < v->n_vips && !strncmp(v->vips[vip].name, want, n) &&
	       (!v->vips[vip].name[n] || v->vips[vip].name[n] == '/');
}

static bool routes_wanted(const struct batond *b, const struct routes_filter *f, const struct plumb_route *r)
{
	/* a return route's packets come from the host; where they go in the end is the client */
	const uint8_t *client = r->action == PLUMB_ACTION_RETURN ? r->nat.daddr : r->key.saddr;

	if (f->vip[0] && !routes_vip_is(b->view, r->vip, f->vip))
		return false;
	if (f->client.family && !routes_address_is(&f->client, client, r->key.family))
		return false;
	if (!f->host.family)
		return true;
	return r->endpoint < b->view->n_endpoints &&
	       routes_address_is(&f->host, b->view->endpoints[r->endpoint].addr, r->key.family);
}

static void routes_address(struct rte_tel_data *row, const char *name, const uint8_t addr[16], uint8_t family)
{
	char text[INET6_ADDRSTRLEN];

	if (!inet_ntop(family == BATON_IPV4 ? AF_INET : AF_INET6, addr, text, sizeof text))
		text[0] = 0;
	telemetry_text(row, name, text);
}

static void routes_row(struct batond *b, struct telemetry_page *p, unsigned forwarder, const struct plumb_query_row *q)
{
	static const char *const actions[] = { "drop", "tunnel", "nat", "return" };
	static const char *const states[] = { "syn", "established", "fin", "closed", "udp" };
	const struct plumb_route *r = &q->route;
	const struct view_endpoint *e = r->endpoint < b->view->n_endpoints ? &b->view->endpoints[r->endpoint] : NULL;
	struct rte_tel_data *row = telemetry_row(p);

	if (!row)
		return;
	telemetry_number(row, "forwarder", forwarder);
	telemetry_number(row, "flow", q->flow_id);
	telemetry_number(row, "bank", q->bank);
	telemetry_text(row, "protocol", r->key.proto == IPPROTO_TCP ? "tcp" : "udp");
	routes_address(row, "client", r->key.saddr, r->key.family);
	telemetry_number(row, "client_port", ntohs(r->key.sport_be));
	routes_address(row, "address", r->key.daddr, r->key.family);
	telemetry_number(row, "port", ntohs(r->key.dport_be));
	telemetry_text(row, "vip", r->vip < b->view->n_vips ? b->view->vips[r->vip].name : "");
	if (e && e->family)
		routes_address(row, "host", e->addr, e->family);
	else
		telemetry_text(row, "host", "");
	telemetry_number(row, "host_port", e ? ntohs(e->port_be) : 0);
	telemetry_text(row, "action", r->action < RTE_DIM(actions) ? actions[r->action] : "");
	telemetry_text(row, "state", r->state < RTE_DIM(states) ? states[r->state] : "");
	telemetry_number(row, "idle_s", q->idle_s);
	telemetry_number(row, "packets", q->packets);
}

/*
 * Ask a forwarder and wait for it. The caller holds the lock, so there is one
 * query at a time; an lcore takes microseconds to answer. If it never does,
 * the struct stays its own and nobody asks again.
 */
static struct plumb_query *routes_ask(struct batond *b, unsigned forwarder, uint8_t family, uint32_t cursor)
{
	static struct plumb_query query = { .done = 1 };
	struct plumb_message *m;

	if (!atomic_load_explicit(&query.done, memory_order_acquire))
		return NULL;
	m = channel_message_get(&b->channel);
	if (!m)
		return NULL;
	query.family = family;
	query.cursor = cursor;
	query.match = 0;
	atomic_store_explicit(&query.done, 0, memory_order_relaxed);
	m->type = PLUMB_QUERY;
	m->forwarder = (uint8_t)forwarder;
	m->query = &query;
	if (!channel_to_forwarder(&b->channel, m)) {
		atomic_store_explicit(&query.done, 1, memory_order_relaxed);
		return NULL;
	}
	for (unsigned i = 0; i < ROUTES_TRIES; i++) {
		if (atomic_load_explicit(&query.done, memory_order_acquire))
			return &query;
		rte_delay_us_sleep(ROUTES_WAIT_US);
	}
	return NULL;
}

uint64_t telemetry_routes(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	uint64_t forwarder = cursor >> ROUTES_FORWARDER_BIT;
	uint64_t six = cursor >> ROUTES_FAMILY_BIT & 1;
	struct routes_filter filter;
	struct plumb_query *q;

	if (!routes_filter_parse(p->filter, &filter) || forwarder >= b->n_forwarders)
		return UINT64_MAX;
	q = routes_ask(b, (unsigned)forwarder, six ? BATON_IPV6 : BATON_IPV4, (uint32_t)cursor);
	if (!q)
		return UINT64_MAX;
	for (unsigned i = 0; i < q->n_rows; i++)
		if (routes_wanted(b, &filter, &q->rows[i].route))
			routes_row(b, p, (unsigned)forwarder, &q->rows[i]);
	if (q->cursor)
		return forwarder << ROUTES_FORWARDER_BIT | six << ROUTES_FAMILY_BIT | q->cursor;
	if (!six)
		return forwarder << ROUTES_FORWARDER_BIT | 1ull << ROUTES_FAMILY_BIT;
	return forwarder + 1 < b->n_forwarders ? (forwarder + 1) << ROUTES_FORWARDER_BIT : 0;
}

static void routes_count_row(struct telemetry_page *p, unsigned forwarder, unsigned family, uint32_t n,
			     const struct route_table *t, const struct worker_shape *shape)
{
	struct rte_tel_data *row = telemetry_row(p);

	if (!row)
		return;
	telemetry_number(row, "forwarder", forwarder);
	telemetry_number(row, "family", family);
	telemetry_number(row, "routes", n);
	telemetry_number(row, "capacity", route_table_capacity(t));
	telemetry_number(row, "bytes", route_table_bytes(t));
	telemetry_number(row, "buckets", route_table_buckets(t));
	telemetry_number(row, "overflowed", shape->overflowed);
	telemetry_number(row, "longest_search", shape->longest_search);
}

uint64_t telemetry_routes_count(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	for (unsigned i = 0; i < b->n_forwarders; i++) {
		const struct forwarder_worker *w = b->forwarders[i];

		routes_count_row(p, i, BATON_IPV4, w->n_routes4, w->routes4, &w->sweep4.shape);
		routes_count_row(p, i, BATON_IPV6, w->n_routes6, w->routes6, &w->sweep6.shape);
	}
	return 0;
}
