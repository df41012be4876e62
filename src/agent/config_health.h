/* SPDX-License-Identifier: BSD-3-Clause */
/* The part of the agent's configuration that is about health: who is told, what runs here, who may speak. */
#ifndef BATON_AGENT_CONFIG_HEALTH_H
#define BATON_AGENT_CONFIG_HEALTH_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "agent/watch_config.h"
#include "base/conf.h"
#include "baton/health.h"

#define AGENT_MAX_BALANCERS 16
#define AGENT_MAX_APPLICATIONS 256
#define AGENT_MAX_PEOPLE 16 /* users and groups that may do a thing, each */
#define AGENT_HEALTH_PORT 7472

struct agent_balancer {
	struct baton_addr addr;
	uint16_t port;
};

/* Where the health of a configured application comes from. */
enum agent_health_from {
	AGENT_HEALTH_REPORTED, /* whoever reports it; unknown until then */
	AGENT_HEALTH_ASSUMED,  /* healthy until somebody says something else */
};

struct agent_application {
	char *user, *specific; /* NULL: none */
	struct baton_addr vip, host;
	int vip_port, host_port;
	int protocol;
	int capacity;
	int health;                 /* enum agent_health_from */
	int failing;                /* enum health_directive: what a failing one is */
	int overload, overload_end; /* percent */
	struct watch_app watch;
	/* Made of the above. */
	struct health_app_id id;
	bool has_uid;
	uid_t uid; /* beside root, this user's processes may speak about it */
};

/* Users and groups by name or number. */
struct agent_people {
	uid_t users[AGENT_MAX_PEOPLE];
	gid_t groups[AGENT_MAX_PEOPLE];
	unsigned n_users, n_groups;
};

struct agent_config_health {
	uint64_t host_id; /* 0: not configured */
	int heartbeat_ms;
	struct agent_balancer balancers[AGENT_MAX_BALANCERS];
	unsigned n_balancers;
	struct agent_application *applications;
	unsigned n_applications;
	struct agent_people clients, operators; /* root is always in both */
	int max_clients;
};

struct agent_config;

/* Tables for the schema of agent/config.c; they speak about struct agent_config. */
extern const struct conf_key agent_health_keys[];
extern const struct conf_key agent_local_keys[];
extern const struct conf_key agent_application_keys[];
/* For .parse of the key balancers. */
int agent_balancer_parse(const char *text, void *object, char *why, size_t size);
/* After the schema: complete the applications, look for contradictions. */
void agent_config_health_check(const struct conf_doc *doc, struct agent_config *c, struct conf_findings *f);
/* The id of this host: configured, or made of its name. 0 if there is neither. */
uint64_t agent_config_host_id(const struct agent_config *c);
/* The id that is made of a name. */
uint64_t agent_config_name_id(const char *name);
/* The configured application of this id, or NULL. */
const struct agent_application *agent_config_application(const struct agent_config *c, const struct health_app_id *id);

#endif
