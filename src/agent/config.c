/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/config.h"

#include <errno.h>
#include <limits.h>
#include <net/if.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baton/abi/shim.h"

/* TCP keepalive starts after two hours (tcp_keepalive_time); a flow is to be there when it comes. */
#define IDLE_ESTABLISHED_MIN_S 60
#define IDLE_ESTABLISHED_DEFAULT "8200"

static const struct conf_key idle_keys[] = {
	{ "syn", CONF_INT, CONF_FIELD(struct agent_config, idle_s[BATON_CONN_SYN]), .min = 5, .max = 3600, .def = "130",
	  .help = "TCP, only the client's SYN was seen. Seconds." },
	{ "established", CONF_INT, CONF_FIELD(struct agent_config, idle_s[BATON_CONN_ESTABLISHED]),
	  .min = IDLE_ESTABLISHED_MIN_S, .max = 604800, .def = IDLE_ESTABLISHED_DEFAULT,
	  .help = "TCP, established. The default outlives the two hours before TCP keepalive. Seconds." },
	{ "fin", CONF_INT, CONF_FIELD(struct agent_config, idle_s[BATON_CONN_FIN]), .min = 5, .max = 3600, .def = "120",
	  .help = "TCP, the client has finished sending. Seconds." },
	{ "closed", CONF_INT, CONF_FIELD(struct agent_config, idle_s[BATON_CONN_CLOSED]), .min = 1, .max = 3600,
	  .def = "10", .help = "TCP, the client has reset the connection. Seconds." },
	{ "udp", CONF_INT, CONF_FIELD(struct agent_config, idle_s[BATON_CONN_UDP]), .min = 5, .max = 604800,
	  .def = "300", .help = "UDP. Seconds." },
	{ "unclaimed", CONF_INT, CONF_FIELD(struct agent_config, unclaimed_s), .min = 2, .max = 3600, .def = "60",
	  .help = "TCP, created for a device that has not introduced a flow for it: it is ended then, because the "
		  "device has died. Seconds." },
	{ 0 },
};

static int interface_check(const void *value, char *why, size_t size)
{
	const char *name = *(char *const *)value;

	if (strlen(name) < IF_NAMESIZE && !strpbrk(name, "/ \t\n:") && strcmp(name, ".") && strcmp(name, ".."))
		return 0;
	snprintf(why, size, "\"%s\" can't be the name of an interface", name);
	return -EINVAL;
}

