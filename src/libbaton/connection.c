/* SPDX-License-Identifier: BSD-3-Clause */
/* Talking to the agent: connect, send, receive, wait. */
#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "libbaton/internal.h"

#define RETRY_MS 200 /* an agent that comes back waits a little longer than this for its applications */

static void timer_set(struct baton_client *c, uint32_t ms)
{
	struct itimerspec t = { .it_value = { .tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000 } };

	timerfd_settime(c->timer_fd, 0, &t, NULL);
}

void client_beat(struct baton_client *c)
{
	timer_set(c, c->beat_ms);
}

void client_disconnect(struct baton_client *c, int err)
{
	close(c->socket_fd); /* leaves the epoll set by itself */
	c->socket_fd = -1;
	c->state = err;
	c->blocked = c->alive_due = c->confirmed = false;
	for (int i = 0; i < BATON_CLIENT_MAX_APPLICATIONS; i++) {
		struct client_app *a = &c->apps[i];

		if (a->leaving) /* nobody knows it any more */
			a->used = a->leaving = false;
		a->unsent = a->used;
		a->waiting = a->told = false;
		if (err == -ENOTCONN)
			a->error = -EINPROGRESS;
	}
	timer_set(c, RETRY_MS);
}

static int socket_open(const char *path)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX };
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	int err;

	if (fd < 0)
		return -errno;
	memcpy(to.sun_path, path, strlen(path) + 1);
	if (connect(fd, (struct sockaddr *)&to, sizeof to)) {
		err = -errno;
		close(fd);
		return err;
	}
	return fd;
}

void client_connect(struct baton_client *c)
{
	struct epoll_event e = { .events = EPOLLIN };
	int fd = socket_open(c->path);

	if (fd >= 0) {
		e.data.fd = fd;
		if (epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, fd, &e)) {
			close(fd);
			fd = -1;
		}
	}
	if (fd < 0) {
		c->state = fd == -EACCES ? -EACCES : -ENOTCONN;
		timer_set(c, RETRY_MS);
		return;
	}
	c->socket_fd = fd;
	client_beat(c);
}

bool client_unsent(const struct baton_client *c)
{
	for (int i = 0; i < BATON_CLIENT_MAX_APPLICATIONS; i++)
		if (c->apps[i].used && c->apps[i].unsent && !c->apps[i].waiting)
			return true;
	return c->alive_due;
}

/* Whether the socket took it. */
static bool request_send(struct baton_client *c, struct baton_agent_request *r)
{
	r->tag = htonl(++c->next_tag);
	if (send(c->socket_fd, r, sizeof *r, MSG_NOSIGNAL) == (ssize_t)sizeof *r)
		return true;
	if (errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS)
		c->blocked = true;
	else if (errno != EPIPE && errno != ECONNRESET) /* closed: what the agent said last may still be read */
		client_disconnect(c, -ENOTCONN);
	return false;
}

static bool app_send(struct baton_client *c, struct client_app *a)
{
	if (!request_send(c, &a->request))
		return false;
	a->tag = c->next_tag;
	a->unsent = false;
	a->waiting = true;
	return true;
}

static void interest_set(struct baton_client *c)
{
	struct epoll_event e = { .events = EPOLLIN | (c->blocked ? (uint32_t)EPOLLOUT : 0), .data.fd = c->socket_fd };

	if (c->socket_fd >= 0)
		epoll_ctl(c->epoll_fd, EPOLL_CTL_MOD, c->socket_fd, &e);
}

void client_send(struct baton_client *c)
{
	struct baton_agent_request alive = { .magic = htons(BATON_AGENT_MAGIC),
					     .version = BATON_AGENT_VERSION,
					     .type = BATON_AGENT_ALIVE };

	c->blocked = false;
	for (int i = 0; i < BATON_CLIENT_MAX_APPLICATIONS; i++) {
		struct client_app *a = &c->apps[i];

		/* one question at a time, so that a late answer is never taken for a newer one's */
		if (a->used && a->unsent && !a->waiting && !app_send(c, a))
			break;
	}
	if (c->alive_due && c->socket_fd >= 0 && !c->blocked && request_send(c, &alive))
		c->alive_due = false;
	interest_set(c);
}

