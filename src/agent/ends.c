/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/ends.h"

#include <arpa/inet.h>
#include <bpf/libbpf.h>
#include <errno.h>
#include <linux/filter.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"

struct ends {
	struct loop_watch watch; /* first */
	struct loop *loop;
	struct ring_buffer *ring;
	uint64_t *sequence; /* shared with the tc program */
	struct agent_own *own;
	const struct agent_config *config;
	struct shim_keyring keys;
	int fds[AGENT_MAX_HOSTS]; /* by config->addresses; -1: none */
	unsigned n_fds;
	bool failing; /* the last datagram could not be sent: logged once */
};

void ends_body(struct baton_shim_conn *ret, const struct agent_conn_key *key, const struct agent_conn *c)
{
	*ret = (struct baton_shim_conn){
		.client_isn = htonl(c->client_isn),
		.server_isn = htonl(c->server_isn),
		.flow_id = htonl(c->flow_id),
		.state = c->state == AGENT_CONN_LINGERS ? BATON_SHIM_CONN_LINGERS : BATON_SHIM_CONN_ENDED,
		.family = key->family,
		.sport = key->sport,
		.dport = key->dport,
	};
	memcpy(ret->saddr, key->saddr, sizeof ret->saddr);
	memcpy(ret->daddr, key->daddr, sizeof ret->daddr);
}

static socklen_t sockaddr_make(struct sockaddr_storage *ret, uint8_t family, const uint8_t addr[16], int port)
{
	memset(ret, 0, sizeof *ret);
	if (family == BATON_IPV4) {
		struct sockaddr_in *in = (struct sockaddr_in *)ret;

		in->sin_family = AF_INET;
		in->sin_port = htons((uint16_t)port);
		memcpy(&in->sin_addr, addr, 4);
		return sizeof *in;
	}
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ret;

	in6->sin6_family = AF_INET6;
	in6->sin6_port = htons((uint16_t)port);
	memcpy(&in6->sin6_addr, addr, 16);
	return sizeof *in6;
}

/*
 * Nothing is read from this socket: the tc program takes what devices send.
 * So nothing gets in, whoever sends (a filter that keeps 0 bytes), and the
 * address need not be there yet.
 */
static int socket_prepare(int fd, uint8_t family)
{
	struct sock_filter nothing = BPF_STMT(BPF_RET | BPF_K, 0);
	struct sock_fprog filter = { 1, &nothing };
	int one = 1, err;

	if (family == BATON_IPV4)
		err = setsockopt(fd, IPPROTO_IP, IP_FREEBIND, &one, sizeof one);
	else
		err = setsockopt(fd, IPPROTO_IPV6, IPV6_FREEBIND, &one, sizeof one);
	return err || setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &filter, sizeof filter) ? -errno : 0;
}

