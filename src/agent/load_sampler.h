/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Applications' load as the kernel sees it. The rule: the load of an
 * application is the highest of its configured figures, each in hundredths of a
 * percent:
 *
 * - cpu: CPU time used of that available since the last sample, of the machine,
 *   or of the application's cgroup (available: its limit, else all CPUs);
 * - run queue: part of the time since the last sample in which somebody had to
 *   wait for a CPU (/proc/pressure/cpu); on a kernel without that, the load
 *   average of the last minute per CPU;
 * - accept queue: how full the application's fullest accept queue is.
 *
 * Differences need two samples: the first sample reports no figure made of them.
 * Nothing is smoothed here. One thread.
 */
#ifndef BATON_AGENT_LOAD_SAMPLER_H
#define BATON_AGENT_LOAD_SAMPLER_H

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "baton/addr.h"

struct load_config {
	bool cpu, run_queue, accept_queue;
	char *cgroup; /* NULL: the machine */
};

extern const struct conf_key load_keys[];

/* One application. config stays the caller's. */
struct load_target {
	const struct load_config *config;
	struct baton_addr vip, host; /* where its listener may be; family 0: not there */
	uint16_t vip_port, host_port;
};

struct load_sampler;

/*
 * About target number: its load, if known; err is 0 or the -errno of the
 * figure named in what that can't be had (the others count on).
 */
typedef void (*load_report_fn)(void *context, unsigned number, bool known, uint32_t load, int err, const char *what);

/* root: see agent/load_proc.h; copied, as are the targets. 0 and *ret, or -errno. */
int load_sampler_new(const char *root, const struct load_target *targets, unsigned n, load_report_fn report,
		     void *context, struct load_sampler **ret);
/* Takes NULL. */
void load_sampler_free(struct load_sampler *s);
/* Take a sample and report about every target. */
void load_sampler_sample(struct load_sampler *s, uint64_t now_ns);

#endif
