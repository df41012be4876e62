/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "config/config.h"
#include "config/schema.h"

#define N_ERRORS 8

static const char device_text[] = "device = { name = \"lb1\"; };\n"
				  "ports = ( { name = \"net0\"; device = \"net_af_packet0,iface=x\";\n"
				  "  addresses = [ \"10.0.0.2/24\", \"2001:db8::2/64\" ]; } );\n"
				  "lcores = ( { cpu = 1; roles = [ \"forwarder\", \"classifier\" ];\n"
				  "  tunnel = [ \"10.0.0.10\", \"2001:db8::10\" ];\n"
				  "  snat = [ \"10.0.0.20\" ]; } );\n";

static const char vip_text[] = "vip = {\n name = \"web\";\n address = \"10.0.0.100\";\n port = 80;\n"
			       " endpoints = (\n  { host = \"10.0.0.11\"; },\n  { host = \"10.0.0.12\"; }\n );\n};\n";

/* A directory of its own for each test: DIR/device.conf, DIR/vips/. */
struct place {
	char dir[32];
	char device[64];
	struct config *c;
	struct config_error errors[N_ERRORS];
	unsigned n;
};

static void file_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	char path[64];

	strcpy(p->dir, "/tmp/baton-config-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(path, sizeof path, "%s/vips", p->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(p->device, sizeof p->device, "%s/device.conf", p->dir);
	*state = p;
	return 0;
}

static int teardown(void **state)
{
	struct place *p = *state;
	char command[128];

	config_free(p->c);
	snprintf(command, sizeof command, "rm -rf %s", p->dir);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

static void vip_add(struct place *p, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof path, "%s/vips/%s", p->dir, name);
	file_write(path, text);
}

static int load(struct place *p)
{
	config_free(p->c);
	p->c = NULL;
	return config_load(p->device, &p->c, p->errors, N_ERRORS, &p->n);
}

/* The finding, without the name of the test's directory. */
static const char *finding(const struct place *p, unsigned i)
{
	assert_true(i < p->n);
	assert_int_equal(strncmp(p->errors[i].text, p->dir, strlen(p->dir)), 0);
	return p->errors[i].text + strlen(p->dir) + 1;
}