/* A socket that sends as address and port do. Descriptor or -errno. */
static int socket_open(const struct baton_addr *a, int port)
{
	int fd = socket(a->family == BATON_IPV4 ? AF_INET : AF_INET6, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	struct sockaddr_storage at;
	socklen_t len = sockaddr_make(&at, a->family, a->b, port);
	int err;

	if (fd < 0)
		return -errno;
	err = socket_prepare(fd, a->family);
	if (!err && bind(fd, (struct sockaddr *)&at, len))
		err = -errno;
	if (!err)
		return fd;
	close(fd);
	return err;
}

static void sockets_close(struct ends *e)
{
	for (unsigned i = 0; i < e->n_fds; i++)
		if (e->fds[i] >= 0)
			close(e->fds[i]);
	e->n_fds = 0;
}

void ends_configure(struct ends *e, const struct agent_config *c, const struct shim_keyring *keys)
{
	char text[BATON_ADDR_TEXT_MAX];

	sockets_close(e);
	e->config = c;
	e->keys = *keys;
	e->n_fds = c->n_addresses;
	for (unsigned i = 0; i < c->n_addresses; i++) {
		e->fds[i] = socket_open(&c->addresses[i], c->shim_port);
		if (e->fds[i] < 0)
			log_warning("can't send from address=%s port=%d, so devices are not told of connections that "
				    "end reason=\"%s\"",
				    baton_addr_format(&c->addresses[i], text, sizeof text), c->shim_port,
				    strerror(-e->fds[i]));
	}
}

/* The socket of this H, or -1. */
static int socket_of(const struct ends *e, uint8_t family, const uint8_t host[16])
{
	for (unsigned i = 0; i < e->n_fds; i++)
		if (e->config->addresses[i].family == family && !memcmp(e->config->addresses[i].b, host, 16))
			return e->fds[i];
	return -1;
}

/* 0 or -errno. */
static int end_send(struct ends *e, const struct agent_conn_key *key, const struct agent_conn *c)
{
	struct baton_addr device = { .family = key->family };
	int fd = socket_of(e, key->family, c->host), n;
	uint8_t datagram[BATON_SHIM_CONN_LEN];
	struct baton_shim_conn body;
	struct sockaddr_storage to;
	socklen_t len;

	memcpy(device.b, c->device, sizeof device.b);
	if (fd < 0 || !agent_config_has(e->config->forwarders, e->config->n_forwarders, &device))
		return -EADDRNOTAVAIL;
	ends_body(&body, key, c);
	n = shim_encode(datagram, sizeof datagram, &e->keys, BATON_SHIM_ENDED, &body,
			__atomic_fetch_add(e->sequence, 1, __ATOMIC_RELAXED), c->host, c->device);
	if (n < 0)
		return n;
	len = sockaddr_make(&to, key->family, c->device, e->config->shim_port);
	return sendto(fd, datagram, (size_t)n, 0, (struct sockaddr *)&to, len) == n ? 0 : -errno;
}

void ends_report(struct ends *e, const struct agent_conn_key *key, const struct agent_conn *c)
{
	int err = end_send(e, key, c);

	if (!err)
		e->own->n[AGENT_OWN_ENDED_SENT]++;
	else
		e->own->n[AGENT_OWN_ENDED_UNSENT]++;
	if (err && !e->failing)
		log_warning("can't tell a device that a connection is over reason=\"%s\"", strerror(-err));
	e->failing = err != 0;
}

static int end_taken(void *arg, void *data, size_t size)
{
	struct ends *e = arg;
	const struct agent_end *end = data;

	if (size >= sizeof *end && e->config)
		ends_report(e, &end->key, &end->conn);
	return 0;
}

void ends_poll(struct ends *e)
{
	ring_buffer__consume(e->ring);
}

static void ring_ready(struct loop_watch *w, uint32_t events)
{
	(void)events;
	ends_poll((struct ends *)w);
}

struct agent_own *ends_own(struct ends *e)
{
	return e->own;
}

static int ends_open(struct ends *e, const struct datapath *d)
{
	e->sequence = datapath_memory(d, AGENT_MAP_SEQUENCE);
	e->own = e->sequence ? datapath_memory(d, AGENT_MAP_OWN) : NULL;
	if (!e->own)
		return -errno;
	e->ring = ring_buffer__new(d->map_fd[AGENT_MAP_ENDS], end_taken, e, NULL);
	if (!e->ring)
		return -errno;
	e->watch.fd = ring_buffer__epoll_fd(e->ring);
	e->watch.ready = ring_ready;
	return e->loop ? loop_watch(e->loop, &e->watch, EPOLLIN) : 0;
}

int ends_start(struct loop *l, const struct datapath *d, struct ends **ret)
{
	struct ends *e = calloc(1, sizeof *e);
	int err;

	if (!e)
		return -ENOMEM;
	e->loop = l;
	err = ends_open(e, d);
	if (err) {
		log_error("can't follow the ends of connections reason=\"%s\"", strerror(-err));
		ends_stop(e);
		return err;
	}
	*ret = e;
	return 0;
}

void ends_stop(struct ends *e)
{
	if (!e)
		return;
	if (e->loop && e->ring)
		loop_unwatch(e->loop, &e->watch);
	ring_buffer__free(e->ring);
	sockets_close(e);
	datapath_memory_free(e->sequence);
	datapath_memory_free(e->own);
	explicit_bzero(&e->keys, sizeof e->keys);
	free(e);
}
