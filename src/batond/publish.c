/* SPDX-License-Identifier: BSD-3-Clause */
/* Make a view of configuration and neighbourhood, and publish it to the lcores. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>

#include <urcu/urcu-qsbr.h>

#include "base/clock.h"
#include "base/log.h"
#include "batond/batond.h"
#include "batond/hosts.h"
#include "batond/ids.h"
#include "batond/overrides.h"
#include "batond/publish.h"
#include "batond/services.h"
#include "tunnel/secret.h"

/* An id rests this long before another key may have it: messages in flight still name it. */
#define PUBLISH_ID_REST_NS (2 * CLOCK_NS_PER_S)

_Static_assert(VIEW_MAX_TUNNELS >= CONFIG_MAX_TUNNELS, "room for an lcore's");
_Static_assert(SERVICES_MAX == BATOND_MAX_VIPS, "an id for each service");

struct publish_job {
	struct batond *b;
	const struct config *config;
	struct view *view;
	struct services services;
	uint16_t n_locals;
};

/* Does a connection or a route name the endpoint? */
static bool publish_is_used(const struct batond *b, uint16_t endpoint)
{
	for (unsigned i = 0; i < b->n_classifiers; i++)
		if (classifier_endpoint_connections(b->classifiers[i].classifier, endpoint))
			return true;
	for (unsigned i = 0; i < b->n_forwarders; i++)
		if (b->forwarders[i]->endpoints[endpoint].routes)
			return true;
	return false;
}

bool publish_release(struct batond *b, uint64_t now_ns)
{
	bool used[BATOND_MAX_VIPS] = { false }, released = false;

	for (unsigned i = 0; i < ids_n(b->endpoint_ids); i++) {
		bool in_use = publish_is_used(b, (uint16_t)i);

		if (ids_rest(b->endpoint_ids, (uint16_t)i, in_use, now_ns, PUBLISH_ID_REST_NS)) {
			endpoint_totals_begin(b, (uint16_t)i);
			released = true;
		} else if (i < b->view->n_endpoints && b->view->endpoints[i].family) {
			used[b->view->endpoints[i].vip] = true;
		}
	}
	for (unsigned i = 0; i < ids_n(b->vip_ids); i++)
		released |= ids_rest(b->vip_ids, (uint16_t)i, used[i], now_ns, PUBLISH_ID_REST_NS);
	return released;
}

/* The next hop towards an address: itself if it is on a link, else a gateway. */
static int publish_nexthop(void *arg, const struct baton_addr *addr, uint16_t *ret_id)
{
	struct publish_job *j = arg;
	uint64_t now_ns = clock_monotonic_ns();

	for (unsigned i = 0; i < j->b->n_ports; i++) {
		const struct config_port *c = &j->config->ports[i];

		for (unsigned k = 0; k < c->n_addrs; k++)
			if (baton_prefix_contains(&c->addrs[k], addr))
				return neigh_nexthop_add(j->b->neigh, j->b->ports[i].id, addr, now_ns, ret_id);
	}
	for (unsigned i = 0; i < j->b->n_ports; i++) {
		const struct config_port *c = &j->config->ports[i];
		const struct baton_addr *gateway = addr->family == BATON_IPV4 ? &c->gateway4 : &c->gateway6;

		if (gateway->family)
			return neigh_nexthop_add(j->b->neigh, j->b->ports[i].id, gateway, now_ns, ret_id);
	}
	return -EHOSTUNREACH;
}

static int publish_gateway(struct publish_job *j, unsigned port, const struct baton_addr *gateway, uint16_t *ret_id)
{
	*ret_id = VIEW_NONE;
	if (!gateway->family)
		return 0;
	return neigh_nexthop_add(j->b->neigh, j->b->ports[port].id, gateway, clock_monotonic_ns(), ret_id);
}

/* Answers that come in by port p leave to the first gateway that another port has. */
static void publish_replies(struct publish_job *j)
{
	for (unsigned p = 0; p < j->b->n_ports; p++) {
		struct view_port *in = &j->view->ports[j->b->ports[p].id];

		in->replies = j->config->ports[p].replies;
		for (unsigned q = 0; in->replies && q < j->b->n_ports; q++) {
			const struct view_port *out = &j->view->ports[j->b->ports[q].id];

			if (q == p)
				continue;
			if (in->replies_gateway4 == VIEW_NONE)
				in->replies_gateway4 = out->gateway4;
			if (in->replies_gateway6 == VIEW_NONE)
				in->replies_gateway6 = out->gateway6;
		}
	}
}

