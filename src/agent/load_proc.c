/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/load_proc.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* The lines about 1000 CPUs; what follows them in /proc/stat is not looked at. */
#define FILE_MAX 65536

/* Read the beginning of a file as text. */
static int file_read(const char *root, const char *folder, const char *name, char *buf, size_t size)
{
	char path[PATH_MAX];
	size_t n = 0;
	ssize_t got = 1;
	int fd, err;

	if (snprintf(path, sizeof path, "%s%s/%s", root, folder, name) >= (int)sizeof path)
		return -ENAMETOOLONG;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	while (got > 0 && n + 1 < size) {
		got = read(fd, buf + n, size - 1 - n);
		n += got > 0 ? (size_t)got : 0;
	}
	err = got < 0 ? -errno : 0;
	close(fd);
	buf[n] = 0;
	return err;
}

/* The decimal number at *p, which moves behind it. */
static int number_take(const char **p, uint64_t *ret)
{
	char *end;

	while (**p == ' ')
		++*p;
	if (**p < '0' || **p > '9')
		return -EBADMSG;
	errno = 0;
	*ret = strtoull(*p, &end, 10);
	*p = end;
	return errno ? -EBADMSG : 0;
}

/* The number behind key at the start of a line. */
static int number_find(const char *text, const char *key, uint64_t *ret)
{
	size_t len = strlen(key);

	for (const char *line = text; line; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (!strncmp(line, key, len)) {
			line += len;
			return number_take(&line, ret);
		}
	}
	return -EBADMSG;
}

static unsigned cpus_count(const char *text)
{
	unsigned n = 0;

	for (const char *line = text; (line = strstr(line, "\ncpu")); line += 4)
		n += line[4] >= '0' && line[4] <= '9';
	return n;
}

int load_cpu_read(const char *root, struct load_cpu *ret)
{
	/* user nice system idle iowait irq softirq steal; guest times are in user and nice already (proc(5)) */
	enum { IDLE = 3, IOWAIT = 4, N_FIELDS = 8 };
	struct load_cpu c = { 0 };
	static char text[FILE_MAX];
	int err = file_read(root, "/proc", "stat", text, sizeof text);
	const char *p = text + 4;

	if (err)
		return err;
	if (strncmp(text, "cpu ", 4))
		return -EBADMSG;
	for (int i = 0; i < N_FIELDS; i++) {
		uint64_t ticks;

		if (number_take(&p, &ticks))
			return -EBADMSG;
		c.total += ticks;
		c.busy += i == IDLE || i == IOWAIT ? 0 : ticks;
	}
	c.n_cpus = cpus_count(text);
	if (!c.n_cpus)
		return -EBADMSG;
	*ret = c;
	return 0;
}

/* "max 100000" or "150000 100000": of a period, in microseconds. No file (the root cgroup): no limit. */
static int limit_read(const char *root, const char *folder, double *ret)
{
	char text[64];
	const char *p = text;
	uint64_t quota, period;
	int err = file_read(root, folder, "cpu.max", text, sizeof text);

	if (err == -ENOENT || (!err && !strncmp(text, "max", 3))) {
		*ret = 0;
		return 0;
	}
	if (err)
		return err;
	if (number_take(&p, &quota) || number_take(&p, &period) || !quota || !period)
		return -EBADMSG;
	*ret = (double)quota / (double)period;
	return 0;
}

int load_cgroup_read(const char *root, const char *folder, struct load_cgroup *ret)
{
	struct load_cgroup c;
	char text[4096];
	int err = file_read(root, folder, "cpu.stat", text, sizeof text);

	if (!err)
		err = number_find(text, "usage_usec", &c.used_us);
	if (!err)
		err = limit_read(root, folder, &c.cpus);
	if (!err)
		*ret = c;
	return err;
}

int load_pressure_read(const char *root, uint64_t *ret_us)
{
	char text[512];
	const char *total;
	int err = file_read(root, "/proc/pressure", "cpu", text, sizeof text);

	if (err)
		return err;
	total = strncmp(text, "some ", 5) ? NULL : strstr(text, " total=");
	if (!total)
		return -EBADMSG;
	total += strlen(" total=");
	return number_take(&total, ret_us);
}

int load_average_read(const char *root, uint32_t *ret_hundredths)
{
	char text[128];
	const char *p = text;
	uint64_t whole, part;
	int err = file_read(root, "/proc", "loadavg", text, sizeof text);

	if (err)
		return err;
	/* the kernel prints two digits behind the point */
	if (number_take(&p, &whole) || *p++ != '.' || number_take(&p, &part) || part > 99 || whole > 1000000)
		return -EBADMSG;
	*ret_hundredths = (uint32_t)(whole * 100 + part);
	return 0;
}
