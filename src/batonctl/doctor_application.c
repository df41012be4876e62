/* SPDX-License-Identifier: BSD-3-Clause */
/* What VIPs with mode application need of the device. */
#include "batonctl/doctor.h"

#include <stdbool.h>
#include <stdlib.h>

/* As docs/configuration.md tells of application.pending and application.large_heads, rounded up. */
#define PENDING_KIB 5
#define LARGE_HEAD_KIB 64

static unsigned classifiers(const struct config *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_lcores; i++)
		n += c->lcores[i].classifier;
	return n;
}

static unsigned by_application(const struct config *c)
{
	unsigned n = 0;

	for (unsigned i = 0; i < c->n_vips; i++)
		n += c->vips[i].by_application;
	return n;
}

static void memory_check(struct doctor *d, unsigned n_vips, unsigned n_classifiers)
{
	const struct config *c = d->config;
	long long need_mib = ((long long)c->pending * PENDING_KIB + (long long)c->large_heads * LARGE_HEAD_KIB) *
			     n_classifiers / 1024;
	char value[64] = "";
	long long free_mib = -1;

	if (doctor_read_key(d, "/proc/meminfo", "MemAvailable", value, sizeof value) == 0)
		free_mib = strtoll(value, NULL, 10) / 1024;
	if (free_mib >= 0 && need_mib > free_mib)
		doctor_say(d, DOCTOR_FAIL, "application",
			   "connections before their hand-over may take %lld MiB, %lld are free; lower "
			   "application.pending or application.large_heads",
			   need_mib, free_mib);
	else
		doctor_say(d, DOCTOR_OK, "application",
			   "%u VIPs; connections before their hand-over take %lld MiB at most", n_vips, need_mib);
}

void doctor_application(struct doctor *d)
{
	unsigned n_vips = d->config ? by_application(d->config) : 0, n_classifiers;
	const struct config *c = d->config;
	long long held;

	if (!n_vips)
		return;
	n_classifiers = classifiers(c);
	memory_check(d, n_vips, n_classifiers);
	held = (long long)c->held_packets * n_classifiers;
	if (held * 2 > c->packet_buffers)
		doctor_say(d, DOCTOR_WARN, "application",
			   "packets that wait for a hand-over may be %lld of all %d packet buffers; raise "
			   "memory.packet_buffers or lower application.held_packets",
			   held, c->packet_buffers);
}
