/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/probe_command.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "base/clock.h"

/* What has been killed is dead within this time, unless the kernel holds it. */
#define LAST_WAIT_MS 100

void probe_command_init(struct probe_command *p)
{
	*p = (struct probe_command){ .pid_fd = -1, .out_fd = -1 };
}

bool probe_command_is_running(const struct probe_command *p)
{
	return p->pid_fd >= 0;
}

/* The agent holds signals back for its signalfd and may ignore some; a program expects neither. */
static int attributes_set(posix_spawnattr_t *a)
{
	sigset_t none, all;
	int err;

	sigemptyset(&none);
	sigfillset(&all);
	err = posix_spawnattr_setflags(a, POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF);
	if (!err)
		err = posix_spawnattr_setpgroup(a, 0);
	if (!err)
		err = posix_spawnattr_setsigmask(a, &none);
	return err ? err : posix_spawnattr_setsigdefault(a, &all);
}

static int files_set(posix_spawn_file_actions_t *a, int out)
{
	int err = posix_spawn_file_actions_addopen(a, STDIN_FILENO, "/dev/null", O_RDONLY, 0);

	if (!err)
		err = posix_spawn_file_actions_adddup2(a, out, STDOUT_FILENO);
	if (!err)
		err = posix_spawn_file_actions_adddup2(a, out, STDERR_FILENO);
	/* libcurl's sockets would go along */
	return err ? err : posix_spawn_file_actions_addclosefrom_np(a, STDERR_FILENO + 1);
}

/* 0 and the pid, or -errno. */
static int spawn(const struct probe_config *c, int out, pid_t *ret)
{
	char *arguments[PROBE_MAX_ARGUMENTS + 1] = { 0 };
	posix_spawn_file_actions_t files;
	posix_spawnattr_t attributes;
	int err;

	memcpy(arguments, c->command, c->n_command * sizeof *arguments);
	err = posix_spawn_file_actions_init(&files);
	if (err)
		return -err;
	err = posix_spawnattr_init(&attributes);
	if (!err) {
		err = attributes_set(&attributes);
		if (!err)
			err = files_set(&files, out);
		if (!err)
			err = posix_spawn(ret, arguments[0], &files, &attributes, arguments, environ);
		posix_spawnattr_destroy(&attributes);
	}
	posix_spawn_file_actions_destroy(&files);
	return -err;
}

static void descriptor_close(int *fd)
{
	if (*fd >= 0)
		close(*fd); /* leaves epoll by that: nobody else has it */
	*fd = -1;
}

/* Not reaped yet, so the group's number can't have become another's. */
static void group_kill(struct probe_command *p)
{
	p->killed = true;
	kill(-p->pid, SIGKILL);
	descriptor_close(&p->out_fd);
}

/* Whether it had ended; *ret says how. Without waiting: a program in the kernel's hands may take for ever to die. */
static bool reap(struct probe_command *p, siginfo_t *ret)
{
	*ret = (siginfo_t){ 0 };
	if (waitid(P_PID, (id_t)p->pid, ret, WEXITED | WNOHANG) || !ret->si_pid)
		return false;
	descriptor_close(&p->pid_fd);
	return true;
}

void probe_command_fini(struct probe_command *p)
{
	struct pollfd end = { .fd = p->pid_fd, .events = POLLIN };
	siginfo_t how;

	if (!probe_command_is_running(p))
		return;
	group_kill(p);
	poll(&end, 1, LAST_WAIT_MS);
	reap(p, &how);
	descriptor_close(&p->pid_fd);
}

static int watch(struct probe_command *p, int epoll_fd, uint64_t tag)
{
	struct epoll_event out = { .events = EPOLLIN, .data.u64 = tag | (uint32_t)p->out_fd };
	struct epoll_event end = { .events = EPOLLIN, .data.u64 = tag | (uint32_t)p->pid_fd };

	if (epoll_ctl(epoll_fd, EPOLL_CTL_ADD, p->out_fd, &out) || epoll_ctl(epoll_fd, EPOLL_CTL_ADD, p->pid_fd, &end))
		return -errno;
	return 0;
}

