/* SPDX-License-Identifier: BSD-3-Clause */
#include "batonctl/client.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include "batonctl/batonctl.h"

#define CLIENT_TIMEOUT_S 10 /* batond's lists are answered by busy lcores, reloads by reading many files */

static int fail(int err, char *why, const char *path, const char *hint)
{
	snprintf(why, BATONCTL_WHY_SIZE, "%.300s: %s%s", path, strerror(-err), hint);
	return err;
}

static const char *hint_of(int err, bool agent)
{
	if (err == -ENOENT || err == -ECONNREFUSED)
		return agent ? "; is baton-agent running on this host, and is this its run directory (-r)?"
			     : "; is batond running, and is this its run directory (-r, -c)?";
	return !agent && (err == -EACCES || err == -EPERM) ? "; only root and batond's own user may ask" : "";
}

static int connect_to(const char *path, bool agent, char *why)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	struct timeval timeout = { .tv_sec = CLIENT_TIMEOUT_S };
	int fd, err;

	if (strlen(path) >= sizeof to.sun_path)
		return fail(-ENAMETOOLONG, why, path, "");
	memcpy(to.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
	if (fd < 0)
		return fail(-errno, why, path, "");
	if (setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &timeout, sizeof timeout) < 0 ||
	    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof timeout) < 0 ||
	    connect(fd, (struct sockaddr *)&to, sizeof to) < 0) {
		err = fail(-errno, why, path, hint_of(-errno, agent));
		close(fd);
		return err;
	}
	return fd;
}

/* One packet as text with NUL; to be freed. */
static int receive(int fd, char **ret, size_t *ret_len, char *why)
{
	char *buf = malloc(CLIENT_REPLY_MAX + 1);
	ssize_t n;

	if (!buf)
		return fail(-ENOMEM, why, "reply", "");
	do
		n = recv(fd, buf, CLIENT_REPLY_MAX, MSG_TRUNC);
	while (n < 0 && errno == EINTR);
	if (n > 0 && n <= CLIENT_REPLY_MAX) {
		buf[n] = 0;
		*ret = buf;
		*ret_len = (size_t)n;
		return 0;
	}
	free(buf);
	if (n == 0)
		return fail(-ECONNRESET, why, "batond", " (it closed the connection)");
	if (n > 0)
		return fail(-EMSGSIZE, why, "batond's reply", "");
	if (errno == EAGAIN || errno == EWOULDBLOCK)
		return fail(-ETIMEDOUT, why, "batond", " (no answer within 10 seconds)");
	return fail(-errno, why, "batond", "");
}

static int send_text(int fd, const char *text, char *why)
{
	ssize_t n;

	do
		n = send(fd, text, strlen(text), MSG_NOSIGNAL);
	while (n < 0 && errno == EINTR);
	return n < 0 ? fail(-errno, why, "batond", "") : 0;
}

int client_telemetry_open(const char *run_dir, char *why)
{
	char path[512], *greeting;
	size_t len;
	int fd, err;

	/* the path is DPDK's: RUNTIME_DIRECTORY/dpdk/PREFIX */
	snprintf(path, sizeof path, "%.400s/dpdk/baton/dpdk_telemetry.v2", run_dir);
	fd = connect_to(path, false, why);
	if (fd < 0)
		return fd;
	/* DPDK speaks first: its version, its pid, its limit */
	err = receive(fd, &greeting, &len, why);
	if (err < 0) {
		close(fd);
		return err;
	}
	free(greeting);
	return fd;
}

static int reply_parse(const char *text, size_t len, const char *request, json_t **ret, char *why)
{
	size_t n = strcspn(request, ",");
	json_t *all, *data;
	json_error_t e;
	char command[64];

	snprintf(command, sizeof command, "%.*s", (int)n, request);
	all = json_loadb(text, len, JSON_REJECT_DUPLICATES, &e);
	if (!all) {
		snprintf(why, BATONCTL_WHY_SIZE, "%s: batond's reply is not JSON: %s", command, e.text);
		return -EPROTO;
	}
	data = json_object_get(all, command);
	if (!data || json_is_null(data)) {
		snprintf(why, BATONCTL_WHY_SIZE, "%.64s: batond does not know this request", request);
		json_decref(all);
		return -ENOENT;
	}
	*ret = json_incref(data);
	json_decref(all);
	return 0;
}

int client_telemetry_request(int fd, const char *request, json_t **ret, char *why)
{
	size_t len = 0;
	char *text = NULL;
	int err = send_text(fd, request, why);

	if (!err)
		err = receive(fd, &text, &len, why);
	if (!err)
		err = reply_parse(text, len, request, ret, why);
	free(text);
	return err;
}

int client_control_request(const char *run_dir, const char *request, char **ret, char *why)
{
	char path[512];
	size_t len;
	int fd, err;

	snprintf(path, sizeof path, "%.400s/batond.sock", run_dir);
	fd = connect_to(path, false, why);
	if (fd < 0)
		return fd;
	err = send_text(fd, request, why);
	if (!err)
		err = receive(fd, ret, &len, why);
	close(fd);
	return err;
}

/* Where the other end closed before it has read all, the kernel tells this first, once, then what it said. */
static ssize_t reply_receive(int fd, void *reply, size_t size)
{
	ssize_t n = recv(fd, reply, size, MSG_TRUNC);

	return n < 0 && errno == ECONNRESET ? recv(fd, reply, size, MSG_TRUNC) : n;
}

ssize_t client_agent_request(const char *path, const void *packet, size_t len, void *reply, size_t size, char *why)
{
	int fd = connect_to(path, true, why);
	ssize_t n;

	if (fd < 0)
		return fd;
	/* an agent that turns us away has said why, and may have closed already */
	if (send(fd, packet, len, MSG_NOSIGNAL) < 0 && errno != EPIPE && errno != ECONNRESET)
		n = fail(-errno, why, path, "");
	else if ((n = reply_receive(fd, reply, size)) <= 0)
		n = fail(n ? -errno : -ECONNRESET, why, path, " (no answer from the agent)");
	else if ((size_t)n > size)
		n = fail(-EMSGSIZE, why, path, "");
	close(fd);
	return n;
}