static void reply_take(struct baton_client *c, const struct baton_agent_reply *r)
{
	c->state = 0;
	c->confirmed = true;
	for (int i = 0; i < BATON_CLIENT_MAX_APPLICATIONS; i++) {
		struct client_app *a = &c->apps[i];

		if (!a->used || !a->waiting || a->tag != ntohl(r->tag))
			continue;
		a->waiting = false;
		if (a->leaving && a->unsent)
			return; /* the answer to what was said before */
		if (r->type == BATON_AGENT_APP_DEL && a->leaving) {
			a->used = a->leaving = false;
			return;
		}
		a->told = a->told || !r->error;
		a->error = a->unsent ? -EINPROGRESS : -(int)ntohl(r->error);
		memcpy(a->text, r->text, sizeof a->text);
		a->text[sizeof a->text - 1] = 0;
		return;
	}
}

static bool reply_valid(const struct baton_agent_reply *r, ssize_t n)
{
	return n == (ssize_t)sizeof *r && r->magic == htons(BATON_AGENT_MAGIC) && r->version == BATON_AGENT_VERSION &&
	       ntohl(r->error) < 4096;
}

void client_receive(struct baton_client *c)
{
	struct baton_agent_reply r;
	ssize_t n;

	while (c->socket_fd >= 0) {
		n = recv(c->socket_fd, &r, sizeof r, MSG_TRUNC);
		if (n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR))
			return;
		/* closed before it has read all we sent: the kernel tells this first, once, then what it said */
		if (n < 0 && errno == ECONNRESET)
			continue;
		if (n <= 0) {
			client_disconnect(c, -ENOTCONN);
		} else if (!reply_valid(&r, n)) {
			client_disconnect(c, -EPROTO);
		} else if (r.error && r.type == BATON_AGENT_N_REQUESTS) {
			client_disconnect(c, -(int)ntohl(r.error)); /* the agent's word at the door */
		} else {
			reply_take(c, &r);
		}
	}
}

/* Whether this timer has run out since it was last read. */
static bool timer_ended(int fd)
{
	uint64_t n;

	return read(fd, &n, sizeof n) == (ssize_t)sizeof n;
}

int baton_client_process(struct baton_client *c)
{
	bool ended = timer_ended(c->timer_fd);

	if (timer_ended(c->count_fd))
		client_count(c);
	if (c->socket_fd < 0 && ended)
		client_connect(c);
	else if (c->socket_fd >= 0 && ended)
		c->alive_due = c->beat_ms != 0;
	if (c->socket_fd < 0)
		return c->state;
	client_receive(c);
	if (c->socket_fd >= 0)
		client_send(c);
	if (c->socket_fd >= 0 && ended)
		client_beat(c);
	return c->socket_fd >= 0 ? 0 : c->state;
}

static int first_refusal(const struct baton_client *c)
{
	for (int i = 0; i < BATON_CLIENT_MAX_APPLICATIONS; i++)
		if (c->apps[i].used && c->apps[i].error && c->apps[i].error != -EINPROGRESS)
			return c->apps[i].error;
	return 0;
}

static int64_t now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int baton_client_wait(struct baton_client *c, int timeout_ms)
{
	int64_t end_ms = now_ms() + timeout_ms;

	for (;;) {
		struct pollfd p = { .fd = c->epoll_fd, .events = POLLIN };
		int64_t left_ms = end_ms - now_ms();

		baton_client_process(c);
		if (baton_client_settled(c))
			return first_refusal(c);
		if (timeout_ms >= 0 && left_ms <= 0)
			return -ETIMEDOUT;
		if (poll(&p, 1, timeout_ms < 0 ? -1 : (int)left_ms) < 0)
			return -errno;
	}
}
