/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Prints docs/configuration.md from the schema tables; with a file's name as
 * argument, says whether the file is what would be printed.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "config/schema.h"

static const char head[] =
	"# Configuration\n"
	"\n"
	"<!-- printed by build/src/config/config-reference; do not edit -->\n"
	"\n"
	"batond reads one device file (`/etc/baton/device.conf`, or `-c FILE`) and one file for each VIP: every "
	"`*.conf` in\n"
	"the directory `device.vip_dir`. Complete examples stand in `conf/`.\n"
	"\n"
	"`batond --check -c FILE` and `batonctl check FILE` read them without starting anything and print every "
	"mistake as\n"
	"`file:line: key: what is wrong`. `batonctl reload` or SIGHUP has a running batond read them again: all of it "
	"takes\n"
	"effect, or with one mistake nothing. What a reload can't change is refused by name; that is all of the device "
	"file but\n"
	"`device.vip_dir`. VIPs and endpoints may come, go and change.\n"
	"\n"
	"## The language\n"
	"The files are [libconfig](https://hyperrealm.github.io/libconfig/)'s: `key = value;`, groups in braces, lists "
	"of groups\n"
	"in parentheses, lists of values in brackets, text in double quotes, comments after `#` or `//` or between "
	"`/*` and\n"
	"`*/`. `@include` is refused. A file is at most 1 MiB. Unknown and doubled keys are mistakes.\n"
	"\n"
	"In the tables below, `ports[].mtu` is the key `mtu` of each group in the list `ports`.\n";

static const char between[] =
	"\n## A VIP file\n"
	"Up to 1024 VIPs and pools, up to 8192 endpoints in all. Mode application with its pools and rules has a page "
	"of its\n"
	"own, [applications.md](applications.md).\n\n";

static const char tail[] =
	"\n"
	"## What is checked across keys\n"
	"- Names of ports and VIPs, devices, exception interfaces, and address + port + protocol of VIPs are unique.\n"
	"- The device's addresses (ports, `tunnel`, `snat`) are unique, of single machines, and no VIP's or host's.\n"
	"- A gateway is on one of its port's networks, or link-local.\n"
	"- A port with `replies` has another one beside it that has a gateway.\n"
	"- There are a forwarder and a classifier among the lcores; only forwarders have `tunnel` and `snat`.\n"
	"- Hosts are of their VIP's family, on a port's network or behind a gateway, and no VIP's address.\n"
	"- Mode tunnel: every forwarder has a `tunnel` address of the VIP's family for each 12500000 routes; endpoints "
	"listen on the VIP's "
	"port.\n"
	"- Mode full-nat: every forwarder has a `snat` address of the VIP's family.\n"
	"- Mode application: TCP; addresses and ports as mode tunnel. `application`, `pools` and `rules` stand in no "
	"other mode.\n"
	"- Names of a VIP's pools and rules are unique; a rule has one of `pool`, `refuse` and `answer`, its pool is "
	"there, its\n"
	"  regular expressions compile, and its conditions are of the VIP's `application.protocol`.\n"
	"- An affinity has a name if it is by cookie, header or server, and is of the VIP's `application.protocol`.\n"
	"- Warnings, which stop nothing: no VIP at all, a VIP or pool without an endpoint that may get connections, "
	"two half-nat\n"
	"  VIPs with one endpoint in common, a pool that no rule leads to, a rule behind one without conditions, "
	"`unknown = \"hash\"`\n"
	"  with pools, endpoints without a name that an affinity by server can't find.\n";

static void print(FILE *out)
{
	fputs(head, out);
	fputs("\n## The device file\n", out);
	conf_print(out, config_device_keys, CONF_PRINT_MARKDOWN);
	fputs(between, out);
	conf_print(out, config_vip_keys, CONF_PRINT_MARKDOWN);
	fputs(tail, out);
}

static int compare(const char *file)
{
	char *want = NULL, *is;
	size_t size;
	FILE *out = open_memstream(&want, &size), *in = fopen(file, "re");
	bool same;

	if (!out || !in) {
		perror(file);
		return EXIT_FAILURE;
	}
	print(out);
	fclose(out);
	is = calloc(1, size + 2);
	same = is && fread(is, 1, size + 1, in) == size && !memcmp(is, want, size);
	fclose(in);
	free(is);
	free(want);
	if (!same)
		fprintf(stderr, "%s is not what config-reference prints; print it anew\n", file);
	return same ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
	if (argc > 1)
		return compare(argv[1]);
	print(stdout);
	return EXIT_SUCCESS;
}
