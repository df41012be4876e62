/* SPDX-License-Identifier: BSD-3-Clause */
/* What there is: ports, lcores, VIPs, endpoints, next hops, classifiers. */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include <rte_ethdev.h>
#include <rte_telemetry.h>

#include "base/clock.h"
#include "batond/batond.h"
#include "batond/hosts.h"
#include "batond/overrides.h"
#include "batond/telemetry.h"

/* Rows a page, so that the longest ones stay within the 16 KiB of a reply. */
#define TABLES_PORTS 16
#define TABLES_LCORES 40
#define TABLES_VIPS 30
#define TABLES_ENDPOINTS 24
#define TABLES_NEIGHBOURS 60
#define TABLES_CLASSIFIERS 10

static const char *tables_mac(const uint8_t mac[6], char text[18])
{
	snprintf(text, 18, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	return text;
}

static const char *tables_address(const uint8_t addr[16], uint8_t family, char text[INET6_ADDRSTRLEN])
{
	if (!inet_ntop(family == BATON_IPV4 ? AF_INET : AF_INET6, addr, text, INET6_ADDRSTRLEN))
		text[0] = 0;
	return text;
}

static void tables_port(struct telemetry_page *p, const struct batond_port *port)
{
	struct rte_tel_data *row = telemetry_row(p);
	struct rte_eth_link link = { 0 };
	struct rte_eth_stats stats = { 0 };
	struct rte_eth_dev_info info = { 0 };
	char mac[18];

	if (!row)
		return;
	rte_eth_link_get_nowait(port->id, &link);
	rte_eth_stats_get(port->id, &stats);
	rte_eth_dev_info_get(port->id, &info);
	telemetry_text(row, "name", port->config->name);
	telemetry_text(row, "device", port->config->device);
	telemetry_number(row, "id", port->id);
	telemetry_text(row, "mac", tables_mac(port->mac, mac));
	telemetry_int(row, "mtu", port->config->mtu);
	telemetry_text(row, "link", link.link_status ? "up" : "down");
	telemetry_number(row, "speed_mbps", link.link_speed == RTE_ETH_SPEED_NUM_UNKNOWN ? 0 : link.link_speed);
	telemetry_number(row, "queues", info.nb_rx_queues);
	telemetry_number(row, "rx_packets", stats.ipackets);
	telemetry_number(row, "tx_packets", stats.opackets);
	telemetry_number(row, "rx_bytes", stats.ibytes);
	telemetry_number(row, "tx_bytes", stats.obytes);
	telemetry_number(row, "rx_missed", stats.imissed);
	telemetry_number(row, "rx_errors", stats.ierrors);
	telemetry_number(row, "tx_errors", stats.oerrors);
	telemetry_number(row, "rx_no_buffer", stats.rx_nombuf);
}

uint64_t telemetry_ports(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	uint64_t i;

	for (i = cursor; i < b->n_ports && i - cursor < TABLES_PORTS; i++)
		tables_port(p, &b->ports[i]);
	return i < b->n_ports ? i : 0;
}

static void tables_lcore(struct telemetry_page *p, unsigned index, const struct batond_lcore *l)
{
	struct rte_tel_data *row = telemetry_row(p);
	const struct forwarder_counters *c = l->forwarder ? &l->forwarder->counters : NULL;

	if (!row)
		return;
	telemetry_number(row, "index", index);
	telemetry_int(row, "cpu", l->cpu);
	telemetry_text(row, "roles",
		       !l->classifier  ? "forwarder"
		       : !l->forwarder ? "classifier"
				       : "forwarder,classifier");
	telemetry_int(row, "forwarder", l->forwarder ? l->forwarder->index : -1);
	telemetry_int(row, "classifier", l->classifier ? l->classifier->index : -1);
	telemetry_text(row, "poll", l->busy_poll ? "busy" : "adaptive");
	telemetry_number(row, "loops", l->loops);
	telemetry_number(row, "idle_loops", l->idle_loops);
	telemetry_number(row, "sleeps", l->sleeps);
	telemetry_number(row, "rx_packets", c ? c->rx_packets : 0);
	telemetry_number(row, "tx_packets", c ? c->tx_packets : 0);
	telemetry_number(row, "misses", c ? c->misses : 0);
}

uint64_t telemetry_lcores(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	uint64_t i;

	for (i = cursor; i < b->n_lcores && i - cursor < TABLES_LCORES; i++)
		tables_lcore(p, (unsigned)i, &b->lcores[i]);
	return i < b->n_lcores ? i : 0;
}

static uint64_t tables_connections(const struct batond *b, uint16_t endpoint)
{
	uint64_t n = 0;

	for (unsigned i = 0; i < b->n_classifiers; i++)
		n += classifier_endpoint_connections(b->classifiers[i].classifier, endpoint);
	return n;
}

static const char *tables_mode(const struct view_vip *v)
{
	static const char *const modes[] = { "tunnel", "half-nat", "full-nat" };

	return v->pool || v->application ? "application" : modes[v->mode];
}

static const char *tables_application(const struct view_vip *v)
{
	static const char *const protocols[] = { "http", "tls", "any" };

	return v->application ? protocols[v->application->protocol] : "";
}

static void tables_vip(struct batond *b, struct telemetry_page *p, uint16_t id)
{
	static const char *const consumes[] = { "round-robin", "linear", "greatest" };
	static const char *const unknowns[] = { "reset", "drop", "hash" };
	static const char *const unreachables[] = { "avoid", "keep" };
	const struct view_vip *v = &b->view->vips[id];
	struct rte_tel_data *row = telemetry_row(p);
	uint64_t usable = 0, connections = 0, total = 0;
	char text[INET6_ADDRSTRLEN];

	if (!row)
		return;
	for (unsigned e = 0; e < b->view->n_endpoints; e++) {
		if (!b->view->endpoints[e].family || b->view->endpoints[e].vip != id)
			continue;
		usable += b->view->endpoints[e].usable;
		connections += tables_connections(b, (uint16_t)e);
		total += endpoint_totals_get(b, (uint16_t)e).connections;
	}
	telemetry_number(row, "id", id);
	telemetry_text(row, "name", v->name);
	telemetry_text(row, "address", tables_address(v->addr.b, v->addr.family, text));
	telemetry_number(row, "port", ntohs(v->port_be));
	telemetry_text(row, "protocol", v->proto == IPPROTO_TCP ? "tcp" : "udp");
	telemetry_text(row, "mode", tables_mode(v));
	telemetry_text(row, "application", tables_application(v));
	telemetry_text(row, "pool_of", v->pool ? b->view->vips[v->pool_of].name : "");
	telemetry_text(row, "consume", consumes[v->consume]);
	telemetry_text(row, "unknown", unknowns[v->unknown]);
	telemetry_text(row, "unreachable", unreachables[v->unreachable]);
	telemetry_number(row, "endpoints", v->n_endpoints);
	telemetry_number(row, "usable", usable);
	telemetry_number(row, "connections", connections);
	telemetry_number(row, "total", total);
}

uint64_t telemetry_vips(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	uint64_t i;

	for (i = cursor; i < b->view->n_vips && p->n_rows < TABLES_VIPS; i++)
		if (b->view->vips[i].addr.family)
			tables_vip(b, p, (uint16_t)i);
	return i < b->view->n_vips ? i : 0;
}

/* Whether it gets new connections, and if not, who or what is against it. */
static void tables_endpoint_state(const struct batond *b, uint16_t id, const char **ret_state, const char **ret_why)
{
	const struct view_endpoint *e = &b->view->endpoints[id];
	const struct hosts_endpoint *said = hosts_endpoint_get(b, id);
	struct baton_addr host = { .family = e->family };
	const struct override *o;

	memcpy(host.b, e->addr, sizeof host.b);
	o = overrides_find(b->overrides, &host, ntohs(e->port_be));
	*ret_why = "";
	if (e->retired) {
		*ret_state = "retired";
	} else if (o) {
		*ret_state = "drained";
		*ret_why = o->reason;
	} else if (!e->capacity) {
		*ret_state = "idle";
	} else if (!b->view->nexthops[e->nexthop].mtu) {
		*ret_state = e->usable ? "usable" : "unreachable";
	} else if (e->usable) {
		*ret_state = "usable";
	} else if (said->known) {
		*ret_state = health_directive_name(health_row_directive(&said->row));
		*ret_why = said->row.reason;
	} else {
		*ret_state = "unheard";
	}
}

static void tables_endpoint(struct batond *b, struct telemetry_page *p, uint16_t id)
{
	const struct view_endpoint *e = &b->view->endpoints[id];
	struct rte_tel_data *row = telemetry_row(p);
	struct endpoint_totals t = endpoint_totals_get(b, id);
	char text[INET6_ADDRSTRLEN];
	const char *state, *why;

	if (!row)
		return;
	tables_endpoint_state(b, id, &state, &why);
	telemetry_number(row, "id", id);
	telemetry_text(row, "vip", b->view->vips[e->vip].name);
	telemetry_text(row, "name", b->view->endpoint_names[id]);
	telemetry_text(row, "host", tables_address(e->addr, e->family, text));
	telemetry_number(row, "port", ntohs(e->port_be));
	telemetry_number(row, "capacity", e->capacity);
	telemetry_text(row, "state", state);
	telemetry_text(row, "why", why);
	telemetry_number(row, "connections", tables_connections(b, id));
	telemetry_number(row, "total", t.connections);
	telemetry_number(row, "packets", t.packets);
	telemetry_number(row, "bytes", t.bytes);
	telemetry_number(row, "return_packets", t.return_packets);
	telemetry_number(row, "return_bytes", t.return_bytes);
}

uint64_t telemetry_endpoints(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	uint64_t i;

	for (i = cursor; i < b->view->n_endpoints && p->n_rows < TABLES_ENDPOINTS; i++)
		if (b->view->endpoints[i].family)
			tables_endpoint(b, p, (uint16_t)i);
	return i < b->view->n_endpoints ? i : 0;
}

static void tables_neighbour(struct batond *b, struct telemetry_page *p, uint16_t id,
			     const struct neigh_nexthop_info *n, uint64_t now_ns)
{
	static const char *const states[] = { "incomplete", "reachable", "probe", "failed" };
	const struct batond_port *port = ports_find(b, n->port);
	struct rte_tel_data *row = telemetry_row(p);
	char text[INET6_ADDRSTRLEN], mac[18];
	bool known = n->state == NEIGH_REACHABLE || n->state == NEIGH_PROBE;

	if (!row)
		return;
	telemetry_number(row, "id", id);
	telemetry_text(row, "port", port ? port->config->name : "");
	telemetry_text(row, "address", tables_address(n->addr.b, n->addr.family, text));
	telemetry_text(row, "mac", known ? tables_mac(n->mac, mac) : "");
	telemetry_text(row, "state", states[n->state]);
	telemetry_int(row, "confirmed_s", n->confirmed_ns ? (int)((now_ns - n->confirmed_ns) / CLOCK_NS_PER_S) : -1);
	telemetry_number(row, "moves", n->moves);
}

uint64_t telemetry_neighbours(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	uint64_t now_ns = clock_monotonic_ns();
	uint64_t i, n = neigh_n_nexthops(b->neigh);

	for (i = cursor; i < n && p->n_rows < TABLES_NEIGHBOURS; i++) {
		struct neigh_nexthop_info info;

		if (neigh_nexthop_info(b->neigh, (uint16_t)i, &info) == 0 && info.watched)
			tables_neighbour(b, p, (uint16_t)i, &info, now_ns);
	}
	return i < n ? i : 0;
}

static void tables_classifier(struct batond *b, struct telemetry_page *p, const struct classifier_service *s)
{
	const struct classifier_counters *c = classifier_counters_get(s->classifier);
	struct rte_tel_data *row = telemetry_row(p);

	if (!row)
		return;
	telemetry_number(row, "classifier", s->index);
	telemetry_number(row, "connections", classifier_n_connections(s->classifier));
	telemetry_int(row, "capacity", b->config->connections);
	telemetry_number(row, "pending", handover_n_pending(s->handover));
#define X(name, text) telemetry_number(row, #name, c->name);
	CLASSIFIER_COUNTERS(X)
#undef X
#define X(name, text) telemetry_number(row, #name, s->counters.name);
	CLASSIFIER_SERVICE_COUNTERS(X)
#undef X
}

uint64_t telemetry_classifiers(struct batond *b, struct telemetry_page *p, uint64_t cursor)
{
	uint64_t i;

	for (i = cursor; i < b->n_classifiers && p->n_rows < TABLES_CLASSIFIERS; i++)
		tables_classifier(b, p, &b->classifiers[i]);
	return i < b->n_classifiers ? i : 0;
}
