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

static void test_vip_keys(void **state)
{
	struct place *p = *state;

	place_vip_refused(p, " port = 80;\n", "", "vips/web.conf:1: vip.port: required, but missing");
	place_vip_refused(p, "port = 80", "port = 0", "vips/web.conf:4: vip.port: 0 is out of range 1-65535");
	place_vip_refused(p, "port = 80", "port = 80; mode = \"tunel\"",
			  "vips/web.conf:4: vip.mode: \"tunel\" is not one of tunnel, half-nat, full-nat, application");
	place_vip_refused(p, "\"10.0.0.12\";", "\"10.0.0.12\"; capacity = 120;",
			  "vips/web.conf:7: vip.endpoints[1].capacity: 120 is out of range 0-99");
	place_vip_refused(p, "\"10.0.0.12\";", "\"10.0.0.12\"; weight = 1;",
			  "vips/web.conf:7: vip.endpoints[1].weight: unknown key");
	place_vip_refused(p, "port = 80;", "port = 80; timeouts = { syn = 32001; };",
			  "vips/web.conf:4: vip.timeouts.syn: 32001 is out of range 1-32000");
}

static void test_vip_addresses(void **state)
{
	struct place *p = *state;

	place_vip_refused(p, "10.0.0.100", "10.0.0.10",
			  "vips/web.conf:3: vip.address: 10.0.0.10 belongs to the device (lcores[0].tunnel)");
	place_vip_refused(p, "10.0.0.100", "10.0.0.20",
			  "vips/web.conf:3: vip.address: 10.0.0.20 belongs to the device (lcores[0].snat)");
	place_vip_refused(
		p, "10.0.0.12", "10.0.0.2",
		"vips/web.conf:7: vip.endpoints[1].host: 10.0.0.2 belongs to the device (ports[0].addresses)");
	place_vip_refused(p, "10.0.0.100", "255.255.255.255",
			  "vips/web.conf:3: vip.address: 255.255.255.255 is a reserved or broadcast address");
	place_vip_refused(
		p, "10.0.0.12", "10.0.0.100",
		"vips/web.conf:7: vip.endpoints[1].host: 10.0.0.100 is the address of VIP \"web\"; a host has its own");
	place_vip_refused(p, "10.0.0.12", "2001:db8::12",
			  "vips/web.conf:7: vip.endpoints[1].host: 2001:db8::12 is not of the VIP's family, IPv4");
	place_vip_refused(
		p, "10.0.0.12", "10.7.0.12",
		"vips/web.conf:7: vip.endpoints[1].host: 10.7.0.12 is on no port's network and no port has an IPv4 "
		"gateway");
	place_vip_refused(p, "10.0.0.12", "10.0.0.11",
			  "vips/web.conf:7: vip.endpoints[1].host: the same host and port as endpoints[0]");
}

static void test_vip_modes(void **state)
{
	struct place *p = *state;

	place_vip_refused(
		p, "\"10.0.0.12\";", "\"10.0.0.12\"; port = 81;",
		"vips/web.conf:7: vip.endpoints[1].port: 81, but in mode tunnel the server listens on the VIP's "
		"port, 80");
	place_device_refused(
		p, "\"10.0.0.10\", ", "",
		"device.conf:5: lcores[0].tunnel: no IPv4 address, but VIP \"web\" with mode tunnel needs one");
}

/* With what stands for the tunnel addresses, for routes and for the VIP's mode: the finding; NULL: none. */
static void expect_tunnels(struct place *p, const char *tunnel, const char *routes, const char *mode,
			   const char *expected)
{
	char *few = place_replaced(place_device_text, "\"10.0.0.10\", \"2001:db8::10\"", tunnel), head[128];
	char *vip = place_replaced(place_vip_text, "port = 80;", mode), *device;

	snprintf(head, sizeof head, "routes = { %s }; device = {", routes);
	device = place_replaced(few, "device = {", head);
	place_write(p->device, device);
	place_vip_add(p, "web.conf", vip);
	assert_int_equal(place_load(p), expected ? -EINVAL : 0);
	assert_int_equal(p->n, expected ? 1 : 0);
	if (expected)
		assert_string_equal(place_finding(p, 0), expected);
	free(few);
	free(device);
	free(vip);
}

static void test_tunnels_for_all_routes(void **state)
{
	const char *one = "\"10.0.0.10\", \"2001:db8::10\"", *two = "\"10.0.0.10\", \"2001:db8::10\", \"10.0.0.9\"";
	const char *seven = "\"10.0.1.1\", \"10.0.1.2\", \"10.0.1.3\", \"10.0.1.4\", \"10.0.1.5\", \"10.0.1.6\", "
			    "\"10.0.1.7\"";
	struct place *p = *state;

	expect_tunnels(p, one, "ipv4 = 12500000;", "port = 80;", NULL);
	expect_tunnels(p, one, "ipv4 = 12500001;", "port = 80;",
		       "device.conf:5: lcores[0].tunnel: 1 of the 2 IPv4 addresses that routes.ipv4 = 12500001 needs, "
		       "one for each 12500000; add more or lower it");
	expect_tunnels(p, two, "ipv4 = 25000000;", "port = 80;", NULL);
	expect_tunnels(p, seven, "ipv4 = 100000000;", "port = 80;",
		       "device.conf:5: lcores[0].tunnel: 7 of the 8 IPv4 addresses that routes.ipv4 = 100000000 needs, "
		       "one for each 12500000; add more or lower it");
	/* of the other family, and NAT, no VIP asks for flow ids */
	expect_tunnels(p, one, "ipv6 = 100000000;", "port = 80;", NULL);
	expect_tunnels(p, one, "ipv4 = 100000000;", "port = 80; mode = \"half-nat\";", NULL);
	expect_tunnels(p, one, "ipv4 = 12500001;", "port = 80; mode = \"application\";",
		       "device.conf:5: lcores[0].tunnel: 1 of the 2 IPv4 addresses that routes.ipv4 = 12500001 needs, "
		       "one for each 12500000; add more or lower it");
}

