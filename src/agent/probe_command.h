/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Attempts by a program: status 0 is good. It runs without a shell, in a
 * process group of its own, with no input, signals at their defaults; output
 * and errors come back by a pipe, of which the last line is kept. When the
 * program ends or its time is up the whole group is killed, so nothing it
 * leaves behind piles up; what has made a session of its own escapes this.
 *
 * One thread; nothing here waits.
 */
#ifndef BATON_AGENT_PROBE_COMMAND_H
#define BATON_AGENT_PROBE_COMMAND_H

#include <stdint.h>

#include "agent/probe_config.h"
#include "agent/probe_reason.h"

#define PROBE_TAIL_BYTES 512           /* of the output, kept for the last line */
#define PROBE_OUTPUT_MAX (1024 * 1024) /* bytes; a program that writes more is stopped */

struct probe_command {
	int pid_fd; /* -1: not running; readable when the program has ended */
	int out_fd; /* -1: closed */
	int pid;
	bool killed; /* its result is known; .pid_fd is closed when it is dead */
	uint64_t deadline_ns;
	size_t n_written, tail_len;
	char tail[PROBE_TAIL_BYTES];
};

void probe_command_init(struct probe_command *p);
/* Also while a killed program is not dead yet. */
bool probe_command_is_running(const struct probe_command *p);
/*
 * Start. If a killed run is not dead yet (it hangs in the kernel): -EBUSY.
 * tag | descriptor goes into epoll_data.u64 of the two descriptors. 0, or
 * -errno, then *ret is the attempt's result.
 */
int probe_command_start(struct probe_command *p, const struct probe_config *c, int epoll_fd, uint64_t tag,
			uint64_t now_ns, struct probe_result *ret);
/*
 * Look what has happened: output, end, time up. Whether the attempt has ended;
 * then *ret is its result.
 */
bool probe_command_poll(struct probe_command *p, const struct probe_config *c, uint64_t now_ns,
			struct probe_result *ret);
/* Kill what runs; waits a moment for its end. */
void probe_command_fini(struct probe_command *p);

#endif
