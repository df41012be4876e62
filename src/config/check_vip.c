/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks across VIPs, and between them and the device. */
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"

struct check {
	const struct config *c;
	const struct config_source *s;
	struct conf_findings *f;
	unsigned vip; /* the one in hand */
	/* said already that forwarder lcores lack addresses: by family (0: IPv4), by tunnel or snat */
	bool said[2][2];
};

static const struct conf_doc *vip_doc(const struct check *k)
{
	return k->s->vips[k->vip];
}

static const struct config_vip *vip_of(const struct check *k)
{
	return &k->c->vips[k->vip];
}

static bool same_service(const struct config_vip *a, const struct config_vip *b)
{
	return a->port == b->port && a->proto == b->proto && baton_addr_equal(&a->addr, &b->addr);
}

static void check_doubles(struct check *k)
{
	const struct config_vip *v = vip_of(k);

	for (unsigned i = 0; i < k->vip; i++) {
		const struct config_vip *w = &k->c->vips[i];
		char text[BATON_ADDR_TEXT_MAX];

		if (!w->addr.family)
			continue;
		if (!strcmp(v->name, w->name))
			conf_error(k->f, vip_doc(k), "vip.name", "\"%s\" is used already in %s", v->name,
				   conf_doc_name(k->s->vips[i]));
		if (same_service(v, w))
			conf_error(k->f, vip_doc(k), "vip.address", "%s port %u is used already in %s",
				   baton_addr_format(&v->addr, text, sizeof text), v->port,
				   conf_doc_name(k->s->vips[i]));
	}
}

static bool has_addr(const struct baton_addr *list, unsigned n, const struct baton_addr *a)
{
	for (unsigned i = 0; i < n; i++)
		if (baton_addr_equal(&list[i], a))
			return true;
	return false;
}

/* Is the address the device's own? Says whose. */
static bool device_owns(const struct config *c, const struct baton_addr *a, char *where, size_t size)
{
	for (unsigned p = 0; p < c->n_ports; p++) {
		snprintf(where, size, "ports[%u].addresses", p);
		for (unsigned i = 0; i < c->ports[p].n_addrs; i++)
			if (baton_addr_equal(&c->ports[p].addrs[i].addr, a))
				return true;
	}
	for (unsigned l = 0; l < c->n_lcores; l++) {
		const struct config_lcore *lcore = &c->lcores[l];

		snprintf(where, size, "lcores[%u].tunnel", l);
		if (has_addr(lcore->tunnel4.addrs, lcore->tunnel4.n, a) ||
		    has_addr(lcore->tunnel6.addrs, lcore->tunnel6.n, a))
			return true;
		snprintf(where, size, "lcores[%u].snat", l);
		if (has_addr(lcore->snat, lcore->n_snat, a))
			return true;
	}
	return false;
}

static void check_foreign(struct check *k, const struct baton_addr *a, const char *path)
{
	const char *why = config_addr_unfit(a);
	char text[BATON_ADDR_TEXT_MAX], where[48];

	baton_addr_format(a, text, sizeof text);
	if (why)
		conf_error(k->f, vip_doc(k), path, "%s %s", text, why);
	else if (device_owns(k->c, a, where, sizeof where))
		conf_error(k->f, vip_doc(k), path, "%s belongs to the device (%s)", text, where);
}

static bool reachable(const struct config *c, const struct baton_addr *a)
{
	for (unsigned p = 0; p < c->n_ports; p++) {
		if ((a->family == BATON_IPV4 ? c->ports[p].gateway4 : c->ports[p].gateway6).family)
			return true;
		for (unsigned i = 0; i < c->ports[p].n_addrs; i++)
			if (baton_prefix_contains(&c->ports[p].addrs[i], a))
				return true;
	}
	return false;
}

static const struct config_vip *vip_with_addr(const struct config *c, const struct baton_addr *a)
{
	for (unsigned i = 0; i < c->n_vips; i++)
		if (c->vips[i].addr.family && baton_addr_equal(&c->vips[i].addr, a))
			return &c->vips[i];
	return NULL;
}

static void check_host(struct check *k, const struct baton_addr *host, const char *path)
{
	const struct config_vip *v = vip_of(k), *other;
	char text[BATON_ADDR_TEXT_MAX];

	baton_addr_format(host, text, sizeof text);
	if (host->family != v->addr.family) {
		conf_error(k->f, vip_doc(k), path, "%s is not of the VIP's family, IPv%u", text, v->addr.family);
		return;
	}
	check_foreign(k, host, path);
	other = vip_with_addr(k->c, host);
	if (other)
		conf_error(k->f, vip_doc(k), path, "%s is the address of VIP \"%s\"; a host has its own", text,
			   other->name);
	if (!reachable(k->c, host))
		conf_error(k->f, vip_doc(k), path, "%s is on no port's network and no port has an IPv%u gateway", text,
			   host->family);
}

