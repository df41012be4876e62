/* SPDX-License-Identifier: BSD-3-Clause */
#include "place.h"

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

const char place_device_text[] = "device = { name = \"lb1\"; };\n"
				 "ports = ( { name = \"net0\"; device = \"net_af_packet0,iface=x\";\n"
				 "  addresses = [ \"10.0.0.2/24\", \"2001:db8::2/64\" ]; } );\n"
				 "lcores = ( { cpu = 1; roles = [ \"forwarder\", \"classifier\" ];\n"
				 "  tunnel = [ \"10.0.0.10\", \"2001:db8::10\" ];\n"
				 "  snat = [ \"10.0.0.20\" ]; } );\n";

const char place_vip_text[] = "vip = {\n name = \"web\";\n address = \"10.0.0.100\";\n port = 80;\n"
			      " endpoints = (\n  { host = \"10.0.0.11\"; },\n  { host = \"10.0.0.12\"; }\n );\n};\n";

void place_write(const char *path, const char *text)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	fputs(text, f);
	fclose(f);
}

int place_setup(void **state)
{
	struct place *p = calloc(1, sizeof *p);
	char path[64];

	snprintf(p->dir, sizeof p->dir, "/tmp/baton-config-XXXXXX");
	assert_non_null(mkdtemp(p->dir));
	snprintf(path, sizeof path, "%s/vips", p->dir);
	assert_int_equal(mkdir(path, 0700), 0);
	snprintf(p->device, sizeof p->device, "%s/device.conf", p->dir);
	*state = p;
	return 0;
}

int place_teardown(void **state)
{
	struct place *p = *state;
	char command[128];

	config_free(p->c);
	snprintf(command, sizeof command, "rm -rf %s", p->dir);
	assert_int_equal(system(command), 0);
	free(p);
	return 0;
}

void place_vip_add(struct place *p, const char *name, const char *text)
{
	char path[128];

	snprintf(path, sizeof path, "%s/vips/%s", p->dir, name);
	place_write(path, text);
}

int place_load(struct place *p)
{
	config_free(p->c);
	p->c = NULL;
	return config_load(p->device, &p->c, p->errors, N_ERRORS, &p->n);
}

/* The finding, without the name of the test's directory. */
const char *place_finding(const struct place *p, unsigned i)
{
	assert_true(i < p->n);
	assert_int_equal(strncmp(p->errors[i].text, p->dir, strlen(p->dir)), 0);
	return p->errors[i].text + strlen(p->dir) + 1;
}

char *place_replaced(const char *text, const char *from, const char *to)
{
	const char *at = strstr(text, from);
	char *result;

	assert_non_null(at);
	assert_true(asprintf(&result, "%.*s%s%s", (int)(at - text), text, to, at + strlen(from)) > 0);
	return result;
}

/* The good device file with one thing replaced is refused with exactly this finding. */
void place_device_refused(struct place *p, const char *from, const char *to, const char *expected)
{
	char *text = place_replaced(place_device_text, from, to);

	place_write(p->device, text);
	free(text);
	place_vip_add(p, "web.conf", place_vip_text);
	assert_int_equal(place_load(p), -EINVAL);
	assert_null(p->c);
	assert_string_equal(place_finding(p, 0), expected);
	assert_int_equal(p->n, 1);
}

void place_vip_refused(struct place *p, const char *from, const char *to, const char *expected)
{
	char *text = place_replaced(place_vip_text, from, to);

	place_write(p->device, place_device_text);
	place_vip_add(p, "web.conf", text);
	free(text);
	assert_int_equal(place_load(p), -EINVAL);
	assert_null(p->c);
	assert_string_equal(place_finding(p, 0), expected);
	assert_int_equal(p->n, 1);
}

void place_vip_warned(struct place *p, const char *from, const char *to, const char *expected)
{
	char *text = place_replaced(place_vip_text, from, to);

	place_write(p->device, place_device_text);
	place_vip_add(p, "web.conf", text);
	free(text);
	assert_int_equal(place_load(p), 0);
	assert_string_equal(place_finding(p, 0), expected);
	assert_int_equal(p->n, 1);
}
