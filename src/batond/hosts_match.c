/* SPDX-License-Identifier: BSD-3-Clause */
/* Which row of which host speaks of which endpoint, and what follows for its use. */
#include <endian.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "batond/hosts_match.h"

/* Endpoints by physical address and port, so that each row finds its own by bisection. */
struct match_key {
	uint8_t addr[16];
	uint16_t port_be;
	uint8_t family, proto;
	uint16_t id;
};

struct match_job {
	const struct view *view;
	struct hosts_endpoint *endpoints;
	struct match_key *keys;
	unsigned n_keys;
};

static int match_compare(const void *a, const void *b)
{
	return memcmp(a, b, offsetof(struct match_key, id));
}

static bool match_vip(const struct view *v, const struct match_key *k, const struct health_app_id *id)
{
	const struct view_vip *vip = &v->vips[v->endpoints[k->id].vip];

	if (!id->vip.family)
		return true;
	return baton_addr_equal(&id->vip, &vip->addr) && (!id->vip_port || htobe16(id->vip_port) == vip->port_be);
}

static void match_take(struct hosts_endpoint *e, const struct health_cache_host *host, const struct health_row *row)
{
	/* several rows for one endpoint (specific strings): the one that allows least counts */
	if (e->known && health_row_directive(&e->row) <= health_row_directive(row))
		return;
	e->known = true;
	e->host = host->id;
	e->heard_ns = host->heard_ns;
	e->row = *row;
}

static void match_row(void *arg, const struct health_cache_host *host, const struct health_row *row)
{
	struct match_job *j = arg;
	struct match_key want = { .port_be = htobe16(row->id.host_port),
				  .family = row->id.host.family,
				  .proto = row->id.proto };
	unsigned low = 0, high = j->n_keys;

	memcpy(want.addr, row->id.host.b, sizeof want.addr);
	while (low < high) {
		unsigned middle = (low + high) / 2;

		if (match_compare(&j->keys[middle], &want) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	for (; low < j->n_keys && match_compare(&j->keys[low], &want) == 0; low++)
		if (match_vip(j->view, &j->keys[low], &row->id))
			match_take(&j->endpoints[j->keys[low].id], host, row);
}

static void match_index(struct match_job *j)
{
	for (unsigned i = 0; i < j->view->n_endpoints; i++) {
		const struct view_endpoint *e = &j->view->endpoints[i];
		struct match_key *k = &j->keys[j->n_keys];

		if (!e->family)
			continue;
		memcpy(k->addr, e->addr, sizeof k->addr);
		k->port_be = e->port_be;
		k->family = e->family;
		k->proto = j->view->vips[e->vip].proto;
		k->id = (uint16_t)i;
		j->n_keys++;
	}
	qsort(j->keys, j->n_keys, sizeof *j->keys, match_compare);
}

static bool match_is_active(const struct hosts_endpoint *e)
{
	return e->known && health_row_directive(&e->row) == HEALTH_ACTIVE;
}

static bool match_is_inactive(const struct hosts_endpoint *e)
{
	return e->known && health_row_directive(&e->row) == HEALTH_INACTIVE;
}

/* Since when is it active; true if its use changed. */
static bool match_transition(struct hosts_endpoint *now, const struct hosts_endpoint *before, uint64_t now_ns)
{
	bool same = before->known && now->row.load == before->row.load && now->row.capacity == before->row.capacity;

	if (now->known)
		now->reported_ns = same ? before->reported_ns : now_ns;
	if (match_is_active(now))
		now->active_ns = before->active_ns ? before->active_ns : now_ns;
	return match_is_active(now) != match_is_active(before) || match_is_inactive(now) != match_is_inactive(before) ||
	       now->row.capacity != before->row.capacity;
}

int hosts_match_endpoints(const struct view *view, const struct health_cache *cache, struct hosts_endpoint *endpoints,
			  uint64_t now_ns, bool *ret_changed)
{
	static const struct health_app_filter everything;
	struct match_job j = { .view = view, .endpoints = endpoints };
	size_t n = (view->n_endpoints + 1u) * sizeof *endpoints;
	struct hosts_endpoint *before = malloc(n);

	j.keys = calloc(view->n_endpoints + 1u, sizeof *j.keys);
	if (!j.keys || !before) {
		free(before);
		free(j.keys);
		return -ENOMEM;
	}
	*ret_changed = false;
	memcpy(before, endpoints, n);
	memset(endpoints, 0, n);
	match_index(&j);
	health_cache_visit(cache, &everything, match_row, &j);
	for (unsigned i = 0; i < view->n_endpoints; i++)
		*ret_changed |= match_transition(&endpoints[i], &before[i], now_ns);
	free(before);
	free(j.keys);
	return 0;
}
