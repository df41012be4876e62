/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/local_desk.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "agent/local_internal.h"
#include "base/clock.h"

struct local_desk *local_desk_new(const struct agent_config *c, struct agent_health *h, local_told_fn told, void *arg)
{
	struct local_desk *d = calloc(1, sizeof *d);

	if (!d)
		return NULL;
	d->config = c;
	d->health = h;
	d->told = told;
	d->told_arg = arg;
	return d;
}

void local_desk_free(struct local_desk *d)
{
	free(d);
}

void local_desk_config(struct local_desk *d, const struct agent_config *c)
{
	d->config = c;
}

void local_desk_counters(struct local_desk *d, local_counter_fn fn, void *arg)
{
	d->counter = fn;
	d->counter_arg = arg;
}

unsigned local_desk_count(const struct local_desk *d)
{
	return d->n;
}

int local_refuse(char *why, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, BATON_AGENT_TEXT, format, args);
	va_end(args);
	return err;
}

/* Who was silent and is heard again is what it said last. */
static void heard(struct local_desk *d, struct local_peer *p, uint64_t now_ns)
{
	p->heard_ns = now_ns;
	for (unsigned i = 0; i < d->n; i++) {
		struct local_registration *g = &d->registrations[i];

		if (g->peer != p || !g->silent)
			continue;
		g->silent = false;
		agent_health_report(d->health, g->source, &g->id, (enum health_state)g->state, g->reason);
	}
}

/* Whether the request is for this host. */
static bool meant(const struct agent_config *c, const char *host)
{
	struct baton_addr a;

	if (!host[0] || (c->name && !strcmp(host, c->name)))
		return true;
	return baton_addr_parse(host, &a) == 0 && agent_config_has(c->addresses, c->n_addresses, &a);
}

static int operator_serve(struct local_desk *d, const struct local_peer *p, struct local_request *r, char *why)
{
	if (!p->is_operator)
		return local_refuse(why, -EPERM, "user %u is no operator (agent.local.operator_users)", p->uid);
	if (!meant(d->config, r->host))
		return local_refuse(why, -EXDEV, "this host is %s, not %s",
				    d->config->name ? d->config->name : "without a name", r->host);
	if (r->has_app)
		local_app_complete(d->config, &r->app);
	if (r->type == BATON_AGENT_HOST_SET)
		return local_host_set(d, r, why);
	if (r->type == BATON_AGENT_HOST_DEL)
		return local_host_del(d, r, why);
	return local_host_wish(d, r, why);
}

static int request_serve(struct local_desk *d, struct local_peer *p, struct local_request *r, char *why)
{
	switch (r->type) {
	case BATON_AGENT_ALIVE:
		return 0;
	case BATON_AGENT_APP_SET:
		local_app_complete(d->config, &r->app);
		return local_app_set(d, p, r, why);
	case BATON_AGENT_APP_DEL:
		local_app_complete(d->config, &r->app);
		return local_app_del(d, p, r, why);
	default:
		return operator_serve(d, p, r, why);
	}
}

size_t local_desk_serve(struct local_desk *d, struct local_peer *p, const uint8_t *packet, size_t len, uint64_t now_ns,
			uint8_t *reply)
{
	char why[BATON_AGENT_TEXT] = "";
	struct local_request r;
	const char *fault = NULL;
	int err = local_request_decode(packet, len, &r, &fault);

	if (err == -EPROTO)
		return 0;
	heard(d, p, now_ns);
	if (err)
		local_refuse(why, err, "%s", fault);
	else if (r.type == BATON_AGENT_LIST)
		return local_list(d, &r, reply);
	else if (r.type == BATON_AGENT_COUNTERS)
		return local_counters(d, &r, reply);
	else if (r.type == BATON_AGENT_TRACE)
		return local_trace(d, p, &r, reply);
	else
		err = request_serve(d, p, &r, why);
	local_reply_begin((struct baton_agent_reply *)reply, &r, err, why);
	return sizeof(struct baton_agent_reply);
}

/* Somebody else has the application, or it was said to be forgotten. */
static bool dispensable(const struct local_desk *d, unsigned i)
{
	const struct local_registration *g = &d->registrations[i];

	if (g->on_exit == BATON_AGENT_EXIT_REMOVE)
		return true;
	for (unsigned j = 0; j < d->n; j++)
		if (j != i && !memcmp(&d->registrations[j].id, &g->id, sizeof g->id))
			return true;
	return false;
}

void local_desk_leave(struct local_desk *d, const struct local_peer *p)
{
	char reason[HEALTH_REASON_MAX];

	for (unsigned i = d->n; i-- > 0;) {
		struct local_registration *g = &d->registrations[i];

		if (g->peer != p)
			continue;
		if (dispensable(d, i)) {
			local_registration_del(d, i);
			continue;
		}
		g->peer = NULL;
		snprintf(reason, sizeof reason, "process %d has closed its connection", (int)g->pid);
		agent_health_wish(d->health, g->source, &g->id, HEALTH_ACTIVE, NULL);
		agent_health_report(d->health, g->source, &g->id, HEALTH_FAILING, reason);
	}
}

uint64_t local_desk_tick(struct local_desk *d, uint64_t now_ns)
{
	uint64_t next_ns = UINT64_MAX, end_ns;
	char reason[HEALTH_REASON_MAX];

	for (unsigned i = 0; i < d->n; i++) {
		struct local_registration *g = &d->registrations[i];

		if (!g->peer || !g->silence_ms || g->silent)
			continue;
		end_ns = g->peer->heard_ns + g->silence_ms * CLOCK_NS_PER_MS;
		if (end_ns <= now_ns) {
			g->silent = true;
			snprintf(reason, sizeof reason, "process %d is silent for %u ms", (int)g->pid, g->silence_ms);
			agent_health_report(d->health, g->source, &g->id, HEALTH_FAILING, reason);
		} else if (end_ns < next_ns) {
			next_ns = end_ns;
		}
	}
	return next_ns;
}
