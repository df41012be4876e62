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

#include "place.h"

static void test_tables_are_sound(void **state)
{
	const char *key = "";

	assert_int_equal(conf_keys_check(config_device_keys, &key), 0);
	assert_int_equal(conf_keys_check(config_vip_keys, &key), 0);
}

static void test_device_defaults(void **state)
{
	struct place *p = *state;

	place_write(p->device, place_device_text);
	place_vip_add(p, "web.conf", place_vip_text);
	assert_int_equal(place_load(p), 0);
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
	assert_int_equal(p->c->pending, 4096);
	assert_int_equal(p->c->large_heads, 64);
	assert_int_equal(p->c->held_packets, 2048);
	assert_int_equal(p->c->sessions, 65536);
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

	place_write(p->device, place_device_text);
	place_vip_add(p, "web.conf", place_vip_text);
	assert_int_equal(place_load(p), 0);
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
	assert_int_equal(c->lcores[0].tunnel6.addrs[0].family, BATON_IPV6);
	assert_int_equal(c->lcores[0].n_snat, 2);
	assert_int_equal(c->n_vips, 6);
	assert_string_equal(c->vips[0].name, "dns");
	assert_int_equal(c->vips[0].proto, IPPROTO_UDP);
	assert_int_equal(c->vips[0].unknown, BATON_UNKNOWN_HASH);
	assert_int_equal(c->vips[1].mode, BATON_MODE_FULL_NAT);
	assert_int_equal(c->vips[1].endpoints[0].port, 8443);
	assert_string_equal(c->vips[2].name, "secure");
	assert_true(c->vips[2].by_application);
	assert_int_equal(c->vips[2].application.protocol, APPLICATION_TLS);
	assert_string_equal(c->vips[3].name, "shop");
	assert_int_equal(c->vips[3].n_pools, 2);
	assert_int_equal(c->vips[3].n_rules, 6);
	assert_int_equal(c->vips[4].endpoints[2].capacity, 25);
	assert_int_equal(c->vips[5].addr.family, BATON_IPV6);
	config_free(c);
}

static void test_example_of_one_machine(void **state)
{
	struct config_error errors[N_ERRORS];
	struct config *c = NULL;
	unsigned n;

	assert_int_equal(config_load(CONF_DIR "/one-machine/device.conf", &c, errors, N_ERRORS, &n), 0);
	assert_int_equal(n, 0);
	assert_string_equal(c->ports[0].exception, "baton0");
	assert_false(c->ports[0].replies);
	assert_true(c->ports[1].replies);
	assert_int_equal(c->n_vips, 1);
	assert_true(c->vips[0].by_application);
	config_free(c);
}

static void test_device_keys(void **state)
{
	struct place *p = *state;

	place_device_refused(p, "name = \"lb1\";", "", "device.conf:1: device.name: required, but missing");
	place_device_refused(p, "name = \"lb1\";", "name = \"lb1\"; run_dir = \"run\";",
			     "device.conf:1: device.run_dir: must be an absolute path");
	place_device_refused(p, "name = \"lb1\"; };", "name = \"lb1\"; };\nmemory = { hugepages = \"maybe\"; };",
			     "device.conf:2: memory.hugepages: \"maybe\" is not one of auto, on, off");
	place_device_refused(
		p, "net_af_packet0,iface=x", "eth0",
		"device.conf:2: ports[0].device: \"eth0\" is neither a PCI address (0000:01:00.0) nor a DPDK "
		"virtual device (net_...)");
	place_device_refused(
		p, "net_af_packet0,iface=x", "net_ring0",
		"device.conf:2: ports[0].device: \"net_ring0\" does not say by which port a packet came in; "
		"it is for benchmarks alone");
	place_device_refused(p, "device = \"net", "mtu = 1200; device = \"net",
			     "device.conf:2: ports[0].mtu: 1200 is out of range 1280-9000");
	place_device_refused(p, "device = \"net", "exception = \"a/b\"; device = \"net",
			     "device.conf:2: ports[0].exception: \"a/b\" can't be the name of a network interface");
	place_device_refused(p, "device = \"net", "gateway4 = \"2001:db8::1\"; device = \"net",
			     "device.conf:2: ports[0].gateway4: must be an IPv4 address");
	place_device_refused(p, "\"classifier\"", "\"clasifier\"",
			     "device.conf:4: lcores[0].roles[1]: \"clasifier\" is not one of forwarder, classifier");
	place_device_refused(
		p, "\"2001:db8::10\"",
		"\"10.0.1.1\", \"10.0.1.2\", \"10.0.1.3\", \"10.0.1.4\", \"10.0.1.5\", \"10.0.1.6\", \"10.0.1.7\", "
		"\"10.0.1.8\"",
		"device.conf:5: lcores[0].tunnel[8]: an IPv4 address too many; an lcore has at most 8 of each family");
	place_device_refused(p, "cpu = 1; roles = [ \"forwarder\", \"classifier\" ];", "cpu = 1; roles = [ ];",
			     "device.conf:4: lcores[0].roles: 0 entries, but at least 1 are needed");
}

