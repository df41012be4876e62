/* SPDX-License-Identifier: BSD-3-Clause */
/* The functions of baton/client.h but for those that talk to the agent. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "libbaton/internal.h"

#define SILENCE_MIN_MS 100
#define BEATS_PER_SILENCE 3

static void fd_close(int fd)
{
	if (fd >= 0)
		close(fd);
}

static int client_open(struct baton_client *c)
{
	struct itimerspec at_once = { .it_value.tv_nsec = 1 };
	int *timers[] = { &c->timer_fd, &c->count_fd };

	c->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (c->epoll_fd < 0)
		return -errno;
	for (int i = 0; i < 2; i++) {
		struct epoll_event e = { .events = EPOLLIN };

		e.data.fd = *timers[i] = timerfd_create(CLOCK_MONOTONIC, TFD_CLOEXEC | TFD_NONBLOCK);
		if (e.data.fd < 0 || epoll_ctl(c->epoll_fd, EPOLL_CTL_ADD, e.data.fd, &e))
			return -errno;
	}
	return timerfd_settime(c->timer_fd, 0, &at_once, NULL) ? -errno : 0;
}

int baton_client_new(const char *path, struct baton_client **ret)
{
	struct baton_client *c;
	size_t len;
	int err;

	if (!path)
		path = BATON_AGENT_SOCKET_DEFAULT;
	len = strlen(path);
	if (len >= sizeof c->path)
		return -ENAMETOOLONG;
	c = calloc(1, sizeof *c);
	if (!c)
		return -ENOMEM;
	memcpy(c->path, path, len + 1);
	c->socket_fd = c->epoll_fd = c->timer_fd = c->count_fd = -1;
	c->state = -ENOTCONN;
	err = client_open(c);
	if (err) {
		baton_client_free(c);
		return err;
	}
	*ret = c;
	return 0;
}

void baton_client_free(struct baton_client *c)
{
	if (!c)
		return;
	fd_close(c->socket_fd);
	fd_close(c->timer_fd);
	fd_close(c->count_fd);
	fd_close(c->epoll_fd);
	free(c);
}

/* NULL: family 0. */
static int addr_parse(const char *text, __u8 b[16], __u8 *ret_family)
{
	if (!text)
		return 0;
	if (inet_pton(AF_INET, text, b) == 1)
		*ret_family = 4;
	else if (inet_pton(AF_INET6, text, b) == 1)
		*ret_family = 6;
	else
		return -EINVAL;
	return 0;
}

/* The agent checks UTF-8; NULL: empty. */
static int text_copy(char *to, size_t size, const char *from)
{
	size_t n = from ? strnlen(from, size) : 0;

	if (n == size)
		return -EINVAL;
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)from[i] < ' ' || from[i] == 0x7f)
			return -EINVAL;
	memset(to, 0, size);
	if (n)
		memcpy(to, from, n);
	return 0;
}

static int app_encode(const struct baton_application *a, struct baton_agent_app *ret)
{
	int protocol = a->protocol ? a->protocol : IPPROTO_TCP;

	if (!a->vip_port || protocol < 0 || protocol > 255)
		return -EINVAL;
	if (addr_parse(a->vip, ret->vip, &ret->vip_family) || addr_parse(a->host, ret->host, &ret->host_family))
		return -EINVAL;
	ret->vip_port = htons(a->vip_port);
	ret->host_port = htons(a->host_port ? a->host_port : a->vip_port);
	ret->proto = (__u8)protocol;
	return text_copy(ret->specific, sizeof ret->specific, a->specific);
}

static bool capacity_valid(int capacity)
{
	return capacity >= -1 && capacity <= 99;
}

static void capacity_set(struct baton_agent_request *r, int capacity)
{
	r->fields |= BATON_AGENT_HAS_CAPACITY;
	r->capacity = capacity < 0 ? BATON_AGENT_NO_CAPACITY : (__u8)capacity;
}

static int request_make(const struct baton_application *a, struct baton_agent_request *ret)
{
	struct baton_agent_request r = { .magic = htons(BATON_AGENT_MAGIC), .version = BATON_AGENT_VERSION };
	int err = app_encode(a, &r.app);

	if (err || !capacity_valid(a->capacity) || (unsigned)a->on_exit >= BATON_AGENT_N_EXITS ||
	    (a->silence_ms && a->silence_ms < SILENCE_MIN_MS))
		return -EINVAL;
	r.on_exit = (__u8)a->on_exit;
	r.silence_ms = htonl(a->silence_ms);
	r.fields = BATON_AGENT_HAS_STATE;
	r.state = BATON_UNKNOWN;
	r.wish = BATON_ACTIVE;
	capacity_set(&r, a->capacity);
	*ret = r;
	return 0;
}

