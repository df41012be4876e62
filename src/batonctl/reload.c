/* SPDX-License-Identifier: BSD-3-Clause */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "batonctl/batonctl.h"
#include "batonctl/client.h"

/* First line "ok" or "error ...", findings behind it. */
static int reply_print(const char *reply)
{
	size_t first = strcspn(reply, "\n");
	const char *rest = reply + first + (reply[first] == '\n');
	bool ok = first == 2 && !strncmp(reply, "ok", 2);

	if (!ok && strncmp(reply, "error", 5)) {
		fprintf(stderr, "batonctl: batond's reply has not the expected form\n");
		return BATONCTL_UNREACHABLE;
	}
	if (*rest)
		fprintf(stderr, "%s%s", rest, rest[strlen(rest) - 1] == '\n' ? "" : "\n");
	if (ok)
		puts("reloaded");
	else
		fprintf(stderr, "batonctl: not reloaded, the old configuration goes on:%.*s\n", (int)first - 5,
			reply + 5);
	return ok ? BATONCTL_OK : BATONCTL_NEGATIVE;
}

int reload_command(const struct options *o)
{
	char why[BATONCTL_WHY_SIZE] = "", *run_dir = NULL, *reply = NULL;
	int code = BATONCTL_UNREACHABLE, err = options_run_dir(o, &run_dir, why);

	if (!err)
		err = client_control_request(run_dir, "reload", &reply, why);
	if (!err)
		code = reply_print(reply);
	else
		fprintf(stderr, "batonctl: %s\n", why);
	free(reply);
	free(run_dir);
	return code;
}
