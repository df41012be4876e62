/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/config_health.h"

#include <ctype.h>
#include <endian.h>
#include <errno.h>
#include <grp.h>
#include <netinet/in.h>
#include <pwd.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/config.h"
#include "base/number.h"

/* The last uid and gid mean "none" to the kernel. */
static int user_parse(const char *text, uid_t *ret, char *why, size_t size)
{
	const struct passwd *p = getpwnam(text);
	uint64_t n;

	if (p)
		*ret = p->pw_uid;
	else if (number_parse(text, 0, UINT32_MAX - 1, &n) == 0)
		*ret = (uid_t)n;
	else {
		snprintf(why, size, "there is no user \"%.64s\"", text);
		return -EINVAL;
	}
	return 0;
}

static int group_parse(const char *text, gid_t *ret, char *why, size_t size)
{
	const struct group *g = getgrnam(text);
	uint64_t n;

	if (g)
		*ret = g->gr_gid;
	else if (number_parse(text, 0, UINT32_MAX - 1, &n) == 0)
		*ret = (gid_t)n;
	else {
		snprintf(why, size, "there is no group \"%.64s\"", text);
		return -EINVAL;
	}
	return 0;
}

static int people_user(struct agent_people *p, const char *text, char *why, size_t size)
{
	if (p->n_users == AGENT_MAX_PEOPLE)
		return -ENOSPC;
	return user_parse(text, &p->users[p->n_users], why, size) ? -EINVAL : (p->n_users++, 0);
}

static int people_group(struct agent_people *p, const char *text, char *why, size_t size)
{
	if (p->n_groups == AGENT_MAX_PEOPLE)
		return -ENOSPC;
	return group_parse(text, &p->groups[p->n_groups], why, size) ? -EINVAL : (p->n_groups++, 0);
}

static int users_parse(const char *text, void *object, char *why, size_t size)
{
	return people_user(&((struct agent_config *)object)->health.clients, text, why, size);
}

static int groups_parse(const char *text, void *object, char *why, size_t size)
{
	return people_group(&((struct agent_config *)object)->health.clients, text, why, size);
}

static int operator_users_parse(const char *text, void *object, char *why, size_t size)
{
	return people_user(&((struct agent_config *)object)->health.operators, text, why, size);
}

static int operator_groups_parse(const char *text, void *object, char *why, size_t size)
{
	return people_group(&((struct agent_config *)object)->health.operators, text, why, size);
}

const struct conf_key agent_local_keys[] = {
	{ "users", CONF_TEXT, .parse = users_parse, .list_max = AGENT_MAX_PEOPLE,
	  .help = "Users whose processes may register applications, by name or number, beside root." },
	{ "groups", CONF_TEXT, .parse = groups_parse, .list_max = AGENT_MAX_PEOPLE,
	  .help = "Groups whose members' processes may do the same." },
	{ "operator_users", CONF_TEXT, .parse = operator_users_parse, .list_max = AGENT_MAX_PEOPLE,
	  .help = "Users who may use batonctl host, drain and undrain, beside root." },
	{ "operator_groups", CONF_TEXT, .parse = operator_groups_parse, .list_max = AGENT_MAX_PEOPLE,
	  .help = "Groups whose members may do the same." },
	{ "max_clients", CONF_INT, CONF_FIELD(struct agent_config, health.max_clients), .min = 1, .max = 4096,
	  .def = "256", .help = "Most connections to the local socket; one user other than root has half of them." },
	{ 0 },
};

static int host_id_parse(const char *text, void *object, char *why, size_t size)
{
	struct agent_config *c = object;
	char *end;

	errno = 0;
	c->health.host_id = strtoull(text, &end, 16);
	if (strlen(text) == 16 && isxdigit((unsigned char)text[0]) && !*end && !errno && c->health.host_id)
		return 0;
	snprintf(why, size, "\"%.64s\" is not 16 hexadecimal digits, or all of them are 0", text);
	return -EINVAL;
}

const struct conf_key agent_health_keys[] = {
	{ "host_id", CONF_TEXT, .parse = host_id_parse,
	  .help = "This host's number for the balancers, 16 hexadecimal digits; without it, it is made of the name." },
	{ "heartbeat_ms", CONF_INT, CONF_FIELD(struct agent_config, health.heartbeat_ms), .min = 100, .max = 60000,
	  .def = "1000", .help = "Milliseconds between heartbeats; a host whose heartbeats miss three times is dead." },
	{ 0 },
};

