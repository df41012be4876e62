/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <string.h>

#include "batonctl/batonctl.h"
#include "batonctl/show.h"

static int help_command(const struct options *o);

static const struct command {
	const char *name;
	int (*run)(const struct options *o);
	const char *usage;
	const char *help;
} commands[] = {
	{ "show", show_command, "show WHAT [--json] [--limit N] [filters]",
	  "Print a table, or with --json an array of objects. Lists stop at 1000 rows unless --limit says otherwise "
	  "(0: no limit)." },
	{ "watch", watch_command, "watch [WHAT...] [-n SECONDS]",
	  "Show tables again and again, counters as growth per second. q or Ctrl-C ends it." },
	{ "reload", reload_command, "reload",
	  "Have batond read its configuration again. A mistake in it changes nothing and is printed." },
	{ "doctor", doctor_command, "doctor [-c FILE]",
	  "Check whether this machine is ready for batond with this device file, and say what to do." },
	{ "check", check_command, "check [FILE]",
	  "Check a device file and its VIP files without batond; prints every finding." },
	{ "device", device_command, "device drain|undrain HOST [PORT] [--reason TEXT]",
	  "On a device: send no new connections to HOST (address, or an endpoint's name), or to one PORT of it, from "
	  "this device alone; kept over a restart. show endpoints tells the reason." },
	{ "host", host_command, "host list|counters|trace|add|set|health|del [APP] [healthy|failing|unknown|auto]",
	  "On a host: show what runs here and how it is, or tell it: add or set APP with --capacity N, --load PERCENT; "
	  "health APP with --reason TEXT, auto: as others say; del APP; trace CLIENT[:PORT] [--seconds N] [--json]. "
	  "APP is tcp/VIP:PORT[@HOST:PORT][#SPECIFIC]." },
	{ "drain", drain_command, "drain HOST [APP] [--reason TEXT] [--inactive]",
	  "On a host: no new connections for all of it, or for APP; with --inactive established ones end as well." },
	{ "undrain", undrain_command, "undrain HOST [APP]", "On a host: take a drain back." },
	{ "trace", trace_command, "trace CLIENT[:PORT] [--seconds N] [--json]",
	  "On a device: what happens to a client's connections, step by step, until Ctrl-C. CLIENT is an address or a "
	  "prefix; with IPv6 and a port it is [CLIENT]:PORT. host trace tells the same on a host." },
	{ "help", help_command, "help [COMMAND]", "Explain." },
	{ 0 },
};

static const struct command *command_find(const char *name)
{
	for (const struct command *c = commands; c->name; c++)
		if (!strcmp(c->name, name))
			return c;
	return NULL;
}

static const char *const *command_names(void)
{
	static const char *names[sizeof commands / sizeof *commands];

	for (unsigned i = 0; commands[i].name; i++)
		names[i] = commands[i].name;
	return names;
}

static void help_all(void)
{
	printf("batonctl: look at and steer batond\n\n");
	for (const struct command *c = commands; c->name; c++)
		printf("  batonctl %s\n      %s\n", c->usage, c->help);
	printf("\nWhat to show:\n");
	for (const struct show_thing *t = show_things; t->name; t++)
		printf("  %-12s %s\n", t->name, t->help);
	printf("\nOptions:\n"
	       "  -c, --config FILE   device file; tells where batond's sockets are (default /etc/baton/device.conf)\n"
	       "  -r, --run-dir DIR   batond's run directory (default: what the device file says, else /run/baton)\n"
	       "      --json          show: an array of objects with all fields\n"
	       "      --limit N       show: so many rows at most (default 1000, 0: all)\n"
	       "      --count         show routes: how many, by forwarder and family\n"
	       "      --all           show drops: also reasons that never occurred\n"
	       "      --client ADDRESS, --vip NAME, --host ADDRESS\n"
	       "                      show routes, show endpoints: only those\n"
	       "      --reason TEXT, --capacity N, --load PERCENT, --inactive\n"
	       "                      host, drain: what to tell the agent, whose run directory is -r (default "
	       "/run/baton-agent)\n"
	       "      --seconds N         trace: end after so many\n"
	       "  -n, --interval N    watch: seconds between two looks (default 1)\n"
	       "\nExit codes: 0 done; 1 refused, or a check found a fault; 2 wrong command line; 3 no answer from "
	       "batond or the agent.\n");
}

static int help_command(const struct options *o)
{
	const struct command *c;

	if (!o->n_words) {
		help_all();
		return BATONCTL_OK;
	}
	c = command_find(o->words[0]);
	if (!c)
		return batonctl_unknown("command", o->words[0], command_names());
	printf("batonctl %s\n    %s\n", c->usage, c->help);
	for (const struct show_thing *t = show_things; c->run != reload_command && t->name; t++)
		if (c->run == show_command || c->run == watch_command)
			printf("      %-12s %s\n", t->name, t->help);
	return BATONCTL_OK;
}

static bool takes_words(const struct command *c)
{
	return c->run != reload_command && c->run != doctor_command;
}

int main(int argc, char **argv)
{
	char why[BATONCTL_WHY_SIZE] = "";
	const struct command *c;
	struct options o;

	if (options_parse(argc, argv, &o, why) < 0) {
		fprintf(stderr, "batonctl: %s\n", why);
		return BATONCTL_USAGE;
	}
	if (o.version) {
		printf("batonctl %s\n", BATON_VERSION);
		return BATONCTL_OK;
	}
	if (o.help || !o.command) {
		help_all();
		return o.help ? BATONCTL_OK : BATONCTL_USAGE;
	}
	c = command_find(o.command);
	if (!c)
		return batonctl_unknown("command", o.command, command_names());
	if (o.n_words && !takes_words(c)) {
		fprintf(stderr, "batonctl: %s takes no further word, not \"%.64s\"\n", c->name, o.words[0]);
		return BATONCTL_USAGE;
	}
	return c->run(&o);
}
