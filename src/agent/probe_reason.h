/* SPDX-License-Identifier: BSD-3-Clause */
/* Why a probe says what it says, in a few words for people. */
#ifndef BATON_AGENT_PROBE_REASON_H
#define BATON_AGENT_PROBE_REASON_H

#include "baton/health.h"

struct probe_result {
	bool good;
	char reason[HEALTH_REASON_MAX]; /* printable */
};

/* Fill in; what does not fit is cut. */
void probe_result_set(struct probe_result *r, bool good, const char *format, ...) __attribute__((format(printf, 3, 4)));
/* An error number's text beginning in lower case: "connection refused". */
const char *probe_error_text(int err, char *buf, size_t size);
/*
 * The last line of text that is not empty, without what is not printable, cut
 * to size; returns buf, which may become empty.
 */
char *probe_last_line(const char *text, size_t len, char *buf, size_t size);

#endif