static int publish_ports(struct publish_job *j)
{
	for (unsigned i = 0; i < j->b->n_ports; i++) {
		const struct config_port *c = &j->config->ports[i];
		struct view_port *p = &j->view->ports[j->b->ports[i].id];
		int err;

		memcpy(p->mac, j->b->ports[i].mac, sizeof p->mac);
		p->exception = j->b->ports[i].exception != NULL;
		p->mtu = (uint16_t)c->mtu;
		p->n_prefixes = (uint8_t)c->n_addrs;
		memcpy(p->prefixes, c->addrs, c->n_addrs * sizeof *c->addrs);
		err = publish_gateway(j, i, &c->gateway4, &p->gateway4);
		if (err == 0)
			err = publish_gateway(j, i, &c->gateway6, &p->gateway6);
		if (err < 0)
			return err;
	}
	publish_replies(j);
	return 0;
}

/* The new one, or NULL. */
static struct view_local *publish_local(struct publish_job *j, const struct baton_addr *addr, enum view_local_kind kind,
					unsigned forwarder, unsigned port)
{
	struct view_local *l = &j->view->locals[j->n_locals];

	if (!addr->family)
		return NULL;
	for (unsigned i = 0; i < j->n_locals; i++)
		if (baton_addr_equal(&j->view->locals[i].addr, addr))
			return NULL; /* several VIPs on one address */
	l->addr = *addr;
	l->kind = (uint8_t)kind;
	l->forwarder = (uint8_t)forwarder;
	l->port = (uint8_t)port;
	j->n_locals++;
	return l;
}

static void publish_tunnels(struct publish_job *j, const struct config_tunnels *t, unsigned forwarder,
			    struct baton_addr by_bank[VIEW_MAX_TUNNELS])
{
	for (unsigned bank = 0; bank < t->n; bank++) {
		struct view_local *l = publish_local(j, &t->addrs[bank], VIEW_LOCAL_TUNNEL, forwarder, 0);

		by_bank[bank] = t->addrs[bank];
		if (l)
			l->bank = (uint8_t)bank;
	}
}

static void publish_locals(struct publish_job *j)
{
	const struct config *c = j->config;
	unsigned f = 0;

	for (unsigned i = 0; i < c->n_vips; i++)
		publish_local(j, &c->vips[i].addr, VIEW_LOCAL_VIP, 0, 0);
	for (unsigned i = 0; i < c->n_lcores; i++) {
		if (!c->lcores[i].forwarder)
			continue;
		publish_tunnels(j, &c->lcores[i].tunnel4, f, j->view->forwarders[f].tunnel4);
		publish_tunnels(j, &c->lcores[i].tunnel6, f, j->view->forwarders[f].tunnel6);
		for (unsigned k = 0; k < c->lcores[i].n_snat; k++)
			publish_local(j, &c->lcores[i].snat[k], VIEW_LOCAL_SNAT, f, 0);
		f++;
	}
	for (unsigned i = 0; i < j->b->n_ports; i++)
		for (unsigned k = 0; k < c->ports[i].n_addrs; k++)
			publish_local(j, &c->ports[i].addrs[k].addr, VIEW_LOCAL_INTERFACE, 0, j->b->ports[i].id);
	j->view->n_forwarders = (uint16_t)f;
	j->view->n_locals = j->n_locals;
}

static void publish_nexthops(struct publish_job *j)
{
	for (unsigned i = 0; i < j->view->n_nexthops; i++) {
		struct view_nexthop *h = &j->view->nexthops[i];
		struct neigh_nexthop_info info;
		const struct batond_port *p;

		if (neigh_nexthop_info(j->b->neigh, (uint16_t)i, &info) < 0)
			continue;
		p = ports_find(j->b, info.port);
		memcpy(h->dst_mac, info.mac, sizeof h->dst_mac);
		memcpy(h->src_mac, p->mac, sizeof h->src_mac);
		h->port = info.port;
		if (info.state == NEIGH_REACHABLE || info.state == NEIGH_PROBE)
			h->mtu = j->view->ports[h->port].mtu;
	}
}

