/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/local_socket.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include "agent/local_packet.h"
#include "agent/local_policy.h"
#include "base/clock.h"

#define LOCAL_BACKLOG 64
#define LOCAL_TURN 16      /* packets or connections of one wake-up */
#define LOCAL_PAUSE_MS 200 /* without descriptors left */

struct local_client {
	struct loop_watch watch; /* first */
	struct local_socket *server;
	struct local_peer peer;
	struct local_client *prev, *next;
	size_t reply_len; /* not 0: the client has not taken it yet */
	uint8_t reply[BATON_AGENT_REPLY_MAX] __attribute__((aligned(8)));
};

struct local_socket {
	struct loop_watch watch; /* first */
	struct loop_timer silence, pause;
	struct loop *loop;
	const struct agent_config *config;
	struct local_desk *desk;
	struct local_client *clients;
	unsigned n_clients;
	uint32_t next_number;
	struct sockaddr_un address;
	uint64_t counters[LOCAL_N_COUNTERS];
};

static const struct {
	const char *name, *text;
} counter_words[LOCAL_N_COUNTERS] = {
#define X(NAME, name, text) [LOCAL_COUNTER_##NAME] = { #name, text },
	LOCAL_COUNTERS(X)
#undef X
};

const char *local_counter_name(enum local_counter c)
{
	return counter_words[c].name;
}

const char *local_counter_text(enum local_counter c)
{
	return counter_words[c].text;
}

const uint64_t *local_socket_counters(const struct local_socket *s)
{
	return s->counters;
}

static void silence_watch(struct local_socket *s, uint64_t now_ns)
{
	uint64_t at_ns = local_desk_tick(s->desk, now_ns);

	if (at_ns == UINT64_MAX)
		loop_timer_del(s->loop, &s->silence);
	else
		loop_timer_set(s->loop, &s->silence, at_ns);
}

static void silence_due(struct loop_timer *t, uint64_t now_ns)
{
	silence_watch((struct local_socket *)((char *)t - offsetof(struct local_socket, silence)), now_ns);
}

static void client_end(struct local_client *c)
{
	struct local_socket *s = c->server;

	local_desk_leave(s->desk, &c->peer);
	loop_unwatch(s->loop, &c->watch);
	close(c->watch.fd);
	if (c->prev)
		c->prev->next = c->next;
	else
		s->clients = c->next;
	if (c->next)
		c->next->prev = c->prev;
	s->n_clients--;
	free(c);
}

/* 0: taken; 1: the client has to read first; -errno. */
static int reply_send(struct local_client *c)
{
	if (send(c->watch.fd, c->reply, c->reply_len, MSG_NOSIGNAL | MSG_DONTWAIT) >= 0) {
		c->reply_len = 0;
		return 0;
	}
	return errno == EAGAIN || errno == EWOULDBLOCK || errno == ENOBUFS ? 1 : -errno;
}

/* One packet. 0: go on; 1: nothing there, or the client has to read first; -errno: the end. */
static int client_serve(struct local_client *c, uint64_t now_ns)
{
	uint8_t packet[sizeof(struct baton_agent_request) + 1] __attribute__((aligned(8)));
	struct local_socket *s = c->server;
	ssize_t n = recv(c->watch.fd, packet, sizeof packet, MSG_DONTWAIT);
	int r;

	if (n < 0)
		return errno == EAGAIN || errno == EWOULDBLOCK || errno == EINTR ? 1 : -errno;
	if (n == 0)
		return -ECONNRESET;
	c->reply_len = local_desk_serve(s->desk, &c->peer, packet, (size_t)n, now_ns, c->reply);
	if (!c->reply_len) {
		s->counters[LOCAL_COUNTER_HUNG_UP]++;
		return -EPROTO;
	}
	s->counters[LOCAL_COUNTER_REQUESTS]++;
	r = reply_send(c);
	if (r == 1) {
		s->counters[LOCAL_COUNTER_STALLED]++;
		if (loop_watch(s->loop, &c->watch, EPOLLOUT))
			return -EIO;
	}
	return r;
}

static void client_ready(struct loop_watch *w, uint32_t events)
{
	struct local_client *c = (struct local_client *)w;
	struct local_socket *s = c->server;
	uint64_t now_ns = clock_monotonic_ns();
	int r = 0;

	if (c->reply_len) {
		r = reply_send(c);
		if (r == 0 && loop_watch(s->loop, w, EPOLLIN))
			r = -EIO;
		if (r == 1 && events & (EPOLLHUP | EPOLLERR))
			r = -ECONNRESET;
	}
	for (int i = 0; i < LOCAL_TURN && r == 0; i++)
		r = client_serve(c, now_ns);
	if (r < 0)
		client_end(c);
	silence_watch(s, now_ns);
}