static void test_device_without_ports(void **state)
{
	struct place *p = *state;

	place_write(p->device, "device = { name = \"lb1\"; };\n");
	assert_int_equal(place_load(p), -EINVAL);
	assert_int_equal(p->n, 2);
	assert_string_equal(place_finding(p, 0), "device.conf:1: ports: required, but missing");
	assert_string_equal(place_finding(p, 1), "device.conf:1: lcores: required, but missing");
}

static void test_device_roles(void **state)
{
	struct place *p = *state;

	place_device_refused(p, "\"forwarder\", \"classifier\"", "\"forwarder\"",
			     "device.conf:4: lcores: none has the role classifier");
}

static void test_device_roles_without_forwarder(void **state)
{
	struct place *p = *state;
	char *text = place_replaced(place_device_text, "\"forwarder\", ", "");

	place_write(p->device, text);
	free(text);
	assert_int_equal(place_load(p), -EINVAL);
	assert_int_equal(p->n, 3);
	assert_string_equal(place_finding(p, 0),
			    "device.conf:5: lcores[0].tunnel: only an lcore with the role forwarder has "
			    "tunnel addresses");
	assert_string_equal(place_finding(p, 1),
			    "device.conf:6: lcores[0].snat: only an lcore with the role forwarder has "
			    "source addresses for full NAT");
	assert_string_equal(place_finding(p, 2), "device.conf:4: lcores: none has the role forwarder");
}

static void test_device_addresses(void **state)
{
	struct place *p = *state;

	place_device_refused(p, "10.0.0.20", "10.0.0.10",
			     "device.conf:6: lcores[0].snat[0]: 10.0.0.10 is used already by lcores[0].tunnel");
	place_device_refused(p, "10.0.0.20", "10.0.0.2",
			     "device.conf:6: lcores[0].snat[0]: 10.0.0.2 is used already by ports[0].addresses[0]");
	place_device_refused(p, "10.0.0.20", "224.0.0.1",
			     "device.conf:6: lcores[0].snat[0]: 224.0.0.1 is a multicast address");
	place_device_refused(p, "2001:db8::10", "::1", "device.conf:5: lcores[0].tunnel: ::1 is a loopback address");
	place_device_refused(p, "2001:db8::10", "::ffff:10.0.0.9",
			     "device.conf:5: lcores[0].tunnel: ::ffff:10.0.0.9 is an IPv4 address in IPv6 form");
	place_device_refused(p, "10.0.0.20", "0.0.0.0",
			     "device.conf:6: lcores[0].snat[0]: 0.0.0.0 is the unspecified address");
	place_device_refused(p, "  addresses", "  gateway4 = \"10.9.0.1\"; addresses",
			     "device.conf:3: ports[0].gateway4: 10.9.0.1 is on none of the port's networks");
	place_device_refused(p, "  addresses", "  gateway4 = \"10.0.0.2\"; addresses",
			     "device.conf:3: ports[0].gateway4: 10.0.0.2 is the port's own address");
	place_device_refused(p, "  addresses", "  gateway4 = \"10.0.0.1\"; replies = true; addresses",
			     "device.conf:3: ports[0].replies: no other port has a gateway to send them to");
	place_device_refused(p, "name = \"lb1\"; };",
			     "name = \"lb1\"; };\nsnat = { first_port = 20; last_port = 10; };",
			     "device.conf:2: snat.first_port: 20 is above last_port 10");
}

static void test_gateway_may_be_link_local(void **state)
{
	struct place *p = *state;
	char *text = place_replaced(place_device_text, "  addresses", "  gateway6 = \"fe80::1\"; addresses");

	place_write(p->device, text);
	free(text);
	place_vip_add(p, "web.conf", place_vip_text);
	assert_int_equal(place_load(p), 0);
	assert_int_equal(p->c->ports[0].gateway6.family, BATON_IPV6);
}

static void test_replies_leave_by_another_port(void **state)
{
	struct place *p = *state;
	char *one = place_replaced(place_device_text, "  addresses", "  gateway4 = \"10.0.0.1\"; addresses");
	char *two = place_replaced(one, "} );\nlcores",
				   "}, { name = \"app\"; device = \"net_null0\"; addresses = [ \"10.9.0.1/30\" ]; "
				   "replies = true; } );\nlcores");

	place_write(p->device, two);
	free(one);
	free(two);
	place_vip_add(p, "web.conf", place_vip_text);
	assert_int_equal(place_load(p), 0);
	assert_false(p->c->ports[0].replies);
	assert_true(p->c->ports[1].replies);
}