/* What the hosts themselves and the operator say of the endpoints of a service. */
static void publish_health(struct publish_job *j, const struct service *s)
{
	for (unsigned k = 0; k < s->n_endpoints; k++) {
		const struct config_endpoint *ce = &s->endpoints[k];
		const struct hosts_endpoint *said;
		struct view_endpoint *e;
		uint16_t id;

		if (services_endpoint_id(&j->services, s, ce, &id) < 0)
			continue;
		e = &j->view->endpoints[id];
		if (overrides_find(j->b->overrides, &ce->host, ce->port))
			e->usable = 0;
		if (s->vip->health != BATON_HEALTH_AGENT)
			continue;
		said = hosts_endpoint_get(j->b, id);
		e->usable &= said->active_ns != 0;
		e->stop = s->vip->inactive == BATON_INACTIVE_STOP && said->known &&
			  health_row_directive(&said->row) == HEALTH_INACTIVE;
		j->view->any_stop |= e->stop;
	}
}

static void publish_usable(struct publish_job *j)
{
	for (unsigned i = 0; i < j->view->n_endpoints; i++) {
		struct view_endpoint *e = &j->view->endpoints[i];
		bool keep = e->family && j->view->vips[e->vip].unreachable == BATON_UNREACHABLE_KEEP;

		e->usable = e->family && !e->retired && e->capacity > 0 && (keep || j->view->nexthops[e->nexthop].mtu);
	}
	for (unsigned i = 0; i < j->services.n; i++)
		publish_health(j, &j->services.list[i]);
}

/* Stop watching next hops that nothing in the view refers to. */
static void publish_forget_nexthops(struct batond *b, const struct view *v)
{
	for (unsigned i = 0; i < v->n_nexthops; i++) {
		struct neigh_nexthop_info info;
		bool used = false;

		if (neigh_nexthop_info(b->neigh, (uint16_t)i, &info) < 0 || !info.watched)
			continue;
		for (unsigned e = 0; e < v->n_endpoints && !used; e++)
			used = v->endpoints[e].family && v->endpoints[e].nexthop == i;
		for (unsigned p = 0; p < VIEW_MAX_PORTS && !used; p++)
			used = v->ports[p].gateway4 == i || v->ports[p].gateway6 == i;
		if (!used)
			neigh_nexthop_del(b->neigh, (uint16_t)i);
	}
}

static unsigned publish_count_locals(const struct config *c)
{
	unsigned n = c->n_vips;

	for (unsigned i = 0; i < c->n_lcores; i++)
		n += c->lcores[i].tunnel4.n + c->lcores[i].tunnel6.n + c->lcores[i].n_snat;
	for (unsigned i = 0; i < c->n_ports; i++)
		n += c->ports[i].n_addrs;
	return n;
}

/* Next hops are given out while the view is filled in: room for as many as that can be. */
static unsigned publish_count_nexthops(const struct publish_job *j)
{
	unsigned n = neigh_n_nexthops(j->b->neigh) + 2 * j->config->n_ports;

	for (unsigned i = 0; i < j->services.n; i++)
		n += j->services.list[i].n_endpoints;
	return n < BATOND_MAX_NEXTHOPS ? n : BATOND_MAX_NEXTHOPS;
}

/* The keys that the view carries: its own copies. */
static int publish_keys(struct view *v, const struct publish_keys *keys)
{
	struct shim_keyring *shim = malloc(sizeof *shim);
	struct cookie_keyring *cookies = malloc(sizeof *cookies);

	if (!shim || !cookies) {
		free(shim);
		free(cookies);
		return -ENOMEM;
	}
	*shim = keys->shim;
	*cookies = keys->cookies;
	v->keys = shim;
	v->cookies = cookies;
	return 0;
}

static int publish_view_new(struct publish_job *j)
{
	j->view = view_new(ids_n(j->b->vip_ids), ids_n(j->b->endpoint_ids), (uint16_t)publish_count_nexthops(j),
			   (uint16_t)publish_count_locals(j->config));
	if (!j->view)
		return -ENOMEM;
	j->view->generation = j->b->view ? j->b->view->generation + 1 : 1;
	j->view->shim_port_be = htons((uint16_t)j->config->shim_port);
	for (unsigned i = 0; i < VIEW_MAX_PORTS; i++) {
		struct view_port *p = &j->view->ports[i];

		p->gateway4 = p->gateway6 = p->replies_gateway4 = p->replies_gateway6 = VIEW_NONE;
	}
	return 0;
}

