/* SPDX-License-Identifier: BSD-3-Clause */
#include "config/schema.h"

#include <ctype.h>
#include <errno.h>
#include <string.h>

static const struct conf_name polls[] = { { "adaptive", false }, { "busy", true }, { 0 } };
static const struct conf_name roles[] = { { "forwarder", 0 }, { "classifier", 1 }, { 0 } };
static const struct conf_name hugepages[] = { { "auto", 0 }, { "on", 1 }, { "off", 2 }, { 0 } };

int config_word_find(const struct conf_name *names, const char *text, char *why, size_t size)
{
	size_t n;

	for (const struct conf_name *e = names; e->name; e++)
		if (!strcmp(e->name, text))
			return e->value;
	n = (size_t)snprintf(why, size, "\"%.64s\" is not one of", text);
	for (const struct conf_name *e = names; e->name && n < size; e++)
		n += (size_t)snprintf(why + n, size - n, "%s %s", e == names ? "" : ",", e->name);
	return -EINVAL;
}

static int role_parse(const char *text, void *object, char *why, size_t size)
{
	struct config_lcore *l = object;
	int role = config_word_find(roles, text, why, size);

	if (role < 0)
		return role;
	*(role ? &l->classifier : &l->forwarder) = true;
	return 0;
}

static int hugepages_parse(const char *text, void *object, char *why, size_t size)
{
	struct config *c = object;
	int word = config_word_find(hugepages, text, why, size);

	if (word < 0)
		return word;
	c->hugepages = word != 2;
	c->hugepages_required = word == 1;
	return 0;
}

static int tunnel_parse(const char *text, void *object, char *why, size_t size)
{
	struct config_lcore *l = object;
	struct config_tunnels *to;
	struct baton_addr a;

	if (baton_addr_parse(text, &a) < 0) {
		snprintf(why, size, "\"%.64s\" is not an IPv4 or IPv6 address", text);
		return -EINVAL;
	}
	to = a.family == BATON_IPV4 ? &l->tunnel4 : &l->tunnel6;
	if (to->n == CONFIG_MAX_TUNNELS) {
		snprintf(why, size, "an IPv%u address too many; an lcore has at most %d of each family", a.family,
			 CONFIG_MAX_TUNNELS);
		return -EINVAL;
	}
	to->addrs[to->n++] = a;
	return 0;
}

/* "0000:01:00.0", or a DPDK virtual device such as "net_af_packet0,iface=eth1". */
static int device_check(const void *value, char *why, size_t size)
{
	const char *text = *(char *const *)value;
	size_t pci = strspn(text, "0123456789abcdefABCDEF:.");

	if (!text[pci] && strchr(text, ':') && strchr(text, '.'))
		return 0;
	if (!strncmp(text, "net_ring", 8)) {
		snprintf(why, size, "\"%.64s\" does not say by which port a packet came in; it is for benchmarks alone",
			 text);
		return -EINVAL;
	}
	if ((!strncmp(text, "net_", 4) || !strncmp(text, "virtio_user", 11)) && !strpbrk(text, " \t"))
		return 0;
	snprintf(why, size, "\"%.64s\" is neither a PCI address (0000:01:00.0) nor a DPDK virtual device (net_...)",
		 text);
	return -EINVAL;
}

static int ifname_check(const void *value, char *why, size_t size)
{
	const char *text = *(char *const *)value;

	if (!strpbrk(text, "/: \t%") && strcmp(text, ".") && strcmp(text, ".."))
		return 0;
	snprintf(why, size, "\"%.64s\" can't be the name of a network interface", text);
	return -EINVAL;
}

static int gateway_check(const struct baton_addr *a, uint8_t family, char *why, size_t size)
{
	if (a->family == family)
		return 0;
	snprintf(why, size, "must be an IPv%u address", family);
	return -EINVAL;
}

static int gateway4_check(const void *value, char *why, size_t size)
{
	return gateway_check(value, BATON_IPV4, why, size);
}

static int gateway6_check(const void *value, char *why, size_t size)
{
	return gateway_check(value, BATON_IPV6, why, size);
}

static const struct conf_key device_keys[] = {
	{ "name", CONF_STRING, CONF_FIELD(struct config, name), .required = true, .min = 1, .max = 63,
	  .check = conf_check_name, .help = "Name of this device; stands in logs and statistics." },
	{ "run_dir", CONF_STRING, CONF_FIELD(struct config, run_dir), .min = 1, .max = 64, .def = "/run/baton",
	  .check = conf_check_path,
	  .help = "Directory for sockets and run-time files. Short, because socket paths are." },
	{ "vip_dir", CONF_STRING, CONF_FIELD(struct config, vip_dir), .def = "vips",
	  .help = "Directory of the VIP files: every *.conf in it. A relative path starts beside the device file." },
	{ "secret_file", CONF_STRING, CONF_FIELD(struct config, secret_file), .def = "cluster.key",
	  .help = "File with the cluster secret, the same on all devices and hosts; readable by its owner alone. A "
		  "relative path starts beside the device file." },
	{ "shim_port", CONF_INT, CONF_FIELD(struct config, shim_port), .min = 1, .max = 65535, .def = "7471",
	  .help = "UDP port on which devices and host agents speak about flows; the same on all." },
	{ "control_cpu", CONF_INT, CONF_FIELD(struct config, control_cpu), .min = -1, .max = 1023, .def = "-1",
	  .help = "CPU of the control thread; -1: any." },
	{ 0 },
};

