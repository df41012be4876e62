/* SPDX-License-Identifier: BSD-3-Clause */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <systemd/sd-daemon.h>

#include "base/log.h"
#include "batond/allotments.h"
#include "batond/batond.h"
#include "batond/hosts.h"
#include "batond/telemetry.h"

#define MAIN_ERRORS 64

/* What is started, in this order; stopped in reverse. */
static const struct main_step {
	const char *name;
	int (*start)(struct batond *b);
	void (*stop)(struct batond *b);
} main_steps[] = {
	{ "run directory", run_dir_lock, run_dir_unlock },
	{ "signals", control_start, control_stop },
	{ "DPDK", eal_start, eal_stop },
	{ "ports", ports_start, ports_stop },
	{ "exception ports", kernel_ports_open, kernel_ports_close },
	{ "lcores", lcores_create, lcores_destroy },
	{ "neighbourhood", neighbours_start, neighbours_stop },
	{ "allotments", allotments_start, allotments_stop },
	{ "overrides", publish_overrides_start, publish_overrides_stop },
	{ "traces", traces_start, traces_stop },
	{ "view", publish_start, publish_stop },
	{ "health", hosts_start, hosts_stop },
	{ "forwarding", lcores_launch, lcores_stop },
	{ "telemetry", telemetry_start, telemetry_stop },
	{ "control socket", control_socket_start, control_socket_stop },
};

#define MAIN_N_STEPS (sizeof main_steps / sizeof main_steps[0])

static void main_usage(FILE *to)
{
	fprintf(to, "usage: batond -c DEVICE_FILE [--check] [--debug]\n"
		    "  -c, --config FILE  device configuration (default /etc/baton/device.conf)\n"
		    "      --check        read and check all configuration files, start nothing\n"
		    "      --debug        log more\n"
		    "      --version      print the version\n"
		    "      --help         print this\n");
}

static struct config *main_load(const char *file)
{
	struct config_error errors[MAIN_ERRORS];
	struct config *c = NULL;
	unsigned n = 0;
	int err = config_load(file, &c, errors, MAIN_ERRORS, &n);

	for (unsigned i = 0; i < n; i++)
		fprintf(stderr, "%s\n", errors[i].text);
	if (err < 0 && !n)
		fprintf(stderr, "%s: %s\n", file, strerror(-err));
	return err < 0 ? NULL : c;
}

static int main_run(struct batond *b)
{
	size_t up = 0;
	int err = 0;

	while (up < MAIN_N_STEPS) {
		err = main_steps[up].start(b);
		if (err < 0) {
			log_error("cannot start step=\"%s\" error=\"%s\"; 'batonctl doctor' checks the machine",
				  main_steps[up].name, strerror(-err));
			break;
		}
		up++;
	}
	if (up == MAIN_N_STEPS) {
		log_info("ready device=%s ports=%u forwarders=%u classifiers=%u vips=%u", b->config->name, b->n_ports,
			 b->n_forwarders, b->n_classifiers, b->config->n_vips);
		sd_notify(0, "READY=1");
		control_run(b);
		sd_notify(0, "STOPPING=1");
		log_info("stopping");
	}
	while (up > 0)
		main_steps[--up].stop(b);
	return err;
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "config", required_argument, NULL, 'c' },
		{ "check", no_argument, NULL, 'k' },
		{ "debug", no_argument, NULL, 'd' },
		{ "version", no_argument, NULL, 'v' },
		{ "help", no_argument, NULL, 'h' },
		{ "list-counters", no_argument, NULL, 'l' },
		{ NULL, 0, NULL, 0 },
	};
	struct batond b = { .device_file = "/etc/baton/device.conf",
			    .lock_fd = -1,
			    .epoll_fd = -1,
			    .signal_fd = -1,
			    .control_socket = -1 };
	enum log_level level = LOG_LEVEL_INFO;
	bool check = false;
	int o, err;

	while ((o = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
		switch (o) {
		case 'c':
			b.device_file = optarg;
			break;
		case 'k':
			check = true;
			break;
		case 'd':
			level = LOG_LEVEL_DEBUG;
			break;
		case 'l':
			telemetry_print_counters();
			return EXIT_SUCCESS;
		case 'v':
			puts("batond " BATON_VERSION);
			return EXIT_SUCCESS;
		case 'h':
			main_usage(stdout);
			return EXIT_SUCCESS;
		default:
			main_usage(stderr);
			return EXIT_FAILURE;
		}
	}
	if (optind < argc) {
		fprintf(stderr, "batond: unexpected argument '%s'\n", argv[optind]);
		main_usage(stderr);
		return EXIT_FAILURE;
	}
	log_open("batond", level);
	b.config = main_load(b.device_file);
	if (!b.config)
		return EXIT_FAILURE;
	if (check) {
		printf("%s: ok, %u VIPs\n", b.device_file, b.config->n_vips);
		config_free(b.config);
		return EXIT_SUCCESS;
	}
	pthread_mutex_init(&b.lock, NULL);
	err = main_run(&b);
	pthread_mutex_destroy(&b.lock);
	config_free(b.config);
	return err < 0 ? EXIT_FAILURE : EXIT_SUCCESS;
}
