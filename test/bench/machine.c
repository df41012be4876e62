/* SPDX-License-Identifier: BSD-3-Clause */
/* Hugepages for the time of the run, the EAL on the cores asked for, and a fair share of them. */
#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>

#include "base/hugepages.h"
#include "bench.h"

static volatile sig_atomic_t interrupted;

static void on_signal(int number)
{
	interrupted = 1;
}

bool machine_interrupted(void)
{
	return interrupted;
}

/* With autogroups nice values mean nothing between sessions: raise the group, if it is ours alone. */
static void take_priority(void)
{
	FILE *f = getsid(0) == getpid() ? fopen("/proc/self/autogroup", "we") : NULL;

	if (!f)
		return;
	fprintf(f, "-20\n");
	fclose(f);
}

static void catch_signals(void)
{
	struct sigaction a = { .sa_handler = on_signal };

	sigaction(SIGINT, &a, NULL);
	sigaction(SIGTERM, &a, NULL);
	a.sa_handler = SIG_IGN;
	sigaction(SIGPIPE, &a, NULL);
}

#define MAX_EAL_ARGS 48

struct eal_args {
	int n;
	const char *list[MAX_EAL_ARGS];
};

static void add(struct eal_args *a, const char *word)
{
	if (a->n < MAX_EAL_ARGS - 1)
		a->list[a->n++] = word;
}

static void add_ports(struct eal_args *a, const struct bench_options *o)
{
	for (unsigned i = 0; i < o->n_vdevs; i++) {
		add(a, "--vdev");
		add(a, o->vdevs[i]);
	}
	for (unsigned i = 0; i < o->n_pci; i++) {
		add(a, "-a");
		add(a, o->pci[i]);
	}
	if (!o->n_pci)
		add(a, "--no-pci");
	if (!options_ports(o)) {
		add(a, "--vdev");
		add(a, "net_null0,size=60");
	}
}

/* Numbered from 0, the main one first. */
static void write_lcores(const struct bench_options *o, char *text, size_t size)
{
	int16_t cpus[BENCH_MAX_LCORES];
	unsigned n_lcores = options_cpus(o, cpus);
	size_t n = 0;

	for (unsigned i = 0; i < n_lcores && n < size; i++)
		n += (size_t)snprintf(text + n, size - n, "%s%u@%d", i ? "," : "", i, cpus[i]);
}

static int eal_start(const struct bench_machine *m, const struct bench_options *o, unsigned memory_mb)
{
	static const char *const plain[] = { "--no-shconf",    "--no-telemetry", "--log-level",
					     "lib.*:error",    "--log-level",    "pmd.*:warning",
					     "--iova-mode=va", "--file-prefix",  "bench" };
	struct eal_args a = { 0 };
	char lcores[16 * BENCH_MAX_LCORES], memory[16];

	write_lcores(o, lcores, sizeof lcores);
	snprintf(memory, sizeof memory, "%u", memory_mb);
	add(&a, "baton-bench");
	add(&a, "--lcores");
	add(&a, lcores);
	add(&a, "-m");
	add(&a, memory);
	for (unsigned i = 0; i < sizeof plain / sizeof *plain; i++)
		add(&a, plain[i]);
	/* EAL takes --in-memory with hugepages only */
	add(&a, m->hugepages ? "--in-memory" : "--no-huge");
	add_ports(&a, o);
	if (rte_eal_init(a.n, (char **)a.list) >= 0)
		return 0;
	fprintf(stderr, "baton-bench: DPDK does not start: %s\n", rte_strerror(rte_errno));
	return -rte_errno;
}

static void remove_run_dir(const struct bench_machine *m)
{
	static const char *const parts[] = { "/dpdk/bench", "/dpdk/testpmd", "/dpdk", "" };
	char path[128];

	for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++) {
		snprintf(path, sizeof path, "%s%s", m->run_dir, parts[i]);
		rmdir(path);
	}
}

int machine_start(struct bench_machine *m, const struct bench_options *o, unsigned memory_mb,
		  unsigned memory_testpmd_mb)
{
	int err;

	memset(m, 0, sizeof *m);
	catch_signals();
	take_priority();
	snprintf(m->run_dir, sizeof m->run_dir, "/tmp/baton-bench.XXXXXX");
	if (!mkdtemp(m->run_dir) || setenv("RUNTIME_DIRECTORY", m->run_dir, 1) < 0) {
		fprintf(stderr, "baton-bench: no folder for DPDK: %s\n", strerror(errno));
		return -errno;
	}
	m->hugepages = o->hugepages &&
		       hugepages_take((memory_mb + memory_testpmd_mb) / HUGEPAGES_PAGE_MB + 8, &m->pages_added);
	if (o->hugepages && !m->hugepages) {
		fprintf(stderr, "baton-bench: no %u MB of hugepages to be had: going on without\n",
			memory_mb + memory_testpmd_mb);
		hugepages_give_back(m->pages_added);
		m->pages_added = 0;
	}
	err = eal_start(m, o, memory_mb);
	if (err < 0) {
		hugepages_give_back(m->pages_added);
		remove_run_dir(m);
	}
	return err;
}

void machine_stop(struct bench_machine *m)
{
	rte_eal_cleanup();
	hugepages_give_back(m->pages_added);
	remove_run_dir(m);
}
