/* SPDX-License-Identifier: BSD-3-Clause */
/* What an operator tells the agent of the host that batonctl runs on. */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "base/app.h"
#include "baton/abi/agent_socket.h"
#include "batonctl/batonctl.h"
#include "batonctl/client.h"
#include "batonctl/host.h"

int host_usage(const char *text)
{
	fprintf(stderr, "batonctl: %s\n", text);
	return BATONCTL_USAGE;
}

static int text_set(char *to, size_t size, const char *from, const char *what)
{
	char why[BATONCTL_WHY_SIZE];

	if (!from)
		return 0;
	if (strlen(from) < size) {
		memcpy(to, from, strlen(from));
		return 0;
	}
	snprintf(why, sizeof why, "%s is longer than %zu bytes", what, size - 1);
	return host_usage(why);
}

int host_app_set(struct baton_agent_app *to, const char *text)
{
	char why[BATONCTL_WHY_SIZE];
	struct health_app_id id;

	if (app_parse(text, &id)) {
		snprintf(why, sizeof why, "\"%.64s\" is not an application; one is tcp/VIP:PORT[@HOST:PORT][#SPECIFIC]",
			 text);
		return host_usage(why);
	}
	memcpy(to->vip, id.vip.b, sizeof to->vip);
	memcpy(to->host, id.host.b, sizeof to->host);
	to->vip_family = id.vip.family;
	to->host_family = id.host.family;
	to->vip_port = htons(id.vip_port);
	to->host_port = htons(id.host_port);
	to->proto = id.proto;
	memcpy(to->specific, id.specific, sizeof to->specific);
	return 0;
}

static void socket_path(const struct options *o, char path[512])
{
	if (o->run_dir)
		snprintf(path, 512, "%.400s/" BATON_AGENT_SOCKET_NAME, o->run_dir);
	else
		snprintf(path, 512, "%s", BATON_AGENT_SOCKET_DEFAULT);
}

static int reply_judge(const struct baton_agent_reply *r, ssize_t n, uint8_t type)
{
	bool good =
		n >= (ssize_t)sizeof *r && ntohs(r->magic) == BATON_AGENT_MAGIC && r->version == BATON_AGENT_VERSION;

	size_t row = sizeof(struct baton_agent_row);
	unsigned max = BATON_AGENT_ROWS;

	if (type == BATON_AGENT_COUNTERS) {
		row = sizeof(struct baton_agent_counter);
		max = BATON_AGENT_MAX_COUNTERS;
	} else if (type == BATON_AGENT_TRACE) {
		row = sizeof(struct baton_agent_step);
		max = BATON_AGENT_MAX_STEPS;
	}
	if (!good || (r->type != type && !r->error) || r->n_rows > max || n != (ssize_t)(sizeof *r + r->n_rows * row)) {
		fprintf(stderr, "batonctl: what answers is not an agent of this version\n");
		return BATONCTL_UNREACHABLE;
	}
	if (!r->error)
		return BATONCTL_OK;
	fprintf(stderr, "batonctl: %.*s\n", BATON_AGENT_TEXT - 1,
		r->text[0] ? r->text : strerror((int)ntohl(r->error)));
	return BATONCTL_NEGATIVE;
}

int host_ask(const struct options *o, struct baton_agent_request *r, struct baton_agent_reply *reply, size_t size)
{
	char why[BATONCTL_WHY_SIZE] = "", path[512];
	ssize_t n;

	r->magic = htons(BATON_AGENT_MAGIC);
	r->version = BATON_AGENT_VERSION;
	socket_path(o, path);
	n = client_agent_request(path, r, sizeof *r, reply, size, why);
	if (n >= 0)
		return reply_judge(reply, n, r->type);
	fprintf(stderr, "batonctl: %s\n", why);
	return BATONCTL_UNREACHABLE;
}