/* A third of the shortest silence. Sets the timer: to be followed, not preceded, by app_mark(). */
static void beat_find(struct baton_client *c)
{
	uint32_t least = 0;

	for (int i = 0; i < BATON_CLIENT_MAX_APPLICATIONS; i++) {
		uint32_t ms = c->apps[i].used ? ntohl(c->apps[i].request.silence_ms) : 0;

		if (ms && (!least || ms < least))
			least = ms;
	}
	c->beat_ms = least / BEATS_PER_SILENCE;
	if (c->socket_fd >= 0)
		client_beat(c);
}

/* Something is to be said: let the application call process(). */
static void app_mark(struct baton_client *c, struct client_app *a)
{
	struct itimerspec now = { .it_value.tv_nsec = 1 };

	a->unsent = true;
	a->error = -EINPROGRESS;
	if (c->socket_fd >= 0)
		timerfd_settime(c->timer_fd, 0, &now, NULL);
}

void client_app_capacity(struct baton_client *c, struct client_app *a, int capacity)
{
	capacity_set(&a->request, capacity);
	app_mark(c, a);
}

int baton_client_add(struct baton_client *c, const struct baton_application *a)
{
	struct baton_agent_request r;
	int place = -1, err = request_make(a, &r);

	if (err)
		return err;
	for (int i = BATON_CLIENT_MAX_APPLICATIONS - 1; i >= 0; i--) {
		if (!c->apps[i].used)
			place = i;
		else if (!memcmp(&c->apps[i].request.app, &r.app, sizeof r.app) && !c->apps[i].leaving)
			return -EEXIST;
	}
	if (place < 0)
		return -ENOSPC;
	c->apps[place] =
		(struct client_app){ .used = true, .capacity = a->capacity, .request = r, .workload = WORKLOAD_INIT };
	beat_find(c);
	app_mark(c, &c->apps[place]);
	return place;
}

struct client_app *client_app_find(struct baton_client *c, int id)
{
	bool there = id >= 0 && id < BATON_CLIENT_MAX_APPLICATIONS && c->apps[id].used && !c->apps[id].leaving;

	return there ? &c->apps[id] : NULL;
}

int baton_client_del(struct baton_client *c, int id)
{
	struct client_app *a = client_app_find(c, id);

	if (!a)
		return -ENOENT;
	a->leaving = a->told || a->waiting;
	a->used = a->leaving;
	beat_find(c);
	if (!a->leaving)
		return 0;
	a->request.type = BATON_AGENT_APP_DEL;
	app_mark(c, a);
	return 0;
}

int baton_client_health(struct baton_client *c, int id, enum baton_health health, const char *reason)
{
	struct client_app *a = client_app_find(c, id);

	if (!a)
		return -ENOENT;
	if ((unsigned)health > BATON_FAILING || text_copy(a->request.reason, sizeof a->request.reason, reason))
		return -EINVAL;
	a->request.state = (__u8)health;
	app_mark(c, a);
	return 0;
}

int baton_client_load(struct baton_client *c, int id, unsigned load)
{
	struct client_app *a = client_app_find(c, id);

	if (!a)
		return -ENOENT;
	if (load > BATON_CLIENT_LOAD_MAX)
		return -EINVAL;
	a->request.fields |= BATON_AGENT_HAS_LOAD;
	a->request.load = htons((uint16_t)load);
	app_mark(c, a);
	return 0;
}

int baton_client_capacity(struct baton_client *c, int id, int capacity)
{
	struct client_app *a = client_app_find(c, id);

	if (!a)
		return -ENOENT;
	if (!capacity_valid(capacity))
		return -EINVAL;
	a->capacity = capacity;
	client_app_capacity(c, a, capacity);
	return 0;
}

int baton_client_wish(struct baton_client *c, int id, enum baton_wish wish, const char *reason)
{
	struct client_app *a = client_app_find(c, id);

	if (!a)
		return -ENOENT;
	if ((unsigned)wish > BATON_ACTIVE || text_copy(a->request.wish_reason, sizeof a->request.wish_reason, reason))
		return -EINVAL;
	a->request.fields |= BATON_AGENT_HAS_WISH;
	a->request.wish = (__u8)wish;
	app_mark(c, a);
	return 0;
}

int baton_client_fd(const struct baton_client *c)
{
	return c->epoll_fd;
}

int baton_client_settled(const struct baton_client *c)
{
	for (int i = 0; i < BATON_CLIENT_MAX_APPLICATIONS; i++)
		if (c->apps[i].used && (c->apps[i].unsent || c->apps[i].waiting))
			return 0;
	return c->socket_fd >= 0;
}

int baton_client_error(const struct baton_client *c, int id, const char **ret_text)
{
	const struct client_app *a = client_app_find((struct baton_client *)c, id);

	if (!a)
		return -ENOENT;
	if (ret_text)
		*ret_text = a->text;
	return a->error;
}