/* Say why and hang up. */
static void turn_away(int fd, int err, const char *text)
{
	struct local_request none = { .type = BATON_AGENT_N_REQUESTS };
	struct baton_agent_reply reply;

	local_reply_begin(&reply, &none, err, text);
	/* it goes or it doesn't: the other end sees the connection close anyway */
	if (send(fd, &reply, sizeof reply, MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
		errno = 0;
	close(fd);
}

static unsigned clients_of(const struct local_socket *s, uid_t uid)
{
	unsigned n = 0;

	for (const struct local_client *c = s->clients; c; c = c->next)
		n += c->peer.uid == uid;
	return n;
}

static bool room_for(const struct local_socket *s, uid_t uid)
{
	unsigned max = (unsigned)s->config->health.max_clients;

	return s->n_clients < max && (uid == 0 || clients_of(s, uid) < (max + 1) / 2);
}

static int client_new(struct local_socket *s, int fd, const struct local_credentials *who)
{
	struct local_client *c = calloc(1, sizeof *c);
	int err;

	if (!c)
		return -ENOMEM;
	c->watch = (struct loop_watch){ .fd = fd, .ready = client_ready };
	c->server = s;
	c->peer = (struct local_peer){ .number = s->next_number++,
				       .pid = who->pid,
				       .uid = who->uid,
				       .is_operator = local_policy_allows(&s->config->health.operators, who) };
	err = loop_watch(s->loop, &c->watch, EPOLLIN);
	if (err) {
		free(c);
		return err;
	}
	c->next = s->clients;
	if (c->next)
		c->next->prev = c;
	s->clients = c;
	s->n_clients++;
	return 0;
}

static void client_admit(struct local_socket *s, int fd)
{
	struct local_credentials who;
	int err = local_credentials_read(fd, &who);

	if (err) {
		close(fd);
	} else if (!local_policy_allows(&s->config->health.clients, &who) &&
		   !local_policy_allows(&s->config->health.operators, &who)) {
		s->counters[LOCAL_COUNTER_REFUSED_USER]++;
		turn_away(fd, -EACCES, "this user may not use the agent (agent.local.users)");
	} else if (!room_for(s, who.uid)) {
		s->counters[LOCAL_COUNTER_REFUSED_FULL]++;
		turn_away(fd, -EUSERS, "too many connections (agent.local.max_clients)");
	} else if (client_new(s, fd, &who)) {
		close(fd);
	} else {
		s->counters[LOCAL_COUNTER_ACCEPTED]++;
	}
}

static void server_ready(struct loop_watch *w, uint32_t events)
{
	struct local_socket *s = (struct local_socket *)w;

	for (int i = 0; i < LOCAL_TURN; i++) {
		int fd = accept4(w->fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

		if (fd < 0 && (errno == EMFILE || errno == ENFILE || errno == ENOMEM || errno == ENOBUFS)) {
			/* who waits would wake us up again and again */
			loop_watch(s->loop, w, 0);
			loop_timer_set(s->loop, &s->pause, clock_monotonic_ns() + LOCAL_PAUSE_MS * CLOCK_NS_PER_MS);
		}
		if (fd < 0)
			return;
		client_admit(s, fd);
	}
}

static void pause_over(struct loop_timer *t, uint64_t now_ns)
{
	struct local_socket *s = (struct local_socket *)((char *)t - offsetof(struct local_socket, pause));

	if (loop_watch(s->loop, &s->watch, EPOLLIN))
		loop_timer_set(s->loop, t, now_ns + LOCAL_PAUSE_MS * CLOCK_NS_PER_MS);
}

static int server_listen(struct local_socket *s)
{
	int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	s->watch = (struct loop_watch){ .fd = fd, .ready = server_ready };
	if (fd < 0)
		return -errno;
	/* the run directory's lock says that no other agent listens there */
	if (unlink(s->address.sun_path) && errno != ENOENT)
		return -errno;
	/* everybody may knock; who may come in is decided by credentials, and told */
	if (bind(fd, (struct sockaddr *)&s->address, sizeof s->address) || chmod(s->address.sun_path, 0666) ||
	    listen(fd, LOCAL_BACKLOG))
		return -errno;
	return loop_watch(s->loop, &s->watch, EPOLLIN);
}

int local_socket_new(struct loop *l, const struct agent_config *c, struct local_desk *d, struct local_socket **ret)
{
	struct local_socket *s = calloc(1, sizeof *s);
	int n, err;

	if (!s)
		return -ENOMEM;
	s->loop = l;
	s->config = c;
	s->desk = d;
	s->silence.due = silence_due;
	s->pause.due = pause_over;
	s->address.sun_family = AF_UNIX;
	n = snprintf(s->address.sun_path, sizeof s->address.sun_path, "%s/" BATON_AGENT_SOCKET_NAME, c->run_dir);
	if ((size_t)n >= sizeof s->address.sun_path) {
		free(s);
		return -ENAMETOOLONG;
	}
	err = server_listen(s);
	if (err) {
		if (s->watch.fd >= 0)
			close(s->watch.fd);
		free(s);
		return err;
	}
	*ret = s;
	return 0;
}

void local_socket_config(struct local_socket *s, const struct agent_config *c)
{
	s->config = c;
}

void local_socket_free(struct local_socket *s)
{
	if (!s)
		return;
	while (s->clients)
		client_end(s->clients);
	loop_timer_del(s->loop, &s->silence);
	loop_timer_del(s->loop, &s->pause);
	loop_unwatch(s->loop, &s->watch);
	close(s->watch.fd);
	unlink(s->address.sun_path);
	free(s);
}