static int tell(const struct options *o, struct baton_agent_request *r)
{
	struct baton_agent_reply reply;

	return host_ask(o, r, &reply, sizeof reply);
}

static void figures_set(struct baton_agent_request *r, const struct options *o)
{
	if (o->capacity >= 0) {
		r->fields |= BATON_AGENT_HAS_CAPACITY;
		r->capacity = (uint8_t)o->capacity;
	}
	if (o->load >= 0) {
		r->fields |= BATON_AGENT_HAS_LOAD;
		r->load = htons((uint16_t)(o->load * 100));
	}
}

static int host_set(const struct options *o)
{
	struct baton_agent_request r = { .type = BATON_AGENT_HOST_SET };
	int code;

	if (o->n_words != 2)
		return host_usage("host add and host set want an application");
	code = host_app_set(&r.app, o->words[1]);
	if (code)
		return code;
	figures_set(&r, o);
	return tell(o, &r);
}

static int host_health(const struct options *o)
{
	static const char *const states[] = { "unknown", "healthy", "failing", "auto", NULL };
	struct baton_agent_request r = { .type = BATON_AGENT_HOST_SET, .fields = BATON_AGENT_HAS_STATE };
	int code;

	if (o->n_words != 3)
		return host_usage("host health wants an application and healthy, failing, unknown or auto");
	while (states[r.state] && strcmp(states[r.state], o->words[2]))
		r.state++;
	if (!states[r.state])
		return batonctl_unknown("health", o->words[2], states);
	if (r.state == HEALTH_N_STATES) {
		r.state = HEALTH_UNKNOWN;
		r.fields = BATON_AGENT_HAS_NOTHING;
	}
	code = host_app_set(&r.app, o->words[1]);
	if (!code)
		code = text_set(r.reason, sizeof r.reason, o->reason, "the reason");
	if (code)
		return code;
	figures_set(&r, o);
	return tell(o, &r);
}

static int host_del(const struct options *o)
{
	struct baton_agent_request r = { .type = BATON_AGENT_HOST_DEL };
	int code;

	if (o->n_words != 2)
		return host_usage("host del wants an application");
	code = host_app_set(&r.app, o->words[1]);
	return code ? code : tell(o, &r);
}

int host_command(const struct options *o)
{
	static const char *const verbs[] = { "list", "add", "set", "health", "del", "counters", "trace", NULL };

	if (!o->n_words || !strcmp(o->words[0], "list"))
		return o->n_words > 1 ? host_usage("host list takes no further word") : host_list(o);
	if (!strcmp(o->words[0], "add") || !strcmp(o->words[0], "set"))
		return host_set(o);
	if (!strcmp(o->words[0], "health"))
		return host_health(o);
	if (!strcmp(o->words[0], "del"))
		return host_del(o);
	if (!strcmp(o->words[0], "counters"))
		return o->n_words > 1 ? host_usage("host counters takes no further word") : host_counters(o);
	if (!strcmp(o->words[0], "trace"))
		return host_trace(o);
	return batonctl_unknown("host command", o->words[0], verbs);
}

static int wish(const struct options *o, uint8_t directive)
{
	struct baton_agent_request r = { .type = BATON_AGENT_HOST_WISH, .wish = directive };
	int code = 0;

	if (!o->n_words || o->n_words > 2)
		return host_usage("drain and undrain want a host and perhaps an application");
	if (o->n_words == 2)
		code = host_app_set(&r.app, o->words[1]);
	if (!code)
		code = text_set(r.host, sizeof r.host, o->words[0], "the host's name");
	if (!code)
		code = text_set(r.wish_reason, sizeof r.wish_reason, o->reason, "the reason");
	return code ? code : tell(o, &r);
}

int drain_command(const struct options *o)
{
	return wish(o, o->inactive ? HEALTH_INACTIVE : HEALTH_DRAINING);
}

int undrain_command(const struct options *o)
{
	return wish(o, HEALTH_ACTIVE);
}
