/* SPDX-License-Identifier: BSD-3-Clause */
/* Checks across keys of the device file. */
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"

const char *config_addr_unfit(const struct baton_addr *a)
{
	static const uint8_t mapped[12] = { [10] = 0xff, [11] = 0xff }, zero[16];

	if (!memcmp(a->b, zero, sizeof a->b))
		return "is the unspecified address";
	if (a->family == BATON_IPV4) {
		if (a->b[0] == 0)
			return "is not an address of a machine (0.0.0.0/8)";
		if (a->b[0] == 127)
			return "is a loopback address";
		if (a->b[0] >= 240)
			return "is a reserved or broadcast address";
		return a->b[0] >= 224 ? "is a multicast address" : NULL;
	}
	if (!memcmp(a->b, zero, 15) && a->b[15] == 1)
		return "is a loopback address";
	if (!memcmp(a->b, mapped, sizeof mapped))
		return "is an IPv4 address in IPv6 form";
	return a->b[0] == 0xff ? "is a multicast address" : NULL;
}

static bool link_local(const struct baton_addr *a)
{
	return a->family == BATON_IPV6 && a->b[0] == 0xfe && (a->b[1] & 0xc0) == 0x80;
}

static void check_fit(const struct baton_addr *a, const struct conf_doc *doc, struct conf_findings *f, const char *path)
{
	const char *why = a->family ? config_addr_unfit(a) : NULL;
	char text[BATON_ADDR_TEXT_MAX];

	if (why)
		conf_error(f, doc, path, "%s %s", baton_addr_format(a, text, sizeof text), why);
}

/* Addresses of the device and where they stand, to find doubles. */
struct uses {
	const struct conf_doc *doc;
	struct conf_findings *f;
	struct use {
		const struct baton_addr *addr;
		char path[48];
	} use[CONFIG_MAX_PORTS * CONFIG_MAX_ADDRS + CONFIG_MAX_LCORES * (2 * CONFIG_MAX_TUNNELS + CONFIG_MAX_SNAT)];
	unsigned n;
};

static void use_add(struct uses *u, const struct baton_addr *a, const char *path)
{
	char text[BATON_ADDR_TEXT_MAX];

	if (!a->family)
		return;
	check_fit(a, u->doc, u->f, path);
	for (unsigned i = 0; i < u->n; i++) {
		if (baton_addr_equal(u->use[i].addr, a)) {
			conf_error(u->f, u->doc, path, "%s is used already by %s",
				   baton_addr_format(a, text, sizeof text), u->use[i].path);
			return;
		}
	}
	u->use[u->n].addr = a;
	snprintf(u->use[u->n].path, sizeof u->use[u->n].path, "%s", path);
	u->n++;
}

static void use_add_tunnels(struct uses *u, const struct config_tunnels *t, const char *path)
{
	for (unsigned i = 0; i < t->n; i++)
		use_add(u, &t->addrs[i], path);
}

static void check_addresses(const struct config *c, const struct conf_doc *doc, struct conf_findings *f)
{
	struct uses *u = calloc(1, sizeof *u);
	char path[48];

	if (!u) {
		conf_error(f, doc, "", "out of memory");
		return;
	}
	u->doc = doc;
	u->f = f;
	for (unsigned p = 0; p < c->n_ports; p++) {
		for (unsigned i = 0; i < c->ports[p].n_addrs; i++) {
			snprintf(path, sizeof path, "ports[%u].addresses[%u]", p, i);
			use_add(u, &c->ports[p].addrs[i].addr, path);
		}
	}
	for (unsigned l = 0; l < c->n_lcores; l++) {
		snprintf(path, sizeof path, "lcores[%u].tunnel", l);
		use_add_tunnels(u, &c->lcores[l].tunnel4, path);
		use_add_tunnels(u, &c->lcores[l].tunnel6, path);
		for (unsigned i = 0; i < c->lcores[l].n_snat; i++) {
			snprintf(path, sizeof path, "lcores[%u].snat[%u]", l, i);
			use_add(u, &c->lcores[l].snat[i], path);
		}
	}
	free(u);
}

