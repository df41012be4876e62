/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator overrides on the device that batonctl runs on. */
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/number.h"
#include "batonctl/batonctl.h"
#include "batonctl/client.h"

static int device_usage(const char *text)
{
	fprintf(stderr, "batonctl: %s\n", text);
	return BATONCTL_USAGE;
}

/* A reply of batond: "ok", or "error TEXT". */
static int device_reply(const char *reply)
{
	size_t first = strcspn(reply, "\n");

	if (first == 2 && !strncmp(reply, "ok", 2))
		return BATONCTL_OK;
	if (strncmp(reply, "error ", 6)) {
		fprintf(stderr, "batonctl: batond's reply has not the expected form\n");
		return BATONCTL_UNREACHABLE;
	}
	fprintf(stderr, "batonctl: %.*s\n", (int)first - 6, reply + 6);
	return BATONCTL_NEGATIVE;
}

static int device_ask(const struct options *o, const char *request)
{
	char why[BATONCTL_WHY_SIZE] = "", *run_dir = NULL, *reply = NULL;
	int code = BATONCTL_UNREACHABLE, err = options_run_dir(o, &run_dir, why);

	if (!err)
		err = client_control_request(run_dir, request, &reply, why);
	if (!err)
		code = device_reply(reply);
	else
		fprintf(stderr, "batonctl: %s\n", why);
	free(reply);
	free(run_dir);
	return code;
}

int device_command(const struct options *o)
{
	static const char *const verbs[] = { "drain", "undrain", NULL };
	const char *reason = o->reason ? o->reason : "";
	char request[512];
	uint64_t port = 0;

	if (o->n_words < 2 || o->n_words > 3)
		return device_usage("device wants drain or undrain, a host and perhaps a port");
	if (strcmp(o->words[0], verbs[0]) && strcmp(o->words[0], verbs[1]))
		return batonctl_unknown("word", o->words[0], verbs);
	if (o->n_words == 3 && number_parse(o->words[2], 1, UINT16_MAX, &port))
		return device_usage("the port is a number from 1 to 65535");
	if (strpbrk(o->words[1], " \n") || strchr(reason, '\n'))
		return device_usage("a host has no spaces, a reason is one line");
	if (snprintf(request, sizeof request, "%s %s %u %s", o->words[0], o->words[1], (unsigned)port, reason) >=
	    (int)sizeof request)
		return device_usage("host and reason are too long");
	return device_ask(o, request);
}