/* The program runs; without a pidfd it could not be waited for. */
static int program_adopt(struct probe_command *p, int epoll_fd, uint64_t tag)
{
	int err;

	p->pid_fd = pidfd_open(p->pid, 0);
	err = p->pid_fd < 0 ? -errno : watch(p, epoll_fd, tag);
	if (err)
		group_kill(p);
	return err;
}

static int program_start(struct probe_command *p, const struct probe_config *c, int epoll_fd, uint64_t tag)
{
	int ends[2], err = pipe2(ends, O_CLOEXEC) ? -errno : 0;

	if (err)
		return err;
	fcntl(ends[0], F_SETFL, O_NONBLOCK); /* the program's end shall block */
	err = spawn(c, ends[1], &p->pid);
	close(ends[1]);
	p->out_fd = ends[0];
	p->n_written = p->tail_len = 0;
	p->killed = false;
	return err ? err : program_adopt(p, epoll_fd, tag);
}

int probe_command_start(struct probe_command *p, const struct probe_config *c, int epoll_fd, uint64_t tag,
			uint64_t now_ns, struct probe_result *ret)
{
	char text[64];
	int err;

	if (probe_command_is_running(p)) {
		probe_result_set(ret, false, "killed, but not dead yet");
		return -EBUSY;
	}
	p->deadline_ns = now_ns + (uint64_t)c->timeout_ms * CLOCK_NS_PER_MS;
	err = program_start(p, c, epoll_fd, tag);
	if (err) {
		descriptor_close(&p->out_fd);
		probe_result_set(ret, false, "can't run %s: %s", c->command[0],
				 probe_error_text(-err, text, sizeof text));
	}
	return err;
}

/* Keep the last PROBE_TAIL_BYTES of what has been written. */
static void tail_add(struct probe_command *p, const char *bytes, size_t n)
{
	size_t keep;

	p->n_written += n;
	if (n >= sizeof p->tail) {
		bytes += n - sizeof p->tail;
		n = sizeof p->tail;
	}
	keep = p->tail_len + n <= sizeof p->tail ? p->tail_len : sizeof p->tail - n;
	memmove(p->tail, p->tail + p->tail_len - keep, keep);
	memcpy(p->tail + keep, bytes, n);
	p->tail_len = keep + n;
}

static void output_read(struct probe_command *p)
{
	char bytes[4096];

	while (p->out_fd >= 0 && p->n_written <= PROBE_OUTPUT_MAX) {
		ssize_t n = read(p->out_fd, bytes, sizeof bytes);

		if (n > 0)
			tail_add(p, bytes, (size_t)n);
		else if (n < 0 && errno == EINTR)
			continue;
		else if (n < 0 && errno == EAGAIN)
			return;
		else
			descriptor_close(&p->out_fd);
	}
}

static void judge(const struct probe_command *p, const siginfo_t *how, struct probe_result *ret)
{
	char line[HEALTH_REASON_MAX];
	bool exited = how->si_code == CLD_EXITED;

	probe_last_line(p->tail, p->tail_len, line, sizeof line);
	if (exited && !how->si_status)
		probe_result_set(ret, true, "%s", line[0] ? line : "exit status 0");
	else
		probe_result_set(ret, false, "%s %d%s%s", exited ? "exit status" : "killed by signal", how->si_status,
				 line[0] ? ": " : "", line);
}

static bool has_ended(const struct probe_command *p)
{
	struct pollfd f = { .fd = p->pid_fd, .events = POLLIN };

	return poll(&f, 1, 0) == 1;
}

bool probe_command_poll(struct probe_command *p, const struct probe_config *c, uint64_t now_ns,
			struct probe_result *ret)
{
	bool ended = has_ended(p); /* asked first: what it has written by then is in the pipe */
	siginfo_t how;

	if (p->killed) {
		if (ended)
			reap(p, &how);
		return false;
	}
	output_read(p);
	if (p->n_written > PROBE_OUTPUT_MAX)
		probe_result_set(ret, false, "wrote more than %d bytes", PROBE_OUTPUT_MAX);
	else if (!ended && now_ns < p->deadline_ns)
		return false;
	else if (!ended)
		probe_result_set(ret, false, "still running after %d ms", c->timeout_ms);
	group_kill(p); /* and what it has left behind */
	if (ended && reap(p, &how) && p->n_written <= PROBE_OUTPUT_MAX)
		judge(p, &how, ret);
	return true;
}
