/* SPDX-License-Identifier: BSD-3-Clause */
#include "fake_batond.h"

#include <assert.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

struct fake_batond {
	const struct fake_reply *replies;
	char dir[32];
	int telemetry, control, stop;
	pthread_t thread;
};

static const char greeting[] = "{\"version\": \"DPDK 22.11.0\", \"pid\": 1, \"max_output_len\": 16384}";

static int listen_on(const char *path)
{
	struct sockaddr_un at = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);

	assert(fd >= 0 && strlen(path) < sizeof at.sun_path);
	memcpy(at.sun_path, path, strlen(path) + 1);
	assert(bind(fd, (struct sockaddr *)&at, sizeof at) == 0 && listen(fd, 4) == 0);
	return fd;
}

static void answer(const struct fake_batond *f, int fd, const char *request)
{
	char unknown[1200];
	size_t n = strcspn(request, ",");

	for (const struct fake_reply *r = f->replies; r->request; r++) {
		if (strcmp(r->request, request))
			continue;
		send(fd, r->reply, strlen(r->reply), MSG_NOSIGNAL);
		return;
	}
	snprintf(unknown, sizeof unknown, "{\"%.*s\":null}", (int)n, request);
	send(fd, unknown, strlen(unknown), MSG_NOSIGNAL);
}

static void serve(const struct fake_batond *f, int listener)
{
	int fd = accept(listener, NULL, NULL);
	struct pollfd p[2] = { { .fd = fd, .events = POLLIN }, { .fd = f->stop, .events = POLLIN } };
	char request[1025];
	ssize_t n = 1;

	if (listener == f->telemetry)
		send(fd, greeting, strlen(greeting), MSG_NOSIGNAL);
	while (n > 0 && poll(p, 2, -1) > 0 && !p[1].revents) {
		n = recv(fd, request, sizeof request - 1, 0);
		if (n <= 0)
			break;
		request[n] = 0;
		answer(f, fd, request);
	}
	close(fd);
}

static void *run(void *arg)
{
	struct fake_batond *f = arg;
	struct pollfd p[3] = { { .fd = f->telemetry, .events = POLLIN },
			       { .fd = f->control, .events = POLLIN },
			       { .fd = f->stop, .events = POLLIN } };

	while (poll(p, 3, -1) > 0 && !p[2].revents)
		serve(f, p[0].revents ? f->telemetry : f->control);
	return NULL;
}

struct fake_batond *fake_batond_new(const struct fake_reply *replies)
{
	struct fake_batond *f = calloc(1, sizeof *f);
	char path[108];

	f->replies = replies;
	snprintf(f->dir, sizeof f->dir, "/tmp/baton-fake-XXXXXX");
	assert(mkdtemp(f->dir));
	snprintf(path, sizeof path, "%s/dpdk", f->dir);
	assert(mkdir(path, 0700) == 0);
	snprintf(path, sizeof path, "%s/dpdk/baton", f->dir);
	assert(mkdir(path, 0700) == 0);
	snprintf(path, sizeof path, "%s/dpdk/baton/dpdk_telemetry.v2", f->dir);
	f->telemetry = listen_on(path);
	snprintf(path, sizeof path, "%s/batond.sock", f->dir);
	f->control = listen_on(path);
	f->stop = eventfd(0, EFD_CLOEXEC);
	assert(f->stop >= 0 && pthread_create(&f->thread, NULL, run, f) == 0);
	return f;
}

const char *fake_batond_run_dir(const struct fake_batond *f)
{
	return f->dir;
}

void fake_batond_free(struct fake_batond *f)
{
	char command[64];

	eventfd_write(f->stop, 1);
	pthread_join(f->thread, NULL);
	close(f->telemetry);
	close(f->control);
	close(f->stop);
	snprintf(command, sizeof command, "rm -rf %s", f->dir);
	assert(system(command) == 0);
	free(f);
}
