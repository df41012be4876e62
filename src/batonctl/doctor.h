/* SPDX-License-Identifier: BSD-3-Clause */
/* Examine a machine before batond starts on it. One line a finding, with what to do. */
#ifndef BATON_BATONCTL_DOCTOR_H
#define BATON_BATONCTL_DOCTOR_H

#include <stddef.h>
#include <stdio.h>

#include "config/config.h"

enum doctor_level { DOCTOR_OK, DOCTOR_WARN, DOCTOR_FAIL };

struct doctor {
	FILE *out;
	const char *root;            /* put before /proc, /sys, /dev and /etc: "" or a tree to examine */
	const char *release;         /* of the kernel: "6.1.0" */
	const struct config *config; /* NULL: could not be read; checks that need it are left out */
	unsigned n_warn, n_fail;
};

/* One line: "ok    topic: text". */
void doctor_say(struct doctor *d, enum doctor_level level, const char *topic, const char *format, ...)
	__attribute__((format(printf, 4, 5)));

void doctor_cpu(struct doctor *d);         /* instruction sets; CPUs that the configuration names */
void doctor_kernel(struct doctor *d);      /* version */
void doctor_hugepages(struct doctor *d);   /* free, or to be had */
void doctor_rights(struct doctor *d);      /* capabilities of this process */
void doctor_ports(struct doctor *d);       /* PCI devices, their driver, IOMMU; interfaces of virtual devices; tun */
void doctor_application(struct doctor *d); /* memory and packet buffers for mode application */
void doctor_secret(struct doctor *d);      /* cluster secret */
void doctor_run_dir(struct doctor *d);     /* can be written */

/* First line of a file under the root, without its end, into buf. -errno if it can't be read. */
int doctor_read_line(const struct doctor *d, const char *path, char *buf, size_t size);
/* Value of the line "key: value" or "key = value" of such a file, into buf. -ENOENT if there is none. */
int doctor_read_key(const struct doctor *d, const char *path, const char *key, char *buf, size_t size);
/* The path under the root, into buf; returns buf. */
const char *doctor_path(const struct doctor *d, const char *path, char *buf, size_t size);

#endif
