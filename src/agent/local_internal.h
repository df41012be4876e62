/* SPDX-License-Identifier: BSD-3-Clause */
/* What the files of the desk share. */
#ifndef BATON_AGENT_LOCAL_INTERNAL_H
#define BATON_AGENT_LOCAL_INTERNAL_H

#include "agent/local_desk.h"
#include "agent/local_packet.h"

/* One application of one connection, or of one that has ended. */
struct local_registration {
	struct health_app_id id;
	struct agent_source source;
	struct local_peer *peer; /* NULL: has ended */
	uid_t uid;
	pid_t pid;
	uint8_t on_exit, state; /* as last told */
	bool silent;            /* fails because of it */
	uint32_t silence_ms;
	char reason[HEALTH_REASON_MAX];
};

struct local_desk {
	const struct agent_config *config;
	struct agent_health *health;
	local_told_fn told;
	void *told_arg;
	local_counter_fn counter; /* NULL: none */
	void *counter_arg;
	struct steps *steps; /* NULL: none */
	struct local_registration registrations[LOCAL_MAX_REGISTRATIONS];
	unsigned n;
};

/* An answer: 0 or -errno with the reason for people in why (BATON_AGENT_TEXT bytes). */
int local_refuse(char *why, int err, const char *format, ...) __attribute__((format(printf, 3, 4)));

/* Requests of applications. */
int local_app_set(struct local_desk *d, struct local_peer *p, const struct local_request *r, char *why);
int local_app_del(struct local_desk *d, struct local_peer *p, const struct local_request *r, char *why);
/* Forget registration i and what it has said. */
void local_registration_del(struct local_desk *d, unsigned i);
/* Fill in what the request leaves to the host: address, port. */
void local_app_complete(const struct agent_config *c, struct health_app_id *id);

/* Requests of operators. */
int local_host_set(struct local_desk *d, const struct local_request *r, char *why);
int local_host_del(struct local_desk *d, const struct local_request *r, char *why);
int local_host_wish(struct local_desk *d, const struct local_request *r, char *why);

/* The rows behind r->app. Bytes of the reply. */
size_t local_list(struct local_desk *d, const struct local_request *r, uint8_t *reply);

/* Trace a client, and what there is of its steps. Bytes of the reply. */
size_t local_trace(struct local_desk *d, const struct local_peer *p, const struct local_request *r, uint8_t *reply);

/* All counters. Bytes of the reply. */
size_t local_counters(struct local_desk *d, const struct local_request *r, uint8_t *reply);

#endif
