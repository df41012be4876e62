/* SPDX-License-Identifier: BSD-3-Clause */
#include "wire/link.h"

#include <errno.h>
#include <nanomsg/bus.h>
#include <nanomsg/nn.h>
#include <nanomsg/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define RECONNECT_MS 100 /* first pause; doubled by the library up to: */
#define RECONNECT_MAX_MS 2000
#define SOCKET_BUFFER 262144 /* a burst of a few whole tables; the kernel may give less */
#define URL_MAX 80

struct link {
	int socket;
	int end; /* the library's id of the one end, or -1 */
	bool connects;
	int ready_fd;
	char url[URL_MAX];
	struct link_counters counters;
};

static int link_option(const struct link *l, int level, int option, int value)
{
	return nn_setsockopt(l->socket, level, option, &value, sizeof value) < 0 ? -errno : 0;
}

static int link_set_options(const struct link *l)
{
	static const struct {
		int level, option, value;
	} options[] = {
		{ NN_SOL_SOCKET, NN_RCVMAXSIZE, LINK_FRAME_MAX },
		{ NN_SOL_SOCKET, NN_SNDBUF, SOCKET_BUFFER },
		{ NN_SOL_SOCKET, NN_RCVBUF, SOCKET_BUFFER },
		{ NN_SOL_SOCKET, NN_RECONNECT_IVL, RECONNECT_MS },
		{ NN_SOL_SOCKET, NN_RECONNECT_IVL_MAX, RECONNECT_MAX_MS },
		{ NN_SOL_SOCKET, NN_LINGER, 0 }, /* the library does not wait anyway since 1.0 */
		{ NN_TCP, NN_TCP_NODELAY, 1 },
	};
	int err = 0;

	for (size_t i = 0; !err && i < sizeof options / sizeof *options; i++)
		err = link_option(l, options[i].level, options[i].option, options[i].value);
	return err;
}

static int link_open_socket(struct link *l)
{
	size_t size = sizeof l->ready_fd;
	int err;

	l->socket = nn_socket(AF_SP, NN_BUS);
	if (l->socket < 0)
		return -errno;
	err = link_set_options(l);
	if (!err && nn_getsockopt(l->socket, NN_SOL_SOCKET, NN_RCVFD, &l->ready_fd, &size) < 0)
		err = -errno;
	if (err)
		nn_close(l->socket);
	return err;
}

int link_open(struct link **ret)
{
	struct link *l = calloc(1, sizeof *l);
	int err;

	if (!l)
		return -ENOMEM;
	l->end = -1;
	err = link_open_socket(l);
	if (err)
		free(l);
	else
		*ret = l;
	return err;
}

void link_close(struct link *l)
{
	if (!l)
		return;
	nn_close(l->socket);
	free(l);
}

/* The library's name of an address into l->url; sets whether it may be IPv6. */
static int link_set_url(struct link *l, const struct baton_addr *addr, uint16_t port)
{
	static const struct baton_addr nowhere;
	char text[BATON_ADDR_TEXT_MAX];
	bool v6 = addr->family == BATON_IPV6;

	if ((!v6 && addr->family != BATON_IPV4) || !port || !memcmp(addr->b, nowhere.b, sizeof addr->b))
		return -EINVAL;
	if (l->end >= 0)
		return -EISCONN;
	baton_addr_format(addr, text, sizeof text);
	snprintf(l->url, sizeof l->url, v6 ? "tcp://[%s]:%u" : "tcp://%s:%u", text, port);
	return link_option(l, NN_SOL_SOCKET, NN_IPV4ONLY, !v6);
}

int link_bind(struct link *l, const struct baton_addr *addr, uint16_t port)
{
	int err = link_set_url(l, addr, port);

	if (err)
		return err;
	l->end = nn_bind(l->socket, l->url);
	l->connects = false;
	return l->end < 0 ? -errno : 0;
}

int link_connect(struct link *l, const struct baton_addr *addr, uint16_t port)
{
	int err = link_set_url(l, addr, port);

	if (err)
		return err;
	l->end = nn_connect(l->socket, l->url);
	l->connects = true;
	return l->end < 0 ? -errno : 0;
}

int link_reconnect(struct link *l)
{
	if (!l->connects)
		return -ENOTCONN;
	/* a failed connect has left no end behind: there is only the new one to make */
	if (l->end >= 0 && nn_shutdown(l->socket, l->end) < 0)
		return -errno;
	l->counters.reconnects++;
	l->end = nn_connect(l->socket, l->url);
	return l->end < 0 ? -errno : 0;
}

int link_send(struct link *l, const uint8_t *frame, size_t len)
{
	if (len > LINK_FRAME_MAX) {
		l->counters.send_refused++;
		return -EMSGSIZE;
	}
	if (nn_send(l->socket, frame, len, NN_DONTWAIT) < 0) {
		l->counters.send_refused++;
		return -errno;
	}
	l->counters.sent++;
	return 0;
}

ssize_t link_receive(struct link *l, uint8_t *buf, size_t size)
{
	int n;

	/* the library would cut a frame to the room there is, and tell its whole length */
	if (size < LINK_FRAME_MAX)
		return -EINVAL;
	n = nn_recv(l->socket, buf, size, NN_DONTWAIT);
	if (n < 0) {
		int err = errno;

		if (err != EAGAIN)
			l->counters.receive_failed++;
		return -err;
	}
	l->counters.received++;
	return n;
}

int link_fd(const struct link *l)
{
	return l->ready_fd;
}

const struct link_counters *link_counters(const struct link *l)
{
	return &l->counters;
}

void link_connections(const struct link *l, struct link_connections *ret)
{
	ret->current = nn_get_statistic(l->socket, NN_STAT_CURRENT_CONNECTIONS);
	ret->accepted = nn_get_statistic(l->socket, NN_STAT_ACCEPTED_CONNECTIONS);
	ret->established = nn_get_statistic(l->socket, NN_STAT_ESTABLISHED_CONNECTIONS);
	ret->broken = nn_get_statistic(l->socket, NN_STAT_BROKEN_CONNECTIONS);
	ret->dropped = nn_get_statistic(l->socket, NN_STAT_DROPPED_CONNECTIONS);
	ret->accept_errors = nn_get_statistic(l->socket, NN_STAT_ACCEPT_ERRORS);
}
