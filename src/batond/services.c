/* SPDX-License-Identifier: BSD-3-Clause */
#include "batond/services.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batond/ids.h"

/* Keys are compared as bytes: nothing in them may be left to chance. */
static struct service_key service_key(const struct service *s)
{
	struct service_key k;

	memset(&k, 0, sizeof k);
	k.addr = s->vip->addr;
	k.port = s->vip->port;
	k.proto = s->vip->proto;
	if (s->pool)
		strncpy(k.pool, s->pool->name, sizeof k.pool - 1);
	return k;
}

int services_endpoint_id(const struct services *s, const struct service *service, const struct config_endpoint *e,
			 uint16_t *ret_id)
{
	struct service_endpoint_key k;

	memset(&k, 0, sizeof k);
	k.host = e->host;
	k.port = e->port;
	k.service = service->id;
	return ids_get(s->endpoint_ids, &k, ret_id);
}

static int service_number(struct services *s, struct service service)
{
	struct service_key key = service_key(&service);
	uint16_t id;
	int err;

	if (s->n == SERVICES_MAX)
		return -ENOSPC;
	err = ids_get(s->vip_ids, &key, &service.id);
	if (!service.pool)
		service.vip_id = service.id;
	for (unsigned i = 0; i < service.n_endpoints && !err; i++)
		err = services_endpoint_id(s, &service, &service.endpoints[i], &id);
	if (!err)
		s->list[s->n++] = service;
	return err;
}

static int vip_number(struct services *s, const struct config_vip *v)
{
	int err = service_number(
		s, (struct service){ .vip = v, .endpoints = v->endpoints, .n_endpoints = v->n_endpoints });
	uint16_t vip_id = err ? 0 : s->list[s->n - 1].id;

	for (unsigned i = 0; i < v->n_pools && !err; i++)
		err = service_number(s, (struct service){ .vip = v,
							  .pool = &v->pools[i],
							  .endpoints = v->pools[i].endpoints,
							  .n_endpoints = v->pools[i].n_endpoints,
							  .vip_id = vip_id });
	return err;
}

int services_number(struct services *s, const struct config *c, struct ids *vip_ids, struct ids *endpoint_ids)
{
	int err = 0;

	s->n = 0;
	s->vip_ids = vip_ids;
	s->endpoint_ids = endpoint_ids;
	ids_retire_all(vip_ids);
	ids_retire_all(endpoint_ids);
	for (unsigned i = 0; i < c->n_vips && !err; i++)
		err = vip_number(s, &c->vips[i]);
	return err;
}

static void affinities_fill(struct view_vip *v, const struct config_vip *c)
{
	v->n_affinities = (uint8_t)c->n_affinities;
	for (unsigned i = 0; i < c->n_affinities; i++) {
		struct baton_affinity *a = &v->affinities[i];

		a->kind = c->affinities[i].by;
		a->timeout_s = (uint32_t)c->affinities[i].timeout_s;
		if (c->affinities[i].name)
			strncpy(a->name, c->affinities[i].name, sizeof a->name - 1);
	}
}

static void vip_fill(struct view *view, const struct service *s)
{
	const struct config_vip *c = s->vip;
	struct view_vip *v = &view->vips[s->id];

	snprintf(v->name, sizeof v->name, "%s%s%s", c->name, s->pool ? "/" : "", s->pool ? s->pool->name : "");
	v->addr = c->addr;
	v->port_be = htons(c->port);
	v->proto = c->proto;
	v->mode = (uint8_t)c->mode;
	v->consume = (uint8_t)c->consume;
	v->unknown = (uint8_t)c->unknown;
	v->unreachable = (uint8_t)c->unreachable;
	for (unsigned i = 0; i < BATON_N_CONN_STATES; i++)
		v->timeout_s[i] = (uint16_t)c->timeout_s[i];
	v->pool = s->pool != NULL;
	v->pool_of = s->vip_id;
	affinities_fill(v, c);
	if (c->mode == BATON_MODE_HALF_NAT)
		view->any_half_nat = true;
}

