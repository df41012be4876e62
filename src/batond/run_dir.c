/* SPDX-License-Identifier: BSD-3-Clause */
/* The run directory, and the lock that keeps two appliances from sharing one. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/log.h"
#include "batond/batond.h"

int run_dir_lock(struct batond *b)
{
	const char *dir = b->config->run_dir;
	char path[512];
	int err;

	if (mkdir(dir, 0755) < 0 && errno != EEXIST) {
		err = -errno;
		log_error("cannot make the run directory run_dir=%s error=\"%s\"", dir, strerror(errno));
		return err;
	}
	snprintf(path, sizeof path, "%s/batond.lock", dir);
	b->lock_fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (b->lock_fd >= 0 && flock(b->lock_fd, LOCK_EX | LOCK_NB) == 0)
		return 0;
	err = -errno;
	if (err == -EWOULDBLOCK)
		log_error("another batond runs with this run directory run_dir=%s", dir);
	else
		log_error("cannot lock the run directory file=%s error=\"%s\"", path, strerror(errno));
	run_dir_unlock(b);
	return err;
}

void run_dir_unlock(struct batond *b)
{
	if (b->lock_fd >= 0)
		close(b->lock_fd);
	b->lock_fd = -1;
}
