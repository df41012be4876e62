/* SPDX-License-Identifier: BSD-3-Clause */
/* What the hosts say, what follows from it, and what happened. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <rte_telemetry.h>

#include "base/clock.h"
#include "batond/allotments.h"
#include "batond/batond.h"
#include "batond/hosts.h"
#include "batond/telemetry.h"

/* Rows a page, so that the longest ones stay within the 16 KiB of a reply. */
#define HEALTH_HOST_ROWS 30
#define HEALTH_APP_ROWS 25
#define HEALTH_ALLOTMENT_ROWS 60
#define HEALTH_EVENT_ROWS 25

static const char *const presences[] = { "free", "present", "aged", "left" };

static void health_address(struct rte_tel_data *row, const char *name, const struct baton_addr *a)
{
	char text[BATON_ADDR_TEXT_MAX];

	telemetry_text(row, name, a->family ? baton_addr_format(a, text, sizeof text) : "");
}

static void health_host_text(struct rte_tel_data *row, const struct health_cache_host *h)
{
	char text[32];

	snprintf(text, sizeof text, "%016lx", h->id);
	telemetry_text(row, "id", text);
	telemetry_text(row, "host", h->name[0] ? h->name : text);
}

static int health_age_ms(uint64_t then_ns)
{
	return then_ns ? (int)((clock_monotonic_ns() - then_ns) / CLOCK_NS_PER_MS) : -1;
}

static void health_leader(const struct batond *b, struct rte_tel_data *row, uint64_t host)
{
	uint64_t leader = health_group_cache_leader_of(hosts_groups_get(b), host, clock_monotonic_ns());
	char text[32] = "";

	if (leader)
		snprintf(text, sizeof text, "%016lx", leader);
	telemetry_text(row, "leader", text);
}

uint64_t telemetry_hosts(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	const struct health_cache *c = hosts_cache_get(b);
	const struct health_cache_host *h;
	uint32_t i = (uint32_t)cursor;

	while (c && (h = health_cache_next(c, &i))) {
		struct rte_tel_data *row = telemetry_row(p);

		if (!row)
			return 0;
		health_host_text(row, h);
		telemetry_text(row, "presence", presences[h->presence]);
		telemetry_text(row, "table", h->complete ? "complete" : "healing");
		telemetry_number(row, "applications", h->table.n_rows);
		telemetry_int(row, "heard_ms", health_age_ms(h->heard_ns));
		telemetry_number(row, "interval_ms", h->interval_ms);
		health_leader(b, row, h->id);
		telemetry_number(row, "incarnation", h->incarnation);
		telemetry_number(row, "seq", h->seq);
		if (p->n_rows == HEALTH_HOST_ROWS)
			return i;
	}
	return 0;
}

struct health_page {
	struct telemetry_page *page;
	uint64_t skip, seen;
};

static void health_app_row(void *arg, const struct health_cache_host *h, const struct health_row *r)
{
	struct health_page *hp = arg;
	struct rte_tel_data *row;

	if (hp->seen++ < hp->skip || hp->page->n_rows == HEALTH_APP_ROWS)
		return;
	row = telemetry_row(hp->page);
	if (!row)
		return;
	health_host_text(row, h);
	health_address(row, "address", &r->id.host);
	telemetry_number(row, "port", r->id.host_port);
	health_address(row, "vip", &r->id.vip);
	telemetry_number(row, "vip_port", r->id.vip_port);
	telemetry_text(row, "protocol",
		       r->id.proto == IPPROTO_TCP   ? "tcp"
		       : r->id.proto == IPPROTO_UDP ? "udp"
						    : "other");
	telemetry_text(row, "specific", r->id.specific);
	telemetry_text(row, "state", health_state_name(r->state));
	telemetry_text(row, "target", health_directive_name(r->target));
	telemetry_text(row, "current", health_directive_name(r->current));
	telemetry_number(row, "capacity", r->capacity);
	telemetry_number(row, "load_percent", r->load / 100u);
	telemetry_int(row, "heard_ms", health_age_ms(h->heard_ns));
	telemetry_text(row, "why", r->reason);
}

uint64_t telemetry_apps(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	static const struct health_app_filter everything;
	const struct health_cache *c = hosts_cache_get(b);
	struct health_page hp = { .page = p, .skip = cursor };

	if (!c)
		return 0;
	health_cache_visit(c, &everything, health_app_row, &hp);
	return cursor + p->n_rows < hp.seen ? cursor + p->n_rows : 0;
}

static void health_allotment_row(struct batond *b, struct telemetry_page *p, const struct allotment *a, unsigned share)
{
	const struct allotment_share *s = &a->shares[share];
	const struct view_endpoint *e = &b->view->endpoints[s->endpoint];
	struct rte_tel_data *row = telemetry_row(p);
	struct baton_addr host = { .family = e->family };

	if (!row)
		return;
	memcpy(host.b, e->addr, sizeof host.b);
	telemetry_text(row, "vip", b->view->vips[a->vip].name);
	health_address(row, "host", &host);
	telemetry_number(row, "port", ntohs(e->port_be));
	telemetry_text(row, "kind", a->kind == ALLOTMENT_TOKENS ? "tokens" : "percent");
	telemetry_number(row, "share", s->share);
	telemetry_int(row, "age_ms", health_age_ms(a->made_ns));
	telemetry_number(row, "valid_ms", a->valid_ns / CLOCK_NS_PER_MS);
	telemetry_text(row, "panic", a->panic ? "yes" : "no");
}

/* Cursor: VIP id and share, 16 bits each. */
uint64_t telemetry_allotments(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	unsigned share = cursor & 0xffff;

	for (uint64_t vip = cursor >> 16; vip < b->view->n_vips; vip++, share = 0) {
		const struct allotment *a = allotments_last(b, (uint16_t)vip);

		if (!a || !b->view->vips[vip].addr.family)
			continue;
		for (; share < a->n_shares; share++) {
			if (p->n_rows == HEALTH_ALLOTMENT_ROWS)
				return vip << 16 | share;
			if (a->shares[share].endpoint < b->view->n_endpoints)
				health_allotment_row(b, p, a, share);
		}
	}
	return 0;
}

static void health_event_row(struct telemetry_page *p, const struct hosts_event *e)
{
	struct rte_tel_data *row = telemetry_row(p);

	if (!row)
		return;
	telemetry_number(row, "time_ms", e->wall_ns / CLOCK_NS_PER_MS);
	telemetry_text(row, "host", e->host_name);
	telemetry_text(row, "event", health_event_name(e->kind));
	telemetry_text(row, "cause", health_cause_text(e->cause));
	if (e->has_row) {
		health_address(row, "address", &e->row.id.host);
		telemetry_number(row, "port", e->row.id.host_port);
		telemetry_text(row, "state", health_state_name(e->row.state));
		telemetry_text(row, "target", health_directive_name(e->row.target));
		telemetry_text(row, "current", health_directive_name(e->row.current));
		telemetry_text(row, "why", e->row.reason);
	}
}

/* Newest first. */
uint64_t telemetry_events(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	const struct hosts_event *e;

	for (uint64_t i = cursor; (e = hosts_event_get(b, (unsigned)i)); i++) {
		if (p->n_rows == HEALTH_EVENT_ROWS)
			return i;
		health_event_row(p, e);
	}
	return 0;
}
