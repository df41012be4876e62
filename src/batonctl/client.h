/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * batond's two sockets under its run directory: DPDK's telemetry and the
 * control socket. Both are unix sockets that keep packet borders.
 */
#ifndef BATON_BATONCTL_CLIENT_H
#define BATON_BATONCTL_CLIENT_H

#include <sys/types.h>
#include <jansson.h>

#define CLIENT_REPLY_MAX (64 * 1024) /* bytes of one reply packet */

/* Connect to the telemetry socket. A file descriptor, or -errno with the reason in why (BATONCTL_WHY_SIZE bytes). */
int client_telemetry_open(const char *run_dir, char *why);

/*
 * One request, "/baton/ports,0". 0 and *ret, the data (a new reference), or
 * -errno with the reason: -ENOENT if batond does not know the command or
 * refuses its parameters, -EPROTO if the reply is not what it should be.
 */
int client_telemetry_request(int fd, const char *request, json_t **ret, char *why);

/*
 * One request to the control socket on a connection of its own. 0 and *ret, the
 * reply's text (to be freed), or -errno with the reason.
 */
int client_control_request(const char *run_dir, const char *request, char **ret, char *why);

/*
 * One packet to the agent of a host and its answer, at most size bytes. Length of
 * the answer, or -errno with the reason.
 */
ssize_t client_agent_request(const char *path, const void *packet, size_t len, void *reply, size_t size, char *why);

#endif
