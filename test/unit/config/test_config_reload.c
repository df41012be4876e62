/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "config/schema.h"

#define N_ERRORS 16

static const char device_text[] =
	"device = { name = \"lb1\"; };\n"
	"ports = ( { name = \"net0\"; device = \"net_null0\"; addresses = [ \"10.0.0.2/24\" ]; } );\n"
	"lcores = ( { cpu = 1; roles = [ \"forwarder\", \"classifier\" ]; tunnel = [ \"10.0.0.10\" ]; } );\n";

static const char two_ports_text[] =
	"device = { name = \"lb1\"; };\n"
	"ports = ( { name = \"net0\"; device = \"net_null0\"; addresses = [ \"10.0.0.2/24\" ]; gateway4 = "
	"\"10.0.0.1\"; },\n"
	"  { name = \"app\"; device = \"net_null1\"; addresses = [ \"10.1.0.1/30\" ]; } );\n"
	"lcores = ( { cpu = 1; roles = [ \"forwarder\", \"classifier\" ]; tunnel = [ \"10.0.0.10\" ]; } );\n";

static struct config_error errors[N_ERRORS];

static struct config *assembled(const char *device, const char *vip)
{
	static char texts[N_ERRORS][CONF_FINDING_MAX];
	struct conf_findings f = { .text = texts, .max = N_ERRORS };
	struct conf_doc *vip_doc = NULL;
	struct config_source s = { .vips = &vip_doc, .n_vips = vip ? 1 : 0 };
	struct config *c = NULL;

	assert_int_equal(conf_doc_read_text(device, strlen(device), "device.conf", &f, &s.device), 0);
	if (vip)
		assert_int_equal(conf_doc_read_text(vip, strlen(vip), "vip.conf", &f, &vip_doc), 0);
	assert_int_equal(config_assemble(&s, "device.conf", &f, &c), 0);
	conf_doc_free(s.device);
	conf_doc_free(vip_doc);
	return c;
}

/* A device file with `from` replaced by `to` needs a restart for this reason alone; NULL: it needs none. */
static void reload_from(const char *before, const char *from, const char *to, const char *expected)
{
	const char *at = strstr(before, from);
	struct config *old = assembled(before, NULL), *new;
	unsigned n = 99;
	char text[1024];
	int err;

	assert_non_null(at);
	snprintf(text, sizeof text, "%.*s%s%s", (int)(at - before), before, to, at + strlen(from));
	new = assembled(text, NULL);
	err = config_reload_check(old, new, errors, N_ERRORS, &n);
	config_free(old);
	config_free(new);
	assert_int_equal(err, expected ? -EBUSY : 0);
	assert_int_equal(n, expected ? 1 : 0);
	if (expected)
		assert_string_equal(errors[0].text, expected);
}

static void reload(const char *from, const char *to, const char *expected)
{
	reload_from(device_text, from, to, expected);
}

static void test_same_may_reload(void **state)
{
	reload("lb1", "lb1", NULL);
	reload("name = \"lb1\";", "name = \"lb1\"; vip_dir = \"/elsewhere\";", NULL);
}

