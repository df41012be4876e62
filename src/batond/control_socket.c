/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Control socket RUN_DIR/batond.sock, SOCK_SEQPACKET: one request a
 * connection, one reply: "ok" or "error TEXT", then findings, a line each.
 * Only root and our own user are served (SO_PEERCRED).
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "base/log.h"
#include "batond/batond.h"
#include "batond/overrides.h"

#define CONTROL_SOCKET_ERRORS 32
#define CONTROL_SOCKET_REPLY (CONTROL_SOCKET_ERRORS * sizeof(struct config_error) + 64)
#define CONTROL_SOCKET_WAIT_MS 200

static int control_socket_path(const struct batond *b, struct sockaddr_un *ret)
{
	memset(ret, 0, sizeof *ret);
	ret->sun_family = AF_UNIX;
	if (snprintf(ret->sun_path, sizeof ret->sun_path, "%s/batond.sock", b->config->run_dir) >=
	    (int)sizeof ret->sun_path)
		return -ENAMETOOLONG;
	return 0;
}

int control_socket_start(struct batond *b)
{
	struct epoll_event e = { .events = EPOLLIN };
	struct sockaddr_un a;
	int err = control_socket_path(b, &a);

	if (err < 0)
		return err;
	b->control_socket = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (b->control_socket < 0)
		return -errno;
	unlink(a.sun_path); /* of a run that crashed; the lock keeps two of us apart */
	e.data.fd = b->control_socket;
	if (bind(b->control_socket, (struct sockaddr *)&a, sizeof a) < 0 || chmod(a.sun_path, 0600) < 0 ||
	    listen(b->control_socket, 8) < 0 || epoll_ctl(b->epoll_fd, EPOLL_CTL_ADD, b->control_socket, &e) < 0) {
		err = -errno;
		log_error("cannot listen socket=%s error=\"%s\"", a.sun_path, strerror(errno));
		close(b->control_socket);
		b->control_socket = -1;
		return err;
	}
	return 0;
}

void control_socket_stop(struct batond *b)
{
	struct sockaddr_un a;

	if (b->control_socket < 0)
		return;
	close(b->control_socket);
	b->control_socket = -1;
	if (control_socket_path(b, &a) == 0)
		unlink(a.sun_path);
}

static bool control_socket_allows(int fd)
{
	struct ucred who;
	socklen_t len = sizeof who;

	return getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &len) == 0 && (who.uid == 0 || who.uid == geteuid());
}

static void control_socket_reload(struct batond *b, char *reply, size_t size)
{
	struct config_error errors[CONTROL_SOCKET_ERRORS];
	unsigned n;
	int err = reload_apply(b, errors, CONTROL_SOCKET_ERRORS, &n);
	size_t at;

	if (err < 0)
		at = (size_t)snprintf(reply, size, "error configuration refused, nothing changed\n");
	else
		at = (size_t)snprintf(reply, size, "ok\n");
	for (unsigned i = 0; i < n && at < size; i++)
		at += (size_t)snprintf(reply + at, size - at, "%s\n", errors[i].text);
}

/* An address, or the name of an endpoint in the configuration. */
static bool control_socket_host(const struct batond *b, const char *text, struct baton_addr *ret)
{
	if (baton_addr_parse(text, ret) == 0)
		return true;
	for (unsigned i = 0; i < b->view->n_endpoints; i++) {
		const struct view_endpoint *e = &b->view->endpoints[i];

		if (!e->family || e->retired || strcmp(b->view->endpoint_names[i], text))
			continue;
		memset(ret, 0, sizeof *ret);
		memcpy(ret->b, e->addr, sizeof ret->b);
		ret->family = e->family;
		return true;
	}
	return false;
}

/* "drain HOST PORT [REASON]", "undrain HOST PORT"; port 0: all. */
static void control_socket_drain(struct batond *b, const char *request, char *reply, size_t size)
{
	bool drain = !strncmp(request, "drain ", 6);
	char name[BATON_ADDR_TEXT_MAX];
	struct baton_addr host;
	unsigned port;
	int at = 0, err;

	if (sscanf(strchr(request, ' '), "%63s %u %n", name, &port, &at) < 2 || port > UINT16_MAX) {
		snprintf(reply, size, "error wanted: drain HOST PORT [REASON], undrain HOST PORT\n");
		return;
	}
	if (!control_socket_host(b, name, &host)) {
		snprintf(reply, size, "error %s is no address and no endpoint's name\n", name);
		return;
	}
	err = drain ? overrides_drain(b->overrides, &host, (uint16_t)port, strchr(request, ' ') + at)
		    : overrides_undrain(b->overrides, &host, (uint16_t)port);
	b->view_due = true;
	if (err == -ENOENT)
		snprintf(reply, size, "error %s was not drained here\n", name);
	else if (err == -EINVAL)
		snprintf(reply, size, "error reason: at most %d bytes, no quotes or control characters\n",
			 OVERRIDE_REASON_MAX - 1);
	else if (err < 0)
		snprintf(reply, size, "error %s\n", strerror(-err));
	else
		snprintf(reply, size, "ok\n");
	log_info("%s", request);
}

static void control_socket_answer(struct batond *b, int fd)
{
	struct timeval wait = { .tv_usec = CONTROL_SOCKET_WAIT_MS * 1000 };
	char request[512], reply[CONTROL_SOCKET_REPLY];
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &wait, sizeof wait);
	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &wait, sizeof wait);
	n = recv(fd, request, sizeof request - 1, 0);
	if (n <= 0)
		return;
	request[n] = 0;
	request[strcspn(request, "\n")] = 0;
	if (!control_socket_allows(fd))
		snprintf(reply, sizeof reply, "error not allowed: be root or the user batond runs as\n");
	else if (!strcmp(request, "reload"))
		control_socket_reload(b, reply, sizeof reply);
	else if (!strncmp(request, "drain ", 6) || !strncmp(request, "undrain ", 8))
		control_socket_drain(b, request, reply, sizeof reply);
	else
		snprintf(reply, sizeof reply, "error unknown request\n");
	if (send(fd, reply, strlen(reply), MSG_NOSIGNAL) < 0)
		log_warning("no answer to batonctl error=\"%s\"", strerror(errno));
}

void control_socket_serve(struct batond *b)
{
	int fd = accept4(b->control_socket, NULL, NULL, SOCK_CLOEXEC);

	if (fd < 0)
		return;
	control_socket_answer(b, fd);
	close(fd);
}
