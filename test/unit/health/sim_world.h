/* SPDX-License-Identifier: BSD-3-Clause */
/* Parts of the simulated cluster, shared by its files. */
#ifndef BATON_TEST_HEALTH_SIM_WORLD_H
#define BATON_TEST_HEALTH_SIM_WORLD_H

#include "sim.h"

#define SIM_MS 1000000ull
#define SIM_WINDOW 64  /* postulates that are remembered by id */
#define SIM_STATES 512 /* states of a table that are remembered by sequence number */

struct sim_world;

/* What the test knows of one host as one cache should see it. */
struct sim_link {
	uint32_t cut_to_cache_until_ms, cut_to_host_until_ms;
	uint64_t got[SIM_WINDOW];               /* id of the postulate the cache got last in this place */
	uint64_t objected[SIM_WINDOW];          /* ... objected to */
	uint64_t host_knows[SIM_WINDOW];        /* ... whose objection reached the host */
	uint64_t host_knows_chunks[SIM_WINDOW]; /* in HEALTH_MAX_CHUNKS chunks */
	uint64_t left_incarnation;              /* goodbye of this one reached the cache */
	bool consented[SIM_MAX_ROWS]; /* the host moved the row with the cache's knowledge, and did not change it since
				       */
};

/* A table as of .seq, as one checksum. */
struct sim_state {
	uint64_t incarnation, seq;
	uint32_t crc;
};

struct sim_host {
	struct sim_world *world;
	unsigned index;
	bool up;
	struct health_host end;
	uint64_t incarnation; /* kept over restarts, like an agent's state file */
	uint64_t poll_ns;
	uint64_t snapshot_ns; /* when the last was sent, for its pace */
	uint64_t postulate_id;
	struct sim_state states[SIM_STATES];
};

struct sim_cache {
	struct sim_world *world;
	unsigned index;
	struct health_cache end;
	uint64_t poll_ns;
};

struct sim_packet {
	uint64_t due_ns, order;
	bool to_host;
	unsigned host, cache;
	struct health_message message;
	struct sim_packet *next; /* in order of time */
};

struct sim_world {
	const struct sim_plan *plan;
	FILE *log;
	uint64_t now_ns;
	int64_t wall_jump_ms;
	uint64_t dice;
	uint64_t packets_made;
	unsigned steps_now; /* without time going on */
	struct sim_packet *packets;
	uint32_t noise_until_ms;
	uint32_t loss, twice, delay_ms;
	struct sim_host hosts[SIM_MAX_HOSTS];
	struct sim_cache caches[SIM_MAX_CACHES];
	struct sim_link links[SIM_MAX_HOSTS][SIM_MAX_CACHES];
	struct sim_result result;
};

__attribute__((format(printf, 2, 3))) void sim_fail(struct sim_world *w, const char *format, ...);
void sim_row_id(unsigned host, unsigned row, struct health_app_id *ret);
/* The row's number, from its id. */
unsigned sim_row_number(const struct health_app_id *id);
uint64_t sim_host_id(unsigned host);

/* sim_net.c */
void sim_net_from_host(void *host, const struct health_message *m);
void sim_net_from_cache(void *cache, const struct health_message *m);
/* Deliver the first packet. */
void sim_net_deliver(struct sim_world *w);
void sim_net_clear(struct sim_world *w);

/* sim_check.c: what must hold, when it may be broken. */
void sim_check_sent(struct sim_host *h, const struct health_message *m);
void sim_check_moved(void *host, const struct health_row *row);
void sim_check_cache(struct sim_world *w, unsigned host, unsigned cache);
void sim_check_settled(struct sim_world *w);
/* Forget what a cache consented to: one row, or all (row < 0), of one cache or all (cache < 0). */
void sim_check_forget(struct sim_world *w, unsigned host, int cache, int row);

#endif
