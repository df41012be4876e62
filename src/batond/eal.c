/* SPDX-License-Identifier: BSD-3-Clause */
/* DPDK's environment: arguments from the configuration, memory, log. */
#include <errno.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <rte_eal.h>
#include <rte_errno.h>
#include <rte_log.h>

#include "base/hugepages.h"
#include "base/log.h"
#include "batond/batond.h"

#define EAL_MAX_ARGS 64

struct eal_args {
	int n;
	char *v[EAL_MAX_ARGS];
};

static void eal_arg(struct eal_args *a, const char *text)
{
	char *copy = strdup(text);

	if (copy && a->n < EAL_MAX_ARGS - 1)
		a->v[a->n++] = copy;
	else
		free(copy);
}

static void eal_args_free(struct eal_args *a)
{
	for (int i = 0; i < a->n; i++)
		free(a->v[i]);
	a->n = 0;
}

static void eal_return_hugepages(struct batond *b)
{
	hugepages_give_back(b->hugepages_added);
	b->hugepages_added = 0;
}

static int eal_memory_args(struct batond *b, struct eal_args *a)
{
	char text[32];
	uint32_t pages = (uint32_t)(b->config->memory_mb + 1) / HUGEPAGES_PAGE_MB + 1;
	bool huge = b->config->hugepages && hugepages_take(pages, &b->hugepages_added);

	if (!huge && b->config->hugepages_required) {
		log_error("no %d MB of 2 MB hugepages free, and they can't be reserved now; set vm.nr_hugepages or "
			  "memory.hugepages = \"auto\"",
			  b->config->memory_mb);
		return -ENOMEM;
	}
	if (!huge) {
		eal_return_hugepages(b);
		eal_arg(a, "--no-huge");
		eal_arg(a, "--no-shconf");
		log_info("memory without hugepages size_mb=%d", b->config->memory_mb);
	}
	if (huge)
		eal_arg(a, "--in-memory"); /* not together with --no-huge */
	snprintf(text, sizeof text, "%d", b->config->memory_mb);
	eal_arg(a, "-m");
	eal_arg(a, text);
	return 0;
}

/* DPDK answers a CPU that it can't have with its usage text. */
static int eal_check_cpu(const char *who, int cpu, const cpu_set_t *allowed)
{
	if (cpu < RTE_MAX_LCORE && cpu < CPU_SETSIZE && CPU_ISSET(cpu, allowed))
		return 0;
	log_error("no such CPU, or this process may not use it %s cpu=%d; allowed are %d CPUs, see "
		  "'taskset -p %d'",
		  who, cpu, CPU_COUNT(allowed), (int)getpid());
	return -EINVAL;
}

static int eal_check_cpus(const struct config *c, const cpu_set_t *allowed)
{
	int err = c->control_cpu < 0 ? 0 : eal_check_cpu("device.control_cpu", c->control_cpu, allowed);

	for (unsigned i = 0; i < c->n_lcores && err == 0; i++) {
		char who[32];

		snprintf(who, sizeof who, "lcores[%u]", i);
		err = eal_check_cpu(who, c->lcores[i].cpu, allowed);
	}
	return err;
}

/* "(0,1,5)": the control thread may run on every CPU that the process may use. */
static size_t eal_cpu_list(const cpu_set_t *allowed, char *text, size_t size)
{
	size_t at = 0;

	for (int cpu = 0; cpu < RTE_MAX_LCORE && at < size; cpu++)
		if (CPU_ISSET(cpu, allowed))
			at += (size_t)snprintf(text + at, size - at, "%c%d", at ? ',' : '(', cpu);
	return at + (size_t)snprintf(text + at, size - at, ")");
}

/* lcore 0 is the control thread; then one lcore for each entry of the configuration, in its order. */
static void eal_lcore_args(const struct config *c, const cpu_set_t *allowed, struct eal_args *a)
{
	char text[8 * RTE_MAX_LCORE + 32 * (CONFIG_MAX_LCORES + 1)];
	size_t at = (size_t)snprintf(text, sizeof text, "0@");

	if (c->control_cpu >= 0)
		at += (size_t)snprintf(text + at, sizeof text - at, "%d", c->control_cpu);
	else
		at += eal_cpu_list(allowed, text + at, sizeof text - at);
	for (unsigned i = 0; i < c->n_lcores && at < sizeof text; i++)
		at += (size_t)snprintf(text + at, sizeof text - at, ",%u@%d", i + 1, c->lcores[i].cpu);
	eal_arg(a, "--lcores");
	eal_arg(a, text);
	eal_arg(a, "--main-lcore");
	eal_arg(a, "0");
}

static void eal_port_args(const struct config *c, struct eal_args *a)
{
	bool any_pci = false;

	for (unsigned i = 0; i < c->n_ports; i++) {
		if (!ports_is_pci(&c->ports[i]))
			continue;
		any_pci = true;
		eal_arg(a, "-a");
		eal_arg(a, c->ports[i].device);
	}
	if (!any_pci)
		eal_arg(a, "--no-pci");
}

int eal_start(struct batond *b)
{
	struct eal_args a = { 0 };
	char *argv[EAL_MAX_ARGS];
	cpu_set_t allowed;
	int err;

	if (sched_getaffinity(0, sizeof allowed, &allowed) < 0)
		return -errno;
	err = eal_check_cpus(b->config, &allowed);
	if (err < 0)
		return err;

	/* where DPDK puts its runtime files and the telemetry socket */
	if (setenv("RUNTIME_DIRECTORY", b->config->run_dir, 1) < 0)
		return -errno;
	rte_openlog_stream(stderr);
	eal_arg(&a, "batond");
	eal_lcore_args(b->config, &allowed, &a);
	eal_arg(&a, "--file-prefix");
	eal_arg(&a, "baton");
	eal_arg(&a, "--log-level=lib.*:warning");
	eal_arg(&a, "--log-level=pmd.*:warning");
	eal_port_args(b->config, &a);
	err = eal_memory_args(b, &a);
	if (err == 0) {
		memcpy(argv, a.v, sizeof argv); /* EAL permutes the array */
		if (rte_eal_init(a.n, argv) < 0) {
			err = -rte_errno;
			log_error("DPDK does not start error=\"%s\"", rte_strerror(rte_errno));
			eal_return_hugepages(b);
		}
	}
	eal_args_free(&a);
	return err;
}

void eal_stop(struct batond *b)
{
	char path[256];

	rte_eal_cleanup();
	eal_return_hugepages(b);
	/* DPDK leaves its folder behind */
	snprintf(path, sizeof path, "%s/dpdk/baton/dpdk_telemetry.v2", b->config->run_dir);
	unlink(path);
	snprintf(path, sizeof path, "%s/dpdk/baton", b->config->run_dir);
	rmdir(path);
	snprintf(path, sizeof path, "%s/dpdk", b->config->run_dir);
	rmdir(path);
}