/* The pools' ids follow: they come behind their VIP, in the order of the rules' numbers. */
static int application_fill(struct view *view, const struct services *s, unsigned at)
{
	const struct config_vip *c = s->list[at].vip;
	struct application *a = calloc(1, sizeof *a);

	if (!a)
		return -ENOMEM;
	a->protocol = c->application.protocol;
	a->otherwise = c->application.otherwise;
	a->sack = c->application.sack;
	a->timestamps = c->application.timestamps;
	a->window_scaling = c->application.window_scaling;
	a->mss = (uint16_t)c->application.mss;
	a->head_max = (uint32_t)c->application.head_max;
	a->timeout_ms = (uint32_t)c->application.timeout_ms;
	a->attempts = (uint32_t)c->application.attempts;
	a->rules = c->compiled;
	a->n_pools = (uint16_t)c->n_pools;
	for (unsigned i = 0; i < c->n_pools; i++)
		a->pools[i] = s->list[at + 1 + i].id;
	view->vips[s->list[at].id].application = a;
	return 0;
}

static void endpoint_fill(struct view *view, const struct service *s, uint16_t id, const struct config_endpoint *c)
{
	struct view_endpoint *e = &view->endpoints[id];

	memcpy(e->addr, c->host.b, sizeof e->addr);
	e->family = c->host.family;
	e->port_be = htons(c->port);
	e->vip = s->id;
	e->capacity = (uint8_t)c->capacity;
	if (c->name)
		strncpy(view->endpoint_names[id], c->name, sizeof view->endpoint_names[id] - 1);
}

int services_view(const struct services *s, struct view *v,
		  int (*nexthop)(void *arg, const struct baton_addr *addr, uint16_t *ret_id), void *arg)
{
	uint16_t ids[CONFIG_MAX_ENDPOINTS];
	int err = 0;

	for (unsigned i = 0; i < s->n && !err; i++) {
		const struct service *service = &s->list[i];

		vip_fill(v, service);
		for (unsigned k = 0; k < service->n_endpoints && !err; k++) {
			err = services_endpoint_id(s, service, &service->endpoints[k], &ids[k]);
			if (err)
				break;
			endpoint_fill(v, service, ids[k], &service->endpoints[k]);
			err = nexthop(arg, &service->endpoints[k].host, &v->endpoints[ids[k]].nexthop);
		}
		if (!err)
			err = view_vip_set_endpoints(v, service->id, ids, (uint16_t)service->n_endpoints);
		if (!err && service->vip->by_application && !service->pool)
			err = application_fill(v, s, i);
	}
	return err;
}

/* Its connections are timed as the VIP's are now; new ones it gets none. */
static void pool_retire(const struct view_vip *old, struct view *v, unsigned id)
{
	struct view_vip *pool = &v->vips[id];

	*pool = v->vips[old->pool_of];
	memcpy(pool->name, old->name, sizeof pool->name);
	pool->pool = 1;
	pool->pool_of = old->pool_of;
	pool->endpoints = NULL;
	pool->n_endpoints = 0;
	pool->application = NULL;
}

void services_retired(const struct services *s, const struct view *old, struct view *v)
{
	for (unsigned i = 0; i < old->n_endpoints && i < v->n_endpoints; i++) {
		if (!ids_is_retired(s->endpoint_ids, (uint16_t)i) || !old->endpoints[i].family)
			continue;
		v->endpoints[i] = old->endpoints[i];
		v->endpoints[i].retired = 1;
		memcpy(v->endpoint_names[i], old->endpoint_names[i], sizeof v->endpoint_names[i]);
	}
	for (unsigned i = 0; i < old->n_vips && i < v->n_vips; i++)
		if (old->vips[i].pool && ids_is_retired(s->vip_ids, (uint16_t)i) && old->vips[i].addr.family &&
		    !ids_is_retired(s->vip_ids, old->vips[i].pool_of))
			pool_retire(&old->vips[i], v, i);
}

void services_applications_free(struct view *v)
{
	for (unsigned i = 0; i < v->n_vips; i++) {
		free((void *)(uintptr_t)v->vips[i].application);
		v->vips[i].application = NULL;
	}
}
