/* SPDX-License-Identifier: BSD-3-Clause */
/*
 * Hosts, groups and balancers in one process: the project's own code at every
 * end, real encoded and sealed bytes, a simulated network and clock between.
 */
#ifndef BATON_TEST_GROUP_SIM_H
#define BATON_TEST_GROUP_SIM_H

#include "health/cache.h"
#include "health/group.h"
#include "health/group_cache.h"
#include "health/host.h"
#include "wire/codec.h"
#include "wire/seal.h"

#define SIM_MS 1000000ull
#define SIM_S 1000000000ull
#define SIM_BALANCERS 4
/* What a frame costs beside itself: nanomsg's length, TCP with time stamps, IPv4. */
#define SIM_AROUND_BYTES (8 + 32 + 20)

struct group_sim_settings {
	unsigned n_hosts, n_apps, n_balancers;
	unsigned group_size; /* 0: no groups */
	uint8_t mode;
	bool compress;
	unsigned load_ms;     /* each application's load is told so often */
	unsigned loss;        /* frames of 1000 */
	unsigned delay_ms[2]; /* shortest and longest */
	uint64_t seed;
};

enum sim_way { SIM_TO_BALANCERS, SIM_TO_HOSTS, SIM_IN_GROUPS, SIM_N_WAYS };

struct sim_traffic {
	uint64_t n_frames, n_bytes;
};

struct sim_host {
	uint64_t id, incarnation;
	unsigned number, first; /* of its group */
	bool alive, grouped;
	unsigned side;           /* groups' frames pass between hosts of one side only */
	bool cut[SIM_BALANCERS]; /* from this balancer, both ways */
	struct health_host health;
	struct health_group group;
	struct seal *to_balancers, *to_members;
	uint64_t next_ns, load_ns;
	bool last_word; /* dies after the next consolidated heartbeat, which only balancer 0 gets */
};

struct sim_balancer {
	uint64_t id;
	struct health_cache cache;
	struct health_group_cache groups;
	struct seal *seal;
	uint64_t next_ns, beacon_ns;
};

struct sim_frame;

struct group_sim {
	struct group_sim_settings settings;
	uint64_t now_ns, random;
	struct sim_host *hosts;
	struct sim_balancer balancers[SIM_BALANCERS];
	struct seal_keyring keys;
	struct codec_arena arena;
	struct sim_frame *frames; /* heap by time */
	size_t n_frames, max_frames;
	uint64_t n_sent;
	struct sim_traffic traffic[SIM_N_WAYS];
};

/* NULL: no memory, or a setting that is none. */
struct group_sim *group_sim_new(const struct group_sim_settings *settings);
void group_sim_free(struct group_sim *s);
void group_sim_run(struct group_sim *s, uint64_t for_ns);
/* Without a word; and again, as a new run. */
void group_sim_kill(struct group_sim *s, unsigned host);
void group_sim_start(struct group_sim *s, unsigned host);
/* As balancer b sees it. */
bool group_sim_present(const struct group_sim *s, unsigned b, unsigned host);
/* Number of the host that this one takes for the leader; -1: none. */
int group_sim_leader(const struct group_sim *s, unsigned host);
/* From 0 to n - 1. */
unsigned group_sim_random(struct group_sim *s, unsigned n);
/* From here on. */
void group_sim_traffic_clear(struct group_sim *s);

#endif
