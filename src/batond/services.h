/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Services: VIPs and their pools, each with a view id of its own, so that
 * whatever serves a VIP's endpoints serves a pool's. From the configuration
 * into a view. Control thread only; no DPDK.
 */
#ifndef BATON_BATOND_SERVICES_H
#define BATON_BATOND_SERVICES_H

#include <stddef.h>
#include <stdint.h>

#include "baton/view.h"
#include "config/config.h"

#define SERVICES_MAX 1024

struct ids;

/* What makes a service or an endpoint the same one in the next configuration. */
struct service_key {
	struct baton_addr addr;
	uint16_t port;
	uint8_t proto;
	uint8_t zero;
	char pool[VIEW_NAME_MAX]; /* empty: the VIP itself */
};

struct service_endpoint_key {
	struct baton_addr host;
	uint16_t port;
	uint16_t service; /* id */
};

struct service {
	const struct config_vip *vip;
	const struct config_pool *pool; /* NULL: the VIP itself */
	const struct config_endpoint *endpoints;
	unsigned n_endpoints;
	uint16_t id, vip_id; /* the same for a VIP itself */
};

/* Borrows from the configuration and the ids. */
struct services {
	struct ids *vip_ids, *endpoint_ids;
	unsigned n;
	struct service list[SERVICES_MAX]; /* each VIP, then its pools */
};

/*
 * Give ids to all services of the configuration and to their endpoints; those
 * that are in it no longer are retired. 0, or -ENOSPC.
 */
int services_number(struct services *s, const struct config *c, struct ids *vip_ids, struct ids *endpoint_ids);
/* The id of an endpoint that was numbered. 0, or -ENOSPC. */
int services_endpoint_id(const struct services *s, const struct service *service, const struct config_endpoint *e,
			 uint16_t *ret_id);

/*
 * Fill in the view's VIPs, endpoints and applications; nexthop(arg, addr, ret_id)
 * says by which next hop a host is reached. 0, or -errno.
 */
int services_view(const struct services *s, struct view *v,
		  int (*nexthop)(void *arg, const struct baton_addr *addr, uint16_t *ret_id), void *arg);
/*
 * Take over from the view before what is no longer configured, for the
 * connections there are: endpoints, and pools of VIPs that are still there.
 */
void services_retired(const struct services *s, const struct view *old, struct view *v);
/* Free the applications of a view. */
void services_applications_free(struct view *v);

#endif