static const struct conf_key memory_keys[] = {
	{ "hugepages", CONF_TEXT, .parse = hugepages_parse, .names = hugepages, .def = "auto",
	  .help = "auto: reserve huge pages at start and go on without if there are none; on: refuse to start without; "
		  "off: use none." },
	{ "size_mb", CONF_INT, CONF_FIELD(struct config, memory_mb), .min = 64, .max = 1048576, .def = "512",
	  .help = "Memory for packets, route tables and inventories, in MiB." },
	{ "packet_buffers", CONF_INT, CONF_FIELD(struct config, packet_buffers), .min = 1024, .max = 16777216,
	  .def = "32768", .help = "Packet buffers shared by all ports, in equal parts for the forwarder lcores." },
	{ 0 },
};

static const struct conf_key routes_keys[] = {
	{ "ipv4", CONF_INT, CONF_FIELD(struct config, routes_ipv4), .min = 1024, .max = 100000000, .def = "65536",
	  .help = "IPv4 routes that each forwarder lcore can hold. To tunnel with more than 12500000, each needs "
		  "several tunnel addresses." },
	{ "ipv6", CONF_INT, CONF_FIELD(struct config, routes_ipv6), .min = 1024, .max = 100000000, .def = "65536",
	  .help = "IPv6 routes that each forwarder lcore can hold; likewise." },
	{ "connections", CONF_INT, CONF_FIELD(struct config, connections), .min = 1024, .max = 100000000,
	  .def = "262144", .help = "Connections that each classifier lcore can remember." },
	{ 0 },
};

static const struct conf_key snat_keys[] = {
	{ "first_port", CONF_INT, CONF_FIELD(struct config, snat_port_first), .min = 1, .max = 65535, .def = "1024",
	  .help = "First source port for full NAT." },
	{ "last_port", CONF_INT, CONF_FIELD(struct config, snat_port_last), .min = 1, .max = 65535, .def = "65535",
	  .help = "Last source port for full NAT." },
	{ "quarantine_s", CONF_INT, CONF_FIELD(struct config, snat_quarantine_s), .min = 0, .max = 3600, .def = "60",
	  .help = "Seconds that a source port rests after its connection ended, because the host may still remember "
		  "it." },
	{ 0 },
};

static const struct conf_key health_keys[] = {
	{ "listen", CONF_ADDR, CONF_FIELD(struct config, health_listen),
	  .help = "Control address where the hosts' agents connect; without it nothing listens, and no VIP may have "
		  "health = \"agent\"." },
	{ "port", CONF_INT, CONF_FIELD(struct config, health_port), .min = 1, .max = 65535, .def = "7472",
	  .help = "TCP port of that." },
	{ "balancers", CONF_INT, CONF_FIELD(struct config, health_balancers), .min = 1, .max = 64, .def = "1",
	  .help = "Devices that send connections to the same hosts; each takes its share of their free capacity." },
	{ "refresh_ms", CONF_INT, CONF_FIELD(struct config, health_refresh_ms), .min = 5, .max = 10000, .def = "5",
	  .help = "How long an allotment is good, in milliseconds." },
	{ "stale_s", CONF_INT, CONF_FIELD(struct config, health_stale_s), .min = 1, .max = 3600, .def = "60",
	  .help = "Load that was reported longer ago than this is not trusted; the capacity counts then." },
	{ 0 },
};

static const struct conf_key application_keys[] = {
	{ "pending", CONF_INT, CONF_FIELD(struct config, pending), .min = 16, .max = 1048576, .def = "4096",
	  .help = "Connections at once whose first bytes are being read or handed over, for each classifier lcore; "
		  "each "
		  "takes about 5 KiB. One more gets no answer until there is room." },
	{ "large_heads", CONF_INT, CONF_FIELD(struct config, large_heads), .min = 1, .max = 65536, .def = "64",
	  .help = "Of these, how many may have said more than 4096 bytes; each takes 64 KiB more." },
	{ "held_packets", CONF_INT, CONF_FIELD(struct config, held_packets), .min = 16, .max = 1048576, .def = "2048",
	  .help = "Packets that wait for their connection's hand-over, for each classifier lcore; they take packet "
		  "buffers." },
	{ "sessions", CONF_INT, CONF_FIELD(struct config, sessions), .min = 1024, .max = 100000000, .def = "65536",
	  .help = "Sessions that the device remembers for affinity; each takes about 40 bytes. Where there is no more "
		  "room, the one used longest ago goes." },
	{ 0 },
};

