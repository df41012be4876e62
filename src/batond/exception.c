/* SPDX-License-Identifier: BSD-3-Clause */
#include "batond/exception.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/if_tun.h>
#include <net/if.h>
#include <net/if_arp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#include "batond/exception_addr.h"

#define LINK_HEADER_MAX 18 /* Ethernet and one VLAN tag */

struct exception_port {
	int fd;
	uint16_t mtu;
	struct exception_counters counters;
};

/* What the steps of opening share. */
struct exception_setup {
	const struct exception_params *params;
	int fd;     /* of the tap */
	int socket; /* any, for ioctl */
};

static struct ifreq exception_request(const struct exception_setup *s)
{
	struct ifreq r = { 0 };

	snprintf(r.ifr_name, sizeof r.ifr_name, "%s", s->params->name);
	return r;
}

static int exception_create(struct exception_setup *s)
{
	struct ifreq r = exception_request(s);

	s->fd = open("/dev/net/tun", O_RDWR | O_NONBLOCK | O_CLOEXEC);
	if (s->fd < 0)
		return -errno;
	r.ifr_flags = (short)(IFF_TAP | IFF_NO_PI | IFF_TUN_EXCL);
	return ioctl(s->fd, TUNSETIFF, &r) < 0 ? -errno : 0;
}

static int exception_set_mac(struct exception_setup *s)
{
	struct ifreq r = exception_request(s);

	r.ifr_hwaddr.sa_family = ARPHRD_ETHER;
	memcpy(r.ifr_hwaddr.sa_data, s->params->mac, sizeof s->params->mac);
	return ioctl(s->socket, SIOCSIFHWADDR, &r) < 0 ? -errno : 0;
}

static int exception_set_mtu(struct exception_setup *s)
{
	struct ifreq r = exception_request(s);

	r.ifr_mtu = s->params->mtu;
	return ioctl(s->socket, SIOCSIFMTU, &r) < 0 ? -errno : 0;
}

static int exception_write_setting(const struct exception_setup *s, unsigned ip_version, const char *setting,
				   char value)
{
	char path[128];
	int fd, rc = 0;

	snprintf(path, sizeof path, "/proc/sys/net/ipv%u/conf/%s/%s", ip_version, s->params->name, setting);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (write(fd, &value, 1) != 1)
		rc = -errno;
	close(fd);
	return rc;
}

/*
 * By default the kernel answers on any interface for the addresses of all of
 * them: those of the management port would show on the balanced network.
 */
static int exception_restrict_arp(struct exception_setup *s)
{
	int rc = exception_write_setting(s, 4, "arp_ignore", '1');

	return rc < 0 ? rc : exception_write_setting(s, 4, "arp_announce", '2');
}

/* Machines that switch IPv6 off by default still get the addresses that were configured. */
static int exception_enable_ipv6(struct exception_setup *s)
{
	for (unsigned i = 0; i < s->params->n_addrs; i++) {
		if (s->params->addrs[i].addr.family == BATON_IPV6)
			return exception_write_setting(s, 6, "disable_ipv6", '0');
	}
	return 0;
}

static int exception_bring_up(struct exception_setup *s)
{
	struct ifreq r = exception_request(s);

	if (ioctl(s->socket, SIOCGIFFLAGS, &r) < 0)
		return -errno;
	r.ifr_flags |= IFF_UP;
	return ioctl(s->socket, SIOCSIFFLAGS, &r) < 0 ? -errno : 0;
}

static int exception_add_addrs(struct exception_setup *s)
{
	unsigned index = if_nametoindex(s->params->name);

	if (!index)
		return -errno;
	for (unsigned i = 0; i < s->params->n_addrs; i++) {
		int rc = exception_addr_add(index, &s->params->addrs[i]);

		if (rc < 0)
			return rc;
	}
	return 0;
}

static int exception_set_up(struct exception_setup *s, const char **ret_step)
{
	static const struct {
		int (*run)(struct exception_setup *s);
		const char *text;
	} steps[] = {
		{ exception_create, "create the tap" },
		{ exception_set_mac, "set the link address" },
		{ exception_set_mtu, "set the MTU" },
		{ exception_restrict_arp, "restrict ARP to its own addresses" },
		{ exception_enable_ipv6, "enable IPv6" },
		{ exception_bring_up, "bring it up" },
		{ exception_add_addrs, "add the interface addresses" },
	};

	for (unsigned i = 0; i < sizeof steps / sizeof steps[0]; i++) {
		int rc = steps[i].run(s);

		if (rc < 0) {
			*ret_step = steps[i].text;
			return rc;
		}
	}
	return 0;
}

static int exception_name_check(const char *name)
{
	size_t len = strlen(name);

	/* the name is part of a path, and "%" would make the kernel number it */
	return len && len < IFNAMSIZ && !strpbrk(name, "/%: \t\n") && strcmp(name, ".") && strcmp(name, "..") ? 0
													      : -EINVAL;
}

int exception_open(const struct exception_params *p, struct exception_port **ret, const char **ret_step)
{
	struct exception_setup s = { .params = p, .fd = -1, .socket = -1 };
	struct exception_port *e = NULL;
	int rc = exception_name_check(p->name);

	*ret_step = "check the name";
	if (rc < 0)
		return rc;
	*ret_step = "prepare";
	e = calloc(1, sizeof *e);
	s.socket = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	rc = !e ? -ENOMEM : s.socket < 0 ? -errno : exception_set_up(&s, ret_step);
	if (s.socket >= 0)
		close(s.socket);
	if (rc < 0) {
		if (s.fd >= 0)
			close(s.fd);
		free(e);
		return rc;
	}
	e->fd = s.fd;
	e->mtu = p->mtu;
	*ret = e;
	return 0;
}

void exception_close(struct exception_port *e)
{
	if (!e)
		return;
	close(e->fd);
	free(e);
}

int exception_fd(const struct exception_port *e)
{
	return e->fd;
}

size_t exception_max_frame(const struct exception_port *e)
{
	return e->mtu + LINK_HEADER_MAX;
}

int exception_write(struct exception_port *e, const uint8_t *frame, size_t len)
{
	ssize_t n = write(e->fd, frame, len);

	if (n < 0) {
		e->counters.to_kernel_refused++;
		return -errno;
	}
	e->counters.to_kernel++;
	return 0;
}

int exception_read(struct exception_port *e, uint8_t *frame, size_t size)
{
	ssize_t n;

	if (size < exception_max_frame(e))
		return -EMSGSIZE;
	n = read(e->fd, frame, size);
	if (n < 0) {
		if (errno != EAGAIN)
			e->counters.read_errors++;
		return -errno;
	}
	e->counters.from_kernel++;
	return (int)n;
}

const struct exception_counters *exception_counters_get(const struct exception_port *e)
{
	return &e->counters;
}
