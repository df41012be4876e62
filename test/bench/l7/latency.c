/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * baton-bench-latency ADDRESS PORT PATH fresh|kept REQUESTS
 *
 * One HTTP request after the other, one at a time; prints how long they took, in
 * microseconds, as JSON. fresh: from before connect() to the last byte, a new
 * connection for each. kept: from before the request to the last byte, all on one
 * connection.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>
#include <unistd.h>

#define REQUESTS_MAX 10000000
#define HEAD_MAX 4096
#define TIMEOUT_S 10

struct client {
	struct sockaddr_in to;
	char request[512];
	size_t request_len;
	int fd; /* -1: none */
};

static uint64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

static int client_open(struct client *c)
{
	struct timeval patience = { .tv_sec = TIMEOUT_S };
	int on = 1;

	c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (c->fd < 0)
		return -errno;
	setsockopt(c->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
	setsockopt(c->fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof patience);
	setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
	return connect(c->fd, (struct sockaddr *)&c->to, sizeof c->to) < 0 ? -errno : 0;
}

static void client_close(struct client *c)
{
	if (c->fd >= 0)
		close(c->fd);
	c->fd = -1;
}

/* Bytes of the body that a complete head announces, or -EPROTO. */
static long head_length(const char *head)
{
	static const char name[] = "\r\nContent-Length:";
	const char *at;

	if (strncmp(head, "HTTP/1.1 200 ", 13) != 0)
		return -EPROTO;
	at = strcasestr(head, name);
	return at ? strtol(at + sizeof name - 1, NULL, 10) : -EPROTO;
}

/* One response, all of it and no more: 0 or -errno. */
static int client_receive(struct client *c)
{
	char head[HEAD_MAX + 1], rest[65536];
	size_t have = 0;
	const char *end = NULL;
	long missing;

	while (!end) {
		ssize_t n = recv(c->fd, head + have, HEAD_MAX - have, 0);

		if (n <= 0)
			return n < 0 ? -errno : -ECONNRESET;
		have += (size_t)n;
		head[have] = '\0';
		end = strstr(head, "\r\n\r\n");
	}
	missing = head_length(head);
	if (missing < 0)
		return -EPROTO;
	missing -= (long)(have - (size_t)(end + 4 - head));
	while (missing > 0) {
		ssize_t n = recv(c->fd, rest, sizeof rest, 0);

		if (n <= 0)
			return n < 0 ? -errno : -ECONNRESET;
		missing -= n;
	}
	return missing ? -EPROTO : 0;
}

static int client_ask(struct client *c)
{
	ssize_t n = send(c->fd, c->request, c->request_len, MSG_NOSIGNAL);

	if (n != (ssize_t)c->request_len)
		return n < 0 ? -errno : -EIO;
	return client_receive(c);
}

static int measure(struct client *c, bool fresh, unsigned n, uint64_t *ret_ns)
{
	int err = 0;

	for (unsigned i = 0; i < n && err == 0; i++) {
		uint64_t start = now_ns();

		if (c->fd < 0)
			err = client_open(c);
		if (err == 0)
			err = client_ask(c);
		ret_ns[i] = now_ns() - start;
		if (fresh)
			client_close(c);
	}
	client_close(c);
	return err;
}

static int by_size(const void *a, const void *b)
{
	const uint64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

static void report(uint64_t *ns, unsigned n)
{
	qsort(ns, n, sizeof *ns, by_size);
	printf("{\"requests\": %u, \"p50_us\": %.1f, \"p90_us\": %.1f, \"p99_us\": %.1f, \"max_us\": %.1f}\n", n,
	       (double)ns[n / 2] / 1e3, (double)ns[n * 9ul / 10] / 1e3, (double)ns[n * 99ul / 100] / 1e3,
	       (double)ns[n - 1] / 1e3);
}

static int parse(char **argv, struct client *c, bool *ret_fresh, unsigned *ret_n)
{
	char *end;
	unsigned long port = strtoul(argv[2], &end, 10), n;

	if (*end || !port || port > UINT16_MAX)
		return -EINVAL;
	n = strtoul(argv[5], &end, 10);
	if (*end || !n || n > REQUESTS_MAX)
		return -EINVAL;
	*ret_fresh = strcmp(argv[4], "fresh") == 0;
	if (!*ret_fresh && strcmp(argv[4], "kept") != 0)
		return -EINVAL;
	memset(c, 0, sizeof *c);
	c->fd = -1;
	c->to.sin_family = AF_INET;
	c->to.sin_port = htons((uint16_t)port);
	if (inet_pton(AF_INET, argv[1], &c->to.sin_addr) != 1)
		return -EINVAL;
	c->request_len = (size_t)snprintf(c->request, sizeof c->request, "GET %s HTTP/1.1\r\nHost: %s\r\n%s\r\n",
					  argv[3], argv[1], *ret_fresh ? "Connection: close\r\n" : "");
	*ret_n = (unsigned)n;
	return c->request_len < sizeof c->request ? 0 : -EINVAL;
}

int main(int argc, char **argv)
{
	struct client c;
	unsigned n;
	uint64_t *ns;
	bool fresh;
	int err;

	if (argc != 6 || parse(argv, &c, &fresh, &n) < 0) {
		fprintf(stderr, "usage: baton-bench-latency ADDRESS PORT PATH fresh|kept REQUESTS\n");
		return 2;
	}
	ns = calloc(n, sizeof *ns);
	if (!ns)
		return 1;
	memset(ns, 1, n * sizeof *ns); /* no page is touched for the first time within a measurement */
	err = measure(&c, fresh, n, ns);
	if (err < 0)
		fprintf(stderr, "baton-bench-latency: %s\n", strerror(-err));
	else
		report(ns, n);
	free(ns);
	return err < 0;
}
