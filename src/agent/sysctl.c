/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/sysctl.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/log.h"

/* Smallest value that keeps a virtual address silent; larger ones are stricter still. */
#define ARP_IGNORE_WANTED 1
#define ARP_ANNOUNCE_WANTED 2

static int conf_open(const char *conf, const char *name, int flags)
{
	char path[PATH_MAX];
	int fd;

	if ((size_t)snprintf(path, sizeof path, SYSCTL_CONF "%s/%s", conf, name) >= sizeof path)
		return -ENAMETOOLONG;
	fd = open(path, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

/* Takes the descriptor, or passes its error on. */
static int number_read(int fd, int *ret)
{
	char text[32];
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, sizeof text - 1);
	close(fd);
	if (n <= 0)
		return -EIO;
	text[n] = 0;
	*ret = (int)strtol(text, NULL, 10);
	return 0;
}

int sysctl_conf_get(const char *conf, const char *name, int *ret)
{
	return number_read(conf_open(conf, name, O_RDONLY), ret);
}

int sysctl_number_get(const char *path, int *ret)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	return number_read(fd < 0 ? -errno : fd, ret);
}

int sysctl_ipv4_get(const char *name, int *ret)
{
	char path[PATH_MAX];

	if ((size_t)snprintf(path, sizeof path, SYSCTL_IPV4 "%s", name) >= sizeof path)
		return -ENAMETOOLONG;
	return sysctl_number_get(path, ret);
}

int sysctl_conf_set(const char *conf, const char *name, int value)
{
	int fd = conf_open(conf, name, O_WRONLY), len, err = 0;
	char text[32];

	if (fd < 0)
		return fd;
	len = snprintf(text, sizeof text, "%d\n", value);
	if (write(fd, text, (size_t)len) != len)
		err = -errno;
	close(fd);
	return err;
}

static int setting_raise(const char *name, int wanted, int *before, struct agent_state *s, const char *state_path)
{
	int value, err = sysctl_conf_get("all", name, &value);

	if (err < 0) {
		log_error("can't read sysctl name=net.ipv4.conf.all.%s reason=\"%s\"", name, strerror(-err));
		return err;
	}
	if (value >= wanted)
		return 0;
	if (*before == STATE_UNCHANGED)
		*before = value;
	err = agent_state_save(state_path, s);
	if (!err)
		err = sysctl_conf_set("all", name, wanted);
	if (err < 0)
		log_error("can't set sysctl name=net.ipv4.conf.all.%s value=%d reason=\"%s\"", name, wanted,
			  strerror(-err));
	else
		log_info("sysctl set name=net.ipv4.conf.all.%s value=%d before=%d", name, wanted, value);
	return err;
}

int sysctl_silence(struct agent_state *s, const char *state_path)
{
	int err = setting_raise("arp_ignore", ARP_IGNORE_WANTED, &s->arp_ignore, s, state_path);

	return err ? err : setting_raise("arp_announce", ARP_ANNOUNCE_WANTED, &s->arp_announce, s, state_path);
}

static void setting_restore(const char *name, int ours, int *before)
{
	int value, err;

	if (*before == STATE_UNCHANGED)
		return;
	err = sysctl_conf_get("all", name, &value);
	/* somebody else has set it since: it is theirs now */
	if (!err && value == ours)
		err = sysctl_conf_set("all", name, *before);
	if (err < 0)
		log_warning("can't restore sysctl name=net.ipv4.conf.all.%s value=%d reason=\"%s\"", name, *before,
			    strerror(-err));
	*before = STATE_UNCHANGED;
}

void sysctl_restore(struct agent_state *s)
{
	setting_restore("arp_ignore", ARP_IGNORE_WANTED, &s->arp_ignore);
	setting_restore("arp_announce", ARP_ANNOUNCE_WANTED, &s->arp_announce);
}
