/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Many hosts in one process: each with the project's own host end of the
 * protocol, a seal and a link of its own. One thread; monotonic time.
 */
#ifndef BATON_BENCH_HEALTH_CROWD_H
#define BATON_BENCH_HEALTH_CROWD_H

#include <stdint.h>

#include "health/host.h"
#include "wire/codec.h"
#include "wire/link.h"
#include "wire/seal.h"

struct crowd_settings {
	struct baton_addr balancer;
	uint16_t port;
	const char *secret_file;
	unsigned n_hosts, n_apps;
	unsigned load_ms; /* each application's load is told so often */
	unsigned flip_ms; /* some application of all turns failing or healthy so often; 0: never */
};

struct crowd_host {
	struct crowd *crowd;
	unsigned number;
	uint64_t id;
	struct link *link;
	struct seal *seal;
	struct health_host health;
	uint64_t poll_ns;
	uint64_t *load_ns; /* of each application: when it is told next */
};

struct crowd {
	struct crowd_settings settings;
	int epoll_fd;
	struct crowd_host *hosts;
	struct codec_arena arena;
	uint64_t flip_ns, random;
	uint64_t flips, loads; /* done */
	uint8_t in[LINK_FRAME_MAX], text[CODEC_MESSAGE_MAX], out[LINK_FRAME_MAX];
};

/* NULL: no such secret, no memory or too few descriptors; says so on stderr. */
struct crowd *crowd_new(const struct crowd_settings *settings, uint64_t now_ns);
void crowd_free(struct crowd *c);
/* Wait until something is due or comes in, and do it. */
void crowd_turn(struct crowd *c);
/* Hosts all of whose applications act as they want to. */
unsigned crowd_settled(const struct crowd *c);

#endif