static void check_gateway(const struct config_port *p, const struct baton_addr *gateway, const char *path,
			  const struct conf_doc *doc, struct conf_findings *f)
{
	char text[BATON_ADDR_TEXT_MAX];
	bool on_link = link_local(gateway);

	if (!gateway->family)
		return;
	check_fit(gateway, doc, f, path);
	baton_addr_format(gateway, text, sizeof text);
	for (unsigned i = 0; i < p->n_addrs; i++) {
		on_link |= baton_prefix_contains(&p->addrs[i], gateway);
		if (baton_addr_equal(&p->addrs[i].addr, gateway))
			conf_error(f, doc, path, "%s is the port's own address", text);
	}
	if (!on_link)
		conf_error(f, doc, path, "%s is on none of the port's networks", text);
}

static bool same(const char *a, const char *b)
{
	return a && b && !strcmp(a, b);
}

static void check_port_doubles(const struct config *c, unsigned p, const struct conf_doc *doc, struct conf_findings *f)
{
	char path[48];

	for (unsigned q = 0; q < p; q++) {
		if (same(c->ports[p].name, c->ports[q].name)) {
			snprintf(path, sizeof path, "ports[%u].name", p);
			conf_error(f, doc, path, "\"%s\" is used already by ports[%u]", c->ports[p].name, q);
		}
		if (same(c->ports[p].device, c->ports[q].device)) {
			snprintf(path, sizeof path, "ports[%u].device", p);
			conf_error(f, doc, path, "\"%.64s\" is used already by ports[%u]", c->ports[p].device, q);
		}
		if (same(c->ports[p].exception, c->ports[q].exception)) {
			snprintf(path, sizeof path, "ports[%u].exception", p);
			conf_error(f, doc, path, "\"%s\" is used already by ports[%u]", c->ports[p].exception, q);
		}
	}
}

static void check_replies(const struct config *c, unsigned p, const struct conf_doc *doc, struct conf_findings *f)
{
	char path[48];

	for (unsigned q = 0; q < c->n_ports; q++)
		if (q != p && (c->ports[q].gateway4.family || c->ports[q].gateway6.family))
			return;
	snprintf(path, sizeof path, "ports[%u].replies", p);
	conf_error(f, doc, path, "no other port has a gateway to send them to");
}

static void check_ports(const struct config *c, const struct conf_doc *doc, struct conf_findings *f)
{
	char path[48];

	for (unsigned p = 0; p < c->n_ports; p++) {
		check_port_doubles(c, p, doc, f);
		snprintf(path, sizeof path, "ports[%u].gateway4", p);
		check_gateway(&c->ports[p], &c->ports[p].gateway4, path, doc, f);
		snprintf(path, sizeof path, "ports[%u].gateway6", p);
		check_gateway(&c->ports[p], &c->ports[p].gateway6, path, doc, f);
		if (c->ports[p].replies)
			check_replies(c, p, doc, f);
	}
}

static void check_lcores(const struct config *c, const struct conf_doc *doc, struct conf_findings *f)
{
	unsigned n_forwarders = 0, n_classifiers = 0;
	char path[48];

	for (unsigned i = 0; i < c->n_lcores; i++) {
		const struct config_lcore *l = &c->lcores[i];

		n_forwarders += l->forwarder;
		n_classifiers += l->classifier;
		if (l->forwarder)
			continue;
		snprintf(path, sizeof path, "lcores[%u].tunnel", i);
		if (l->tunnel4.n || l->tunnel6.n)
			conf_error(f, doc, path, "only an lcore with the role forwarder has tunnel addresses");
		snprintf(path, sizeof path, "lcores[%u].snat", i);
		if (l->n_snat)
			conf_error(f, doc, path,
				   "only an lcore with the role forwarder has source addresses for full NAT");
	}
	if (!n_forwarders)
		conf_error(f, doc, "lcores", "none has the role forwarder");
	if (!n_classifiers)
		conf_error(f, doc, "lcores", "none has the role classifier");
	if (n_forwarders > CONFIG_MAX_FORWARDERS)
		conf_error(f, doc, "lcores", "%u have the role forwarder, but at most %d are possible", n_forwarders,
			   CONFIG_MAX_FORWARDERS);
}

void config_check_device(const struct config *c, const struct conf_doc *doc, struct conf_findings *f)
{
	check_ports(c, doc, f);
	check_lcores(c, doc, f);
	check_addresses(c, doc, f);
	if (c->snat_port_first > c->snat_port_last)
		conf_error(f, doc, "snat.first_port", "%d is above last_port %d", c->snat_port_first,
			   c->snat_port_last);
}
