/* SPDX-License-Identifier: BSD-3-Clause */
#include "agent/local_packet.h"

#include <arpa/inet.h>
#include <endian.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "agent/health_rules.h"
#include "base/trace_log.h"

static bool all_zero(const void *p, size_t n)
{
	const uint8_t *b = p;

	for (size_t i = 0; i < n; i++)
		if (b[i])
			return false;
	return true;
}

static void app_decode(const struct baton_agent_app *p, struct health_app_id *ret)
{
	memset(ret, 0, sizeof *ret);
	memcpy(ret->vip.b, p->vip, sizeof p->vip);
	memcpy(ret->host.b, p->host, sizeof p->host);
	ret->vip.family = p->vip_family;
	ret->host.family = p->host_family;
	ret->vip_port = ntohs(p->vip_port);
	ret->host_port = ntohs(p->host_port);
	ret->proto = p->proto;
	memcpy(ret->specific, p->specific, sizeof ret->specific);
}

static const char *values_judge(const struct baton_agent_request *p)
{
	if (p->type >= BATON_AGENT_N_REQUESTS)
		return "unknown type of request";
	if (p->fields & ~BATON_AGENT_ALL_FIELDS)
		return "unknown field";
	if (p->state >= HEALTH_N_STATES)
		return "unknown health";
	if (p->wish >= HEALTH_N_DIRECTIVES)
		return "unknown wish";
	if (p->on_exit >= BATON_AGENT_N_EXITS)
		return "unknown action at exit";
	if (p->capacity > AGENT_HEALTH_MAX_CAPACITY && p->capacity != AGENT_HEALTH_NO_CAPACITY)
		return "capacity is above 99";
	if (ntohs(p->load) > HEALTH_LOAD_MAX)
		return "load is above its limit";
	if (p->zero || p->app.zero)
		return "unused bytes are not 0";
	return NULL;
}

/* The client's address alone, since the other bytes of the union are no texts. */
static const char *trace_judge(const struct baton_agent_request *p)
{
	const struct baton_agent_trace *t = &p->trace;
	uint32_t seconds = ntohl(t->seconds);

	if (t->family != BATON_IPV4 && t->family != BATON_IPV6)
		return "a trace wants a client's address";
	if (t->prefix_len > (t->family == BATON_IPV4 ? 32 : 128))
		return "prefix is longer than an address";
	if (t->family == BATON_IPV4 && !all_zero(t->client + 4, 12))
		return "unused bytes are not 0";
	return seconds && seconds <= TRACE_SECONDS_MAX ? NULL : "a trace goes on for 1 to 3600 seconds";
}

static void trace_decode(const struct baton_agent_trace *t, struct local_request *ret)
{
	memcpy(ret->client.client.addr.b, t->client, sizeof t->client);
	ret->client.client.addr.family = t->family;
	ret->client.client.len = t->prefix_len;
	ret->client.port_be = t->port;
	ret->seq = be64toh(t->seq);
	ret->since_ns = be64toh(t->since_ns);
	ret->seconds = ntohl(t->seconds);
}

static const char *texts_judge(const struct baton_agent_request *p)
{
	if (!agent_health_text_valid(p->host, sizeof p->host))
		return "the host's name is no text";
	if (!agent_health_text_valid(p->app.specific, sizeof p->app.specific))
		return "the specific part is no text";
	if (p->type == BATON_AGENT_TRACE)
		return trace_judge(p);
	if (!agent_health_text_valid(p->reason, sizeof p->reason) ||
	    !agent_health_text_valid(p->wish_reason, sizeof p->wish_reason))
		return "the reason is no text";
	return NULL;
}

int local_request_decode(const uint8_t *packet, size_t len, struct local_request *ret, const char **ret_why)
{
	const struct baton_agent_request *p = (const void *)packet; /* of bytes and aligned by the caller's buffer */
	const char *why;

	if (len != sizeof *p || ntohs(p->magic) != BATON_AGENT_MAGIC || p->version != BATON_AGENT_VERSION)
		return -EPROTO;
	*ret = (struct local_request){
		.type = p->type,
		.tag = ntohl(p->tag),
		.fields = p->fields,
		.state = p->state,
		.wish = p->wish,
		.capacity = p->capacity,
		.on_exit = p->on_exit,
		.load = ntohs(p->load),
		.silence_ms = ntohl(p->silence_ms),
		.has_app = !all_zero(&p->app, sizeof p->app),
		.host = p->host,
		.reason = p->reason,
		.wish_reason = p->wish_reason,
	};
	app_decode(&p->app, &ret->app);
	if (p->type == BATON_AGENT_TRACE) {
		trace_decode(&p->trace, ret);
		ret->reason = ret->wish_reason = "";
	}
	why = values_judge(p);
	if (!why)
		why = texts_judge(p);
	if (why)
		*ret_why = why;
	return why ? -EINVAL : 0;
}

void local_step_encode(struct baton_agent_step *step, const struct trace_record *r)
{
	memset(step, 0, sizeof *step);
	step->seq = htobe64(r->seq);
	step->time_ns = htobe64(r->time_ns);
	memcpy(step->client, r->key.saddr, sizeof step->client);
	memcpy(step->vip, r->key.daddr, sizeof step->vip);
	memcpy(step->device, r->peer, sizeof step->device);
	step->client_port = r->key.sport_be;
	step->vip_port = r->key.dport_be;
	step->family = r->key.family;
	step->proto = r->key.proto;
	snprintf(step->event, sizeof step->event, "%s", trace_event_name(r->event));
	trace_say(r, step->text, sizeof step->text);
}

void local_reply_begin(struct baton_agent_reply *reply, const struct local_request *r, int error, const char *text)
{
	memset(reply, 0, sizeof *reply);
	reply->magic = htons(BATON_AGENT_MAGIC);
	reply->version = BATON_AGENT_VERSION;
	reply->type = r->type;
	reply->tag = htonl(r->tag);
	reply->error = htonl((uint32_t)-error);
	if (text)
		snprintf(reply->text, sizeof reply->text, "%s", text);
}

void local_row_encode(struct baton_agent_row *row, const struct agent_app *a, const struct health_row *told,
		      const char *sources)
{
	memset(row, 0, sizeof *row);
	memcpy(row->app.vip, a->id.vip.b, sizeof row->app.vip);
	memcpy(row->app.host, a->id.host.b, sizeof row->app.host);
	row->app.vip_family = a->id.vip.family;
	row->app.host_family = a->id.host.family;
	row->app.vip_port = htons(a->id.vip_port);
	row->app.host_port = htons(a->id.host_port);
	row->app.proto = a->id.proto;
	memcpy(row->app.specific, a->id.specific, sizeof row->app.specific);
	row->state = a->state;
	row->target = told ? told->target : HEALTH_INACTIVE;
	row->current = told ? told->current : HEALTH_INACTIVE;
	row->capacity = a->capacity;
	row->load = htons(a->load);
	memcpy(row->reason, told ? told->reason : a->reason, sizeof row->reason);
	snprintf(row->sources, sizeof row->sources, "%s", sources);
}
