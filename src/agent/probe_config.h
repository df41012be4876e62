/* SPDX-License-Identifier: BSD-3-Clause */
/* Probes as configured: the schema of one probe, and what it says. */
#ifndef BATON_AGENT_PROBE_CONFIG_H
#define BATON_AGENT_PROBE_CONFIG_H

#include <stdbool.h>
#include <stdint.h>

#include "base/conf.h"
#include "baton/addr.h"

#define PROBE_MAX_ARGUMENTS 16
#define PROBE_MAX_STATUS_RANGES 8
#define PROBE_BODY_MAX 65536

enum probe_type { PROBE_TCP, PROBE_HTTP, PROBE_TLS, PROBE_COMMAND };
enum probe_method { PROBE_GET, PROBE_HEAD };

/* HTTP status codes that count as good, low to high inclusive. */
struct probe_status_range {
	uint16_t low, high;
};

struct probe_config {
	int type;                 /* enum probe_type */
	struct baton_addr target; /* family 0: the application's own address */
	int port;                 /* 0: the application's own */

	int method; /* enum probe_method */
	bool https;
	char *path;
	char *host_header; /* NULL: server_name, or the address */
	struct probe_status_range status[PROBE_MAX_STATUS_RANGES];
	unsigned n_status; /* 0: 200 alone */
	char *body_contains;
	char *body_matches; /* POSIX extended regular expression */
	int body_bytes;     /* at most so many are read and looked at */

	char *server_name; /* SNI and the name in the certificate */
	bool verify;
	char *ca_file;

	char *command[PROBE_MAX_ARGUMENTS];
	unsigned n_command;

	int interval_ms, timeout_ms, rise, fall;
};

extern const struct conf_key probe_keys[];

/* What the schema can't say about one probe; path names it in the findings. */
void probe_config_check(struct conf_findings *f, const struct conf_doc *doc, const char *path,
			const struct probe_config *p);
/* Parse "200" or "200-299" (100-599). 0, or -EINVAL. */
int probe_status_parse(const char *text, struct probe_status_range *ret);
/* Whether a status is one of those wanted. */
bool probe_status_wanted(const struct probe_config *p, long status);
/* Text of those wanted, "200-299,304", cut to size; returns buf. */
char *probe_status_format(const struct probe_config *p, char *buf, size_t size);
/* Name of a type: "tcp", … */
const char *probe_type_name(int type);

#endif
