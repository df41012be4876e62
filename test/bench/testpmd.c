/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * DPDK's own testpmd as a witness from outside: io and macswap on a plain
 * net_null, in its own count of cycles per packet. Into a pipe it prints its
 * prompts at once, but its figures only when it ends.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench.h"

#define DEADLINE_S 30
#define MEASURE_MS 1000
#define PROMPT "testpmd> "

struct testpmd {
	pid_t pid;
	int in, out;
	size_t n;
	char text[32768];
};

static void run_child(const struct bench_machine *m, int cpu, const char *mode, unsigned memory_mb, int in, int out)
{
	char lcores[48], memory[16], forward[32];
	const char *argv[] = { "dpdk-testpmd",
			       "--lcores",
			       lcores,
			       "--main-lcore",
			       "0",
			       "--no-pci",
			       "--no-shconf",
			       "--no-telemetry",
			       "--iova-mode=va",
			       "--file-prefix",
			       "testpmd",
			       "--vdev",
			       "net_null0,size=60",
			       "-m",
			       memory,
			       m->hugepages ? "--in-memory" : "--no-huge",
			       "--",
			       "-i",
			       "--nb-cores=1",
			       "--total-num-mbufs=8192",
			       "--port-topology=loop",
			       forward,
			       "--record-core-cycles",
			       NULL };

	snprintf(lcores, sizeof lcores, "0@%d,1@%d", cpu, cpu);
	snprintf(memory, sizeof memory, "%u", memory_mb);
	snprintf(forward, sizeof forward, "--forward-mode=%s", mode);
	dup2(in, STDIN_FILENO);
	dup2(out, STDOUT_FILENO);
	dup2(out, STDERR_FILENO);
	execvp(argv[0], (char **)argv);
	_exit(127);
}

static int start(struct testpmd *t, const struct bench_machine *m, int cpu, const char *mode, unsigned memory_mb)
{
	int in[2], out[2];

	t->n = 0;
	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	if (pipe2(out, O_CLOEXEC) < 0) {
		close(in[0]);
		close(in[1]);
		return -EMFILE;
	}
	t->pid = fork();
	if (t->pid == 0)
		run_child(m, cpu, mode, memory_mb, in[0], out[1]);
	close(in[0]);
	close(out[1]);
	t->in = in[1];
	t->out = out[0];
	return t->pid < 0 ? -EAGAIN : 0;
}

static void stop(struct testpmd *t)
{
	int status;

	close(t->in);
	close(t->out);
	if (t->pid <= 0)
		return;
	kill(t->pid, SIGKILL);
	waitpid(t->pid, &status, 0);
}

/* Read until `wanted` has come, or with NULL all there is: 0, -ETIMEDOUT, or -EPIPE when it ended without. */
static int wait_for(struct testpmd *t, const char *wanted)
{
	struct pollfd p = { .fd = t->out, .events = POLLIN };
	time_t deadline = time(NULL) + DEADLINE_S;

	t->n = 0;
	while (time(NULL) < deadline && !machine_interrupted()) {
		ssize_t got;

		if (poll(&p, 1, 200) <= 0)
			continue;
		if (t->n > sizeof t->text / 2) { /* keep the tail */
			memmove(t->text, t->text + t->n / 2, t->n - t->n / 2);
			t->n -= t->n / 2;
		}
		got = read(t->out, t->text + t->n, sizeof t->text - 1 - t->n);
		if (got <= 0)
			return wanted ? -EPIPE : 0;
		t->n += (size_t)got;
		t->text[t->n] = 0;
		if (wanted && strstr(t->text, wanted))
			return 0;
	}
	return -ETIMEDOUT;
}

static int tell(struct testpmd *t, const char *line, const char *answer)
{
	size_t len = strlen(line);

	if (write(t->in, line, len) != (ssize_t)len)
		return -EPIPE;
	return wait_for(t, answer);
}

/* "CPU cycles/packet=26.21 (total cycles=…" */
static int parse(const struct testpmd *t, double *ret_cycles)
{
	const char *at = strstr(t->text, "CPU cycles/packet=");
	double cycles = at ? strtod(strchr(at, '=') + 1, NULL) : 0;

	if (!(cycles > 0))
		return -EBADMSG;
	*ret_cycles = cycles;
	return 0;
}

int testpmd_run(const struct bench_machine *m, int cpu, const char *mode, unsigned memory_mb, double *ret_cycles)
{
	struct timespec span = { .tv_sec = MEASURE_MS / 1000, .tv_nsec = MEASURE_MS % 1000 * 1000000L };
	static struct testpmd t;
	int err = start(&t, m, cpu, mode, memory_mb);

	if (!err)
		err = wait_for(&t, PROMPT);
	if (!err)
		err = tell(&t, "start\n", PROMPT);
	if (!err) {
		nanosleep(&span, NULL);
		err = tell(&t, "stop\nquit\n", NULL);
	}
	if (!err)
		err = parse(&t, ret_cycles);
	if (err)
		fprintf(stderr, "baton-bench: dpdk-testpmd %s: %s\n%s\n", mode, strerror(-err), t.n ? t.text : "");
	stop(&t);
	return err;
}