static const struct conf_name protocols[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { 0 } };
static const struct conf_name froms[] = { { "reported", AGENT_HEALTH_REPORTED },
					  { "assumed", AGENT_HEALTH_ASSUMED },
					  { 0 } };
static const struct conf_name failings[] = { { "inactive", HEALTH_INACTIVE }, { "draining", HEALTH_DRAINING }, { 0 } };

const struct conf_key agent_application_keys[] = {
	{ "vip", CONF_ADDR, CONF_FIELD(struct agent_application, vip),
	  .help = "Address that clients use; none: any that leads to host." },
	{ "port", CONF_INT, CONF_FIELD(struct agent_application, vip_port), .min = 1, .max = 65535, .required = true,
	  .help = "Port that clients use." },
	{ "host", CONF_ADDR, CONF_FIELD(struct agent_application, host),
	  .help = "This host's address that packets come to; without it the first of addresses in the VIP's family." },
	{ "host_port", CONF_INT, CONF_FIELD(struct agent_application, host_port), .min = 0, .max = 65535, .def = "0",
	  .help = "Port that the server listens on; 0: same as port." },
	{ "protocol", CONF_ENUM, CONF_FIELD(struct agent_application, protocol), .names = protocols, .def = "tcp",
	  .help = "Transport protocol." },
	{ "specific", CONF_STRING, CONF_FIELD(struct agent_application, specific), .min = 1,
	  .max = HEALTH_SPECIFIC_MAX - 1, .help = "Protocol-specific part of the application's name." },
	{ "capacity", CONF_INT, CONF_FIELD(struct agent_application, capacity), .min = 0, .max = 99, .def = "50",
	  .help = "Share of new connections in proportion to other hosts'; 0: none." },
	{ "health", CONF_ENUM, CONF_FIELD(struct agent_application, health), .names = froms, .def = "reported",
	  .help = "reported: unknown until somebody tells it; assumed: healthy until somebody says otherwise." },
	{ "user", CONF_STRING, CONF_FIELD(struct agent_application, user), .min = 1, .max = 63,
	  .help = "User whose processes may speak about it, by name or number; without it only root's." },
	{ "failing", CONF_ENUM, CONF_FIELD(struct agent_application, failing), .names = failings, .def = "inactive",
	  .help = "What it is while it fails: inactive, or draining, where established connections go on." },
	{ "overload", CONF_INT, CONF_FIELD(struct agent_application, overload), .min = 0, .max = 600, .def = "95",
	  .help = "Percent of load from which it gets no new connections; 0: never." },
	{ "overload_end", CONF_INT, CONF_FIELD(struct agent_application, overload_end), .min = 0, .max = 600,
	  .def = "85", .help = "Percent of load at which it gets them again." },
	{ "probes", CONF_LIST, CONF_HEAP(struct agent_application, watch.probes, watch.n_probes, WATCH_MAX_PROBES),
	  .keys = probe_keys, .help = "Looks at it from outside; it is healthy when all of them say so." },
	{ "unit", CONF_STRING, CONF_FIELD(struct agent_application, watch.unit), .check = watch_unit_check,
	  .help = "Unit of systemd that runs it." },
	{ "unit_stopped", CONF_ENUM, CONF_FIELD(struct agent_application, watch.unit_stopped),
	  .names = watch_unit_stopped_names, .def = "remove",
	  .help = "What it is while its unit is not active: remove: not there at all; failing: there, and failing." },
	{ "load", CONF_GROUP, .offset = offsetof(struct agent_application, watch.load), .keys = load_keys,
	  .help = "Its load as the kernel sees it: the highest of the figures that are switched on." },
	{ 0 },
};