static void test_tunnels_are_the_devices(void **state)
{
	struct place *p = *state;

	place_vip_refused(p, "10.0.0.100", "10.0.0.10",
			  "vips/web.conf:3: vip.address: 10.0.0.10 belongs to the device (lcores[0].tunnel)");
	expect_tunnels(p, "\"10.0.0.10\", \"10.0.0.100\"", "ipv4 = 1024;", "port = 80;",
		       "vips/web.conf:3: vip.address: 10.0.0.100 belongs to the device (lcores[0].tunnel)");
	expect_tunnels(p, "\"10.0.0.10\", \"10.0.0.9\", \"10.0.0.10\"", "ipv4 = 1024;", "port = 80;",
		       "device.conf:5: lcores[0].tunnel: 10.0.0.10 is used already by lcores[0].tunnel");
}

static void test_full_nat_needs_sources(void **state)
{
	struct place *p = *state;
	char *device = place_replaced(place_device_text, "  snat = [ \"10.0.0.20\" ];", "");
	char *vip = place_replaced(place_vip_text, "port = 80;", "port = 80; mode = \"full-nat\";");

	place_write(p->device, device);
	place_vip_add(p, "web.conf", vip);
	free(device);
	free(vip);
	assert_int_equal(place_load(p), -EINVAL);
	assert_int_equal(p->n, 1);
	assert_string_equal(
		place_finding(p, 0),
		"device.conf:4: lcores[0].snat: no IPv4 address, but VIP \"web\" with mode full-nat needs one");
}

static void test_half_nat_needs_nothing_and_may_change_ports(void **state)
{
	struct place *p = *state;
	char *mode = place_replaced(place_vip_text, "port = 80;", "port = 80; mode = \"half-nat\";");
	char *vip = place_replaced(mode, "\"10.0.0.12\";", "\"10.0.0.12\"; port = 8080;");

	place_write(p->device, place_device_text);
	place_vip_add(p, "web.conf", vip);
	assert_int_equal(place_load(p), 0);
	assert_int_equal(p->n, 0);
	assert_int_equal(p->c->vips[0].endpoints[1].port, 8080);
	free(mode);
	free(vip);
}

static void test_half_nat_shared_endpoint_is_warned_of(void **state)
{
	struct place *p = *state;
	char *one = place_replaced(place_vip_text, "port = 80;", "port = 80; mode = \"half-nat\";");
	char *name = place_replaced(one, "\"web\"", "\"two\"");
	char *two = place_replaced(name, "10.0.0.100", "10.0.0.101");
	char *other = place_replaced(two, "10.0.0.11", "10.0.0.13");

	place_write(p->device, place_device_text);
	place_vip_add(p, "a.conf", one);
	place_vip_add(p, "b.conf", other);
	assert_int_equal(place_load(p), 0);
	assert_int_equal(p->n, 1);
	assert_string_equal(
		place_finding(p, 0),
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

	place_write(p->device, place_device_text);
	place_vip_add(p, "a.conf", place_vip_text);
	place_vip_add(p, "b.conf", place_vip_text);
	assert_int_equal(place_load(p), -EINVAL);
	assert_int_equal(p->n, 2);
	snprintf(expected, sizeof expected, "vips/b.conf:2: vip.name: \"web\" is used already in %s/vips/a.conf",
		 p->dir);
	assert_string_equal(place_finding(p, 0), expected);
	snprintf(expected, sizeof expected,
		 "vips/b.conf:3: vip.address: 10.0.0.100 port 80 is used already in %s/vips/a.conf", p->dir);
	assert_string_equal(place_finding(p, 1), expected);
}

static void test_same_address_other_port_or_protocol(void **state)
{
	struct place *p = *state;
	char *name = place_replaced(place_vip_text, "\"web\"", "\"dns\"");
	char *udp = place_replaced(name, "port = 80;", "port = 80; protocol = \"udp\";");

	place_write(p->device, place_device_text);
	place_vip_add(p, "a.conf", place_vip_text);
	place_vip_add(p, "b.conf", udp);
	assert_int_equal(place_load(p), 0);
	assert_int_equal(p->n, 0);
	free(name);
	free(udp);
}

static void test_vip_warnings(void **state)
{
	struct place *p = *state;

	place_vip_warned(p, "\n  { host = \"10.0.0.11\"; },\n  { host = \"10.0.0.12\"; }\n ", " ",
			 "vips/web.conf:5: vip.endpoints: warning: none; every new connection will be refused");
	place_vip_warned(
		p, "\n  { host = \"10.0.0.11\"; },\n  { host = \"10.0.0.12\"; }\n ",
		" { host = \"10.0.0.11\"; capacity = 0; } ",
		"vips/web.conf:5: vip.endpoints: warning: all have capacity 0; every new connection will be refused");
}

#define T(name) cmocka_unit_test_setup_teardown(name, place_setup, place_teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		T(test_vip_keys),
		T(test_vip_addresses),
		T(test_vip_modes),
		T(test_tunnels_for_all_routes),
		T(test_tunnels_are_the_devices),
		T(test_full_nat_needs_sources),
		T(test_half_nat_needs_nothing_and_may_change_ports),
		T(test_half_nat_shared_endpoint_is_warned_of),
		T(test_vip_doubles),
		T(test_same_address_other_port_or_protocol),
		T(test_vip_warnings),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
