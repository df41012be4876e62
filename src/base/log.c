/* SPDX-License-Identifier: BSD-3-Clause */
#include "base/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static struct {
	const char *program;
	enum log_level most;
	bool journal;
} log_state = { "baton", LOG_LEVEL_INFO, false };

void log_open(const char *program, enum log_level most)
{
	log_state.program = program;
	log_state.most = most;
	log_state.journal = getenv("JOURNAL_STREAM") != NULL;
}

static const char *log_level_name(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return "error";
	case LOG_LEVEL_WARNING:
		return "warning";
	case LOG_LEVEL_INFO:
		return "info";
	case LOG_LEVEL_DEBUG:
		return "debug";
	}
	return "?";
}

void log_write(enum log_level level, const char *format, ...)
{
	char line[1024], prefix[64];
	va_list args;

	if (level > log_state.most)
		return;
	if (log_state.journal) {
		snprintf(prefix, sizeof prefix, "<%d>", (int)level);
	} else {
		struct timespec now;
		struct tm tm;
		char when[32];

		clock_gettime(CLOCK_REALTIME, &now);
		gmtime_r(&now.tv_sec, &tm);
		strftime(when, sizeof when, "%H:%M:%S", &tm);
		snprintf(prefix, sizeof prefix, "%s.%03ld %s %s: ", when, now.tv_nsec / 1000000, log_state.program,
			 log_level_name(level));
	}
	va_start(args, format);
	vsnprintf(line, sizeof line, format, args);
	va_end(args);
	/* one write, so that lines of several threads do not mix */
	fprintf(stderr, "%s%s\n", prefix, line);
}