static int publish_build(struct publish_job *j, const struct publish_keys *keys)
{
	int err = services_number(&j->services, j->config, j->b->vip_ids, j->b->endpoint_ids);

	if (err == 0)
		err = publish_view_new(j);
	if (err == 0)
		err = publish_keys(j->view, keys);
	if (err == 0)
		err = publish_ports(j);
	if (err == 0)
		err = services_view(&j->services, j->view, publish_nexthop, j);
	if (err < 0)
		return err;
	j->view->trace = traces_wanted(j->b);
	if (j->b->view)
		services_retired(&j->services, j->b->view, j->view);
	publish_locals(j);
	j->view->n_nexthops = neigh_n_nexthops(j->b->neigh);
	publish_nexthops(j);
	hosts_match(j->b, j->view, clock_monotonic_ns()); /* ids may be new */
	publish_usable(j);
	return view_seal(j->view);
}

static void publish_view_free(const struct view *published)
{
	struct view *v = (struct view *)(uintptr_t)published;

	if (!v)
		return;
	services_applications_free(v);
	free((void *)(uintptr_t)v->trace);
	free((void *)(uintptr_t)v->keys);
	free((void *)(uintptr_t)v->cookies);
	view_free(v);
}

int publish_view(struct batond *b, const struct config *config, const struct publish_keys *keys)
{
	struct publish_job *j = calloc(1, sizeof *j);
	const struct view *old = b->view;
	int err;

	if (!j)
		return -ENOMEM;
	j->b = b;
	j->config = config;
	err = publish_build(j, keys);
	if (err < 0) {
		publish_view_free(j->view);
		services_number(&j->services, b->config, b->vip_ids, b->endpoint_ids); /* all of these have theirs */
		free(j);
		return err;
	}
	rcu_assign_pointer(b->view, j->view);
	b->counters.views++;
	traces_in_force(b);
	if (old) {
		urcu_qsbr_synchronize_rcu();
		publish_forget_nexthops(b, j->view);
		if (config != b->config)
			neighbours_announce(b, old);
		publish_view_free(old);
	}
	free(j);
	return 0;
}

int publish_keys_load(const struct config *c, struct publish_keys *ret)
{
	struct publish_keys keys;
	int err = shim_keyring_load(c->secret_file, &keys.shim);

	if (err == 0)
		err = cookie_keyring_load(c->secret_file, &keys.cookies);
	if (err == 0)
		*ret = keys;
	explicit_bzero(&keys, sizeof keys);
	return err;
}

int publish_overrides_start(struct batond *b)
{
	unsigned n, n_bad;

	b->overrides = overrides_open(b->config->run_dir, &n, &n_bad);
	if (!b->overrides)
		return -ENOMEM;
	if (n_bad)
		log_warning("lines of the overrides file can't be read and are left out file=%s/overrides lines=%u",
			    b->config->run_dir, n_bad);
	if (n)
		log_info("overrides of an earlier run are in force count=%u", n);
	return 0;
}

void publish_overrides_stop(struct batond *b)
{
	overrides_close(b->overrides);
	b->overrides = NULL;
}

int publish_start(struct batond *b)
{
	int err;

	b->vip_ids = ids_new(BATOND_MAX_VIPS, sizeof(struct service_key));
	b->endpoint_ids = ids_new(BATOND_MAX_ENDPOINTS, sizeof(struct service_endpoint_key));
	b->before = calloc(BATOND_MAX_ENDPOINTS, sizeof *b->before);
	b->keys = calloc(1, sizeof *b->keys);
	if (!b->vip_ids || !b->endpoint_ids || !b->before || !b->keys)
		err = -ENOMEM;
	else
		err = publish_keys_load(b->config, b->keys);
	if (err < 0 && b->keys)
		log_error("cannot use the cluster secret secret_file=%s error=\"%s\"", b->config->secret_file,
			  secret_strerror(err));
	if (err == 0)
		err = publish_view(b, b->config, b->keys);
	if (err < 0)
		publish_stop(b);
	return err;
}

void publish_stop(struct batond *b)
{
	publish_view_free(b->view);
	b->view = NULL;
	ids_free(b->vip_ids);
	ids_free(b->endpoint_ids);
	b->vip_ids = b->endpoint_ids = NULL;
	free(b->before);
	b->before = NULL;
	free(b->keys);
	b->keys = NULL;
}
