/* SPDX-License-Identifier: BSD-3-Clause */
/* An application that is healthy and tells an agent so until it is killed; prints what the agent answers. */
#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "baton/client.h"

struct wanted {
	struct baton_application app;
	int load;           /* -1: not told */
	unsigned n_workers; /* 0: requests are not counted */
	unsigned n_running; /* requests that never end */
	uint32_t service_us;
};

static int arguments_parse(int argc, char **argv, struct wanted *w)
{
	static const struct option longs[] = {
		{ "vip", required_argument, NULL, 'v' },     { "port", required_argument, NULL, 'p' },
		{ "load", required_argument, NULL, 'l' },    { "capacity", required_argument, NULL, 'c' },
		{ "silence", required_argument, NULL, 's' }, { "workers", required_argument, NULL, 'w' },
		{ "running", required_argument, NULL, 'n' }, { "service", required_argument, NULL, 'u' },
		{ "remove", no_argument, NULL, 'r' },        { 0 },
	};
	int c;

	while ((c = getopt_long(argc, argv, "", longs, NULL)) != -1) {
		long n = optarg ? strtol(optarg, NULL, 10) : 0;

		if (c == 'v')
			w->app.vip = optarg;
		else if (c == 'p')
			w->app.vip_port = (uint16_t)n;
		else if (c == 'l')
			w->load = (int)n;
		else if (c == 'c')
			w->app.capacity = (int)n;
		else if (c == 's')
			w->app.silence_ms = (uint32_t)n;
		else if (c == 'w')
			w->n_workers = (unsigned)n;
		else if (c == 'n')
			w->n_running = (unsigned)n;
		else if (c == 'u')
			w->service_us = (uint32_t)n;
		else if (c == 'r')
			w->app.on_exit = BATON_ON_EXIT_REMOVE;
		else
			return -EINVAL;
	}
	return optind == argc - 1 ? 0 : -EINVAL;
}

/* Each news once. */
static void news_print(const struct baton_client *c, int id, int state)
{
	static int last_state = 1, last_error = 1;
	const char *text;
	int err = baton_client_error(c, id, &text);

	if (state != last_state)
		printf("agent: %s\n", strerror(-state));
	if (err != last_error)
		printf("application: %s %s\n", strerror(-err), text);
	fflush(stdout);
	last_state = state;
	last_error = err;
}

static int run(struct baton_client *c, const struct wanted *w)
{
	int id = baton_client_add(c, &w->app);

	if (id < 0 || baton_client_health(c, id, BATON_HEALTHY, "runs") ||
	    (w->load >= 0 && baton_client_load(c, id, (unsigned)w->load)) ||
	    (w->n_workers && baton_client_workers(c, id, w->n_workers, w->service_us)))
		return 1;
	for (unsigned i = 0; i < w->n_running; i++)
		if (baton_client_request_begin(c, id))
			return 1;
	for (;;) {
		struct pollfd p = { .fd = baton_client_fd(c), .events = POLLIN };

		if (poll(&p, 1, -1) < 0 && errno != EINTR)
			return 1;
		news_print(c, id, baton_client_process(c));
	}
}

int main(int argc, char **argv)
{
	struct wanted w = { .app.capacity = -1, .load = -1 };
	struct baton_client *c;
	int status;

	if (arguments_parse(argc, argv, &w) || baton_client_new(argv[optind], &c))
		return 2;
	status = run(c, &w);
	baton_client_free(c);
	return status;
}
