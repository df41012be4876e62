/* SPDX-License-Identifier: BSD-3-Clause */
#include "batonctl/doctor.h"

#include <linux/capability.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

/* Debian builds DPDK for corei7, whose newest instructions are SSE4.2; EAL refuses to start without. */
static const char *const wanted_flags[] = { "ssse3", "sse4_1", "sse4_2" };

static bool has_word(const char *text, const char *word)
{
	size_t n = strlen(word);

	for (const char *p = strstr(text, word); p; p = strstr(p + 1, word))
		if ((p == text || p[-1] == ' ') && (p[n] == ' ' || !p[n]))
			return true;
	return false;
}

static void cpu_flags(struct doctor *d)
{
	char flags[8192];
	unsigned missing = 0;

	if (doctor_read_key(d, "/proc/cpuinfo", "flags", flags, sizeof flags) < 0) {
		doctor_say(d, DOCTOR_WARN, "cpu", "/proc/cpuinfo does not tell the instruction sets");
		return;
	}
	for (unsigned i = 0; i < sizeof wanted_flags / sizeof *wanted_flags; i++) {
		if (has_word(flags, wanted_flags[i]))
			continue;
		missing++;
		doctor_say(
			d, DOCTOR_FAIL, "cpu",
			"no %s, which DPDK needs; use another machine, or give the virtual machine a newer CPU model",
			wanted_flags[i]);
	}
	if (!missing)
		doctor_say(d, DOCTOR_OK, "cpu", "has SSE4.2%s", has_word(flags, "avx512bw") ? " and AVX-512" : "");
}

/* Is cpu in a list such as "0-3,8"? */
static bool cpu_in_list(const char *list, int cpu)
{
	while (*list) {
		char *end;
		long first = strtol(list, &end, 10), last = first;

		if (end == list)
			return false;
		if (*end == '-')
			last = strtol(end + 1, &end, 10);
		if (cpu >= first && cpu <= last)
			return true;
		list = *end == ',' ? end + 1 : "";
	}
	return false;
}

static bool cpu_named_before(const struct config *c, unsigned i)
{
	for (unsigned j = 0; j < i; j++)
		if (c->lcores[j].cpu == c->lcores[i].cpu)
			return true;
	return false;
}

static void cpu_online(struct doctor *d)
{
	unsigned bad = 0;
	char list[1024];

	if (!d->config || doctor_read_line(d, "/sys/devices/system/cpu/online", list, sizeof list) < 0)
		return;
	for (unsigned i = 0; i < d->config->n_lcores; i++) {
		if (cpu_in_list(list, d->config->lcores[i].cpu))
			continue;
		bad++;
		doctor_say(d, DOCTOR_FAIL, "cpu", "lcores[%u].cpu is %d, but this machine has %s; change it", i,
			   d->config->lcores[i].cpu, list);
	}
	if (d->config->control_cpu >= 0 && !cpu_in_list(list, d->config->control_cpu)) {
		bad++;
		doctor_say(d, DOCTOR_FAIL, "cpu", "device.control_cpu is %d, but this machine has %s; change it",
			   d->config->control_cpu, list);
	}
	for (unsigned i = 0; i < d->config->n_lcores; i++)
		if (d->config->lcores[i].busy_poll && cpu_named_before(d->config, i))
			doctor_say(d, DOCTOR_WARN, "cpu",
				   "lcores[%u] shares CPU %d and polls busily; give it one of its own", i,
				   d->config->lcores[i].cpu);
	if (!bad)
		doctor_say(d, DOCTOR_OK, "cpu", "%s online, all that the configuration names are there", list);
}

void doctor_cpu(struct doctor *d)
{
	cpu_flags(d);
	cpu_online(d);
}

void doctor_kernel(struct doctor *d)
{
	unsigned major = 0, minor = 0;

	if (sscanf(d->release, "%u.%u", &major, &minor) != 2)
		doctor_say(d, DOCTOR_WARN, "kernel", "version \"%s\" is not understood", d->release);
	else if (major < 4 || (major == 4 && minor < 14))
		doctor_say(d, DOCTOR_FAIL, "kernel", "%s is too old, DPDK needs 4.14 or newer; upgrade", d->release);
	else
		doctor_say(d, DOCTOR_OK, "kernel", "%s", d->release);
}

