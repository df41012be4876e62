/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests to the agent of this host (baton/abi/agent_socket.h). */
#ifndef BATON_BATONCTL_HOST_H
#define BATON_BATONCTL_HOST_H

#include <stddef.h>

#include "baton/abi/agent_socket.h"
#include "batonctl/batonctl.h"

/* Complain about the command line. Returns BATONCTL_USAGE. */
int host_usage(const char *text);
/* Fill in an application as people write it. 0, or BATONCTL_USAGE after complaining. */
int host_app_set(struct baton_agent_app *to, const char *text);
/* Ask and judge: an exit code, after complaining if it is not BATONCTL_OK. Of reply (size bytes) all is checked but
 * texts. */
int host_ask(const struct options *o, struct baton_agent_request *r, struct baton_agent_reply *reply, size_t size);
/* host list, host counters. */
int host_list(const struct options *o);
int host_counters(const struct options *o);
/* trace_host.c: host trace. */
int host_trace(const struct options *o);

#endif