static char *replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *result;

	assert_non_null(at);
	assert_true(asprintf(&result, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
	return result;
}

/* The good device file with one thing replaced is refused with exactly this finding. */
static void device_refused(struct place *p, const char *from, const char *to, const char *expected)
{
	char *text = replaced(device_text, from, to);

	file_write(p->device, text);
	free(text);
	vip_add(p, "web.conf", vip_text);
	assert_int_equal(load(p), -EINVAL);
	assert_null(p->c);
	assert_string_equal(finding(p, 0), expected);
	assert_int_equal(p->n, 1);
}

static void vip_refused(struct place *p, const char *from, const char *to, const char *expected)
{
	char *text = replaced(vip_text, from, to);

	file_write(p->device, device_text);
	vip_add(p, "web.conf", text);
	free(text);
	assert_int_equal(load(p), -EINVAL);
	assert_null(p->c);
	assert_string_equal(finding(p, 0), expected);
	assert_int_equal(p->n, 1);
}

static void vip_warned(struct place *p, const char *from, const char *to, const char *expected)
{
	char *text = replaced(vip_text, from, to);

	file_write(p->device, device_text);
	vip_add(p, "web.conf", text);
	free(text);
	assert_int_equal(load(p), 0);
	assert_string_equal(finding(p, 0), expected);
	assert_int_equal(p->n, 1);
}

static void test_tables_are_sound(void **state)
{
	const char *key = "";

	assert_int_equal(conf_keys_check(config_device_keys, &key), 0);
	assert_int_equal(conf_keys_check(config_vip_keys, &key), 0);
}

static void test_device_defaults(void **state)
{
	struct place *p = *state;

	file_write(p->device, device_text);
	vip_add(p, "web.conf", vip_text);
	assert_int_equal(load(p), 0);
	assert_int_equal(p->n, 0);
	assert_string_equal(p->c->file, p->device);
	assert_string_equal(p->c->run_dir, "/run/baton");
	assert_string_equal(p->c->vip_dir + strlen(p->dir), "/vips");
	assert_string_equal(p->c->secret_file + strlen(p->dir), "/cluster.key");
	assert_int_equal(p->c->shim_port, 7471);
	assert_int_equal(p->c->control_cpu, -1);
	assert_true(p->c->hugepages);
	assert_false(p->c->hugepages_required);
	assert_int_equal(p->c->memory_mb, 512);
	assert_int_equal(p->c->packet_buffers, 32768);
	assert_int_equal(p->c->routes_ipv4, 65536);
	assert_int_equal(p->c->routes_ipv6, 65536);
	assert_int_equal(p->c->connections, 262144);
	assert_int_equal(p->c->snat_port_first, 1024);
	assert_int_equal(p->c->snat_port_last, 65535);
	assert_int_equal(p->c->snat_quarantine_s, 60);
	assert_int_equal(p->c->ports[0].mtu, 1500);
	assert_int_equal(p->c->ports[0].queues, 0);
	assert_int_equal(p->c->ports[0].rx_descriptors, 1024);
	assert_null(p->c->ports[0].exception);
	assert_int_equal(p->c->ports[0].gateway4.family, 0);
	assert_false(p->c->lcores[0].busy_poll);
}

static void test_vip_defaults(void **state)
{
	struct place *p = *state;
	const struct config_vip *v;

	file_write(p->device, device_text);
	vip_add(p, "web.conf", vip_text);
	assert_int_equal(load(p), 0);
	assert_int_equal(p->c->n_vips, 1);
	v = &p->c->vips[0];
	assert_string_equal(v->file + strlen(p->dir), "/vips/web.conf");
	assert_int_equal(v->proto, IPPROTO_TCP);
	assert_int_equal(v->mode, BATON_MODE_TUNNEL);
	assert_int_equal(v->consume, BATON_CONSUME_ROUND_ROBIN);
	assert_int_equal(v->unknown, BATON_UNKNOWN_RESET);
	assert_int_equal(v->unreachable, BATON_UNREACHABLE_AVOID);
	assert_int_equal(v->timeout_s[BATON_CONN_SYN], 30);
	assert_int_equal(v->timeout_s[BATON_CONN_ESTABLISHED], 8100);
	assert_int_equal(v->timeout_s[BATON_CONN_FIN], 120);
	assert_int_equal(v->timeout_s[BATON_CONN_CLOSED], 10);
	assert_int_equal(v->timeout_s[BATON_CONN_UDP], 60);
	assert_int_equal(v->n_endpoints, 2);
	assert_int_equal(v->endpoints[1].port, 80);
	assert_int_equal(v->endpoints[1].capacity, 50);
	assert_null(v->endpoints[1].name);
}

static void test_examples_load(void **state)
{
	struct config_error errors[N_ERRORS];
	struct config *c = NULL;
	unsigned n;

	assert_int_equal(config_load(CONF_DIR "/device.conf", &c, errors, N_ERRORS, &n), 0);
	assert_int_equal(n, 0);
	assert_string_equal(c->name, "lb1");
	assert_string_equal(c->ports[0].device, "0000:01:00.0");
	assert_string_equal(c->ports[0].exception, "baton0");
	assert_true(c->lcores[0].forwarder && c->lcores[0].classifier);
	assert_int_equal(c->lcores[0].tunnel6.family, BATON_IPV6);
	assert_int_equal(c->lcores[0].n_snat, 2);
	assert_int_equal(c->n_vips, 4);
	assert_string_equal(c->vips[0].name, "dns");
	assert_int_equal(c->vips[0].proto, IPPROTO_UDP);
	assert_int_equal(c->vips[0].unknown, BATON_UNKNOWN_HASH);
	assert_int_equal(c->vips[1].mode, BATON_MODE_FULL_NAT);
	assert_int_equal(c->vips[1].endpoints[0].port, 8443);
	assert_int_equal(c->vips[2].endpoints[2].capacity, 25);
	assert_int_equal(c->vips[3].addr.family, BATON_IPV6);
	config_free(c);
}

static void test_device_keys(void **state)
{
	struct place *p = *state;

	device_refused(p, "name = \"lb1\";", "", "device.conf:1: device.name: required, but missing");
	device_refused(p, "name = \"lb1\";", "name = \"lb1\"; run_dir = \"run\";",
		       "device.conf:1: device.run_dir: must be an absolute path");
	device_refused(p, "name = \"lb1\"; };", "name = \"lb1\"; };\nmemory = { hugepages = \"maybe\"; };",
		       "device.conf:2: memory.hugepages: \"maybe\" is not one of auto, on, off");
	device_refused(p, "net_af_packet0,iface=x", "eth0",
		       "device.conf:2: ports[0].device: \"eth0\" is neither a PCI address (0000:01:00.0) nor a DPDK "
		       "virtual device (net_...)");
	device_refused(p, "device = \"net", "mtu = 1200; device = \"net",
		       "device.conf:2: ports[0].mtu: 1200 is out of range 1280-9000");
	device_refused(p, "device = \"net", "exception = \"a/b\"; device = \"net",
		       "device.conf:2: ports[0].exception: \"a/b\" can't be the name of a network interface");
	device_refused(p, "device = \"net", "gateway4 = \"2001:db8::1\"; device = \"net",
		       "device.conf:2: ports[0].gateway4: must be an IPv4 address");
	device_refused(p, "\"classifier\"", "\"clasifier\"",
		       "device.conf:4: lcores[0].roles[1]: \"clasifier\" is not one of forwarder, classifier");
	device_refused(p, "\"2001:db8::10\"", "\"10.0.0.9\"",
		       "device.conf:5: lcores[0].tunnel[1]: a second IPv4 address; an lcore has one of each family");
	device_refused(p, "cpu = 1; roles = [ \"forwarder\", \"classifier\" ];", "cpu = 1; roles = [ ];",
		       "device.conf:4: lcores[0].roles: 0 entries, but at least 1 are needed");
}

static void test_device_without_ports(void **state)
{
	struct place *p = *state;

	file_write(p->device, "device = { name = \"lb1\"; };\n");
	assert_int_equal(load(p), -EINVAL);
	assert_int_equal(p->n, 2);
	assert_string_equal(finding(p, 0), "device.conf:1: ports: required, but missing");
	assert_string_equal(finding(p, 1), "device.conf:1: lcores: required, but missing");
}

static void test_device_roles(void **state)
{
	struct place *p = *state;

	device_refused(p, "\"forwarder\", \"classifier\"", "\"forwarder\"",
		       "device.conf:4: lcores: none has the role classifier");
}

static void test_device_roles_without_forwarder(void **state)
{
	struct place *p = *state;
	char *text = replaced(device_text, "\"forwarder\", ", "");

	file_write(p->device, text);
	free(text);
	assert_int_equal(load(p), -EINVAL);
	assert_int_equal(p->n, 3);
	assert_string_equal(finding(p, 0), "device.conf:5: lcores[0].tunnel: only an lcore with the role forwarder has "
					   "tunnel addresses");
	assert_string_equal(finding(p, 1), "device.conf:6: lcores[0].snat: only an lcore with the role forwarder has "
					   "source addresses for full NAT");
	assert_string_equal(finding(p, 2), "device.conf:4: lcores: none has the role forwarder");
}

static void test_device_addresses(void **state)
{
	struct place *p = *state;

	device_refused(p, "10.0.0.20", "10.0.0.10",
		       "device.conf:6: lcores[0].snat[0]: 10.0.0.10 is used already by lcores[0].tunnel");
	device_refused(p, "10.0.0.20", "10.0.0.2",
		       "device.conf:6: lcores[0].snat[0]: 10.0.0.2 is used already by ports[0].addresses[0]");
	device_refused(p, "10.0.0.20", "224.0.0.1",
		       "device.conf:6: lcores[0].snat[0]: 224.0.0.1 is a multicast address");
	device_refused(p, "2001:db8::10", "::1", "device.conf:5: lcores[0].tunnel: ::1 is a loopback address");
	device_refused(p, "2001:db8::10", "::ffff:10.0.0.9",
		       "device.conf:5: lcores[0].tunnel: ::ffff:10.0.0.9 is an IPv4 address in IPv6 form");
	device_refused(p, "10.0.0.20", "0.0.0.0",
		       "device.conf:6: lcores[0].snat[0]: 0.0.0.0 is the unspecified address");
	device_refused(p, "  addresses", "  gateway4 = \"10.9.0.1\"; addresses",
		       "device.conf:3: ports[0].gateway4: 10.9.0.1 is on none of the port's networks");
	device_refused(p, "  addresses", "  gateway4 = \"10.0.0.2\"; addresses",
		       "device.conf:3: ports[0].gateway4: 10.0.0.2 is the port's own address");
	device_refused(p, "name = \"lb1\"; };", "name = \"lb1\"; };\nsnat = { first_port = 20; last_port = 10; };",
		       "device.conf:2: snat.first_port: 20 is above last_port 10");
}

static void test_gateway_may_be_link_local(void **state)
{
	struct place *p = *state;
	char *text = replaced(device_text, "  addresses", "  gateway6 = \"fe80::1\"; addresses");

	file_write(p->device, text);
	free(text);
	vip_add(p, "web.conf", vip_text);
	assert_int_equal(load(p), 0);
	assert_int_equal(p->c->ports[0].gateway6.family, BATON_IPV6);
}

static void test_port_doubles(void **state)
{
	struct place *p = *state;
	char *text = replaced(device_text, "ports = (",
			      "ports = ( { name = \"net0\"; device = \"net_af_packet0,iface=x\"; exception = \"e\";\n"
			      "addresses = [ \"10.1.0.2/24\" ]; },");
	char *both = replaced(text, "  addresses", "exception = \"e\"; addresses");

	file_write(p->device, both);
	free(text);
	free(both);
	vip_add(p, "web.conf", vip_text);
	assert_int_equal(load(p), -EINVAL);
	assert_int_equal(p->n, 3);
	assert_string_equal(finding(p, 0), "device.conf:3: ports[1].name: \"net0\" is used already by ports[0]");
	assert_string_equal(finding(p, 1),
			    "device.conf:3: ports[1].device: \"net_af_packet0,iface=x\" is used already by ports[0]");
	assert_string_equal(finding(p, 2), "device.conf:4: ports[1].exception: \"e\" is used already by ports[0]");
}

static void test_vip_keys(void **state)
{
	struct place *p = *state;

	vip_refused(p, " port = 80;\n", "", "vips/web.conf:1: vip.port: required, but missing");
	vip_refused(p, "port = 80", "port = 0", "vips/web.conf:4: vip.port: 0 is out of range 1-65535");
	vip_refused(p, "port = 80", "port = 80; mode = \"tunel\"",
		    "vips/web.conf:4: vip.mode: \"tunel\" is not one of tunnel, half-nat, full-nat");
	vip_refused(p, "\"10.0.0.12\";", "\"10.0.0.12\"; capacity = 120;",
		    "vips/web.conf:7: vip.endpoints[1].capacity: 120 is out of range 0-99");
	vip_refused(p, "\"10.0.0.12\";", "\"10.0.0.12\"; weight = 1;",
		    "vips/web.conf:7: vip.endpoints[1].weight: unknown key");
	vip_refused(p, "port = 80;", "port = 80; timeouts = { syn = 32001; };",
		    "vips/web.conf:4: vip.timeouts.syn: 32001 is out of range 1-32000");
}

static void test_vip_addresses(void **state)
{
	struct place *p = *state;

	vip_refused(p, "10.0.0.100", "10.0.0.10",
		    "vips/web.conf:3: vip.address: 10.0.0.10 belongs to the device (lcores[0].tunnel)");
	vip_refused(p, "10.0.0.100", "10.0.0.20",
		    "vips/web.conf:3: vip.address: 10.0.0.20 belongs to the device (lcores[0].snat)");
	vip_refused(p, "10.0.0.12", "10.0.0.2",
		    "vips/web.conf:7: vip.endpoints[1].host: 10.0.0.2 belongs to the device (ports[0].addresses)");
	vip_refused(p, "10.0.0.100", "255.255.255.255",
		    "vips/web.conf:3: vip.address: 255.255.255.255 is a reserved or broadcast address");
	vip_refused(
		p, "10.0.0.12", "10.0.0.100",
		"vips/web.conf:7: vip.endpoints[1].host: 10.0.0.100 is the address of VIP \"web\"; a host has its own");
	vip_refused(p, "10.0.0.12", "2001:db8::12",
		    "vips/web.conf:7: vip.endpoints[1].host: 2001:db8::12 is not of the VIP's family, IPv4");
	vip_refused(p, "10.0.0.12", "10.7.0.12",
		    "vips/web.conf:7: vip.endpoints[1].host: 10.7.0.12 is on no port's network and no port has an IPv4 "
		    "gateway");
	vip_refused(p, "10.0.0.12", "10.0.0.11",
		    "vips/web.conf:7: vip.endpoints[1].host: the same host and port as endpoints[0]");
}

static void test_vip_modes(void **state)
{
	struct place *p = *state;

	vip_refused(p, "\"10.0.0.12\";", "\"10.0.0.12\"; port = 81;",
		    "vips/web.conf:7: vip.endpoints[1].port: 81, but in mode tunnel the server listens on the VIP's "
		    "port, 80");
	device_refused(p, "\"10.0.0.10\", ", "",
		       "device.conf:5: lcores[0].tunnel: no IPv4 address, but VIP \"web\" with mode tunnel needs one");
}

static void test_full_nat_needs_sources(void **state)
{
	struct place *p = *state;
	char *device = replaced(device_text, "  snat = [ \"10.0.0.20\" ];", "");
	char *vip = replaced(vip_text, "port = 80;", "port = 80; mode = \"full-nat\";");

	file_write(p->device, device);
	vip_add(p, "web.conf", vip);
	free(device);
	free(vip);
	assert_int_equal(load(p), -EINVAL);
	assert_int_equal(p->n, 1);
	assert_string_equal(
		finding(p, 0),
		"device.conf:4: lcores[0].snat: no IPv4 address, but VIP \"web\" with mode full-nat needs one");
}

static void test_half_nat_needs_nothing_and_may_change_ports(void **state)
{
	struct place *p = *state;
	char *mode = replaced(vip_text, "port = 80;", "port = 80; mode = \"half-nat\";");
	char *vip = replaced(mode, "\"10.0.0.12\";", "\"10.0.0.12\"; port = 8080;");

	file_write(p->device, device_text);
	vip_add(p, "web.conf", vip);
	assert_int_equal(load(p), 0);
	assert_int_equal(p->n, 0);
	assert_int_equal(p->c->vips[0].endpoints[1].port, 8080);
	free(mode);
	free(vip);
}

static void test_half_nat_shared_endpoint_is_warned_of(void **state)
{
	struct place *p = *state;
	char *one = replaced(vip_text, "port = 80;", "port = 80; mode = \"half-nat\";");
	char *name = replaced(one, "\"web\"", "\"two\"");
	char *two = replaced(name, "10.0.0.100", "10.0.0.101");
	char *other = replaced(two, "10.0.0.11", "10.0.0.13");

	file_write(p->device, device_text);
	vip_add(p, "a.conf", one);
	vip_add(p, "b.conf", other);
	assert_int_equal(load(p), 0);
	assert_int_equal(p->n, 1);
	assert_string_equal(
		finding(p, 0),
		"vips/b.conf:7: vip.endpoints[1]: warning: VIP \"web\" uses it by half-nat too; a client that "
		"uses one source port for both is refused");
	free(one);
	free(name);
	free(two);
	free(other);
}

static void test_vip_doubles(void **state)
{
	struct place *p = *state;
	char expected[128];

	file_write(p->device, device_text);
	vip_add(p, "a.conf", vip_text);
	vip_add(p, "b.conf", vip_text);
	assert_int_equal(load(p), -EINVAL);
	assert_int_equal(p->n, 2);
	snprintf(expected, sizeof expected, "vips/b.conf:2: vip.name: \"web\" is used already in %s/vips/a.conf",
		 p->dir);
	assert_string_equal(finding(p, 0), expected);
	snprintf(expected, sizeof expected,
		 "vips/b.conf:3: vip.address: 10.0.0.100 port 80 is used already in %s/vips/a.conf", p->dir);
	assert_string_equal(finding(p, 1), expected);
}

static void test_same_address_other_port_or_protocol(void **state)
{
	struct place *p = *state;
	char *name = replaced(vip_text, "\"web\"", "\"dns\"");
	char *udp = replaced(name, "port = 80;", "port = 80; protocol = \"udp\";");

	file_write(p->device, device_text);
	vip_add(p, "a.conf", vip_text);
	vip_add(p, "b.conf", udp);
	assert_int_equal(load(p), 0);
	assert_int_equal(p->n, 0);
	free(name);
	free(udp);
}

static void test_vip_warnings(void **state)
{
	struct place *p = *state;

	vip_warned(p, "\n  { host = \"10.0.0.11\"; },\n  { host = \"10.0.0.12\"; }\n ", " ",
		   "vips/web.conf:5: vip.endpoints: warning: none; every new connection will be refused");
	vip_warned(
		p, "\n  { host = \"10.0.0.11\"; },\n  { host = \"10.0.0.12\"; }\n ",
		" { host = \"10.0.0.11\"; capacity = 0; } ",
		"vips/web.conf:5: vip.endpoints: warning: all have capacity 0; every new connection will be refused");
}

static void test_vip_directory(void **state)
{
	struct place *p = *state;
	char path[64], *text;

	file_write(p->device, device_text);
	vip_add(p, "web.conf.bak", "nonsense");
	vip_add(p, ".hidden.conf", "nonsense");
	assert_int_equal(load(p), 0);
	assert_int_equal(p->c->n_vips, 0);
	assert_string_equal(finding(p, 0), "vips: warning: no VIP files; there is nothing to balance");
	snprintf(path, sizeof path, "%s/vips/dir.conf", p->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(load(p), -EINVAL);
	assert_string_equal(finding(p, 0), "vips/dir.conf: not a regular file");
	text = replaced(device_text, "name = \"lb1\";", "name = \"lb1\"; vip_dir = \"none\";");
	file_write(p->device, text);
	free(text);
	assert_int_equal(load(p), -EINVAL);
	assert_string_equal(finding(p, 0), "none: VIP directory can't be read: No such file or directory");
}

static void test_absolute_paths_stay(void **state)
{
	struct place *p = *state;
	char *text = replaced(device_text, "name = \"lb1\";",
			      "name = \"lb1\"; secret_file = \"/etc/baton/key\"; vip_dir = \"/proc/sys/net/none\";");

	file_write(p->device, text);
	free(text);
	assert_int_equal(load(p), -EINVAL);
	assert_string_equal(p->errors[0].text,
			    "/proc/sys/net/none: VIP directory can't be read: No such file or directory");
}

static void test_no_device_file(void **state)
{
	struct place *p = *state;

	assert_int_equal(load(p), -ENOENT);
	assert_int_equal(p->n, 1);
	assert_string_equal(finding(p, 0), "device.conf: can't be read: No such file or directory");
}

static void test_findings_of_all_files_in_one_run(void **state)
{
	struct place *p = *state;
	char *device = replaced(device_text, "cpu = 1", "cpu = -1");

	file_write(p->device, device);
	free(device);
	vip_add(p, "a.conf", "vip = {");
	vip_add(p, "b.conf", "vip = { name = \"b\"; address = \"10.0.0.100\"; port = 99999; };");
	assert_int_equal(load(p), -EINVAL);
	assert_int_equal(p->n, 3);
	assert_string_equal(finding(p, 0), "vips/a.conf:1: the file ends, but a '}' is missing");
	assert_string_equal(finding(p, 1), "device.conf:4: lcores[0].cpu: -1 is out of range 0-1023");
	assert_string_equal(finding(p, 2), "vips/b.conf:1: vip.port: 99999 is out of range 1-65535");
}

static void test_more_findings_than_room(void **state)
{
	struct place *p = *state;

	file_write(p->device, "a = 1; b = 1; c = 1; d = 1; e = 1; f = 1; g = 1; h = 1;\n");
	assert_int_equal(load(p), -EINVAL);
	assert_int_equal(p->n, N_ERRORS);
	assert_string_equal(finding(p, 0), "device.conf:1: a: unknown key");
	assert_string_equal(finding(p, N_ERRORS - 1), "device.conf: and 4 more findings");
}

static void test_too_many_endpoints(void **state)
{
	struct place *p = *state;
	size_t size = 64 * 1024, n = 0;
	char *text = malloc(size);

	n += (size_t)snprintf(text, size, "vip = { name = \"x\"; address = \"10.0.0.100\"; port = 80; endpoints = (");
	for (unsigned i = 0; i <= CONFIG_MAX_ENDPOINTS; i++)
		n += (size_t)snprintf(text + n, size - n, "%s { host = \"10.0.0.11\"; }", i ? "," : "");
	snprintf(text + n, size - n, "); };");
	file_write(p->device, device_text);
	vip_add(p, "web.conf", text);
	free(text);
	assert_int_equal(load(p), -EINVAL);
	assert_int_equal(p->n, 1);
	assert_string_equal(finding(p, 0), "vips/web.conf:1: vip.endpoints: 257 entries, but at most 256 are possible");
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables_are_sound),
		cmocka_unit_test(test_examples_load),
		T(test_device_defaults),
		T(test_vip_defaults),
		T(test_device_keys),
		T(test_device_without_ports),
		T(test_device_roles),
		T(test_device_roles_without_forwarder),
		T(test_device_addresses),
		T(test_gateway_may_be_link_local),
		T(test_port_doubles),
		T(test_vip_keys),
		T(test_vip_addresses),
		T(test_vip_modes),
		T(test_full_nat_needs_sources),
		T(test_half_nat_needs_nothing_and_may_change_ports),
		T(test_half_nat_shared_endpoint_is_warned_of),
		T(test_vip_doubles),
		T(test_same_address_other_port_or_protocol),
		T(test_vip_warnings),
		T(test_vip_directory),
		T(test_absolute_paths_stay),
		T(test_no_device_file),
		T(test_findings_of_all_files_in_one_run),
		T(test_more_findings_than_room),
		T(test_too_many_endpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