static void test_port_doubles(void **state)
{
	struct place *p = *state;
	char *text =
		place_replaced(place_device_text, "ports = (",
			       "ports = ( { name = \"net0\"; device = \"net_af_packet0,iface=x\"; exception = \"e\";\n"
			       "addresses = [ \"10.1.0.2/24\" ]; },");
	char *both = place_replaced(text, "  addresses", "exception = \"e\"; addresses");

	place_write(p->device, both);
	free(text);
	free(both);
	place_vip_add(p, "web.conf", place_vip_text);
	assert_int_equal(place_load(p), -EINVAL);
	assert_int_equal(p->n, 3);
	assert_string_equal(place_finding(p, 0), "device.conf:3: ports[1].name: \"net0\" is used already by ports[0]");
	assert_string_equal(place_finding(p, 1),
			    "device.conf:3: ports[1].device: \"net_af_packet0,iface=x\" is used already by ports[0]");
	assert_string_equal(place_finding(p, 2),
			    "device.conf:4: ports[1].exception: \"e\" is used already by ports[0]");
}

static void test_vip_directory(void **state)
{
	struct place *p = *state;
	char path[64], *text;

	place_write(p->device, place_device_text);
	place_vip_add(p, "web.conf.bak", "nonsense");
	place_vip_add(p, ".hidden.conf", "nonsense");
	assert_int_equal(place_load(p), 0);
	assert_int_equal(p->c->n_vips, 0);
	assert_string_equal(place_finding(p, 0), "vips: warning: no VIP files; there is nothing to balance");
	snprintf(path, sizeof path, "%s/vips/dir.conf", p->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	assert_int_equal(place_load(p), -EINVAL);
	assert_string_equal(place_finding(p, 0), "vips/dir.conf: not a regular file");
	text = place_replaced(place_device_text, "name = \"lb1\";", "name = \"lb1\"; vip_dir = \"none\";");
	place_write(p->device, text);
	free(text);
	assert_int_equal(place_load(p), -EINVAL);
	assert_string_equal(place_finding(p, 0), "none: VIP directory can't be read: No such file or directory");
}

static void test_absolute_paths_stay(void **state)
{
	struct place *p = *state;
	char *text =
		place_replaced(place_device_text, "name = \"lb1\";",
			       "name = \"lb1\"; secret_file = \"/etc/baton/key\"; vip_dir = \"/proc/sys/net/none\";");

	place_write(p->device, text);
	free(text);
	assert_int_equal(place_load(p), -EINVAL);
	assert_string_equal(p->errors[0].text,
			    "/proc/sys/net/none: VIP directory can't be read: No such file or directory");
}

static void test_no_device_file(void **state)
{
	struct place *p = *state;

	assert_int_equal(place_load(p), -ENOENT);
	assert_int_equal(p->n, 1);
	assert_string_equal(place_finding(p, 0), "device.conf: can't be read: No such file or directory");
}

static void test_findings_of_all_files_in_one_run(void **state)
{
	struct place *p = *state;
	char *device = place_replaced(place_device_text, "cpu = 1", "cpu = -1");

	place_write(p->device, device);
	free(device);
	place_vip_add(p, "a.conf", "vip = {");
	place_vip_add(p, "b.conf", "vip = { name = \"b\"; address = \"10.0.0.100\"; port = 99999; };");
	assert_int_equal(place_load(p), -EINVAL);
	assert_int_equal(p->n, 3);
	assert_string_equal(place_finding(p, 0), "vips/a.conf:1: the file ends, but a '}' is missing");
	assert_string_equal(place_finding(p, 1), "device.conf:4: lcores[0].cpu: -1 is out of range 0-1023");
	assert_string_equal(place_finding(p, 2), "vips/b.conf:1: vip.port: 99999 is out of range 1-65535");
}

static void test_more_findings_than_room(void **state)
{
	struct place *p = *state;

	place_write(p->device, "a = 1; b = 1; c = 1; d = 1; e = 1; f = 1; g = 1; h = 1;\n");
	assert_int_equal(place_load(p), -EINVAL);
	assert_int_equal(p->n, N_ERRORS);
	assert_string_equal(place_finding(p, 0), "device.conf:1: a: unknown key");
	assert_string_equal(place_finding(p, N_ERRORS - 1), "device.conf: and 4 more findings");
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
	place_write(p->device, place_device_text);
	place_vip_add(p, "web.conf", text);
	free(text);
	assert_int_equal(place_load(p), -EINVAL);
	assert_int_equal(p->n, 1);
	assert_string_equal(place_finding(p, 0),
			    "vips/web.conf:1: vip.endpoints: 257 entries, but at most 256 are possible");
}

#define T(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_tables_are_sound),
		cmocka_unit_test(test_examples_load),
		cmocka_unit_test(test_example_of_one_machine),
		T(test_device_defaults),
		T(test_vip_defaults),
		T(test_device_keys),
		T(test_device_without_ports),
		T(test_device_roles),
		T(test_device_roles_without_forwarder),
		T(test_device_addresses),
		T(test_gateway_may_be_link_local),
		T(test_replies_leave_by_another_port),
		T(test_port_doubles),
		T(test_vip_directory),
		T(test_absolute_paths_stay),
		T(test_no_device_file),
		T(test_findings_of_all_files_in_one_run),
		T(test_more_findings_than_room),
		T(test_too_many_endpoints),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
