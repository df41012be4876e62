/* SPDX-License-Identifier: BSD-3-Clause */
/* What a reload can't change. */
#include <errno.h>
#include <string.h>

#include "config/schema.h"

struct diff {
	const struct config *old, *new;
	struct conf_findings f;
	char path[32]; /* of the group in hand, with its dot */
};

static void diff_report(struct diff *d, const char *key, const char *was, const char *is)
{
	conf_error_plain(&d->f, d->new->file, "%s%s: changed from %.64s to %.64s; this needs a restart", d->path, key,
			 was, is);
}

static void diff_int(struct diff *d, const char *key, int was, int is)
{
	char a[16], b[16];

	if (was == is)
		return;
	snprintf(a, sizeof a, "%d", was);
	snprintf(b, sizeof b, "%d", is);
	diff_report(d, key, a, b);
}

static void diff_bool(struct diff *d, const char *key, bool was, bool is)
{
	if (was != is)
		diff_report(d, key, was ? "yes" : "no", is ? "yes" : "no");
}

static void diff_text(struct diff *d, const char *key, const char *was, const char *is)
{
	was = was ? was : "none";
	is = is ? is : "none";
	if (strcmp(was, is))
		diff_report(d, key, was, is);
}

static void diff_addr(struct diff *d, const char *key, const struct baton_addr *was, const struct baton_addr *is)
{
	char a[BATON_ADDR_TEXT_MAX], b[BATON_ADDR_TEXT_MAX];

	if (!baton_addr_equal(was, is))
		diff_report(d, key, baton_addr_format(was, a, sizeof a), baton_addr_format(is, b, sizeof b));
}

static void diff_prefixes(struct diff *d, const struct config_port *was, const struct config_port *is)
{
	bool same = was->n_addrs == is->n_addrs;

	for (unsigned i = 0; same && i < was->n_addrs; i++)
		same = was->addrs[i].len == is->addrs[i].len &&
		       baton_addr_equal(&was->addrs[i].addr, &is->addrs[i].addr);
	if (!same)
		conf_error_plain(&d->f, d->new->file, "%saddresses: changed; this needs a restart", d->path);
}

static void diff_port(struct diff *d, const struct config_port *was, const struct config_port *is)
{
	diff_text(d, "name", was->name, is->name);
	diff_text(d, "device", was->device, is->device);
	diff_int(d, "mtu", was->mtu, is->mtu);
	diff_int(d, "queues", was->queues, is->queues);
	diff_int(d, "rx_descriptors", was->rx_descriptors, is->rx_descriptors);
	diff_int(d, "tx_descriptors", was->tx_descriptors, is->tx_descriptors);
	diff_prefixes(d, was, is);
	diff_addr(d, "gateway4", &was->gateway4, &is->gateway4);
	diff_addr(d, "gateway6", &was->gateway6, &is->gateway6);
	diff_bool(d, "replies", was->replies, is->replies);
	diff_text(d, "exception", was->exception, is->exception);
}

static void diff_tunnels(struct diff *d, const char *key, const struct config_tunnels *was,
			 const struct config_tunnels *is)
{
	if (was->n != is->n)
		conf_error_plain(&d->f, d->new->file, "%s%s: changed from %u addresses to %u; this needs a restart",
				 d->path, key, was->n, is->n);
	for (unsigned i = 0; was->n == is->n && i < is->n; i++)
		diff_addr(d, key, &was->addrs[i], &is->addrs[i]);
}

static void diff_lcore(struct diff *d, const struct config_lcore *was, const struct config_lcore *is)
{
	bool same = was->n_snat == is->n_snat;

	diff_int(d, "cpu", was->cpu, is->cpu);
	diff_bool(d, "roles (forwarder)", was->forwarder, is->forwarder);
	diff_bool(d, "roles (classifier)", was->classifier, is->classifier);
	diff_bool(d, "poll (busy)", was->busy_poll, is->busy_poll);
	diff_tunnels(d, "tunnel (IPv4)", &was->tunnel4, &is->tunnel4);
	diff_tunnels(d, "tunnel (IPv6)", &was->tunnel6, &is->tunnel6);
	for (unsigned i = 0; same && i < was->n_snat; i++)
		same = baton_addr_equal(&was->snat[i], &is->snat[i]);
	if (!same)
		conf_error_plain(&d->f, d->new->file, "%ssnat: changed; this needs a restart", d->path);
}

static void diff_lists(struct diff *d)
{
	d->path[0] = 0;
	diff_int(d, "ports (number)", (int)d->old->n_ports, (int)d->new->n_ports);
	diff_int(d, "lcores (number)", (int)d->old->n_lcores, (int)d->new->n_lcores);
	for (unsigned i = 0; i < d->old->n_ports && i < d->new->n_ports; i++) {
		snprintf(d->path, sizeof d->path, "ports[%u].", i);
		diff_port(d, &d->old->ports[i], &d->new->ports[i]);
	}
	for (unsigned i = 0; i < d->old->n_lcores && i < d->new->n_lcores; i++) {
		snprintf(d->path, sizeof d->path, "lcores[%u].", i);
		diff_lcore(d, &d->old->lcores[i], &d->new->lcores[i]);
	}
}

static void diff_device(struct diff *d)
{
	const struct config *was = d->old, *is = d->new;

	diff_text(d, "device.name", was->name, is->name);
	diff_text(d, "device.run_dir", was->run_dir, is->run_dir);
	diff_text(d, "device.secret_file", was->secret_file, is->secret_file);
	diff_int(d, "device.shim_port", was->shim_port, is->shim_port);
	diff_int(d, "device.control_cpu", was->control_cpu, is->control_cpu);
	diff_bool(d, "memory.hugepages", was->hugepages, is->hugepages);
	diff_bool(d, "memory.hugepages (required)", was->hugepages_required, is->hugepages_required);
	diff_int(d, "memory.size_mb", was->memory_mb, is->memory_mb);
	diff_int(d, "memory.packet_buffers", was->packet_buffers, is->packet_buffers);
	diff_int(d, "routes.ipv4", was->routes_ipv4, is->routes_ipv4);
	diff_int(d, "routes.ipv6", was->routes_ipv6, is->routes_ipv6);
	diff_int(d, "routes.connections", was->connections, is->connections);
	diff_int(d, "application.pending", was->pending, is->pending);
	diff_int(d, "application.large_heads", was->large_heads, is->large_heads);
	diff_int(d, "application.held_packets", was->held_packets, is->held_packets);
	diff_int(d, "application.sessions", was->sessions, is->sessions);
	diff_int(d, "snat.first_port", was->snat_port_first, is->snat_port_first);
	diff_int(d, "snat.last_port", was->snat_port_last, is->snat_port_last);
	diff_int(d, "snat.quarantine_s", was->snat_quarantine_s, is->snat_quarantine_s);
	diff_addr(d, "health.listen", &was->health_listen, &is->health_listen);
	diff_int(d, "health.port", was->health_port, is->health_port);
}

int config_reload_check(const struct config *old, const struct config *new, struct config_error *errors, unsigned max,
			unsigned *ret_n)
{
	struct diff d = { .old = old, .new = new, .f = { .text = (char(*)[CONF_FINDING_MAX])errors, .max = max } };

	diff_device(&d);
	diff_lists(&d);
	*ret_n = d.f.n;
	return d.f.n_errors ? -EBUSY : 0;
}