static const struct conf_key port_keys[] = {
	{ "name", CONF_STRING, CONF_FIELD(struct config_port, name), .required = true, .min = 1, .max = 31,
	  .check = conf_check_name, .help = "Name of the port in logs and statistics." },
	{ "device", CONF_STRING, CONF_FIELD(struct config_port, device), .required = true, .check = device_check,
	  .help = "PCI address (0000:01:00.0), or a DPDK virtual device with its arguments "
		  "(net_af_packet0,iface=eth1)." },
	{ "mtu", CONF_INT, CONF_FIELD(struct config_port, mtu), .min = 1280, .max = 9000, .def = "1500",
	  .help = "Largest IP packet in bytes." },
	{ "queues", CONF_INT, CONF_FIELD(struct config_port, queues), .min = 0, .max = 64, .def = "0",
	  .help = "Receive queues; 0: one for each forwarder lcore." },
	{ "rx_descriptors", CONF_INT, CONF_FIELD(struct config_port, rx_descriptors), .min = 64, .max = 32768,
	  .def = "1024", .help = "Descriptors of each receive queue." },
	{ "tx_descriptors", CONF_INT, CONF_FIELD(struct config_port, tx_descriptors), .min = 64, .max = 32768,
	  .def = "1024", .help = "Descriptors of each transmit queue." },
	{ "addresses", CONF_PREFIX, CONF_ARRAY(struct config_port, addrs, n_addrs), .required = true, .list_min = 1,
	  .help = "The port's own addresses, each with the length of its network's prefix." },
	{ "gateway4", CONF_ADDR, CONF_FIELD(struct config_port, gateway4), .check = gateway4_check,
	  .help = "Next hop for IPv4 addresses that are on no port's network." },
	{ "gateway6", CONF_ADDR, CONF_FIELD(struct config_port, gateway6), .check = gateway6_check,
	  .help = "Next hop for IPv6 addresses that are on no port's network; may be a link-local address." },
	{ "replies", CONF_BOOL, CONF_FIELD(struct config_port, replies), .def = "false",
	  .help = "Whether packets from a VIP that come in here are sent on to another port's gateway: for servers on "
		  "this machine that have no other way to the clients (docs/one-machine.md)." },
	{ "exception", CONF_STRING, CONF_FIELD(struct config_port, exception), .min = 1, .max = 15,
	  .check = ifname_check,
	  .help = "Name of a kernel interface that gets what is for the device itself (BGP, SSH ...)." },
	{ 0 },
};

static const struct conf_key lcore_keys[] = {
	{ "cpu", CONF_INT, CONF_FIELD(struct config_lcore, cpu), .required = true, .min = 0, .max = 1023,
	  .help = "CPU on which it runs. Several lcores may share one." },
	{ "roles", CONF_TEXT, .parse = role_parse, .names = roles, .required = true, .list_min = 1, .list_max = 2,
	  .help = "What it does; one lcore can do both." },
	{ "poll", CONF_ENUM, CONF_FIELD(struct config_lcore, busy_poll), .names = polls, .def = "adaptive",
	  .help = "adaptive: sleeps up to 100 us when idle; busy: never sleeps." },
	{ "tunnel", CONF_TEXT, .parse = tunnel_parse, .list_max = 2 * CONFIG_MAX_TUNNELS,
	  .help = "Addresses from which a forwarder tunnels to hosts, up to 8 of each family, one for each 12500000 "
		  "routes; its "
		  "alone." },
	{ "snat", CONF_ADDR, CONF_ARRAY(struct config_lcore, snat, n_snat),
	  .help = "Source addresses of a forwarder for full NAT; its alone." },
	{ 0 },
};

const struct conf_key config_device_keys[] = {
	{ "device", CONF_GROUP, .keys = device_keys, .help = "The device as a whole." },
	{ "memory", CONF_GROUP, .keys = memory_keys, .help = "Memory, reserved at start." },
	{ "routes", CONF_GROUP, .keys = routes_keys, .help = "Sizes of tables, fixed at start." },
	{ "snat", CONF_GROUP, .keys = snat_keys, .help = "Source ports for full NAT." },
	{ "health", CONF_GROUP, .keys = health_keys, .help = "Live health and load of the hosts." },
	{ "application", CONF_GROUP, .keys = application_keys,
	  .help = "Sizes for VIPs with mode = \"application\" or affinity, fixed at start." },
	{ "ports", CONF_LIST, CONF_ARRAY(struct config, ports, n_ports), .keys = port_keys, .required = true,
	  .list_min = 1, .help = "Network ports." },
	{ "lcores", CONF_LIST, CONF_ARRAY(struct config, lcores, n_lcores), .keys = lcore_keys, .required = true,
	  .list_min = 1, .help = "Threads of the data plane." },
	{ 0 },
};