static const struct conf_key agent_keys[] = {
	{ "name", CONF_STRING, CONF_FIELD(struct agent_config, name), .min = 1, .max = 63, .check = conf_check_name,
	  .help = "Name of this host, for people." },
	{ "device", CONF_STRING, CONF_FIELD(struct agent_config, device), .check = interface_check,
	  .help = "Network interface on which the forwarders' packets arrive, an Ethernet interface. Without it the "
		  "agent "
		  "only tells balancers about health: for a host behind NAT, or for another host that can't run an "
		  "agent." },
	{ "addresses", CONF_ADDR, CONF_ARRAY(struct agent_config, addresses, n_addresses), .list_min = 1,
	  .required = true, .help = "The host's own addresses that balancers send to." },
	{ "forwarders", CONF_ADDR, CONF_ARRAY(struct agent_config, forwarders, n_forwarders), .list_min = 1,
	  .help = "With a device: all tunnel addresses of all forwarders. Packets from other addresses are left "
		  "alone." },
	{ "vips", CONF_ADDR, CONF_ARRAY(struct agent_config, vips, n_vips), .list_min = 1,
	  .help = "With a device: virtual addresses this host serves. The agent puts them on the loopback interface." },
	{ "secret_file", CONF_STRING, CONF_FIELD(struct agent_config, secret_file), .min = 1, .max = 4095,
	  .required = true, .check = conf_check_path,
	  .help = "File with the cluster secret: one or two lines of 64 hexadecimal digits, readable by root only." },
	{ "shim_port", CONF_INT, CONF_FIELD(struct agent_config, shim_port), .min = 1, .max = 65535, .def = "7471",
	  .help = "UDP port of the shim, the same on all forwarders and hosts." },
	{ "run_dir", CONF_STRING, CONF_FIELD(struct agent_config, run_dir), .min = 2, .max = 200,
	  .def = "/run/baton-agent", .check = conf_check_path,
	  .help = "Folder for pinned maps, the lock and what is to be restored on removal." },
	{ "max_flows", CONF_INT, CONF_FIELD(struct agent_config, max_flows), .min = 1, .max = 16777216, .def = "262144",
	  .help = "Most connections at a time; memory for all of them (about 170 bytes each) is taken at the start." },
	{ "reply_rate", CONF_INT, CONF_FIELD(struct agent_config, reply_rate), .min = 1, .max = 1000000, .def = "10000",
	  .help = "Most replies (unknown flow, sequence numbers) to one forwarder in a second." },
	{ "create_mark", CONF_INT, CONF_FIELD(struct agent_config, create_mark), .max = INT_MAX, .def = "0",
	  .help = "Packet mark (nftables: meta mark) of the segments that a device hands a connection over with, for a "
		  "firewall that takes new connections by SYN only. 0: none." },
	{ "idle", CONF_GROUP, .keys = idle_keys, .help = "When a flow without packets is forgotten." },
	{ "balancers", CONF_TEXT, .parse = agent_balancer_parse, .list_max = AGENT_MAX_BALANCERS,
	  .help = "Control addresses of the balancers that are told about health: \"10.0.0.2:7472\"." },
	{ "health", CONF_GROUP, .keys = agent_health_keys, .help = "How the balancers are told." },
	{ "local", CONF_GROUP, .keys = agent_local_keys, .help = "Who may use the socket run_dir/agent.sock." },
	{ "watch", CONF_GROUP, .offset = offsetof(struct agent_config, watch), .keys = watch_general_keys,
	  .help = "How applications are watched from outside; what is watched stands with each of them." },
	{ "applications", CONF_LIST,
	  CONF_HEAP(struct agent_config, health.applications, health.n_applications, AGENT_MAX_APPLICATIONS),
	  .keys = agent_application_keys, .help = "Applications that are always there." },
	{ "group", CONF_GROUP, .keys = agent_group_keys,
	  .help = "Hosts one of which speaks to the balancers for all of them." },
	{ 0 },
};

const struct conf_key agent_config_keys[] = {
	{ "agent", CONF_GROUP, .keys = agent_keys, .required = true, .help = "All that baton-agent reads." },
	{ 0 },
};

static int addr_compare(const void *a, const void *b)
{
	return memcmp(a, b, sizeof(struct baton_addr));
}

bool agent_config_has(const struct baton_addr *list, unsigned n, const struct baton_addr *a)
{
	return bsearch(a, list, n, sizeof *list, addr_compare) != NULL;
}

/* Report addresses that stand in a list more than once; then sort it. */
static void list_finish(struct conf_findings *f, const struct conf_doc *doc, const char *key, struct baton_addr *list,
			unsigned n)
{
	char text[BATON_ADDR_TEXT_MAX], path[64];

	for (unsigned i = 1; i < n; i++)
		for (unsigned j = 0; j < i; j++)
			if (baton_addr_equal(&list[i], &list[j])) {
				snprintf(path, sizeof path, "agent.%s[%u]", key, i);
				conf_error(f, doc, path, "%s stands here twice",
					   baton_addr_format(&list[i], text, sizeof text));
				break;
			}
	qsort(list, n, sizeof *list, addr_compare);
}

static bool family_present(const struct baton_addr *list, unsigned n, uint8_t family)
{
	for (unsigned i = 0; i < n; i++)
		if (list[i].family == family)
			return true;
	return false;
}

/* A family can be tunneled only from an F to an H of that family. */
static void families_check(struct conf_findings *f, const struct conf_doc *doc, const struct agent_config *c)
{
	static const struct {
		uint8_t family;
		const char *name;
	} families[] = { { BATON_IPV4, "IPv4" }, { BATON_IPV6, "IPv6" } };

	for (unsigned i = 0; i < sizeof families / sizeof families[0]; i++) {
		if (!family_present(c->vips, c->n_vips, families[i].family))
			continue;
		if (!family_present(c->addresses, c->n_addresses, families[i].family))
			conf_error(f, doc, "agent.addresses", "no %s address, but vips has one", families[i].name);
		if (!family_present(c->forwarders, c->n_forwarders, families[i].family))
			conf_error(f, doc, "agent.forwarders", "no %s address, but vips has one", families[i].name);
	}
}