static long number_of(const struct doctor *d, const char *path)
{
	char line[64];

	return doctor_read_line(d, path, line, sizeof line) < 0 ? -1 : strtol(line, NULL, 10);
}

/* Free huge pages of 2 MiB and 1 GiB, in MiB; -1 if the kernel has none at all. */
static long hugepages_free_mb(const struct doctor *d)
{
	long small = number_of(d, "/sys/kernel/mm/hugepages/hugepages-2048kB/free_hugepages");
	long large = number_of(d, "/sys/kernel/mm/hugepages/hugepages-1048576kB/free_hugepages");

	if (small < 0 && large < 0)
		return -1;
	return (small > 0 ? small * 2 : 0) + (large > 0 ? large * 1024 : 0);
}

static long memory_available_mb(const struct doctor *d)
{
	char value[64];

	return doctor_read_key(d, "/proc/meminfo", "MemAvailable", value, sizeof value) < 0
		       ? -1
		       : strtol(value, NULL, 10) / 1024;
}

void doctor_hugepages(struct doctor *d)
{
	long wanted = d->config ? d->config->memory_mb : 512;
	long free_mb = hugepages_free_mb(d), available = memory_available_mb(d);
	bool required = d->config && d->config->hugepages_required;
	enum doctor_level bad = required ? DOCTOR_FAIL : DOCTOR_WARN;

	if (available >= 0 && available < wanted && free_mb < wanted)
		doctor_say(d, DOCTOR_FAIL, "memory", "%ld MiB are free, %ld wanted; free some or lower memory.size_mb",
			   available, wanted);
	if (d->config && !d->config->hugepages)
		doctor_say(d, DOCTOR_OK, "hugepages", "switched off by the configuration");
	else if (free_mb < 0)
		doctor_say(d, bad, "hugepages", "this kernel has none; %s",
			   required ? "use another or set memory.hugepages to auto" : "ordinary memory will be used");
	else if (free_mb >= wanted)
		doctor_say(d, DOCTOR_OK, "hugepages", "%ld MiB free, %ld wanted", free_mb, wanted);
	else if (available >= wanted + wanted / 4)
		doctor_say(d, required ? DOCTOR_WARN : DOCTOR_OK, "hugepages",
			   "%ld MiB free, %ld wanted; %ld MiB of ordinary memory are free to be turned into some%s",
			   free_mb, wanted, available,
			   required ? " (sysctl vm.nr_hugepages), best right after boot" : "");
	else
		doctor_say(d, bad, "hugepages",
			   "%ld MiB free, %ld wanted; reserve them at boot (vm.nr_hugepages = %ld)", free_mb, wanted,
			   (wanted + 1) / 2);
}

void doctor_rights(struct doctor *d)
{
	static const struct {
		unsigned cap;
		const char *name, *use;
		enum doctor_level level;
	} wanted[] = {
		{ CAP_NET_RAW, "CAP_NET_RAW", "virtual devices on interfaces", DOCTOR_WARN },
		{ CAP_NET_ADMIN, "CAP_NET_ADMIN", "exception interfaces", DOCTOR_WARN },
		{ CAP_IPC_LOCK, "CAP_IPC_LOCK", "locked memory", DOCTOR_WARN },
		{ CAP_SYS_ADMIN, "CAP_SYS_ADMIN", "reserving huge pages", DOCTOR_WARN },
	};
	unsigned missing = 0;
	unsigned long long caps;
	char value[64];

	if (doctor_read_key(d, "/proc/self/status", "CapEff", value, sizeof value) < 0)
		return;
	caps = strtoull(value, NULL, 16);
	for (unsigned i = 0; i < sizeof wanted / sizeof *wanted; i++) {
		if (caps & 1ull << wanted[i].cap)
			continue;
		missing++;
		doctor_say(d, wanted[i].level, "rights", "this user lacks %s (%s); start batond as root or grant it",
			   wanted[i].name, wanted[i].use);
	}
	if (!missing)
		doctor_say(d, DOCTOR_OK, "rights", "this user has the capabilities batond uses");
}