static void test_fixed_keys_of_the_device(void **state)
{
	reload("lb1", "lb2", "device.conf: device.name: changed from lb1 to lb2; this needs a restart");
	reload("\"lb1\";", "\"lb1\"; run_dir = \"/run/x\";",
	       "device.conf: device.run_dir: changed from /run/baton to /run/x; this needs a restart");
	reload("\"lb1\";", "\"lb1\"; shim_port = 1;",
	       "device.conf: device.shim_port: changed from 7471 to 1; this needs a restart");
	reload("\"lb1\"; };", "\"lb1\"; }; memory = { hugepages = \"off\"; };",
	       "device.conf: memory.hugepages: changed from yes to no; this needs a restart");
	reload("\"lb1\"; };", "\"lb1\"; }; memory = { packet_buffers = 2048; };",
	       "device.conf: memory.packet_buffers: changed from 32768 to 2048; this needs a restart");
	reload("\"lb1\"; };", "\"lb1\"; }; routes = { connections = 2048; };",
	       "device.conf: routes.connections: changed from 262144 to 2048; this needs a restart");
	reload("\"lb1\"; };", "\"lb1\"; }; application = { pending = 100; };",
	       "device.conf: application.pending: changed from 4096 to 100; this needs a restart");
	reload("\"lb1\"; };", "\"lb1\"; }; application = { large_heads = 1; };",
	       "device.conf: application.large_heads: changed from 64 to 1; this needs a restart");
	reload("\"lb1\"; };", "\"lb1\"; }; application = { held_packets = 100; };",
	       "device.conf: application.held_packets: changed from 2048 to 100; this needs a restart");
	reload("\"lb1\"; };", "\"lb1\"; }; application = { sessions = 2000; };",
	       "device.conf: application.sessions: changed from 65536 to 2000; this needs a restart");
	reload("\"lb1\"; };", "\"lb1\"; }; snat = { last_port = 2000; };",
	       "device.conf: snat.last_port: changed from 65535 to 2000; this needs a restart");
}

static void test_fixed_keys_of_ports(void **state)
{
	reload("net_null0", "net_null1",
	       "device.conf: ports[0].device: changed from net_null0 to net_null1; this needs a restart");
	reload("addresses", "mtu = 9000; addresses",
	       "device.conf: ports[0].mtu: changed from 1500 to 9000; this needs a restart");
	reload("10.0.0.2/24", "10.0.0.2/16", "device.conf: ports[0].addresses: changed; this needs a restart");
	reload("addresses", "gateway4 = \"10.0.0.1\"; addresses",
	       "device.conf: ports[0].gateway4: changed from - to 10.0.0.1; this needs a restart");
	reload_from(two_ports_text, "addresses = [ \"10.1", "replies = true; addresses = [ \"10.1",
		    "device.conf: ports[1].replies: changed from no to yes; this needs a restart");
	reload("addresses", "exception = \"e0\"; addresses",
	       "device.conf: ports[0].exception: changed from none to e0; this needs a restart");
	reload("} );\nlcores",
	       "}, { name = \"n\"; device = \"net_null1\"; addresses = [ \"10.1.0.2/24\" ]; } );\nlcores",
	       "device.conf: ports (number): changed from 1 to 2; this needs a restart");
}

static void test_fixed_keys_of_lcores(void **state)
{
	reload("cpu = 1", "cpu = 2", "device.conf: lcores[0].cpu: changed from 1 to 2; this needs a restart");
	reload("cpu = 1;", "cpu = 1; poll = \"busy\";",
	       "device.conf: lcores[0].poll (busy): changed from no to yes; this needs a restart");
	reload("10.0.0.10", "10.0.0.11",
	       "device.conf: lcores[0].tunnel (IPv4): changed from 10.0.0.10 to 10.0.0.11; this needs a restart");
	reload("10.0.0.10", "10.0.0.10\", \"10.0.0.11",
	       "device.conf: lcores[0].tunnel (IPv4): changed from 1 addresses to 2; this needs a restart");
	reload("cpu = 1;", "cpu = 1; snat = [ \"10.0.0.20\" ];",
	       "device.conf: lcores[0].snat: changed; this needs a restart");
}

static void test_vips_may_change(void **state)
{
	struct config *old = assembled(device_text, NULL);
	struct config *new = assembled(device_text, "vip = { name = \"w\"; address = \"10.0.0.100\"; port = 80; };");
	unsigned n = 99;

	assert_int_equal(config_reload_check(old, new, errors, N_ERRORS, &n), 0);
	assert_int_equal(n, 0);
	config_free(old);
	config_free(new);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_same_may_reload),     cmocka_unit_test(test_fixed_keys_of_the_device),
		cmocka_unit_test(test_fixed_keys_of_ports), cmocka_unit_test(test_fixed_keys_of_lcores),
		cmocka_unit_test(test_vips_may_change),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
