/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * systemd_stand_in FOLDER: a bus at unix:path=FOLDER/socket with the stand-in
 * on it. Lines written to FOLDER/orders: "add UNIT [ALIAS]", "set UNIT STATE",
 * "reload", "exec" (the manager leaves and comes back), "down" and "up" (the
 * bus). Says "done" after each on standard output.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "systemd_stand_in.h"

static struct private_bus bus;
static struct stand_in systemd;

static int obey(const char *line)
{
	char verb[16] = "", unit[64] = "", more[64] = "";

	sscanf(line, "%15s %63s %63s", verb, unit, more);
	if (!strcmp(verb, "add"))
		stand_in_add(&systemd, unit, more);
	else if (!strcmp(verb, "set") && systemd.bus)
		return stand_in_set(&systemd, unit, more);
	else if (!strcmp(verb, "set"))
		return stand_in_set_silently(&systemd, unit, more);
	else if (!strcmp(verb, "reload"))
		stand_in_reloaded(&systemd);
	else if (!strcmp(verb, "exec") || !strcmp(verb, "down"))
		stand_in_close(&systemd);
	if (!strcmp(verb, "down"))
		private_bus_stop(&bus);
	else if (!strcmp(verb, "up"))
		private_bus_restart(&bus);
	if (!strcmp(verb, "up") || !strcmp(verb, "exec"))
		return stand_in_open(&systemd, bus.address);
	return 0;
}

static int orders_open(const char *folder)
{
	char path[128];

	snprintf(path, sizeof path, "%s/orders", folder);
	if (mkfifo(path, 0600) && errno != EEXIST)
		return -1;
	return open(path, O_RDWR | O_NONBLOCK | O_CLOEXEC); /* for writing too, so that it never ends */
}

/* All lines there are. */
static int orders_take(int fd)
{
	static char buf[1024];
	static size_t len;
	ssize_t n = read(fd, buf + len, sizeof buf - 1 - len);
	char *end;

	len += n > 0 ? (size_t)n : 0;
	buf[len] = 0;
	while ((end = strchr(buf, '\n'))) {
		*end = 0;
		if (obey(buf) < 0) {
			printf("can't %s\n", buf);
			return 1;
		}
		puts("done");
		len -= (size_t)(end + 1 - buf);
		memmove(buf, end + 1, len + 1);
	}
	return 0;
}

int main(int argc, char **argv)
{
	int fd;

	if (argc != 2)
		return 2;
	setvbuf(stdout, NULL, _IOLBF, 0);
	snprintf(bus.folder, sizeof bus.folder, "%s", argv[1]);
	private_bus_start(&bus);
	if (stand_in_open(&systemd, bus.address) < 0)
		return 1;
	fd = orders_open(bus.folder);
	puts(bus.address);
	while (fd >= 0) {
		struct pollfd p[] = { { .fd = fd, .events = POLLIN }, { .fd = -1, .events = POLLIN } };

		stand_in_step(&systemd);
		if (systemd.bus)
			p[1].fd = sd_bus_get_fd(systemd.bus);
		poll(p, 2, 100);
		if (orders_take(fd))
			return 1;
	}
	return 1;
}