static void check_endpoint(struct check *k, const struct config_endpoint *list, unsigned i, const char *where)
{
	const struct config_vip *v = vip_of(k);
	const struct config_endpoint *e = &list[i];
	char path[64];

	snprintf(path, sizeof path, "%s[%u].host", where, i);
	check_host(k, &e->host, path);
	for (unsigned j = 0; j < i; j++) {
		if (e->port == list[j].port && baton_addr_equal(&e->host, &list[j].host)) {
			conf_error(k->f, vip_doc(k), path, "the same host and port as endpoints[%u]", j);
			break;
		}
	}
	snprintf(path, sizeof path, "%s[%u].port", where, i);
	if (v->mode == BATON_MODE_TUNNEL && e->port != v->port)
		conf_error(k->f, vip_doc(k), path, "%u, but in mode %s the server listens on the VIP's port, %u",
			   e->port, v->by_application ? "application" : "tunnel", v->port);
}

static void check_endpoints(struct check *k, const struct config_endpoint *list, unsigned n, const char *where)
{
	int most = 0;

	for (unsigned i = 0; i < n; i++) {
		check_endpoint(k, list, i, where);
		if (list[i].capacity > most)
			most = list[i].capacity;
	}
	if (n && !most)
		conf_warning(k->f, vip_doc(k), where, "all have capacity 0; every new connection will be refused");
}

static void check_services(struct check *k)
{
	const struct config_vip *v = vip_of(k);
	char path[48];

	if (v->health == BATON_HEALTH_AGENT && !k->c->health_listen.family)
		conf_error(k->f, vip_doc(k), "vip.health", "\"agent\", but the device file has no health.listen");
	check_endpoints(k, v->endpoints, v->n_endpoints, "vip.endpoints");
	if (!v->n_endpoints && !v->by_application)
		conf_warning(k->f, vip_doc(k), "vip.endpoints", "none; every new connection will be refused");
	for (unsigned i = 0; i < v->n_pools; i++) {
		snprintf(path, sizeof path, "vip.pools[%u].endpoints", i);
		check_endpoints(k, v->pools[i].endpoints, v->pools[i].n_endpoints, path);
	}
}

/* Tunnel addresses that a forwarder has of a family, and how many it needs for flow ids of all its routes. */
static unsigned n_tunnels(const struct config_lcore *l, uint8_t family)
{
	return (family == BATON_IPV4 ? &l->tunnel4 : &l->tunnel6)->n;
}

static unsigned n_tunnels_needed(const struct config *c, uint8_t family)
{
	int routes = family == BATON_IPV4 ? c->routes_ipv4 : c->routes_ipv6;

	return (unsigned)(routes + CONFIG_ROUTES_PER_TUNNEL - 1) / CONFIG_ROUTES_PER_TUNNEL;
}

static void too_few_tunnels(struct check *k, unsigned lcore, uint8_t family)
{
	char path[48];

	snprintf(path, sizeof path, "lcores[%u].tunnel", lcore);
	conf_error(k->f, k->s->device, path,
		   "%u of the %u IPv%u addresses that routes.ipv%u = %d needs, one for each %d; add more or lower it",
		   n_tunnels(&k->c->lcores[lcore], family), n_tunnels_needed(k->c, family), family, family,
		   family == BATON_IPV4 ? k->c->routes_ipv4 : k->c->routes_ipv6, CONFIG_ROUTES_PER_TUNNEL);
}

static bool has_snat(const struct config_lcore *l, uint8_t family)
{
	for (unsigned i = 0; i < l->n_snat; i++)
		if (l->snat[i].family == family)
			return true;
	return false;
}