/* One address can have one meaning only. */
static void overlap_check(struct conf_findings *f, const struct conf_doc *doc, const struct agent_config *c)
{
	char text[BATON_ADDR_TEXT_MAX];

	for (unsigned i = 0; i < c->n_vips; i++) {
		baton_addr_format(&c->vips[i], text, sizeof text);
		if (agent_config_has(c->addresses, c->n_addresses, &c->vips[i]))
			conf_error(f, doc, "agent.vips", "%s stands in addresses too", text);
		if (agent_config_has(c->forwarders, c->n_forwarders, &c->vips[i]))
			conf_error(f, doc, "agent.vips", "%s stands in forwarders too", text);
	}
	for (unsigned i = 0; i < c->n_addresses; i++)
		if (agent_config_has(c->forwarders, c->n_forwarders, &c->addresses[i]))
			conf_error(f, doc, "agent.addresses", "%s stands in forwarders too",
				   baton_addr_format(&c->addresses[i], text, sizeof text));
}

/* With an interface everything that the tunnel needs; without one nothing of it, but somebody to tell. */
static void device_check(struct conf_findings *f, const struct conf_doc *doc, const struct agent_config *c)
{
	if (c->device) {
		if (!c->n_forwarders)
			conf_error(f, doc, "agent.forwarders", "required with a device, but missing");
		if (!c->n_vips)
			conf_error(f, doc, "agent.vips", "required with a device, but missing");
		return;
	}
	if (c->n_forwarders)
		conf_error(f, doc, "agent.forwarders", "useless without a device");
	if (c->n_vips)
		conf_error(f, doc, "agent.vips", "useless without a device");
	if (!c->health.n_balancers)
		conf_error(f, doc, "agent.balancers", "there is neither a device to serve nor a balancer to tell");
}

static int config_check(const struct conf_doc *doc, struct agent_config *c, struct conf_findings *f)
{
	unsigned before = f->n_errors;

	list_finish(f, doc, "addresses", c->addresses, c->n_addresses);
	list_finish(f, doc, "forwarders", c->forwarders, c->n_forwarders);
	list_finish(f, doc, "vips", c->vips, c->n_vips);
	device_check(f, doc, c);
	families_check(f, doc, c);
	overlap_check(f, doc, c);
	agent_config_health_check(doc, c, f);
	agent_group_check(doc, c, f);
	return f->n_errors == before ? 0 : -EINVAL;
}

int agent_config_load(const char *path, struct conf_findings *f, struct agent_config **ret)
{
	struct agent_config *c = calloc(1, sizeof *c);
	struct conf_doc *doc;
	int err;

	if (!c)
		return -ENOMEM;
	err = conf_doc_read_file(path, path, f, &doc);
	if (err < 0) {
		free(c);
		return err;
	}
	err = conf_parse(doc, agent_config_keys, c, f);
	if (err == 0)
		err = config_check(doc, c, f);
	conf_doc_free(doc);
	if (err < 0)
		agent_config_free(c);
	else
		*ret = c;
	return err;
}

void agent_config_free(struct agent_config *c)
{
	if (!c)
		return;
	conf_free(agent_config_keys, c);
	free(c);
}

int agent_config_reload_check(const struct agent_config *old, const struct agent_config *new, struct conf_findings *f)
{
	unsigned before = f->n_errors;

	if (strcmp(old->device ? old->device : "none", new->device ? new->device : "none"))
		conf_error_plain(f, "agent.device", "changes from %s to %s only with a restart",
				 old->device ? old->device : "none", new->device ? new->device : "none");
	if (strcmp(old->run_dir, new->run_dir))
		conf_error_plain(f, "agent.run_dir", "changes from %s to %s only with a restart", old->run_dir,
				 new->run_dir);
	if (old->max_flows != new->max_flows)
		conf_error_plain(f, "agent.max_flows", "changes from %d to %d only with a restart", old->max_flows,
				 new->max_flows);
	if (agent_config_host_id(old) != agent_config_host_id(new))
		conf_error_plain(f, "agent.name", "names another host; this takes a restart");
	if (!agent_group_equal(&old->group, &new->group))
		conf_error_plain(f, "agent.group", "changes only with a restart");
	if (old->health.max_clients != new->health.max_clients)
		conf_error_plain(f, "agent.local.max_clients", "changes from %d to %d only with a restart",
				 old->health.max_clients, new->health.max_clients);
	return f->n_errors == before ? 0 : -EBUSY;
}
