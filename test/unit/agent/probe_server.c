/* SPDX-License-Identifier: BSD-3-Clause */
#include "probe_server.h"

#include <arpa/inet.h>
#include <errno.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define MESON_SKIP 77

static void require(int good, const char *what)
{
	if (good)
		return;
	perror(what);
	exit(1);
}

void probe_server_namespace(void)
{
	struct ifreq lo = { .ifr_name = "lo", .ifr_flags = IFF_UP };
	int fd;

	if (unshare(CLONE_NEWNET)) {
		perror("unshare");
		exit(MESON_SKIP);
	}
	fd = socket(AF_INET, SOCK_DGRAM, 0);
	require(fd >= 0 && !ioctl(fd, SIOCSIFFLAGS, &lo), "lo up");
	close(fd);
}

void probe_server_open(struct probe_server *s)
{
	struct sockaddr_in a = { .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof a;

	memset(s, 0, sizeof *s);
	memset(s->clients, -1, sizeof s->clients);
	s->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	require(s->listener >= 0 && !bind(s->listener, (struct sockaddr *)&a, sizeof a) && !listen(s->listener, 64) &&
			!getsockname(s->listener, (struct sockaddr *)&a, &len),
		"listener");
	s->port = ntohs(a.sin_port);
}

static void client_step(struct probe_server *s, int *fd)
{
	ssize_t n = recv(*fd, s->request, sizeof s->request - 1, MSG_DONTWAIT);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0) {
		s->request[n] = 0;
		s->n_served++;
		if (!s->answer)
			return;
		send(*fd, s->answer, strlen(s->answer), MSG_NOSIGNAL);
	}
	close(*fd);
	*fd = -1;
}

void probe_server_step(struct probe_server *s)
{
	for (unsigned i = 0; i < sizeof s->clients / sizeof *s->clients; i++) {
		if (s->clients[i] < 0)
			s->clients[i] = accept4(s->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
		if (s->clients[i] >= 0)
			client_step(s, &s->clients[i]);
	}
}

void probe_server_close(struct probe_server *s)
{
	for (unsigned i = 0; i < sizeof s->clients / sizeof *s->clients; i++)
		if (s->clients[i] >= 0)
			close(s->clients[i]);
	close(s->listener);
}