/* What the VIP's mode needs on each forwarder lcore; said once for all VIPs. */
static void check_mode(struct check *k)
{
	const struct config_vip *v = vip_of(k);
	uint8_t family = v->addr.family;
	bool tunnel = v->mode == BATON_MODE_TUNNEL;
	bool *said = &k->said[family == BATON_IPV6][tunnel];
	char path[48];

	if (v->mode == BATON_MODE_HALF_NAT || *said)
		return;
	for (unsigned i = 0; i < k->c->n_lcores; i++) {
		const struct config_lcore *l = &k->c->lcores[i];
		bool has = tunnel ? n_tunnels(l, family) >= n_tunnels_needed(k->c, family) : has_snat(l, family);

		if (!l->forwarder || has)
			continue;
		*said = true;
		if (tunnel && n_tunnels(l, family)) {
			too_few_tunnels(k, i, family);
			continue;
		}
		snprintf(path, sizeof path, "lcores[%u].%s", i, tunnel ? "tunnel" : "snat");
		conf_error(k->f, k->s->device, path, "no IPv%u address, but VIP \"%s\" with mode %s needs one", family,
			   v->name,
			   v->by_application ? "application"
			   : tunnel          ? "tunnel"
					     : "full-nat");
	}
}

/* Endpoints that replies of a half-NAT VIP come from, to find ones that two VIPs share. */
struct reply {
	const struct config_endpoint *e;
	unsigned vip, endpoint;
	uint8_t proto;
};

static int reply_compare(const void *a, const void *b)
{
	const struct reply *x = a, *y = b;
	int d = memcmp(&x->e->host, &y->e->host, sizeof x->e->host);

	if (!d)
		d = (x->e->port > y->e->port) - (x->e->port < y->e->port);
	if (!d)
		d = (x->proto > y->proto) - (x->proto < y->proto);
	return d;
}

static int reply_order(const void *a, const void *b)
{
	const struct reply *x = a, *y = b;
	int d = reply_compare(a, b);

	return d ? d : (x->vip > y->vip) - (x->vip < y->vip);
}

static void warn_shared(struct check *k, const struct reply *a, const struct reply *b)
{
	char path[48];

	k->vip = b->vip;
	snprintf(path, sizeof path, "vip.endpoints[%u]", b->endpoint);
	conf_warning(k->f, vip_doc(k), path,
		     "VIP \"%s\" uses it by half-nat too; a client that uses one source port for both is refused",
		     k->c->vips[a->vip].name);
}

static void check_replies(struct check *k)
{
	struct reply *r = calloc(CONFIG_MAX_ALL_ENDPOINTS, sizeof *r);
	unsigned n = 0;

	if (!r) {
		conf_error_plain(k->f, k->c->file, "out of memory");
		return;
	}
	for (unsigned i = 0; i < k->c->n_vips; i++) {
		const struct config_vip *v = &k->c->vips[i];

		for (unsigned j = 0; v->addr.family && v->mode == BATON_MODE_HALF_NAT && j < v->n_endpoints; j++)
			if (n < CONFIG_MAX_ALL_ENDPOINTS)
				r[n++] = (struct reply){ &v->endpoints[j], i, j, v->proto };
	}
	qsort(r, n, sizeof *r, reply_order);
	for (unsigned i = 1; i < n; i++)
		if (!reply_compare(&r[i - 1], &r[i]) && r[i - 1].vip != r[i].vip)
			warn_shared(k, &r[i - 1], &r[i]);
	free(r);
}

void config_check_vips(const struct config *c, const struct config_source *s, struct conf_findings *f)
{
	struct check k = { .c = c, .s = s, .f = f };
	unsigned n_endpoints = 0, n_services = c->n_vips;

	for (k.vip = 0; k.vip < c->n_vips; k.vip++) {
		n_endpoints += c->vips[k.vip].n_endpoints;
		n_services += c->vips[k.vip].n_pools;
		for (unsigned i = 0; i < c->vips[k.vip].n_pools; i++)
			n_endpoints += c->vips[k.vip].pools[i].n_endpoints;
		if (!c->vips[k.vip].addr.family)
			continue;
		check_doubles(&k);
		check_foreign(&k, &vip_of(&k)->addr, "vip.address");
		check_services(&k);
		check_mode(&k);
	}
	check_replies(&k);
	if (n_endpoints > CONFIG_MAX_ALL_ENDPOINTS)
		conf_error_plain(f, c->vip_dir, "%u endpoints in all, but at most %d are possible", n_endpoints,
				 CONFIG_MAX_ALL_ENDPOINTS);
	if (n_services > CONFIG_MAX_VIPS)
		conf_error_plain(f, c->vip_dir, "%u VIPs and pools in all, but at most %d are possible", n_services,
				 CONFIG_MAX_VIPS);
	if (!c->n_vips)
		conf_warning_plain(f, c->vip_dir, "no VIP files; there is nothing to balance");
}