/* "10.0.0.2", "10.0.0.2:7472", "[2001:db8::2]:7472", each perhaps behind "tcp://". */
int agent_balancer_parse(const char *text, void *object, char *why, size_t size)
{
	struct agent_config_health *c = &((struct agent_config *)object)->health;
	struct agent_balancer b = { .port = AGENT_HEALTH_PORT };
	const char *from = strncmp(text, "tcp://", 6) ? text : text + 6, *port;
	char addr[BATON_ADDR_TEXT_MAX];
	bool bracket = from[0] == '[';
	uint64_t n;
	size_t len;

	if (baton_addr_parse(from, &b.addr) < 0) {
		len = bracket ? strcspn(++from, "]") : strcspn(from, ":");
		port = from + len + (bracket && from[len]);
		snprintf(addr, sizeof addr, "%.*s", (int)(len < sizeof addr ? len : sizeof addr - 1), from);
		if (baton_addr_parse(addr, &b.addr) < 0 || (*port && *port != ':') ||
		    (*port && number_parse(port + 1, 1, 65535, &n)) || bracket != (b.addr.family == BATON_IPV6)) {
			snprintf(why, size, "\"%.64s\" is not an address with or without a port", text);
			return -EINVAL;
		}
		if (*port)
			b.port = (uint16_t)n;
	}
	if (c->n_balancers == AGENT_MAX_BALANCERS)
		return -ENOSPC;
	c->balancers[c->n_balancers++] = b;
	return 0;
}

const struct agent_application *agent_config_application(const struct agent_config *c, const struct health_app_id *id)
{
	for (unsigned i = 0; i < c->health.n_applications; i++)
		if (!memcmp(&c->health.applications[i].id, id, sizeof *id))
			return &c->health.applications[i];
	return NULL;
}

const struct baton_addr *agent_config_address(const struct agent_config *c, uint8_t family)
{
	for (unsigned i = 0; i < c->n_addresses; i++)
		if (!family || c->addresses[i].family == family)
			return &c->addresses[i];
	return NULL;
}

static int application_complete(const struct agent_config *c, struct agent_application *a)
{
	const struct baton_addr *host = a->host.family ? &a->host : agent_config_address(c, a->vip.family);

	if (!host)
		return -EINVAL;
	a->id = (struct health_app_id){ .vip = a->vip,
					.host = *host,
					.vip_port = (uint16_t)a->vip_port,
					.host_port = (uint16_t)(a->host_port ? a->host_port : a->vip_port),
					.proto = (uint8_t)a->protocol };
	if (a->specific)
		memcpy(a->id.specific, a->specific, strnlen(a->specific, HEALTH_SPECIFIC_MAX - 1));
	return 0;
}

static void application_check(const struct conf_doc *doc, struct agent_config *c, unsigned i, struct conf_findings *f)
{
	struct agent_application *a = &c->health.applications[i];
	char path[64], why[CONF_WHY_SIZE] = "";

	snprintf(path, sizeof path, "agent.applications[%u]", i);
	if (application_complete(c, a) < 0) {
		conf_error(f, doc, path, "addresses has none of the VIP's family, and host is not given");
		return;
	}
	if (a->host.family && !agent_config_has(c->addresses, c->n_addresses, &a->host))
		conf_error(f, doc, path, "host is not one of addresses");
	if (a->overload && a->overload_end > a->overload)
		conf_error(f, doc, path, "overload_end is above overload");
	watch_app_check(f, doc, path, &a->watch, a->protocol == IPPROTO_TCP);
	if (a->user) {
		a->has_uid = user_parse(a->user, &a->uid, why, sizeof why) == 0;
		if (!a->has_uid)
			conf_error(f, doc, path, "%s", why);
	}
	for (unsigned j = 0; j < i; j++)
		if (!memcmp(&c->health.applications[j].id, &a->id, sizeof a->id))
			conf_error(f, doc, path, "is the same application as applications[%u]", j);
}

void agent_config_health_check(const struct conf_doc *doc, struct agent_config *c, struct conf_findings *f)
{
	const struct agent_config_health *h = &c->health;

	for (unsigned i = 0; i < h->n_applications; i++)
		application_check(doc, c, i, f);
	for (unsigned i = 1; i < h->n_balancers; i++)
		for (unsigned j = 0; j < i; j++)
			if (baton_addr_equal(&h->balancers[i].addr, &h->balancers[j].addr) &&
			    h->balancers[i].port == h->balancers[j].port)
				conf_error(f, doc, "agent.balancers", "number %u stands there twice", j + 1);
	if (h->n_balancers && !c->name && !h->host_id)
		conf_error(f, doc, "agent.balancers", "needs a name (or health.host_id) to speak under");
}

uint64_t agent_config_name_id(const char *name)
{
	uint64_t id = 0;

	crypto_generichash((unsigned char *)&id, sizeof id, (const unsigned char *)name, strlen(name), NULL, 0);
	return be64toh(id);
}

uint64_t agent_config_host_id(const struct agent_config *c)
{
	return c->health.host_id || !c->name ? c->health.host_id : agent_config_name_id(c->name);
}
