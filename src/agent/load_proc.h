/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * What the kernel says about the machine's and a cgroup's use of the CPU.
 * root is put before every path: "" on a live machine, a folder with files of
 * the same form elsewhere. All functions: 0, -errno of reading, or -EBADMSG if
 * the file is not of the form that the kernel's documentation describes.
 */
#ifndef BATON_AGENT_LOAD_PROC_H
#define BATON_AGENT_LOAD_PROC_H

#include <stdint.h>

/* /proc/stat: all since boot, in clock ticks. Stolen time counts as busy, waiting for I/O as idle. */
struct load_cpu {
	uint64_t busy, total;
	unsigned n_cpus; /* online */
};

/* cgroup v2. */
struct load_cgroup {
	uint64_t used_us; /* since it was made */
	double cpus;      /* it may use; 0: no limit of its own */
};

int load_cpu_read(const char *root, struct load_cpu *ret);
/* folder: of the cgroup, such as /sys/fs/cgroup/system.slice/nginx.service. */
int load_cgroup_read(const char *root, const char *folder, struct load_cgroup *ret);
/* /proc/pressure/cpu: microseconds since boot in which some runnable task had no CPU. */
int load_pressure_read(const char *root, uint64_t *ret_us);
/* /proc/loadavg: of the last minute, in hundredths of a task. */
int load_average_read(const char *root, uint32_t *ret_hundredths);

#endif
