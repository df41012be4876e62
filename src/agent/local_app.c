/* SPDX-License-Identifier: BSD-3-Clause */
/* Requests of applications. */
#include <errno.h>
#include <string.h>

#include "agent/health_rules.h"
#include "agent/local_internal.h"

void local_app_complete(const struct agent_config *c, struct health_app_id *id)
{
	const struct baton_addr *host;

	if (!id->host_port)
		id->host_port = id->vip_port;
	if (id->host.family)
		return;
	host = agent_config_address(c, id->vip.family);
	if (host)
		id->host = *host;
}

static struct local_registration *registration_find(struct local_desk *d, const struct local_peer *p,
						    const struct health_app_id *id)
{
	for (unsigned i = 0; i < d->n; i++)
		if (d->registrations[i].peer == p && !memcmp(&d->registrations[i].id, id, sizeof *id))
			return &d->registrations[i];
	return NULL;
}

void local_registration_del(struct local_desk *d, unsigned i)
{
	struct local_registration *g = &d->registrations[i];

	agent_health_del(d->health, g->source, &g->id);
	*g = d->registrations[--d->n];
}

/* Whether this user may have the application. */
static int owner_check(const struct local_desk *d, const struct local_peer *p, const struct health_app_id *id,
		       char *why)
{
	const struct agent_application *a = agent_config_application(d->config, id);

	if (p->uid == 0)
		return 0;
	if (!agent_config_has(d->config->addresses, d->config->n_addresses, &id->host))
		return local_refuse(why, -EACCES, "only root may register at an address that is not this host's");
	if (a && (!a->has_uid || a->uid != p->uid))
		return local_refuse(why, -EACCES, "this application is configured for %s",
				    a->user ? a->user : "root only");
	for (unsigned i = 0; i < d->n; i++) {
		const struct local_registration *g = &d->registrations[i];

		if (!a && g->uid != p->uid && !memcmp(&g->id, id, sizeof *id))
			return local_refuse(why, -EACCES, "user %u has registered it already", g->uid);
	}
	return 0;
}

static int room_check(const struct local_desk *d, const struct local_peer *p, char *why)
{
	unsigned mine = 0, users = 0;

	for (unsigned i = 0; i < d->n; i++) {
		mine += d->registrations[i].peer == p;
		users += d->registrations[i].uid == p->uid;
	}
	if (mine == LOCAL_MAX_OF_CLIENT)
		return local_refuse(why, -ENOSPC, "a connection has at most %d applications", LOCAL_MAX_OF_CLIENT);
	if (p->uid && users >= LOCAL_MAX_OF_USER)
		return local_refuse(why, -ENOSPC, "a user has at most %d applications", LOCAL_MAX_OF_USER);
	if (d->n == LOCAL_MAX_REGISTRATIONS)
		return local_refuse(why, -ENOSPC, "the agent has at most %d applications", LOCAL_MAX_REGISTRATIONS);
	return 0;
}

/* What an ended process has left about this application. */
static void remains_del(struct local_desk *d, const struct health_app_id *id)
{
	for (unsigned i = d->n; i-- > 0;)
		if (!d->registrations[i].peer && !memcmp(&d->registrations[i].id, id, sizeof *id))
			local_registration_del(d, i);
}

static int add_explain(int err, char *why)
{
	if (err == -EINVAL)
		return local_refuse(why, err, "not an application: address, port or protocol is missing");
	if (err == -ENOSPC)
		return local_refuse(why, err, "too many applications, or too many speak about this one");
	return err ? local_refuse(why, err, "%s", strerror(-err)) : 0;
}

static int registration_add(struct local_desk *d, struct local_peer *p, const struct local_request *r, char *why,
			    struct local_registration **ret)
{
	struct local_registration g = {
		.id = r->app, .source = { AGENT_SOURCE_APP, p->number }, .peer = p, .uid = p->uid, .pid = p->pid
	};
	int err = owner_check(d, p, &r->app, why);

	if (err)
		return err;
	remains_del(d, &r->app);
	err = room_check(d, p, why);
	if (!err)
		err = add_explain(agent_health_add(d->health, g.source, &r->app, AGENT_HEALTH_NO_CAPACITY, true), why);
	if (err)
		return err;
	*ret = &d->registrations[d->n++];
	**ret = g;
	return 0;
}

/* All that the request says; the row and the word are there. */
static void registration_say(struct local_desk *d, struct local_registration *g, const struct local_request *r)
{
	g->on_exit = r->on_exit;
	g->silence_ms = r->silence_ms;
	if (r->fields & BATON_AGENT_HAS_CAPACITY)
		agent_health_add(d->health, g->source, &g->id, r->capacity, true);
	if (r->fields & BATON_AGENT_HAS_WISH)
		agent_health_wish(d->health, g->source, &g->id, (enum health_directive)r->wish, r->wish_reason);
	if (r->fields & BATON_AGENT_HAS_LOAD)
		agent_health_load(d->health, g->source, &g->id, r->load);
	if (r->fields & BATON_AGENT_HAS_STATE) {
		g->state = r->state;
		agent_health_reason_copy(g->reason, r->reason);
		agent_health_report(d->health, g->source, &g->id, (enum health_state)r->state, r->reason);
	}
}

int local_app_set(struct local_desk *d, struct local_peer *p, const struct local_request *r, char *why)
{
	struct local_registration *g = registration_find(d, p, &r->app);
	int err = 0;

	if (r->fields & BATON_AGENT_HAS_NOTHING)
		return local_refuse(why, -EINVAL, "an application can't take its word back but by leaving");
	if (r->silence_ms && r->silence_ms < LOCAL_SILENCE_MIN_MS)
		return local_refuse(why, -EINVAL, "silence is less than %d ms", LOCAL_SILENCE_MIN_MS);
	if (!agent_health_id_valid(&r->app))
		return add_explain(-EINVAL, why);
	if (!g)
		err = registration_add(d, p, r, why, &g);
	if (!err)
		registration_say(d, g, r);
	return err;
}

int local_app_del(struct local_desk *d, struct local_peer *p, const struct local_request *r, char *why)
{
	struct local_registration *g = registration_find(d, p, &r->app);

	if (!g)
		return local_refuse(why, -ENOENT, "not registered on this connection");
	local_registration_del(d, (unsigned)(g - d->registrations));
	return 0;
}
